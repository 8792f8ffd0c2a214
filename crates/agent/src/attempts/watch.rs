//! Waiting for the end of a started attempt: on the shim's channel, or after a restart by looking.

use std::{os::unix::net::UnixStream, sync::Arc, time::Duration};

use postern_protocol::{limits::RESULT_BYTES, messages::Phase};
use tokio::{io::AsyncReadExt as _, sync::oneshot};

use super::{Attempts, Entry, Waiting};
use crate::{
    journal::{Found, Started},
    report::{self, Ended},
};

const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Largest end a shim reports: a few numbers, a reason and a result.
const END_BYTES: u64 = RESULT_BYTES as u64 + 256 * 1024;

impl Attempts {
    pub(super) fn watch(self: &Arc<Self>, id: i64, waiting: Waiting, channel: UnixStream) {
        let attempts = self.clone();
        let ended = self.reporter(id);
        tokio::spawn(async move {
            let told = read_end(channel).await;
            attempts.settle(id, told, Some(waiting), ended).await;
        });
    }

    /// A shim that an earlier agent process started.
    pub(super) fn watch_again(self: &Arc<Self>, id: i64, started: Option<&Started>) {
        let mut entry = Entry::new(Phase::Started);
        entry.started_us = started.map(|started| started.started_us);
        self.state().entries.insert(id, entry);
        let attempts = self.clone();
        let ended = self.reporter(id);
        tokio::spawn(async move { attempts.settle(id, None, None, ended).await });
    }

    fn reporter(self: &Arc<Self>, id: i64) -> oneshot::Sender<Ended> {
        let (sender, receiver) = oneshot::channel();
        let acknowledged = self
            .state()
            .entries
            .get(&id)
            .map(|entry| entry.acknowledged.clone());
        if let Some(acknowledged) = acknowledged {
            tokio::spawn(report::follow(self.clone(), id, receiver, acknowledged));
        }
        sender
    }

    /// Without a word from the shim the journal tells how it ended.
    async fn settle(
        self: Arc<Self>,
        id: i64,
        told: Option<Ended>,
        waiting: Option<Waiting>,
        ended: oneshot::Sender<Ended>,
    ) {
        let mut result = told;
        while result.is_none() {
            match self.journal.find(id) {
                Ok(Found::Running(_)) => tokio::time::sleep(LOOK_AGAIN).await,
                Ok(Found::Finished(found)) => {
                    result = Some(Ended {
                        result: *found,
                        shim: None,
                    });
                }
                Ok(Found::Lost { reason, started }) => {
                    self.lost(id, reason, started.as_ref());
                    return self.start_waiting();
                }
                Ok(Found::Ready(order)) => {
                    // The shim died before it started anything.
                    let tries = waiting.map_or(0, |waiting| waiting.tries);
                    {
                        let mut state = self.state();
                        if let Some(entry) = state.entries.get_mut(&id) {
                            entry.phase = Phase::Accepted;
                            entry.started_us = None;
                        }
                        state.waiting.push(Waiting { order, tries });
                    }
                    return self.start_waiting();
                }
                Ok(Found::Junk) => return self.drop_unstarted(id),
                Err(error) => {
                    tracing::error!(attempt = id, "the journal cannot be read: {error}");
                    tokio::time::sleep(LOOK_AGAIN * 10).await;
                }
            }
        }
        let Some(end) = result else { return };
        let result = &end.result;
        if let Some(entry) = self.state().entries.get_mut(&id) {
            entry.phase = Phase::Finished;
            entry.started_us = result.started_us;
        }
        tracing::info!(attempt = id, outcome = ?result.outcome, "ended");
        let _ = ended.send(end);
        self.start_waiting();
    }
}

async fn read_end(channel: UnixStream) -> Option<Ended> {
    channel.set_nonblocking(true).ok()?;
    let mut channel = tokio::net::UnixStream::from_std(channel).ok()?;
    let mut text = Vec::new();
    (&mut channel).take(END_BYTES).read_to_end(&mut text).await.ok()?;
    Some(Ended {
        result: serde_json::from_slice(&text).ok()?,
        shim: Some(channel),
    })
}
