//! Brings up shims quickly: one process that forks for each attempt.
//!
//! Loading and linking a program anew for every job costs more than most jobs do; on a virtual machine even asking
//! for the processor's features traps. The launcher has done all that once. It has one thread and holds nothing but
//! its channel, so what it forks is like a program just started. The agent starts it with the first attempt and lets
//! it go when no attempt has come for a while; it ends with the agent, however that ends. Its shims do not notice.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, IoSlice, IoSliceMut, Write as _},
    os::{
        fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::{ffi::OsStrExt as _, net::UnixStream, process::CommandExt as _},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        prctl,
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
        socket::{
            AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg,
            sendmsg, socketpair,
        },
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{ForkResult, dup2_stdin, dup2_stdout, fork},
};
use postern_protocol::messages::Outcome;

use crate::{clock, jobs::SEARCH_PATH, journal, policy, shim};

/// Without an attempt for this long the launcher is let go.
const IDLE: Duration = Duration::from_secs(60);
const MESSAGE_BYTES: usize = 16 * 1024;

/// What a shim is told at its birth; the order's lock and the agent's channel come beside it.
#[derive(Debug)]
pub(crate) struct Birth {
    pub(crate) dir: PathBuf,
    pub(crate) cgroup: Option<PathBuf>,
    pub(crate) policy: policy::Source,
}

impl Birth {
    /// The paths with a NUL between them, which no path has.
    fn to_bytes(&self) -> Vec<u8> {
        let bytes = |path: &Option<PathBuf>| {
            path.as_ref()
                .map_or(Vec::new(), |path| path.as_os_str().as_bytes().to_vec())
        };
        let (cgroup, policy) = (bytes(&self.cgroup), bytes(&self.policy.0));
        [self.dir.as_os_str().as_bytes(), &cgroup, &policy].join(&0)
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut paths = bytes
            .split(|byte| *byte == 0)
            .map(|path| PathBuf::from(OsStr::from_bytes(path)));
        let (dir, cgroup, policy) = (paths.next()?, paths.next()?, paths.next()?);
        let given = |path: PathBuf| Some(path).filter(|path| !path.as_os_str().is_empty());
        Some(Self {
            dir,
            cgroup: given(cgroup),
            policy: policy::Source(given(policy)),
        })
    }
}

/// The agent's end.
#[derive(Debug, Default)]
pub(crate) struct Launcher(Mutex<Option<Running>>);

#[derive(Debug)]
struct Running {
    socket: OwnedFd,
    used: Instant,
}

impl Launcher {
    /// The lock and the channel are the shim's from now on: should the launcher die first, both are let go.
    pub(crate) fn launch(&self, birth: &Birth, lock: &File, channel: &UnixStream) -> io::Result<()> {
        let message = birth.to_bytes();
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = running.as_mut() {
            running.used = Instant::now();
            if send(&running.socket, &message, lock, channel).is_ok() {
                return Ok(());
            }
        }
        // There is none yet, or it was killed, or it does not read.
        let socket = start(birth)?;
        send(&socket, &message, lock, channel)?;
        *running = Some(Running {
            socket,
            used: Instant::now(),
        });
        Ok(())
    }

    /// An idle agent is one process.
    pub(crate) fn rest(&self) {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.take_if(|running| running.used.elapsed() >= IDLE);
    }
}

fn send(socket: &OwnedFd, message: &[u8], lock: &File, channel: &UnixStream) -> nix::Result<()> {
    let handed = [lock.as_raw_fd(), channel.as_raw_fd()];
    let handed = [ControlMessage::ScmRights(&handed)];
    sendmsg::<()>(
        socket.as_raw_fd(),
        &[IoSlice::new(message)],
        &handed,
        // The agent has one thread: it must not wait here.
        MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT,
        None,
    )
    .map(|_| ())
}

/// The data folder is an argument for those who look at the list of processes.
fn start(birth: &Birth) -> io::Result<OwnedFd> {
    let (ours, theirs) = socketpair(
        AddressFamily::Unix,
        SockType::SeqPacket,
        None,
        SockFlag::SOCK_CLOEXEC,
    )?;
    // Also right after an upgrade has replaced the file this process came from.
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("postern-agent")
        .arg("launch")
        .args(birth.dir.parent().and_then(Path::parent))
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .current_dir("/")
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    #[cfg(feature = "failpoints")]
    if let Some(name) = crate::failpoint::name() {
        command.env("POSTERN_AGENT_FAILPOINT", name);
    }
    command.spawn()?;
    Ok(ours)
}

/// The launcher's own life. `Some` in each process that it forks: the shim to be.
pub(crate) fn serve() -> io::Result<Option<shim::Options>> {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    mask.thread_block()?;
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    loop {
        let mut polled = [
            PollFd::new(socket.as_fd(), PollFlags::POLLIN),
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut polled, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [asked, ended] = polled.map(|fd| fd.revents().is_some_and(|events| !events.is_empty()));
        if ended {
            while let Ok(Some(_)) = signals.read_signal() {}
            while matches!(
                waitpid(None, Some(WaitPidFlag::WNOHANG)),
                Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..))
            ) {}
        }
        if asked {
            let Some((birth, lock, channel)) = receive(&socket)? else {
                return Ok(None);
            };
            match become_a_shim() {
                Ok(false) => {}
                Ok(true) => {
                    dup2_stdin(&lock)?;
                    dup2_stdout(&channel)?;
                    name_after(&birth);
                    return Ok(Some(shim::Options {
                        dir: birth.dir,
                        attached: true,
                        cgroup: birth.cgroup,
                        policy: birth.policy,
                    }));
                }
                Err(error) => not_born(channel, &error),
            }
        }
    }
}

/// `None` when the agent is gone or needs no launcher any more.
#[allow(unsafe_code, reason = "received descriptors are bare numbers")]
fn receive(socket: &OwnedFd) -> io::Result<Option<(Birth, OwnedFd, OwnedFd)>> {
    let mut text = vec![0; MESSAGE_BYTES];
    let mut slices = [IoSliceMut::new(&mut text)];
    let mut room = nix::cmsg_space!([std::os::fd::RawFd; 2]);
    let received = recvmsg::<()>(
        socket.as_raw_fd(),
        &mut slices,
        Some(&mut room),
        MsgFlags::MSG_CMSG_CLOEXEC,
    )?;
    let mut handed = Vec::new();
    for message in received.cmsgs()? {
        if let ControlMessageOwned::ScmRights(fds) = message {
            // SAFETY: the kernel has just made these descriptors for this process; nobody else owns them.
            handed.extend(fds.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    let length = received.bytes;
    let (Some(channel), Some(lock)) = (handed.pop(), handed.pop()) else {
        return Ok(None);
    };
    Ok(Birth::from_bytes(&text[..length]).map(|birth| (birth, lock, channel)))
}

/// `true` in the new process.
#[allow(unsafe_code, reason = "fork is unsafe where other threads hold locks")]
fn become_a_shim() -> io::Result<bool> {
    // SAFETY: this process has one thread, so no lock is held that the child would wait for.
    Ok(matches!(unsafe { fork() }?, ForkResult::Child))
}

/// The end of an attempt for which there is no process, as a shim would tell it.
fn not_born(channel: OwnedFd, error: &io::Error) {
    let reason = format!("the agent could not start a process: {error}");
    let end = journal::ended(Outcome::Refused { reason }, None, clock::local_us());
    if let Ok(text) = serde_json::to_vec(&end) {
        let _ = UnixStream::from(channel).write_all(&text);
    }
}

/// What `ps` and `top` show beside the launcher's own command line.
fn name_after(birth: &Birth) {
    let attempt = birth.dir.file_name().unwrap_or_default().to_string_lossy();
    if let Ok(name) = std::ffi::CString::new(format!("shim {attempt}")) {
        let _ = prctl::set_name(&name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_birth_is_told_whatever_bytes_its_paths_have() {
        for (dir, cgroup, policy) in [
            ("/data/attempts/1", None, None),
            ("/d\n x/attempts/2", Some("/sys/fs/c 1"), None),
            ("/data/attempts/3", None, Some("/etc/p o.toml")),
        ] {
            let birth = Birth {
                dir: Path::new(dir).join(OsStr::from_bytes(b"\xff")),
                cgroup: cgroup.map(PathBuf::from),
                policy: policy::Source(policy.map(PathBuf::from)),
            };
            let told = Birth::from_bytes(&birth.to_bytes()).unwrap();
            assert_eq!(
                (told.dir, told.cgroup, told.policy),
                (birth.dir, birth.cgroup, birth.policy)
            );
        }
        assert!(Birth::from_bytes(b"/data\0").is_none());
    }
}
