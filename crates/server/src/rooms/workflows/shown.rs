//! What people are shown of the work behind an approval: every step that may run, those of the workflows that it starts
//! among them, as they would run now.

use std::collections::BTreeSet;

use postern_api::{
    approvals::{ApprovedHost, ApprovedVersion, ApprovedWork},
    targets::Targets,
    workflows::{CauseKind, EventCause},
};
use postern_domain::{
    AgentId, InstanceId,
    workflow::{Ahead, Fork, Kind, Plan, Side, Step, StepIndex, Work, engine},
};
use postern_store::{Tx, workflows::instances::Instance};

use super::{
    open::Open,
    perform::{Child, reason_of},
    turn::{After, Turn},
    work::{self, Sketch},
};
use crate::{
    error::{Error, Result},
    http::Caller,
    named::json,
    rooms::{
        agents::targets::resolve,
        jobs::{
            run::{Author, Found},
            secrets,
        },
    },
};

/// Steps that one approval shows, those of the workflows that it starts counted in.
const MAX_SHOWN: usize = 500;
/// Bytes of all that one approval shows, as JSON.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// What one approval shows, in the order of the workflow.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Ids and JSON.
    pub(super) steps: Vec<(String, String)>,
    bytes: usize,
}

impl Shown {
    fn add(&mut self, work: &ApprovedWork) -> Result<()> {
        let text = json(work)?;
        self.bytes += text.len();
        let problem = if self.steps.len() == MAX_SHOWN {
            format!(
                "More than {MAX_SHOWN} steps would follow, those of the workflows that are started counted in"
            )
        } else if self.bytes > MAX_BYTES {
            let mebibytes = MAX_BYTES / 1024 / 1024;
            format!(
                "What would follow is larger than {mebibytes} MiB, with its hosts and the texts of its scripts"
            )
        } else {
            self.steps.push((work.step.clone(), text));
            return Ok(());
        };
        let detail = format!(
            "{problem}, and one approval shows no more. Ask again further on or in the workflows that are started, or name \
             fewer hosts."
        );
        Err(Error::conflict("too_much_to_approve", detail))
    }

    /// All of it, as a JSON list.
    pub(super) fn whole(&self) -> String {
        let steps: Vec<&str> = self.steps.iter().map(|(_, work)| work.as_str()).collect();
        format!("[{}]", steps.join(","))
    }
}

/// Every step that may run once it is approved, until people are asked again.
pub(super) async fn following(
    turn: &Turn<'_>,
    tx: &mut Tx<'_>,
    caller: &Caller,
    step: StepIndex,
) -> Result<Shown> {
    let running: Vec<StepIndex> = turn.machine.runs.iter().map(|run| run.step).collect();
    let ahead = Ahead::of(&turn.plan, step, &running);
    let level = Level {
        turn,
        caller,
        prefix: String::new(),
        only_if: Vec::new(),
    };
    let mut shown = Shown::default();
    for (index, forks) in &ahead.steps {
        let before = ahead.before(*index);
        level
            .show(tx, (*index, forks), Open::Unknown(&before), &mut shown)
            .await?;
    }
    Ok(shown)
}

/// One of the workflows whose steps are shown.
struct Level<'a, 't> {
    turn: &'a Turn<'t>,
    caller: &'a Caller,
    /// What stands before the ids of its steps: those of the steps that lead to it.
    prefix: String,
    /// What must come about before it starts.
    only_if: Vec<String>,
}

impl Level<'_, '_> {
    /// A step, and those of the workflow that it starts.
    async fn show(
        &self,
        tx: &mut Tx<'_>,
        (step, forks): (StepIndex, &BTreeSet<Fork>),
        open: Open<'_>,
        shown: &mut Shown,
    ) -> Result<()> {
        let plan = &self.turn.plan;
        let (mut work, child) = match work_of(self.turn, tx, self.caller, step, open).await {
            Ok(found) => found,
            Err(error @ (Error::Store(_) | Error::Internal(_))) => return Err(error),
            Err(refused) => {
                let work = ApprovedWork {
                    problem: Some(reason_of(&refused)),
                    ..bare(plan, step)
                };
                (work, None)
            }
        };
        work.step = format!("{}{}", self.prefix, work.step);
        work.only_if.clone_from(&self.only_if);
        let forks = forks.iter().map(|fork| told(plan, *fork));
        work.only_if
            .extend(forks.map(|fork| format!("{}{fork}", self.prefix)));
        shown.add(&work)?;
        match child {
            Some(child) => Box::pin(self.show_inside(tx, &child, &work, shown)).await,
            None => Ok(()),
        }
    }

    /// The steps of another workflow until its own people are asked. None of them has run.
    async fn show_inside(
        &self,
        tx: &mut Tx<'_>,
        child: &Child,
        by: &ApprovedWork,
        shown: &mut Shown,
    ) -> Result<()> {
        let row = unmade(self.turn, self.caller, child)?;
        let cause = EventCause::of(CauseKind::Step);
        let mut after = After::default();
        let turn = Turn::of(self.turn.app, row, cause, self.turn.now, &mut after)?;
        let level = Level {
            turn: &turn,
            caller: self.caller,
            prefix: format!("{}/", by.step),
            only_if: by.only_if.clone(),
        };
        for (step, forks) in &Ahead::from_start(&turn.plan) {
            level.show(tx, (*step, forks), Open::Unmade, shown).await?;
        }
        Ok(())
    }
}

/// The instance of another workflow as it will be, as far as that is known: to look at its steps, and for nothing else.
fn unmade(turn: &Turn<'_>, caller: &Caller, child: &Child) -> Result<Instance> {
    let (place, mut inputs) = (child.workflow.place(), child.inputs.clone());
    inputs.retain(|name, _| !child.open_inputs.contains(name));
    let (secret_place, secret_sealed) = secrets::keep(turn.app, &child.secrets)?
        .map(|secret| (secret.place, secret.sealed))
        .unzip();
    Ok(Instance {
        // That of none: no results are found.
        id: InstanceId(0),
        tenant_id: place.tenant,
        organization_id: place.organization,
        department_id: place.department,
        workflow_id: child.workflow.id,
        version: child.version.version,
        workflow: child.workflow.name.clone(),
        state: engine::InstanceState::Pending,
        machine: json(&engine::Instance::default())?,
        definition: child.version.definition.clone(),
        digest: child.version.digest.clone(),
        inputs: json(&inputs)?,
        hosts: child.hosts.as_ref().map(json).transpose()?,
        secret_place,
        secret_sealed,
        started_by: caller.actor(),
        parent_id: Some(turn.row.id),
        depth: turn.row.depth + 1,
        retry_of: None,
        ..turn.row.clone()
    })
}

/// What a step would do if it began now, and the workflow that it would start.
async fn work_of(
    turn: &Turn<'_>,
    tx: &mut Tx<'_>,
    caller: &Caller,
    step: StepIndex,
    open: Open<'_>,
) -> Result<(ApprovedWork, Option<Child>)> {
    match (&turn.plan.nodes[step].kind, turn.plan.step(step)) {
        (Kind::Hosts { .. }, _) => {
            let sketch = work::sketch(turn, tx, caller, step, open).await?;
            let found = sketch.prepared.find(tx, &Author::new(caller)).await?;
            Ok((of_jobs(turn, step, &sketch, &found)?, None))
        }
        (
            Kind::Workflow { .. },
            Some(Step {
                work: Work::Workflow(named),
                ..
            }),
        ) => {
            let child = Child::of(turn, tx, caller, step, (named, open)).await?;
            let work = of_child(turn, tx, caller, step, &child).await?;
            Ok((work, Some(child)))
        }
        // What it says cannot change: an instance keeps its version.
        _ => Ok((bare(&turn.plan, step), None)),
    }
}

/// A step as the workflow says it.
fn bare(plan: &Plan, step: StepIndex) -> ApprovedWork {
    let node = &plan.nodes[step];
    let own = plan.step(step);
    let summary = match own.map(|step| &step.work) {
        Some(Work::Conditional(conditional)) => conditional.condition.clone(),
        Some(Work::Delay(delay)) => match delay.total_seconds() {
            1 => "waits 1 second".to_owned(),
            seconds => format!("waits {seconds} seconds"),
        },
        Some(Work::Notify(notify)) => format!("tells {}: {}", notify.to.join(", "), notify.title),
        Some(Work::Approval(ask)) => format!("asks {}: {}", ask.approvers.join(", "), ask.title),
        Some(Work::Parallel(parallel)) => format!("{} branches", parallel.branches.len()),
        _ => own
            .and_then(|step| step.name.clone())
            .unwrap_or_else(|| node.id.clone()),
    };
    ApprovedWork {
        step: node.id.clone(),
        kind: own.map_or("", |step| step.work.kind()).to_owned(),
        summary,
        only_if: Vec::new(),
        script: None,
        action: None,
        workflow: None,
        hosts: Vec::new(),
        timeout_seconds: None,
        payload: None,
        open: Vec::new(),
        problem: None,
    }
}

/// What a fork must come to.
fn told(plan: &Plan, Fork { step, side }: Fork) -> String {
    let id = &plan.nodes[step].id;
    let work = plan.step(step).map(|step| &step.work);
    match (side, work) {
        (Side::True, Some(Work::Conditional(of))) => format!("{id} holds: {}", of.condition),
        (Side::False, Some(Work::Conditional(of))) => format!("{id} does not hold: {}", of.condition),
        (_, Some(Work::Approval(_))) => format!("{id} is not approved"),
        _ => format!("{id} fails"),
    }
}

/// The jobs of a step on these hosts.
pub(super) fn of_jobs(
    turn: &Turn<'_>,
    step: StepIndex,
    sketch: &Sketch,
    found: &Found,
) -> Result<ApprovedWork> {
    let shown = sketch.prepared.shown();
    let version = |id: i64, version: u32| ApprovedVersion { id, version };
    Ok(ApprovedWork {
        summary: sketch.summary(),
        script: shown.script.map(|(id, number)| version(id.0, number)),
        action: shown.action.and_then(|(id, number)| Some(version(id.0, number?))),
        hosts: found.shown().into_iter().map(host).collect(),
        timeout_seconds: Some(shown.timeout_seconds),
        payload: Some(sketch.payload()?),
        open: sketch.open.clone(),
        ..bare(&turn.plan, step)
    })
}

fn host((id, name): (AgentId, String)) -> ApprovedHost {
    ApprovedHost { id, name }
}

/// Another workflow as it is started. Its steps are shown and compared each by itself.
pub(super) async fn of_child(
    turn: &Turn<'_>,
    tx: &mut Tx<'_>,
    caller: &Caller,
    step: StepIndex,
    child: &Child,
) -> Result<ApprovedWork> {
    let (summary, payload) = child.shown();
    let (id, version) = child.version();
    Ok(ApprovedWork {
        summary,
        workflow: Some(ApprovedVersion { id: id.0, version }),
        hosts: hosts_of(tx, &Author::new(caller), child.hosts.as_ref()).await?,
        payload: Some(payload),
        open: child.open.clone(),
        ..bare(&turn.plan, step)
    })
}

/// The hosts that another workflow is given. It may need none of them, as its steps can name their own.
async fn hosts_of(tx: &mut Tx<'_>, author: &Author, targets: Option<&Targets>) -> Result<Vec<ApprovedHost>> {
    let Some(targets) = targets else {
        return Ok(Vec::new());
    };
    match resolve(tx, &author.reach, &author.groups, targets).await {
        Ok(found) => {
            let found = found.hosts.into_iter();
            let mut hosts: Vec<ApprovedHost> = found.map(|found| host((found.id, found.name))).collect();
            hosts.sort_unstable_by(|one, other| one.name.cmp(&other.name));
            Ok(hosts)
        }
        Err(error @ (Error::Store(_) | Error::Internal(_))) => Err(error),
        Err(_) => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A step whose JSON has so many bytes.
    fn work(bytes: usize) -> ApprovedWork {
        let of = |step: String| -> ApprovedWork {
            let work = serde_json::json!({"step": step, "type": "command", "summary": "deploy"});
            serde_json::from_value(work).unwrap()
        };
        let least = json(&of(String::new())).unwrap().len();
        of("s".repeat(bytes - least))
    }

    #[track_caller]
    fn refused(result: Result<()>, expected: &str) {
        let error = result.expect_err("a refusal");
        assert!(
            matches!(&error, Error::Conflict { code: "too_much_to_approve", detail } if detail.starts_with(expected)),
            "{error:?}"
        );
    }

    #[test]
    fn so_many_steps_are_shown_and_no_more() {
        let mut shown = Shown::default();
        for _ in 0..MAX_SHOWN {
            shown.add(&work(100)).unwrap();
        }
        refused(shown.add(&work(100)), "More than 500 steps would follow");
        assert_eq!(shown.steps.len(), MAX_SHOWN);
    }

    #[test]
    fn so_many_bytes_are_shown_and_no_more() {
        let mut shown = Shown::default();
        shown.add(&work(MAX_BYTES - 100)).unwrap();
        shown.add(&work(100)).unwrap();
        refused(shown.add(&work(100)), "What would follow is larger than 16 MiB");
    }

    #[test]
    fn all_of_it_is_the_list_of_its_steps() {
        let mut shown = Shown::default();
        assert_eq!(shown.whole(), "[]");
        let all = [work(90), work(100)];
        for one in &all {
            shown.add(one).unwrap();
        }
        assert_eq!(shown.whole(), json(&all).unwrap());
    }
}
