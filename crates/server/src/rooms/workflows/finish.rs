//! Ends: of what a step waited for, of a step, of an instance.

use std::collections::BTreeSet;

use postern_api::workflows::{CauseKind, EventCause};
use postern_domain::{
    ApprovalId, ExecutionId, InstanceId,
    approval::{ApprovalState, Decision},
    job::JobState,
    workflow::{
        HostResult, Kind, StepIndex, StepResult,
        engine::{Answer, Event, InstanceState, Outcome},
    },
};
use postern_store::{
    Tx, approvals, audit,
    outbox::{self, Kind as Heard, News},
    tx,
    workflows::{
        ends::{self, Beginning, HostEnd},
        instances::{self, Instance, Moved},
        step_runs::{self, StepRun},
    },
};

use super::{
    perform::{self, Stop},
    tell,
    turn::{After, Turn},
};
use crate::{
    app::App,
    error::{Error, Result},
    named::json,
    rooms::approvals::rules_of,
};

/// Bytes of output that all hosts of a step leave together for those behind it.
const LEFT_BYTES: usize = 1024 * 1024;
/// Names of hosts in a reason, and of what was cut.
const NAMED: usize = 5;

/// What the ends of all its jobs say to the run that waits for them.
pub(super) async fn jobs(
    turn: &mut Turn<'_>,
    tx: &mut Tx<'_>,
    known: StepRun,
    execution: ExecutionId,
) -> Result<Event> {
    turn.runs.know(known.clone());
    let ends = ends::ends_of(tx, execution).await?;
    let answer = hosts(turn, tx, &known, &ends).await?;
    if ends.iter().any(HostEnd::is_kept) {
        ends::forget(tx, execution).await?;
    }
    Ok(Event::Answered {
        run: known.run,
        attempt: known.attempt,
        answer,
    })
}

/// What other news say to an instance, or to the run of it that waited for them. `None`: that does not wait any longer.
pub(super) async fn answer(
    turn: &mut Turn<'_>,
    tx: &mut Tx<'_>,
    run: Option<u32>,
    news: &News,
) -> Result<Option<Event>> {
    let Some(run) = run else {
        return Ok((news.kind == Heard::InstanceMade).then_some(Event::Begin));
    };
    let known = turn.runs.find(tx, run).await?;
    let open = known.filter(|known| known.outcome.is_none());
    let Some((attempt, started)) = open.map(|known| (known.attempt, known.child_id)) else {
        return Ok(None);
    };
    // One that an earlier try started answers nothing.
    if news.kind == Heard::InstanceEnded && started != Some(InstanceId(news.object)) {
        return Ok(None);
    }
    let answer = match news.kind {
        Heard::InstanceEnded => child(turn, tx, run, InstanceId(news.object)).await?,
        Heard::ApprovalEnded => approval(turn, tx, run, ApprovalId(news.object)).await?,
        Heard::InstanceMade | Heard::JobEnded => return Ok(None),
    };
    Ok(Some(Event::Answered { run, attempt, answer }))
}

async fn child(turn: &mut Turn<'_>, tx: &mut Tx<'_>, run: u32, id: InstanceId) -> Result<Answer> {
    let child = instances::find(tx, id).await?;
    let state = child.map(|child| child.state);
    let ok = state == Some(InstanceState::Completed);
    let result = StepResult {
        status: if ok { "succeeded" } else { "failed" }.to_owned(),
        ..StepResult::default()
    };
    let reason = (!ok).then(|| {
        let state = state.map_or("gone", InstanceState::as_str);
        if turn.is_overdue(run) {
            format!("It took too long: instance {id} was told to stop, and is {state}")
        } else {
            format!("Instance {id} is {state}")
        }
    });
    if let Some(reason) = &reason {
        turn.reasons.insert(run, reason.clone());
    }
    leave(turn, tx, run, (&result, reason)).await?;
    Ok(Answer::Ended { completed: ok })
}

/// What a run has left so far, and why it failed if it did.
pub(super) async fn leave(
    turn: &mut Turn<'_>,
    tx: &mut Tx<'_>,
    run: u32,
    (result, reason): (&StepResult, Option<String>),
) -> Result<()> {
    let known = turn.runs.change(tx, run).await?;
    known.result = Some(json(result)?);
    known.reason = reason;
    Ok(())
}

async fn approval(turn: &mut Turn<'_>, tx: &mut Tx<'_>, run: u32, approval: ApprovalId) -> Result<Answer> {
    let found = approvals::find(tx, approval).await?;
    let state = found
        .as_ref()
        .map_or(ApprovalState::Withdrawn, |found| found.state);
    let people = approvals::people(tx, &[approval]).await?;
    let answers = match &found {
        Some(row) => rules_of(row, &people)?.answers,
        None => Vec::new(),
    };
    let rejected = |asked: &&approvals::Asked| answers.contains(&(asked.user_id, Decision::Reject));
    let against: Vec<&str> = people
        .iter()
        .filter(rejected)
        .map(|asked| asked.name.as_str())
        .collect();
    let decided: Vec<&approvals::Asked> = people.iter().filter(|asked| asked.decision.is_some()).collect();
    let last = decided.last();
    let names: Vec<&str> = decided.iter().map(|asked| asked.name.as_str()).collect();
    let mut result = StepResult {
        status: state.as_str().to_owned(),
        ..StepResult::default()
    };
    result
        .more
        .insert("decided_by".to_owned(), names.join(", ").into());
    let comment = last.and_then(|asked| asked.comment.clone()).unwrap_or_default();
    result.more.insert("comment".to_owned(), comment.into());
    let reason = match state {
        ApprovalState::Approved => None,
        ApprovalState::Rejected => Some(format!("Rejected by {}", against.join(", "))),
        ApprovalState::Expired => Some("Nobody decided in time".to_owned()),
        ApprovalState::Open | ApprovalState::Withdrawn => Some("Withdrawn".to_owned()),
    };
    leave(turn, tx, run, (&result, reason)).await?;
    Ok(if state == ApprovalState::Approved {
        Answer::Succeeded
    } else {
        Answer::Failed
    })
}

/// What the jobs left, those of earlier tries counted in where they succeeded.
async fn hosts(turn: &mut Turn<'_>, tx: &mut Tx<'_>, known: &StepRun, ends: &[HostEnd]) -> Result<Answer> {
    let each = (LEFT_BYTES / ends.len().max(1)).min(ends::SEEN_BYTES);
    let mut result = turn.runs.result_of(known)?;
    let before = std::mem::take(&mut result.hosts);
    let ids: BTreeSet<_> = ends.iter().map(|end| end.agent_id).collect();
    let names: BTreeSet<_> = ends.iter().map(|end| end.name.as_str()).collect();
    // Results from before they had the agent go by its name.
    let again = |host: &HostResult| match host.agent_id {
        Some(id) => ids.contains(&id),
        None => names.contains(host.name.as_str()),
    };
    result.hosts = before.into_iter().filter(|host| !again(host)).collect();
    let printed = ends::printed(tx, ends, each).await?;
    result.hosts.extend(ends.iter().zip(printed).map(left_by));
    result.hosts.sort_by(|one, other| one.name.cmp(&other.name));
    let completed = |host: &&HostResult| host.status == JobState::Completed.as_str();
    let succeeded = result.hosts.iter().filter(completed).count();
    let hosts = result.hosts.len();
    result.status = if succeeded == hosts { "succeeded" } else { "failed" }.to_owned();
    let failed: Vec<String> = ends
        .iter()
        .filter(|end| end.state != JobState::Completed)
        .map(|end| match (&end.reason, end.exit_code) {
            (Some(reason), _) => format!("{}: {reason}", end.name),
            (None, Some(code)) => format!("{}: Exit code {code}", end.name),
            (None, None) => format!("{}: {}", end.name, end.state.as_str()),
        })
        .collect();
    let cut = first_of(&result.cuts()).map(|cut| format!("Later steps do not see all output: {cut}"));
    if let Some(cut) = &cut {
        let step = turn.plan.find(&known.step).map(|step| (step, known.run));
        turn.tell(step, cut.clone());
    }
    let told: Vec<String> = first_of(&failed).into_iter().chain(cut).collect();
    let reason = (!told.is_empty()).then(|| told.join(". "));
    leave(turn, tx, known.run, (&result, reason)).await?;
    Ok(Answer::Hosts { succeeded, hosts })
}

/// A few of them in a row, and how many there are beside. `None` of nothing.
fn first_of(all: &[String]) -> Option<String> {
    let more = all.len().saturating_sub(NAMED);
    let mut told = all[..all.len().min(NAMED)].join("; ");
    if more > 0 {
        told.push_str(&format!("; and {more} more"));
    }
    (!all.is_empty()).then_some(told)
}

/// What stands in front, with a mark where there was more.
fn left_by((end, printed): (&HostEnd, [Beginning; 2])) -> HostResult {
    let [stdout_cut, stderr_cut] =
        [&printed[0], &printed[1]].map(|one| one.is_cut.then_some(one.bytes.len()));
    let [stdout, stderr] = printed.map(|one| String::from_utf8_lossy(&one.bytes).into_owned());
    HostResult {
        agent_id: Some(end.agent_id),
        name: end.name.clone(),
        status: end.state.as_str().to_owned(),
        exit_code: end.exit_code,
        reason: end.reason.clone().filter(|_| end.exit_code.is_none()),
        stdout,
        stderr,
        stdout_cut,
        stderr_cut,
    }
}

/// The end of a run, and what its step leaves that had no jobs, no answers and no child to leave it.
pub(super) async fn run(
    turn: &mut Turn<'_>,
    tx: &mut Tx<'_>,
    run: u32,
    step: StepIndex,
    outcome: Outcome,
) -> Result<()> {
    let known = turn.runs.find(tx, run).await?.cloned();
    let known =
        known.ok_or_else(|| Error::Internal(format!("run {run} of instance {} is gone", turn.row.id)))?;
    let mut result = turn.runs.result_of(&known)?;
    let status = match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Failed => "failed",
        Outcome::Cancelled => "cancelled",
    };
    // Those of approvals say more.
    if result.status.is_empty() || !matches!(turn.plan.nodes[step].kind, Kind::Approval) {
        status.clone_into(&mut result.status);
    }
    let reason = turn.reasons.remove(&run).or(known.reason);
    leave(turn, tx, run, (&result, reason)).await?;
    let (now, known) = (turn.now, turn.runs.change(tx, run).await?);
    known.outcome = Some(json(&outcome)?);
    known.ended = Some(now);
    Ok(())
}

/// An instance has ended.
pub(super) async fn instance(turn: &mut Turn<'_>, tx: &mut Tx<'_>, state: InstanceState) -> Result<()> {
    let id = turn.row.id;
    instances::secrets_forget(tx, id).await?;
    if turn.row.parent_id.is_some() {
        outbox::add(tx, outbox::Kind::InstanceEnded, id.0, turn.now).await?;
    }
    audit::append(tx, vec![end_entry(&turn.row, state, turn.now)]).await?;
    turn.after.messages = true;
    tell::instance_ended(turn.app, tx, &turn.row, state, turn.now).await
}

fn end_entry(row: &Instance, state: InstanceState, now: postern_domain::Timestamp) -> audit::Entry {
    audit::Entry {
        tenant: Some(row.tenant_id),
        after: Some(
            serde_json::json!({"state": state, "workflow": row.workflow, "version": row.version}).to_string(),
        ),
        reason: row.reason.clone(),
        ..audit::Entry::by_system(now, "instance_finish", format!("instance:{}", row.id))
    }
}

/// Counts a failure of the server; at the last one the instance ends, so that it hinders nobody.
pub(super) async fn give_up_after(app: &App, id: InstanceId, tries: u32) -> Result<()> {
    let (now, inner) = (app.now(), app.clone());
    let after = app
        .store
        .write::<_, Error, _>(tx!(tx => {
            let mut after = After::default();
            let Some(row) = instances::find(tx, id).await? else { return Ok(after) };
            if row.state.is_final() || instances::failed(tx, id).await? < tries {
                return Ok(after);
            }
            let row = Instance {
                reason: Some(format!("The server failed over it {tries} times; its log says why")),
                ..row
            };
            let reason = row.reason.as_deref().unwrap_or_default();
            // Nobody will hear what it waited for.
            let mut open = step_runs::open(tx, id).await?;
            for run in &mut open {
                match perform::abort(&inner, tx, run, Stop::given_up(id, run), now, &mut after).await {
                    // An instance that it started may be as broken, and is given up by itself.
                    Err(Error::Internal(failure)) => tracing::warn!(failure, run = run.run, "it was not told to stop"),
                    other => other?,
                }
                (run.outcome, run.ended) = (Some(json(&Outcome::Cancelled)?), Some(now));
            }
            step_runs::save(tx, id, open).await?;
            let event = serde_json::json!({
                "text": format!("The workflow is failed: {reason}"), "cause": EventCause::of(CauseKind::Server),
            });
            let moved = Moved {
                state: InstanceState::Failed,
                machine: row.machine.clone(),
                reason: row.reason.clone(),
                ended: Some(now),
                events: vec![event.to_string()],
            };
            instances::save(tx, id, moved, now).await?;
            instances::secrets_forget(tx, id).await?;
            instances::timers_forget(tx, id).await?;
            if row.parent_id.is_some() {
                outbox::add(tx, outbox::Kind::InstanceEnded, id.0, now).await?;
            }
            tell::instance_ended(&inner, tx, &row, InstanceState::Failed, now).await?;
            audit::append(tx, vec![end_entry(&row, InstanceState::Failed, now)]).await?;
            after.messages = true;
            Ok(after)
        }))
        .await?;
    after.wake(app);
    Ok(())
}
