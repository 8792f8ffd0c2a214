//! Processes that end with the test, and a look at the others.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{wait_for, wait_within};

/// A process of the test's own. Killed and reaped when dropped.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    /// Both streams go to the end of this file.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Self {
        let log = File::options().create(true).append(true).open(log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        Self(child.unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.0.id()).unwrap())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // Not reaped yet, so the id is still its own.
        let _ = kill(self.pid(), signal);
    }

    /// How it ended, once it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().unwrap()
    }

    pub(crate) fn wait(&mut self, what: &str) -> ExitStatus {
        wait_for(what, || self.ended())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder for one test. When it goes, whatever still runs inside of it goes first: shims and their jobs.
#[derive(Debug)]
pub(crate) struct Home(tempfile::TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(
            tempfile::Builder::new()
                .prefix("postern-whole-")
                .tempdir()
                .unwrap(),
        )
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Shims first, or they would report what follows; again for what was born while looking.
        for _ in 0..20 {
            let left = processes_of(self.path());
            if left.is_empty() {
                break;
            }
            for pid in left {
                let _ = kill(pid, Signal::SIGKILL);
            }
            super::pause();
        }
        if std::thread::panicking() {
            print_logs(self.path());
        }
    }
}

/// The ends of the logs, beside the panic's message.
fn print_logs(home: &Path) {
    let mut logs: Vec<PathBuf> = fs::read_dir(home)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    logs.sort();
    for log in logs {
        let text = fs::read(&log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(25)..].join("\n");
        eprintln!("== {}\n{last}", log.display());
    }
}

pub(crate) fn all_pids() -> Vec<Pid> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .map(Pid::from_raw)
        .collect()
}

pub(crate) fn parent(pid: Pid) -> Option<Pid> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let id = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    id.trim().parse().ok().map(Pid::from_raw)
}

pub(crate) fn command_line(pid: Pid) -> Vec<String> {
    let text = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    text.split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}

/// Runs, and is not only waiting to be reaped.
pub(crate) fn is_alive(pid: Pid) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat[stat.rfind(')').unwrap()..].starts_with(") Z"))
}

/// Processes that have to do with a folder: named in their arguments, where they are, or what they read from.
pub(crate) fn processes_of(folder: &Path) -> Vec<Pid> {
    let text = folder.to_str().unwrap();
    let own = Pid::this();
    let belongs = |pid: &Pid| {
        *pid != own
            && is_alive(*pid)
            && (command_line(*pid).iter().any(|word| word.contains(text))
                || ["cwd", "fd/0"].iter().any(|name| {
                    fs::read_link(format!("/proc/{pid}/{name}")).is_ok_and(|path| path.starts_with(folder))
                }))
    };
    all_pids().into_iter().filter(belongs).collect()
}

/// Living processes with this text in their arguments.
pub(crate) fn processes_with_argument(text: &str) -> Vec<Pid> {
    let own = Pid::this();
    let named = |pid: &Pid| *pid != own && command_line(*pid).iter().any(|word| word.contains(text));
    all_pids()
        .into_iter()
        .filter(named)
        .filter(|pid| is_alive(*pid))
        .collect()
}

/// Most memory a living process ever had, in KiB.
pub(crate) fn peak_kib(pid: Pid) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Ends a process that should end by itself; says how long that may take.
pub(crate) fn stop(process: &mut Running, within: Duration, what: &str) -> ExitStatus {
    process.signal(Signal::SIGTERM);
    wait_within(within, what, || process.ended())
}
