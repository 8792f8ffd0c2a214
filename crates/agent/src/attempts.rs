//! Every attempt the agent holds, from the order to the acknowledgement, and which of them run now.
//!
//! All decisions are made synchronously under one lock: what is on disk and what a check-in says about it never
//! differ. Waiting for shims and for the server happens in tasks of their own.

mod launch;
mod watch;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use nix::sys::signal::{Signal, kill};
use postern_protocol::{
    keys::PublicKey,
    limits::HELD_ATTEMPTS,
    messages::{HeldAttempt, Outcome, Phase, ResultRequest},
    order::{Order, OrderError, SignedOrder},
};
use tokio::sync::Notify;

use crate::{
    api::Api,
    clock::Clock,
    failpoint::hit,
    fence::Fence,
    journal::{self, Found, Journal, Started},
    launcher::Launcher,
    platform::{self, Cgroup},
    policy, report,
};

/// An order that comes this much early is waited for; earlier ones are refused.
const EARLY_US: i64 = 5_000_000;
/// A shim that dies before it has started anything is tried again this often.
const SHIM_TRIES: u32 = 3;

pub(crate) struct Attempts {
    pub(crate) api: Arc<Api>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) journal: Journal,
    pub(crate) launcher: Launcher,
    /// Told when the server answers again after a silence: waits for resending are cut short.
    pub(crate) online: Notify,
    settings: Settings,
    state: Mutex<State>,
}

pub(crate) struct Settings {
    pub(crate) agent_id: i64,
    pub(crate) order_key: PublicKey,
    pub(crate) slots: u32,
    /// Where jobs get their cgroups.
    pub(crate) cgroup_root: Option<PathBuf>,
    /// Keeps groups of several agents on one host apart.
    pub(crate) cgroup_prefix: String,
    pub(crate) policy: policy::Source,
}

struct State {
    entries: BTreeMap<i64, Entry>,
    waiting: Vec<Waiting>,
    fence: Fence,
}

struct Entry {
    phase: Phase,
    started_us: Option<i64>,
    acknowledged: Arc<Notify>,
}

/// How many jobs may run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// When another one may start that is not critical.
    pub(crate) slots: u32,
    /// When a critical one may.
    most: u32,
}

#[derive(Debug)]
struct Waiting {
    order: Box<Order>,
    tries: u32,
}

impl Attempts {
    pub(crate) fn new(
        api: Arc<Api>,
        clock: Arc<Clock>,
        journal: Journal,
        fence: Fence,
        settings: Settings,
    ) -> Self {
        Self {
            api,
            clock,
            journal,
            launcher: Launcher::default(),
            online: Notify::new(),
            settings,
            state: Mutex::new(State {
                entries: BTreeMap::new(),
                waiting: Vec::new(),
                fence,
            }),
        }
    }

    /// Goes on with everything an earlier process left.
    pub(crate) fn recover(self: &Arc<Self>) -> std::io::Result<()> {
        let mut highest = 0;
        for id in self.journal.held()? {
            match self.journal.find(id)? {
                Found::Ready(order) => {
                    highest = highest.max(order.fence);
                    let mut state = self.state();
                    state.entries.insert(id, Entry::new(Phase::Accepted));
                    state.waiting.push(Waiting { order, tries: 0 });
                }
                Found::Running(started) => self.watch_again(id, started.as_ref()),
                Found::Lost { reason, started } => self.lost(id, reason, started.as_ref()),
                Found::Finished(result) => self.finished_before(id, *result),
                Found::Junk => {
                    self.journal.forget(id)?;
                }
            }
        }
        self.state().fence.raise(highest)?;
        self.start_waiting();
        Ok(())
    }

    /// How many jobs may run at once by now. A policy that cannot be read refuses each of them anyway.
    pub(crate) fn room(&self) -> Room {
        let policy = self.settings.policy.load().ok();
        Room::new(self.settings.slots, policy.and_then(|policy| policy.max_jobs))
    }

    /// What a check-in tells the server. An attempt that was told to start has started once its shim has left word of
    /// it: until then the shim may still refuse.
    pub(crate) fn held(&self) -> Vec<HeldAttempt> {
        let mut state = self.state();
        let held = state.entries.iter_mut().map(|(&attempt_id, entry)| {
            if entry.phase == Phase::Started && entry.started_us.is_none() {
                let started = journal::started(&self.journal.dir(attempt_id)).ok().flatten();
                entry.started_us = started.map(|started| started.started_us);
            }
            let phase = match entry.phase {
                Phase::Started if entry.started_us.is_none() => Phase::Accepted,
                phase => phase,
            };
            HeldAttempt {
                attempt_id,
                phase,
                started_us: entry.started_us,
            }
        });
        held.collect()
    }

    /// Takes new orders into the journal and starts what has a slot. Lasting when it returns. Whether any of it
    /// was news.
    pub(crate) fn take(self: &Arc<Self>, orders: Vec<SignedOrder>) -> bool {
        let held = self.state().entries.len();
        let accepted = self.accept(orders);
        let Some(highest) = accepted.iter().map(|(_, fence)| *fence).max() else {
            return self.state().entries.len() != held;
        };
        hit("after-order-written");
        // The shims come up while the disk works; none starts anything before it is told to.
        let launched = self.launch_waiting();
        hit("after-shim-spawned");
        let raised = self.state().fence.raise(highest);
        if let Err(error) = raised {
            // Nothing was started: the server hands the orders out again.
            tracing::error!("orders were not accepted, as the disk refused them: {error}");
            drop(launched);
            for (id, _) in accepted {
                self.drop_unstarted(id);
            }
            return false;
        }
        self.start(launched);
        true
    }

    /// The attempts and fences that are new in the journal.
    fn accept(self: &Arc<Self>, orders: Vec<SignedOrder>) -> Vec<(i64, i64)> {
        let mut opened: Vec<(Order, SignedOrder)> = Vec::new();
        for signed in orders {
            match signed.open(&self.settings.order_key, self.settings.agent_id) {
                Ok(order) => opened.push((order, signed)),
                Err(error @ OrderError::NotUnderstood { attempt_id, .. }) => {
                    if !self.journal.holds(attempt_id) {
                        self.conclude(
                            attempt_id,
                            Outcome::Refused {
                                reason: error.to_string(),
                            },
                        );
                    }
                }
                Err(error) => tracing::error!("an order was ignored: {error}"),
            }
        }
        opened.sort_by_key(|(order, _)| order.fence);
        let mut accepted: Vec<(i64, i64)> = Vec::new();
        for (order, signed) in opened {
            let (id, fence) = (order.attempt_id, order.fence);
            if self.journal.holds(id) {
                continue;
            }
            if self.state().entries.len() >= HELD_ATTEMPTS {
                tracing::error!("an order was ignored: {HELD_ATTEMPTS} attempts wait for acknowledgement");
                continue;
            }
            let highest = accepted
                .last()
                .map_or(0, |(_, fence)| *fence)
                .max(self.state().fence.highest());
            if fence <= highest {
                let outcome = self.stale(fence, highest);
                self.conclude(id, outcome);
                continue;
            }
            if let Err(error) = self.journal.accept(id, signed) {
                tracing::error!("order of attempt {id} was not accepted, as the disk refused it: {error}");
                let _ = self.journal.forget(id);
                continue;
            }
            tracing::info!(job = order.job_id, attempt = id, "accepted");
            accepted.push((id, fence));
            let mut state = self.state();
            state.entries.insert(id, Entry::new(Phase::Accepted));
            state.waiting.push(Waiting {
                order: Box::new(order),
                tries: 0,
            });
        }
        accepted
    }

    fn stale(&self, fence: i64, highest: i64) -> Outcome {
        if self.state().fence.is_doubtful(fence) {
            let reason = "the host went down: whether this order had been started is not known";
            Outcome::Unknown {
                reason: reason.into(),
            }
        } else {
            Outcome::Refused {
                reason: format!("the order's fence {fence} is not above {highest}: it is an old order"),
            }
        }
    }

    /// Stops attempts; being told again is harmless. Whether any of it was news.
    pub(crate) fn cancel(self: &Arc<Self>, ids: &[i64]) -> bool {
        let mut news = false;
        for &id in ids {
            let phase = self.state().entries.get(&id).map(|entry| entry.phase);
            match phase {
                Some(Phase::Accepted) => {
                    self.state()
                        .waiting
                        .retain(|waiting| waiting.order.attempt_id != id);
                    self.conclude(id, Outcome::Cancelled);
                    news = true;
                }
                Some(Phase::Started) => match launch::cancel(&self.journal.dir(id)) {
                    Ok(first) => news |= first,
                    Err(error) => tracing::error!(attempt = id, "cannot be cancelled: {error}"),
                },
                Some(Phase::Finished) | None => {}
            }
        }
        news
    }

    /// The server has these results. Whether any of it was news.
    pub(crate) fn acknowledge(&self, ids: &[i64]) -> bool {
        let state = self.state();
        let known = ids.iter().filter_map(|id| state.entries.get(id));
        known
            .filter(|entry| entry.phase == Phase::Finished)
            .fold(false, |_, entry| {
                entry.acknowledged.notify_one();
                true
            })
    }

    /// After the acknowledgement nothing is kept.
    pub(crate) fn forget(&self, id: i64) {
        hit("after-acknowledged");
        match self.journal.forget(id) {
            Ok(None) => {}
            Ok(Some(left)) => {
                tokio::task::spawn_blocking(move || std::fs::remove_dir_all(left));
            }
            Err(error) => tracing::warn!(attempt = id, "could not be removed from the journal: {error}"),
        }
        self.state().entries.remove(&id);
    }

    /// An end that no shim reports.
    fn conclude(self: &Arc<Self>, id: i64, outcome: Outcome) {
        let started_us = self.state().entries.get(&id).and_then(|entry| entry.started_us);
        let result = journal::ended(outcome, started_us, self.clock.now_us());
        if let Err(error) = self.journal.end(id, &result) {
            tracing::error!(attempt = id, "its end could not be written: {error}");
        }
        self.finished_before(id, result);
    }

    fn lost(self: &Arc<Self>, id: i64, reason: String, started: Option<&Started>) {
        tracing::warn!(attempt = id, "unknown: {reason}");
        if let Some(started) = started {
            end_leftovers(started);
        }
        if let Some(entry) = self.state().entries.get_mut(&id) {
            entry.started_us = entry.started_us.or(started.map(|started| started.started_us));
        }
        let started_us = started.map(|started| started.started_us);
        let result = journal::ended(Outcome::Unknown { reason }, started_us, self.clock.now_us());
        if let Err(error) = self.journal.end(id, &result) {
            tracing::error!(attempt = id, "its end could not be written: {error}");
        }
        self.finished_before(id, result);
    }

    fn finished_before(self: &Arc<Self>, id: i64, result: ResultRequest) {
        let acknowledged = {
            let mut state = self.state();
            let entry = state
                .entries
                .entry(id)
                .or_insert_with(|| Entry::new(Phase::Finished));
            entry.phase = Phase::Finished;
            entry.started_us = result.started_us;
            entry.acknowledged.clone()
        };
        tokio::spawn(report::finish(self.clone(), id, result, acknowledged));
    }

    fn drop_unstarted(&self, id: i64) {
        let _ = self.journal.forget(id);
        let mut state = self.state();
        state.entries.remove(&id);
        state.waiting.retain(|waiting| waiting.order.attempt_id != id);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What may start now, best first; refuses what came at the wrong time.
    fn due(self: &Arc<Self>) -> Vec<Waiting> {
        if self.state().waiting.is_empty() {
            return Vec::new();
        }
        let now = self.clock.now_us();
        let room = self.room();
        let mut due = Vec::new();
        loop {
            let next = {
                let mut state = self.state();
                let running = state
                    .entries
                    .values()
                    .filter(|entry| entry.phase == Phase::Started)
                    .count()
                    + due.len();
                state.take_next(running, room, now)
            };
            let Some(waiting) = next else { return due };
            let order = &waiting.order;
            if now > order.not_after_us {
                let reason = "the order came too late: its time to start had passed".into();
                self.conclude(order.attempt_id, Outcome::Refused { reason });
            } else if now + EARLY_US < order.not_before_us {
                let reason = "the order came before its time to start".into();
                self.conclude(order.attempt_id, Outcome::Refused { reason });
            } else if now < order.not_before_us {
                let wait = u64::try_from(order.not_before_us - now).unwrap_or(0);
                self.state().waiting.push(waiting);
                let attempts = self.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_micros(wait)).await;
                    attempts.start_waiting();
                });
                return due;
            } else {
                due.push(waiting);
            }
        }
    }
}

/// What a job goes on with when its shim is gone: nobody watches it any more.
fn end_leftovers(started: &Started) {
    let cgroup = started.cgroup.as_deref().and_then(Cgroup::existing);
    if let Some(cgroup) = &cgroup {
        cgroup.kill();
    }
    if !started.mark.is_empty() {
        let variable = format!("{}={}", journal::MARK, started.mark);
        // Again for what was born while looking; a job that outruns this many looks means to.
        for _ in 0..10 {
            let left = platform::marked(&variable);
            if left.is_empty() {
                break;
            }
            for pid in left {
                let _ = kill(pid, Signal::SIGKILL);
            }
        }
    }
    if let Some(cgroup) = cgroup {
        cgroup.remove();
    }
}

impl State {
    /// Critical first, then in the order of their fences.
    fn take_next(&mut self, running: usize, room: Room, now: i64) -> Option<Waiting> {
        let index = (0..self.waiting.len()).min_by_key(|&index| {
            let order = &self.waiting[index].order;
            (order.not_before_us > now, !order.critical, order.fence)
        })?;
        let most = if self.waiting[index].order.critical {
            room.most
        } else {
            room.slots
        };
        (running < most as usize).then(|| self.waiting.swap_remove(index))
    }
}

impl Room {
    /// The slot for critical work is one beside the agent's own setting, but one of those the host's owner allows.
    fn new(slots: u32, allowed: Option<u32>) -> Self {
        let most = allowed.map_or(slots + 1, |allowed| allowed.min(slots + 1));
        Self {
            slots: slots.min(most - 1).max(1),
            most,
        }
    }
}

impl Entry {
    fn new(phase: Phase) -> Self {
        Self {
            phase,
            started_us: None,
            acknowledged: Arc::new(Notify::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slot_for_critical_work_lies_within_what_the_owner_allows() {
        for (slots, allowed, expected) in [
            (4, None, (4, 5)),
            (4, Some(256), (4, 5)),
            (4, Some(5), (4, 5)),
            (4, Some(4), (3, 4)),
            (4, Some(2), (1, 2)),
            (4, Some(1), (1, 1)),
            (1, None, (1, 2)),
            (1, Some(2), (1, 2)),
        ] {
            let room = Room::new(slots, allowed);
            assert_eq!((room.slots, room.most), expected, "{slots}, {allowed:?}");
        }
    }
}
