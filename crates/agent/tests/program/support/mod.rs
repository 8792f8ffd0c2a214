//! What the agent's tests share: attempts for a shim without an agent, and waiting with a limit.

pub(crate) mod server;

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::unistd::Pid;
use postern_protocol::{
    keys::SigningKey,
    messages::{Outcome, ResultRequest},
    order::{Order, SignedOrder},
    payload::{self, JobPayload, Language, Script},
    seal::{SealedSecrets, SealingKey, seal},
};

pub(crate) const AGENT: &str = env!("CARGO_BIN_EXE_postern-agent");
/// Generous: two cores may be shared with everything else.
pub(crate) const LIMIT: Duration = Duration::from_secs(40);

pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < LIMIT, "waited too long for {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

pub(crate) fn command(argv: &[&str]) -> JobPayload {
    JobPayload::Command(payload::Command {
        argv: argv.iter().map(|text| (*text).to_owned()).collect(),
        shell: false,
        ..Default::default()
    })
}

pub(crate) fn shell(line: &str) -> JobPayload {
    JobPayload::Command(payload::Command {
        argv: vec![line.to_owned()],
        shell: true,
        ..Default::default()
    })
}

pub(crate) fn script(language: Language, content: &str, parameters: &[(&str, &str)]) -> JobPayload {
    JobPayload::Script(Script {
        parameters: parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Script::new(language, content.to_owned())
    })
}

pub(crate) fn order(attempt_id: i64, work: JobPayload) -> Order {
    Order {
        version: Order::VERSION,
        agent_id: 7,
        job_id: 100 + attempt_id,
        attempt_id,
        attempt: 1,
        fence: attempt_id,
        not_before_us: 0,
        not_after_us: i64::MAX,
        timeout_seconds: 300,
        critical: false,
        work,
        secrets: None,
    }
}

pub(crate) fn sealed(secrets: &[(&str, &str)], key: &str, attempt_id: i64) -> SealedSecrets {
    let secrets = secrets
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned().into()))
        .collect();
    seal(&secrets, key, 7, attempt_id).unwrap()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Why nothing was started.
pub(crate) fn reason(result: &ResultRequest) -> &str {
    match &result.outcome {
        Outcome::Refused { reason } => reason,
        other => panic!("not refused: {other:?}"),
    }
}

/// Whether this test may change accounts and packages of the machine it runs on.
pub(crate) fn may_destroy() -> bool {
    #[allow(clippy::disallowed_methods, reason = "told by whoever runs the tests")]
    let told = std::env::var_os("POSTERN_TEST_DESTRUCTIVE").is_some_and(|value| value == "1");
    nix::unistd::geteuid().is_root() && told
}

/// Says so when a test does nothing here.
#[allow(clippy::print_stdout, reason = "for whoever reads the test run")]
pub(crate) fn skipped(unless: bool, why: &str) -> bool {
    if !unless {
        println!("skipped: {why}");
    }
    !unless
}

/// By a process of its own: while this one has the file open to write, a child that another test
/// forks has it too, and nobody can run it.
pub(crate) fn copy_program(from: &str, to: &Path) {
    let status = Command::new("cp").arg(from).arg(to).status().unwrap();
    assert!(status.success(), "cp {from} {}: {status}", to.display());
}

/// Every file below a folder, with its content.
pub(crate) fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file()
                && let Ok(content) = fs::read(entry.path())
            {
                files.push((entry.path(), content));
            }
        }
    }
    files
}

/// A script that leaves processes behind which ignore TERM: a child, and an orphan in a session of its own. Their
/// process ids are in the file `pids` of the folder it starts in.
pub(crate) const STUBBORN: &str = r#"
trap '' TERM
(trap '' TERM; while :; do sleep 1; done) &
echo $! >> pids
( (setsid bash -c 'trap "" TERM; echo $$ >> pids; : > ready; while :; do sleep 1; done' &) )
echo $$ >> pids
while :; do sleep 1; done
"#;

/// A shim that a test runs, without an agent.
pub(crate) struct Attempt {
    pub(crate) dir: PathBuf,
    /// What the owner's policy says, where there is one.
    policy: Option<PathBuf>,
    folder: tempfile::TempDir,
}

impl Attempt {
    pub(crate) fn new(work: JobPayload, timeout_seconds: u32) -> Self {
        Self::of(&Order {
            timeout_seconds,
            ..order(1, work)
        })
    }

    /// With secrets sealed to the agent whose data folder this is.
    pub(crate) fn with_secrets(work: JobPayload, secrets: &[(&str, &str)]) -> Self {
        let key = SealingKey::generate().unwrap();
        let attempt = Self::of(&Order {
            secrets: Some(sealed(secrets, &key.public(), 1)),
            ..order(1, work)
        });
        attempt.keep(&key);
        attempt
    }

    /// As the agent keeps its identity.
    pub(crate) fn keep(&self, key: &SealingKey) {
        let identity = serde_json::json!({
            "server": "https://h", "agent_id": 7, "agent_name": "a", "credential": "", "order_key": "", "ca": "",
            "key": "", "sealing": base64(&key.to_bytes()), "settings": {"renew_credential": true},
            "token_sha256": "",
        });
        fs::write(self.folder.path().join("identity.json"), identity.to_string()).unwrap();
    }

    /// On a host whose owner has written this.
    pub(crate) fn under_policy(mut self, text: &str) -> Self {
        let path = self.folder.path().join("policy.toml");
        fs::write(&path, text).unwrap();
        self.policy = Some(path);
        self
    }

    pub(crate) fn of(order: &Order) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("attempts/1");
        // As the agent makes them.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .unwrap();
        let signed = SignedOrder::sign(order, &SigningKey::generate().unwrap()).unwrap();
        let mut stored = serde_json::to_value(&signed).unwrap();
        stored["boot_id"] = "a boot".into();
        fs::write(dir.join("order.json"), stored.to_string()).unwrap();
        fs::set_permissions(dir.join("order.json"), fs::Permissions::from_mode(0o600)).unwrap();
        Self {
            dir,
            policy: None,
            folder,
        }
    }

    pub(crate) fn shell(line: &str) -> Self {
        Self::new(shell(line), 300)
    }

    pub(crate) fn start(&self) -> Shim {
        Shim(
            Command::new(AGENT)
                .arg("shim")
                .arg(&self.dir)
                .args(self.policy.iter().flat_map(|path| [Path::new("--policy"), path]))
                .env("SECRET_OF_THE_AGENT", "never seen")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }

    pub(crate) fn run(&self) -> ResultRequest {
        self.start().wait();
        self.result().expect("exit.json")
    }

    /// By a shim that is not root; needs root to bring it up.
    pub(crate) fn run_as_nobody(&self) -> ResultRequest {
        use std::os::unix::{fs::chown, process::CommandExt as _};
        const NOBODY: u32 = 65534;
        // The one under test may lie where nobody else may go.
        let program = self.folder.path().join("postern-agent");
        copy_program(AGENT, &program);
        let data = self.folder.path();
        for path in [
            data,
            &data.join("attempts"),
            &self.dir,
            &self.dir.join("order.json"),
            &program,
        ] {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let child = Command::new(program)
            .arg("shim")
            .arg(&self.dir)
            .uid(NOBODY)
            .gid(NOBODY)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Shim(child).wait();
        self.result().expect("exit.json")
    }

    pub(crate) fn result(&self) -> Option<ResultRequest> {
        serde_json::from_slice(&fs::read(self.dir.join("exit.json")).ok()?).unwrap()
    }

    pub(crate) fn cancel(&self) {
        fs::write(self.dir.join("cancel"), "").unwrap();
        if self.dir.join("control").exists() {
            use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
            let mut control = fs::OpenOptions::new()
                .write(true)
                .custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits())
                .open(self.dir.join("control"))
                .unwrap();
            control.write_all(b"c").unwrap();
        }
    }

    pub(crate) fn work(&self, file: &str) -> PathBuf {
        self.dir.join("work").join(file)
    }

    pub(crate) fn output(&self, name: &str) -> Vec<u8> {
        fs::read(self.dir.join(name)).unwrap_or_default()
    }

    pub(crate) fn pids(&self) -> Vec<i32> {
        pids(&self.work("pids"))
    }
}

pub(crate) fn pids(file: &Path) -> Vec<i32> {
    fs::read_to_string(file)
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.parse().ok())
        .collect()
}

/// Runs, and is not only waiting to be reaped.
pub(crate) fn is_alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat[stat.rfind(')').unwrap()..].starts_with(") Z"))
}

pub(crate) struct Shim(Child);

impl Shim {
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.0.id()).unwrap())
    }

    pub(crate) fn wait(&mut self) {
        wait_for("the shim's end", || self.0.try_wait().unwrap());
    }

    /// Most memory it ever had, in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
