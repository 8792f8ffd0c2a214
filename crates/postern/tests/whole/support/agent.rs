//! `postern-agent run` as a value, and its shims.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    process::{Running, all_pids, parent, stop},
    server::POSTERN,
    wait_for,
};

/// The programs that a service finds, whatever the shell of whoever runs the tests has before them.
const SERVICE_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Beside the server's program, where cargo puts both.
pub(crate) fn agent_program() -> PathBuf {
    let path = Path::new(POSTERN).with_file_name("postern-agent");
    assert!(
        path.exists(),
        "{} is missing: run `cargo xtask test`, or first `cargo build -p postern-agent --all-features`",
        path.display()
    );
    path
}

#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) name: String,
    pub(crate) data: PathBuf,
    pub(crate) log: PathBuf,
    server: Mutex<String>,
    token: Option<String>,
    environment: Vec<(String, String)>,
    process: Mutex<Option<Running>>,
}

impl Agent {
    /// Not started yet. Its data are in `home`, under its name.
    pub(crate) fn new(home: &Path, name: &str, server: &str, token: &str) -> Self {
        Self {
            name: name.to_owned(),
            data: home.join(name),
            log: home.join(format!("{name}.log")),
            server: Mutex::new(server.to_owned()),
            token: Some(token.to_owned()),
            environment: Vec::new(),
            process: Mutex::new(None),
        }
    }

    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With its token only until it has joined, as a person would start it by hand.
    pub(crate) fn start(&self) {
        let joined = self.data.join("identity.json").exists();
        let server = self.server.lock().unwrap().clone();
        let mut arguments = vec!["--server", server.as_str()];
        if let Some(token) = self.token.as_deref().filter(|_| !joined) {
            arguments.extend(["--token", token]);
        }
        self.start_with(&arguments);
    }

    /// With these arguments behind `--data`.
    pub(crate) fn start_with(&self, arguments: &[&str]) {
        let mut command = Command::new(agent_program());
        command
            .env_clear()
            .env("PATH", SERVICE_PATH)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .arg("run")
            .arg("--data")
            .arg(&self.data)
            .args(arguments);
        *self.process() = Some(Running::start(&mut command, &self.log));
    }

    pub(crate) fn is_running(&self) -> bool {
        self.process()
            .as_mut()
            .is_some_and(|process| process.ended().is_none())
    }

    pub(crate) fn pid(&self) -> Option<Pid> {
        self.process().as_ref().map(Running::pid)
    }

    /// kill -9. Its shims live on.
    pub(crate) fn kill(&self) {
        *self.process() = None;
    }

    pub(crate) fn stop(&self) -> ExitStatus {
        let mut process = self.process().take().expect("an agent that runs");
        stop(&mut process, Duration::from_secs(10), "the agent to stop")
    }

    /// The exit code it came to by itself.
    pub(crate) fn wait(&self) -> ExitStatus {
        let status = wait_for(&format!("{} to end", self.name), || {
            self.process().as_mut().expect("started").ended()
        });
        *self.process() = None;
        status
    }

    pub(crate) fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Attempts with a shim that lives, and its process.
    pub(crate) fn shims(&self) -> Vec<(i64, Pid)> {
        let folder = self.data.join("attempts");
        // A shim's standard input is its order, whose lock it holds.
        let order = |pid: Pid| {
            let path = fs::read_link(format!("/proc/{pid}/fd/0")).ok()?;
            path.starts_with(&folder).then_some(path)
        };
        let attempt = |pid: Pid| {
            let path = order(pid)?;
            // So is that of the job it starts, between fork and exec.
            if parent(pid).and_then(order).is_some() {
                return None;
            }
            let id = path.parent()?.file_name()?.to_str()?.parse().ok()?;
            Some((id, pid))
        };
        all_pids().into_iter().filter_map(attempt).collect()
    }

    /// kill -9 for one shim, by its id. Whether it was still there.
    pub(crate) fn kill_shim(pid: Pid) -> bool {
        kill(pid, Signal::SIGKILL).is_ok()
    }

    /// Nothing is left in its journal.
    pub(crate) fn is_empty(&self) -> bool {
        fs::read_dir(self.data.join("attempts")).is_ok_and(|mut entries| entries.next().is_none())
    }

    fn process(&self) -> MutexGuard<'_, Option<Running>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
