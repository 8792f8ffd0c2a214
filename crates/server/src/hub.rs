//! Wake-ups inside one server: waiting polls of agents, and people watching a job or a workflow.
//!
//! News here only says *look*: whoever is woken reads the database. Losing a wake-up costs latency, never work.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use postern_domain::{AgentId, AttemptId, InstanceId, JobId};
use tokio::sync::{Notify, broadcast};

use crate::random;

/// Watchers that read slower than this many pieces of news start again from the database.
const NEWS_KEPT: usize = 64;

#[derive(Debug)]
pub(crate) struct Hub {
    /// Tells this server's messages from those of others.
    name: String,
    polls: Mutex<HashMap<AgentId, Arc<Poll>>>,
    watched: Mutex<HashMap<Watched, broadcast::Sender<News>>>,
    /// Agents to be told of by the other servers on the database.
    outgoing: Mutex<HashSet<AgentId>>,
    outgoing_ready: Notify,
    /// Attempts whose results are being written.
    reported: Mutex<HashSet<AttemptId>>,
}

/// What people watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Watched {
    Job(JobId),
    Instance(InstanceId),
}

/// What there is to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// Seldom, and waited for.
    State,
    /// Often, and nothing is lost by looking a moment later.
    Output,
}

/// The place where an agent's check-ins wait. Only the newest one is served.
#[derive(Debug, Default)]
pub(crate) struct Poll {
    pub(crate) wake: Notify,
    newest: AtomicU64,
    open: AtomicU64,
}

/// One check-in's hold on its agent's place; dropping it leaves.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) poll: Arc<Poll>,
    number: u64,
}

impl Seat {
    /// Whether no newer check-in of the agent has come.
    pub(crate) fn is_newest(&self) -> bool {
        self.poll.newest.load(Ordering::Acquire) == self.number
    }
}

/// While this is there a result is being written.
#[derive(Debug)]
pub(crate) struct Reported<'a> {
    hub: &'a Hub,
    attempt: AttemptId,
}

impl Drop for Reported<'_> {
    fn drop(&mut self) {
        let mut reported = self.hub.reported.lock().unwrap_or_else(PoisonError::into_inner);
        reported.remove(&self.attempt);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.poll.open.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            name: random::identifier(),
            polls: Mutex::default(),
            watched: Mutex::default(),
            outgoing: Mutex::default(),
            outgoing_ready: Notify::default(),
            reported: Mutex::default(),
        }
    }
}

impl Hub {
    /// Takes the place of any older check-in of this agent, which ends empty-handed.
    pub(crate) fn sit(&self, agent: AgentId) -> Seat {
        let mut polls = self.polls.lock().unwrap_or_else(PoisonError::into_inner);
        let poll = polls.entry(agent).or_default().clone();
        poll.open.fetch_add(1, Ordering::AcqRel);
        let number = poll.newest.fetch_add(1, Ordering::AcqRel) + 1;
        poll.wake.notify_waiters();
        Seat { poll, number }
    }

    /// Wakes the agent's waiting check-in, here and on the other servers.
    pub(crate) fn wake(&self, agents: impl IntoIterator<Item = AgentId>) {
        let agents: Vec<_> = agents.into_iter().collect();
        self.wake_here(agents.iter().copied());
        self.outgoing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(agents);
        self.outgoing_ready.notify_one();
    }

    pub(crate) fn wake_here(&self, agents: impl IntoIterator<Item = AgentId>) {
        let polls = self.polls.lock().unwrap_or_else(PoisonError::into_inner);
        for agent in agents {
            if let Some(poll) = polls.get(&agent) {
                poll.wake.notify_waiters();
            }
        }
    }

    /// Agents with a check-in waiting here.
    pub(crate) fn open_polls(&self) -> Vec<AgentId> {
        let polls = self.polls.lock().unwrap_or_else(PoisonError::into_inner);
        polls
            .iter()
            .filter(|(_, poll)| poll.open.load(Ordering::Acquire) > 0)
            .map(|(id, _)| *id)
            .collect()
    }

    /// Forgets places nobody has used: agents that are gone.
    pub(crate) fn sweep(&self) {
        let mut polls = self.polls.lock().unwrap_or_else(PoisonError::into_inner);
        polls.retain(|_, poll| Arc::strong_count(poll) > 1);
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|_, sender| sender.receiver_count() > 0);
    }

    /// Waits for agents the other servers should be told of. Several wake-ups become one message.
    pub(crate) async fn outgoing(&self) -> Vec<AgentId> {
        self.outgoing_ready.notified().await;
        self.outgoing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain()
            .collect()
    }

    /// What tells other servers of these agents.
    pub(crate) fn message(&self, agents: &[AgentId]) -> String {
        let ids: Vec<String> = agents.iter().map(AgentId::to_string).collect();
        format!("{} {}", self.name, ids.join(","))
    }

    /// The agents that another server's message tells of. What this one said comes back to it, too.
    pub(crate) fn told(&self, message: &str) -> Vec<AgentId> {
        match message.split_once(' ') {
            Some((name, ids)) if name != self.name => ids
                .split(',')
                .filter_map(|id| id.parse().ok().map(AgentId))
                .collect(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn report(&self, attempt: AttemptId) -> Reported<'_> {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        reported.insert(attempt);
        Reported { hub: self, attempt }
    }

    pub(crate) fn is_reported(&self, attempt: AttemptId) -> bool {
        let reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        reported.contains(&attempt)
    }

    pub(crate) fn watch(&self, what: Watched) -> broadcast::Receiver<News> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched
            .entry(what)
            .or_insert_with(|| broadcast::channel(NEWS_KEPT).0)
            .subscribe()
    }

    pub(crate) fn job_changed(&self, job: JobId, news: News) {
        self.changed(Watched::Job(job), news);
    }

    pub(crate) fn instances_moved(&self, instances: impl IntoIterator<Item = InstanceId>) {
        for id in instances {
            self.changed(Watched::Instance(id), News::State);
        }
    }

    fn changed(&self, what: Watched, news: News) {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = watched.get(&what) {
            // Nobody listening any more is fine.
            let _ = sender.send(news);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_newer_check_in_takes_the_seat_and_wakes_the_older() {
        let hub = Hub::default();
        let first = hub.sit(AgentId(1));
        let place = first.poll.clone();
        let mut woken = std::pin::pin!(place.wake.notified());
        woken.as_mut().enable();
        let second = hub.sit(AgentId(1));
        woken.await;
        assert!(!first.is_newest() && second.is_newest());
        assert_eq!(hub.open_polls(), [AgentId(1)]);
        drop((first, second));
        assert!(hub.open_polls().is_empty());
    }

    #[tokio::test]
    async fn wake_ups_for_other_servers_are_gathered() {
        let hub = Hub::default();
        hub.wake([AgentId(1), AgentId(2)]);
        hub.wake([AgentId(1)]);
        let mut agents = hub.outgoing().await;
        agents.sort();
        assert_eq!(agents, [AgentId(1), AgentId(2)]);
    }

    #[test]
    fn what_a_server_says_is_for_the_others() {
        let (one, other) = (Hub::default(), Hub::default());
        let message = one.message(&[AgentId(1), AgentId(22)]);
        assert_eq!(other.told(&message), [AgentId(1), AgentId(22)]);
        assert_eq!(one.told(&message), []);
        assert_eq!(other.told("1,22"), [], "from nobody");
    }
}
