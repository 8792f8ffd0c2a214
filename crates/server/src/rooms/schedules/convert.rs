//! From stored rows to the types of the API, and to what is put on record of them.

use postern_api::schedules::{Schedule, ScheduleDefinition};
use postern_domain::{ScheduleId, Timestamp, permission::Permission};
use postern_store::{Tx, identity, schedules};

use super::{
    cron::cron_of,
    tick::{blackout, definition_of, secrets_of},
};
use crate::{
    app::App,
    digest::digest,
    error::{Error, Result},
    http::Caller,
    rooms::agents::targets::Names,
};

/// For the audit trail: what it does is told by its digest there, not by up to a MiB of it.
pub(super) fn on_record(schedule: &Schedule) -> Result<String> {
    let internal = |error: serde_json::Error| Error::Internal(error.to_string());
    let mut value = serde_json::to_value(schedule).map_err(internal)?;
    let work = value["definition"]["work"].take();
    value["definition"]["work"] = serde_json::json!({
        "kind": work["kind"], "type": work["job"]["type"], "sha256": digest(work.to_string().as_bytes()),
        "script_id": work["script_id"], "version": work["version"], "action_id": work["action_id"],
        "workflow_id": work["workflow_id"],
    });
    Ok(value.to_string())
}

pub(super) async fn load(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ScheduleId,
    now: Timestamp,
) -> Result<Schedule> {
    let row = schedules::find(tx, id).await?;
    let row = row.ok_or_else(|| Error::not_found("schedule", id))?;
    schedule_of(app, tx, caller, row, now).await
}

pub(super) async fn schedule_of(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    row: schedules::Schedule,
    now: Timestamp,
) -> Result<Schedule> {
    let mut definition = definition_of(&row)?;
    let seen = caller.reach(Permission::AgentsView);
    let names = Names::of(tx, &seen, &seen, std::iter::once(&definition.targets)).await?;
    definition.targets = names.shown(definition.targets);
    let owner = identity::user_find(tx, row.owner_id).await?;
    let cron = cron_of(&definition.cron, &definition.zone, "definition.")?;
    Ok(Schedule {
        cron_text: cron.describe(),
        secrets: secrets_of(app, &row)?.into_keys().collect(),
        owner: owner.map_or_else(|| format!("user:{}", row.owner_id), |owner| owner.username),
        next_at: row.next.filter(|_| !row.paused),
        waiting_reason: waiting_reason(tx, &row, &definition, now).await?,
        definition,
        id: row.id,
        name: row.name,
        description: row.description,
        organization_id: row.organization_id,
        department_id: row.department_id,
        paused: row.paused,
        runs: row.runs,
        waiting: row.waiting,
        last_execution_id: row.last_execution_id,
        last_instance_id: row.last_instance_id,
        created_at: row.created,
        created_by: row.created_by,
        updated_at: row.updated,
        updated_by: row.updated_by,
    })
}

/// What a tick waits for.
async fn waiting_reason(
    tx: &mut Tx<'_>,
    row: &schedules::Schedule,
    definition: &ScheduleDefinition,
    now: Timestamp,
) -> Result<Option<String>> {
    if row.waiting.is_none() {
        return Ok(None);
    }
    let (_, dark) = blackout(tx, row, definition, now).await?;
    Ok(match dark {
        None if row.paused => Some("The schedule is paused".to_owned()),
        None if row.child_open => Some("The run before it is not finished".to_owned()),
        dark => dark,
    })
}
