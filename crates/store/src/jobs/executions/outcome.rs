//! How executions stand, as a filter of their list. It goes by the jobs that the caller sees, as their counts do.
//!
//! Where few jobs are in the wanted states these lead to their executions. Where there are many, or where a state must be
//! that of no job, the list is gone through until the page is full, and each execution is asked: of those that ended badly
//! by an index that has no others. That takes long only if very many jobs of very few, old executions are in these states.

use std::collections::BTreeSet;

use postern_domain::{job::JobState, permission::Reach};

use super::{by_execution, its};
use crate::{
    Error, Tx,
    agents::removal::AGENT_IS_THERE,
    engine::Value,
    list::{Select, marks, within},
};

/// Jobs that are looked up one by one to find their executions.
const FEW: i64 = 20_000;

/// An execution may stand in several ways, as while some of its jobs run and others failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A job of it is not over.
    Running,
    /// A job of it failed, timed out or became unknown.
    Failed,
    /// A job of it was cancelled.
    Cancelled,
    /// It has no job that did not complete.
    Completed,
}

impl Outcome {
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "running" => Some(Self::Running),
            "failed" => Some(Self::Failed),
            "cancelled" => Some(Self::Cancelled),
            "completed" => Some(Self::Completed),
            _ => None,
        }
    }

    /// One job in one of these is enough; for none there is no such state.
    const fn states(self) -> &'static [JobState] {
        match self {
            Self::Running => OPEN,
            Self::Failed => &[JobState::Failed, JobState::Timeout, JobState::Unknown],
            Self::Cancelled => &[JobState::Cancelled],
            Self::Completed => &[],
        }
    }
}

const OPEN: &[JobState] = &[JobState::Queued, JobState::Pending, JobState::Running];
/// Those of the index of jobs that did not end well, which names them as they stand in [`ENDED_BADLY`].
const BAD: &[JobState] = &[
    JobState::Failed,
    JobState::Timeout,
    JobState::Unknown,
    JobState::Cancelled,
];
const ENDED_BADLY: &str = "j.state IN ('failed', 'timeout', 'unknown', 'cancelled')";

fn states_of(outcomes: &[Outcome]) -> Vec<JobState> {
    outcomes
        .iter()
        .flat_map(|outcome| outcome.states())
        .copied()
        .collect()
}

/// That an execution stands in one of these ways.
pub(super) fn condition(tx: &Tx<'_>, reach: &Reach, outcomes: &[Outcome]) -> Option<(String, Vec<Value>)> {
    let mut parts = Vec::new();
    let mut values = Vec::new();
    let mut states = states_of(outcomes);
    states.sort_by_key(|state| BAD.contains(state));
    // Apart, as one goes by the index of those that did not end well.
    for states in states.chunk_by(|one, next| BAD.contains(one) == BAD.contains(next)) {
        let (exists, of) = has(tx, reach, states);
        parts.push(exists);
        values.extend(of);
    }
    if outcomes.contains(&Outcome::Completed) {
        let mut others = JobState::ALL.to_vec();
        others.retain(|state| *state != JobState::Completed);
        let (exists, of) = has(tx, reach, &others);
        parts.push(format!("NOT {exists}"));
        values.extend(of);
    }
    (!parts.is_empty()).then(|| (parts.join(" OR "), values))
}

fn has(tx: &Tx<'_>, reach: &Reach, states: &[JobState]) -> (String, Vec<Value>) {
    let (marks, mut values) = marks(states.iter().copied());
    // Nobody is to look for all jobs in a state, however few they seem to be: an execution is asked for its own.
    let mut exists = format!(
        "EXISTS (SELECT 1 FROM jobs j WHERE j.{} AND (j.state || '') IN ({marks}) AND {AGENT_IS_THERE}",
        its(tx)
    );
    if states.iter().all(|state| BAD.contains(state)) {
        exists.push_str(&format!(" AND {ENDED_BADLY}"));
    }
    if !reach.everywhere {
        let (place, of) = within(reach, by_execution(tx));
        exists.push_str(&format!(" AND ({place})"));
        values.extend(of);
    }
    exists.push(')');
    (exists, values)
}

/// All executions that may stand in one of these ways, if few jobs say so.
pub(super) async fn executions(
    tx: &mut Tx<'_>,
    outcomes: &[Outcome],
) -> Result<Option<BTreeSet<i64>>, Error> {
    let states = states_of(outcomes);
    if states.is_empty() || outcomes.contains(&Outcome::Completed) {
        return Ok(None);
    }
    let mut count = Select::new("SELECT count(*) FROM (SELECT 1 FROM jobs j");
    count
        .and_in("j.state", states.iter().copied())
        .push(&format!(" LIMIT {FEW}) AS few"));
    let (sql, values) = count.parts();
    let jobs: i64 = tx.query_one(sql, values).await?.read(0)?;
    if jobs >= FEW {
        return Ok(None);
    }
    let mut select = Select::new("SELECT j.execution_id FROM jobs j");
    select.and_in("j.state", states);
    let (sql, values) = select.parts();
    let mut found = BTreeSet::new();
    for row in tx.query(sql, values).await? {
        found.extend(row.read::<Option<i64>>(0)?);
    }
    Ok(Some(found))
}
