//! Approvals of a workflow: who is asked, what they are shown, and whether what runs is what they were shown.

use std::{collections::BTreeMap, time::Duration};

use postern_api::approvals::ApprovedWork;
use postern_domain::{
    ApprovalId, Timestamp, UserId,
    approval::{self, ApprovalState},
    member::Member,
    notify::Topic,
    permission::Place,
    workflow::{ApprovalStep, Kind, Step, StepIndex, Target, Work},
};
use postern_store::{
    Tx,
    approvals::{self, NewApproval},
    audit, identity,
    workflows::instances,
};

use super::{
    perform::{Child, author, reason_of},
    turn::Turn,
    work,
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{Caller, caller_of},
    named::{cut, json},
    rooms::{
        approvals as room,
        jobs::run::{Author, Prepared, digest},
    },
};

/// Steps behind an approval that it shows.
const SHOWN: usize = 50;
/// Characters of a title; longer ones are cut.
const MAX_TITLE: usize = 200;
/// Characters of a description; longer ones are cut.
const MAX_DESCRIPTION: usize = 16 * 1024;
/// People who are looked at, each by a statement of its own, in one transaction.
const MAX_PEOPLE: usize = 500;

pub(super) async fn open(
    turn: &mut Turn<'_>,
    tx: &mut Tx<'_>,
    run: u32,
    step: StepIndex,
    ask: &ApprovalStep,
) -> Result<()> {
    let caller = author(turn, tx).await?;
    let people = people(turn, tx, ask).await?;
    if !approval::can_open(ask.approval_type, people.len()) {
        let who = if ask.allow_self_approval {
            "may answer"
        } else {
            "may answer, whoever started the workflow left out"
        };
        let problem = format!(
            "name {} people who {who}: too few for this type of approval",
            people.len()
        );
        return Err(Error::invalid("approvers", problem));
    }
    let (title, description) = texts(turn, tx, step, ask).await?;
    let shown = json(&following(turn, tx, &caller, step).await?)?;
    let names: Vec<&str> = people.iter().map(|(_, name)| name.as_str()).collect();
    let text = format!("Asked {}", names.join(", "));
    let new = NewApproval {
        place: turn.row.place(),
        instance: turn.row.id,
        run,
        workflow: turn.row.workflow.clone(),
        starter: turn.row.starter_id,
        kind: room::word(ask.approval_type)?,
        title,
        description,
        digest: digest(shown.as_bytes()),
        work: shown,
        deadline: turn
            .now
            .plus(Duration::from_secs(u64::from(ask.timeout_minutes) * 60)),
        remind_every: ask
            .reminder_minutes
            .map(|minutes| Duration::from_secs(u64::from(minutes) * 60)),
        people,
    };
    let asked: Vec<UserId> = new.people.iter().map(|(id, _)| *id).collect();
    let id = approvals::open(tx, new, turn.now).await?;
    turn.runs.change(tx, run).await?.approval_id = Some(id);
    turn.tell(Some((step, run)), text);
    let row = approvals::find(tx, id).await?;
    let row = row.ok_or_else(|| Error::Internal(format!("approval {id} is gone")))?;
    let mut entry = caller.entry(
        turn.now,
        "approval_open",
        format!("approval:{id}"),
        turn.row.tenant_id,
    );
    let after = serde_json::json!({
        "step": turn.plan.nodes[step].id, "people": asked.len(), "work_sha256": row.digest, "instance": turn.row.id,
    });
    entry.after = Some(after.to_string());
    audit::append(tx, vec![entry]).await?;
    turn.after.messages = true;
    room::tell::waits(turn.app, tx, &row, Topic::ApprovalOpened, &asked, turn.now).await
}

/// Title and description with their values, of a length that a list can show.
async fn texts(
    turn: &Turn<'_>,
    tx: &mut Tx<'_>,
    step: StepIndex,
    ask: &ApprovalStep,
) -> Result<(String, Option<String>)> {
    let known = work::Known::of(turn, tx, step).await?;
    let scope = known.scope(turn);
    let title = work::text(&scope, "title", &ask.title)?;
    let description = ask.description.as_deref();
    let description = description
        .map(|text| work::text(&scope, "description", text))
        .transpose()?;
    Ok((
        cut(&title, MAX_TITLE),
        description.map(|text| cut(&text, MAX_DESCRIPTION)),
    ))
}

/// Everybody who is named, each once, and may answer at this moment.
async fn people(turn: &Turn<'_>, tx: &mut Tx<'_>, ask: &ApprovalStep) -> Result<Vec<(UserId, String)>> {
    let place = turn.row.place();
    let mut found = Vec::new();
    for (id, members) in meant(tx, place, ask).await? {
        if id == turn.row.starter_id && !ask.allow_self_approval {
            continue;
        }
        let Some(person) = caller_of(tx, id, None).await? else {
            continue;
        };
        let user = person.user()?.clone();
        let named = members.iter().any(|member| member.is(id, &person.rights, place));
        if named && user.tenant_id == place.tenant && person.rights.allow(super::MANAGE, place) {
            found.push((id, user.username));
        }
    }
    Ok(found)
}

/// Who may be meant, and by what.
async fn meant(tx: &mut Tx<'_>, place: Place, ask: &ApprovalStep) -> Result<BTreeMap<UserId, Vec<Member>>> {
    let mut meant: BTreeMap<UserId, Vec<Member>> = BTreeMap::new();
    for approver in &ask.approvers {
        let member: Member = approver
            .parse()
            .map_err(|error: postern_domain::member::MemberError| Error::invalid("approvers", error))?;
        let users = match member {
            Member::User(id) => vec![id],
            Member::Role(role) => identity::users_with(tx, place, role).await?,
        };
        for id in users {
            meant.entry(id).or_default().push(member);
        }
    }
    if meant.len() > MAX_PEOPLE {
        let roles: Vec<&str> = ask
            .approvers
            .iter()
            .map(String::as_str)
            .filter(|approver| approver.starts_with("role:"))
            .collect();
        let problem = format!(
            "name {} people by {}, and at most {MAX_PEOPLE} can be asked: name users, or roles that fewer people hold",
            meant.len(),
            roles.join(", ")
        );
        return Err(Error::invalid("approvers", problem));
    }
    Ok(meant)
}

/// What runs when it is approved: all branches, up to the next question or condition.
async fn following(
    turn: &Turn<'_>,
    tx: &mut Tx<'_>,
    caller: &Caller,
    step: StepIndex,
) -> Result<Vec<ApprovedWork>> {
    let mut shown = Vec::new();
    let mut seen = vec![step];
    // The last is looked at first.
    let mut ahead = vec![turn.plan.nodes[step].success];
    while let Some(next) = ahead.pop() {
        let Target::Step(index) = next else { continue };
        if seen.contains(&index) || seen.len() > SHOWN {
            continue;
        }
        seen.push(index);
        let node = &turn.plan.nodes[index];
        let kind = turn.plan.step(index).map_or("", |step| step.work.kind());
        let mut work = ApprovedWork {
            step: node.id.clone(),
            kind: kind.to_owned(),
            summary: turn
                .plan
                .step(index)
                .and_then(|step| step.name.clone())
                .unwrap_or_else(|| node.id.clone()),
            hosts: Vec::new(),
            payload: None,
            open: None,
        };
        match resolved(turn, tx, caller, index).await {
            Ok(Some((summary, payload, hosts))) => {
                work.summary = summary;
                work.payload = Some(payload);
                work.hosts = hosts;
            }
            Ok(None) => {}
            Err(error @ (Error::Store(_) | Error::Internal(_))) => return Err(error),
            Err(open) => work.open = Some(reason_of(&open)),
        }
        shown.push(work);
        match &node.kind {
            Kind::Hosts { .. } | Kind::Delay { .. } | Kind::Notify | Kind::Workflow => {
                ahead.push(node.success);
            }
            Kind::Parallel { branches, .. } => {
                ahead.push(node.success);
                ahead.extend(branches.iter().rev().map(|begin| Target::Step(*begin)));
            }
            Kind::Approval | Kind::Conditional { .. } => {}
        }
    }
    Ok(shown)
}

/// What a step would do if it began now. `None`: nothing that anybody could change meanwhile.
async fn resolved(
    turn: &Turn<'_>,
    tx: &mut Tx<'_>,
    caller: &Caller,
    step: StepIndex,
) -> Result<Option<(String, serde_json::Value, Vec<String>)>> {
    match (&turn.plan.nodes[step].kind, turn.plan.step(step)) {
        (Kind::Hosts { .. }, _) => {
            let prepared = work::prepare(turn, tx, caller, step, None).await?;
            shown(&prepared, tx, &Author::new(caller)).await.map(Some)
        }
        (
            Kind::Workflow,
            Some(Step {
                work: Work::Workflow(named),
                ..
            }),
        ) => {
            let (summary, whole) = Child::of(turn, tx, caller, step, named).await?.shown();
            Ok(Some((summary, whole, Vec::new())))
        }
        _ => Ok(None),
    }
}

async fn shown(
    prepared: &Prepared,
    tx: &mut Tx<'_>,
    author: &Author,
) -> Result<(String, serde_json::Value, Vec<String>)> {
    let (summary, payload, hosts) = prepared.shown(tx, author).await?;
    let payload = serde_json::from_str(&payload).map_err(|error| Error::Internal(error.to_string()))?;
    Ok((summary, payload, hosts))
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
    step: StepIndex,
    (prepared, author): (&Prepared, &Author),
    tried: Try,
) -> Result<()> {
    let Some((approval, approved)) = approved(turn, tx, step).await? else {
        return Ok(());
    };
    let (_, payload, hosts) = shown(prepared, tx, author).await?;
    let same_hosts = match tried {
        Try::First => hosts == approved.hosts,
        Try::Again => hosts.iter().all(|host| approved.hosts.contains(host)),
    };
    let what = match (approved.payload == Some(payload), same_hosts) {
        (true, true) => return Ok(()),
        (false, _) => "its script, its parameters or its command",
        (true, false) => "its hosts",
    };
    Err(changed(approval, what))
}

/// The same of another workflow that is about to start.
pub(super) async fn check_child(
    turn: &Turn<'_>,
    tx: &mut Tx<'_>,
    step: StepIndex,
    child: &Child,
) -> Result<()> {
    match approved(turn, tx, step).await? {
        Some((approval, approved)) if approved.payload != Some(child.shown().1) => Err(changed(
            approval,
            "the workflow that it starts, its inputs or its hosts",
        )),
        _ => Ok(()),
    }
}

fn changed(approval: ApprovalId, what: &str) -> Error {
    let detail = format!(
        "Approval {approval} was given for something else: {what} changed since. Start the workflow again."
    );
    Error::conflict("not_what_was_approved", detail)
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
            return Ok(work.payload.is_some().then_some((id, work)));
        }
    }
    Ok(None)
}

/// The time of a request is over. Whether it was open.
pub(super) async fn expire(app: &App, tx: &mut Tx<'_>, id: ApprovalId, now: Timestamp) -> Result<bool> {
    let Some(row) = approvals::find(tx, id).await? else {
        return Ok(false);
    };
    if row.state != ApprovalState::Open {
        return Ok(false);
    }
    let asked = approvals::people(tx, &[id]).await?;
    let known = room::rules_of(&row, &asked)?;
    let next = approval::step(&known, approval::Event::Tick, now).unwrap_or(known);
    if next.state != ApprovalState::Expired {
        return Ok(false);
    }
    approvals::ended(tx, id, ApprovalState::Expired, now).await?;
    room::history::add(tx, &row, "Nobody decided in time".to_owned(), now).await?;
    audit::append(tx, vec![end_entry(&row, ApprovalState::Expired, now)]).await?;
    room::tell::ended(app, tx, &row, ApprovalState::Expired, now).await?;
    Ok(true)
}

/// Those who have not answered are asked once more. Whether it was time.
pub(super) async fn remind(app: &App, tx: &mut Tx<'_>, id: ApprovalId, now: Timestamp) -> Result<bool> {
    let Some(row) = approvals::find(tx, id).await? else {
        return Ok(false);
    };
    if !approvals::reminded(tx, id, now).await? {
        return Ok(false);
    }
    let asked = approvals::people(tx, &[id]).await?;
    let silent = asked.iter().filter(|one| one.decision.is_none());
    let silent: Vec<UserId> = silent.map(|one| one.user_id).collect();
    room::history::add(tx, &row, room::history::reminded(silent.len()), now).await?;
    room::tell::waits(app, tx, &row, Topic::ApprovalReminder, &silent, now).await?;
    Ok(true)
}

/// The record of an end that nobody answered for.
pub(super) fn end_entry(row: &approvals::Approval, state: ApprovalState, now: Timestamp) -> audit::Entry {
    audit::Entry {
        tenant: Some(row.tenant_id),
        before: Some(serde_json::json!({"state": row.state}).to_string()),
        after: Some(serde_json::json!({"state": state, "instance": row.instance_id}).to_string()),
        ..audit::Entry::by_system(now, "approval_finish", format!("approval:{}", row.id))
    }
}
