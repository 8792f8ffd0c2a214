//! Typed jobs from the operator's commands to a real agent and back: the result as data, and why it failed.

mod accounts;
mod network;

use std::{fs, path::Path, process::Command};

use nix::unistd::Pid;
use postern_domain::{JobId, agent::Connection};
use postern_protocol::payload::JobType;
use serde_json::Value;

use crate::support::{
    Agent, Cli, Door, Home, Running, Server, is_alive, is_root, may_destroy, skipped, wait_for,
};

struct World {
    home: Home,
    door: Door,
    cli: Cli,
    agent: Agent,
    _server: Server,
}

impl World {
    fn new() -> Self {
        let home = Home::new();
        let server = Server::started(home.path());
        let door = Door::open(&server);
        let enrollment = door.agent_create("host");
        // What the owner of this machine may have written is not tried here.
        let policy = home.join("policy.toml");
        fs::write(&policy, "").unwrap();
        let agent = Agent::new(home.path(), "host", &server.url(), &enrollment.enrollment_token)
            .environment("POSTERN_AGENT_POLICY", policy.to_str().unwrap());
        agent.start();
        wait_for("the agent to be seen", || {
            (door.agent_row("host").connection == Connection::Connected).then_some(())
        });
        Self {
            cli: Cli::signed_in(home.path(), &server),
            home,
            door,
            agent,
            _server: server,
        }
    }

    /// `postern job …` to its end. What it says of the job is what `job show` and the API say, and its exit code is
    /// the job's.
    #[track_caller]
    fn job(&self, arguments: &[&str]) -> Job {
        let options = ["--agent", "host", "--wait", "--json"];
        // Before the line that is run, if there is one.
        let at = arguments
            .iter()
            .position(|word| *word == "--")
            .unwrap_or(arguments.len());
        let arguments = [&["job"], &arguments[..at], &options, &arguments[at..]].concat();
        let answer = self.cli.run(&arguments);
        let waited: Value = serde_json::from_str(&answer.stdout).unwrap_or_else(|_| panic!("{answer:?}"));
        let id = waited["jobs"][0]["id"].as_i64().unwrap();
        let shown = self.cli.run(&["job", "show", &id.to_string(), "--json"]).json();
        assert_eq!(waited["jobs"][0], shown);
        assert_eq!(serde_json::to_value(self.door.job(JobId(id))).unwrap(), shown);
        if let Some(code) = shown["exit_code"].as_i64() {
            assert_eq!(i64::from(answer.code), code, "{answer:?}");
        }
        Job(shown)
    }
}

/// As `postern job show --json` tells it.
struct Job(Value);

impl Job {
    /// What it found, when it completed.
    #[track_caller]
    fn done(&self, kind: &str) -> &Value {
        assert_eq!(self.0["state"], "completed", "{:#}", self.0);
        self.result(kind)
    }

    #[track_caller]
    fn result(&self, kind: &str) -> &Value {
        let told = &self.0["attempts"][0]["result"];
        assert_eq!(
            (&self.0["type"], &told["type"]),
            (&kind.into(), &kind.into()),
            "{:#}",
            self.0
        );
        &told["result"]
    }

    /// It failed, and its reason says this.
    #[track_caller]
    fn failed(&self, reason: &str) -> &Self {
        assert_eq!(self.0["state"], "failed", "{:#}", self.0);
        let told = self.0["reason"].as_str().unwrap_or_default();
        assert!(told.contains(reason), "{told:?} does not say {reason:?}");
        self
    }
}

fn needs_root() -> bool {
    skipped(is_root(), "the agent must run as root")
}

#[test]
fn a_service_is_looked_at_and_one_that_does_not_exist_is_named() {
    let here = Path::new("/etc/init.d/nginx").exists();
    if needs_root() || skipped(here, "nginx is not among this host's services") {
        return;
    }
    let world = World::new();
    let job = world.job(&["service", "status", "nginx"]);
    let service = job.done("service_control");
    assert_eq!(
        service["service"].as_str().unwrap().trim_end_matches(".service"),
        "nginx"
    );
    assert_eq!(service["before"], service["after"], "only looked at");
    assert!(service["after"]["running"].is_boolean(), "{service:#}");
    let job = world.job(&["service", "restart", "no-such-service"]);
    job.failed("there is no service 'no-such-service'");
}

/// nginx's settings for SysV, and whether it starts with the system; as they were when this goes.
struct Settings {
    text: Vec<u8>,
    was_enabled: bool,
}

impl Settings {
    const PATH: &str = "/etc/default/nginx";

    fn with(config: &Path) -> Self {
        let before = Self {
            text: fs::read(Self::PATH).unwrap(),
            was_enabled: starts_with_the_system(),
        };
        let text = format!(
            "DAEMON_OPTS='-c {}'\nSTOP_SCHEDULE=TERM/5/KILL/5\n",
            config.display()
        );
        fs::write(Self::PATH, text).unwrap();
        before
    }
}

/// Asked elsewhere: by the links that init follows.
fn starts_with_the_system() -> bool {
    let links = fs::read_dir("/etc/rc2.d").unwrap().flatten();
    let mut names = links.map(|link| link.file_name().to_string_lossy().into_owned());
    names.any(|name| name.starts_with('S') && name.ends_with("nginx"))
}

impl Drop for Settings {
    fn drop(&mut self) {
        let _ = Command::new("service").args(["nginx", "stop"]).output();
        let _ = fs::write(Self::PATH, &self.text);
        let word = if self.was_enabled { "enable" } else { "disable" };
        let _ = Command::new("update-rc.d").args(["nginx", word]).output();
    }
}

#[test]
fn a_service_goes_through_all_its_states() {
    let here = Path::new("/etc/init.d/nginx").exists() && !Path::new("/run/systemd/system").exists();
    let why = "starts and stops nginx through SysV; root and POSTERN_TEST_DESTRUCTIVE=1 are needed";
    if skipped(may_destroy() && here, why) {
        return;
    }
    let world = World::new();
    let config = world.home.join("service.conf");
    fs::write(&config, "pid /run/nginx.pid; error_log stderr; events {}\n").unwrap();
    let _settings = Settings::with(&config);
    for (action, before, after) in [
        ("start", false, true),
        ("restart", true, true),
        ("reload", true, true),
        ("disable", true, true),
        ("enable", true, true),
        ("stop", true, false),
    ] {
        let job = world.job(&["service", action, "nginx"]);
        let service = job.done("service_control");
        let running = (&service["before"]["running"], &service["after"]["running"]);
        assert_eq!(running, (&before.into(), &after.into()), "{action}: {service:#}");
        assert_eq!(service["manager"], "sysv");
        if let ("enable" | "disable", enabled) = (action, action == "enable") {
            assert_eq!(
                (&service["before"]["enabled"], &service["after"]["enabled"]),
                (&(!enabled).into(), &enabled.into())
            );
            assert_eq!(starts_with_the_system(), enabled);
        }
    }
    fs::write(&config, "nonsense").unwrap();
    world
        .job(&["service", "start", "nginx"])
        .failed("service 'nginx' did not start");
    world
        .job(&["service", "reload", "nginx"])
        .failed("service 'nginx'");
}

#[test]
fn processes_are_listed_and_ended_and_one_that_is_gone_is_named() {
    if needs_root() {
        return;
    }
    let world = World::new();
    for (action, signal) in [("kill", "TERM"), ("force-kill", "KILL")] {
        let mut sleeper = Running::start(Command::new("sleep").arg("300"), &world.home.join("sleep.log"));
        let pid = sleeper.pid();
        let text = pid.to_string();
        let job = world.job(&["process", "list", "--pid", &text, "--name", "sleep"]);
        let [process] = &job.done("process_control")["processes"].as_array().unwrap()[..] else {
            panic!("one process: {:#}", job.0)
        };
        assert_eq!(
            (&process["pid"], &process["name"]),
            (&pid.as_raw().into(), &"sleep".into())
        );
        assert_eq!(
            (&process["command_line"], &process["signal"]),
            (&"sleep 300".into(), &Value::Null)
        );

        let job = world.job(&["process", action, "--pid", &text]);
        let process = &job.done("process_control")["processes"][0];
        assert_eq!(
            (&process["signal"], &process["gone"]),
            (&signal.into(), &true.into())
        );
        assert!(!is_alive(pid));
        sleeper.wait("the sleeper to be reaped");
        let job = world.job(&["process", action, "--pid", &text]);
        job.failed(&format!("there is no process {pid}: it has ended, or never was"));
    }
}

#[test]
fn the_agent_and_all_it_comes_from_are_left_alone() {
    // Were the refusal wrong, root would go through with it.
    let why = "asks for what must be refused; root and POSTERN_TEST_DESTRUCTIVE=1 are needed";
    if skipped(may_destroy(), why) {
        return;
    }
    let world = World::new();
    let agent = world.agent.pid().unwrap();
    for action in ["kill", "force-kill"] {
        for pid in [agent, Pid::this()] {
            let job = world.job(&["process", action, "--pid", &pid.to_string()]);
            job.failed("nothing was signalled")
                .failed(&format!("process {pid} "));
        }
        let job = world.job(&["process", action, "--name", "postern-agent"]);
        job.failed("nothing was signalled");
        // Known without asking the host.
        let arguments = ["job", "process", action, "--pid", "1", "--agent", "host"];
        let answer = world.cli.run(&arguments);
        assert!(
            answer.code == 2 && answer.stderr.contains("never ended"),
            "{answer:?}"
        );
    }
    assert_eq!(world.agent.pid(), Some(agent));
    assert!(world.agent.is_running());
}

#[test]
fn packages_are_listed_and_one_that_is_not_there_is_named() {
    if needs_root() || skipped(Path::new("/usr/bin/apt-get").exists(), "this host has no apt") {
        return;
    }
    let world = World::new();
    let job = world.job(&["software", "list", "dpkg"]);
    let software = job.done("software_install");
    assert_eq!(
        (&software["manager"], &software["packages"][0]["name"]),
        (&"apt".into(), &"dpkg".into())
    );
    assert!(software["packages"][0]["after"].is_string(), "{software:#}");
    let job = world.job(&["software", "list", "postern-no-such-package"]);
    job.failed("package 'postern-no-such-package' is not installed");
}

/// Not there any more, whatever became of the test.
struct Purged(&'static str);

impl Drop for Purged {
    fn drop(&mut self) {
        let _ = Command::new("apt-get")
            .args(["--assume-yes", "--quiet", "purge", self.0])
            .env("DEBIAN_FRONTEND", "noninteractive")
            .output();
    }
}

#[test]
fn a_package_comes_stays_at_its_version_and_goes_and_one_that_nobody_has_is_named() {
    let here = Path::new("/usr/bin/apt-get").exists();
    let why = "installs a package; root, apt and POSTERN_TEST_DESTRUCTIVE=1 are needed";
    if skipped(may_destroy() && here, why) {
        return;
    }
    // Small, and needed by nothing.
    drop(Purged("hello"));
    let _purged = Purged("hello");
    let world = World::new();
    let job = world.job(&["software", "install", "hello"]);
    let package = &job.done("software_install")["packages"][0];
    assert_eq!(
        (&package["name"], &package["before"]),
        (&"hello".into(), &Value::Null)
    );
    assert!(package["after"].is_string() && Path::new("/usr/bin/hello").exists());
    let pin = format!("hello={}", package["after"].as_str().unwrap());
    for order in [["install", &pin], ["upgrade", "hello"], ["upgrade", &pin]] {
        let job = world.job(&[&["software"], &order[..]].concat());
        let packages = &job.done("software_install")["packages"];
        assert_eq!(*packages, serde_json::json!([]), "{order:?}: it is there already");
    }
    let job = world.job(&["software", "install", "hello=0.0-none"]);
    job.failed("0.0-none");
    let job = world.job(&["software", "remove", "hello"]);
    let package = &job.done("software_install")["packages"][0];
    assert_eq!(
        (&package["name"], &package["after"]),
        (&"hello".into(), &Value::Null)
    );
    assert!(!Path::new("/usr/bin/hello").exists());
    let job = world.job(&["software", "install", "postern-no-such-package"]);
    job.failed("package 'postern-no-such-package' was not found by apt");
}

#[test]
fn an_owners_policy_refuses_every_type_of_job_and_stays_as_it_was_written() {
    const TEXT: &str = "types = [] # so says the owner";
    let world = World::new();
    let policy = world.home.join("policy.toml");
    let script = world.home.join("script.sh");
    let ran = world.home.join("ran");
    let line = format!("echo ran >> {}", ran.display());
    fs::write(&script, &line).unwrap();
    fs::write(&policy, TEXT).unwrap();
    let written = || fs::metadata(&policy).unwrap().modified().unwrap();
    let before = written();
    // In each the harshest word that the type knows, and the highest priority.
    let orders: [(&str, &[&str]); 9] = [
        (
            "command",
            &["run", "--priority", "critical", "--shell", "--", &line],
        ),
        (
            "script",
            &[
                "run",
                "--priority",
                "critical",
                "--script",
                script.to_str().unwrap(),
            ],
        ),
        ("service_control", &["service", "stop", "nginx"]),
        (
            "process_control",
            &["process", "force-kill", "--name", "postern-nobody"],
        ),
        ("network_diagnostic", &["network", "netstat"]),
        (
            "software_install",
            &["software", "remove", "postern-no-such-package"],
        ),
        ("user_control", &["user", "delete", "postern-nobody", "--force"]),
        ("group_control", &["group", "delete", "postern-nobody", "--force"]),
        ("http_request", &["http", "GET", "http://127.0.0.1:9/"]),
    ];
    assert!(
        orders
            .iter()
            .map(|(kind, _)| *kind)
            .eq(JobType::ALL.iter().map(|kind| kind.as_str()))
    );
    for (kind, order) in orders {
        let job = world.job(order);
        job.failed(&format!("jobs of type '{kind}'"))
            .failed(&format!("rule types in {}", policy.display()));
        assert_eq!(job.0["type"], kind);
    }
    assert!(!ran.exists());
    assert_eq!(
        (fs::read_to_string(&policy).unwrap().as_str(), written()),
        (TEXT, before)
    );
}

#[test]
fn an_owners_policy_stands_above_an_administrators_order() {
    let world = World::new();
    let policy = world.home.join("policy.toml");
    let ran = world.home.join("ran");
    let line = format!("echo ran >> {}", ran.display());
    let order = ["run", "--shell", "--", &line];
    fs::write(&policy, "types = ['network_diagnostic']").unwrap();
    let job = world.job(&order);
    job.failed("rule types in")
        .failed(policy.to_str().unwrap())
        .failed("'command'");
    assert!(!ran.exists());
    let job = world.job(&["network", "netstat", "--listening"]);
    job.done("network_diagnostic");

    fs::write(&policy, "[service_control]\nservices = ['ssh']").unwrap();
    let job = world.job(&["service", "status", "nginx"]);
    job.failed("service_control.services")
        .failed(policy.to_str().unwrap());
    let job = world.job(&order);
    assert_eq!(job.0["state"], "completed", "that rule is about services only");
    assert_eq!(fs::read_to_string(&ran).unwrap(), "ran\n");
    assert!(world.agent.is_running());
    world.door.assert_audit_is_intact();
}
