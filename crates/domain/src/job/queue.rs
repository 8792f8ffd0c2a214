//! Which queued jobs an agent gets now, and why the others wait.

use serde::{Deserialize, Serialize};

use super::Priority;
use crate::Timestamp;

/// Jobs an agent runs at once unless its owner says otherwise.
pub const DEFAULT_SLOTS: u32 = 4;
pub const MAX_SLOTS: u32 = 256;
/// Slots on top that only critical work may use.
pub const CRITICAL_SLOTS: u32 = 1;

/// Why a queued job has not been handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    NotYetDue,
    /// Its batch of a rolling execution has not begun.
    Batch,
    /// Its host group has a blackout.
    MaintenanceWindow,
    /// Another job with the same concurrency key runs.
    Concurrency,
    AgentInactive,
    AgentOffline,
    SlotsFull,
}

impl WaitReason {
    /// One sentence for a person.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotYetDue => "Not yet due",
            Self::Batch => "Its batch has not begun: the hosts before it are not done yet",
            Self::MaintenanceWindow => "Its host group has a blackout",
            Self::Concurrency => "Another job with the same concurrency key is under way",
            Self::AgentInactive => "The agent is switched off (inactive): switch it on to give it work",
            Self::AgentOffline => "The agent is not connected",
            Self::SlotsFull => "All slots of the agent are busy with other jobs",
        }
    }
}

/// The most lasting obstacle comes first; `None` means it will be handed out in a moment. `gate`: the batch, the end
/// of a blackout or the concurrency key it waits for.
pub fn wait_reason(
    priority: Priority,
    not_before: Timestamp,
    agent: AgentLoad,
    gate: Option<WaitReason>,
    now: Timestamp,
) -> Option<WaitReason> {
    if gate == Some(WaitReason::Batch) {
        gate
    } else if now < not_before {
        Some(WaitReason::NotYetDue)
    } else if gate == Some(WaitReason::MaintenanceWindow) {
        gate
    } else if !agent.active {
        Some(WaitReason::AgentInactive)
    } else if !agent.connected {
        Some(WaitReason::AgentOffline)
    } else if gate.is_some() {
        gate
    } else if agent.busy >= limit(priority, agent.slots) {
        Some(WaitReason::SlotsFull)
    } else {
        None
    }
}

/// What decides whether an agent can take work.
#[derive(Debug, Clone, Copy)]
pub struct AgentLoad {
    pub active: bool,
    pub connected: bool,
    /// Attempts handed out and not finished.
    pub busy: u32,
    pub slots: u32,
}

/// How many of the queued jobs, given in their order (priority, then age), can be handed out now. The order
/// is strict: nothing overtakes, but critical work may use the slot that is kept for it.
pub fn pick(queue: impl IntoIterator<Item = Priority>, busy: u32, slots: u32) -> usize {
    let loads = queue.into_iter().zip(busy..);
    loads
        .take_while(|(priority, load)| *load < limit(*priority, slots))
        .count()
}

const fn limit(priority: Priority, slots: u32) -> u32 {
    match priority {
        Priority::Critical => slots.saturating_add(CRITICAL_SLOTS),
        Priority::High | Priority::Normal => slots,
    }
}
