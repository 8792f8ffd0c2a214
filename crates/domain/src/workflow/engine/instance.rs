//! Where an instance and the runs of its steps stand: what is stored between two events.

use serde::{Deserialize, Serialize};

use crate::{Timestamp, workflow::plan::StepIndex};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum InstanceState {
    Pending,
    Running,
    /// It waits for nothing but people and the clock.
    Paused,
    Completed,
    Failed,
    Cancelled,
}

impl InstanceState {
    pub const ALL: &'static [Self] = &[
        Self::Pending,
        Self::Running,
        Self::Paused,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Where an instance stands. What its steps found is kept elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    pub state: InstanceState,
    /// What it is going to end as, while runs that were told to stop have not done so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
    /// How many steps began.
    pub begun: u32,
    /// Where it begins, when that is not the first step: results of steps before are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<StepIndex>,
    /// Steps that have begun and not ended.
    pub runs: Vec<Run>,
}

impl Default for Instance {
    fn default() -> Self {
        Self {
            state: InstanceState::Pending,
            ending: None,
            begun: 0,
            at: None,
            runs: Vec::new(),
        }
    }
}

impl Instance {
    /// One that begins at a step, after so many that began before.
    pub fn resumed(at: StepIndex, begun: u32) -> Self {
        Self {
            at: Some(at),
            begun,
            ..Self::default()
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    pub state: InstanceState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One time through one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// 1 for the first of the instance.
    pub number: u32,
    pub step: StepIndex,
    /// 1 for the first try.
    pub attempt: u32,
    /// The run of the parallel step that it belongs to, and the number of the branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<(u32, usize)>,
    pub phase: Phase,
    /// It was told to stop; whatever it answers, nothing follows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aborted: bool,
    /// When it is told to stop, unless it has answered by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// Its time was over, and it was told to stop: this try has failed once it has, unless it was done before that. A parallel
    /// step has failed in any case, as one of its branches was not done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Somebody owes it an answer.
    Working,
    /// A delay, or the time before the next try.
    Waiting { until: Timestamp },
    /// A parallel step: whether each branch succeeded, once it has ended.
    Branches { ended: Vec<Option<bool>> },
}
