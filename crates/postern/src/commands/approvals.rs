//! `postern approval …`: the questions that workflows wait for.

use clap::{Args, Subcommand};
use postern_api::approvals::{
    Approval, ApprovalAnswer, ApprovalDelegate, ApprovalDetail, ApprovedWork, Asked,
};
use postern_domain::{
    ApprovalId, Timestamp,
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
    /// Answer only if this is still the digest of what runs, as `approval show` told it. Without it, what runs is shown
    /// here and answered as it was shown
    #[arg(long, value_name = "SHA256")]
    work_sha256: Option<String>,
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

fn person(asked: &Asked, now: Timestamp) -> Vec<(String, Tone)> {
    let plain = |text: String| (text, Tone::Plain);
    let answer = match asked.decision {
        None => ("", Tone::Plain),
        Some(Decision::Approve) => ("approved", Tone::Good),
        Some(Decision::Reject) => ("rejected", Tone::Bad),
    };
    vec![
        plain(asked.name.clone()),
        (answer.0.to_owned(), answer.1),
        plain(asked.at.map(|at| words::relative(at, now)).unwrap_or_default()),
        plain(asked.instead_of.clone().unwrap_or_default()),
        plain(asked.comment.clone().unwrap_or_default()),
    ]
}

/// What runs when it is approved, the whole of it.
fn print_work(detail: &ApprovalDetail, console: &Console) {
    if detail.work.is_empty() {
        console.say("no step follows its approval");
    }
    for work in &detail.work {
        for line in told(work) {
            console.say(&crate::sanitize::line(&line));
        }
    }
    console.say(&format!("sha256 of the above: {}", detail.work_sha256));
}

fn told(work: &ApprovedWork) -> Vec<String> {
    let mut lines = vec![format!("{} ({}): {}", work.step, work.kind, work.summary)];
    if !work.hosts.is_empty() {
        lines.push(format!("  on {}", work.hosts.join(", ")));
    }
    if let Some(payload) = &work.payload {
        let text = serde_json::to_string_pretty(payload).unwrap_or_default();
        lines.extend(text.lines().map(|line| format!("  {line}")));
    }
    if let Some(open) = &work.open {
        lines.push(format!("  more is not known yet: {open}"));
    }
    lines
}

/// An answer is for what was shown: the server refuses it when something else would run by now.
async fn approval_answer(answer: Answer, decision: Decision, context: &Context<'_>) -> Result<(), Failure> {
    let (client, console) = (&context.client, context.console);
    let work_sha256 = match answer.work_sha256 {
        Some(digest) => digest,
        None => {
            let detail = client.approval_show(answer.id).await?;
            if !console.is_json() {
                print_work(&detail, console);
            }
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
    let request = ApprovalDelegate {
        from: lookup::user(client, from).await?.id,
        to: lookup::user(client, to).await?.id,
    };
    let detail = client.approval_delegate(id, &request).await?;
    console.answer(&detail, |_| {
        console.say(&format!("approval {id}: {to} answers in the place of {from}"));
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_runs_is_told_whole() {
        let work: ApprovedWork = serde_json::from_value(json!({
            "step": "restart", "type": "command", "summary": "systemctl restart nginx", "hosts": ["web1", "web2"],
            "payload": {"argv": ["systemctl", "restart", "nginx"]},
        }))
        .unwrap();
        assert_eq!(
            told(&work),
            [
                "restart (command): systemctl restart nginx",
                "  on web1, web2",
                "  {",
                "    \"argv\": [",
                "      \"systemctl\",",
                "      \"restart\",",
                "      \"nginx\"",
                "    ]",
                "  }",
            ]
        );
        let open = ApprovedWork {
            hosts: Vec::new(),
            payload: None,
            open: Some("step_look.stdout does not exist".to_owned()),
            ..work
        };
        assert_eq!(
            told(&open)[1..],
            ["  more is not known yet: step_look.stdout does not exist"]
        );
    }

    #[test]
    fn states_are_those_there_are() {
        assert!(parse_state("open,approved").is_ok());
        assert!(parse_state("waiting").unwrap_err().contains("withdrawn"));
    }
}
