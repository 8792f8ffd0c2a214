use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
};

use postern_protocol::payload::{
    Command, Language, NetworkDiagnostic, Package, ProcessAction, ProcessControl, ServiceAction,
    SoftwareAction, UserAction, UserControl,
};

use super::*;

const GUIDE: &str = include_str!("../../../../docs/guides/agent-policy.md");

fn policy(text: &str) -> Policy {
    Policy::parse(text, "/etc/p.toml".into()).unwrap()
}

fn service(name: &str) -> JobPayload {
    JobPayload::ServiceControl(ServiceControl {
        action: ServiceAction::Restart,
        service: name.into(),
    })
}

fn software(action: SoftwareAction, names: &[&str]) -> JobPayload {
    JobPayload::SoftwareInstall(SoftwareInstall {
        action,
        packages: names
            .iter()
            .map(|name| Package {
                name: (*name).into(),
                version: None,
            })
            .collect(),
        manager: None,
        refresh: false,
    })
}

fn script(content: &str, user: Option<&str>) -> JobPayload {
    JobPayload::Script(Script {
        run_as_user: user.map(str::to_owned),
        ..Script::new(Language::Bash, content)
    })
}

fn command(user: Option<&str>) -> JobPayload {
    JobPayload::Command(Command {
        argv: vec!["true".into()],
        run_as_user: user.map(str::to_owned),
        ..Default::default()
    })
}

fn list() -> JobPayload {
    JobPayload::ProcessControl(ProcessControl {
        action: ProcessAction::List,
        pid: None,
        name: None,
        user: None,
    })
}

fn user() -> JobPayload {
    JobPayload::UserControl(UserControl {
        action: UserAction::Create,
        user: "eve".into(),
        full_name: None,
        home: None,
        shell: None,
        groups: vec![],
        system: false,
        set_password: false,
        remove_home: false,
        force: false,
    })
}

fn check_url(url: &str) -> JobPayload {
    JobPayload::NetworkDiagnostic(NetworkDiagnostic::HttpCheck {
        url: url.into(),
        expected_status: None,
        allow_invalid_certificate: false,
        wait_seconds: None,
    })
}

fn netstat() -> JobPayload {
    JobPayload::NetworkDiagnostic(NetworkDiagnostic::Netstat {
        protocol: None,
        listening_only: false,
    })
}

fn allowed(policy: &Policy, work: &JobPayload) {
    assert_eq!(policy.check(work), Ok(()), "{}", work.summary());
}

/// The reason names what was asked for, the rule and the file.
fn refused(policy: &Policy, work: &JobPayload, what: &str, rule: &str) {
    let reason = policy.check(work).expect_err(&work.summary());
    for part in [what, rule, "/etc/p.toml"] {
        assert!(reason.contains(part), "{reason} lacks {part}");
    }
}

#[test]
fn without_rules_everything_is_allowed() {
    let policy = policy("");
    for work in [
        command(None),
        script(":", Some("root")),
        service("nginx"),
        software(SoftwareAction::Upgrade, &[]),
        list(),
        user(),
        netstat(),
        check_url("https://a.example/"),
    ] {
        allowed(&policy, &work);
    }
}

#[test]
fn only_listed_types_are_allowed() {
    let policy = policy("types = ['service_control', 'script']");
    allowed(&policy, &service("nginx"));
    allowed(&policy, &script(":", None));
    refused(&policy, &command(None), "'command'", "types");
    refused(&policy, &list(), "'process_control'", "types");
    refused(&policy, &user(), "'user_control'", "types");
}

#[test]
fn users_and_the_agents_own() {
    let policy = policy("[run]\nown_user = false\nas_users = ['deploy']");
    allowed(&policy, &script(":", Some("deploy")));
    allowed(&policy, &command(Some("deploy")));
    refused(&policy, &script(":", None), "own user", "run.own_user");
    refused(&policy, &command(None), "own user", "run.own_user");
    refused(&policy, &command(Some("root")), "'root'", "run.as_users");
    // What the agent does itself is bounded by its type.
    allowed(&policy, &service("nginx"));
}

#[test]
fn scripts_by_their_digest_and_then_no_commands() {
    let digest = sha256_hex(b"echo a");
    let policy = policy(&format!("[run]\nscripts = ['{}']", digest.to_uppercase()));
    allowed(&policy, &script("echo a", None));
    refused(
        &policy,
        &script("echo a\n", None),
        &sha256_hex(b"echo a\n"),
        "run.scripts",
    );
    refused(&policy, &command(None), "commands", "run.scripts");
}

#[test]
fn services_and_packages_by_pattern() {
    let policy =
        policy("[service_control]\nservices = ['nginx', 'app-*']\n[software_install]\npackages = ['nginx*']");
    for name in ["nginx", "nginx.service", "app-web", "app-web.service"] {
        allowed(&policy, &service(name));
    }
    refused(&policy, &service("ssh"), "'ssh'", "service_control.services");
    allowed(
        &policy,
        &software(SoftwareAction::Install, &["nginx", "nginx-extras"]),
    );
    allowed(&policy, &software(SoftwareAction::List, &[]));
    let rule = "software_install.packages";
    refused(
        &policy,
        &software(SoftwareAction::Remove, &["nginx", "ssh"]),
        "'ssh'",
        rule,
    );
    refused(
        &policy,
        &software(SoftwareAction::Upgrade, &[]),
        "all packages",
        rule,
    );
}

#[test]
fn tools_and_where_requests_go() {
    let policy =
        policy("[network_diagnostic]\ntools = ['http_check']\n[http]\nhosts = ['*.example', '10.0.0.1']");
    refused(&policy, &netstat(), "'netstat'", "network_diagnostic.tools");
    allowed(&policy, &check_url("https://a.example/"));
    refused(&policy, &check_url("http://10.0.0.2/"), "10.0.0.2", "http.hosts");
    refused(
        &policy,
        &check_url("http://169.254.169.254/"),
        "metadata",
        "http.hosts",
    );
    // However it is spelled.
    refused(
        &policy,
        &check_url("http://2852039166/"),
        "metadata",
        "http.hosts",
    );
}

#[test]
fn a_pattern_has_stars_and_nothing_else() {
    for (pattern, text, expected) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("*", "", true),
        ("a*", "abc", true),
        ("*c", "abc", true),
        ("a*c", "ac", true),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-c", false),
        ("ab*ba", "aba", false),
        ("a.c", "abc", false),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}

#[test]
fn what_is_not_understood_is_no_policy() {
    for (text, word) in [
        ("typs = []", "typs"),
        ("types = ['reboot']", "reboot"),
        ("[run]\nsudo = true", "sudo"),
        ("[run]\nscripts = ['abc']", "64"),
        ("max_jobs = 0", "between 1"),
        ("max_jobs = 257", "between 1"),
        ("[network_diagnostic]\ntools = ['nmap']", "nmap"),
        ("[http]\nhosts = ['http://x']", "http://x"),
        ("types =", ""),
    ] {
        let error = Policy::parse(text, "/etc/p.toml".into()).unwrap_err().to_string();
        assert!(error.contains(word) && error.contains("/etc/p.toml"), "{error}");
    }
}

fn loaded(path: &Path) -> Result<Policy, String> {
    Source(Some(path.to_owned()))
        .load()
        .map_err(|error| error.to_string())
}

#[test]
fn a_file_that_others_could_have_written_is_no_policy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.toml");
    fs::write(&path, "max_jobs = 2").unwrap();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(&path, 0o644);
    assert_eq!(loaded(&path).unwrap().max_jobs, Some(2));
    for wrong in [0o664, 0o646] {
        mode(&path, wrong);
        assert!(loaded(&path).unwrap_err().contains("can be changed by others"));
    }
    mode(&path, 0o644);
    // Whoever may change the folder could take the file away.
    mode(folder.path(), 0o777);
    assert!(loaded(&path).unwrap_err().contains("can be changed by others"));
    mode(folder.path(), 0o1777);
    assert!(loaded(&path).is_ok());
    if geteuid_is_root() {
        chown(&path, Some(65534), None).unwrap();
        assert!(loaded(&path).unwrap_err().contains("belongs to user 65534"));
    }
}

fn geteuid_is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[test]
fn a_named_file_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let error = loaded(&folder.path().join("policy.toml")).unwrap_err();
    assert!(
        error.contains("cannot be read") && error.contains("no job runs"),
        "{error}"
    );
}

/// The examples of the guide, by the line before each.
fn example(title: &str) -> Policy {
    let from = GUIDE
        .find(title)
        .unwrap_or_else(|| panic!("{title} in the guide"));
    let text = GUIDE[from..].split("```toml\n").nth(1).unwrap();
    policy(text.split("```").next().unwrap())
}

#[test]
fn the_guides_locked_down_web_host() {
    let policy = example("## A locked-down web host");
    allowed(&policy, &service("nginx"));
    allowed(&policy, &list());
    allowed(&policy, &check_url("https://127.0.0.1/health"));
    refused(&policy, &service("ssh"), "'ssh'", "service_control.services");
    refused(&policy, &command(None), "'command'", "types");
    refused(&policy, &script("id", Some("deploy")), "script", "run.scripts");
    refused(&policy, &user(), "'user_control'", "types");
    refused(&policy, &check_url("https://10.0.0.5/"), "10.0.0.5", "http.hosts");
    assert_eq!(policy.max_jobs, Some(2));
}

#[test]
fn the_guides_audit_only_host() {
    let policy = example("## An audit-only host");
    allowed(&policy, &netstat());
    allowed(&policy, &software(SoftwareAction::List, &[]));
    for (work, what) in [
        (command(None), "'command'"),
        (script(":", None), "'script'"),
        (service("nginx"), "'service_control'"),
        (list(), "'process_control'"),
    ] {
        refused(&policy, &work, what, "types");
    }
    let rule = "software_install.packages";
    refused(
        &policy,
        &software(SoftwareAction::Install, &["nmap"]),
        "'nmap'",
        rule,
    );
    refused(
        &policy,
        &software(SoftwareAction::Upgrade, &[]),
        "all packages",
        rule,
    );
    refused(
        &policy,
        &check_url("https://a.example/"),
        "'http_check'",
        "network_diagnostic.tools",
    );
}

#[test]
fn the_guides_build_host() {
    let policy = example("## A build host");
    allowed(&policy, &command(Some("build")));
    allowed(&policy, &script("make", Some("build")));
    allowed(
        &policy,
        &software(SoftwareAction::Install, &["gcc", "libssl-dev"]),
    );
    refused(&policy, &command(None), "own user", "run.own_user");
    refused(&policy, &command(Some("root")), "'root'", "run.as_users");
    refused(
        &policy,
        &software(SoftwareAction::Remove, &["openssh-server"]),
        "'openssh-server'",
        "software_install.packages",
    );
    refused(&policy, &user(), "'user_control'", "types");
}
