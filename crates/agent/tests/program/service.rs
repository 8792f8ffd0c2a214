//! Services for real: nginx through the scripts of SysV, on loopback. Changes the machine's services, so it runs where
//! it is told to only.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use postern_protocol::{
    messages::{Outcome, ResultRequest},
    payload::{JobPayload, ServiceAction, ServiceControl},
    result::{JobResult, ServiceResult},
};

use crate::support::{self, Attempt, may_destroy};

fn run(action: ServiceAction, service: &str) -> (ResultRequest, String) {
    let attempt = Attempt::new(
        JobPayload::ServiceControl(ServiceControl {
            action,
            service: service.into(),
        }),
        60,
    );
    let result = attempt.run();
    let text = String::from_utf8(attempt.output("stdout.0")).unwrap();
    (result, text)
}

fn states(result: &ResultRequest) -> &ServiceResult {
    match &result.result {
        Some(JobResult::ServiceControl(result)) => result,
        other => panic!("no service: {other:?} {:?}", result.failure),
    }
}

/// nginx with a page of our own on a port of loopback; as it was before when this goes.
struct Nginx {
    folder: tempfile::TempDir,
    port: u16,
    before: Vec<u8>,
    was_enabled: bool,
}

impl Nginx {
    const DEFAULTS: &str = "/etc/default/nginx";

    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let dir = folder.path().display();
        let config = format!(
            "pid /run/nginx.pid; error_log {dir}/error.log; events {{}}\nhttp {{ access_log off;\n\
             server {{ listen 127.0.0.1:{port}; return 200 'hello'; }} }}\n"
        );
        fs::write(folder.path().join("nginx.conf"), config).unwrap();
        let before = fs::read(Self::DEFAULTS).unwrap();
        fs::write(
            Self::DEFAULTS,
            format!("DAEMON_OPTS='-c {dir}/nginx.conf'\nSTOP_SCHEDULE=TERM/5/KILL/5\n"),
        )
        .unwrap();
        Self {
            folder,
            port,
            before,
            was_enabled: links() > 0,
        }
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else {
            return false;
        };
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text.ends_with("hello")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = Command::new("service").args(["nginx", "stop"]).output();
        let _ = fs::write(Self::DEFAULTS, &self.before);
        let word = if self.was_enabled { "enable" } else { "disable" };
        let _ = Command::new("update-rc.d").args(["nginx", word]).output();
    }
}

fn links() -> usize {
    fs::read_dir("/etc/rc2.d")
        .unwrap()
        .flatten()
        .map(|entry| PathBuf::from(entry.file_name()))
        .filter(|name| {
            let name = name.to_string_lossy();
            name.starts_with('S') && name.ends_with("nginx")
        })
        .count()
}

fn skipped() -> bool {
    let here = Path::new("/etc/init.d/nginx").exists() && !Path::new("/run/systemd/system").exists();
    support::skipped(
        may_destroy() && here,
        "starts and stops services through SysV; root and POSTERN_TEST_DESTRUCTIVE=1 are needed",
    )
}

#[test]
fn nginx_through_all_its_states() {
    if skipped() {
        return;
    }
    let nginx = Nginx::new();
    let (result, text) = run(ServiceAction::Start, "nginx");
    assert_eq!(result.outcome, Outcome::Exited { code: 0 }, "{text}");
    let service = states(&result);
    assert_eq!(
        (service.manager.as_str(), service.service.as_str()),
        ("sysv", "nginx")
    );
    assert_eq!((service.before.running, service.after.running), (false, true));
    assert!(nginx.answers() && service.after.pid.is_some());
    assert!(
        text.contains("before: stopped") && text.contains("now:    running, pid"),
        "{text}"
    );
    let first = service.after.pid;

    let (result, _) = run(ServiceAction::Restart, "nginx.service");
    let service = states(&result);
    assert!(service.before.running && service.after.running);
    assert_ne!(service.after.pid, first);
    assert!(nginx.answers());

    let (result, _) = run(ServiceAction::Reload, "nginx");
    assert_eq!(result.outcome, Outcome::Exited { code: 0 });

    let (result, _) = run(ServiceAction::Disable, "nginx");
    assert_eq!(states(&result).after.enabled, Some(false));
    assert!(states(&result).after.running, "it is not stopped now");
    let (result, _) = run(ServiceAction::Enable, "nginx");
    assert_eq!(
        (
            states(&result).before.enabled,
            states(&result).after.enabled,
            links()
        ),
        (Some(false), Some(true), 1)
    );

    let (result, _) = run(ServiceAction::Stop, "nginx");
    assert_eq!(
        (
            states(&result).before.running,
            states(&result).after.state.as_str()
        ),
        (true, "stopped")
    );
    assert!(!nginx.answers());
    let (result, _) = run(ServiceAction::Status, "nginx");
    assert_eq!(result.outcome, Outcome::Exited { code: 0 });
    assert!(!states(&result).after.running);

    fs::write(nginx.folder.path().join("nginx.conf"), "nonsense").unwrap();
    let (result, _) = run(ServiceAction::Start, "nginx");
    let failure = result.failure.as_deref().unwrap();
    assert!(
        failure.starts_with("service 'nginx' did not start: "),
        "{failure}"
    );
    assert!(!states(&result).after.running);
}

/// A script of SysV; gone when this goes.
struct Script;

impl Script {
    const NAME: &str = "postern-test-dies";
    const PATH: &str = "/etc/init.d/postern-test-dies";

    /// What it starts works at two looks, and is gone then.
    fn new(folder: &Path) -> Self {
        let dir = folder.display();
        let text = format!(
            "#!/bin/sh\ncd {dir} || exit 1\ncase \"$1\" in\n\
             start) echo 1 > works; echo 2 >> works; exit 0;;\n\
             status) [ -s works ] || exit 3; sed -i 1d works; exit 0;;\n\
             esac\nexit 2\n"
        );
        fs::write(Self::PATH, text).unwrap();
        fs::set_permissions(Self::PATH, fs::Permissions::from_mode(0o755)).unwrap();
        Self
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = fs::remove_file(Self::PATH);
    }
}

#[test]
fn a_service_that_dies_soon_after_its_start_is_a_failure() {
    if skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let _script = Script::new(folder.path());
    let (result, _) = run(ServiceAction::Start, Script::NAME);
    assert_eq!(result.outcome, Outcome::Exited { code: 1 });
    assert_eq!(
        result.failure.as_deref(),
        Some(
            "service 'postern-test-dies' was started and is not running: state stopped. See its log below /var/log"
        )
    );
    let service = states(&result);
    assert_eq!((service.before.running, service.after.running), (false, false));
}

#[test]
fn what_is_no_service_of_this_host_is_a_failure_that_says_so() {
    let (result, _) = run(ServiceAction::Restart, "no-such-service");
    assert_eq!(result.outcome, Outcome::Exited { code: 1 });
    let failure = result.failure.as_deref().unwrap();
    assert!(
        failure.contains("there is no service 'no-such-service'"),
        "{failure}"
    );
    for (name, expected) in [
        ("reboot.target", "is a target, not a service"),
        ("ng*", "is a pattern"),
    ] {
        let (result, _) = run(ServiceAction::Start, name);
        let failure = result.failure.as_deref().unwrap();
        assert!(failure.contains(expected), "{failure}");
    }
}
