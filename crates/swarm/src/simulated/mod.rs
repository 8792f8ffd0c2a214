//! Simulated agents by the thousand, in this process.

mod agent;
mod link;

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use postern_api::agents::AgentCreate;
use postern_client::{Client, IdempotencyKey};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{programs::Server, simulated::agent::SimulatedAgent};
use link::Address;

/// Agents that join at the same time. The real world has no such bound; the REST client's connection has.
const AT_ONCE: usize = 48;

/// What all agents of a swarm share.
pub(crate) struct Shared {
    address: Address,
    born: Instant,
    acknowledged: AtomicU64,
    /// Microseconds after `born`.
    last_acknowledged_us: AtomicU64,
    failures: AtomicU64,
    first_failure: Mutex<Option<String>>,
    /// Told of every agent that has ended a job.
    free: OnceLock<mpsc::Sender<i64>>,
}

impl Shared {
    fn note_acknowledged(&self, agent: i64) {
        let now = u64::try_from(self.born.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.last_acknowledged_us.fetch_max(now, Ordering::Relaxed);
        self.acknowledged.fetch_add(1, Ordering::Release);
        if let Some(free) = self.free.get() {
            // Room for every agent; nobody listens any more when the measurement is over.
            let _ = free.try_send(agent);
        }
    }

    fn note_failure(&self, error: &anyhow::Error) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let mut first = self.first_failure.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| format!("{error:#}"));
    }
}

/// Leaves when it is dropped: every connection is closed.
pub(crate) struct Swarm {
    shared: Arc<Shared>,
    agents: JoinSet<()>,
}

/// How long it took until every agent had …
pub(crate) struct Joined {
    pub(crate) created: Duration,
    /// … enrolled and sent its first check-in.
    pub(crate) enrolled: Duration,
}

impl Swarm {
    /// Creates agents through the REST API, enrols each over its own connection and lets it check in. Their names
    /// begin with `prefix`.
    pub(crate) async fn join(server: &Server, prefix: &'static str, count: usize) -> Result<(Self, Joined)> {
        let shared = Arc::new(Shared {
            address: Address::new(&server.url, &server.ca_pem)?,
            born: Instant::now(),
            acknowledged: AtomicU64::new(0),
            last_acknowledged_us: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            first_failure: Mutex::new(None),
            free: OnceLock::new(),
        });
        let begun = shared.born;
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut joining = JoinSet::new();
        let mut agents = JoinSet::new();
        let mut created = Duration::ZERO;
        let mut joined = 0;
        for number in 0..count {
            let place = places.clone().acquire_owned().await?;
            let (shared, client) = (shared.clone(), server.client.clone());
            joining.spawn(async move {
                let token = create(&client, prefix, number).await?;
                let created = begun.elapsed();
                let (agent, link) = SimulatedAgent::enroll(shared, token).await?;
                drop(place);
                anyhow::Ok((agent, link, created))
            });
            while let Some(done) = joining.try_join_next() {
                let (agent, link, at) = done??;
                created = created.max(at);
                joined += 1;
                agents.spawn(agent.run(link));
            }
        }
        while let Some(done) = joining.join_next().await {
            let (agent, link, at) = done??;
            created = created.max(at);
            joined += 1;
            agents.spawn(agent.run(link));
        }
        anyhow::ensure!(joined == count, "{joined} of {count} agents joined");
        let enrolled = begun.elapsed();
        Ok((Self { shared, agents }, Joined { created, enrolled }))
    }

    pub(crate) fn born(&self) -> Instant {
        self.shared.born
    }

    pub(crate) fn len(&self) -> usize {
        self.agents.len()
    }

    /// Results the server has acknowledged, and when the last one was.
    pub(crate) fn acknowledged(&self) -> (u64, Instant) {
        let count = self.shared.acknowledged.load(Ordering::Acquire);
        let last = Duration::from_micros(self.shared.last_acknowledged_us.load(Ordering::Relaxed));
        (count, self.shared.born + last)
    }

    /// Until so many results were acknowledged; returns when the last one was.
    pub(crate) async fn acknowledged_at_least(&self, count: u64, within: Duration) -> Result<Instant> {
        let begun = Instant::now();
        loop {
            let (done, last) = self.acknowledged();
            if done >= count {
                return Ok(last);
            }
            self.check()?;
            if begun.elapsed() > within {
                bail!("{done} of {count} results were acknowledged within {within:?}");
            }
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// From now on tells of every agent that has ended a job. Once in a swarm's life.
    pub(crate) fn watch_free(&self) -> Result<mpsc::Receiver<i64>> {
        let (sender, receiver) = mpsc::channel(2 * self.len());
        self.shared
            .free
            .set(sender)
            .ok()
            .context("the swarm is watched already")?;
        Ok(receiver)
    }

    /// That no agent was refused or cut off: figures of a swarm in trouble mean nothing.
    pub(crate) fn check(&self) -> Result<()> {
        match self.shared.failures.load(Ordering::Relaxed) {
            0 => Ok(()),
            count => {
                let first = self
                    .shared
                    .first_failure
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                bail!(
                    "{count} requests of agents failed; the first: {}",
                    first.as_deref().unwrap_or_default()
                )
            }
        }
    }
}

/// Returns the enrolment token.
async fn create(client: &Client, prefix: &str, number: usize) -> Result<String> {
    let request = AgentCreate {
        name: format!("{prefix}-{number:05}"),
        organization_id: None,
        department_id: None,
        labels: std::collections::BTreeMap::default(),
    };
    let created = client.agent_create(&request, &IdempotencyKey::random()).await?;
    Ok(created.enrollment_token)
}
