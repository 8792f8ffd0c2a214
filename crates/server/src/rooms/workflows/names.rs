//! What a workflow names: scripts, actions and other workflows. A version keeps which of them its names stood for when it
//! was published, so a new name changes nothing of what runs (`docs/decisions/0021-workflows-keep-ids.md`).

use std::collections::BTreeMap;

use postern_domain::{
    ActionId, ScriptId, TenantId, WorkflowId,
    permission::Permission,
    workflow::{ActionStep, ScriptStep, StepIndex, WorkflowStep},
};
use postern_store::{Tx, scripts, workflows};

use super::{VIEW, turn::Turn};
use crate::{
    error::{Error, Result},
    http::Caller,
};

/// What a step names, and the field that does.
pub(super) type Named<T> = (&'static str, Option<T>);

/// The script that a step names, as far as the caller may see it.
pub(super) async fn script(tx: &mut Tx<'_>, caller: &Caller, step: &ScriptStep) -> Result<Named<ScriptId>> {
    let Some(id) = step.script_id else {
        let name = step.script.as_deref().unwrap_or_default();
        return Ok(("script", script_by_name(tx, caller, name).await?));
    };
    let found = scripts::find_to_run(tx, id).await?;
    let seen = found.is_some_and(|found| caller.rights.allow(Permission::ScriptsView, found.place()));
    Ok(("script_id", seen.then_some(id)))
}

/// The same of an action.
pub(super) async fn action(tx: &mut Tx<'_>, caller: &Caller, step: &ActionStep) -> Result<Named<ActionId>> {
    let Some(id) = step.action_id else {
        let name = step.action.as_deref().unwrap_or_default();
        return Ok(("action", action_by_name(tx, caller, name).await?));
    };
    let found = scripts::actions::find_to_run(tx, id).await?;
    let seen = found.is_some_and(|found| caller.rights.allow(Permission::JobsView, found.place()));
    Ok(("action_id", seen.then_some(id)))
}

/// The same of another workflow, for one that lies in the same tenant.
pub(super) async fn workflow(
    tx: &mut Tx<'_>,
    caller: &Caller,
    tenant: TenantId,
    step: &WorkflowStep,
) -> Result<Named<workflows::Workflow>> {
    let (field, found) = match step.workflow_id {
        Some(id) => ("workflow_id", workflows::find_to_start(tx, id).await?),
        None => {
            let name = step.workflow.as_deref().unwrap_or_default();
            ("workflow", workflows::by_name(tx, tenant, name).await?)
        }
    };
    let seen = found.filter(|found| caller.rights.allow(VIEW, found.place()));
    Ok((field, seen))
}

async fn script_by_name(tx: &mut Tx<'_>, caller: &Caller, name: &str) -> Result<Option<ScriptId>> {
    let reach = caller.reach(Permission::ScriptsView);
    Ok(scripts::by_name(tx, &reach, name).await?)
}

async fn action_by_name(tx: &mut Tx<'_>, caller: &Caller, name: &str) -> Result<Option<ActionId>> {
    let reach = caller.reach(Permission::JobsView);
    Ok(scripts::actions::by_name(tx, &reach, name).await?)
}

/// The script that a step of an instance runs.
pub(super) async fn script_of(
    turn: &Turn<'_>,
    tx: &mut Tx<'_>,
    caller: &Caller,
    (step, named): (StepIndex, &ScriptStep),
) -> Result<ScriptId> {
    if let Some(id) = named.script_id {
        return Ok(id);
    }
    if let Some(id) = resolved(turn, tx, step).await? {
        return Ok(ScriptId(id));
    }
    let name = named.script.as_deref().unwrap_or_default();
    script_by_name(tx, caller, name).await?.ok_or_else(|| {
        Error::invalid(
            "script",
            format!("there is no script {name:?}, or its starter may not see it"),
        )
    })
}

/// The action that a step of an instance runs.
pub(super) async fn action_of(
    turn: &Turn<'_>,
    tx: &mut Tx<'_>,
    caller: &Caller,
    (step, named): (StepIndex, &ActionStep),
) -> Result<ActionId> {
    if let Some(id) = named.action_id {
        return Ok(id);
    }
    if let Some(id) = resolved(turn, tx, step).await? {
        return Ok(ActionId(id));
    }
    let name = named.action.as_deref().unwrap_or_default();
    action_by_name(tx, caller, name).await?.ok_or_else(|| {
        Error::invalid(
            "action",
            format!("there is no action {name:?}, or its starter may not see it"),
        )
    })
}

/// A script or an action that a step names.
#[derive(Debug, Clone, Copy)]
pub(super) enum Object {
    Script(ScriptId),
    Action(ActionId),
}

/// What could be made of what a step names, or why not. Where an older version names what was deleted since, the refusal
/// says that: it was there when the version was published.
pub(super) async fn unless_deleted<T>(
    turn: &Turn<'_>,
    tx: &mut Tx<'_>,
    named: Object,
    made: Result<T>,
) -> Result<T> {
    let version = turn.row.version;
    if version == 0 || !matches!(made, Err(Error::NotFound { .. })) {
        return made;
    }
    let (field, id, deleted) = match named {
        Object::Script(id) => ("script", id.0, scripts::find_to_run(tx, id).await?.is_none()),
        Object::Action(id) => (
            "action",
            id.0,
            scripts::actions::find_to_run(tx, id).await?.is_none(),
        ),
    };
    if !deleted {
        return made;
    }
    let problem = format!(
        "{field} {id} was deleted after version {version} of the workflow was published: start the newest version"
    );
    Err(Error::invalid(field, problem))
}

/// The workflow that a step of an instance starts, if there is one. The caller's right to it is not looked at.
pub(super) async fn workflow_of(
    turn: &Turn<'_>,
    tx: &mut Tx<'_>,
    (step, named): (StepIndex, &WorkflowStep),
) -> Result<Option<workflows::Workflow>> {
    let known = match named.workflow_id {
        Some(id) => Some(id),
        None => resolved(turn, tx, step).await?.map(WorkflowId),
    };
    let id = match known {
        Some(id) => id,
        None => {
            let name = named.workflow.as_deref().unwrap_or_default();
            match workflows::by_name(tx, turn.row.tenant_id, name).await? {
                Some(found) => found.id,
                None => return Ok(None),
            }
        }
    };
    Ok(workflows::find_to_start(tx, id).await?)
}

/// The id that the name in a step stood for when the version was published. A draft has none: its names are looked up as
/// they are when the step begins.
async fn resolved(turn: &Turn<'_>, tx: &mut Tx<'_>, step: StepIndex) -> Result<Option<i64>> {
    let (id, version) = (turn.row.workflow_id, turn.row.version);
    let Some(ids) = workflows::resolved(tx, id, version).await? else {
        return Ok(None);
    };
    let ids: BTreeMap<String, i64> = serde_json::from_str(&ids)
        .map_err(|error| Error::Internal(format!("names of workflow {id} in the database: {error}")))?;
    Ok(ids.get(&turn.plan.nodes[step].id).copied())
}
