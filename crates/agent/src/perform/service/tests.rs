//! Service managers that cannot exist on the machines of the test run are FAKE programs here: they keep the state in a
//! file and note how they were called. The real SysV is used in `crates/agent/tests/program/service.rs`.

use std::{fs, path::Path};

use super::{openrc::OpenRc, systemd::Systemd, sysv::SysV, *};
use crate::perform::tool::fake;

/// No host has a service of this name.
const SERVICE: &str = "fake-web";
/// Counted in looks only.
const QUICK: Patience = Patience {
    again_ms: 1,
    same: 3,
    most: 6,
    within: Duration::MAX,
};
/// Part of each fake: what it says at its looks after the next order is in `after`, one line each; the last line stays.
const LOOKS: &str = "next() { head -n 1 looks; if [ $(wc -l < looks) -gt 1 ]; then sed -i 1d looks; fi; }\n\
                     obey() { if [ -e after ]; then mv after looks; exit 0; fi; }\n";

fn run(manager: &dyn Manager, action: ServiceAction, service: &str) -> Result<ServiceResult, (String, bool)> {
    let work = ServiceControl {
        action,
        service: service.to_owned(),
    };
    match control(&work, manager, QUICK) {
        Ok(JobResult::ServiceControl(result)) => Ok(result),
        Ok(_) => panic!("another type's result"),
        Err(failed) => Err((failed.reason, failed.result.is_some())),
    }
}

/// Whether the service runs after this, or why it failed. After the order the manager says these things, one at a look.
fn outcome(
    manager: &dyn Manager,
    folder: &Path,
    action: ServiceAction,
    looks: &[&str],
) -> Result<bool, String> {
    fs::write(folder.join("after"), looks.join("\n") + "\n").unwrap();
    let outcome = run(manager, action, SERVICE);
    assert!(folder.join("looks").exists(), "the order was given");
    outcome
        .map(|result| result.after.running)
        .map_err(|(reason, has_result)| {
            assert!(has_result, "the state is told all the same: {reason}");
            reason
        })
}

/// What changed something, in order; forgotten then.
fn acts(folder: &Path) -> Vec<String> {
    let calls = fs::read_to_string(folder.join("calls")).unwrap_or_default();
    fs::write(folder.join("calls"), "").unwrap();
    let asks = [" show", " status", "--exists"];
    calls
        .lines()
        .filter(|line| !asks.iter().any(|ask| line.contains(ask)))
        .map(str::to_owned)
        .collect()
}

/// Its files `active` and `enabled` are its state. What must fail is in `broken`.
fn fake_systemctl(folder: &Path) -> Systemd {
    let dir = folder.display();
    let lines = format!(
        "cd {dir}\n\
         {LOOKS}\
         case \"$*\" in show*' -- {SERVICE}.service')\n\
             if [ -e looks ]; then\n\
                 said=$(next); if [ \"$said\" = exit ]; then echo busy >&2; exit 1; fi\n\
                 printf '%s\\n' LoadState=loaded $said; exit 0; fi\n\
             printf 'LoadState=loaded\\nActiveState=%s\\nUnitFileState=%s\\nMainPID=%s\\n' \
                 $(cat active) $(cat enabled) $(cat pid); exit 0;;\n\
         show*) printf 'LoadState=not-found\\nActiveState=inactive\\n'; exit 0;; esac\n\
         if [ -e broken ]; then echo \"Job for {SERVICE}.service failed.\" >&2; exit 1; fi\n\
         obey\n\
         case \"$3\" in\n\
             start|restart) echo active > active; echo 42 > pid;;\n\
             stop) echo inactive > active; echo 0 > pid;;\n\
             enable) echo enabled > enabled;;\n\
             disable) echo disabled > enabled;;\n\
         esac"
    );
    fake(folder, "systemctl", &lines);
    for (file, text) in [("active", "inactive"), ("enabled", "enabled"), ("pid", "0")] {
        fs::write(folder.join(file), text).unwrap();
    }
    Systemd(Host::with_fakes(folder))
}

#[test]
fn fake_systemd_goes_through_all_states_of_a_service() {
    let folder = tempfile::tempdir().unwrap();
    let systemd = fake_systemctl(folder.path());
    for (action, running, enabled) in [
        (ServiceAction::Start, true, true),
        (ServiceAction::Restart, true, true),
        (ServiceAction::Reload, true, true),
        (ServiceAction::Disable, true, false),
        (ServiceAction::Stop, false, false),
        (ServiceAction::Enable, false, true),
    ] {
        let result = run(&systemd, action, "fake-web.service").unwrap();
        assert_eq!(
            (result.manager.as_str(), result.service.as_str()),
            ("systemd", SERVICE)
        );
        assert_eq!(
            (result.after.running, result.after.enabled, result.after.pid),
            (running, Some(enabled), running.then_some(42)),
            "{action:?}"
        );
        let word = action.as_str();
        let expected = format!("systemctl --no-ask-password --no-pager {word} -- {SERVICE}.service");
        assert_eq!(acts(folder.path()), [expected], "once, and nobody is asked");
    }
    let result = run(&systemd, ServiceAction::Status, SERVICE).unwrap();
    assert_eq!(result.before, result.after);
    assert!(acts(folder.path()).is_empty(), "only looked at");
}

#[test]
fn fake_systemd_is_believed_when_the_service_stays_what_it_was_told_to_be() {
    const UP: &str = "ActiveState=active SubState=running MainPID=42 Type=simple Result=success";
    const OTHER: &str = "ActiveState=active SubState=running MainPID=43 Type=simple Result=success";
    const STARTING: &str = "ActiveState=activating SubState=start MainPID=42 Type=notify Result=success";
    const STOPPING: &str =
        "ActiveState=deactivating SubState=stop-sigterm MainPID=42 Type=simple Result=success";
    const DEAD: &str = "ActiveState=inactive SubState=dead MainPID=0 Type=simple Result=success";
    const FAILED: &str = "ActiveState=failed SubState=failed MainPID=0 Type=simple Result=exit-code";
    const AGAIN: &str = "ActiveState=activating SubState=auto-restart MainPID=0 Type=simple Result=exit-code";
    const ONCE: &str =
        "ActiveState=inactive SubState=dead MainPID=0 Type=oneshot Result=success ConditionResult=yes";
    const SKIPPED: &str =
        "ActiveState=inactive SubState=dead MainPID=0 Type=oneshot Result=success ConditionResult=no";
    const EXITED: &str = "ActiveState=active SubState=exited MainPID=0 Type=oneshot Result=success";
    use ServiceAction::{Reload, Restart, Start, Stop};
    let cases: [(ServiceAction, &[&str], Result<bool, &str>); 20] = [
        (Start, &[UP], Ok(true)),
        (Start, &[STARTING, UP], Ok(true)),
        (Restart, &[UP, OTHER], Ok(true)),
        (Reload, &[UP], Ok(true)),
        (Start, &[ONCE], Ok(false)),
        (Start, &[EXITED], Ok(true)),
        (Stop, &[DEAD], Ok(false)),
        (Stop, &[STOPPING, DEAD], Ok(false)),
        (Stop, &[FAILED], Ok(false)),
        (
            Start,
            &[FAILED],
            Err("was started and is not running: state failed (Result=exit-code)"),
        ),
        (
            Restart,
            &[AGAIN],
            Err("was restarted and is not running: state activating (auto-restart, Result=exit-code)"),
        ),
        (
            Start,
            &[UP, UP, FAILED],
            Err("was started and is not running: state failed (Result=exit-code)"),
        ),
        (
            Start,
            &[UP, UP, AGAIN],
            Err("was started and is not running: state activating (auto-restart, Result=exit-code)"),
        ),
        (
            Start,
            &[UP, OTHER, UP, OTHER, UP, OTHER, UP, OTHER, UP],
            Err("was started and does not stay up: state active (running, pid 42)"),
        ),
        (
            Start,
            &[DEAD],
            Err("was started and is not running: state inactive (dead)"),
        ),
        (
            Start,
            &[SKIPPED],
            Err("was started and is not running: state inactive (dead, ConditionResult=no)"),
        ),
        (
            Start,
            &[STARTING],
            Err("was started and is not running: state activating (start, pid 42)"),
        ),
        (
            Reload,
            &[UP, FAILED],
            Err("was reloaded and is not running: state failed (Result=exit-code)"),
        ),
        (
            Stop,
            &[UP],
            Err("was told to stop and has not ended: state active (running, pid 42)"),
        ),
        (
            Stop,
            &[STOPPING],
            Err("was told to stop and has not ended: state deactivating (stop-sigterm, pid 42)"),
        ),
    ];
    for (action, looks, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let systemd = fake_systemctl(folder.path());
        let expected =
            expected.map_err(|why| format!("service 'fake-web' {why}. See its log: journalctl -u fake-web"));
        assert_eq!(
            outcome(&systemd, folder.path(), action, looks),
            expected,
            "{action:?} {looks:?}"
        );
    }
}

#[test]
fn fake_systemd_forgets_a_unit_that_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let systemd = fake_systemctl(folder.path());
    fs::write(folder.path().join("active"), "active").unwrap();
    let gone = "LoadState=not-found ActiveState=inactive";
    fs::write(folder.path().join("after"), format!("{gone}\n")).unwrap();
    let result = run(&systemd, ServiceAction::Stop, SERVICE).unwrap();
    assert_eq!((result.before.running, result.after.running), (true, false));
    assert_eq!(result.after.state, "not-found");
}

#[test]
fn fake_systemd_says_why_a_service_did_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let systemd = fake_systemctl(folder.path());
    fs::write(folder.path().join("broken"), "").unwrap();
    let (reason, has_result) = run(&systemd, ServiceAction::Start, SERVICE).unwrap_err();
    assert_eq!(
        reason,
        "service 'fake-web' did not start: Job for fake-web.service failed."
    );
    assert!(has_result, "the state is told all the same");
    acts(folder.path());
    let (reason, _) = run(&systemd, ServiceAction::Start, "no-such-service").unwrap_err();
    assert_eq!(
        reason,
        "there is no service 'no-such-service' on this host (systemd)"
    );
    assert!(acts(folder.path()).is_empty(), "nothing was tried");
    fake(
        folder.path(),
        "systemctl",
        "echo 'Failed to connect to bus' >&2; exit 1",
    );
    let (reason, _) = run(&systemd, ServiceAction::Status, SERVICE).unwrap_err();
    assert_eq!(reason, "systemd does not answer: Failed to connect to bus");
}

/// As [`fake_systemctl`], with its file `status` for the exit code that tells the state.
fn fake_openrc(folder: &Path) -> OpenRc {
    let dir = folder.display();
    let service = format!(
        "cd {dir}\n\
         {LOOKS}\
         if [ \"$1\" = --exists ]; then [ \"$2\" = {SERVICE} ]; exit $?; fi\n\
         if [ \"$2\" = status ] && [ -e looks ]; then exit $(next); fi\n\
         if [ \"$2\" = status ]; then exit $(cat status); fi\n\
         if [ -e broken ]; then echo \" * ERROR: {SERVICE} failed to start\" >&2; exit 1; fi\n\
         obey\n\
         case \"$2\" in start|restart) echo 0 > status;; stop) echo 3 > status;; esac"
    );
    fake(folder, "rc-service", &service);
    let update = format!(
        "cd {dir}\n\
         case \"$1 $2\" in\n\
             'show ') cat levels;;\n\
             'add {SERVICE}') echo ' {SERVICE} | default' > levels;;\n\
             '--all del') echo ' {SERVICE} |' > levels;;\n\
         esac"
    );
    fake(folder, "rc-update", &update);
    fs::write(folder.join("status"), "3").unwrap();
    fs::write(folder.join("levels"), " sshd | default\n").unwrap();
    OpenRc(Host::with_fakes(folder))
}

#[test]
fn fake_openrc_goes_through_all_states_of_a_service() {
    let folder = tempfile::tempdir().unwrap();
    let openrc = fake_openrc(folder.path());
    for (action, running, enabled, call) in [
        (ServiceAction::Start, true, false, "rc-service fake-web start"),
        (ServiceAction::Restart, true, false, "rc-service fake-web restart"),
        (ServiceAction::Reload, true, false, "rc-service fake-web reload"),
        (ServiceAction::Enable, true, true, "rc-update add fake-web"),
        (ServiceAction::Stop, false, true, "rc-service fake-web stop"),
        (
            ServiceAction::Disable,
            false,
            false,
            "rc-update --all del fake-web",
        ),
    ] {
        let result = run(&openrc, action, SERVICE).unwrap();
        assert_eq!(result.manager, "openrc");
        assert_eq!(
            (result.after.running, result.after.enabled),
            (running, Some(enabled)),
            "{action:?}"
        );
        assert_eq!(acts(folder.path()), [call]);
    }
}

#[test]
fn fake_openrc_says_why_a_service_did_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let openrc = fake_openrc(folder.path());
    fs::write(folder.path().join("broken"), "").unwrap();
    let (reason, has_result) = run(&openrc, ServiceAction::Start, SERVICE).unwrap_err();
    assert_eq!(
        reason,
        "service 'fake-web' did not start: * ERROR: fake-web failed to start"
    );
    assert!(has_result);
    fs::write(folder.path().join("status"), "32").unwrap();
    let result = run(&openrc, ServiceAction::Status, SERVICE).unwrap();
    assert_eq!(
        (result.after.state.as_str(), result.after.running),
        ("crashed", false)
    );
    acts(folder.path());
    let (reason, _) = run(&openrc, ServiceAction::Start, "no-such-service").unwrap_err();
    assert_eq!(
        reason,
        "there is no service 'no-such-service' on this host (openrc)"
    );
    assert!(acts(folder.path()).is_empty());
}

#[test]
fn fake_openrc_is_believed_when_the_service_stays_what_it_was_told_to_be() {
    use ServiceAction::{Restart, Start, Stop};
    let cases: [(ServiceAction, &[&str], Result<bool, &str>); 9] = [
        (Start, &["0"], Ok(true)),
        (Start, &["32", "8", "0"], Ok(true)),
        (Stop, &["4", "3"], Ok(false)),
        (Start, &["1"], Ok(false)),
        (
            Start,
            &["32"],
            Err("was started and is not running: state crashed"),
        ),
        (
            Restart,
            &["0", "0", "32"],
            Err("was restarted and is not running: state crashed"),
        ),
        (
            Start,
            &["3"],
            Err("was started and is not running: state stopped"),
        ),
        (
            Start,
            &["16"],
            Err("was started and is not running: state inactive"),
        ),
        (
            Stop,
            &["0"],
            Err("was told to stop and has not ended: state started"),
        ),
    ];
    for (action, looks, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let openrc = fake_openrc(folder.path());
        let expected =
            expected.map_err(|why| format!("service 'fake-web' {why}. See its log below /var/log"));
        assert_eq!(
            outcome(&openrc, folder.path(), action, looks),
            expected,
            "{action:?} {looks:?}"
        );
    }
}

/// Its scripts are below the folder; before the first order the service is stopped.
fn fake_sysv(folder: &Path, script: &str) -> SysV {
    let dir = folder.display();
    let lines = format!(
        "cd {dir}\n\
         {LOOKS}\
         if [ \"$2\" = status ] && [ -e looks ]; then exit $(next); fi\n\
         if [ \"$2\" = status ]; then exit 3; fi\n\
         obey"
    );
    fake(folder, "service", &lines);
    let scripts = folder.join("etc/init.d");
    fs::create_dir_all(&scripts).unwrap();
    fs::write(scripts.join(SERVICE), script).unwrap();
    SysV {
        host: Host::with_fakes(folder),
        root: folder.to_owned(),
    }
}

#[test]
fn fake_sysv_is_believed_when_the_service_stays_what_it_was_told_to_be() {
    use ServiceAction::{Reload, Restart, Start, Stop};
    let cases: [(ServiceAction, &[&str], Result<bool, &str>); 10] = [
        (Start, &["0"], Ok(true)),
        (Restart, &["1", "0"], Ok(true)),
        (Stop, &["0", "3"], Ok(false)),
        (Stop, &["1"], Ok(false)),
        (Start, &["4"], Ok(false)),
        (Start, &["1"], Err("was started and is not running: state dead")),
        (
            Restart,
            &["3"],
            Err("was restarted and is not running: state stopped"),
        ),
        (
            Start,
            &["0", "0", "3"],
            Err("was started and is not running: state stopped"),
        ),
        (
            Reload,
            &["3"],
            Err("was reloaded and is not running: state stopped"),
        ),
        (
            Stop,
            &["0"],
            Err("was told to stop and has not ended: state running"),
        ),
    ];
    for (action, looks, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let sysv = fake_sysv(folder.path(), "case \"$1\" in start|stop|status) esac");
        let expected =
            expected.map_err(|why| format!("service 'fake-web' {why}. See its log below /var/log"));
        assert_eq!(
            outcome(&sysv, folder.path(), action, looks),
            expected,
            "{action:?} {looks:?}"
        );
    }
}

#[test]
fn fake_sysv_leaves_a_script_without_status_to_how_it_ended() {
    for (action, code) in [(ServiceAction::Start, "3"), (ServiceAction::Stop, "0")] {
        let folder = tempfile::tempdir().unwrap();
        let sysv = fake_sysv(folder.path(), "Usage: fake-web {start|stop}");
        fs::write(folder.path().join("after"), format!("{code}\n")).unwrap();
        let result = run(&sysv, action, SERVICE).unwrap();
        assert_eq!(result.after.state, "unknown", "{action:?}");
    }
}

#[test]
fn fake_systemd_that_does_not_answer_for_a_moment_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let systemd = fake_systemctl(folder.path());
    let silent = |folder: &Path, times: usize| {
        let looks = vec!["exit"; times].join("\n");
        let up = "ActiveState=active SubState=running MainPID=42 Type=simple Result=success";
        fs::write(folder.join("after"), format!("{looks}\n{up}\n")).unwrap();
        run(&systemd, ServiceAction::Restart, SERVICE)
    };
    assert!(silent(folder.path(), 2).unwrap().after.running);
    let (reason, _) = silent(folder.path(), 20).unwrap_err();
    assert!(reason.starts_with("systemd does not answer"), "{reason}");
}

#[test]
fn fake_systemd_is_given_no_more_time_where_its_looks_take_it_up() {
    let folder = tempfile::tempdir().unwrap();
    let systemd = fake_systemctl(folder.path());
    let dead = "ActiveState=inactive SubState=dead MainPID=0 Type=simple Result=success";
    let up = "ActiveState=active SubState=running MainPID=42 Type=simple Result=success";
    let work = ServiceControl {
        action: ServiceAction::Start,
        service: SERVICE.to_owned(),
    };
    for (within, runs) in [(Duration::ZERO, false), (Duration::MAX, true)] {
        fs::write(folder.path().join("after"), format!("{dead}\n{up}\n")).unwrap();
        let outcome = control(&work, &systemd, Patience { within, ..QUICK });
        assert_eq!(outcome.is_ok(), runs, "{within:?}");
    }
}

#[test]
fn only_one_service_can_be_named() {
    assert_eq!(name("nginx"), Ok("nginx"));
    assert_eq!(name("nginx.service"), Ok("nginx"));
    assert_eq!(name("php8.2-fpm"), Ok("php8.2-fpm"));
    for wrong in ["reboot.target", "a.timer", "home.mount", "ng*", "ngin?", "[a]"] {
        assert!(name(wrong).is_err(), "{wrong}");
    }
}
