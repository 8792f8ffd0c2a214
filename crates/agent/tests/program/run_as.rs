//! Jobs as another local user: who they are, what they can read, and that there is no way back.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    process::Command,
};

use nix::unistd::geteuid;
use postern_protocol::{
    messages::Outcome,
    payload::{self, JobPayload, Language, Script},
};

use crate::support::{self, Attempt, may_destroy, reason, wait_for};

/// On every Debian, and not this test's user.
const USER: &str = "www-data";

fn skipped() -> bool {
    support::skipped(geteuid().is_root(), "only root becomes another user")
}

fn script(language: Language, content: &str, user: &str) -> JobPayload {
    JobPayload::Script(Script {
        run_as_user: Some(user.into()),
        ..Script::new(language, content)
    })
}

fn text(attempt: &Attempt, file: &str) -> String {
    String::from_utf8(attempt.output(file)).unwrap()
}

fn command_of(user: &str, argv: &[&str], directory: Option<&str>) -> JobPayload {
    JobPayload::Command(payload::Command {
        argv: argv.iter().map(|text| (*text).to_owned()).collect(),
        run_as_user: Some(user.into()),
        working_directory: directory.map(str::to_owned),
        ..Default::default()
    })
}

#[test]
fn a_job_is_that_user_wholly() {
    if skipped() {
        return;
    }
    let content = r#"id -un; id -gn; grep -E '^(Uid|Gid|CapEff|CapPrm):' /proc/self/status
        echo "$HOME $USER $LOGNAME $SHELL"; touch own && stat -c %U own; pwd"#;
    let attempt = Attempt::new(script(Language::Bash, content, USER), 60);
    assert_eq!(
        attempt.run().outcome,
        Outcome::Exited { code: 0 },
        "{}",
        text(&attempt, "stderr.0")
    );
    let output = text(&attempt, "stdout.0");
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let fields: Vec<&str> = passwd
        .lines()
        .find(|line| line.starts_with("www-data:"))
        .unwrap()
        .split(':')
        .collect();
    let (uid, gid, home, shell) = (fields[2], fields[3], fields[5], fields[6]);
    let expected = [
        USER.to_owned(),
        USER.to_owned(),
        format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}"),
        format!("Gid:\t{gid}\t{gid}\t{gid}\t{gid}"),
        "CapPrm:\t0000000000000000".into(),
        "CapEff:\t0000000000000000".into(),
        format!("{home} {USER} {USER} {shell}"),
        USER.to_owned(),
        attempt.dir.join("work").display().to_string(),
    ];
    assert_eq!(output.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn there_is_no_way_back_to_root() {
    if skipped() {
        return;
    }
    let content = r"
import os
for attempt in (lambda: os.setuid(0), lambda: os.seteuid(0), lambda: os.setresuid(0, 0, 0), lambda: os.setgid(0),
                lambda: os.setgroups([0]), lambda: os.kill(os.getppid(), 0)):
    try:
        attempt()
        print('possible')
    except PermissionError:
        print('refused')
print(0 in os.getgroups())
";
    let attempt = Attempt::new(script(Language::Python, content, USER), 60);
    attempt.run();
    assert_eq!(text(&attempt, "stdout.0"), "refused\n".repeat(6) + "False\n");
}

#[test]
fn its_files_are_that_users_and_nobody_elses() {
    if skipped() {
        return;
    }
    let content = "until [ -e go ]; do sleep 0.05; done";
    let attempt = Attempt::new(script(Language::Bash, content, USER), 60);
    let mut shim = attempt.start();
    wait_for("the start", || attempt.dir.join("started").exists().then_some(()));
    let script = attempt.dir.join("script.bash");
    let uid = script.metadata().unwrap().uid();
    assert_ne!(uid, 0);
    for (path, mode) in [(script.as_path(), 0o600), (&attempt.dir.join("work"), 0o700)] {
        let metadata = path.metadata().unwrap();
        assert_eq!(
            (metadata.uid(), metadata.mode() & 0o777),
            (uid, mode),
            "{}",
            path.display()
        );
    }
    // Another user passes the folder and reads nothing in it.
    let spy = format!(
        "ls {dir}; cat {script}; cat {dir}/order.json; ls {dir}/work",
        dir = attempt.dir.display(),
        script = script.display()
    );
    let spy = Attempt::new(command_of("nobody", &["sh", "-c", &spy], Some("/")), 60);
    assert_ne!(spy.run().outcome, Outcome::Exited { code: 0 });
    assert_eq!(text(&spy, "stdout.0"), "");
    assert_eq!(text(&spy, "stderr.0").matches("Permission denied").count(), 4);
    fs::write(attempt.work("go"), "").unwrap();
    shim.wait();
}

#[test]
fn whoever_is_not_known_or_may_not_enter_is_refused_clearly() {
    if skipped() {
        return;
    }
    let result = Attempt::new(command_of("no-such-user", &["true"], None), 60).run();
    assert!(
        reason(&result).contains("user 'no-such-user' does not exist on this host"),
        "{}",
        reason(&result)
    );
    let private = tempfile::tempdir().unwrap();
    fs::set_permissions(private.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let result = Attempt::new(command_of(USER, &["true"], private.path().to_str()), 60).run();
    let text = reason(&result);
    assert!(
        text.contains("by user 'www-data' in folder") && text.contains("ermission denied"),
        "{text}"
    );
}

#[test]
fn it_dies_with_its_shim_like_any_other() {
    if skipped() {
        return;
    }
    let attempt = Attempt::new(
        script(
            Language::Bash,
            "echo $$ > pids; while :; do read -t 1 x <> <(:); done",
            USER,
        ),
        60,
    );
    let mut shim = attempt.start();
    let pid = wait_for("the start", || attempt.pids().first().copied());
    nix::sys::signal::kill(shim.pid(), nix::sys::signal::Signal::SIGKILL).unwrap();
    shim.wait();
    wait_for("the child's end", || (!support::is_alive(pid)).then_some(()));
}

#[test]
fn the_policy_says_whom_a_job_may_become() {
    if skipped() {
        return;
    }
    let policy = "[run]\nown_user = false\nas_users = ['www-data']";
    let result = Attempt::new(command_of("nobody", &["true"], None), 60)
        .under_policy(policy)
        .run();
    assert!(reason(&result).contains("run.as_users"), "{}", reason(&result));
    let result = Attempt::new(command_of(USER, &["true"], None), 60)
        .under_policy(policy)
        .run();
    assert_eq!(result.outcome, Outcome::Exited { code: 0 });
}

#[test]
fn an_agent_that_is_not_root_becomes_nobody_and_elevates_nothing() {
    if skipped() {
        return;
    }
    let elevated = JobPayload::Command(payload::Command {
        argv: vec!["true".into()],
        requires_elevation: true,
        ..Default::default()
    });
    for work in [command_of(USER, &["true"], None), elevated] {
        let attempt = Attempt::new(work, 60);
        let result = attempt.run_as_nobody();
        assert!(
            reason(&result).starts_with("requires elevation: this agent runs as user nobody"),
            "{}",
            reason(&result)
        );
    }
}

/// An account with a group and limits of its own, removed at the end.
struct Made;

impl Made {
    const LIMITS: &str = "/etc/security/limits.d/postern-test.conf";

    fn new() -> Self {
        let made = Self;
        for argv in [
            &["groupadd", "postern-rg"][..],
            &[
                "useradd",
                "-M",
                "-d",
                "/nonexistent",
                "-G",
                "postern-rg",
                "postern-ru",
            ],
        ] {
            assert!(Command::new(argv[0]).args(&argv[1..]).status().unwrap().success());
        }
        fs::write(Self::LIMITS, "@postern-rg - nofile 77\npostern-ru hard core 0\n").unwrap();
        made
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let _ = fs::remove_file(Self::LIMITS);
        for argv in [["userdel", "postern-ru"], ["groupdel", "postern-rg"]] {
            let _ = Command::new(argv[0]).arg(argv[1]).status();
        }
    }
}

#[test]
fn groups_and_limits_of_the_user_hold() {
    if support::skipped(
        may_destroy(),
        "makes an account; root and POSTERN_TEST_DESTRUCTIVE=1 are needed",
    ) {
        return;
    }
    let _made = Made::new();
    let content = "id -Gn; ulimit -n; ulimit -c";
    let attempt = Attempt::new(script(Language::Bash, content, "postern-ru"), 60);
    attempt.run();
    assert_eq!(text(&attempt, "stdout.0"), "postern-ru postern-rg\n77\n0\n");
}
