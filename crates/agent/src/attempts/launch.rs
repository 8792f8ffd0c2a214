//! Bringing up shims and telling them to stop.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::{fs::OpenOptionsExt as _, net::UnixStream},
    path::Path,
    sync::Arc,
};

use nix::fcntl::OFlag;
use postern_protocol::messages::{Outcome, Phase};

use super::{Attempts, SHIM_TRIES, Waiting};
use crate::{
    failpoint::hit,
    journal::{CANCEL, CONTROL, ORDER},
    launcher::Birth,
    shim::GO,
};

/// A shim that waits for the word.
pub(super) struct Launched {
    waiting: Waiting,
    channel: UnixStream,
}

impl Attempts {
    /// Starts what waits and has a slot. The orders' fences are on disk already.
    pub(super) fn start_waiting(self: &Arc<Self>) {
        let launched = self.launch_waiting();
        self.start(launched);
    }

    pub(super) fn launch_waiting(self: &Arc<Self>) -> Vec<Launched> {
        let mut launched = Vec::new();
        for mut waiting in self.due() {
            let id = waiting.order.attempt_id;
            waiting.tries += 1;
            if waiting.tries > SHIM_TRIES {
                let reason = "the process that watches a job died each time before it could start".into();
                self.conclude(id, Outcome::Refused { reason });
                continue;
            }
            let cgroup = self
                .settings
                .cgroup_root
                .as_ref()
                .map(|root| root.join(format!("{}-{id}", self.settings.cgroup_prefix)));
            let birth = Birth {
                dir: self.journal.dir(id),
                cgroup,
                policy: self.settings.policy.clone(),
            };
            match self.bring_up(&birth) {
                Ok(channel) => launched.push(Launched { waiting, channel }),
                Err(error) => {
                    let reason = format!("the agent could not start a process: {error}");
                    self.conclude(id, Outcome::Refused { reason });
                }
            }
        }
        launched
    }

    /// The lock on the order is the shim's from the moment it exists.
    fn bring_up(&self, birth: &Birth) -> io::Result<UnixStream> {
        let lock = File::open(birth.dir.join(ORDER))?;
        lock.try_lock().map_err(io::Error::from)?;
        let (ours, theirs) = UnixStream::pair()?;
        self.launcher.launch(birth, &lock, &theirs)?;
        Ok(ours)
    }

    pub(super) fn start(self: &Arc<Self>, launched: Vec<Launched>) {
        for Launched { waiting, channel } in launched {
            let id = waiting.order.attempt_id;
            let started_us = self.clock.now_us();
            hit("before-started");
            if let Err(error) = (&channel).write_all(format!("{GO}{started_us}\n").as_bytes()) {
                // Its end is found on the channel like any other.
                tracing::warn!(attempt = id, "the shim did not hear: {error}");
            }
            hit("after-started");
            if let Some(entry) = self.state().entries.get_mut(&id) {
                entry.phase = Phase::Started;
            }
            self.watch(id, waiting, channel);
        }
    }
}

/// Leaves word and wakes the shim. A shim that does not listen yet looks for the word before it starts. Whether
/// the word is new.
pub(super) fn cancel(dir: &Path) -> io::Result<bool> {
    let word = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(dir.join(CANCEL));
    let first = match word {
        Ok(_) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(error) => return Err(error),
    };
    let control = OpenOptions::new()
        .write(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(dir.join(CONTROL));
    if let Ok(mut control) = control {
        let _ = control.write(b"c");
    }
    Ok(first)
}
