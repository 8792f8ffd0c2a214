//! The life of a job (spec 4): which event is allowed in which state, and what follows from it.
//!
//! `step` is the only place that decides a job's next state. The caller loads the job, asks, and writes what
//! comes back together with its audit record. Handing out and waiting are decided in `queue`.

mod queue;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use queue::{AgentLoad, CRITICAL_SLOTS, DEFAULT_SLOTS, MAX_SLOTS, WaitReason, pick, wait_reason};

use crate::{Timestamp, agent::SEEN_WITHIN};

/// A job still queued this long after it was due has failed.
pub const STALE_AFTER: Duration = Duration::from_secs(30 * 60);
pub const NOT_PICKED_UP: &str = "Agent did not pick up job";

pub const DEFAULT_TIMEOUT_SECONDS: u32 = 300;
pub const MAX_TIMEOUT_SECONDS: u32 = 7 * 24 * 3600;

macro_rules! word_enum {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:tt),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        pub enum $name { $(#[serde(rename = $text)] $variant),+ }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

word_enum! {
    JobState {
        Queued = "queued",
        Pending = "pending",
        Running = "running",
        Completed = "completed",
        Failed = "failed",
        Timeout = "timeout",
        Cancelled = "cancelled",
        Unknown = "unknown",
    }
}

word_enum! {
    /// Order on an agent; the first is served first.
    Priority { Critical = "critical", High = "high", Normal = "normal" }
}

impl JobState {
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Failed | Self::Timeout | Self::Cancelled | Self::Unknown
        )
    }

    /// Spec 4: delete is allowed here. A timed-out job may still be running on its host, so it stays.
    pub const fn is_deletable(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Failed | Self::Cancelled | Self::Unknown
        )
    }
}

/// What the rules need to know of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub state: JobState,
    /// Number of the current attempt, from 1.
    pub attempt: u32,
    pub cancel_requested: bool,
    pub timeout: Duration,
    /// When it should have been picked up: its scheduled time, or when it was last queued if that is later.
    pub due: Timestamp,
    pub started: Option<Timestamp>,
    /// Why it ended as it did, in words for a person.
    pub reason: Option<String>,
    pub exit_code: Option<i32>,
}

/// How an attempt ended, as the agent says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Exited(i32),
    /// Killed by the agent at the timeout.
    TimedOut,
    /// Stopped because the server asked; the whole process tree is gone.
    Cancelled,
    /// Never started, with the reason: the agent's policy, a missing interpreter, an order it cannot read.
    Refused(String),
    /// Ended without an exit code: killed by a signal from elsewhere.
    Signalled(i32),
    /// The agent cannot say: its shim or its host died in the middle.
    Unknown(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The order for the current attempt is handed to the agent.
    Handed,
    Started {
        attempt: u32,
        at: Timestamp,
    },
    Finished {
        attempt: u32,
        outcome: Outcome,
    },
    CancelRequested,
    RetryRequested,
    /// Its execution stopped before its turn came.
    Dropped {
        reason: String,
    },
    /// No agent can read its order, so none has it.
    Undeliverable {
        reason: String,
    },
    /// The agent spoke and does not hold the attempt it was given.
    NotHeld,
    /// The agent joined anew: whatever it was doing before, nobody can say.
    AgentReset,
    /// Its agent is removed, and nobody will ever say more of it.
    AgentDeleted,
    /// Time passed. `agent_seen`: when the agent last spoke.
    Tick {
        agent_seen: Option<Timestamp>,
    },
}

/// What the caller must do besides writing the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing changed; nothing is to be written.
    Nothing,
    /// Write the new state.
    Write,
    /// Write, and tell the agent: there is work, or something to cancel.
    WriteAndWake,
    /// Hand the order of the same attempt out again: the agent never had it.
    Redeliver,
    /// The state stands; keep this result beside it.
    KeepLate,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("cannot {action} a job that is {state}: {allowed}")]
    WrongState {
        action: &'static str,
        state: JobState,
        allowed: &'static str,
    },
}

pub fn step(job: &Job, event: Event, now: Timestamp) -> Result<(Job, Effect), Refusal> {
    let mut next = job.clone();
    let effect = match event {
        Event::Handed => match job.state {
            JobState::Queued => {
                next.state = JobState::Pending;
                Effect::Write
            }
            state => return Err(wrong_state("hand out", state, "only queued jobs are handed out")),
        },
        Event::Started { attempt, at } => match job.state {
            JobState::Pending if attempt == job.attempt => {
                next.state = JobState::Running;
                next.started = Some(at.min(now));
                Effect::Write
            }
            _ => Effect::Nothing,
        },
        Event::Finished { attempt, outcome } => {
            if attempt == job.attempt && matches!(job.state, JobState::Pending | JobState::Running) {
                finish(&mut next, outcome);
                Effect::Write
            } else {
                Effect::KeepLate
            }
        }
        Event::CancelRequested => match job.state {
            JobState::Queued => {
                end(
                    &mut next,
                    JobState::Cancelled,
                    "Cancelled before it was handed to the agent",
                );
                Effect::Write
            }
            JobState::Pending | JobState::Running => {
                next.cancel_requested = true;
                if job.cancel_requested {
                    Effect::Nothing
                } else {
                    Effect::WriteAndWake
                }
            }
            state => {
                return Err(wrong_state(
                    "cancel",
                    state,
                    "only queued, pending and running jobs can be cancelled",
                ));
            }
        },
        Event::Dropped { reason } => match job.state {
            JobState::Queued => {
                end(&mut next, JobState::Cancelled, &reason);
                Effect::Write
            }
            _ => Effect::Nothing,
        },
        Event::Undeliverable { reason } => match job.state {
            JobState::Queued | JobState::Pending => {
                end(&mut next, JobState::Failed, &reason);
                Effect::Write
            }
            _ => Effect::Nothing,
        },
        Event::RetryRequested => match job.state {
            JobState::Failed | JobState::Timeout | JobState::Unknown => {
                next = Job {
                    state: JobState::Queued,
                    attempt: job.attempt.saturating_add(1),
                    cancel_requested: false,
                    due: now,
                    started: None,
                    reason: None,
                    exit_code: None,
                    ..next
                };
                Effect::WriteAndWake
            }
            state => {
                return Err(wrong_state(
                    "retry",
                    state,
                    "only failed, timeout and unknown jobs can be retried",
                ));
            }
        },
        Event::NotHeld => match job.state {
            JobState::Pending if job.cancel_requested => {
                end(
                    &mut next,
                    JobState::Cancelled,
                    "Cancelled; the agent had never received it",
                );
                Effect::Write
            }
            JobState::Pending => Effect::Redeliver,
            JobState::Running => {
                end(
                    &mut next,
                    JobState::Unknown,
                    "The agent no longer knows this attempt",
                );
                Effect::Write
            }
            _ => Effect::Nothing,
        },
        Event::AgentReset => match job.state {
            JobState::Pending | JobState::Running => {
                end(
                    &mut next,
                    JobState::Unknown,
                    "The agent joined anew while it had this attempt",
                );
                Effect::Write
            }
            _ => Effect::Nothing,
        },
        Event::AgentDeleted => match job.state {
            JobState::Queued => {
                end(&mut next, JobState::Cancelled, "Its agent was deleted");
                Effect::Write
            }
            JobState::Pending | JobState::Running => {
                end(
                    &mut next,
                    JobState::Unknown,
                    "The agent was deleted while it had this attempt",
                );
                Effect::Write
            }
            _ => Effect::Nothing,
        },
        Event::Tick { agent_seen } => tick(job, &mut next, agent_seen, now),
    };
    Ok((next, effect))
}

/// Whether the job may be deleted now.
pub fn delete(state: JobState) -> Result<(), Refusal> {
    if state.is_deletable() {
        Ok(())
    } else {
        let allowed = "only completed, failed, cancelled and unknown jobs can be deleted";
        Err(wrong_state("delete", state, allowed))
    }
}

fn tick(job: &Job, next: &mut Job, agent_seen: Option<Timestamp>, now: Timestamp) -> Effect {
    let heard = agent_seen.unwrap_or(job.due);
    match job.state {
        JobState::Queued if now.since(job.due) > STALE_AFTER => {
            end(next, JobState::Failed, NOT_PICKED_UP);
            Effect::Write
        }
        // An agent whose long poll is open is not silent: below the time after which it counts as disconnected, no
        // timeout is short enough to take its word from it.
        JobState::Running
            if now.since(heard.max(job.started.unwrap_or(job.due))) > (job.timeout * 2).max(SEEN_WITHIN) =>
        {
            end(
                next,
                JobState::Timeout,
                "The agent was silent for more than twice the timeout",
            );
            Effect::Write
        }
        // It may have started before the agent fell silent, or never: we do not guess.
        JobState::Pending if now.since(heard.max(job.due)) > STALE_AFTER + job.timeout * 2 => {
            end(
                next,
                JobState::Unknown,
                "The agent was given the job and fell silent",
            );
            Effect::Write
        }
        _ => Effect::Nothing,
    }
}

fn finish(next: &mut Job, outcome: Outcome) {
    match outcome {
        Outcome::Exited(0) => {
            next.state = JobState::Completed;
            next.exit_code = Some(0);
        }
        Outcome::Exited(code) => {
            end(next, JobState::Failed, &format!("Exit code {code}"));
            next.exit_code = Some(code);
        }
        Outcome::Signalled(signal) => {
            end(next, JobState::Failed, &format!("Killed by signal {signal}"));
            next.exit_code = Some(128_i32.saturating_add(signal));
        }
        Outcome::TimedOut => {
            let seconds = next.timeout.as_secs();
            end(
                next,
                JobState::Timeout,
                &format!("Killed by the agent after {seconds} seconds"),
            );
        }
        Outcome::Cancelled if next.cancel_requested => {
            end(next, JobState::Cancelled, "Cancelled; the process tree is gone");
        }
        Outcome::Cancelled => end(
            next,
            JobState::Failed,
            "Stopped on the agent without a request of the server",
        ),
        Outcome::Refused(reason) => end(next, JobState::Failed, &reason),
        Outcome::Unknown(reason) => end(next, JobState::Unknown, &reason),
    }
}

fn end(next: &mut Job, state: JobState, reason: &str) {
    next.state = state;
    next.reason = Some(reason.to_owned());
}

fn wrong_state(action: &'static str, state: JobState, allowed: &'static str) -> Refusal {
    Refusal::WrongState {
        action,
        state,
        allowed,
    }
}
