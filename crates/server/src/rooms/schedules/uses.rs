//! What a schedule uses, so that none of it goes while the schedule needs it.

use postern_api::schedules::{ScheduleDefinition, ScheduledWork};
use postern_domain::ScheduleId;
use postern_store::{
    Tx,
    uses::{self, Used, User},
};

use crate::{error::Result, rooms::agents::targets as agents_targets};

/// What it would miss: agents and groups that it names one by one, and what it runs.
pub(super) fn uses_of(definition: &ScheduleDefinition) -> Vec<(Used, i64)> {
    let mut used = agents_targets::used(&definition.targets);
    match &definition.work {
        ScheduledWork::Action { action_id, .. } => used.push((Used::Action, action_id.0)),
        ScheduledWork::Script { script_id, .. } => used.push((Used::Script, script_id.0)),
        ScheduledWork::Workflow { workflow_id, .. } => used.push((Used::Workflow, workflow_id.0)),
        ScheduledWork::Job { .. } => {}
    }
    used
}

pub(super) const fn user(id: ScheduleId, name: &str) -> User<'_> {
    User {
        kind: "schedule",
        id: id.0,
        name,
    }
}

pub(super) async fn keep_uses(
    tx: &mut Tx<'_>,
    id: ScheduleId,
    name: &str,
    used: &[(Used, i64)],
) -> Result<()> {
    Ok(uses::set(tx, user(id, name), used).await?)
}
