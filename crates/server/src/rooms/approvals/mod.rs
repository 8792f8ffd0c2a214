//! Questions to people that workflows wait for. What answers come to is decided in `domain::approval`; the workflow
//! hears of the end by the outbox.

pub(crate) mod history;
pub(crate) mod people;
pub(crate) mod routes;
mod service;
pub(crate) mod tell;

use postern_domain::{
    approval::{Approval, Decision},
    workflow::{Plan, Work},
};
use postern_store::approvals;

use crate::error::{Error, Result};

/// The word of a value that is stored as one.
pub(crate) fn word(value: impl serde::Serialize) -> Result<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        other => Err(Error::Internal(format!("no word: {other:?}"))),
    }
}

fn read<T: serde::de::DeserializeOwned>(word: &str) -> Result<T> {
    serde_json::from_value(serde_json::Value::from(word))
        .map_err(|error| Error::Internal(format!("an approval in the database: {error}")))
}

/// Whether a step that asks says that whoever starts its workflow may answer.
pub(crate) fn allows_own(plan: &Plan, step: &str) -> bool {
    let step = plan.find(step).and_then(|index| plan.step(index));
    step.is_some_and(|step| matches!(&step.work, Work::Approval(ask) if ask.allow_self_approval))
}

/// As the rules see it. `asked`: in the order of their answers.
pub(crate) fn rules_of(row: &approvals::Approval, asked: &[approvals::Asked]) -> Result<Approval> {
    let mut answers = Vec::new();
    for one in asked {
        if let Some(decision) = &one.decision {
            answers.push((one.user_id, read::<Decision>(decision)?));
        }
    }
    Ok(Approval {
        kind: read(&row.kind)?,
        state: row.state,
        people: asked.iter().map(|one| one.user_id).collect(),
        answers,
        deadline: row.deadline,
    })
}
