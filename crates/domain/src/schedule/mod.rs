//! Schedules (spec 4): what becomes of a tick.
//!
//! A schedule knows its next tick. Whoever looks at it asks `step` and writes what it says in one transaction: the
//! child, the record of the tick and the next tick stand or fall together, so each tick has at most one child.

mod cron;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use cron::{Cron, CronError};

use crate::Timestamp;

/// A tick that is looked at this much later was missed: no server was there.
pub const LATE_AFTER: Duration = Duration::from_secs(60);
/// Missed ticks are counted up to this many.
pub const MOST_MISSED: u32 = 10_000;

/// What becomes of ticks while no server ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    Skip,
    /// All of them together make one run.
    RunOnce,
}

/// What becomes of a tick while the child of one before is not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    Allow,
    Skip,
    /// It runs when the one before has finished; of several that wait, and one that is due then, the last one does.
    Queue,
}

/// What the rules need to know of a schedule.
#[derive(Debug, Clone)]
pub struct Schedule {
    pub cron: Cron,
    pub missed: Missed,
    pub overlap: Overlap,
    pub ends: Option<Timestamp>,
    pub max_runs: Option<u32>,
    /// Children so far.
    pub runs: u32,
    /// The next tick; `None` once it has ended.
    pub next: Option<Timestamp>,
    /// A tick that waits for the child before it, or for the end of a blackout.
    pub waiting: Option<Timestamp>,
}

impl Schedule {
    /// Ticks until then have been decided, whatever the clock says now: the next one comes later.
    #[must_use]
    pub fn past(mut self, decided: Option<Timestamp>) -> Self {
        if let Some(decided) = decided
            && self.next.is_some_and(|next| next <= decided)
        {
            self.next = first(&self.cron, self.ends, self.max_runs, self.runs, decided);
        }
        self
    }
}

/// How things stand around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Around {
    /// Whether the last child has not finished.
    pub child_open: bool,
    pub blackout: Option<Blackout>,
}

/// A time in which nothing begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blackout {
    /// The tick runs when it is over.
    Wait,
    Skip,
}

/// What becomes of one tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Run,
    /// No server was there. How many ticks with it.
    Missed(u32),
    SkippedForOverlap,
    SkippedForBlackout,
    /// A later tick ran in its place, or waits there.
    Replaced,
}

/// What to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub ticks: Vec<(Timestamp, Fate)>,
    pub next: Option<Timestamp>,
    pub waiting: Option<Timestamp>,
}

/// Where a new or changed schedule begins.
pub fn first(
    cron: &Cron,
    ends: Option<Timestamp>,
    max_runs: Option<u32>,
    runs: u32,
    now: Timestamp,
) -> Option<Timestamp> {
    let open = max_runs.is_none_or(|most| runs < most);
    cron.next(now)
        .filter(|tick| open && ends.is_none_or(|end| *tick <= end))
}

/// What becomes of the ticks that are due. Nothing to write: `None`.
pub fn step(schedule: &Schedule, around: Around, now: Timestamp) -> Option<Step> {
    let mut ticks = Vec::new();
    let mut waiting = schedule.waiting;
    let mut next = schedule.next;
    if let Some(due) = next.filter(|due| *due <= now) {
        let mut tick = Some(due);
        let mut decided = due;
        if now.since(due) > LATE_AFTER {
            decided = now;
            // All that is due counts as missed, and the last of it may still run. After its end nothing is due.
            let until = schedule.ends.map_or(now, |ends| ends.min(now));
            let (latest, more) = schedule.cron.between(due, until, MOST_MISSED);
            let latest = latest.unwrap_or(due);
            let on_time = now.since(latest) <= LATE_AFTER;
            let missed = if on_time || schedule.missed == Missed::RunOnce {
                more
            } else {
                more + 1
            };
            if missed > 0 {
                ticks.push((due, Fate::Missed(missed)));
            }
            // The first missed one stands for all of them in the record; the run has a time of its own.
            tick = (on_time || schedule.missed == Missed::RunOnce).then_some(latest);
            if tick == Some(due) {
                ticks.clear();
            }
        }
        if let Some(tick) = tick {
            let fate = fate(schedule.overlap, around);
            // Of one that waited and this one the last one runs, or waits on; else neither does.
            if let Some(before) = waiting.take() {
                let passed = fate.filter(|fate| *fate != Fate::Run);
                ticks.push((before, passed.unwrap_or(Fate::Replaced)));
            }
            match fate {
                Some(fate) => ticks.push((tick, fate)),
                None => waiting = Some(tick),
            }
        }
        next = first(&schedule.cron, schedule.ends, None, 0, decided);
    } else if let Some(tick) = waiting {
        let fate = fate(schedule.overlap, around)?;
        ticks.push((tick, fate));
        waiting = None;
    } else {
        return None;
    }
    let begun = ticks.iter().filter(|(_, fate)| *fate == Fate::Run).count();
    let runs = schedule.runs + u32::try_from(begun).unwrap_or(u32::MAX);
    if schedule.max_runs.is_some_and(|most| runs >= most) {
        next = None;
    }
    Some(Step { ticks, next, waiting })
}

/// `None`: it waits.
fn fate(overlap: Overlap, around: Around) -> Option<Fate> {
    match around.blackout {
        Some(Blackout::Wait) => return None,
        Some(Blackout::Skip) => return Some(Fate::SkippedForBlackout),
        None => {}
    }
    match overlap {
        _ if !around.child_open => Some(Fate::Run),
        Overlap::Allow => Some(Fate::Run),
        Overlap::Skip => Some(Fate::SkippedForOverlap),
        Overlap::Queue => None,
    }
}
