//! The shim: one process per running attempt. It starts the job, keeps its output and its end on disk, and kills
//! the whole tree at the timeout or when told to. It outlives the agent, talks to no network and holds little
//! memory: one buffer, no threads, no async runtime.
//!
//! When a job is over:
//! - The main process has exited and both streams are closed. A daemon that detached itself from the streams is
//!   left alone: a script that starts one did so on purpose.
//! - Or 5 s have passed since the main process exited and someone still holds a stream. Those are killed.
//! - At the timeout or on cancel: everything gets TERM, after 5 s KILL until nothing is left; only then it ends.
//!
//! Every descendant is found through `/proc`, as orphans come back to the shim, the subreaper. Jobs that outlive
//! their first moments also get a cgroup, where there is one, whose kill no fork can outrun.

mod run;
mod tree;

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::Shutdown,
    os::{
        fd::AsFd as _,
        unix::{fs::OpenOptionsExt as _, net::UnixStream},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    fcntl::OFlag,
    sys::{prctl, stat::Mode},
    unistd::{mkfifo, setsid},
};
use postern_protocol::{
    messages::{Outcome, ResultRequest},
    order::Order,
};

use crate::{
    clock, durable,
    failpoint::hit,
    jobs::{self, Place, Plan, Refused},
    journal::{self, CANCEL, CONTROL, EXIT, MARK, ORDER, STARTED, Started},
    mask::Masks,
    perform, platform, policy, secrets,
};

/// What an agent writes into the channel when the start may happen: this, the time and a line's end.
pub(crate) const GO: &str = "go ";

/// What an agent writes when the server has the end.
pub(crate) const ACKNOWLEDGED: &[u8] = b"a";
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) dir: PathBuf,
    /// The standard output is the agent's channel: wait for its word, and tell it the end.
    pub(crate) attached: bool,
    /// Folder for the job's cgroup.
    pub(crate) cgroup: Option<PathBuf>,
    pub(crate) policy: policy::Source,
}

pub(crate) fn run(options: &Options) -> io::Result<()> {
    let dir = &options.dir;
    // Without the lock a second shim would be possible; with an inherited one the same file is locked already.
    let lock = File::open(dir.join(ORDER))?;
    match lock.try_lock() {
        Ok(()) | Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let (_, order) = journal::order(dir)?
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the order cannot be read"))?;
    // Fails only for a group leader, which is then its own session or a person's shell.
    let _ = setsid();
    prctl::set_child_subreaper(true)?;
    let control = open_control(dir)?;
    let channel = if options.attached {
        Some(UnixStream::from(io::stdout().as_fd().try_clone_to_owned()?))
    } else {
        None
    };
    let Some(started_us) = wait_for_word(channel.as_ref())? else {
        return Ok(());
    };
    let end = |outcome, started_us| journal::ended(outcome, started_us, clock::local_us());
    let result = if dir.join(CANCEL).exists() {
        end(Outcome::Cancelled, None)
    } else {
        match prepare(options, &order) {
            Err(refused) => end(Outcome::Refused { reason: refused.0 }, None),
            Ok(mut plan) => {
                let started = Started {
                    started_us,
                    cgroup: options.cgroup.clone(),
                    mark: platform::random_mark(),
                };
                plan.environment.push((MARK.into(), started.mark.clone().into()));
                mark_started(dir, &started)?;
                hit("shim-before-child");
                let result = run::run(&plan, &order, dir, &started, &control)?;
                if jobs::is_performed(&order.work) {
                    perform::report::add(dir, &plan.masks, result)
                } else {
                    result
                }
            }
        }
    };
    finish(dir, &result, channel)
}

/// What is to be started, when the host's owner allows it and all it needs is here.
fn prepare(options: &Options, order: &Order) -> Result<Plan, Refused> {
    let dir = &options.dir;
    let policy = options
        .policy
        .load()
        .map_err(|error| Refused(error.to_string()))?;
    policy.check(&order.work).map_err(Refused)?;
    let secrets = secrets::open(dir, order).map_err(Refused)?;
    let masks = Masks::new(&secrets).map_err(Refused)?;
    let place = Place {
        dir,
        policy: &options.policy,
        secrets: &secrets,
        masks: &masks,
    };
    jobs::plan(order, &place).map_err(|Refused(reason)| Refused(masks.text(&reason).into_owned()))
}

fn open_control(dir: &Path) -> io::Result<File> {
    let path = dir.join(CONTROL);
    match mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR) {
        Ok(()) | Err(nix::errno::Errno::EEXIST) => {}
        Err(error) => return Err(error.into()),
    }
    // Held for writing as well, so that it does not read as closed between two pokes.
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path)
}

/// `None` when the agent went away before it said go: nothing was started, the next agent tries again.
fn wait_for_word(channel: Option<&UnixStream>) -> io::Result<Option<i64>> {
    let Some(channel) = channel else {
        return Ok(Some(clock::local_us()));
    };
    let mut line = String::new();
    BufReader::new(channel).read_line(&mut line)?;
    Ok(line
        .strip_suffix('\n')
        .and_then(|line| line.strip_prefix(GO)?.parse().ok()))
}

/// Refuses to go on where another shim was before.
fn mark_started(dir: &Path, started: &Started) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(dir.join(STARTED))?;
    file.write_all(&serde_json::to_vec(started)?)
}

fn finish(dir: &Path, result: &ResultRequest, channel: Option<UnixStream>) -> io::Result<()> {
    let text = serde_json::to_vec(result)?;
    let path = dir.join(EXIT);
    hit("shim-before-exit-written");
    // From here on a kill loses nothing.
    let file = durable::write_visible(&path, &text)?;
    let told = channel.map(|mut channel| {
        // An agent that is gone finds the file.
        channel.write_all(&text)?;
        channel.shutdown(Shutdown::Write)?;
        Ok::<_, io::Error>(channel)
    });
    hit("shim-after-exit-written");
    if let Some(Ok(channel)) = told
        && is_acknowledged(&channel)
    {
        return Ok(());
    }
    run::sync_output(dir);
    // The directory may be gone already.
    let _ = durable::sync(&file, &path);
    Ok(())
}

/// A server that has the end keeps it better than this disk: no write is waited for then. Otherwise a power cut
/// could take it, so after a moment it is synced.
fn is_acknowledged(mut channel: &UnixStream) -> bool {
    let mut word = [0; 1];
    channel.set_read_timeout(Some(ACKNOWLEDGED_WITHIN)).is_ok() && matches!(channel.read(&mut word), Ok(1))
}
