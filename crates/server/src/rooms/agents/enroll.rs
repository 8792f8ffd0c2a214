//! An agent joins, or renews its credential.

use std::time::Duration;

use axum::http::{HeaderMap, Method};
use postern_domain::{AgentId, Timestamp, agent::CredentialState, clone_guard::CloneGuard, job::MAX_SLOTS};
use postern_protocol::{
    OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION,
    credential::{self, AUDIENCE, Claims, Confirmation},
    enrollment::EnrollmentToken,
    limits::{CREDENTIAL_SECONDS, REASON_BYTES},
    messages::{EnrollAnswer, EnrollRequest, HostFacts, RenewAnswer, Settings},
    path, proof,
    refusal::RefusalCode,
};
use postern_store::{Tx, agents, audit, tx};

use super::{
    gate::{Admitted, fresh_proof, refused},
    heartbeat,
};
use crate::{
    app::App,
    digest::digest,
    error::{Error, Result},
    random,
    rooms::jobs,
};

/// Only the hash of a token's secret is stored.
pub(super) fn secret_hash(secret: &[u8]) -> String {
    digest(secret)
}

pub(crate) fn check_version(app: &App, protocol: u32) -> Result<()> {
    if (OLDEST_PROTOCOL_VERSION..=PROTOCOL_VERSION).contains(&protocol) {
        Ok(())
    } else {
        Err(refused(app, RefusalCode::VersionUnsupported))
    }
}

/// Takes the token once, binds a fresh credential to the key that proved itself, and closes whatever the agent
/// had in hand before: nobody can say what became of it.
pub(super) async fn agent_enroll(
    app: &App,
    headers: &HeaderMap,
    address: Option<String>,
    request: EnrollRequest,
) -> Result<EnrollAnswer> {
    check_version(app, request.protocol)?;
    let now = app.now();
    let proof_text = headers
        .get(proof::HEADER)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let proven = proof::Request {
        method: Method::POST.as_str(),
        path: path::ENROLL,
        credential: None,
    };
    let (proof_claims, key) = proof::verify(proof_text, proven, now.as_seconds()).map_err(|error| {
        let clock = matches!(error, proof::ProofError::Clock);
        refused(
            app,
            if clock {
                RefusalCode::ProofClock
            } else {
                RefusalCode::ProofInvalid
            },
        )
    })?;
    fresh_proof(app, proof_claims.jti, now)?;
    let token: EnrollmentToken = request
        .token
        .parse()
        .map_err(|_| refused(app, RefusalCode::EnrollmentTokenMalformed))?;
    let facts = facts_of(request.facts)?;
    let jti = random::identifier();
    let expires = now.plus(Duration::from_secs(CREDENTIAL_SECONDS.unsigned_abs()));
    let joined = agents::Joined {
        key_thumbprint: key.thumbprint(),
        jti: jti.clone(),
        expires,
    };
    let asked = app.clone();
    let (agent, ended) = app
        .store
        .write::<_, Error, _>(tx!(tx => {
            let refuse = |code| refused(&asked, code);
            let stored = agents::enrollment_token_find(tx, token.id).await?;
            let hash = secret_hash(&*token.secret);
            let stored = stored
                .filter(|stored| stored.hash == hash)
                .ok_or_else(|| refuse(RefusalCode::EnrollmentTokenUnknown))?;
            let id = stored.agent_id;
            if let Some(code) = token_refusal(tx, &stored, &joined.key_thumbprint, now).await? {
                // Whoever comes with the secret of a token that is spent may be a thief.
                if asked.limiter.is_worth_a_record(&format!("enrollment token {}", stored.id))
                    && let Some(agent) = agents::find(tx, id).await?
                {
                    let mut entry = enroll_entry(&agent, address, now);
                    entry.refused = true;
                    entry.reason = Some(code.text().to_owned());
                    audit::append(tx, vec![entry]).await?;
                }
                return Ok(Err(code));
            }
            agents::enrollment_token_used(tx, token.id, now).await?;
            agents::joined(tx, id, joined, now).await?;
            agents::facts_update(tx, id, facts).await?;
            let ended = jobs::service::agent_reset(tx, id, now).await?;
            let agent = agents::find(tx, id).await?.ok_or_else(|| refuse(RefusalCode::AgentDeleted))?;
            let mut entry = enroll_entry(&agent, address, now);
            entry.after = Some(serde_json::json!({"hostname": agent.hostname, "version": agent.version}).to_string());
            audit::append(tx, vec![entry]).await?;
            Ok(Ok((agent, ended)))
        }))
        .await?
        .map_err(|code| refused(app, code))?;
    crate::failpoint::hit("after-enrolled");
    ended.wake(app);
    heartbeat::reset(app, agent.id);
    app.gate.forget(agent.id);
    app.hub.wake([agent.id]);
    Ok(EnrollAnswer {
        agent_id: agent.id.0,
        credential: issue(app, agent.id, &key.thumbprint(), jti, now)?,
        agent_name: agent.name,
        order_key: app.keys.order.public().to_string(),
        settings: Settings {
            renew_credential: agent.renew_credentials,
        },
        server_time_us: now.as_micros(),
    })
}

async fn token_refusal(
    tx: &mut Tx<'_>,
    token: &agents::EnrollmentToken,
    key_thumbprint: &str,
    now: Timestamp,
) -> Result<Option<RefusalCode>> {
    Ok(
        if token.used.is_some() && !answer_was_lost(tx, token, key_thumbprint, now).await? {
            Some(RefusalCode::EnrollmentTokenUsed)
        } else if token.revoked.is_some() {
            Some(RefusalCode::EnrollmentTokenRevoked)
        } else if token.expires <= now {
            Some(RefusalCode::EnrollmentTokenExpired)
        } else {
            None
        },
    )
}

fn enroll_entry(agent: &agents::Agent, address: Option<String>, now: Timestamp) -> audit::Entry {
    audit::Entry {
        tenant: Some(agent.tenant_id),
        at: now,
        actor: format!("agent:{} ({})", agent.id, agent.name),
        token_id: None,
        action: "agent_enroll",
        object: format!("agent:{}", agent.id),
        refused: false,
        before: None,
        after: None,
        reason: None,
        address,
    }
}

/// Whether the one who used the token asks again: it proves the same key, and never checked in with what it got.
/// A copied disk does not pass: what was copied from has checked in, or is locked.
async fn answer_was_lost(
    tx: &mut Tx<'_>,
    token: &agents::EnrollmentToken,
    key_thumbprint: &str,
    now: Timestamp,
) -> Result<bool> {
    let agent = agents::find(tx, token.agent_id).await?;
    Ok(agent.is_some_and(|agent| {
        agent.key_thumbprint.as_deref() == Some(key_thumbprint)
            && agent.credential().state(now) == CredentialState::Live
            && agent.guard() == CloneGuard::default()
    }))
}

/// A new credential for the same key. The one used to ask for it ends when the new one is used first: the answer
/// may get lost.
pub(super) async fn credential_renew(app: &App, agent: &Admitted) -> Result<RenewAnswer> {
    if !agent.renew_credentials {
        return Err(Error::conflict(
            "renewal_off",
            "The organization has switched off the renewal of credentials. Switch it on, or give the agent a new enrolment token.",
        ));
    }
    let now = app.now();
    let id = agent.id;
    let thumbprint = agent
        .key_thumbprint
        .clone()
        .ok_or_else(|| refused(app, RefusalCode::CredentialInvalid))?;
    let jti = random::identifier();
    let before = agent.jti.clone();
    let credential = issue(app, id, &thumbprint, jti.clone(), now)?;
    let expires = now.plus(Duration::from_secs(CREDENTIAL_SECONDS.unsigned_abs()));
    let entry = audit::Entry {
        tenant: Some(agent.tenant),
        at: now,
        actor: format!("agent:{id} ({})", agent.name),
        token_id: None,
        action: "credential_renew",
        object: format!("agent:{id}"),
        refused: false,
        before: None,
        after: None,
        reason: None,
        address: None,
    };
    app.store
        .write::<_, Error, _>(tx!(tx => {
            agents::credential_renewed(tx, id, &jti, &before, expires).await?;
            Ok(audit::append(tx, vec![entry]).await?)
        }))
        .await?;
    app.gate.forget(id);
    Ok(RenewAnswer { credential })
}

fn issue(app: &App, id: AgentId, thumbprint: &str, jti: String, now: Timestamp) -> Result<String> {
    let claims = Claims {
        iss: app.keys.issuer.clone(),
        sub: Claims::subject(id.0),
        aud: AUDIENCE.to_owned(),
        exp: now.as_seconds() + CREDENTIAL_SECONDS,
        nbf: now.as_seconds(),
        iat: now.as_seconds(),
        jti,
        cnf: Confirmation {
            jkt: thumbprint.to_owned(),
        },
    };
    credential::issue(&claims, &app.keys.credential).map_err(|error| Error::Internal(error.to_string()))
}

/// What an agent says of its host, cut to size and freed of control characters.
pub(crate) fn facts_of(facts: HostFacts) -> Result<agents::Facts> {
    const LANGUAGES: usize = 16;
    let clean = |text: String| -> String {
        text.chars()
            .filter(|c| !c.is_control())
            .take(REASON_BYTES / 8)
            .collect()
    };
    let languages: Vec<String> = facts.languages.into_iter().take(LANGUAGES).map(clean).collect();
    Ok(agents::Facts {
        version: clean(facts.agent_version),
        hostname: clean(facts.hostname),
        os: clean(facts.os),
        arch: clean(facts.arch),
        languages: serde_json::to_string(&languages).map_err(|error| Error::Internal(error.to_string()))?,
        root: facts.root,
        slots: facts.slots.clamp(1, MAX_SLOTS),
        sealing_key: facts.sealing_key.map(clean),
    })
}
