//! Agents and their labels.

mod credentials;
pub mod groups;
mod heartbeats;
mod lists;
pub mod removal;
mod targets;

use postern_domain::{
    AgentId, DepartmentId, OrganizationId, TenantId, Timestamp, agent::CredentialFacts,
    clone_guard::CloneGuard, label::Labels, permission::Place,
};

pub use credentials::{
    EnrollmentToken, Joined, credential_renewed, credential_revoke, credential_taken_up,
    enrollment_token_create, enrollment_token_find, enrollment_token_used, joined, lock, shut_out_since,
};
pub use heartbeats::{Facts, StoredGuard, facts_update, guards, heartbeats};
pub use lists::{Filter, SortKey, Status, list};
pub use targets::{NamedPlace, PlaceKind, Target, Wanted, places_named, targets};

use crate::{
    Error, Tx,
    engine::{record, values},
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
use select;

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
