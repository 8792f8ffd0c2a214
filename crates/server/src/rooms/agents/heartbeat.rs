//! Heartbeats: when an agent last spoke, and its check-in numbers. Gathered and written in batches; a crash may
//! lose the last second of them, never a result or a state.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use postern_domain::{
    AgentId, TenantId, Timestamp,
    clone_guard::{Accepted, Checkin, CloneDetected, CloneGuard},
};
use postern_protocol::refusal::RefusalCode;
use postern_store::{
    agents::{self, StoredGuard},
    audit, tx,
};

use super::gate::{Admitted, refused};
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
    /// Of the key: an agent that joins anew has another one, and its numbers begin anew.
    key: Option<String>,
    at: Timestamp,
    guard: CloneGuard,
    /// Not yet compared with what other servers stored.
    checkins: Vec<Checkin>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noted {
    Here,
    /// The process that sent it has ended: nothing is to be given to it.
    Late,
}

/// Notes a check-in. A number used before locks the agent: its credential is on two machines.
pub(crate) async fn note(app: &App, agent: &Admitted, number: u64) -> Result<Noted> {
    let now = app.now();
    let checkin = Checkin {
        number,
        made: agent.made,
        arrived: now,
    };
    let accepted = {
        let mut seen = app.gate.beats.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Beat {
            tenant: agent.tenant,
            key: agent.key_thumbprint.clone(),
            at: now,
            guard: agent.guard,
            checkins: Vec::new(),
        };
        let beat = seen.entry(agent.id).or_insert_with(fresh);
        if beat.key != agent.key_thumbprint {
            *beat = fresh();
        }
        let accepted = beat.guard.accept(checkin);
        if let Ok(Accepted::Counted(guard)) = accepted {
            beat.guard = guard;
            beat.at = now;
            beat.checkins.push(checkin);
        }
        accepted
    };
    match accepted {
        Ok(Accepted::Counted(_)) => Ok(Noted::Here),
        Ok(Accepted::Late) => {
            tracing::info!(agent = agent.id.0, number, "check-in of a process that has ended");
            Ok(Noted::Late)
        }
        Err(CloneDetected { number }) => {
            lock(app, agent.id, agent.tenant, number).await?;
            Err(refused(app, RefusalCode::AgentLocked))
        }
    }
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
                reason: Some(format!("Check-in number {number} came twice: the credential is in use on two machines")),
                ..audit::Entry::by_system(now, "agent_lock", format!("agent:{id}"))
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
            !beat.checkins.is_empty() || now.since(beat.at) < std::time::Duration::from_secs(120)
        });
        seen.iter_mut()
            .filter(|(_, beat)| !beat.checkins.is_empty())
            .map(|(id, beat)| {
                let taken = beat.clone();
                beat.checkins.clear();
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
                    match merged(&row, beat) {
                        Ok(None) => {}
                        Ok(Some(guard)) => beats.push((row.id, beat.at, guard)),
                        Err(CloneDetected { number }) => clones.push((row.id, number)),
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

/// The stored guard with these check-ins added. `None`: the agent joined anew while they were on their way.
fn merged(row: &StoredGuard, beat: &Beat) -> std::result::Result<Option<CloneGuard>, CloneDetected> {
    if row.key_thumbprint != beat.key {
        return Ok(None);
    }
    let stored = CloneGuard {
        highest: row.highest,
        seen: row.seen,
        since: row.since,
    };
    let guard = beat.checkins.iter().try_fold(stored, |guard, &checkin| {
        Ok(match guard.accept(checkin)? {
            Accepted::Counted(next) => next,
            Accepted::Late => guard,
        })
    })?;
    Ok(Some(guard))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(key: &str, guard: CloneGuard) -> StoredGuard {
        StoredGuard {
            id: AgentId(1),
            key_thumbprint: Some(key.to_owned()),
            highest: guard.highest,
            seen: guard.seen,
            since: guard.since,
        }
    }

    fn beat(key: &str, at: i64, numbers: &[u64]) -> Beat {
        let when = Timestamp::from_micros(at * 1_000_000);
        let checkin = |&number| Checkin {
            number,
            made: when,
            arrived: when,
        };
        Beat {
            tenant: TenantId(1),
            key: Some(key.to_owned()),
            at: when,
            guard: CloneGuard::default(),
            checkins: numbers.iter().map(checkin).collect(),
        }
    }

    fn after(at: i64, numbers: &[u64]) -> CloneGuard {
        let nothing = stored("k", CloneGuard::default());
        merged(&nothing, &beat("k", at, numbers)).unwrap().unwrap()
    }

    #[test]
    fn numbers_of_two_servers_merge_unless_one_was_seen_by_both() {
        let there = stored("k", after(10, &[1, 2, 4]));
        assert!(merged(&there, &beat("k", 10, &[3, 5])).is_ok());
        assert_eq!(
            merged(&there, &beat("k", 10, &[5, 4])),
            Err(CloneDetected { number: 4 })
        );
    }

    #[test]
    fn what_another_server_got_late_from_a_process_that_has_ended_is_passed() {
        let restarted = after(20, &[1001]);
        let there = stored("k", restarted);
        assert_eq!(merged(&there, &beat("k", 19, &[3])), Ok(Some(restarted)));
        assert_eq!(
            merged(&there, &beat("k", 40, &[3])),
            Err(CloneDetected { number: 3 })
        );
    }

    #[test]
    fn what_came_before_an_agent_joined_anew_does_not_count_among_its_new_numbers() {
        let anew = stored("new", CloneGuard::default());
        assert_eq!(merged(&anew, &beat("old", 10, &[1, 2])), Ok(None));
        let first = merged(&anew, &beat("new", 11, &[1])).unwrap();
        assert_eq!(first.map(|guard| guard.highest), Some(1));
    }
}
