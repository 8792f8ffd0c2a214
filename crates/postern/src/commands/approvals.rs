//! `postern approval …`: the questions that workflows wait for.

use clap::{Args, Subcommand};
use postern_api::approvals::{
    Approval, ApprovalAnswer, ApprovalDelegate, ApprovalDetail, ApprovedWork, Asked,
};
use postern_domain::{
    ApprovalId, Timestamp, UserId,
    approval::{ApprovalState, Decision},
    workflow::ApprovalType,
};

use super::list::{ListArguments, closing};
use crate::{
    clock,
    context::Context,
    failure::Failure,
    lookup,
    output::{Console, Tone},
    words,
};

#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalCommand {
    /// List approvals, newest first
    List {
        #[command(flatten)]
        list: ListArguments,
        /// Only those that wait for you
        #[arg(long)]
        mine: bool,
        /// open, approved, rejected, expired, withdrawn
        #[arg(long, value_name = "STATE", value_parser = parse_state)]
        state: Vec<String>,
        /// Only of this instance
        #[arg(long, value_name = "ID")]
        instance: Vec<String>,
    },
    /// Show an approval: who was asked, and what runs when it is given
    Show { id: ApprovalId },
    /// Approve: what was asked for runs as soon as enough people agree
    Approve(Answer),
    /// Reject
    Reject(Answer),
    /// Let somebody else answer in the place of one who has not; for who manages users there
    Delegate {
        id: ApprovalId,
        /// Who was asked, by name or id
        #[arg(long, value_name = "USER")]
        from: String,
        /// Who answers in their place, by name or id
        #[arg(long, value_name = "USER")]
        to: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Answer {
    id: ApprovalId,
    /// Kept with the answer, and seen by the steps that follow
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// Answer only if this is still the digest of what runs, as `approval show` told it; nothing is shown and asked then.
    /// Without it, the question and what runs are shown here and answered as they were shown
    #[arg(long, value_name = "SHA256")]
    work_sha256: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(command: ApprovalCommand, context: &Context<'_>) -> Result<(), Failure> {
    let client = &context.client;
    match command {
        ApprovalCommand::List {
            list,
            mine,
            state,
            instance,
        } => {
            let mine: &[String] = if mine { &["true".to_owned()] } else { &[] };
            let request = list.request(&[("mine", mine), ("state", &state), ("instance", &instance)]);
            let page = client.approval_list_all(&request, list.limit()).await?;
            context.console.answer(&page, |page| {
                if !page.items.is_empty() {
                    let head = [
                        "ID", "TITLE", "WORKFLOW", "INSTANCE", "STATE", "AGREED", "DEADLINE", "YOURS",
                    ];
                    let rows = page.items.iter().map(|approval| row(approval, clock::now()));
                    context.console.table(&head, rows.collect());
                }
                closing(context.console, page, "approvals");
            })
        }
        ApprovalCommand::Show { id } => {
            let detail = client.approval_show(id).await?;
            context
                .console
                .answer(&detail, |detail| print(detail, context.console))
        }
        ApprovalCommand::Approve(answer) => approval_answer(answer, Decision::Approve, context).await,
        ApprovalCommand::Reject(answer) => approval_answer(answer, Decision::Reject, context).await,
        ApprovalCommand::Delegate { id, from, to } => approval_delegate(id, &from, &to, context).await,
    }
}

fn parse_state(text: &str) -> Result<String, String> {
    let known: Vec<&str> = ApprovalState::ALL.iter().map(|state| state.as_str()).collect();
    match text.split(',').find(|word| !known.contains(word)) {
        None => Ok(text.to_owned()),
        Some(word) => Err(format!("{word:?} is no state: use {}", known.join(", "))),
    }
}

fn row(approval: &Approval, now: Timestamp) -> Vec<(String, Tone)> {
    let plain = |text: String| (text, Tone::Plain);
    let deadline = match approval.state {
        ApprovalState::Open => words::relative(approval.deadline, now),
        _ => String::new(),
    };
    vec![
        plain(approval.id.to_string()),
        plain(approval.title.clone()),
        plain(approval.workflow.clone()),
        plain(approval.instance_id.to_string()),
        (approval.state.as_str().to_owned(), tone(approval.state)),
        plain(format!("{} of {}", agreed(approval), approval.needed)),
        plain(deadline),
        plain(if approval.may_answer { "yes" } else { "" }.to_owned()),
    ]
}

const fn tone(state: ApprovalState) -> Tone {
    match state {
        ApprovalState::Open => Tone::Busy,
        ApprovalState::Approved => Tone::Good,
        ApprovalState::Rejected | ApprovalState::Expired => Tone::Bad,
        ApprovalState::Withdrawn => Tone::Plain,
    }
}

fn agreed(approval: &Approval) -> usize {
    let approve = |asked: &&Asked| asked.decision == Some(Decision::Approve);
    approval.people.iter().filter(approve).count()
}

const fn kind(kind: ApprovalType) -> &'static str {
    match kind {
        ApprovalType::Singular => "singular",
        ApprovalType::OneOfMany => "one_of_many",
        ApprovalType::TwoOfMany => "two_of_many",
        ApprovalType::All => "all",
        ApprovalType::Majority => "majority",
    }
}

fn print(detail: &ApprovalDetail, console: &Console) {
    let (approval, now) = (&detail.approval, clock::now());
    console.fields(&[
        ("id", approval.id.to_string()),
        ("title", approval.title.clone()),
        ("description", approval.description.clone().unwrap_or_default()),
        (
            "workflow",
            format!("{}, instance {}", approval.workflow, approval.instance_id),
        ),
        ("state", approval.state.as_str().to_owned()),
        (
            "needs",
            format!(
                "{} of {} people ({}); {} agreed",
                approval.needed,
                approval.people.len(),
                kind(approval.kind),
                agreed(approval)
            ),
        ),
        (
            "yours to answer",
            if approval.may_answer { "yes" } else { "no" }.to_owned(),
        ),
        ("held up", held_up(approval).unwrap_or_default()),
        ("started by", approval.started_by.clone()),
        ("opened", words::absolute(approval.opened_at, now)),
        ("deadline", words::absolute(approval.deadline, now)),
        (
            "ended",
            approval
                .ended_at
                .map(|at| words::absolute(at, now))
                .unwrap_or_default(),
        ),
    ]);
    console.say("");
    let rows = approval.people.iter().map(|asked| person(asked, now));
    console.table(
        &["ASKED", "ANSWER", "WHEN", "IN PLACE OF", "COMMENT"],
        rows.collect(),
    );
    console.say("");
    print_work(detail, console);
}

/// What stands in the way of a decision, where some of those who were asked cannot answer any more.
fn held_up(approval: &Approval) -> Option<String> {
    let silent = || approval.people.iter().filter(|one| one.decision.is_none());
    let unable = silent().find(|one| one.cannot_answer.is_some())?;
    let able = silent().filter(|one| one.cannot_answer.is_none()).count();
    let needed = usize::try_from(approval.needed).unwrap_or(usize::MAX);
    let missing = needed.saturating_sub(agreed(approval));
    let what = if able < missing {
        format!(
            "it can no longer be approved as it is: {missing} more must approve, and {able} can still answer"
        )
    } else {
        "not all who were asked can still answer".to_owned()
    };
    Some(format!(
        "{what}. Let somebody else answer: postern approval delegate {} --from {} --to USER",
        approval.id, unable.user_id
    ))
}

fn person(asked: &Asked, now: Timestamp) -> Vec<(String, Tone)> {
    let plain = |text: String| (text, Tone::Plain);
    let answer = match (asked.decision, &asked.cannot_answer) {
        (Some(Decision::Approve), _) => ("approved".to_owned(), Tone::Good),
        (Some(Decision::Reject), _) => ("rejected".to_owned(), Tone::Bad),
        (None, Some(reason)) => (format!("cannot: {reason}"), Tone::Bad),
        (None, None) => plain(String::new()),
    };
    vec![
        plain(asked.name.clone()),
        answer,
        plain(asked.at.map(|at| words::relative(at, now)).unwrap_or_default()),
        plain(asked.instead_of.clone().unwrap_or_default()),
        plain(asked.comment.clone().unwrap_or_default()),
    ]
}

/// What runs when it is approved, the whole of it.
fn print_work(detail: &ApprovalDetail, console: &Console) {
    for line in work_lines(detail) {
        console.say(&crate::sanitize::line(&line));
    }
}

fn work_lines(detail: &ApprovalDetail) -> Vec<String> {
    let mut lines: Vec<String> = detail.work.iter().flat_map(told).collect();
    if lines.is_empty() {
        lines.push("no step follows its approval".to_owned());
    }
    lines.push(format!("sha256 of the above: {}", detail.work_sha256));
    lines
}

/// What somebody must have seen who answers: what is asked, and what follows.
fn question_lines(detail: &ApprovalDetail) -> Vec<String> {
    let approval = &detail.approval;
    let mut lines = vec![
        approval.title.clone(),
        format!(
            "asked by {}, instance {}, started by {}",
            approval.workflow, approval.instance_id, approval.started_by
        ),
    ];
    let description = approval.description.as_deref().unwrap_or_default();
    lines.extend(description.lines().map(|line| format!("  {line}")));
    lines.extend(work_lines(detail));
    lines
}

fn told(work: &ApprovedWork) -> Vec<String> {
    let mut lines = vec![format!("{} ({}): {}", work.step, work.kind, work.summary)];
    lines.extend(work.only_if.iter().map(|cause| format!("  only if {cause}")));
    for (what, saved) in [("script", &work.script), ("action", &work.action)] {
        if let Some(saved) = saved {
            lines.push(format!("  {what} {}, version {}", saved.id, saved.version));
        }
    }
    if !work.hosts.is_empty() {
        let hosts: Vec<String> = work
            .hosts
            .iter()
            .map(|host| format!("{} ({})", host.name, host.id))
            .collect();
        lines.push(format!("  on {}", hosts.join(", ")));
    }
    if let Some(seconds) = work.timeout_seconds {
        lines.push(format!("  each job for at most {seconds} s"));
    }
    if let Some(payload) = &work.payload {
        let text = serde_json::to_string_pretty(payload).unwrap_or_default();
        lines.extend(text.lines().map(|line| format!("  {line}")));
    }
    if !work.open.is_empty() {
        lines.push(format!("  known only when it runs: {}", work.open.join(", ")));
    }
    if let Some(problem) = &work.problem {
        lines.push(format!("  does not run behind this approval: {problem}"));
    }
    lines
}

/// An answer is for what was shown: the server refuses it when something else would run by now. Whoever names the digest
/// has seen it.
async fn approval_answer(answer: Answer, decision: Decision, context: &Context<'_>) -> Result<(), Failure> {
    let (client, console) = (&context.client, context.console);
    let work_sha256 = match answer.work_sha256 {
        Some(digest) => digest,
        None => {
            let detail = client.approval_show(answer.id).await?;
            for line in question_lines(&detail) {
                // Programs read JSON on standard output, and nothing else.
                if console.is_json() {
                    console.note(&line);
                } else {
                    console.say(&crate::sanitize::line(&line));
                }
            }
            let verb = match decision {
                Decision::Approve => "Approve",
                Decision::Reject => "Reject",
            };
            console.confirm(&format!("{verb} this (approval {})?", answer.id), answer.yes)?;
            detail.work_sha256
        }
    };
    let request = ApprovalAnswer {
        decision,
        comment: answer.comment,
        work_sha256: Some(work_sha256),
    };
    let detail = client.approval_answer(answer.id, &request).await?;
    console.answer(&detail, |detail| {
        let approval = &detail.approval;
        let text = match approval.state {
            ApprovalState::Open => {
                format!("is open: {} of {} agreed", agreed(approval), approval.needed)
            }
            ended => format!("is {}", ended.as_str()),
        };
        console.say(&format!("approval {} {text}", approval.id));
    })
}

async fn approval_delegate(
    id: ApprovalId,
    from: &str,
    to: &str,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let (client, console) = (&context.client, context.console);
    let asked = client.approval_show(id).await?.approval;
    let request = ApprovalDelegate {
        from: match asked_as(&asked, from) {
            Some(user) => user,
            None => lookup::user(client, from).await?.id,
        },
        to: lookup::user(client, to).await?.id,
    };
    let detail = client.approval_delegate(id, &request).await?;
    console.answer(&detail, |_| {
        console.say(&format!("approval {id}: {to} answers in the place of {from}"));
    })
}

/// Somebody who was asked, by id or name: they may be deleted by now.
fn asked_as(approval: &Approval, text: &str) -> Option<UserId> {
    let id = text.parse::<UserId>().ok();
    if let Some(one) = approval.people.iter().find(|one| Some(one.user_id) == id) {
        return Some(one.user_id);
    }
    let mut named = approval.people.iter().filter(|one| one.name == text);
    let one = named.next()?;
    named.next().is_none().then_some(one.user_id)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_runs_is_told_whole() {
        let work: ApprovedWork = serde_json::from_value(json!({
            "step": "restart", "type": "action", "summary": "systemctl restart nginx",
            "only_if": ["check holds: step_look.exit_code == 0", "deploy fails"], "action": {"id": 4, "version": 2},
            "hosts": [{"id": 7, "name": "web1"}, {"id": 8, "name": "web2"}], "timeout_seconds": 60,
            "payload": {"argv": ["systemctl", "restart", "nginx"]}, "open": ["step_look.stdout", "step_a.comment"],
        }))
        .unwrap();
        assert_eq!(
            told(&work),
            [
                "restart (action): systemctl restart nginx",
                "  only if check holds: step_look.exit_code == 0",
                "  only if deploy fails",
                "  action 4, version 2",
                "  on web1 (7), web2 (8)",
                "  each job for at most 60 s",
                "  {",
                "    \"argv\": [",
                "      \"systemctl\",",
                "      \"restart\",",
                "      \"nginx\"",
                "    ]",
                "  }",
                "  known only when it runs: step_look.stdout, step_a.comment",
            ]
        );
        let script: ApprovedWork = serde_json::from_value(json!({
            "step": "clean", "type": "script", "summary": "clean (version 3)", "script": {"id": 5, "version": 3},
            "problem": "step_look.stdout does not exist",
        }))
        .unwrap();
        assert_eq!(
            told(&script)[1..],
            [
                "  script 5, version 3",
                "  does not run behind this approval: step_look.stdout does not exist",
            ]
        );
    }

    #[test]
    fn who_answers_is_shown_what_is_asked_and_what_follows() {
        let detail: ApprovalDetail = serde_json::from_value(json!({
            "id": 5, "instance_id": 9, "workflow": "rollout", "organization_id": null, "department_id": null,
            "type": "one_of_many", "state": "open", "title": "Restart web1?", "description": "Look at the load.\nIt was 3.",
            "started_by": "user:2 (ben)", "opened_at": "2026-11-22T09:30:00Z", "deadline": "2026-11-23T09:30:00Z",
            "ended_at": null, "needed": 1, "people": [], "may_answer": true, "work_sha256": "ab12",
            "allow_self_approval": false, "run_for": [2],
            "work": [{"step": "restart", "type": "command", "summary": "systemctl restart nginx",
                      "hosts": [{"id": 7, "name": "web1"}]}],
        }))
        .unwrap();
        assert_eq!(
            question_lines(&detail),
            [
                "Restart web1?",
                "asked by rollout, instance 9, started by user:2 (ben)",
                "  Look at the load.",
                "  It was 3.",
                "restart (command): systemctl restart nginx",
                "  on web1 (7)",
                "sha256 of the above: ab12",
            ]
        );
        let nothing = ApprovalDetail {
            work: Vec::new(),
            ..detail
        };
        assert!(question_lines(&nothing).contains(&"no step follows its approval".to_owned()));
    }

    fn asked(id: i64, decision: Option<&str>, cannot: Option<&str>) -> serde_json::Value {
        json!({"user_id": id, "name": format!("user-{id}"), "decision": decision, "cannot_answer": cannot})
    }

    fn approval(needed: u32, people: &[serde_json::Value]) -> Approval {
        serde_json::from_value(json!({
            "id": 5, "instance_id": 9, "workflow": "rollout", "organization_id": null, "department_id": null,
            "type": "all", "state": "open", "title": "Restart web1?", "description": null,
            "started_by": "user:2 (ben)", "opened_at": "2026-11-22T09:30:00Z", "deadline": "2026-11-23T09:30:00Z",
            "ended_at": null, "needed": needed, "people": people, "may_answer": false,
        }))
        .unwrap()
    }

    #[test]
    fn whoever_was_asked_is_found_among_them() {
        let mut other = asked(3, None, None);
        other["name"] = "7".into();
        let mut again = asked(4, None, None);
        again["name"] = "user-2".into();
        let people = [asked(1, None, None), asked(2, None, None), other, again];
        let approval = approval(1, &people);
        for (text, expected) in [
            ("1", Some(1)),
            ("user-1", Some(1)),
            ("7", Some(3)),
            ("4", Some(4)),
            ("user-2", None),
            ("user-9", None),
            ("9", None),
        ] {
            assert_eq!(asked_as(&approval, text), expected.map(UserId), "{text}");
        }
    }

    #[test]
    fn who_cannot_answer_any_more_holds_it_up() {
        let off = Some("is switched off");
        let agrees = Some("approve");
        let too_few = "it can no longer be approved as it is: ";
        for (needed, people, told) in [
            (2, [asked(1, None, None), asked(2, None, None)], None),
            (2, [asked(1, agrees, None), asked(2, None, None)], None),
            (
                1,
                [asked(1, None, None), asked(2, None, off)],
                Some("not all who were asked can still answer".to_owned()),
            ),
            (
                2,
                [asked(1, None, None), asked(2, None, off)],
                Some(format!("{too_few}2 more must approve, and 1 can still answer")),
            ),
            (
                2,
                [asked(1, agrees, None), asked(2, None, off)],
                Some(format!("{too_few}1 more must approve, and 0 can still answer")),
            ),
        ] {
            let approval = approval(needed, &people);
            let hint = "Let somebody else answer: postern approval delegate 5 --from 2 --to USER";
            assert_eq!(held_up(&approval), told.map(|told| format!("{told}. {hint}")));
        }
        let unable: Asked = serde_json::from_value(asked(2, None, off)).unwrap();
        let shown = person(&unable, Timestamp::from_micros(0));
        assert_eq!(shown[1], ("cannot: is switched off".to_owned(), Tone::Bad));
    }

    #[test]
    fn states_are_those_there_are() {
        assert!(parse_state("open,approved").is_ok());
        assert!(parse_state("waiting").unwrap_err().contains("withdrawn"));
    }
}
