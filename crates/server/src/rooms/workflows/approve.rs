//! Approvals of a workflow: who is asked and when, and what becomes of a question that nobody answers.

use std::{collections::BTreeMap, time::Duration};

use postern_api::workflows::{CauseKind, EventCause};
use postern_domain::{
    ApprovalId, Timestamp, UserId,
    approval::{self, ApprovalState},
    member::Member,
    notify::Topic,
    permission::{Place, Role},
    workflow::{ApprovalStep, StepIndex},
};
use postern_store::{
    Tx,
    approvals::{self, NewApproval},
    audit, identity,
    workflows::instances,
};

use super::{
    perform::author,
    shown,
    turn::{After, Turn},
    work,
};
use crate::{
    app::App,
    digest::digest,
    error::{Error, Result},
    http::{Caller, caller_of},
    named::cut,
    rooms::approvals as room,
};

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
            "may answer, whoever started the workflow or what it tries again, or ran its schedule now, left out"
        };
        let problem = format!(
            "name {} people who {who}: too few for this type of approval",
            people.len()
        );
        return Err(Error::invalid("approvers", problem));
    }
    let (title, description) = texts(turn, tx, step, ask).await?;
    let shown = shown::following(turn, tx, &caller, step).await?;
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
        digest: digest(shown.whole().as_bytes()),
        work: shown.steps,
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
    let own = if ask.allow_self_approval {
        Vec::new()
    } else {
        instances::run_for(tx, turn.row.id).await?
    };
    let mut found = Vec::new();
    for (id, members) in meant(tx, &mut Holders::default(), place, ask).await? {
        if own.contains(&id) {
            continue;
        }
        let Some(person) = caller_of(tx, id, None).await? else {
            continue;
        };
        if may_answer(&person, place, &members)? {
            found.push((id, person.user()?.username.clone()));
        }
    }
    Ok(found)
}

/// Whether somebody who may be meant is, and may answer at this moment.
pub(super) fn may_answer(person: &Caller, place: Place, members: &[Member]) -> Result<bool> {
    let user = person.user()?;
    let named = members
        .iter()
        .any(|member| member.is(user.id, &person.rights, place));
    Ok(named && user.tenant_id == place.tenant && person.rights.allow(super::MANAGE, place))
}

/// Who holds the roles that were asked for at one place.
#[derive(Debug, Default)]
pub(super) struct Holders(BTreeMap<Role, Vec<UserId>>);

impl Holders {
    async fn of(&mut self, tx: &mut Tx<'_>, place: Place, role: Role) -> Result<Vec<UserId>> {
        if let Some(known) = self.0.get(&role) {
            return Ok(known.clone());
        }
        let found = identity::users_with(tx, place, role).await?;
        self.0.insert(role, found.clone());
        Ok(found)
    }
}

/// Who may be meant, and by what. `holders` are those of the same place.
pub(super) async fn meant(
    tx: &mut Tx<'_>,
    holders: &mut Holders,
    place: Place,
    ask: &ApprovalStep,
) -> Result<BTreeMap<UserId, Vec<Member>>> {
    let mut meant: BTreeMap<UserId, Vec<Member>> = BTreeMap::new();
    for approver in &ask.approvers {
        let member: Member = approver
            .parse()
            .map_err(|error: postern_domain::member::MemberError| Error::invalid("approvers", error))?;
        let users = match member {
            Member::User(id) => vec![id],
            Member::Role(role) => holders.of(tx, place, role).await?,
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

/// The time of a request is over. Whether it was open.
pub(super) async fn expire(
    app: &App,
    tx: &mut Tx<'_>,
    id: ApprovalId,
    now: Timestamp,
    after: &mut After,
) -> Result<bool> {
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
    let cause = EventCause::of(CauseKind::Timer);
    room::history::add(tx, &row, ("Nobody decided in time".to_owned(), cause), now).await?;
    audit::append(tx, vec![end_entry(&row, ApprovalState::Expired, now)]).await?;
    room::tell::ended(app, tx, &row, ApprovalState::Expired, now).await?;
    after.moved.push(row.instance_id);
    after.messages = true;
    Ok(true)
}

/// Those who have not answered and still can are asked once more. Whether it was time.
pub(super) async fn remind(
    app: &App,
    tx: &mut Tx<'_>,
    id: ApprovalId,
    now: Timestamp,
    after: &mut After,
) -> Result<bool> {
    let Some(row) = approvals::find(tx, id).await? else {
        return Ok(false);
    };
    if !approvals::reminded(tx, id, now).await? {
        return Ok(false);
    }
    let asked = approvals::people(tx, &[id]).await?;
    let unable = room::people::unable(tx, &row, &asked).await?;
    let silent = asked.iter().filter(|one| one.decision.is_none());
    let silent: Vec<UserId> = silent
        .map(|one| one.user_id)
        .filter(|id| !unable.contains_key(id))
        .collect();
    let said = room::history::reminded(silent.len(), &room::people::told(&asked, &unable));
    room::history::add(tx, &row, (said, EventCause::of(CauseKind::Timer)), now).await?;
    room::tell::waits(app, tx, &row, Topic::ApprovalReminder, &silent, now).await?;
    after.moved.push(row.instance_id);
    after.messages = true;
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
