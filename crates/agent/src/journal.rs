//! What the agent has on disk about each attempt it holds: a directory per attempt (design 4).
//!
//! | File | Written by | Means |
//! |---|---|---|
//! | `order.json` | agent | accepted; its lock is held by the living shim, from before the shim exists |
//! | `started` | shim | the child may exist from now on |
//! | `stdout.N`, `stderr.N` | shim | kept output, see `output.rs` |
//! | `cancel` | agent | stop it |
//! | `report.json` | the process that performs a typed job | what it found, see `perform/report.rs` |
//! | `exit.json` | shim, or the agent when there is no shim | its end: a result without pieces |
//!
//! After a kill, files tell the truth: without `started` nothing was started, and the attempt may start. After a
//! reboot they may be older than the truth, as only the fence is synced before a start. Then every attempt
//! without an end is `unknown`, whatever its files say. No path leads to a second start.

use std::{
    fs::{File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use postern_protocol::{
    messages::{Outcome, ResultRequest},
    order::{Order, SignedOrder},
};
use serde::{Deserialize, Serialize};

use crate::durable;

pub(crate) const ORDER: &str = "order.json";
pub(crate) const STARTED: &str = "started";
pub(crate) const EXIT: &str = "exit.json";
pub(crate) const CANCEL: &str = "cancel";
/// Where the shim waits for being poked.
pub(crate) const CONTROL: &str = "control";
/// Variable that carries [`Started::mark`].
pub(crate) const MARK: &str = "POSTERN_MARK";
/// Where the job starts unless the order says otherwise.
pub(crate) const WORK: &str = "work";

#[derive(Debug, Clone)]
pub(crate) struct Journal {
    attempts: PathBuf,
    trash: PathBuf,
    boot_id: String,
}

/// Content of `order.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredOrder {
    #[serde(flatten)]
    pub(crate) signed: SignedOrder,
    pub(crate) boot_id: String,
}

/// Content of `started`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Started {
    pub(crate) started_us: i64,
    /// The job's own cgroup, once it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cgroup: Option<PathBuf>,
    /// Random text in the environment of everything the job starts: finds it again when the shim is gone.
    #[serde(default)]
    pub(crate) mark: String,
}

/// The state an attempt is found in.
#[derive(Debug)]
pub(crate) enum Found {
    /// Never started for certain.
    Ready(Box<Order>),
    /// Its shim lives.
    Running(Option<Started>),
    /// Neither shim nor end.
    Lost {
        reason: String,
        started: Option<Started>,
    },
    Finished(Box<ResultRequest>),
    /// Not wholly accepted, so never started.
    Junk,
}

impl Journal {
    pub(crate) fn open(data: &Path, boot_id: &str) -> io::Result<Self> {
        let journal = Self {
            attempts: data.join("attempts"),
            trash: data.join("trash"),
            boot_id: boot_id.to_owned(),
        };
        durable::private_directory(&journal.attempts)?;
        durable::private_directory(&journal.trash)?;
        for entry in std::fs::read_dir(&journal.trash)? {
            let _ = std::fs::remove_dir_all(entry?.path());
        }
        Ok(journal)
    }

    pub(crate) fn dir(&self, attempt: i64) -> PathBuf {
        self.attempts.join(attempt.to_string())
    }

    pub(crate) fn holds(&self, attempt: i64) -> bool {
        self.dir(attempt).exists()
    }

    /// Every attempt on disk, oldest first.
    pub(crate) fn held(&self) -> io::Result<Vec<i64>> {
        let mut ids = Vec::new();
        for entry in std::fs::read_dir(&self.attempts)? {
            if let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) {
                ids.push(id);
            }
        }
        ids.sort_unstable();
        Ok(ids)
    }

    pub(crate) fn accept(&self, attempt: i64, signed: SignedOrder) -> io::Result<()> {
        let dir = self.dir(attempt);
        durable::private_directory(&dir)?;
        let stored = StoredOrder {
            signed,
            boot_id: self.boot_id.clone(),
        };
        let text = serde_json::to_vec(&stored).map_err(io::Error::other)?;
        durable::private(&dir.join(ORDER))?.write_all(&text)
    }

    /// An end that the agent itself decides on, because there is no shim.
    pub(crate) fn end(&self, attempt: i64, result: &ResultRequest) -> io::Result<()> {
        let dir = self.dir(attempt);
        durable::private_directory(&dir)?;
        durable::write(
            &dir.join(EXIT),
            &serde_json::to_vec(result).map_err(io::Error::other)?,
        )
    }

    /// Leaves in one step, so no half of it can come back. What a job left in its folder is handed back: removing
    /// it may take long.
    pub(crate) fn forget(&self, attempt: i64) -> io::Result<Option<PathBuf>> {
        let gone = self.trash.join(attempt.to_string());
        match std::fs::rename(self.dir(attempt), &gone) {
            Ok(()) => match std::fs::remove_dir(gone.join(WORK)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Ok(Some(gone)),
                _ => std::fs::remove_dir_all(gone).map(|()| None),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn find(&self, attempt: i64) -> io::Result<Found> {
        let dir = self.dir(attempt);
        if let Some(result) = exit(&dir)? {
            return Ok(Found::Finished(Box::new(result)));
        }
        if is_locked(&dir)? {
            return Ok(Found::Running(started(&dir)?));
        }
        // The shim may have ended between the two looks.
        if let Some(result) = exit(&dir)? {
            return Ok(Found::Finished(Box::new(result)));
        }
        let started = started(&dir)?;
        let Some((stored, order)) = order(&dir)? else {
            return Ok(match started {
                Some(_) => Found::Lost {
                    reason: "the attempt's order cannot be read any more".into(),
                    started,
                },
                None => Found::Junk,
            });
        };
        if started.is_some() || dir.join(STARTED).exists() {
            let reason = "the process that watched the job was killed: whether the job finished is not known";
            return Ok(Found::Lost {
                reason: reason.into(),
                started,
            });
        }
        if stored.boot_id != self.boot_id {
            return Ok(Found::Lost {
                reason: "the host went down: whether the job had been started is not known".into(),
                started: None,
            });
        }
        Ok(Found::Ready(Box::new(order)))
    }
}

/// A result whose end is not the shim's.
pub(crate) fn ended(outcome: Outcome, started_us: Option<i64>, now_us: i64) -> ResultRequest {
    ResultRequest {
        outcome,
        started_us,
        finished_us: now_us,
        duration_us: None,
        stream_bytes: Default::default(),
        chunks: Vec::new(),
        result: None,
        failure: None,
    }
}

/// `None` as well when a power cut left it empty or half.
pub(crate) fn exit(dir: &Path) -> io::Result<Option<ResultRequest>> {
    Ok(durable::read(&dir.join(EXIT))?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

pub(crate) fn started(dir: &Path) -> io::Result<Option<Started>> {
    Ok(durable::read(&dir.join(STARTED))?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

pub(crate) fn order(dir: &Path) -> io::Result<Option<(StoredOrder, Order)>> {
    let Some(bytes) = durable::read(&dir.join(ORDER))? else {
        return Ok(None);
    };
    let Ok(stored) = serde_json::from_slice::<StoredOrder>(&bytes) else {
        return Ok(None);
    };
    Ok(serde_json::from_str(&stored.signed.order)
        .ok()
        .map(|order| (stored, order)))
}

/// Whether a shim, or an agent about to start one, holds the attempt.
pub(crate) fn is_locked(dir: &Path) -> io::Result<bool> {
    match File::open(dir.join(ORDER)) {
        Ok(file) => match file.try_lock() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use postern_protocol::{
        keys::SigningKey,
        payload::{Command, JobPayload},
    };

    use super::*;

    fn signed() -> SignedOrder {
        let order = Order {
            version: Order::VERSION,
            agent_id: 7,
            job_id: 1,
            attempt_id: 1,
            attempt: 1,
            fence: 1,
            not_before_us: 0,
            not_after_us: 10,
            timeout_seconds: 300,
            critical: false,
            work: JobPayload::Command(Command {
                argv: vec!["true".into()],
                shell: false,
                ..Default::default()
            }),
            secrets: None,
        };
        SignedOrder::sign(&order, &SigningKey::generate().unwrap()).unwrap()
    }

    fn finished() -> Vec<u8> {
        serde_json::to_vec(&ended(Outcome::Exited { code: 3 }, Some(1), 2)).unwrap()
    }

    /// An accepted attempt with these files besides, found after a restart in this boot.
    fn check(files: &[(&str, &[u8])], boot: &str, expected: &str) {
        let data = tempfile::tempdir().unwrap();
        let journal = Journal::open(data.path(), "boot-1").unwrap();
        journal.accept(1, signed()).unwrap();
        for (name, content) in files {
            std::fs::write(journal.dir(1).join(name), content).unwrap();
        }
        let found = Journal::open(data.path(), boot).unwrap().find(1).unwrap();
        let word = match found {
            Found::Ready(_) => "ready",
            Found::Running(_) => "running",
            Found::Lost { .. } => "lost",
            Found::Finished(_) => "finished",
            Found::Junk => "junk",
        };
        assert_eq!(word, expected, "{files:?} {boot}");
    }

    #[test]
    fn every_state_on_disk_is_found_as_what_it_is() {
        let started = br#"{"started_us":5}"#;
        check(&[], "boot-1", "ready");
        check(&[(STARTED, started)], "boot-1", "lost");
        check(&[(STARTED, b"{half")], "boot-1", "lost");
        check(&[(STARTED, started), (EXIT, &finished())], "boot-1", "finished");
        check(&[(STARTED, started), (EXIT, b"")], "boot-1", "lost");
        check(&[(EXIT, &finished())], "boot-1", "finished");
        check(&[(ORDER, b"{\"order\":")], "boot-1", "junk");
        check(&[(ORDER, b""), (STARTED, started)], "boot-1", "lost");
    }

    #[test]
    fn after_a_reboot_nothing_without_an_end_is_started() {
        check(&[], "boot-2", "lost");
        check(&[(STARTED, br#"{"started_us":5}"#)], "boot-2", "lost");
        check(&[(EXIT, &finished())], "boot-2", "finished");
    }

    #[test]
    fn a_locked_order_is_running() {
        let data = tempfile::tempdir().unwrap();
        let journal = Journal::open(data.path(), "boot-1").unwrap();
        journal.accept(1, signed()).unwrap();
        let lock = File::open(journal.dir(1).join(ORDER)).unwrap();
        lock.try_lock().unwrap();
        assert!(matches!(journal.find(1).unwrap(), Found::Running(None)));
        drop(lock);
        assert!(matches!(journal.find(1).unwrap(), Found::Ready(_)));
        journal.forget(1).unwrap();
        assert!(!journal.holds(1) && journal.held().unwrap().is_empty());
    }
}
