//! Agents, their labels, their enrolment tokens and the state of their credentials.

pub mod groups;
pub mod removal;
mod targets;

use std::collections::BTreeMap;

use postern_domain::{
    AgentId, DepartmentId, OrganizationId, TenantId, Timestamp,
    agent::{CredentialFacts, FIRST_CONTACT_WITHIN, SEEN_WITHIN},
    clone_guard::CloneGuard,
    label::Labels,
    permission::{Place, Reach},
};

pub use targets::{Target, Wanted, targets};

use crate::{
    Error, ListQuery, Tx,
    engine::{Value, record, values},
    list::{IDS, Key, Select, contains},
};

record! {
    pub struct Agent {
        pub id: AgentId,
        pub tenant_id: TenantId,
        pub organization_id: OrganizationId,
        pub department_id: Option<DepartmentId>,
        pub organization: String,
        pub department: Option<String>,
        pub name: String,
        /// JSON object.
        pub labels: String,
        pub active: bool,
        pub created: Timestamp,
        pub last_seen: Option<Timestamp>,
        pub version: Option<String>,
        pub hostname: Option<String>,
        pub os: Option<String>,
        pub arch: Option<String>,
        /// JSON list.
        pub languages: String,
        pub root: Option<bool>,
        pub slots: u32,
        pub key_thumbprint: Option<String>,
        pub credential_jti: Option<String>,
        /// The one it replaced, until the new one was used: the answer that carried it may have been lost.
        pub credential_jti_before: Option<String>,
        pub credential_expires: Option<Timestamp>,
        pub credential_revoked: Option<Timestamp>,
        pub locked: Option<Timestamp>,
        pub guard_highest: u64,
        pub guard_seen: u64,
        pub guard_since: Timestamp,
        pub renew_credentials: bool,
        pub enrollment_expires: Option<Timestamp>,
    }
}

macro_rules! select {
    () => {
        "SELECT a.id, a.tenant_id, a.organization_id, a.department_id, o.name, d.name, a.name, a.labels, a.active,
         a.created_us, a.last_seen_us, a.version, a.hostname, a.os, a.arch, a.languages, a.root, a.slots,
         a.key_thumbprint, a.credential_jti, a.credential_jti_before, a.credential_expires_us, a.credential_revoked_us, a.locked_us,
         a.guard_highest, a.guard_seen, a.guard_since_us, o.renew_credentials,
         (SELECT MAX(e.expires_us) FROM enrollment_tokens e
          WHERE e.agent_id = a.id AND e.used_us IS NULL AND e.revoked_us IS NULL)
         FROM agents a JOIN organizations o ON o.id = a.organization_id
         LEFT JOIN departments d ON d.id = a.department_id"
    };
}

impl Agent {
    pub fn place(&self) -> Place {
        Place {
            tenant: self.tenant_id,
            organization: Some(self.organization_id),
            department: self.department_id,
        }
    }

    pub fn credential(&self) -> CredentialFacts {
        CredentialFacts {
            expires: self.credential_expires,
            revoked: self.credential_revoked,
            locked: self.locked,
        }
    }

    pub fn guard(&self) -> CloneGuard {
        CloneGuard {
            highest: self.guard_highest,
            seen: self.guard_seen,
            since: self.guard_since,
        }
    }
}

#[derive(Debug, Clone)]
pub struct NewAgent {
    pub place: Place,
    pub name: String,
    pub labels: Labels,
    pub slots: u32,
}

pub async fn create(tx: &mut Tx<'_>, agent: NewAgent, now: Timestamp) -> Result<AgentId, Error> {
    let sql =
        "INSERT INTO agents (tenant_id, organization_id, department_id, name, labels, created_us, slots)
               VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id";
    let values = values![
        agent.place.tenant,
        agent.place.organization,
        agent.place.department,
        agent.name,
        labels_text(&agent.labels),
        now,
        agent.slots,
    ];
    let id = AgentId(tx.insert(sql, &values).await?);
    labels_insert(tx, id, &agent.labels).await?;
    Ok(id)
}

pub async fn find(tx: &mut Tx<'_>, id: AgentId) -> Result<Option<Agent>, Error> {
    found(tx, id, "").await
}

/// Until the end of the transaction nobody else deletes it, names it or makes a job for it: they ask [`targets`] first.
pub async fn find_to_delete(tx: &mut Tx<'_>, id: AgentId) -> Result<Option<Agent>, Error> {
    let lock = tx.for_delete("a");
    found(tx, id, &lock).await
}

async fn found(tx: &mut Tx<'_>, id: AgentId, lock: &str) -> Result<Option<Agent>, Error> {
    let sql = format!("{} WHERE a.id = $1 AND a.deleted_us IS NULL{lock}", select!());
    tx.query_opt(&sql, &values![id])
        .await?
        .map(Agent::from_row)
        .transpose()
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties {
    pub name: String,
    pub organization: OrganizationId,
    pub department: Option<DepartmentId>,
    pub labels: Labels,
    pub active: bool,
}

/// Jobs keep the place they were created at; the agent moves alone.
pub async fn update(tx: &mut Tx<'_>, id: AgentId, properties: &Properties) -> Result<(), Error> {
    let sql = "UPDATE agents SET name = $2, organization_id = $3, department_id = $4, labels = $5, active = $6 WHERE id = $1";
    let values = values![
        id,
        &properties.name,
        properties.organization,
        properties.department,
        labels_text(&properties.labels),
        properties.active,
    ];
    tx.execute(sql, &values).await?;
    tx.execute("DELETE FROM agent_labels WHERE agent_id = $1", &values![id])
        .await?;
    labels_insert(tx, id, &properties.labels).await
}

/// It is gone for everybody and shut out, and so are its jobs; its name is free. What is left of it is taken away by
/// [`removal`].
pub async fn delete(tx: &mut Tx<'_>, id: AgentId, now: Timestamp) -> Result<(), Error> {
    // No agent can be called so.
    let name = format!("#{id}");
    let sql = "UPDATE agents SET deleted_us = $2, credential_revoked_us = $2, deleted_name = name, name = $3 WHERE id = $1";
    tx.execute(sql, &values![id, now, name]).await.map(|_| ())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    InProgress,
    Running,
    NeverSeen,
    Silent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    Name,
    Created,
    LastSeen,
}

impl SortKey {
    pub fn of(self, agent: &Agent) -> String {
        match self {
            Self::Name => agent.name.clone(),
            Self::Created => agent.created.as_micros().to_string(),
            Self::LastSeen => agent.last_seen.map_or(0, Timestamp::as_micros).to_string(),
        }
    }

    const fn key(self) -> Key {
        match self {
            Self::Name => Key::Text("a.name"),
            Self::Created => Key::Int("a.created_us"),
            Self::LastSeen => Key::Int("coalesce(a.last_seen_us, 0)"),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub search: Option<String>,
    pub names: Vec<String>,
    pub organizations: Vec<String>,
    pub departments: Vec<String>,
    pub active: Option<bool>,
    pub status: Vec<Status>,
    pub versions: Vec<String>,
    pub os: Vec<String>,
    /// Every pair must be there.
    pub labels: Labels,
    /// `live`, `none`, `expired`, `revoked`, `locked`
    pub credentials: Vec<postern_domain::agent::CredentialState>,
}

pub async fn list(
    tx: &mut Tx<'_>,
    reach: &Reach,
    filter: &Filter,
    (page, sort): (&ListQuery, SortKey),
    now: Timestamp,
) -> Result<Vec<Agent>, Error> {
    let mut select = Select::new(select!());
    select.within(reach, "a").and("a.deleted_us IS NULL", []);
    filter_into(&mut select, filter, now);
    let (sql, values) = select.page(page, sort.key(), "a.id")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Agent::from_row)
        .collect()
}

fn filter_into(select: &mut Select, filter: &Filter, now: Timestamp) {
    if let Some(text) = &filter.search {
        select.and("lower(a.name) LIKE ? ESCAPE '\\'", values![contains(text)]);
    }
    for (column, wanted) in [
        ("a.name", &filter.names),
        ("o.name", &filter.organizations),
        ("d.name", &filter.departments),
        ("a.version", &filter.versions),
        ("a.os", &filter.os),
    ] {
        if !wanted.is_empty() {
            select.and_in(column, wanted.iter());
        }
    }
    if let Some(active) = filter.active {
        select.and("a.active = ?", values![active]);
    }
    for (name, value) in &filter.labels {
        let condition =
            "EXISTS (SELECT 1 FROM agent_labels l WHERE l.agent_id = a.id AND l.name = ? AND l.value = ?)";
        select.and(condition, values![name, value]);
    }
    if !filter.status.is_empty() {
        let seen = now.minus(SEEN_WITHIN);
        let created = now.minus(FIRST_CONTACT_WITHIN);
        let parts = filter.status.iter().map(|status| match status {
            Status::InProgress => ("a.last_seen_us IS NULL AND a.created_us > ?", created),
            Status::NeverSeen => ("a.last_seen_us IS NULL AND a.created_us <= ?", created),
            Status::Running => ("a.last_seen_us >= ?", seen),
            Status::Silent => ("a.last_seen_us < ?", seen),
        });
        or(select, parts.map(|(text, time)| (text, vec![Value::from(time)])));
    }
    if !filter.credentials.is_empty() {
        use postern_domain::agent::CredentialState;
        let parts = filter.credentials.iter().map(|state| match state {
            CredentialState::None => ("a.credential_expires_us IS NULL", vec![]),
            CredentialState::Revoked => (
                "a.credential_expires_us IS NOT NULL AND a.credential_revoked_us IS NOT NULL",
                vec![],
            ),
            CredentialState::Locked => (
                "a.credential_expires_us IS NOT NULL AND a.credential_revoked_us IS NULL AND a.locked_us IS NOT NULL",
                vec![],
            ),
            CredentialState::Expired => (
                "a.credential_revoked_us IS NULL AND a.locked_us IS NULL AND a.credential_expires_us <= ?",
                vec![Value::from(now)],
            ),
            CredentialState::Live => (
                "a.credential_revoked_us IS NULL AND a.locked_us IS NULL AND a.credential_expires_us > ?",
                vec![Value::from(now)],
            ),
        });
        or(select, parts);
    }
}

fn or(select: &mut Select, parts: impl Iterator<Item = (&'static str, Vec<Value>)>) {
    let (texts, values): (Vec<_>, Vec<_>) = parts.unzip();
    select.and(
        &format!("({})", texts.join(") OR (")),
        values.into_iter().flatten(),
    );
}

// ---- enrolment

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
    let revoke = "UPDATE enrollment_tokens SET revoked_us = $2 WHERE agent_id = $1 AND used_us IS NULL AND revoked_us IS NULL";
    tx.execute(revoke, &values![agent, now]).await?;
    let sql = "INSERT INTO enrollment_tokens (agent_id, hash, created_us, expires_us) VALUES ($1, $2, $3, $4) RETURNING id";
    tx.insert(sql, &values![agent, hash, now, expires]).await
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
    let sql = "UPDATE enrollment_tokens SET revoked_us = $2 WHERE agent_id = $1 AND used_us IS NULL AND revoked_us IS NULL";
    tx.execute(sql, &values![id, now]).await.map(|_| ())
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

#[derive(Debug, Clone)]
pub struct Facts {
    pub version: String,
    pub hostname: String,
    pub os: String,
    pub arch: String,
    /// JSON list.
    pub languages: String,
    pub root: bool,
    pub slots: u32,
    pub sealing_key: Option<String>,
}

pub async fn facts_update(tx: &mut Tx<'_>, id: AgentId, facts: Facts) -> Result<(), Error> {
    let sql = "UPDATE agents SET version = $2, hostname = $3, os = $4, arch = $5, languages = $6, root = $7, slots = $8,
               sealing_key = $9 WHERE id = $1";
    let values = values![
        id,
        facts.version,
        facts.hostname,
        facts.os,
        facts.arch,
        facts.languages,
        facts.root,
        facts.slots,
        facts.sealing_key,
    ];
    tx.execute(sql, &values).await.map(|_| ())
}

// ---- heartbeats

record! {
    pub struct StoredGuard {
        pub id: AgentId,
        /// Whose numbers they are: an agent that joins anew has another one, and begins to count anew.
        pub key_thumbprint: Option<String>,
        pub highest: u64,
        pub seen: u64,
        pub since: Timestamp,
    }
}

/// Guards of several agents, kept from other servers until the end of the transaction. By id, so that servers
/// that ask for the same agents do not wait for each other in a circle.
pub async fn guards(tx: &mut Tx<'_>, ids: &[AgentId]) -> Result<Vec<StoredGuard>, Error> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    let mut guards = Vec::with_capacity(ids.len());
    for part in ids.chunks(IDS) {
        let mut select =
            Select::new("SELECT id, key_thumbprint, guard_highest, guard_seen, guard_since_us FROM agents");
        let lock = tx.for_update();
        let (sql, values) = select
            .and_in("id", part.iter().copied())
            .push(" ORDER BY id")
            .push(lock)
            .parts();
        for row in tx.query(sql, values).await? {
            guards.push(StoredGuard::from_row(row)?);
        }
    }
    Ok(guards)
}

/// Writes heartbeats of many agents at once; the last one of an agent counts.
pub async fn heartbeats(tx: &mut Tx<'_>, beats: Vec<(AgentId, Timestamp, CloneGuard)>) -> Result<(), Error> {
    let beats: BTreeMap<_, _> = beats
        .into_iter()
        .map(|(id, seen, guard)| (id, (seen, guard)))
        .collect();
    let rows = beats
        .into_iter()
        .map(|(id, (seen, guard))| values![id, seen, guard.highest, guard.seen, guard.since].to_vec());
    let head = "UPDATE agents SET last_seen_us = beat.column2, guard_highest = beat.column3, guard_seen = beat.column4,
                guard_since_us = beat.column5 FROM (";
    let tail = ") AS beat WHERE agents.id = beat.column1";
    tx.many(head, &["BIGINT"; 5], tail, rows.collect())
        .await
        .map(|_| ())
}

fn labels_text(labels: &Labels) -> String {
    serde_json::to_string(labels).expect("a map of texts is JSON")
}

async fn labels_insert(tx: &mut Tx<'_>, id: AgentId, labels: &Labels) -> Result<(), Error> {
    let rows = labels
        .iter()
        .map(|(name, value)| values![id, name, value].to_vec())
        .collect();
    let head = "INSERT INTO agent_labels (agent_id, name, value)";
    tx.many(head, &["BIGINT", "TEXT", "TEXT"], "", rows)
        .await
        .map(|_| ())
}
