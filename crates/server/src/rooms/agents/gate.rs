//! Lets an agent's request in: credential, proof of key, and what the database says of both.
//!
//! The database's word is kept for a moment (`FRESH`), so that a busy agent does not cost a read per request.
//! A change made on this server forgets it at once; one made on another takes effect when it is no longer fresh.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::http::{HeaderMap, Method};
use postern_domain::{AgentId, TenantId, Timestamp, agent::CredentialState, clone_guard::CloneGuard};
use postern_protocol::{
    credential::{self, Claims, CredentialError},
    limits::PROOF_SKEW_SECONDS,
    proof::{self, ProofError},
    refusal::RefusalCode,
};
use postern_store::{agents, tx};

use super::heartbeat::Beats;
use crate::{app::App, error::Error};

const FRESH: Duration = Duration::from_secs(2);
/// Credentials whose signature was checked; forgotten all at once when there are more.
const CREDENTIALS_KEPT: usize = 65_536;

/// An agent whose request was let in.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) id: AgentId,
    pub(crate) tenant: TenantId,
    pub(crate) name: String,
    pub(crate) active: bool,
    pub(crate) renew_credentials: bool,
    pub(crate) key_thumbprint: Option<String>,
    jti: Option<String>,
    jti_before: Option<String>,
    state: CredentialState,
    /// As stored when it was read.
    pub(crate) guard: CloneGuard,
    read: Timestamp,
}

/// A known agent and the credential it came with.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    known: Arc<Known>,
    pub(crate) jti: String,
    /// When the proof was made, by the agent's clock.
    pub(crate) made: Timestamp,
}

impl std::ops::Deref for Admitted {
    type Target = Known;
    fn deref(&self) -> &Known {
        &self.known
    }
}

#[derive(Debug, Default)]
pub(crate) struct Gate {
    credentials: Mutex<HashMap<String, Arc<Claims>>>,
    known: Mutex<HashMap<AgentId, Arc<Known>>>,
    /// Times an agent was forgotten: what was read before is not kept.
    forgotten: AtomicU64,
    replays: Mutex<Replays>,
    pub(crate) beats: Beats,
}

/// Proofs seen lately. Two generations: one is filled, the other is what came before it.
#[derive(Debug, Default)]
struct Replays {
    since: i64,
    newer: HashSet<String>,
    older: HashSet<String>,
}

impl Replays {
    /// `false` when the proof was used before.
    fn note(&mut self, jti: String, now_seconds: i64) -> bool {
        // A proof holds for the skew in both directions; after that it is refused by its time.
        if now_seconds - self.since > 2 * PROOF_SKEW_SECONDS {
            self.older = std::mem::take(&mut self.newer);
            self.since = now_seconds;
        }
        !self.older.contains(&jti) && self.newer.insert(jti)
    }
}

pub(crate) fn refused(app: &App, code: RefusalCode) -> Error {
    Error::Agent {
        code,
        server_time_us: app.now().as_micros(),
    }
}

impl Gate {
    /// The next request of this agent reads the database.
    pub(crate) fn forget(&self, id: AgentId) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        known.remove(&id);
    }

    pub(crate) fn sweep(&self, now: Timestamp) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, agent| now.since(agent.read) <= FRESH);
    }
}

/// Checks an agent's request from its headers alone.
pub(crate) async fn admit(
    app: &App,
    headers: &HeaderMap,
    method: &Method,
    path: &str,
) -> Result<Admitted, Error> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let invalid = || refused(app, RefusalCode::CredentialInvalid);
    let token = header("authorization")
        .and_then(|value| value.strip_prefix(proof::SCHEME))
        .map(str::trim_start)
        .ok_or_else(invalid)?;
    let now = app.now();
    let claims = verified(app, token, now)?;
    let id = claims.agent().map(AgentId).ok_or_else(invalid)?;
    let proof_text = header(proof::HEADER).ok_or_else(|| refused(app, RefusalCode::ProofInvalid))?;
    let request = proof::Request {
        method: method.as_str(),
        path,
        credential: Some(token),
    };
    let proven =
        proof::verify_bound(proof_text, request, &claims.cnf.jkt, now.as_seconds()).map_err(|error| {
            refused(
                app,
                if matches!(error, ProofError::Clock) {
                    RefusalCode::ProofClock
                } else {
                    RefusalCode::ProofInvalid
                },
            )
        })?;
    let made = Timestamp::from_micros(proven.iat.saturating_mul(1_000_000));
    fresh_proof(app, proven.jti, now)?;
    let known = known(app, id).await?;
    let admitted = Admitted {
        known,
        jti: claims.jti.clone(),
        made,
    };
    still_good(app, &admitted.known, &admitted.jti)?;
    if admitted.jti_before.is_some() && admitted.known.jti.as_ref() == Some(&admitted.jti) {
        let jti = admitted.jti.clone();
        app.store
            .write::<_, Error, _>(tx!(tx => Ok(agents::credential_taken_up(tx, id, &jti).await?)))
            .await?;
        app.gate.forget(id);
    }
    Ok(admitted)
}

/// A proof is good for one request.
pub(crate) fn fresh_proof(app: &App, jti: String, now: Timestamp) -> Result<(), Error> {
    let mut replays = app.gate.replays.lock().unwrap_or_else(PoisonError::into_inner);
    if replays.note(jti, now.as_seconds()) {
        Ok(())
    } else {
        Err(refused(app, RefusalCode::ProofInvalid))
    }
}

/// Whether the agent may go on, as far as the database says. Asked again while a check-in waits.
pub(crate) async fn recheck(app: &App, admitted: &Admitted) -> Result<Arc<Known>, Error> {
    let known = known(app, admitted.id).await?;
    still_good(app, &known, &admitted.jti)?;
    Ok(known)
}

fn still_good(app: &App, known: &Known, jti: &str) -> Result<(), Error> {
    let current = [&known.jti, &known.jti_before]
        .into_iter()
        .any(|one| one.as_deref() == Some(jti));
    match known.state {
        CredentialState::Revoked => Err(refused(app, RefusalCode::CredentialRevoked)),
        CredentialState::Locked => Err(refused(app, RefusalCode::AgentLocked)),
        CredentialState::Expired => Err(refused(app, RefusalCode::CredentialExpired)),
        CredentialState::None => Err(refused(app, RefusalCode::CredentialInvalid)),
        CredentialState::Live if !current => Err(refused(app, RefusalCode::CredentialReplaced)),
        CredentialState::Live => Ok(()),
    }
}

fn verified(app: &App, token: &str, now: Timestamp) -> Result<Arc<Claims>, Error> {
    let cached = {
        let credentials = app
            .gate
            .credentials
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        credentials.get(token).cloned()
    };
    if let Some(claims) = cached.filter(|claims| claims.exp > now.as_seconds()) {
        return Ok(claims);
    }
    let claims = credential::verify(
        token,
        &app.keys.issuer,
        app.keys.credential.public(),
        now.as_seconds(),
    )
    .map_err(|error| match error {
        CredentialError::Expired => refused(app, RefusalCode::CredentialExpired),
        CredentialError::NotYetValid | CredentialError::Invalid(_) => {
            refused(app, RefusalCode::CredentialInvalid)
        }
    })?;
    let claims = Arc::new(claims);
    let mut credentials = app
        .gate
        .credentials
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if credentials.len() >= CREDENTIALS_KEPT {
        credentials.clear();
    }
    credentials.insert(token.to_owned(), claims.clone());
    Ok(claims)
}

async fn known(app: &App, id: AgentId) -> Result<Arc<Known>, Error> {
    let now = app.now();
    let cached = {
        let known = app.gate.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(&id)
            .filter(|agent| now.since(agent.read) <= FRESH && agent.read <= now)
            .cloned()
    };
    if let Some(known) = cached {
        return Ok(known);
    }
    let forgotten = app.gate.forgotten.load(Ordering::Acquire);
    let agent = app
        .store
        .look::<_, Error, _>(tx!(tx => Ok(agents::find(tx, id).await?)))
        .await?
        .ok_or_else(|| refused(app, RefusalCode::AgentDeleted))?;
    let fresh = Arc::new(Known {
        id,
        tenant: agent.tenant_id,
        state: agent.credential().state(now),
        guard: agent.guard(),
        name: agent.name,
        active: agent.active,
        renew_credentials: agent.renew_credentials,
        key_thumbprint: agent.key_thumbprint,
        jti: agent.credential_jti,
        jti_before: agent.credential_jti_before,
        read: now,
    });
    let mut known = app.gate.known.lock().unwrap_or_else(PoisonError::into_inner);
    // A revocation that came between the read and here must not be covered up.
    if app.gate.forgotten.load(Ordering::Acquire) == forgotten {
        known.insert(id, fresh.clone());
    }
    drop(known);
    Ok(fresh)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_good_once_within_its_time() {
        let mut replays = Replays::default();
        assert!(replays.note("a".into(), 1000));
        assert!(!replays.note("a".into(), 1000));
        assert!(!replays.note("a".into(), 1121), "still in the older generation");
        assert!(replays.note("b".into(), 1121));
    }
}
