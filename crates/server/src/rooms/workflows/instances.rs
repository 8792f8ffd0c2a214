//! Instances for people: started, looked at, cancelled, tried again.

use std::collections::{BTreeMap, HashMap};

use postern_api::{
    Page,
    scripts::ParameterValue,
    targets::Targets,
    workflows::{Instance, InstanceCancel, InstanceCreate, InstanceDetail, InstanceEvent, StepRun},
};
use postern_domain::{
    ExecutionId, InstanceId, ScheduleId, Timestamp, TokenId, UserId, WorkflowId,
    parameter::{self, Parameter, ParameterType},
    permission::Place,
    workflow::{
        Plan,
        engine::{self, Event, InstanceState},
    },
};
use postern_protocol::seal::Secrets;
use postern_store::{
    Cursor, SortDirection, Tx, audit, tx,
    workflows::{
        self,
        instances::{self, NewInstance},
        step_runs,
    },
};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{
    MANAGE, VIEW, cause, draft, find_to_start,
    turn::{After, turn},
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        extract::{List, page_of, unknown_filter, words},
        idempotency::{self, Key},
    },
    named::{self, json},
    rooms::{
        agents::targets::check as check_targets,
        jobs::{secrets, waits::waits_of},
    },
};

const MAX_REASON: usize = 500;

/// What an instance is made of.
pub(crate) struct New {
    pub(super) workflow: workflows::Workflow,
    /// 0: the draft.
    pub(super) version: u32,
    pub(super) definition: String,
    pub(super) digest: String,
    pub(super) inputs: BTreeMap<String, Value>,
    pub(super) secrets: Secrets,
    pub(super) hosts: Option<Targets>,
    pub(super) parent: Option<(InstanceId, u32)>,
    pub(super) depth: u32,
    pub(super) retry_of: Option<InstanceId>,
    /// Where it stands before it begins.
    pub(super) machine: engine::Instance,
    /// The operation that asks for it, for the record.
    pub(super) action: &'static str,
    pub(super) schedule: Option<ScheduleId>,
    /// Who ran a schedule now that it comes of.
    pub(super) triggered_by: Option<UserId>,
}

impl New {
    pub(crate) fn place(&self) -> Place {
        self.workflow.place()
    }

    pub(crate) fn by_schedule(self, id: ScheduleId) -> Self {
        Self {
            schedule: Some(id),
            ..self
        }
    }

    pub(crate) fn triggered_by(self, user: UserId) -> Self {
        Self {
            triggered_by: Some(user),
            ..self
        }
    }
}

/// An instance that could be made: the caller may start the workflow, it is published unless the draft is asked for, and
/// it takes these inputs.
pub(crate) async fn ready(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: WorkflowId,
    wanted: InstanceCreate,
) -> Result<New> {
    let workflow = find_to_start(tx, caller, id).await?;
    let (version, definition, digest) = runnable(tx, &workflow, wanted.draft).await?;
    let plan = app.workflow_plans.of(&digest, &definition)?;
    let (inputs, secrets) = bound_inputs(&plan.definition.inputs, &with_secrets(&plan, &wanted)?)?;
    Ok(New {
        workflow,
        version,
        definition,
        digest,
        inputs,
        secrets,
        hosts: wanted.hosts,
        parent: None,
        depth: 1,
        retry_of: None,
        machine: engine::Instance::default(),
        action: "instance_create",
        schedule: None,
        triggered_by: None,
    })
}

/// Writes it down with its record; it begins a moment later.
pub(crate) async fn make(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    token: Option<TokenId>,
    new: New,
    now: Timestamp,
) -> Result<InstanceId> {
    let row = NewInstance {
        place: new.workflow.place(),
        workflow_id: new.workflow.id,
        version: new.version,
        workflow: new.workflow.name.clone(),
        machine: json(&new.machine)?,
        definition: new.definition,
        digest: new.digest.clone(),
        inputs: json(&new.inputs)?,
        hosts: new.hosts.as_ref().map(json).transpose()?,
        secret: secrets::keep(app, &new.secrets)?,
        starter: caller.user()?.id,
        token,
        started_by: caller.actor(),
        parent: new.parent,
        depth: new.depth,
        retry_of: new.retry_of,
        schedule: new.schedule,
        triggered_by: new.triggered_by,
    };
    let id = instances::create(tx, row, now).await?;
    let mut entry = caller.entry(now, new.action, format!("instance:{id}"), new.workflow.tenant_id);
    let after = serde_json::json!({
        "workflow": new.workflow.name, "workflow_id": new.workflow.id, "version": new.version, "sha256": new.digest,
        "inputs": new.inputs.keys().collect::<Vec<_>>(), "parent": new.parent.map(|(id, _)| id),
        "retry_of": new.retry_of,
    });
    entry.after = Some(after.to_string());
    audit::append(tx, vec![entry]).await?;
    Ok(id)
}

/// Inputs with their types, the secret ones apart.
pub(super) fn bound_inputs(
    asked: &[Parameter],
    given: &BTreeMap<String, ParameterValue>,
) -> Result<(BTreeMap<String, Value>, Secrets)> {
    let given: BTreeMap<String, Value> = given
        .iter()
        .map(|(name, value)| (name.clone(), value.0.clone()))
        .collect();
    let bound = parameter::bind(asked, &given)
        .map_err(|error| Error::invalid(format!("inputs.{}", error.name), error.problem))?;
    let typed = |name: &String, text: &String| {
        let input = asked.iter().find(|input| input.name == *name);
        input.map_or_else(|| Value::from(text.as_str()), |input| input.kind.value(text))
    };
    let values = bound
        .values
        .iter()
        .map(|(name, text)| (name.clone(), typed(name, text)))
        .collect();
    let secrets = bound
        .secrets
        .into_iter()
        .map(|(name, value)| (name, Zeroizing::new(value)))
        .collect();
    Ok((values, secrets))
}

pub(super) async fn instance_create(
    app: &App,
    caller: &Caller,
    id: WorkflowId,
    request: InstanceCreate,
    key: Key,
) -> Result<Instance> {
    if let Some(hosts) = &request.hosts {
        check_targets(hosts)?;
    }
    let (now, author, inner, wanted) = (app.now(), caller.clone(), app.clone(), request.clone());
    let (made, _) = idempotency::create(
        app,
        caller,
        key,
        "instance_create",
        &(id, request),
        tx!(tx => {
            let new = ready(&inner, tx, &author, id, wanted).await?;
            let made = make(&inner, tx, &author, author.limited, new, now).await?;
            let row = instances::find(tx, made).await?.ok_or_else(|| missing(made))?;
            instance_of(&inner, row)
        }),
    )
    .await?;
    app.workflows.notify_one();
    Ok(made)
}

/// What runs: the published version, or the draft.
async fn runnable(
    tx: &mut Tx<'_>,
    workflow: &workflows::Workflow,
    draft: bool,
) -> Result<(u32, String, String)> {
    if draft {
        draft::check_kept(&workflow.draft)?;
        return Ok((0, workflow.draft.clone(), workflow.digest.clone()));
    }
    let number = workflow.version.ok_or_else(|| {
        let detail = format!(
            "Workflow {:?} has no published version. Publish it, or start its draft to try it.",
            workflow.name
        );
        Error::conflict("not_published", detail)
    })?;
    let version = workflows::version(tx, workflow.id, number).await?;
    let version = version
        .ok_or_else(|| Error::Internal(format!("workflow {} has no version {number}", workflow.id)))?;
    Ok((number, version.definition, version.digest))
}

/// Secret inputs come apart from the others, as everywhere.
pub(super) fn with_secrets(
    plan: &Plan,
    request: &InstanceCreate,
) -> Result<BTreeMap<String, ParameterValue>> {
    let is_secret = |name: &String| {
        let input = plan.definition.inputs.iter().find(|input| input.name == *name);
        input.is_some_and(|input| input.kind == ParameterType::Secret)
    };
    if let Some(name) = request.inputs.keys().find(|name| is_secret(name)) {
        return Err(Error::invalid(
            format!("inputs.{name}"),
            parameter::SECRET_IN_PLAIN,
        ));
    }
    let mut all = request.inputs.clone();
    for (name, value) in secrets::given(&request.secrets) {
        if !is_secret(&name) {
            return Err(Error::invalid(
                format!("secrets.{name}"),
                "is no secret input of this workflow",
            ));
        }
        all.insert(name, ParameterValue(Value::from(value.as_str())));
    }
    Ok(all)
}

pub(super) fn missing(id: InstanceId) -> Error {
    Error::not_found("instance", id)
}

pub(super) async fn instance_list(app: &App, caller: &Caller, mut list: List) -> Result<Page<Instance>> {
    list.sort_by(&["id"], SortDirection::Descending)?;
    let mut filter = instances::Filter {
        search: list.search.clone(),
        ..Default::default()
    };
    for (field, values) in &list.filters {
        match field.as_str() {
            "workflow" => filter.workflows = words(field, values, |word| word.parse().ok())?,
            "state" => {
                filter.states = words(field, values, |word| {
                    InstanceState::ALL
                        .iter()
                        .copied()
                        .find(|state| state.as_str() == word)
                })?;
            }
            "schedule" => filter.schedules = words(field, values, |word| word.parse().ok())?,
            _ => return Err(unknown_filter(field, "workflow, state, schedule")),
        }
    }
    let (reach, page, limit) = (caller.reach(VIEW), list.page.clone(), list.page.limit);
    let rows = app
        .store
        .scan::<_, Error, _>(tx!(tx => Ok(instances::list(tx, &reach, &filter, &page).await?)))
        .await?;
    page_of(
        rows,
        limit,
        |row| Cursor {
            key: String::new(),
            id: row.id.0,
        },
        |row| instance_of(app, row),
    )
}

pub(super) async fn seen(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: InstanceId,
    needed: postern_domain::permission::Permission,
) -> Result<instances::Instance> {
    let row = instances::find(tx, id).await?.ok_or_else(|| missing(id))?;
    caller.require(needed, VIEW, row.place(), || missing(id))?;
    if workflows::is_deleted(tx, row.workflow_id).await? {
        return Err(missing(id));
    }
    Ok(row)
}

pub(super) async fn instance_show(app: &App, caller: &Caller, id: InstanceId) -> Result<InstanceDetail> {
    let (now, author, inner) = (app.now(), caller.clone(), app.clone());
    let mut detail = app
        .store
        .read::<_, Error, _>(tx!(tx => {
            let row = seen(tx, &author, id, VIEW).await?;
            detail_of(&inner, tx, row).await
        }))
        .await?;
    let open = detail.runs.iter().filter(|run| run.outcome.is_none());
    let executions: Vec<ExecutionId> = open.filter_map(|run| run.execution_id).collect();
    if detail.instance.state.is_final() || executions.is_empty() {
        return Ok(detail);
    }
    let caller = caller.clone();
    // Of jobs there may be many.
    let waits = app
        .store
        .scan::<_, Error, _>(tx!(tx => waits_of(tx, &caller, &executions, now).await))
        .await?;
    tell_waits(&mut detail, &waits);
    Ok(detail)
}

fn tell_waits(detail: &mut InstanceDetail, waits: &HashMap<ExecutionId, String>) {
    for run in detail.runs.iter_mut().filter(|run| run.outcome.is_none()) {
        run.waits = run.execution_id.and_then(|id| waits.get(&id).cloned());
    }
    let told = |run: &StepRun| Some(format!("{}: {}", run.step, run.waits.as_ref()?));
    let told: Vec<String> = detail.runs.iter().filter_map(told).collect();
    detail.waits = (!told.is_empty()).then(|| told.join("; "));
}

pub(super) async fn instance_event_list(
    app: &App,
    caller: &Caller,
    id: InstanceId,
    mut list: List,
) -> Result<Page<InstanceEvent>> {
    list.sort_by(&["number"], SortDirection::Ascending)?;
    if let Some((field, _)) = list.filters.first() {
        return Err(unknown_filter(field, "nothing"));
    }
    let (caller, limit) = (caller.clone(), list.page.limit);
    let rows = app
        .store
        .read::<_, Error, _>(tx!(tx => {
            seen(tx, &caller, id, VIEW).await?;
            Ok(instances::events(tx, id, &list.page).await?)
        }))
        .await?;
    page_of(
        rows,
        limit,
        |row| Cursor {
            key: String::new(),
            id: row.number.into(),
        },
        |row| {
            let wrong =
                |error: serde_json::Error| Error::Internal(format!("an event of instance {id}: {error}"));
            let event: Value = serde_json::from_str(&row.event).map_err(wrong)?;
            let text = |name: &str| event[name].as_str().map(str::to_owned);
            Ok(InstanceEvent {
                number: row.number,
                at: row.at,
                text: text("text").unwrap_or_default(),
                step: text("step"),
                run: event["run"].as_u64().and_then(|run| u32::try_from(run).ok()),
                cause: serde_json::from_value(event["cause"].clone()).map_err(wrong)?,
            })
        },
    )
}

/// Running jobs are cancelled; it has ended when they have.
pub(super) async fn instance_cancel(
    app: &App,
    caller: &Caller,
    id: InstanceId,
    request: InstanceCancel,
) -> Result<Instance> {
    named::check_text("reason", &request.reason, MAX_REASON)?;
    let (now, caller, inner) = (app.now(), caller.clone(), app.clone());
    let (instance, after) = app
        .store
        .write::<_, Error, _>(tx!(tx => {
            let row = seen(tx, &caller, id, MANAGE).await?;
            if row.state.is_final() {
                let detail = format!("Instance {id} is {} already.", row.state.as_str());
                return Err(Error::conflict("instance_ended", detail));
            }
            let reason = match request.reason.as_str() {
                "" => format!("by {}", caller.actor()),
                reason => format!("by {}: {reason}", caller.actor()),
            };
            let mut entry = caller.entry(now, "instance_cancel", format!("instance:{id}"), row.tenant_id);
            entry.before = Some(serde_json::json!({"state": row.state}).to_string());
            let mut after = After::default();
            let by = cause::user(caller.user()?.id);
            let state = turn(&inner, tx, id, (Event::Cancel { reason }, by), now, &mut after).await?;
            entry.after = Some(serde_json::json!({"state": state}).to_string());
            audit::append(tx, vec![entry]).await?;
            let row = instances::find(tx, id).await?.ok_or_else(|| missing(id))?;
            Ok((instance_of(&inner, row)?, after))
        }))
        .await?;
    after.wake(app);
    app.workflows.notify_one();
    Ok(instance)
}

pub(super) fn instance_of(app: &App, row: instances::Instance) -> Result<Instance> {
    // One that was given up may stand anywhere.
    let current = if row.state.is_final() {
        Vec::new()
    } else {
        let machine: engine::Instance = serde_json::from_str(&row.machine)
            .map_err(|error| Error::Internal(format!("instance {} in the database: {error}", row.id)))?;
        let plan = app.workflow_plans.of(&row.digest, &row.definition)?;
        let id = |run: &engine::Run| plan.nodes[run.step].id.clone();
        machine.runs.iter().map(id).collect()
    };
    Ok(Instance {
        id: row.id,
        workflow_id: row.workflow_id,
        workflow: row.workflow,
        version: row.version,
        organization_id: row.organization_id,
        department_id: row.department_id,
        state: row.state,
        reason: row.reason,
        started_by: row.started_by,
        created_at: row.created,
        ended_at: row.ended,
        current,
        parent_id: row.parent_id,
        retry_of: row.retry_of,
    })
}

async fn detail_of(app: &App, tx: &mut Tx<'_>, row: instances::Instance) -> Result<InstanceDetail> {
    let internal =
        |error: serde_json::Error| Error::Internal(format!("instance {} in the database: {error}", row.id));
    let mut runs = Vec::new();
    for run in step_runs::list(tx, row.id).await? {
        runs.push(StepRun {
            run: run.run,
            step: run.step,
            attempt: run.attempt,
            cause: serde_json::from_str(&run.cause).map_err(internal)?,
            outcome: run
                .outcome
                .as_deref()
                .map(serde_json::from_str)
                .transpose()
                .map_err(internal)?,
            reason: run.reason,
            waits: None,
            began_at: run.began,
            ended_at: run.ended,
            execution_id: run.execution_id,
            approval_id: run.approval_id,
            child_id: run.child_id,
        });
    }
    let inputs: BTreeMap<String, Value> = serde_json::from_str(&row.inputs).map_err(internal)?;
    Ok(InstanceDetail {
        definition: serde_json::from_str(&row.definition).map_err(internal)?,
        inputs: inputs
            .into_iter()
            .map(|(name, value)| (name, ParameterValue(value)))
            .collect(),
        hosts: row
            .hosts
            .as_deref()
            .map(serde_json::from_str)
            .transpose()
            .map_err(internal)?,
        runs,
        waits: None,
        instance: instance_of(app, row)?,
    })
}
