//! What people do with requests: look at them, answer, and let somebody else answer.

use postern_api::{
    Page,
    approvals::{Approval, ApprovalAnswer, ApprovalDelegate, ApprovalDetail, Asked},
    workflows::{CauseKind, EventCause},
};
use postern_domain::{
    ApprovalId,
    approval::{self, ApprovalState, Event, Refusal},
    notify::Topic,
    permission::Permission,
};
use postern_store::{Cursor, SortDirection, Tx, approvals, audit, tx, workflows};

use super::{
    history,
    people::{Own, unable},
    read, rules_of, tell, word,
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller, caller_of,
        extract::{List, one_bool, page_of, unknown_filter, words},
    },
    named,
};

const VIEW: Permission = Permission::WorkflowsView;
const MANAGE: Permission = Permission::WorkflowsManage;
const MAX_COMMENT: usize = 2000;

pub(super) async fn approval_list(app: &App, caller: &Caller, mut list: List) -> Result<Page<Approval>> {
    list.sort_by(&["id"], SortDirection::Descending)?;
    let mut filter = approvals::Filter {
        search: list.search.clone(),
        ..Default::default()
    };
    for (field, values) in &list.filters {
        match field.as_str() {
            "state" => {
                filter.states = words(field, values, |word| {
                    ApprovalState::ALL
                        .iter()
                        .copied()
                        .find(|state| state.as_str() == word)
                })?;
            }
            "instance" => filter.instances = words(field, values, |word| word.parse().ok())?,
            "mine" => {
                if one_bool(field, values)? {
                    filter.waits_for = Some((caller.user()?.id, caller.reach(MANAGE)));
                }
            }
            _ => return Err(unknown_filter(field, "state, instance, mine")),
        }
    }
    let (reach, page, limit) = (caller.reach(VIEW), list.page.clone(), list.page.limit);
    let (rows, asked) = app
        .store
        .scan::<_, Error, _>(tx!(tx => {
            let rows = approvals::list(tx, &reach, &filter, &page).await?;
            let ids: Vec<ApprovalId> = rows.iter().map(|row| row.id).collect();
            let asked = approvals::people(tx, &ids).await?;
            Ok((rows, asked))
        }))
        .await?;
    page_of(
        rows,
        limit,
        |row| Cursor {
            key: String::new(),
            id: row.id.0,
        },
        |row| {
            let own: Vec<approvals::Asked> = asked
                .iter()
                .filter(|one| one.approval_id == row.id)
                .cloned()
                .collect();
            approval_of(app, caller, row, own)
        },
    )
}

pub(super) async fn approval_show(app: &App, caller: &Caller, id: ApprovalId) -> Result<ApprovalDetail> {
    let (caller, inner) = (caller.clone(), app.clone());
    app.store
        .read(tx!(tx => {
            let row = seen(tx, &caller, id, VIEW).await?;
            detail_of(&inner, tx, &caller, row).await
        }))
        .await
}

async fn seen(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ApprovalId,
    needed: Permission,
) -> Result<approvals::Approval> {
    let missing = || Error::not_found("approval", id);
    let row = approvals::find(tx, id).await?.ok_or_else(missing)?;
    caller.require(needed, VIEW, row.place(), missing)?;
    if workflows::is_deleted_of(tx, row.instance_id).await? {
        return Err(missing());
    }
    Ok(row)
}

pub(super) async fn approval_answer(
    app: &App,
    caller: &Caller,
    id: ApprovalId,
    request: ApprovalAnswer,
) -> Result<ApprovalDetail> {
    if let Some(comment) = &request.comment {
        named::check_text("comment", comment, MAX_COMMENT)?;
    }
    let (now, caller, inner) = (app.now(), caller.clone(), app.clone());
    let answered = app
        .store
        .write(tx!(tx => {
            let row = seen(tx, &caller, id, MANAGE).await?;
            if request.work_sha256.as_ref().is_some_and(|digest| *digest != row.digest) {
                let detail = format!("Approval {id} is for something else than what you were shown. Look at it again.");
                return Err(Error::conflict("other_work", detail));
            }
            let asked = approvals::people(tx, &[id]).await?;
            let by = caller.user()?;
            let event = Event::Answered { by: by.id, decision: request.decision };
            let next = approval::step(&rules_of(&row, &asked)?, event, now).map_err(|refusal| refused(id, &refusal))?;
            if Own::of(&inner, tx, &row).await?.forbids(by.id) {
                let detail = format!(
                    "You started what approval {id} is about or what it tries again, or ran its schedule now, and the step does not say allow_self_approval. Let somebody else answer in your place."
                );
                return Err(Error::conflict("self_approval", detail));
            }
            let decision = word(request.decision)?;
            let said = history::answered(&by.username, request.decision, request.comment.as_deref());
            approvals::answer(tx, id, by.id, (&decision, request.comment), now).await?;
            let cause = EventCause { user_id: Some(by.id), ..EventCause::of(CauseKind::ApprovalAnswered) };
            history::add(tx, &row, (said, cause), now).await?;
            if next.state != ApprovalState::Open {
                approvals::ended(tx, id, next.state, now).await?;
                tell::ended(&inner, tx, &row, next.state, now).await?;
            }
            let mut entry = caller.entry(now, "approval_answer", format!("approval:{id}"), row.tenant_id);
            entry.before = Some(serde_json::json!({"state": row.state}).to_string());
            let after = serde_json::json!({
                "state": next.state, "decision": decision, "work_sha256": row.digest, "instance": row.instance_id,
            });
            entry.after = Some(after.to_string());
            audit::append(tx, vec![entry]).await?;
            let row = seen(tx, &caller, id, VIEW).await?;
            detail_of(&inner, tx, &caller, row).await
        }))
        .await?;
    app.hub.instances_moved([answered.approval.instance_id]);
    app.workflows.notify_one();
    app.deliveries.notify_one();
    Ok(answered)
}

/// Somebody answers in the place of another.
pub(super) async fn approval_delegate(
    app: &App,
    caller: &Caller,
    id: ApprovalId,
    request: ApprovalDelegate,
) -> Result<ApprovalDetail> {
    let (now, caller, inner) = (app.now(), caller.clone(), app.clone());
    let delegated = app
        .store
        .write(tx!(tx => {
            let row = seen(tx, &caller, id, Permission::UsersManage).await?;
            let nobody = || Error::invalid("to", format!("is user {}, who is not there or is switched off: choose somebody else", request.to));
            let to = caller_of(tx, request.to, None).await?.ok_or_else(nobody)?;
            let user = to.user()?.clone();
            if user.tenant_id != row.tenant_id {
                return Err(nobody());
            }
            if !to.rights.allow(MANAGE, row.place()) {
                let problem = format!(
                    "is {}, who lacks {MANAGE} where the workflow lies: give them a role with it there, or choose somebody else",
                    user.username
                );
                return Err(Error::invalid("to", problem));
            }
            if Own::of(&inner, tx, &row).await?.forbids(request.to) {
                let detail = "Whoever started the workflow or what it tries again, or ran its schedule now, does not approve it in somebody else's place, unless the step says allow_self_approval. Choose somebody else.";
                return Err(Error::conflict("self_approval", detail));
            }
            let asked = approvals::people(tx, &[id]).await?;
            let event = Event::Delegated { from: request.from, to: request.to };
            approval::step(&rules_of(&row, &asked)?, event, now).map_err(|refusal| refused(id, &refusal))?;
            let from = asked.iter().find(|one| one.user_id == request.from).map_or("", |one| one.name.as_str());
            approvals::delegate(tx, id, (request.from, from), (request.to, &user.username)).await?;
            let by = caller.user()?;
            let said = format!("{} put {} in the place of {from}", by.username, user.username);
            let cause = EventCause { user_id: Some(by.id), ..EventCause::of(CauseKind::User) };
            history::add(tx, &row, (said, cause), now).await?;
            let mut entry = caller.entry(now, "approval_delegate", format!("approval:{id}"), row.tenant_id);
            entry.before = Some(serde_json::json!({"user": request.from}).to_string());
            entry.after = Some(serde_json::json!({"user": request.to}).to_string());
            audit::append(tx, vec![entry]).await?;
            tell::waits(&inner, tx, &row, Topic::ApprovalOpened, &[request.to], now).await?;
            let row = seen(tx, &caller, id, VIEW).await?;
            detail_of(&inner, tx, &caller, row).await
        }))
        .await?;
    app.hub.instances_moved([delegated.approval.instance_id]);
    app.deliveries.notify_one();
    Ok(delegated)
}

fn refused(id: ApprovalId, refusal: &Refusal) -> Error {
    let code = match refusal {
        Refusal::NotAsked => {
            return Error::ForbiddenBecause {
                code: "not_asked",
                detail: format!(
                    "Approval {id}: {refusal}. An administrator can put you in somebody's place."
                ),
            };
        }
        Refusal::Ended(_) => "approval_ended",
        Refusal::TooLate => "too_late",
        Refusal::Answered => "answered_already",
        Refusal::NotTheirs => "not_asked",
        Refusal::AskedAlready => "asked_already",
    };
    Error::conflict(code, format!("Approval {id}: {refusal}."))
}

fn approval_of(
    app: &App,
    caller: &Caller,
    row: approvals::Approval,
    asked: Vec<approvals::Asked>,
) -> Result<Approval> {
    let rules = rules_of(&row, &asked)?;
    let waits = |one: &approvals::Asked| {
        caller.user.as_ref().is_some_and(|user| user.id == one.user_id) && one.decision.is_none()
    };
    let may_answer = row.state == ApprovalState::Open
        && app.now() < row.deadline
        && caller.rights.allow(MANAGE, row.place())
        && asked.iter().any(waits);
    let people = asked
        .into_iter()
        .map(|one| {
            Ok(Asked {
                user_id: one.user_id,
                name: one.name,
                decision: one.decision.as_deref().map(read).transpose()?,
                comment: one.comment,
                at: one.at,
                instead_of: one.instead_of,
                cannot_answer: None,
            })
        })
        .collect::<Result<_>>()?;
    Ok(Approval {
        id: row.id,
        instance_id: row.instance_id,
        workflow: row.workflow,
        organization_id: row.organization_id,
        department_id: row.department_id,
        kind: rules.kind,
        state: row.state,
        title: row.title,
        description: row.description,
        started_by: row.started_by,
        opened_at: row.opened,
        deadline: row.deadline,
        ended_at: row.ended,
        needed: u32::try_from(rules.needed()).unwrap_or(u32::MAX),
        people,
        may_answer,
    })
}

async fn detail_of(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    row: approvals::Approval,
) -> Result<ApprovalDetail> {
    let asked = approvals::people(tx, &[row.id]).await?;
    let own = Own::of(app, tx, &row).await?;
    let mut unable = unable(tx, &row, &asked).await?;
    let work = approvals::work(tx, row.id).await?;
    let work = serde_json::from_str(&work)
        .map_err(|error| Error::Internal(format!("approval {} in the database: {error}", row.id)))?;
    let work_sha256 = row.digest.clone();
    let mut approval = approval_of(app, caller, row, asked)?;
    if caller.user.as_ref().is_some_and(|user| own.forbids(user.id)) {
        approval.may_answer = false;
    }
    for person in &mut approval.people {
        person.cannot_answer = unable.remove(&person.user_id).map(str::to_owned);
    }
    Ok(ApprovalDetail {
        work,
        work_sha256,
        allow_self_approval: own.allowed,
        run_for: own.run_for,
        approval,
    })
}
