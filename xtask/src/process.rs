//! Starting programs, and stopping exactly those that were started.

use std::ffi::OsStr;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::interrupt::{Interrupt, Waited};

const POLL: Duration = Duration::from_millis(50);
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Runs a program to its end with our terminal as its own; an exit code other than 0 is an error.
pub(crate) fn run(interrupt: &Interrupt, command: &mut Command) -> Result<()> {
    let shown = show(command);
    println!("+ {shown}");
    let mut child = spawn(command)?;
    let status = loop {
        if let Some(status) = child
            .try_wait()
            .with_context(|| format!("cannot wait for {shown}"))?
        {
            break status;
        }
        if interrupt.pause(POLL) == Waited::Interrupted {
            let status = stop_child(&mut child, Signal::SIGTERM)?;
            bail!("interrupted: {shown} ended with {status}");
        }
    };
    if interrupt.seen() {
        bail!("interrupted");
    }
    if status.success() {
        Ok(())
    } else {
        bail!("`{shown}` failed: {status}")
    }
}

/// Runs a program to its end and returns its standard output; its standard error stays visible.
pub(crate) fn capture(command: &mut Command) -> Result<Vec<u8>> {
    let shown = show(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| explain(command, error))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        bail!("`{shown}` failed: {}", output.status)
    }
}

/// Whether the program can be started and ends with 0; it prints nothing and reads nothing.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

pub(crate) fn spawn(command: &mut Command) -> Result<Child> {
    command.spawn().map_err(|error| explain(command, error))
}

fn explain(command: &Command, error: std::io::Error) -> anyhow::Error {
    let program = command.get_program().to_string_lossy().into_owned();
    let missing = error.kind() == ErrorKind::NotFound;
    let error = anyhow::Error::new(error);
    if missing {
        error.context(format!("cannot start `{program}`: install it or put it on PATH"))
    } else {
        error.context(format!("cannot start `{program}`"))
    }
}

/// The command line as a person would type it, without its environment.
pub(crate) fn show(command: &Command) -> String {
    let mut words = vec![
        Path::new(command.get_program())
            .file_name()
            .unwrap_or(command.get_program()),
    ];
    words.extend(command.get_args());
    let words: Vec<String> = words.into_iter().map(quoted).collect();
    words.join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "-_=+,./:@%{}".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// The first match of a program's name on PATH.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

fn stop_child(child: &mut Child, signal: Signal) -> Result<ExitStatus> {
    if let Some(status) = child.try_wait()? {
        return Ok(status);
    }
    let pid = i32::try_from(child.id()).context("process id out of range")?;
    kill(Pid::from_raw(pid), signal).with_context(|| format!("cannot send {signal} to process {pid}"))?;
    // Not an `Interrupt`: an impatient second Ctrl-C must not leave the program behind.
    let (_quiet, nothing) = std::sync::mpsc::channel::<()>();
    let begin = Instant::now();
    while begin.elapsed() < STOP_LIMIT {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        let _elapsed = nothing.recv_timeout(POLL);
    }
    child
        .kill()
        .with_context(|| format!("cannot kill process {pid}"))?;
    Ok(child.wait()?)
}

/// A program that runs in the background until it is dropped or stopped. It gets its own process group, so that a
/// Ctrl-C meant for xtask does not reach it before xtask has decided in which order things end.
#[derive(Debug)]
pub(crate) struct Service {
    name: &'static str,
    child: Child,
    signal: Signal,
    log: PathBuf,
}

impl Service {
    /// Standard error goes to the log file, standard output too unless the command says otherwise.
    pub(crate) fn start(name: &'static str, log: &Path, command: &mut Command) -> Result<Self> {
        let file = open_log(log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?);
        Self::spawn(name, log, command.stderr(file))
    }

    /// As [`Service::start`], with standard output as a pipe for [`Service::take_stdout`].
    pub(crate) fn start_piped(name: &'static str, log: &Path, command: &mut Command) -> Result<Self> {
        let file = open_log(log)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        Self::spawn(name, log, command.stderr(file))
    }

    fn spawn(name: &'static str, log: &Path, command: &mut Command) -> Result<Self> {
        let child = spawn(command.process_group(0))?;
        Ok(Self {
            name,
            child,
            signal: Signal::SIGTERM,
            log: log.to_owned(),
        })
    }

    /// The signal that asks this program to end, when it is not SIGTERM.
    pub(crate) fn stopped_by(mut self, signal: Signal) -> Self {
        self.signal = signal;
        self
    }

    pub(crate) fn take_stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// An error with the end of its log when the program is not running any more.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!(
                "the {} ended by itself ({status}). The end of {}:\n{}",
                self.name,
                self.log.display(),
                tail(&self.log, 15)
            ),
        }
    }

    /// As [`Service::wait`], and shows all that it said.
    pub(crate) fn finish(&mut self, interrupt: &Interrupt) -> Result<()> {
        let outcome = self.wait(interrupt);
        print!("{}", String::from_utf8_lossy(&std::fs::read(&self.log)?));
        outcome
    }

    /// Until it has ended by itself, with success.
    fn wait(&mut self, interrupt: &Interrupt) -> Result<()> {
        loop {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(_) => return self.check_alive(),
                None if interrupt.pause(POLL) == Waited::Interrupted => bail!("interrupted"),
                None => {}
            }
        }
    }

    pub(crate) fn stop(&mut self) -> Result<ExitStatus> {
        stop_child(&mut self.child, self.signal).with_context(|| format!("cannot stop the {}", self.name))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("warning: {error:#}");
        }
    }
}

pub(crate) fn open_log(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let file = File::options().create(true).append(true).open(path);
    file.with_context(|| format!("cannot write {}", path.display()))
}

fn tail(path: &Path, count: usize) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("/usr/bin/sh");
        command.args(["-c", "echo it's", ""]);
        assert_eq!(show(&command), r"sh -c 'echo it'\''s' ''");
    }

    #[test]
    fn a_service_that_ended_reports_its_log() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = folder.path().join("log");
        let mut command = Command::new("sh");
        let mut service = Service::start("greeter", &log, command.args(["-c", "echo no luck >&2; exit 3"]))
            .expect("sh starts");
        service.child.wait().expect("sh ends");
        let message = service.check_alive().expect_err("it ended").to_string();
        assert!(
            message.contains("greeter") && message.contains("no luck"),
            "{message}"
        );
    }

    #[test]
    fn a_service_is_waited_for_until_it_ends() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (log, interrupt) = (folder.path().join("log"), Interrupt::never());
        for (code, succeeds) in [("exit 0", true), ("echo no luck >&2; exit 3", false)] {
            let mut command = Command::new("sh");
            let mut service = Service::start("builder", &log, command.args(["-c", code])).expect("sh starts");
            assert_eq!(service.finish(&interrupt).is_ok(), succeeds, "{code}");
        }
    }

    #[test]
    fn a_service_that_obeys_its_signal_ends_at_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new("sleep");
        let mut service =
            Service::start("sleeper", &folder.path().join("log"), command.arg("600")).expect("sleep starts");
        let begin = Instant::now();
        let status = service.stop().expect("it stops");
        assert!(
            !status.success() && begin.elapsed() < STOP_LIMIT,
            "{status} after {:?}",
            begin.elapsed()
        );
    }
}
