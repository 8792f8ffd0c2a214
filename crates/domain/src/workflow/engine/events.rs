//! What happens to an instance, and what has to be done for it.

use serde::{Deserialize, Serialize};

use super::InstanceState;
use crate::{Timestamp, workflow::plan::StepIndex};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Begin,
    /// The answer to [`Effect::Perform`].
    Answered {
        run: u32,
        attempt: u32,
        answer: Answer,
    },
    /// The time of [`Effect::WakeAt`] or [`Effect::Deadline`] has come.
    Due {
        run: u32,
    },
    Cancel {
        reason: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Jobs that have ended, those of earlier tries counted in.
    Hosts {
        succeeded: usize,
        hosts: usize,
    },
    /// The instance that it started has ended.
    Ended {
        completed: bool,
    },
    Succeeded,
    /// Also a condition that could not be evaluated, a variable that does not exist, a rejected approval.
    Failed,
    /// What a condition came to.
    Decided(bool),
}

/// What led to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    Start,
    /// It began here, with the results of another instance.
    Retry,
    /// A branch of this run of a parallel step.
    Branch {
        of: u32,
    },
    Success {
        of: u32,
    },
    Failure {
        of: u32,
    },
    True {
        of: u32,
    },
    False {
        of: u32,
    },
}

impl Cause {
    pub const fn is_branch(self) -> bool {
        matches!(self, Self::Branch { .. })
    }

    /// The run that led to it.
    pub const fn of(self) -> Option<u32> {
        match self {
            Self::Start | Self::Retry => None,
            Self::Branch { of }
            | Self::Success { of }
            | Self::Failure { of }
            | Self::True { of }
            | Self::False { of } => Some(of),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    Began {
        run: u32,
        step: StepIndex,
        cause: Cause,
    },
    /// Do what the step says, and answer.
    Perform {
        run: u32,
        step: StepIndex,
        attempt: u32,
    },
    WakeAt {
        run: u32,
        at: Timestamp,
    },
    /// So long it may take to answer, or the branches of a parallel step to end.
    Deadline {
        run: u32,
        at: Timestamp,
    },
    /// Stop what was asked for: it still answers.
    Abort {
        run: u32,
    },
    /// The time of a parallel step is over: what its branches still do is told to stop.
    Overdue {
        run: u32,
    },
    /// The run is over.
    Finished {
        run: u32,
        step: StepIndex,
        outcome: Outcome,
    },
    Ended {
        state: InstanceState,
        reason: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Succeeded,
    Failed,
    Cancelled,
}

/// An event that changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the workflow has {} already", .0.as_str())]
    Ended(InstanceState),
    #[error("the workflow has begun already")]
    Begun,
    #[error("run {0} of a step is over")]
    Over(u32),
    #[error("run {0} is at another try, or waits for something else")]
    OtherTry(u32),
    #[error("run {0} is not due yet")]
    NotDue(u32),
}
