//! What the history of an instance says of its questions while they wait. What their ends lead to is told by the turn
//! that hears of them.

use postern_api::workflows::EventCause;
use postern_domain::{Timestamp, approval::Decision};
use postern_store::{
    Tx, approvals,
    workflows::{instances, step_runs},
};

use crate::error::Result;

/// Behind all that happened before. The approval comes from [`approvals::find`], which keeps its instance from others.
pub(crate) async fn add(
    tx: &mut Tx<'_>,
    row: &approvals::Approval,
    (text, cause): (String, EventCause),
    now: Timestamp,
) -> Result<()> {
    let run = step_runs::find(tx, row.instance_id, row.run).await?;
    let step = run.map(|run| run.step);
    let cause = EventCause {
        step: step.clone(),
        run: Some(row.run),
        approval_id: Some(row.id),
        ..cause
    };
    let event = serde_json::json!({"text": text, "step": step, "run": row.run, "cause": cause});
    Ok(instances::events_add(tx, row.instance_id, vec![event.to_string()], now).await?)
}

pub(super) fn answered(name: &str, decision: Decision, comment: Option<&str>) -> String {
    let what = match decision {
        Decision::Approve => "approved",
        Decision::Reject => "rejected",
    };
    match comment {
        Some(comment) if !comment.is_empty() => format!("{name} {what}: {comment}"),
        _ => format!("{name} {what}"),
    }
}

/// `unable`: who was not reminded, each with the reason.
pub(crate) fn reminded(people: usize, unable: &[String]) -> String {
    let who = match people {
        0 => "nobody".to_owned(),
        1 => "1 person".to_owned(),
        _ => format!("{people} people"),
    };
    if unable.is_empty() {
        format!("Reminded {who}")
    } else {
        format!("Reminded {who} ({})", unable.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_with_what_was_written_to_it() {
        let (yes, no) = (Decision::Approve, Decision::Reject);
        for (decision, comment, text) in [
            (yes, None, "anna approved"),
            (yes, Some(""), "anna approved"),
            (no, Some("too late: wait"), "anna rejected: too late: wait"),
        ] {
            assert_eq!(answered("anna", decision, comment), text);
        }
    }

    #[test]
    fn a_reminder_tells_who_got_none() {
        let unable = ["anna is deleted".to_owned(), "ben is switched off".to_owned()];
        for (people, unable, text) in [
            (1, &unable[..0], "Reminded 1 person"),
            (2, &unable[..1], "Reminded 2 people (anna is deleted)"),
            (
                0,
                &unable[..],
                "Reminded nobody (anna is deleted, ben is switched off)",
            ),
        ] {
            assert_eq!(reminded(people, unable), text);
        }
    }
}
