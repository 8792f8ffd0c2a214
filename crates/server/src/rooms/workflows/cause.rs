//! What moves instances, as their history tells it.

use postern_api::workflows::{CauseKind, EventCause};
use postern_domain::{ApprovalId, ExecutionId, InstanceId, UserId};
use postern_store::workflows::instances::Instance;

/// Why an instance was made.
pub(super) fn of_start(row: &Instance) -> EventCause {
    if let Some((id, run)) = row.parent_id.zip(row.parent_run) {
        return parent(id, run);
    }
    match row.schedule_id {
        Some(id) => EventCause {
            schedule_id: Some(id),
            user_id: row.triggered_by,
            ..EventCause::of(CauseKind::Schedule)
        },
        None => EventCause {
            instance_id: row.retry_of,
            ..user(row.starter_id)
        },
    }
}

pub(super) fn user(id: UserId) -> EventCause {
    EventCause {
        user_id: Some(id),
        ..EventCause::of(CauseKind::User)
    }
}

/// The run of another instance's step that waits for it.
pub(super) fn parent(id: InstanceId, run: u32) -> EventCause {
    EventCause {
        instance_id: Some(id),
        run: Some(run),
        ..EventCause::of(CauseKind::Parent)
    }
}

pub(super) fn job_ended(id: ExecutionId) -> EventCause {
    EventCause {
        execution_id: Some(id),
        ..EventCause::of(CauseKind::JobEnded)
    }
}

pub(super) fn child_ended(id: InstanceId) -> EventCause {
    EventCause {
        instance_id: Some(id),
        ..EventCause::of(CauseKind::ChildEnded)
    }
}

pub(super) fn approval_ended(id: ApprovalId) -> EventCause {
    EventCause {
        approval_id: Some(id),
        ..EventCause::of(CauseKind::ApprovalEnded)
    }
}
