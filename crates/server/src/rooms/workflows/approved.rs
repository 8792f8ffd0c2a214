//! What people are shown of the work behind an approval, and whether what begins is that. All of a step is compared but
//! the values that were not known when people were asked.

use std::collections::BTreeSet;

use postern_api::{
    approvals::{ApprovedHost, ApprovedVersion, ApprovedWork},
    targets::Targets,
};
use postern_domain::{
    AgentId, ApprovalId,
    workflow::{Ahead, Fork, Kind, Plan, Side, Step, StepIndex, Work, WorkflowStep},
};
use postern_store::{Tx, approvals, workflows::instances};
use serde_json::Value;

use super::{
    open::Open,
    perform::{Child, reason_of},
    turn::Turn,
    work::{self, Sketch},
};
use crate::{
    error::{Error, Result},
    http::Caller,
    rooms::{
        agents::targets::resolve,
        jobs::run::{Author, Prepared},
    },
};

/// Names of hosts in a reason.
const NAMED: usize = 5;

/// Every step that may run once it is approved, until people are asked again.
pub(super) async fn following(
    turn: &Turn<'_>,
    tx: &mut Tx<'_>,
    caller: &Caller,
    step: StepIndex,
) -> Result<Vec<ApprovedWork>> {
    let running: Vec<StepIndex> = turn.machine.runs.iter().map(|run| run.step).collect();
    let ahead = Ahead::of(&turn.plan, step, &running);
    let mut following = Vec::with_capacity(ahead.steps.len());
    for (index, forks) in &ahead.steps {
        let before = ahead.before(*index);
        let mut work = match work_of(turn, tx, caller, *index, Open::Unknown(&before)).await {
            Ok(work) => work,
            Err(error @ (Error::Store(_) | Error::Internal(_))) => return Err(error),
            Err(refused) => ApprovedWork {
                problem: Some(reason_of(&refused)),
                ..bare(&turn.plan, *index)
            },
        };
        work.only_if = forks.iter().map(|fork| told(&turn.plan, *fork)).collect();
        following.push(work);
    }
    Ok(following)
}

/// What a step would do if it began now.
async fn work_of(
    turn: &Turn<'_>,
    tx: &mut Tx<'_>,
    caller: &Caller,
    step: StepIndex,
    open: Open<'_>,
) -> Result<ApprovedWork> {
    match (&turn.plan.nodes[step].kind, turn.plan.step(step)) {
        (Kind::Hosts { .. }, _) => {
            let sketch = work::sketch(turn, tx, caller, step, (None, open)).await?;
            let hosts = sketch.prepared.shown_hosts(tx, &Author::new(caller)).await?;
            of_jobs(turn, step, &sketch, hosts)
        }
        (
            Kind::Workflow { .. },
            Some(Step {
                work: Work::Workflow(named),
                ..
            }),
        ) => {
            let child = Child::of(turn, tx, caller, step, (named, open)).await?;
            of_child(turn, tx, caller, step, &child).await
        }
        // What it says cannot change: an instance keeps its version.
        _ => Ok(bare(&turn.plan, step)),
    }
}

/// A step as the workflow says it.
fn bare(plan: &Plan, step: StepIndex) -> ApprovedWork {
    let node = &plan.nodes[step];
    let own = plan.step(step);
    let summary = match own.map(|step| &step.work) {
        Some(Work::Conditional(conditional)) => conditional.condition.clone(),
        Some(Work::Delay(delay)) => format!("waits {} seconds", delay.total_seconds()),
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

fn of_jobs(
    turn: &Turn<'_>,
    step: StepIndex,
    sketch: &Sketch,
    hosts: Vec<(AgentId, String)>,
) -> Result<ApprovedWork> {
    let shown = sketch.prepared.shown();
    let version = |id: i64, version: u32| ApprovedVersion { id, version };
    Ok(ApprovedWork {
        summary: sketch.summary(),
        script: shown.script.map(|(id, number)| version(id.0, number)),
        action: shown.action.and_then(|(id, number)| Some(version(id.0, number?))),
        hosts: hosts.into_iter().map(host).collect(),
        timeout_seconds: Some(shown.timeout_seconds),
        payload: Some(sketch.payload()?),
        open: sketch.open.clone(),
        ..bare(&turn.plan, step)
    })
}

fn host((id, name): (AgentId, String)) -> ApprovedHost {
    ApprovedHost { id, name }
}

async fn of_child(
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

/// Hosts of the first try, or of one after it: then those that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Try {
    First,
    Again,
}

/// Whether what is about to run is what was approved, where it was approved.
pub(super) async fn check(
    turn: &Turn<'_>,
    tx: &mut Tx<'_>,
    caller: &Caller,
    step: StepIndex,
    (prepared, tried): (&Prepared, Try),
) -> Result<()> {
    let Some((approval, approved)) = approved(turn, tx, step).await? else {
        return Ok(());
    };
    let hosts = prepared.shown_hosts(tx, &Author::new(caller)).await?;
    let sketch = if approved.open.is_empty() {
        Sketch::whole(prepared.clone())
    } else {
        work::sketch(turn, tx, caller, step, (None, Open::AsAsked(&approved.open))).await?
    };
    let now = of_jobs(turn, step, &sketch, hosts)?;
    decide(approval, &approved, &now, tried)
}

/// The same of another workflow that is about to start.
pub(super) async fn check_child(
    turn: &Turn<'_>,
    tx: &mut Tx<'_>,
    caller: &Caller,
    step: StepIndex,
    (named, child): (&WorkflowStep, &Child),
) -> Result<()> {
    let Some((approval, approved)) = approved(turn, tx, step).await? else {
        return Ok(());
    };
    let now = if approved.open.is_empty() {
        of_child(turn, tx, caller, step, child).await?
    } else {
        let sketch = Child::of(turn, tx, caller, step, (named, Open::AsAsked(&approved.open))).await?;
        of_child(turn, tx, caller, step, &sketch).await?
    };
    decide(approval, &approved, &now, Try::First)
}

/// The newest approval of the instance that showed what this step does.
async fn approved(
    turn: &Turn<'_>,
    tx: &mut Tx<'_>,
    step: StepIndex,
) -> Result<Option<(ApprovalId, ApprovedWork)>> {
    let mut kinds = turn.plan.nodes.iter().map(|node| &node.kind);
    if !kinds.any(|kind| matches!(kind, Kind::Approval)) {
        return Ok(None);
    }
    let step = &turn.plan.nodes[step].id;
    // What was approved for an instance holds for those that try it again.
    let tried = match turn.row.retry_of {
        Some(_) => instances::tried(tx, turn.row.id).await?,
        None => vec![turn.row.id],
    };
    for (id, work) in approvals::approved(tx, &tried).await? {
        let work: Vec<ApprovedWork> = serde_json::from_str(&work)
            .map_err(|error| Error::Internal(format!("approval {id} in the database: {error}")))?;
        if let Some(work) = work.into_iter().find(|work| work.step == *step) {
            return Ok(Some((id, work)));
        }
    }
    Ok(None)
}

fn decide(approval: ApprovalId, approved: &ApprovedWork, now: &ApprovedWork, tried: Try) -> Result<()> {
    let Some(what) = difference(approved, now, tried) else {
        return Ok(());
    };
    let next = match &approved.problem {
        None => "Start the workflow again, and have it approved as it is now.",
        Some(_) => {
            "Start the workflow again once that is there, or have it ask once more right before this step."
        }
    };
    let detail = format!("Approval {approval} was given for something else: {what}. {next}");
    Err(Error::conflict("not_what_was_approved", detail))
}

/// The first thing that is not as it was shown.
fn difference(approved: &ApprovedWork, now: &ApprovedWork, tried: Try) -> Option<String> {
    if let Some(problem) = &approved.problem {
        return Some(format!("what this step does could not be told then ({problem})"));
    }
    version("script", approved.script.as_ref(), now.script.as_ref())
        .or_else(|| version("action", approved.action.as_ref(), now.action.as_ref()))
        .or_else(|| version("workflow", approved.workflow.as_ref(), now.workflow.as_ref()))
        .or_else(|| hosts(&approved.hosts, &now.hosts, tried))
        .or_else(|| {
            (approved.timeout_seconds != now.timeout_seconds)
                .then(|| "the time that its jobs may take is not what it was".to_owned())
        })
        .or_else(|| {
            let null = &Value::Null;
            let (was, is) = (&approved.payload, &now.payload);
            let place = place(was.as_ref().unwrap_or(null), is.as_ref().unwrap_or(null), "")?;
            Some(format!("its {place} is not what it was"))
        })
}

fn version(what: &str, was: Option<&ApprovedVersion>, is: Option<&ApprovedVersion>) -> Option<String> {
    if was == is {
        return None;
    }
    Some(match (was, is) {
        (Some(was), Some(is)) if was.id == is.id => {
            let (was, is) = (was.version, is.version);
            format!("version {was} of its {what} was approved, and version {is} would run")
        }
        _ => format!("another {what} would run"),
    })
}

fn hosts(approved: &[ApprovedHost], now: &[ApprovedHost], tried: Try) -> Option<String> {
    let more = without(now, approved);
    if !more.is_empty() {
        return Some(format!(
            "it would run on {} too, for which it was not approved",
            listed(&more)
        ));
    }
    let less = without(approved, now);
    (tried == Try::First && !less.is_empty()).then(|| format!("it would no longer run on {}", listed(&less)))
}

/// The names of those that are not among the others.
fn without<'a>(hosts: &'a [ApprovedHost], others: &[ApprovedHost]) -> Vec<&'a str> {
    let others: BTreeSet<AgentId> = others.iter().map(|host| host.id).collect();
    hosts
        .iter()
        .filter(|host| !others.contains(&host.id))
        .map(|host| host.name.as_str())
        .collect()
}

fn listed(names: &[&str]) -> String {
    let named = names[..names.len().min(NAMED)].join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// The first place where two values differ, as fields are written.
fn place(was: &Value, is: &Value, at: &str) -> Option<String> {
    match (was, is) {
        (Value::Object(was), Value::Object(is)) => was.keys().chain(is.keys()).find_map(|name| {
            let at = if at.is_empty() {
                name.clone()
            } else {
                format!("{at}.{name}")
            };
            match (was.get(name), is.get(name)) {
                (Some(was), Some(is)) => place(was, is, &at),
                _ => Some(at),
            }
        }),
        (Value::Array(was), Value::Array(is)) if was.len() == is.len() => was
            .iter()
            .zip(is)
            .enumerate()
            .find_map(|(index, (was, is))| place(was, is, &format!("{at}[{index}]"))),
        _ => (was != is).then(|| at.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn work(change: Value) -> ApprovedWork {
        let mut work = json!({
            "step": "deploy", "type": "script", "summary": "deploy (version 1)",
            "script": {"id": 4, "version": 1}, "hosts": [{"id": 1, "name": "web-1"}, {"id": 2, "name": "web-2"}],
            "timeout_seconds": 300,
            "payload": {"type": "script", "payload": {"content": "echo", "parameters": {"who": "{{step_look.stdout}}"},
                "list": ["a", "b"]}},
            "open": ["step_look.stdout"],
        });
        if let (Value::Object(work), Value::Object(change)) = (&mut work, change) {
            work.extend(change);
        }
        serde_json::from_value(work).unwrap()
    }

    #[track_caller]
    fn told(approved: Value, now: Value, tried: Try, expected: Option<&str>) {
        let found = difference(&work(approved), &work(now), tried);
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn what_differs_is_named() {
        let payload = |field: &str, value: Value| {
            let mut inner =
                json!({"content": "echo", "parameters": {"who": "{{step_look.stdout}}"}, "list": ["a", "b"]});
            inner[field] = value;
            json!({"payload": {"type": "script", "payload": inner}})
        };
        for (now, expected) in [
            (
                json!({"script": {"id": 4, "version": 2}}),
                "version 1 of its script was approved, and version 2 would run",
            ),
            (
                json!({"script": {"id": 5, "version": 1}}),
                "another script would run",
            ),
            (json!({"script": null}), "another script would run"),
            (
                json!({"action": {"id": 5, "version": 1}}),
                "another action would run",
            ),
            (
                json!({"workflow": {"id": 5, "version": 1}}),
                "another workflow would run",
            ),
            (
                json!({"timeout_seconds": 301}),
                "the time that its jobs may take is not what it was",
            ),
            (
                payload("content", json!("rm")),
                "its payload.content is not what it was",
            ),
            (
                payload("parameters", json!({"who": "you"})),
                "its payload.parameters.who is not what it was",
            ),
            (
                payload("run_as_user", json!("root")),
                "its payload.run_as_user is not what it was",
            ),
            (
                payload("list", json!(["a", "c"])),
                "its payload.list[1] is not what it was",
            ),
            (
                payload("list", json!(["a"])),
                "its payload.list is not what it was",
            ),
        ] {
            told(json!({}), now, Try::First, Some(expected));
        }
        told(json!({}), json!({}), Try::First, None);
        told(json!({}), json!({"summary": "other words"}), Try::First, None);
    }

    #[test]
    fn a_host_is_its_id_and_another_try_may_have_fewer() {
        let hosts = |hosts: &[(i64, &str)]| {
            let hosts: Vec<Value> = hosts
                .iter()
                .map(|(id, name)| json!({"id": id, "name": name}))
                .collect();
            json!({"hosts": hosts})
        };
        let renamed = hosts(&[(1, "www-1"), (2, "web-2")]);
        told(json!({}), renamed, Try::First, None);
        let another = "it would run on web-1 too, for which it was not approved";
        told(
            json!({}),
            hosts(&[(3, "web-1"), (2, "web-2")]),
            Try::First,
            Some(another),
        );
        told(json!({}), hosts(&[(3, "web-1")]), Try::Again, Some(another));
        let fewer = hosts(&[(2, "web-2")]);
        told(
            json!({}),
            fewer.clone(),
            Try::First,
            Some("it would no longer run on web-1"),
        );
        told(json!({}), fewer, Try::Again, None);
        let many: Vec<(i64, &str)> = (1..=9).map(|id| (id, "h")).collect();
        told(
            json!({}),
            hosts(&many),
            Try::First,
            Some("it would run on h, h, h, h, h and 2 more too, for which it was not approved"),
        );
    }

    #[test]
    fn what_could_not_be_told_was_not_approved() {
        let approved = json!({"problem": "targets: match no agent", "payload": null, "open": []});
        let expected = "what this step does could not be told then (targets: match no agent)";
        told(approved, json!({}), Try::First, Some(expected));
    }
}
