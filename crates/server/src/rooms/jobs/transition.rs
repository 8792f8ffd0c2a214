//! Applies an event to a job: asks the rules, writes what they say together with its audit record.

use postern_domain::{
    AgentId, Timestamp,
    job::{self, Effect, Event, JobState},
};
use postern_store::{Tx, audit, jobs};

use crate::error::Result;

/// What became of a job.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) next: job::Job,
    pub(crate) effect: Effect,
    /// Agents with jobs that waited for this one's concurrency key.
    pub(crate) freed: Vec<AgentId>,
}

impl Change {
    /// The final state it just reached.
    pub(crate) fn ended(&self) -> Option<JobState> {
        (self.effect == Effect::Write && self.next.state.is_final()).then_some(self.next.state)
    }
}

/// Applies an event that is not a result: the current attempt ends with the job.
pub(crate) async fn apply(
    tx: &mut Tx<'_>,
    machine: &jobs::Machine,
    event: Event,
    now: Timestamp,
) -> Result<Change> {
    let (next, effect) = job::step(&machine.job(), event, now)?;
    let mut freed = Vec::new();
    if matches!(effect, Effect::Write | Effect::WriteAndWake) {
        let ended = next.state.is_final();
        jobs::save(tx, machine, &next, ended.then_some(now)).await?;
        if next.cancel_requested
            && !machine.cancel_requested
            && let Some(attempt) = machine.attempt_id
        {
            jobs::attempt_cancel_requested(tx, attempt).await?;
        }
        if let Some(attempt) = machine
            .attempt_id
            .filter(|_| ended && machine.state != JobState::Queued)
        {
            let end = jobs::AttemptEnd {
                state: next.state,
                started: None,
                finished: now,
                exit_code: next.exit_code,
                reason: next.reason.clone(),
                duration_us: None,
                result: None,
            };
            jobs::attempt_ended(tx, attempt, &end, None).await?;
        }
        freed = free(tx, machine, next.state, now).await?;
    }
    Ok(Change { next, effect, freed })
}

/// A job that is not in an agent's hands any more gives its concurrency key back.
pub(crate) async fn free(
    tx: &mut Tx<'_>,
    machine: &jobs::Machine,
    state: JobState,
    now: Timestamp,
) -> Result<Vec<AgentId>> {
    match &machine.concurrency_key {
        Some(key) if state.is_final() || state == JobState::Queued => {
            Ok(jobs::release(tx, machine.id, key, now).await?)
        }
        _ => Ok(Vec::new()),
    }
}

/// As [`apply`], on the server's own account, with the record of it.
pub(crate) async fn apply_by_system(
    tx: &mut Tx<'_>,
    machine: &jobs::Machine,
    event: Event,
    now: Timestamp,
) -> Result<Change> {
    let change = apply(tx, machine, event, now).await?;
    if change.ended().is_some() {
        let entry = finish_entry(machine, &change.next, "system".into(), now);
        audit::append(tx, vec![entry]).await?;
    }
    Ok(change)
}

/// The record of a job's end.
pub(crate) fn finish_entry(
    machine: &jobs::Machine,
    next: &job::Job,
    actor: String,
    now: Timestamp,
) -> audit::Entry {
    let after =
        serde_json::json!({"state": next.state, "attempt": next.attempt, "exit_code": next.exit_code});
    audit::Entry {
        tenant: Some(machine.tenant_id),
        at: now,
        actor,
        token_id: None,
        action: "job_finish",
        object: format!("job:{}", machine.id),
        refused: false,
        before: None,
        after: Some(after.to_string()),
        reason: next.reason.clone(),
        address: None,
    }
}
