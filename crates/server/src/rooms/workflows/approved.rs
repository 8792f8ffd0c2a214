//! Whether what begins is what was approved. All of a step is compared but the values that were not known when people
//! were asked.

use std::collections::BTreeSet;

use postern_api::approvals::{ApprovedHost, ApprovedVersion, ApprovedWork};
use postern_domain::{
    AgentId, ApprovalId,
    workflow::{Kind, StepIndex, WorkflowStep},
};
use postern_store::{Tx, approvals};
use serde_json::Value;

use super::{
    open::Open,
    perform::Child,
    shown::{of_child, of_jobs},
    turn::Turn,
    work::{self, Sketch},
};
use crate::{
    error::{Error, Result},
    http::Caller,
    rooms::jobs::run::{Found, Prepared},
};

/// Names of hosts in a reason.
const NAMED: usize = 5;

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
    (prepared, found, tried): (&Prepared, &Found, Try),
) -> Result<()> {
    let Some((approval, approved)) = approved(turn, tx, step).await? else {
        return Ok(());
    };
    let sketch = if approved.open.is_empty() {
        Sketch::whole(prepared.clone())
    } else {
        work::sketch(turn, tx, caller, step, Open::AsAsked(&approved.open)).await?
    };
    // A library that was saved between the two looks.
    if sketch.prepared.content_sha256() != prepared.content_sha256() {
        let detail = "The script of the step was changed at the moment when it began. Retry the instance from this step.";
        return Err(Error::conflict("not_what_was_approved", detail));
    }
    let now = of_jobs(turn, step, &sketch, found)?;
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

/// The newest approval that showed what this step does: one of the instance, or else of the nearest above it, whose step
/// started this.
async fn approved(
    turn: &Turn<'_>,
    tx: &mut Tx<'_>,
    step: StepIndex,
) -> Result<Option<(ApprovalId, ApprovedWork)>> {
    let mut kinds = turn.plan.nodes.iter().map(|node| &node.kind);
    let asks = kinds.any(|kind| matches!(kind, Kind::Approval));
    if !asks && turn.row.parent_id.is_none() {
        return Ok(None);
    }
    let found = approvals::approved(tx, turn.row.id, &turn.plan.nodes[step].id).await?;
    let Some((approval, work)) = found else {
        return Ok(None);
    };
    let work = serde_json::from_str(&work)
        .map_err(|error| Error::Internal(format!("approval {approval} in the database: {error}")))?;
    Ok(Some((approval, work)))
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
