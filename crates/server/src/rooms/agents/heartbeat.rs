//! Heartbeats: when an agent last spoke, and its check-in numbers. Gathered and written in batches; a crash may
//! lose the last second of them, never a result or a state.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use postern_domain::{AgentId, TenantId, Timestamp, clone_guard::CloneGuard};
use postern_protocol::refusal::RefusalCode;
use postern_store::{agents, audit, tx};

use super::gate::{Known, refused};
use crate::{
    app::App,
    error::{Error, Result},
};

/// Agents written in one transaction.
const BATCH: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct Beats {
    /// What this server has seen of each agent that spoke to it lately.
    seen: Mutex<HashMap<AgentId, Beat>>,
}

#[derive(Debug, Clone)]
struct Beat {
    tenant: TenantId,
    at: Timestamp,
    guard: CloneGuard,
    /// Numbers not yet compared with what other servers stored.
    numbers: Vec<u64>,
}

/// Notes a check-in. A number used before locks the agent: its credential is on two machines.
pub(crate) async fn note(app: &App, agent: &Known, number: u64) -> Result<()> {
    let now = app.now();
    let accepted = {
        let mut seen = app.gate.beats.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let beat = seen.entry(agent.id).or_insert_with(|| Beat {
            tenant: agent.tenant,
            at: now,
            guard: agent.guard,
            numbers: Vec::new(),
        });
        match beat.guard.accept(number) {
            Ok(guard) => {
                beat.guard = guard;
                beat.at = now;
                beat.numbers.push(number);
                true
            }
            Err(_) => false,
        }
    };
    if accepted {
        return Ok(());
    }
    lock(app, agent.id, agent.tenant, number).await?;
    Err(refused(app, RefusalCode::AgentLocked))
}

/// The agent joined anew: its numbers start again.
pub(crate) fn reset(app: &App, agent: AgentId) {
    app.gate
        .beats
        .seen
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&agent);
}

async fn lock(app: &App, id: AgentId, tenant: TenantId, number: u64) -> Result<()> {
    let now = app.now();
    tracing::warn!(agent = id.0, number, "credential in use on two machines: locked");
    app.store
        .write::<_, Error, _>(tx!(tx => {
            agents::lock(tx, id, now).await?;
            let entry = audit::Entry {
                tenant: Some(tenant),
                at: now,
                actor: "system".into(),
                token_id: None,
                action: "agent_lock",
                object: format!("agent:{id}"),
                refused: false,
                before: None,
                after: None,
                reason: Some(format!("Check-in number {number} came twice: the credential is in use on two machines")),
                address: None,
            };
            Ok(audit::append(tx, vec![entry]).await?)
        }))
        .await?;
    app.gate.forget(id);
    app.hub.wake([id]);
    Ok(())
}

/// Writes what has gathered. Numbers are compared with what the other servers wrote meanwhile.
pub(crate) async fn flush(app: &App) -> Result<()> {
    let due: Vec<(AgentId, Beat)> = {
        let mut seen = app.gate.beats.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = app.now();
        // An agent that went silent, or to another server, is forgotten; its guard is in the database.
        seen.retain(|_, beat| {
            !beat.numbers.is_empty() || now.since(beat.at) < std::time::Duration::from_secs(120)
        });
        seen.iter_mut()
            .filter(|(_, beat)| !beat.numbers.is_empty())
            .map(|(id, beat)| {
                let taken = beat.clone();
                beat.numbers.clear();
                (*id, taken)
            })
            .collect()
    };
    for batch in due.chunks(BATCH) {
        let batch: HashMap<AgentId, Beat> = batch.iter().cloned().collect();
        let tenants: HashMap<AgentId, TenantId> = batch.iter().map(|(id, beat)| (*id, beat.tenant)).collect();
        let clones = app
            .store
            .write::<_, Error, _>(tx!(tx => {
                let ids: Vec<_> = batch.keys().copied().collect();
                let stored = agents::guards(tx, &ids).await?;
                let mut beats = Vec::with_capacity(stored.len());
                let mut clones = Vec::new();
                for row in stored {
                    let Some(beat) = batch.get(&row.id) else { continue };
                    let guard = CloneGuard { highest: row.highest, seen: row.seen };
                    match merge(guard, &beat.numbers) {
                        Ok(guard) => beats.push((row.id, beat.at, guard)),
                        Err(number) => clones.push((row.id, number)),
                    }
                }
                agents::heartbeats(tx, beats).await?;
                Ok(clones)
            }))
            .await?;
        crate::failpoint::hit("after-heartbeats-written");
        for (id, number) in clones {
            lock(app, id, tenants[&id], number).await?;
        }
    }
    Ok(())
}

/// The stored guard with these numbers added, or the number that was there already.
fn merge(stored: CloneGuard, numbers: &[u64]) -> std::result::Result<CloneGuard, u64> {
    numbers
        .iter()
        .try_fold(stored, |guard, &number| guard.accept(number).map_err(|_| number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_two_servers_merge_unless_one_was_seen_by_both() {
        let stored = merge(CloneGuard::default(), &[1, 2, 4]).unwrap();
        assert!(merge(stored, &[3, 5]).is_ok());
        assert_eq!(merge(stored, &[5, 4]), Err(4));
    }
}
