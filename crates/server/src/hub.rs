//! Wake-ups inside one server: waiting polls of agents, and people watching a job.
//!
//! News here only says *look*: whoever is woken reads the database. Losing a wake-up costs latency, never work.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use postern_domain::{AgentId, JobId};
use tokio::sync::{Notify, broadcast};

/// Watchers of one job that read slower than this many pieces of news start again from the database.
const NEWS_KEPT: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Hub {
    polls: Mutex<HashMap<AgentId, Arc<Poll>>>,
    watched: Mutex<HashMap<JobId, broadcast::Sender<News>>>,
    /// Agents to be told of by the other servers on the database.
    outgoing: Mutex<std::collections::HashSet<AgentId>>,
    outgoing_ready: Notify,
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

impl Drop for Seat {
    fn drop(&mut self) {
        self.poll.open.fetch_sub(1, Ordering::AcqRel);
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

    pub(crate) fn watch(&self, job: JobId) -> broadcast::Receiver<News> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched
            .entry(job)
            .or_insert_with(|| broadcast::channel(NEWS_KEPT).0)
            .subscribe()
    }

    pub(crate) fn job_changed(&self, job: JobId, news: News) {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = watched.get(&job) {
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
}
