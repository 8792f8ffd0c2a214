//! Rolling executions: hosts in batches, a pause between them, and an end when too many fail.
//!
//! Batches are cut when the execution is made. Hosts with the label `canary` come first and in batches of their
//! own. A batch begins when every job of the one before it is over; the threshold is looked at whenever a job ends,
//! and what has not been handed to an agent by then is cancelled.

use std::{ops::Range, time::Duration};

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Hosts that have it (with any value but `false`) go first.
pub const CANARY: &str = "canary";
pub const MAX_PAUSE_SECONDS: u32 = 24 * 3600;

/// How an execution goes over its hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Rolling {
    /// Hosts at once.
    pub batch: Amount,
    /// Between the end of a batch and the begin of the next; at most 86400.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pause_seconds: u32,
    /// As soon as this many hosts failed, timed out or became unknown, the rest is cancelled. Never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_after: Option<Amount>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A number of hosts: `{"hosts": 5}` or `{"percent": 20}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Amount {
    /// 1 or more.
    Hosts(u32),
    /// 1 to 100 of all hosts, rounded up.
    Percent(u32),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct RollingError {
    pub field: &'static str,
    pub problem: String,
}

impl Amount {
    fn of(self, total: usize) -> usize {
        match self {
            Self::Hosts(hosts) => hosts as usize,
            Self::Percent(percent) => (total * percent as usize).div_ceil(100),
        }
        .max(1)
    }

    fn check(self, field: &'static str) -> Result<(), RollingError> {
        let problem = match self {
            Self::Hosts(0) => "must be at least 1 host",
            Self::Percent(0 | 101..) => "must be 1 to 100 percent",
            _ => return Ok(()),
        };
        Err(RollingError {
            field,
            problem: problem.to_owned(),
        })
    }
}

impl Rolling {
    pub fn check(&self) -> Result<(), RollingError> {
        self.batch.check("batch")?;
        if let Some(stop) = self.stop_after {
            stop.check("stop_after")?;
        }
        if self.pause_seconds > MAX_PAUSE_SECONDS {
            return Err(RollingError {
                field: "pause_seconds",
                problem: format!("must be at most {MAX_PAUSE_SECONDS}"),
            });
        }
        Ok(())
    }

    /// Which hosts make up each batch, when the first `canaries` of `total` hosts are canaries.
    pub fn batches(&self, total: usize, canaries: usize) -> Vec<Range<usize>> {
        let size = self.batch.of(total);
        let canaries = canaries.min(total);
        let cut = |range: Range<usize>| {
            let end = range.end;
            range
                .step_by(size)
                .map(move |begin| begin..(begin + size).min(end))
        };
        cut(0..canaries).chain(cut(canaries..total)).collect()
    }
}

/// Where a rolling execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Jobs in all.
    pub total: usize,
    /// Failed, timed out or unknown.
    pub failed: usize,
    /// Released and not over.
    pub open: usize,
    /// Not released yet.
    pub held: usize,
    /// When the last of the released jobs ended; `None` while none has.
    pub last_end: Option<Timestamp>,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Jobs of this batch are still on their way.
    Wait,
    /// The pause after a batch.
    WaitUntil(Timestamp),
    ReleaseNext,
    /// Cancel what waits, with this reason.
    Stop(String),
    Finished,
}

pub fn step(rolling: &Rolling, progress: Progress, now: Timestamp) -> Step {
    let Progress {
        total,
        failed,
        open,
        held,
        last_end,
    } = progress;
    if let Some(limit) = rolling.stop_after.map(|amount| amount.of(total))
        && failed >= limit
        && held + open > 0
    {
        return Step::Stop(format!(
            "Not started: the execution stopped after {failed} of {total} hosts failed"
        ));
    }
    if held == 0 {
        return if open == 0 { Step::Finished } else { Step::Wait };
    }
    if open > 0 {
        return Step::Wait;
    }
    let pause = Duration::from_secs(rolling.pause_seconds.into());
    match last_end.map(|end| end.plus(pause)) {
        Some(until) if until > now => Step::WaitUntil(until),
        _ => Step::ReleaseNext,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rolling(batch: Amount, stop_after: Option<Amount>) -> Rolling {
        Rolling {
            batch,
            pause_seconds: 10,
            stop_after,
        }
    }

    fn progress(failed: usize, open: usize, held: usize) -> Progress {
        Progress {
            total: 20,
            failed,
            open,
            held,
            last_end: Some(at(100)),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn hosts_are_cut_into_batches_with_canaries_by_themselves() {
        let five = rolling(Amount::Hosts(5), None);
        assert_eq!(five.batches(12, 0), [0..5, 5..10, 10..12]);
        assert_eq!(five.batches(12, 2), [0..2, 2..7, 7..12]);
        assert_eq!(five.batches(6, 6), [0..5, 5..6]);
        assert_eq!(five.batches(0, 0), Vec::<Range<usize>>::new());
        assert_eq!(rolling(Amount::Percent(30), None).batches(4, 0), [0..2, 2..4]);
        assert_eq!(
            rolling(Amount::Percent(1), None).batches(3, 0),
            [0..1, 1..2, 2..3]
        );
    }

    #[test]
    fn a_batch_follows_when_the_one_before_is_over_and_the_pause_too() {
        let rolling = rolling(Amount::Hosts(5), Some(Amount::Hosts(2)));
        assert_eq!(step(&rolling, progress(0, 1, 10), at(500)), Step::Wait);
        assert_eq!(
            step(&rolling, progress(1, 0, 10), at(109)),
            Step::WaitUntil(at(110))
        );
        assert_eq!(step(&rolling, progress(1, 0, 10), at(110)), Step::ReleaseNext);
        assert_eq!(step(&rolling, progress(1, 3, 0), at(110)), Step::Wait);
        assert_eq!(step(&rolling, progress(1, 0, 0), at(110)), Step::Finished);
    }

    #[test]
    fn it_stops_at_the_threshold_while_there_is_something_to_stop() {
        for (stop_after, failed, stops) in [
            (Some(Amount::Hosts(2)), 1, false),
            (Some(Amount::Hosts(2)), 2, true),
            (Some(Amount::Percent(10)), 1, false),
            (Some(Amount::Percent(10)), 2, true),
            (None, 19, false),
        ] {
            let found = step(
                &rolling(Amount::Hosts(5), stop_after),
                progress(failed, 1, 5),
                at(0),
            );
            assert_eq!(matches!(found, Step::Stop(_)), stops, "{stop_after:?} {failed}");
        }
        let one = rolling(Amount::Hosts(5), Some(Amount::Hosts(1)));
        assert_eq!(step(&one, progress(3, 0, 0), at(0)), Step::Finished);
    }

    #[test]
    fn bounds_at_and_beyond() {
        let wrong = |batch, pause_seconds, stop_after| {
            Rolling {
                batch,
                pause_seconds,
                stop_after,
            }
            .check()
            .err()
            .map(|error| error.field)
        };
        assert_eq!(
            wrong(Amount::Hosts(1), MAX_PAUSE_SECONDS, Some(Amount::Percent(100))),
            None
        );
        assert_eq!(wrong(Amount::Hosts(0), 0, None), Some("batch"));
        assert_eq!(wrong(Amount::Percent(101), 0, None), Some("batch"));
        assert_eq!(
            wrong(Amount::Hosts(1), MAX_PAUSE_SECONDS + 1, None),
            Some("pause_seconds")
        );
        assert_eq!(
            wrong(Amount::Hosts(1), 0, Some(Amount::Percent(0))),
            Some("stop_after")
        );
    }
}
