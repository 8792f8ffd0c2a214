//! Service managers that cannot exist on the machines of the test run are FAKE programs here: they keep the state in a
//! file and note how they were called. The real SysV is used in `crates/agent/tests/program/service.rs`.

use std::{fs, path::Path};

use super::{openrc::OpenRc, systemd::Systemd, *};
use crate::perform::tool::fake;

/// No host has a service of this name.
const SERVICE: &str = "fake-web";

fn run(manager: &dyn Manager, action: ServiceAction, service: &str) -> Result<ServiceResult, (String, bool)> {
    let work = ServiceControl {
        action,
        service: service.to_owned(),
    };
    match control(&work, manager) {
        Ok(JobResult::ServiceControl(result)) => Ok(result),
        Ok(_) => panic!("another type's result"),
        Err(failed) => Err((failed.reason, failed.result.is_some())),
    }
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
         case \"$*\" in show*' -- {SERVICE}.service')\n\
             printf 'LoadState=loaded\\nActiveState=%s\\nUnitFileState=%s\\nMainPID=%s\\n' \
                 $(cat active) $(cat enabled) $(cat pid); exit 0;;\n\
         show*) printf 'LoadState=not-found\\nActiveState=inactive\\n'; exit 0;; esac\n\
         if [ -e broken ]; then echo \"Job for {SERVICE}.service failed.\" >&2; exit 1; fi\n\
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
         if [ \"$1\" = --exists ]; then [ \"$2\" = {SERVICE} ]; exit $?; fi\n\
         if [ \"$2\" = status ]; then exit $(cat status); fi\n\
         if [ -e broken ]; then echo \" * ERROR: {SERVICE} failed to start\" >&2; exit 1; fi\n\
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
fn only_one_service_can_be_named() {
    assert_eq!(name("nginx"), Ok("nginx"));
    assert_eq!(name("nginx.service"), Ok("nginx"));
    assert_eq!(name("php8.2-fpm"), Ok("php8.2-fpm"));
    for wrong in ["reboot.target", "a.timer", "home.mount", "ng*", "ngin?", "[a]"] {
        assert!(name(wrong).is_err(), "{wrong}");
    }
}
