//! What every part of the server shares.

use std::{path::PathBuf, sync::Arc, time::Duration};

use postern_domain::Timestamp;
use postern_store::{Gathered, Store};
use tokio::sync::{Notify, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock::SharedClock,
    error::Error,
    hub::Hub,
    keys::{Keys, MasterKey},
    metrics::Metrics,
    rooms::{
        agents::gate::Gate,
        identity::sign_in::Limiter,
        jobs::{Claimed, Looked, Written},
        notify::{Sender, mail::Mail},
        scripts::check::Checks,
        workflows::{Moving, Plans},
    },
};

#[derive(Debug, Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    /// What there is for agents.
    pub(crate) looks: Gathered<Looked, Error>,
    /// What agents are given.
    pub(crate) hand_outs: Gathered<Claimed, Error>,
    /// What agents report of their attempts.
    pub(crate) results: Gathered<Option<Written>, Error>,
    pub(crate) clock: SharedClock,
    pub(crate) keys: Keys,
    /// Seals what waits in the database.
    pub(crate) master: MasterKey,
    pub(crate) hub: Hub,
    /// A job of a rolling execution ended.
    pub(crate) rollouts: Notify,
    /// There is news for workflows.
    pub(crate) workflows: Notify,
    /// There are messages to send.
    pub(crate) deliveries: Notify,
    pub(crate) mail: Option<Mail>,
    pub(crate) webhooks: Sender,
    pub(crate) workflow_plans: Plans,
    pub(crate) moving: Moving,
    /// A place for each download of a whole execution that goes on at once.
    pub(crate) downloads: Arc<Semaphore>,
    pub(crate) gate: Gate,
    pub(crate) limiter: Limiter,
    pub(crate) script_checks: Checks,
    pub(crate) metrics: Metrics,
    pub(crate) site: Site,
    /// Cancelled when the server shuts down: waiting polls answer at once.
    pub(crate) shutdown: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("App")
    }
}

/// How the server is reached and recognised.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) public_url: String,
    pub(crate) ca_pem: String,
    pub(crate) ca_sha256: [u8; 32],
    pub(crate) key_sha256: [u8; 32],
    pub(crate) agent_binary: PathBuf,
    pub(crate) retain_jobs_days: Option<u32>,
}

impl App {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What ended before this time is removed, after so many days; `None`: all is kept.
    pub(crate) fn kept_since(&self) -> Option<(Timestamp, u32)> {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let days = self.site.retain_jobs_days?;
        Some((self.now().minus(DAY * days), days))
    }
}

impl std::ops::Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}
