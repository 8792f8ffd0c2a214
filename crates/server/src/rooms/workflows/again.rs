//! Instances that are tried again: all of it, or from the step that failed.

use std::collections::BTreeMap;

use postern_api::{
    scripts::ParameterValue,
    workflows::{EventCause, Instance, InstanceAgain, InstanceCreate},
};
use postern_domain::{
    ApprovalId, InstanceId,
    approval::{ApprovalState, Decision},
    workflow::{
        Plan,
        engine::{self, Outcome},
    },
};
use postern_store::{
    Tx, approvals, tx,
    workflows::{self, instances, step_runs},
};
use serde_json::Value;

use super::{
    MANAGE, cause,
    instances::{New, bound_inputs, instance_of, make, missing, seen, with_secrets},
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        idempotency::{self, Key},
    },
    rooms::approvals as room,
};

/// How much of an instance is done once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// All of it.
    Everything,
    /// What failed, and what follows; results of steps before are kept.
    FromFailed,
}

/// Another instance of the same version, with the same inputs and hosts.
pub(super) async fn instance_again(
    app: &App,
    caller: &Caller,
    id: InstanceId,
    again: Again,
    request: InstanceAgain,
    key: Key,
) -> Result<Instance> {
    let (now, author, inner, wanted) = (app.now(), caller.clone(), app.clone(), request.clone());
    let action = match again {
        Again::Everything => "instance_rerun",
        Again::FromFailed => "instance_retry",
    };
    let (made, _) = idempotency::create(
        app,
        caller,
        key,
        action,
        &(id, request),
        tx!(tx => {
            let row = seen(tx, &author, id, MANAGE).await?;
            if !row.state.is_final() {
                let detail = format!("Instance {id} is {}: cancel it first, or wait for its end.", row.state.as_str());
                return Err(Error::conflict("instance_open", detail));
            }
            let workflow = workflows::find_to_start(tx, row.workflow_id).await?;
            let workflow = workflow.ok_or_else(|| Error::Internal(format!("instance {id} has no workflow")))?;
            let plan = inner.workflow_plans.of(&row.digest, &row.definition)?;
            let from = match again {
                Again::Everything => None,
                Again::FromFailed => Some(failed_run(tx, &author, &row, &plan).await?),
            };
            let machine = match &from {
                None => engine::Instance::default(),
                Some((run, step)) => {
                    let at = plan.find(step).ok_or_else(|| Error::Internal(format!("instance {id} ran {step:?}")))?;
                    engine::Instance::resumed(at, run - 1)
                }
            };
            let read = |error: serde_json::Error| Error::Internal(format!("instance {id} in the database: {error}"));
            let inputs: BTreeMap<String, Value> = serde_json::from_str(&row.inputs).map_err(read)?;
            let given = InstanceCreate {
                inputs: inputs.into_iter().map(|(name, value)| (name, ParameterValue(value))).collect(),
                secrets: wanted.secrets,
                ..Default::default()
            };
            let (inputs, secrets) = bound_inputs(&plan.definition.inputs, &with_secrets(&plan, &given)?)?;
            let new = New {
                workflow,
                version: row.version,
                definition: row.definition.clone(),
                digest: row.digest.clone(),
                machine,
                inputs,
                secrets,
                hosts: row.hosts.as_deref().map(serde_json::from_str).transpose().map_err(read)?,
                parent: None,
                depth: 1,
                retry_of: from.as_ref().map(|_| id),
                action,
                schedule: None,
                triggered_by: None,
            };
            let made = make(&inner, tx, &author, author.limited, new, now).await?;
            if let Some((run, step)) = from {
                let kept = step_runs::keep(tx, id, run, made).await?;
                let text = format!("Tries instance {id} again from step {step}, with what {kept} runs before it left");
                let cause = EventCause { instance_id: Some(id), ..cause::user(author.user()?.id) };
                let event = serde_json::json!({"text": text, "cause": cause});
                instances::events_add(tx, made, vec![event.to_string()], now).await?;
            }
            let row = instances::find(tx, made).await?.ok_or_else(|| missing(made))?;
            instance_of(&inner, row)
        }),
    )
    .await?;
    app.workflows.notify_one();
    Ok(made)
}

/// The run to begin at: the last one outside of branches that failed, or was cancelled where none failed.
async fn failed_run(
    tx: &mut Tx<'_>,
    caller: &Caller,
    row: &instances::Instance,
    plan: &Plan,
) -> Result<(u32, String)> {
    if let Some(parent) = row.parent_id {
        let detail = format!(
            "Instance {} was started by a step of instance {parent}: retry that one.",
            row.id
        );
        return Err(Error::conflict("has_parent", detail));
    }
    let runs = step_runs::list(tx, row.id).await?;
    let read = |error: serde_json::Error| {
        Error::Internal(format!("a run of instance {} in the database: {error}", row.id))
    };
    let mut found: Option<(u32, String, Outcome)> = None;
    let mut inside: Vec<u32> = Vec::new();
    for run in runs {
        let cause: engine::Cause = serde_json::from_str(&run.cause).map_err(read)?;
        if cause.is_branch() || cause.of().is_some_and(|of| inside.contains(&of)) {
            inside.push(run.run);
            continue;
        }
        let outcome = run
            .outcome
            .as_deref()
            .map(serde_json::from_str)
            .transpose()
            .map_err(read)?;
        match outcome.unwrap_or(Outcome::Cancelled) {
            Outcome::Succeeded => {}
            Outcome::Cancelled if found.is_some() => {}
            outcome => found = Some((run.run, run.step, outcome)),
        }
    }
    let Some((run, step, _)) = found else {
        let detail = format!(
            "No step of instance {} failed. Run all of it again instead.",
            row.id
        );
        return Err(Error::conflict("nothing_failed", detail));
    };
    refuse_own_approval(tx, caller, row.id, plan).await?;
    Ok((run, step))
}

/// Approvals hold for the instance that tries again; its starter must not be one who gave them, unless the step says that
/// a starter may. What is tried again runs the same definition: one plan tells of all of them.
async fn refuse_own_approval(tx: &mut Tx<'_>, caller: &Caller, id: InstanceId, plan: &Plan) -> Result<()> {
    let own = caller.user()?.id;
    let tried = instances::tried(tx, id).await?;
    let given = approvals::of_instances(tx, &tried, ApprovalState::Approved).await?;
    let given: Vec<ApprovalId> = given
        .into_iter()
        .filter(|(_, step)| !room::allows_own(plan, step))
        .map(|(id, _)| id)
        .collect();
    let approve = room::word(Decision::Approve)?;
    for asked in approvals::people(tx, &given).await? {
        if asked.user_id == own && asked.decision.as_deref() == Some(&approve) {
            let detail = format!(
                "You gave approval {}, which holds for this retry. Let somebody else retry it, or run all of it again.",
                asked.approval_id
            );
            return Err(Error::conflict("self_approval", detail));
        }
    }
    Ok(())
}
