//! How agents join and stay joined: their enrolment tokens, and the state of their credentials.

use postern_domain::{AgentId, Timestamp};

use crate::{
    Error, Tx,
    engine::{record, values},
};

record! {
    pub struct EnrollmentToken {
        pub id: i64,
        pub agent_id: AgentId,
        pub hash: String,
        pub expires: Timestamp,
        pub used: Option<Timestamp>,
        pub revoked: Option<Timestamp>,
    }
}

/// Only one token of an agent waits to be used: a new one revokes the others.
pub async fn enrollment_token_create(
    tx: &mut Tx<'_>,
    agent: AgentId,
    hash: &str,
    now: Timestamp,
    expires: Timestamp,
) -> Result<i64, Error> {
    enrollment_tokens_revoke(tx, agent, now).await?;
    let sql = "INSERT INTO enrollment_tokens (agent_id, hash, created_us, expires_us) VALUES ($1, $2, $3, $4) RETURNING id";
    tx.insert(sql, &values![agent, hash, now, expires]).await
}

/// Those that were not used yet.
async fn enrollment_tokens_revoke(tx: &mut Tx<'_>, agent: AgentId, now: Timestamp) -> Result<(), Error> {
    let sql = "UPDATE enrollment_tokens SET revoked_us = $2 WHERE agent_id = $1 AND used_us IS NULL AND revoked_us IS NULL";
    tx.execute(sql, &values![agent, now]).await.map(|_| ())
}

/// One of a deleted agent is gone with it.
pub async fn enrollment_token_find(tx: &mut Tx<'_>, id: i64) -> Result<Option<EnrollmentToken>, Error> {
    let sql = format!(
        "SELECT t.id, t.agent_id, t.hash, t.expires_us, t.used_us, t.revoked_us FROM enrollment_tokens t WHERE t.id = $1
         AND NOT EXISTS (SELECT 1 FROM agents a WHERE a.id = t.agent_id AND a.deleted_us IS NOT NULL){}",
        tx.for_update()
    );
    tx.query_opt(&sql, &values![id])
        .await?
        .map(EnrollmentToken::from_row)
        .transpose()
}

pub async fn enrollment_token_used(tx: &mut Tx<'_>, id: i64, now: Timestamp) -> Result<(), Error> {
    tx.execute(
        "UPDATE enrollment_tokens SET used_us = $2 WHERE id = $1",
        &values![id, now],
    )
    .await
    .map(|_| ())
}

/// What an agent gets when it joins: a fresh credential, a fresh guard, no revocation and no lock.
#[derive(Debug, Clone)]
pub struct Joined {
    pub key_thumbprint: String,
    pub jti: String,
    pub expires: Timestamp,
}

pub async fn joined(tx: &mut Tx<'_>, id: AgentId, joined: Joined, now: Timestamp) -> Result<(), Error> {
    let sql = "UPDATE agents SET key_thumbprint = $2, credential_jti = $3, credential_jti_before = NULL, credential_expires_us = $4,
               credential_revoked_us = NULL, locked_us = NULL, guard_highest = 0, guard_seen = 0, guard_since_us = 0,
               last_seen_us = $5
               WHERE id = $1";
    tx.execute(
        sql,
        &values![id, joined.key_thumbprint, joined.jti, joined.expires, now],
    )
    .await
    .map(|_| ())
}

/// `before` stays good until `jti` is used.
pub async fn credential_renewed(
    tx: &mut Tx<'_>,
    id: AgentId,
    jti: &str,
    before: &str,
    expires: Timestamp,
) -> Result<(), Error> {
    let sql = "UPDATE agents SET credential_jti = $2, credential_jti_before = $3, credential_expires_us = $4 WHERE id = $1";
    tx.execute(sql, &values![id, jti, before, expires])
        .await
        .map(|_| ())
}

/// The new credential was used: the one before it ends.
pub async fn credential_taken_up(tx: &mut Tx<'_>, id: AgentId, jti: &str) -> Result<(), Error> {
    let sql = "UPDATE agents SET credential_jti_before = NULL WHERE id = $1 AND credential_jti = $2";
    tx.execute(sql, &values![id, jti]).await.map(|_| ())
}

/// Shuts the credential out and takes back enrolment tokens that were not used yet.
pub async fn credential_revoke(tx: &mut Tx<'_>, id: AgentId, now: Timestamp) -> Result<(), Error> {
    tx.execute(
        "UPDATE agents SET credential_revoked_us = $2 WHERE id = $1",
        &values![id, now],
    )
    .await?;
    enrollment_tokens_revoke(tx, id, now).await
}

pub async fn lock(tx: &mut Tx<'_>, id: AgentId, now: Timestamp) -> Result<(), Error> {
    tx.execute(
        "UPDATE agents SET locked_us = $2 WHERE id = $1 AND locked_us IS NULL",
        &values![id, now],
    )
    .await
    .map(|_| ())
}

/// Agents whose credential was revoked or locked since a moment, and those that were deleted.
pub async fn shut_out_since(tx: &mut Tx<'_>, since: Timestamp) -> Result<Vec<AgentId>, Error> {
    let sql = "SELECT id FROM agents WHERE credential_revoked_us >= $1 OR locked_us >= $1";
    tx.query(sql, &values![since])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}
