//! Starting the job and watching it to its end.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};
use postern_protocol::{
    messages::{Outcome, ResultRequest, Stream},
    order::Order,
};

use super::tree::Tree;
use crate::{
    clock,
    failpoint::hit,
    jobs::Plan,
    journal::{CANCEL, Started, ended},
    mask::{Mask, Masks},
    output::{self, STREAMS, Writer},
    platform,
};

/// Between TERM and KILL, and for streams that stay open after the main process.
const GRACE: Duration = Duration::from_secs(5);
/// Jobs shorter than this are not worth the move into a cgroup.
const ADOPT_AFTER: Duration = Duration::from_millis(100);
/// How often a tree that is being killed is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
const BUFFER: usize = 64 * 1024;

pub(super) fn run(
    plan: &Plan,
    order: &Order,
    dir: &Path,
    started: &Started,
    control: &File,
) -> io::Result<ResultRequest> {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    mask.thread_block()?;
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
    let begin = Instant::now();
    let masks = &plan.masks;
    let mut child = match spawn(plan) {
        Ok(child) => child,
        Err(error) => {
            let reason = match &plan.account {
                Some(account) => format!(
                    "program '{}' cannot be started by user '{}' in folder '{}': {error}",
                    plan.program.display(),
                    account.name,
                    plan.directory.display()
                ),
                None => format!("program '{}' cannot be started: {error}", plan.program.display()),
            };
            let reason = masks.text(&reason).into_owned();
            return Ok(ended(Outcome::Refused { reason }, None, clock::local_us()));
        }
    };
    hit("shim-after-child");
    let main = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    let mut watch = Watch {
        main,
        tree: Tree::new(main),
        streams: [
            Capture::new(Writer::new(dir, Stream::Stdout), masks, child.stdout.take()),
            Capture::new(Writer::new(dir, Stream::Stderr), masks, child.stderr.take()),
        ],
        status: None,
        stage: Stage::Running,
        begin,
        timeout: Duration::from_secs(order.timeout_seconds.into()),
        adopt: started.cgroup.clone(),
        cancel: dir.join(CANCEL),
        looked: None,
    };
    let (outcome, duration) = watch.until_end(&signals, control)?;
    let duration_us = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    Ok(ResultRequest {
        outcome,
        started_us: Some(started.started_us),
        finished_us: started.started_us.saturating_add(duration_us),
        duration_us: Some(duration_us),
        stream_bytes: watch.streams.iter().map(Capture::total).collect(),
        chunks: Vec::new(),
        result: None,
        failure: None,
    })
}

/// The output that goes with the end, before the end itself.
pub(super) fn sync_output(dir: &Path) {
    for stream in STREAMS {
        output::sync(dir, stream);
    }
}

fn spawn(plan: &Plan) -> io::Result<std::process::Child> {
    let mut command = Command::new(&plan.program);
    command
        .args(&plan.arguments)
        .env_clear()
        .envs(plan.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    match &plan.account {
        Some(account) => platform::become_account(&mut command, account, &plan.directory)?,
        None => {
            command.current_dir(&plan.directory);
        }
    }
    // Last, as whoever becomes another user loses it.
    platform::die_with_parent(&mut command);
    command.spawn()
}

#[derive(Debug)]
enum Stage {
    Running,
    /// The main process has exited, its streams are still open.
    Draining {
        since: Instant,
    },
    /// TERM was sent.
    Stopping {
        since: Instant,
        outcome: Outcome,
    },
    /// KILL is sent until nothing is left.
    Killing {
        outcome: Outcome,
    },
}

struct Watch {
    main: Pid,
    tree: Tree,
    streams: [Capture; 2],
    /// How and when the main process exited.
    status: Option<(ExitStatus, Instant)>,
    stage: Stage,
    begin: Instant,
    timeout: Duration,
    adopt: Option<PathBuf>,
    cancel: PathBuf,
    /// When the tree was last looked at: that walks `/proc`, and output may wake this loop all the time.
    looked: Option<Instant>,
}

impl Watch {
    fn until_end(&mut self, signals: &SignalFd, control: &File) -> io::Result<(Outcome, Duration)> {
        // Whoever asked for the stop before the control was there left only the file.
        self.stop_if_asked();
        let mut buffer = vec![0; BUFFER];
        loop {
            if let Some(end) = self.step() {
                for capture in &mut self.streams {
                    capture.drain(&mut buffer);
                    capture.close();
                }
                return Ok(end);
            }
            let ready = self.wait(signals, control)?;
            if ready.signal {
                while let Ok(Some(_)) = signals.read_signal() {}
                self.reap();
            }
            if ready.control {
                while matches!((&*control).read(&mut buffer[..64]), Ok(read) if read > 0) {}
                self.stop_if_asked();
            }
            for (capture, ready) in self.streams.iter_mut().zip(ready.streams) {
                if ready {
                    capture.read(&mut buffer);
                }
            }
        }
    }

    /// Moves on by what has happened and by the clock. The end, once there is one.
    fn step(&mut self) -> Option<(Outcome, Duration)> {
        let now = Instant::now();
        let age = now.duration_since(self.begin);
        if age >= ADOPT_AFTER
            && self.status.is_none()
            && let Some(path) = self.adopt.take()
        {
            self.tree.adopt(&path);
        }
        match &self.stage {
            Stage::Running => {
                if let Some((status, at)) = self.status {
                    if self.streams.iter().all(Capture::is_closed) {
                        return Some((outcome(status), at.duration_since(self.begin)));
                    }
                    self.stage = Stage::Draining { since: at };
                } else if age >= self.timeout {
                    self.stop(Outcome::TimedOut);
                }
            }
            Stage::Draining { since } => {
                let (status, at) = self.status?;
                if self.streams.iter().all(Capture::is_closed) {
                    return Some((outcome(status), at.duration_since(self.begin)));
                }
                if now.duration_since(*since) >= GRACE {
                    self.stage = Stage::Killing {
                        outcome: outcome(status),
                    };
                    self.tree.kill();
                }
            }
            Stage::Stopping { since, outcome } => {
                let (since, outcome) = (*since, outcome.clone());
                if self.is_gone(now) {
                    return Some((outcome, age));
                }
                if now.duration_since(since) >= GRACE {
                    self.stage = Stage::Killing { outcome };
                    self.tree.kill();
                }
            }
            Stage::Killing { outcome } => {
                let outcome = outcome.clone();
                if self.is_gone(now) {
                    let stopped = matches!(outcome, Outcome::TimedOut | Outcome::Cancelled);
                    let at = self.status.filter(|_| !stopped).map_or(now, |(_, at)| at);
                    return Some((outcome, at.duration_since(self.begin)));
                }
            }
        }
        None
    }

    /// A main process that has exited keeps its exit code; only what it left behind is ended.
    fn stop_if_asked(&mut self) {
        let asked = matches!(self.stage, Stage::Running | Stage::Draining { .. }) && self.cancel.exists();
        if !asked {
            return;
        }
        match self.status {
            None => self.stop(Outcome::Cancelled),
            Some((status, _)) => {
                self.stage = Stage::Killing {
                    outcome: outcome(status),
                };
            }
        }
    }

    fn stop(&mut self, outcome: Outcome) {
        self.tree.terminate();
        self.stage = Stage::Stopping {
            since: Instant::now(),
            outcome,
        };
    }

    /// Looks, at most every few moments, whether all of it is gone; kills again what is left when it is time for that.
    fn is_gone(&mut self, now: Instant) -> bool {
        if self.looked.is_some_and(|at| now.duration_since(at) < LOOK_AGAIN) {
            return false;
        }
        self.looked = Some(now);
        self.reap();
        if self.status.is_some() && self.tree.is_gone() {
            return true;
        }
        if matches!(self.stage, Stage::Killing { .. }) {
            self.tree.kill();
        }
        false
    }

    fn reap(&mut self) {
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) if pid == self.main => {
                    self.status = Some((ExitStatus::from_raw((code & 0xff) << 8), Instant::now()));
                }
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == self.main => {
                    self.status = Some((ExitStatus::from_raw(signal as i32), Instant::now()));
                }
                Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return,
                Ok(_) | Err(_) => {}
            }
        }
    }

    fn wait(&self, signals: &SignalFd, control: &File) -> io::Result<Ready> {
        let mut polled = vec![
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(control.as_fd(), PollFlags::POLLIN),
        ];
        let open: Vec<Option<BorrowedFd<'_>>> = self.streams.iter().map(Capture::fd).collect();
        for fd in open.iter().flatten() {
            polled.push(PollFd::new(*fd, PollFlags::POLLIN));
        }
        match poll(&mut polled, self.next_look()) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut ready = polled
            .iter()
            .map(|fd| fd.revents().is_none_or(|events| !events.is_empty()));
        Ok(Ready {
            signal: ready.next().unwrap_or(false),
            control: ready.next().unwrap_or(false),
            streams: [0, 1].map(|index| open[index].is_some() && ready.next().unwrap_or(false)),
        })
    }

    fn next_look(&self) -> PollTimeout {
        let left = |since: Instant, length: Duration| length.saturating_sub(since.elapsed());
        let mut wait = match &self.stage {
            Stage::Running => left(self.begin, self.timeout),
            Stage::Draining { since } => left(*since, GRACE),
            Stage::Stopping { .. } => left(Instant::now(), 5 * LOOK_AGAIN),
            Stage::Killing { .. } => LOOK_AGAIN,
        };
        if self.adopt.is_some() && self.status.is_none() {
            wait = wait.min(left(self.begin, ADOPT_AFTER));
        }
        // Rounded up, so that it does not wake just before its time again and again.
        PollTimeout::try_from(wait + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
    }
}

struct Ready {
    signal: bool,
    control: bool,
    streams: [bool; 2],
}

struct Capture {
    pipe: Option<File>,
    mask: Mask,
    writer: Writer,
}

impl Capture {
    fn new(writer: Writer, masks: &Masks, pipe: Option<impl Into<std::os::fd::OwnedFd>>) -> Self {
        let pipe = pipe.map(|pipe| File::from(pipe.into()));
        if let Some(pipe) = &pipe {
            let _ = fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK));
        }
        Self {
            pipe,
            mask: masks.stream(),
            writer,
        }
    }

    fn is_closed(&self) -> bool {
        self.pipe.is_none()
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(File::as_fd)
    }

    fn total(&self) -> (Stream, u64) {
        (self.writer.stream(), self.writer.total())
    }

    /// Whether there was something.
    fn read(&mut self, buffer: &mut [u8]) -> bool {
        let Some(pipe) = &mut self.pipe else { return false };
        match pipe.read(buffer) {
            Ok(0) => {
                self.close();
                false
            }
            Ok(read) => {
                let writer = &mut self.writer;
                self.mask.push(&buffer[..read], &mut |bytes| writer.write(bytes));
                true
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => true,
            Err(_) => {
                self.close();
                false
            }
        }
    }

    /// Nothing follows, so nothing need be held back.
    fn close(&mut self) {
        let writer = &mut self.writer;
        self.pipe = None;
        self.mask.finish(&mut |bytes| writer.write(bytes));
    }

    /// What still lies in the pipe when nobody is left to write.
    fn drain(&mut self, buffer: &mut [u8]) {
        while self.read(buffer) {}
    }
}

fn outcome(status: ExitStatus) -> Outcome {
    match (status.code(), status.signal()) {
        (Some(code), _) => Outcome::Exited { code },
        (None, Some(signal)) => Outcome::Signalled { signal },
        (None, None) => Outcome::Unknown {
            reason: "the system did not say how the process ended".into(),
        },
    }
}
