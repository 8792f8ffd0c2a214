//! What the agent's tests share: attempts for a shim without an agent, and waiting with a limit.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by several test programs, each of which uses a part"
)]

pub(crate) mod server;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::unistd::Pid;
use postern_protocol::{
    keys::SigningKey,
    messages::ResultRequest,
    order::{Order, SignedOrder},
    payload::{self, JobPayload, Language, Script},
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
    _folder: tempfile::TempDir,
}

impl Attempt {
    pub(crate) fn new(work: JobPayload, timeout_seconds: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("attempts/1");
        fs::create_dir_all(&dir).unwrap();
        let order = Order {
            timeout_seconds,
            ..order(1, work)
        };
        let signed = SignedOrder::sign(&order, &SigningKey::generate().unwrap()).unwrap();
        let mut stored = serde_json::to_value(&signed).unwrap();
        stored["boot_id"] = "a boot".into();
        fs::write(dir.join("order.json"), stored.to_string()).unwrap();
        Self { dir, _folder: folder }
    }

    pub(crate) fn shell(line: &str) -> Self {
        Self::new(shell(line), 300)
    }

    pub(crate) fn start(&self) -> Shim {
        Shim(
            Command::new(AGENT)
                .arg("shim")
                .arg(&self.dir)
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

    pub(crate) fn wait_for_file(&self, file: &str) -> String {
        wait_for(file, || fs::read_to_string(self.work(file)).ok())
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
