//! Does what a step says: jobs, a question, a decision, another workflow. What is refused is a failed step with its
//! reason; only a failure of the database or of the server itself is an error.

use std::collections::{BTreeMap, BTreeSet};

use postern_api::{scripts::ParameterValue, targets::Targets, workflows::EventCause};
use postern_domain::{
    InstanceId, Timestamp, WorkflowId,
    approval::ApprovalState,
    expression::Condition,
    workflow::{
        StepIndex, StepResult, Work, WorkflowStep,
        engine::{self, Answer, Event, InstanceState},
    },
};
use postern_protocol::seal::Secrets;
use postern_store::{
    Tx, approvals, audit, identity,
    workflows::{self, instances, step_runs::StepRun},
};
use serde_json::Value;

use super::{
    approve, approved, cause, finish,
    instances::{New, bound_inputs, make},
    names,
    open::Open,
    tell,
    tries::NextTry,
    turn::{After, Turn, turn},
    work,
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{Caller, caller_of},
    rooms::{
        jobs::{executions::cancel_by_system, run::Author},
        scripts::run::leave_open,
    },
};

/// Workflows that start each other.
const MAX_DEPTH: u32 = 5;
/// Instances that one which no step started has below it, those that ended counted in.
const MAX_BELOW: u32 = 1000;

pub(super) async fn perform(
    turn: &mut Turn<'_>,
    tx: &mut Tx<'_>,
    run: u32,
    step: StepIndex,
    attempt: u32,
) -> Result<Option<Answer>> {
    match begin(turn, tx, run, step, attempt).await {
        Ok(answer) => Ok(answer),
        Err(error @ (Error::Store(_) | Error::Internal(_))) => Err(error),
        Err(refused) => {
            turn.reasons.insert(run, reason_of(&refused));
            Ok(Some(Answer::Failed))
        }
    }
}

async fn begin(
    turn: &mut Turn<'_>,
    tx: &mut Tx<'_>,
    run: u32,
    step: StepIndex,
    attempt: u32,
) -> Result<Option<Answer>> {
    let work = turn.plan.step(step).map(|step| step.work.clone());
    let work = work.ok_or_else(|| Error::Internal("a step that is not in its workflow".into()))?;
    match work {
        Work::Script(_) | Work::Command(_) | Work::HttpRequest(_) | Work::Action(_) => {
            jobs_of(turn, tx, run, step, attempt).await.map(|()| None)
        }
        Work::Conditional(conditional) => {
            let known = work::Known::of(turn, tx, step).await?;
            let condition = Condition::parse(&conditional.condition)
                .map_err(|error| Error::invalid("condition", error))?;
            let decision = condition
                .evaluate(&known.scope(turn))
                .map_err(|error| Error::invalid("condition", error))?;
            let mut result = StepResult::default();
            result.more.insert("result".to_owned(), decision.into());
            finish::leave(turn, tx, run, (&result, None)).await?;
            Ok(Some(Answer::Decided(decision)))
        }
        Work::Approval(approval) => approve::open(turn, tx, run, step, &approval).await.map(|()| None),
        Work::Workflow(child) => workflow(turn, tx, run, (step, &child), attempt)
            .await
            .map(|()| None),
        Work::Notify(notify) => tell::notify(turn, tx, run, step, &notify)
            .await
            .map(|()| Some(Answer::Succeeded)),
        // The engine itself does the rest.
        Work::Delay(_) | Work::Parallel(_) => Err(Error::Internal(format!(
            "a {} step has nothing to perform",
            work.kind()
        ))),
    }
}

/// Whoever started the instance, with the rights they have now.
pub(super) async fn author(turn: &mut Turn<'_>, tx: &mut Tx<'_>) -> Result<Caller> {
    if let Some(author) = &turn.author {
        return Ok(author.clone());
    }
    let row = &turn.row;
    let token = match row.token_id {
        None => None,
        Some(id) => {
            let token = identity::token_find(tx, id).await?;
            Some(token.filter(|token| token.expires > turn.now).ok_or_else(|| {
                let detail =
                    "The limited API token that the workflow was started with has expired or was revoked.";
                Error::conflict("token_gone", detail)
            })?)
        }
    };
    let found = caller_of(tx, row.starter_id, token.as_ref())
        .await?
        .ok_or_else(|| {
            let detail = "The user who started the workflow is gone or switched off.";
            Error::conflict("starter_gone", detail)
        })?;
    let author = found.through(format!("instance:{} ({})", row.id, row.workflow));
    turn.author = Some(author.clone());
    Ok(author)
}

async fn jobs_of(
    turn: &mut Turn<'_>,
    tx: &mut Tx<'_>,
    run: u32,
    step: StepIndex,
    attempt: u32,
) -> Result<()> {
    let caller = author(turn, tx).await?;
    let author = Author::new(&caller);
    let prepared = work::prepare(turn, tx, &caller, step).await?;
    let (prepared, tried) = match attempt {
        1 => (prepared, approved::Try::First),
        _ => {
            let next = NextTry::of(turn, tx, &author, run, &prepared).await?;
            (next.applied_to(prepared), approved::Try::Again)
        }
    };
    // Found once: between two looks there may be another host.
    let found = prepared.find(tx, &author).await?;
    approved::check(turn, tx, &caller, step, (&prepared, &found, tried)).await?;
    let made = prepared.create_on(tx, &author, found, None, turn.now).await?;
    let tried = turn.runs.change(tx, run).await?;
    (tried.attempt, tried.execution_id) = (attempt, Some(made.execution_id));
    let names: Vec<&str> = made.jobs.iter().map(|job| job.agent.as_str()).collect();
    let text = match names.as_slice() {
        [only] => format!("Job on {only}, execution {}", made.execution_id),
        all => format!("Jobs on {} hosts, execution {}", all.len(), made.execution_id),
    };
    turn.after.agents.extend(made.jobs.iter().map(|job| job.agent_id));
    turn.tell(Some((step, run)), text);
    Ok(())
}

/// Another workflow, as a step starts it.
pub(super) struct Child {
    pub(super) workflow: workflows::Workflow,
    pub(super) version: workflows::Version,
    pub(super) inputs: BTreeMap<String, Value>,
    /// The inputs of which something is left open.
    pub(super) open_inputs: BTreeSet<String>,
    pub(super) secrets: Secrets,
    pub(super) hosts: Option<Targets>,
    /// The paths in its inputs that are left open: such a one is shown and never started.
    pub(super) open: Vec<String>,
}

impl Child {
    pub(super) async fn of(
        turn: &Turn<'_>,
        tx: &mut Tx<'_>,
        caller: &Caller,
        step: StepIndex,
        (named, open): (&WorkflowStep, Open<'_>),
    ) -> Result<Self> {
        if turn.row.depth >= MAX_DEPTH {
            let detail = format!("Workflows start each other at most {MAX_DEPTH} deep.");
            return Err(Error::conflict("too_deep", detail));
        }
        let found = names::workflow_of(turn, tx, (step, named)).await?;
        let missing = || {
            Error::invalid(
                "workflow",
                "there is no such workflow, or its starter may not start it",
            )
        };
        let workflow = found.ok_or_else(missing)?;
        caller.require(super::MANAGE, super::VIEW, workflow.place(), missing)?;
        let number = workflow.version.ok_or_else(|| {
            Error::invalid(
                "workflow",
                format!("{:?} has no published version", workflow.name),
            )
        })?;
        let version = workflows::version(tx, workflow.id, number).await?;
        let version = version
            .ok_or_else(|| Error::Internal(format!("workflow {} has no version {number}", workflow.id)))?;
        let plan = turn.app.workflow_plans.of(&version.digest, &version.definition)?;
        let known = work::Known::of(turn, tx, step).await?;
        let scope = known.values(turn, open);
        let mut given = work::parameters(turn, &scope, "inputs", &named.inputs)?;
        let mut asked = plan.definition.inputs.clone();
        let (left, stands) = leave_open(&mut asked, &given.open);
        let open_inputs = left.keys().cloned().collect();
        let stands = stands
            .into_iter()
            .map(|(name, text)| (name, ParameterValue(text.into())));
        given.values.extend(stands);
        let (mut inputs, secrets) = bound_inputs(&asked, &given.values)?;
        inputs.extend(left.into_iter().map(|(name, text)| (name, Value::from(text))));
        let hosts = match &named.hosts {
            Some(hosts) => Some(hosts.clone()),
            None => work::instance_hosts(turn)?,
        };
        Ok(Self {
            workflow,
            version,
            inputs,
            open_inputs,
            secrets,
            hosts,
            open: scope.into_open(),
        })
    }

    pub(super) const fn version(&self) -> (WorkflowId, u32) {
        (self.workflow.id, self.version.version)
    }

    /// One line, and all of it that may be seen. A name changes nothing of what runs, and stands in the line alone.
    pub(super) fn shown(&self) -> (String, Value) {
        let Self {
            workflow, version, ..
        } = self;
        let secrets: Vec<&String> = self.secrets.keys().collect();
        let whole = serde_json::json!({
            "workflow_id": workflow.id,
            "version": version.version,
            "sha256": version.digest,
            "inputs": self.inputs,
            "secret_inputs": secrets,
            "hosts": self.hosts,
        });
        let summary = format!("starts {}, version {}", workflow.name, version.version);
        (summary, whole)
    }
}

async fn workflow(
    turn: &mut Turn<'_>,
    tx: &mut Tx<'_>,
    run: u32,
    (step, named): (StepIndex, &WorkflowStep),
    attempt: u32,
) -> Result<()> {
    let caller = author(turn, tx).await?;
    let child = Child::of(turn, tx, &caller, step, (named, Open::Nothing)).await?;
    approved::check_child(turn, tx, &caller, step, (named, &child)).await?;
    // Others of the family wait here for whoever makes an instance, and each keeps its own row meanwhile. That one waits for none
    // of them: a step that has started an instance is answered in a later turn, so nothing older is told to stop in this one.
    // Whoever is refused keeps nobody waiting, unless the last place went while it waited itself: if its failure then stops
    // another branch that waits here too, PostgreSQL refuses one of both, which is tried again.
    let root = turn.row.root_id.unwrap_or(turn.row.id);
    if !instances::has_room_below(tx, root, MAX_BELOW).await? {
        let detail = format!(
            "Instance {root} and those below it have started {MAX_BELOW} instances, and no more are allowed: does a loop start \
             them?"
        );
        return Err(Error::conflict("too_many_instances", detail));
    }
    let name = child.workflow.name.clone();
    let new = New {
        workflow: child.workflow,
        version: child.version.version,
        definition: child.version.definition,
        digest: child.version.digest,
        inputs: child.inputs,
        secrets: child.secrets,
        hosts: child.hosts,
        parent: Some((turn.row.id, run)),
        depth: turn.row.depth + 1,
        retry_of: None,
        machine: engine::Instance::default(),
        action: "instance_create",
        schedule: None,
        triggered_by: turn.row.triggered_by,
    };
    let id = make(turn.app, tx, &caller, turn.row.token_id, new, turn.now).await?;
    let tried = turn.runs.change(tx, run).await?;
    (tried.attempt, tried.child_id) = (attempt, Some(id));
    turn.tell(Some((step, run)), format!("Started instance {id} of {name}"));
    Ok(())
}

/// Why an instance that a step started is told to stop.
pub(super) struct Stop {
    reason: String,
    cause: EventCause,
}

impl Stop {
    pub(super) fn of(turn: &Turn<'_>, known: &StepRun) -> Self {
        let id = turn.row.id;
        let overdue = if turn.is_overdue(known.run) {
            Some(known.step.as_str())
        } else {
            turn.overdue_around(known.run)
        };
        let ending = turn.machine.ending.as_ref().map(|ending| ending.state);
        let reason = match (overdue, ending) {
            (Some(step), _) => format!("Step {step} of instance {id} took too long"),
            (None, None) => format!("Another branch of instance {id} failed"),
            (None, Some(InstanceState::Cancelled)) => format!("Instance {id} was cancelled"),
            (None, Some(_)) => format!("Instance {id} failed"),
        };
        Self {
            reason,
            cause: cause::parent(id, known.run),
        }
    }

    pub(super) fn given_up(id: InstanceId, known: &StepRun) -> Self {
        Self {
            reason: format!("Instance {id} was given up"),
            cause: cause::parent(id, known.run),
        }
    }
}

/// Has what a run waits for stop. It answers when it has.
pub(super) async fn abort(
    app: &App,
    tx: &mut Tx<'_>,
    known: &StepRun,
    stop: Stop,
    now: Timestamp,
    after: &mut After,
) -> Result<()> {
    if let Some(execution) = known.execution_id {
        after.agents.extend(cancel_by_system(tx, execution, now).await?);
    }
    if let Some(child) = known.child_id {
        let Stop { reason, cause } = stop;
        // A child's own children are reached in the same way.
        Box::pin(turn(
            app,
            tx,
            child,
            (Event::Cancel { reason }, cause),
            now,
            after,
        ))
        .await?;
    }
    if let Some(id) = known.approval_id
        && let Some(open) = approvals::find(tx, id).await?
        && open.state == ApprovalState::Open
    {
        approvals::ended(tx, id, ApprovalState::Withdrawn, now).await?;
        let entry = approve::end_entry(&open, ApprovalState::Withdrawn, now);
        audit::append(tx, vec![entry]).await?;
        crate::rooms::approvals::tell::ended(app, tx, &open, ApprovalState::Withdrawn, now).await?;
        after.messages = true;
    }
    Ok(())
}

pub(super) fn reason_of(error: &Error) -> String {
    match error {
        Error::Invalid(problems) => problems
            .iter()
            .map(|problem| format!("{}: {}", problem.field, problem.message))
            .collect::<Vec<_>>()
            .join("; "),
        other => other.to_string(),
    }
}
