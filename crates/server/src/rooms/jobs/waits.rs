//! What the jobs of an execution wait for, told in one line for whatever waits for their ends. It is found out when it is
//! asked for, and kept nowhere.

use std::collections::{BTreeSet, HashMap};

use postern_domain::{ExecutionId, Timestamp, job::JobState, permission::Permission};
use postern_store::{
    ListQuery, SortDirection, Tx,
    jobs::{self, executions},
};

use super::{blackouts::dark_of, convert::job_of};
use crate::{error::Result, http::Caller};

/// Jobs of one execution that are looked at.
const LOOKED_AT: u32 = 100;
/// Executions that are looked into, the oldest first: of more nobody is told.
const LOOKED_INTO: usize = 20;
/// Reasons that are told.
const TOLD: usize = 2;

/// Of each of these executions whose open jobs all wait, as far as the caller may see them: what for.
pub(crate) async fn waits_of(
    tx: &mut Tx<'_>,
    caller: &Caller,
    ids: &[ExecutionId],
    now: Timestamp,
) -> Result<HashMap<ExecutionId, String>> {
    let reach = caller.reach(Permission::JobsView);
    let (mut queued, mut busy) = (BTreeSet::new(), BTreeSet::new());
    for count in executions::counts(tx, &reach, ids).await? {
        if count.state == JobState::Queued {
            queued.insert(count.execution_id);
        } else if !count.state.is_final() {
            busy.insert(count.execution_id);
        }
    }
    let mut found = HashMap::new();
    for id in queued.difference(&busy).take(LOOKED_INTO) {
        let filter = jobs::Filter {
            executions: vec![id.0],
            states: vec![JobState::Queued],
            ..Default::default()
        };
        let page = ListQuery {
            limit: LOOKED_AT,
            cursor: None,
            direction: SortDirection::Ascending,
        };
        let rows = jobs::list(tx, &reach, &filter, &page).await?;
        let dark = dark_of(tx, &rows.iter().map(|row| row.id).collect::<Vec<_>>(), now).await?;
        let mut waiting = Vec::new();
        for row in rows {
            let dark = dark.get(&row.id);
            let job = job_of(row, dark, now)?;
            waiting.push((job.agent, job.waits.map(|wait| wait.text)));
        }
        if let Some(text) = told(waiting) {
            found.insert(*id, text);
        }
    }
    Ok(found)
}

/// `web1: The agent is not connected; 3 hosts: Its batch has not begun`. Nothing where one of them is about to begin.
fn told(waiting: Vec<(String, Option<String>)>) -> Option<String> {
    let cut = waiting.len() > usize::try_from(LOOKED_AT).unwrap_or(usize::MAX);
    let mut hosts: Vec<(String, Vec<String>)> = Vec::new();
    for (agent, text) in waiting {
        let text = text?;
        match hosts.iter_mut().find(|(known, _)| *known == text) {
            Some((_, agents)) => agents.push(agent),
            None => hosts.push((text, vec![agent])),
        }
    }
    let more = cut || hosts.len() > TOLD;
    let mut parts: Vec<String> = hosts
        .into_iter()
        .take(TOLD)
        .map(|(text, agents)| match agents.as_slice() {
            [only] => format!("{only}: {text}"),
            several => format!("{} hosts: {text}", several.len()),
        })
        .collect();
    if more {
        parts.push("and more".to_owned());
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(jobs: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
        jobs.iter()
            .map(|(agent, text)| {
                (
                    (*agent).to_owned(),
                    (!text.is_empty()).then(|| (*text).to_owned()),
                )
            })
            .collect()
    }

    #[test]
    fn hosts_that_wait_for_the_same_are_counted() {
        let said = |jobs: &[(&str, &str)]| told(waiting(jobs));
        let says = |text: &str| Some(text.to_owned());
        assert_eq!(said(&[]), None);
        assert_eq!(said(&[("a", "Offline")]), says("a: Offline"));
        let two = [("a", "Offline"), ("b", "Batch"), ("c", "Batch")];
        assert_eq!(said(&two), says("a: Offline; 2 hosts: Batch"));
        let three = [("a", "Offline"), ("b", "Batch"), ("c", "Slots")];
        assert_eq!(said(&three), says("a: Offline; b: Batch; and more"));
        assert_eq!(said(&[("a", "Offline"), ("b", "")]), None);
    }

    #[test]
    fn more_than_are_looked_at_are_not_counted_as_all() {
        let many: Vec<_> = (0..=LOOKED_AT)
            .map(|number| (format!("web{number}"), Some("Offline".to_owned())))
            .collect();
        assert_eq!(told(many).as_deref(), Some("101 hosts: Offline; and more"));
    }
}
