//! Instances: list, show, events, again, cancel.

use postern_api::{
    ListRequest,
    workflows::{Instance, InstanceAgain, InstanceCancel, InstanceDetail, InstanceEvent, StepRun},
};
use postern_domain::{
    InstanceId, Timestamp,
    workflow::engine::{InstanceState, Outcome},
};

use crate::{
    clock,
    commands::{
        jobs::options::SecretOptions,
        list::{ListArguments, closing},
    },
    context::Context,
    failure::Failure,
    lookup,
    output::{Console, Tone},
    words,
};

pub(super) async fn instance_list(
    list: &ListArguments,
    workflows: &[String],
    filters: &[(&str, &[String])],
    context: &Context<'_>,
) -> Result<(), Failure> {
    let mut ids = Vec::new();
    for text in workflows {
        ids.push(lookup::workflow(&context.client, text).await?.id.to_string());
    }
    let request = list.request(&[&[("workflow", ids.as_slice())], filters].concat());
    let page = context.client.instance_list_all(&request, list.limit()).await?;
    context.console.answer(&page, |page| {
        let now = clock::now();
        if !page.items.is_empty() {
            let head = [
                "ID", "WORKFLOW", "VERSION", "STATE", "AT", "STARTED", "BY", "REASON",
            ];
            let rows = page.items.iter().map(|instance| row(instance, now));
            context.console.table(&head, rows.collect());
        }
        closing(context.console, page, "instances");
    })
}

fn row(instance: &Instance, now: Timestamp) -> Vec<(String, Tone)> {
    let plain = |text: String| (text, Tone::Plain);
    vec![
        plain(instance.id.to_string()),
        plain(instance.workflow.clone()),
        plain(version(instance)),
        (instance.state.as_str().to_owned(), tone(instance.state)),
        plain(instance.current.join(", ")),
        plain(words::relative(instance.created_at, now)),
        plain(instance.started_by.clone()),
        plain(instance.reason.clone().unwrap_or_default()),
    ]
}

fn version(instance: &Instance) -> String {
    match instance.version {
        0 => "draft".to_owned(),
        number => number.to_string(),
    }
}

const fn tone(state: InstanceState) -> Tone {
    match state {
        InstanceState::Completed => Tone::Good,
        InstanceState::Pending | InstanceState::Running | InstanceState::Paused => Tone::Busy,
        InstanceState::Failed => Tone::Bad,
        InstanceState::Cancelled => Tone::Plain,
    }
}

/// `failed: web1: exit code 3`
pub(super) fn ending(instance: &Instance) -> String {
    match &instance.reason {
        Some(reason) => format!("{}: {reason}", instance.state.as_str()),
        None => instance.state.as_str().to_owned(),
    }
}

pub(super) fn again(secrets: &SecretOptions, console: &Console) -> Result<InstanceAgain, Failure> {
    Ok(InstanceAgain {
        secrets: secrets.values(console)?,
    })
}

/// Says that it has begun, and how to watch it.
pub(super) fn begun(instance: &Instance, console: &Console) -> Result<(), Failure> {
    console.answer(instance, |instance| {
        let id = instance.id;
        console.say(&format!("instance {id} of {} has started", instance.workflow));
        console.note(&format!("`postern instance watch {id}` tells how it goes"));
    })
}

pub(super) async fn instance_show(id: InstanceId, context: &Context<'_>) -> Result<(), Failure> {
    let detail = context.client.instance_show(id).await?;
    context
        .console
        .answer(&detail, |detail| print(detail, context.console))
}

fn print(detail: &InstanceDetail, console: &Console) {
    let (instance, now) = (&detail.instance, clock::now());
    let id = |id: Option<InstanceId>| id.map(|id| format!("instance {id}")).unwrap_or_default();
    let inputs = if detail.inputs.is_empty() {
        String::new()
    } else {
        serde_json::to_string(&detail.inputs).unwrap_or_default()
    };
    console.fields(&[
        ("id", instance.id.to_string()),
        (
            "workflow",
            format!("{} ({})", instance.workflow, instance.workflow_id),
        ),
        ("version", version(instance)),
        ("state", ending(instance)),
        ("at", instance.current.join(", ")),
        ("inputs", inputs),
        (
            "waits for",
            detail
                .waits
                .as_deref()
                .map(words::with_moments)
                .unwrap_or_default(),
        ),
        (
            "hosts",
            detail.hosts.as_ref().map(words::targets).unwrap_or_default(),
        ),
        ("started by", id(instance.parent_id)),
        ("repeats", id(instance.retry_of)),
        (
            "started",
            format!(
                "{} by {}",
                words::absolute(instance.created_at, now),
                instance.started_by
            ),
        ),
        (
            "ended",
            instance
                .ended_at
                .map(|at| words::absolute(at, now))
                .unwrap_or_default(),
        ),
    ]);
    if !detail.runs.is_empty() {
        console.say("");
        print_runs(detail, console);
    }
}

/// Every step that began, in the order in which they began.
pub(super) fn print_runs(detail: &InstanceDetail, console: &Console) {
    let now = clock::now();
    let rows = detail.runs.iter().map(|run| run_row(run, now));
    console.table(
        &["RUN", "STEP", "OUTCOME", "ATTEMPT", "BY", "TOOK", "REASON"],
        rows.collect(),
    );
}

fn run_row(run: &StepRun, now: Timestamp) -> Vec<(String, Tone)> {
    let plain = |text: String| (text, Tone::Plain);
    let outcome = match run.outcome {
        None if run.waits.is_some() => ("waits", Tone::Busy),
        None => ("running", Tone::Busy),
        Some(Outcome::Succeeded) => ("succeeded", Tone::Good),
        Some(Outcome::Failed) => ("failed", Tone::Bad),
        Some(Outcome::Cancelled) => ("cancelled", Tone::Plain),
    };
    vec![
        plain(run.run.to_string()),
        plain(run.step.clone()),
        (outcome.0.to_owned(), outcome.1),
        plain(run.attempt.to_string()),
        plain(done_by(run)),
        plain(words::took(run.ended_at.unwrap_or(now).since(run.began_at))),
        plain(words::with_moments(
            run.reason
                .as_ref()
                .or(run.waits.as_ref())
                .map_or("", String::as_str),
        )),
    ]
}

/// Where to look further.
fn done_by(run: &StepRun) -> String {
    match (run.execution_id, run.approval_id, run.child_id) {
        (Some(execution), ..) => format!("execution {execution}"),
        (_, Some(approval), _) => format!("approval {approval}"),
        (.., Some(child)) => format!("instance {child}"),
        _ => String::new(),
    }
}

pub(super) async fn instance_events(
    id: InstanceId,
    limit: u32,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let page = context
        .client
        .instance_event_list_all(id, &ListRequest::default(), limit)
        .await?;
    context.console.answer(&page, |page| {
        for event in &page.items {
            context.console.say(&told(event));
        }
        if page.next_cursor.is_some() {
            context.console.note("more happened: show more with --limit");
        }
    })
}

/// One event as a line.
pub(super) fn told(event: &InstanceEvent) -> String {
    let (at, said) = (words::moment(event.at), words::with_moments(&event.text));
    let text = match (&event.step, event.run) {
        (Some(step), Some(run)) => format!("{at}  {step} (run {run}): {said}"),
        _ => format!("{at}  {said}"),
    };
    crate::sanitize::line(&text)
}

pub(super) async fn instance_cancel(
    id: InstanceId,
    reason: String,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let instance = context
        .client
        .instance_cancel(id, &InstanceCancel { reason })
        .await?;
    context.console.answer(&instance, |instance| {
        let text = if instance.state.is_final() {
            format!("instance {id} is {}", instance.state.as_str())
        } else {
            format!("instance {id} is told to stop: it ends when its jobs have ended")
        };
        context.console.say(&text);
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_a_host_said() {
        let event: InstanceEvent = serde_json::from_value(json!({
            "number": 1, "at": "2026-11-22T09:30:00Z", "text": "Failed: a\u{1b}[2Jb\nc", "step": "look", "run": 2,
        }))
        .unwrap();
        let line = told(&event);
        assert!(
            line.starts_with("2026-11-22 09:30:00 UTC  look (run 2): Failed: a"),
            "{line}"
        );
        assert!(!line.contains(['\u{1b}', '\n']), "{line}");
    }

    #[test]
    fn an_event_has_all_its_times_to_the_second() {
        let event: InstanceEvent = serde_json::from_value(json!({
            "number": 1, "at": "2026-11-22T09:30:00.250000Z", "text": "Waits until 2026-11-30T18:08:07.002633Z",
        }))
        .unwrap();
        assert_eq!(
            told(&event),
            "2026-11-22 09:30:00 UTC  Waits until 2026-11-30 18:08:07 UTC"
        );
    }

    #[test]
    fn a_run_says_why_its_jobs_wait() {
        let run: StepRun = serde_json::from_value(json!({
            "run": 1, "step": "restart", "attempt": 1, "cause": "start", "outcome": null, "reason": null,
            "waits": "web1: The agent is not connected", "began_at": "2026-11-22T09:30:00Z", "ended_at": null,
            "execution_id": 4, "approval_id": null, "child_id": null,
        }))
        .unwrap();
        let cells: Vec<String> = run_row(&run, run.began_at)
            .into_iter()
            .map(|(text, _)| text)
            .collect();
        assert_eq!(
            cells,
            [
                "1",
                "restart",
                "waits",
                "1",
                "execution 4",
                "0 ms",
                "web1: The agent is not connected"
            ]
        );
    }
}
