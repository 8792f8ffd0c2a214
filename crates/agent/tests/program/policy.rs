//! The owner's policy against a server that asks for everything.

use std::{fs, os::unix::fs::PermissionsExt as _};

use postern_protocol::{
    messages::{CheckinRequest, Outcome, Phase},
    order::Order,
    payload::{
        GroupAction, GroupControl, HttpRequest, JobPayload, Language, NetworkDiagnostic, Package,
        ProcessAction, ProcessControl, ServiceAction, ServiceControl, SoftwareAction, SoftwareInstall,
        UserAction, UserControl,
    },
};

use crate::support::{
    Attempt, command, order, reason, script,
    server::{Agent, Server},
    shell, wait_for,
};

/// One piece of work of every type, with its name.
fn every_kind() -> Vec<(&'static str, JobPayload)> {
    vec![
        ("command", command(&["true"])),
        ("script", script(Language::Bash, "true", &[])),
        (
            "service_control",
            JobPayload::ServiceControl(ServiceControl {
                action: ServiceAction::Status,
                service: "nginx".into(),
            }),
        ),
        ("process_control", processes(ProcessAction::List)),
        (
            "network_diagnostic",
            JobPayload::NetworkDiagnostic(NetworkDiagnostic::Netstat {
                protocol: None,
                listening_only: true,
            }),
        ),
        (
            "software_install",
            JobPayload::SoftwareInstall(SoftwareInstall {
                action: SoftwareAction::Install,
                packages: vec![Package {
                    name: "postern-no-such-package".into(),
                    version: None,
                }],
                manager: None,
                refresh: false,
            }),
        ),
        (
            "user_control",
            JobPayload::UserControl(UserControl {
                action: UserAction::Delete,
                user: "postern-nobody".into(),
                full_name: None,
                home: None,
                shell: None,
                groups: vec![],
                system: false,
                set_password: false,
                remove_home: false,
                force: true,
            }),
        ),
        (
            "group_control",
            JobPayload::GroupControl(GroupControl {
                action: GroupAction::Delete,
                group: "postern-nobody".into(),
                members: vec![],
                system: false,
                force: true,
            }),
        ),
        (
            "http_request",
            JobPayload::HttpRequest(HttpRequest {
                method: "GET".into(),
                url: "http://127.0.0.1:9/".into(),
                headers: Default::default(),
                secret_headers: Default::default(),
                body: None,
                expected_status: vec![],
                allow_invalid_certificate: false,
                extra_ca: None,
                max_redirects: None,
                max_answer_bytes: None,
            }),
        ),
    ]
}

fn processes(action: ProcessAction) -> JobPayload {
    JobPayload::ProcessControl(ProcessControl {
        action,
        pid: None,
        name: None,
        user: None,
    })
}

#[test]
fn every_kind_of_work_is_refused_with_the_rule_and_the_file() {
    for (kind, work) in every_kind() {
        let attempt = Attempt::new(work, 60).under_policy("types = []");
        let result = attempt.run();
        let reason = reason(&result);
        assert!(reason.contains(&format!("'{kind}'")), "{reason}");
        assert!(
            reason.contains("rule types in ") && reason.contains("policy.toml"),
            "{reason}"
        );
        assert_eq!(result.started_us, None);
        let policy = fs::read_to_string(attempt.dir.join("../../policy.toml")).unwrap();
        assert_eq!(policy, "types = []", "as the owner wrote it");
        assert!(!attempt.dir.join("started").exists());
    }
}

#[test]
fn finer_rules_refuse_what_their_type_would_allow() {
    let kinds = every_kind();
    let work = |kind: &str| kinds.iter().find(|(name, _)| *name == kind).unwrap().1.clone();
    for (kind, policy, rule) in [
        ("command", "[run]\nown_user = false", "run.own_user"),
        ("script", "[run]\nscripts = []", "run.scripts"),
        (
            "service_control",
            "[service_control]\nservices = ['ssh']",
            "service_control.services",
        ),
        (
            "software_install",
            "[software_install]\npackages = ['nginx']",
            "software_install.packages",
        ),
        (
            "network_diagnostic",
            "[network_diagnostic]\ntools = ['ping']",
            "network_diagnostic.tools",
        ),
        ("http_request", "[http]\nports = [443]", "http.ports"),
        ("http_request", "[http]\nhosts = ['10.0.0.0/8']", "http.hosts"),
    ] {
        let result = Attempt::new(work(kind), 60).under_policy(policy).run();
        assert!(reason(&result).contains(rule), "{}", reason(&result));
    }
}

#[test]
fn what_the_policy_allows_runs() {
    let attempt = Attempt::new(command(&["echo", "allowed"]), 60).under_policy("types = ['command']");
    assert_eq!(attempt.run().outcome, Outcome::Exited { code: 0 });
}

#[test]
fn a_policy_that_cannot_be_read_refuses_everything() {
    for (kind, work) in every_kind() {
        let result = Attempt::new(work, 60)
            .under_policy("types = ['everything']")
            .run();
        assert!(reason(&result).contains("cannot be understood"), "{kind}");
    }
    let attempt = Attempt::new(command(&["true"]), 60).under_policy("");
    fs::remove_file(attempt.dir.join("../../policy.toml")).unwrap();
    assert!(reason(&attempt.run()).contains("cannot be read"));
}

#[test]
fn an_owners_change_holds_from_the_next_job_on() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("policy.toml");
    fs::write(&path, "max_jobs = 2").unwrap();
    let (url, token) = (server.url(), server.token());
    let arguments = ["--server", &url, "--token", &token];
    let policy = ["--policy", path.to_str().unwrap()];
    let _agent = Agent::start(data.path(), &[&arguments[..], &policy].concat(), &[]);
    server.give(&order(1, shell("exit 3")));
    assert_eq!(server.result(1).outcome, Outcome::Exited { code: 3 });
    fs::write(&path, "types = ['process_control']").unwrap();
    server.give(&order(2, shell("exit 3")));
    assert!(reason(&server.result(2)).contains("rule types in"));
    fs::write(&path, "types = [").unwrap();
    server.give(&order(3, processes(ProcessAction::List)));
    assert!(reason(&server.result(3)).contains("cannot be understood"));
    assert_eq!(
        server.state().checkins[0].slots,
        1,
        "as many as the policy allows, but for the one that is kept for critical work"
    );
}

#[test]
fn the_server_hears_of_no_start_of_what_the_owner_refuses() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("policy.toml");
    fs::write(&path, "types = []").unwrap();
    let (url, token) = (server.url(), server.token());
    let arguments = ["--server", &url, "--token", &token, "--policy"];
    let policy = [path.to_str().unwrap()];
    let _agent = Agent::start(data.path(), &[&arguments[..], &policy].concat(), &[]);
    for attempt in 1..=10 {
        server.give(&order(attempt, shell("true")));
        let result = server.result(attempt);
        assert!(reason(&result).contains("rule types in"));
        assert_eq!(result.started_us, None);
    }
    let state = server.state();
    assert!(state.output.is_empty());
    for held in state.checkins.iter().flat_map(|checkin| &checkin.held) {
        assert!(
            held.phase != Phase::Started && held.started_us.is_none(),
            "{held:?}"
        );
    }
}

#[test]
fn never_more_jobs_run_than_the_owner_allows_critical_ones_among_them() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("policy.toml");
    fs::write(&path, "max_jobs = 2").unwrap();
    let go = data.path().join("go");
    let wait = format!("until [ -e {} ]; do sleep 0.05; done", go.display());
    let (url, token) = (server.url(), server.token());
    let arguments = ["--server", &url, "--token", &token, "--slots", "4"];
    let policy = ["--policy", path.to_str().unwrap()];
    let arguments = [&arguments[..], &policy].concat();
    let agent = Agent::start(data.path(), &arguments, &[]);
    server.give(&order(1, shell(&wait)));
    for attempt in 2..=4 {
        server.give(&Order {
            critical: true,
            ..order(attempt, shell(&wait))
        });
    }
    // What waits for a slot is looked at again when the agent starts.
    let all_are_held = |server: &Server, since: usize| {
        let is_whole = |checkin: &CheckinRequest| checkin.held.len() == 4;
        wait_for("a check-in with every order", || {
            server.state().checkins[since..]
                .iter()
                .any(is_whole)
                .then_some(())
        });
    };
    all_are_held(&server, 0);
    agent.kill();
    let since = server.state().checkins.len();
    let _agent = Agent::start(data.path(), &arguments, &[]);
    all_are_held(&server, since);
    for checkin in &server.state().checkins {
        let running = checkin.held.iter().filter(|held| held.phase == Phase::Started);
        assert!(running.count() <= 2, "{checkin:?}");
    }
    fs::write(&go, "").unwrap();
    for attempt in 1..=4 {
        assert_eq!(server.result(attempt).outcome, Outcome::Exited { code: 0 });
    }
}

#[test]
fn a_policy_that_others_could_have_written_keeps_the_agent_from_starting() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("policy.toml");
    let (url, token) = (server.url(), server.token());
    for (text, mode, expected) in [
        ("max_jobs = 1", 0o666, "can be changed by others"),
        ("max_jbos = 1", 0o644, "max_jbos"),
        ("max_jobs = 0", 0o644, "between 1 and 256"),
    ] {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let environment = [("POSTERN_AGENT_POLICY", path.to_str().unwrap())];
        let agent = Agent::start(data.path(), &["--server", &url, "--token", &token], &environment);
        let (code, said) = agent.exit();
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(expected) && said.contains("policy.toml"), "{said}");
    }
    assert_eq!(server.state().requests, 0, "before anything is sent");
}
