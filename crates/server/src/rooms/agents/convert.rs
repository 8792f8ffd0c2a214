//! From stored rows to the types of the API.

use postern_api::agents::Agent;
use postern_domain::{Timestamp, agent::status, label::Labels};
use postern_store::agents;

use crate::error::{Error, Result};

pub(crate) fn agent_of(agent: agents::Agent, now: Timestamp) -> Result<Agent> {
    let (health, connection) = status(agent.created, agent.last_seen, now);
    let credential = agent.credential().state(now);
    Ok(Agent {
        labels: labels_of(&agent)?,
        languages: serde_json::from_str(&agent.languages).map_err(|error| broken("languages", &error))?,
        id: agent.id,
        name: agent.name,
        organization_id: agent.organization_id,
        organization: agent.organization,
        department_id: agent.department_id,
        department: agent.department,
        active: agent.active,
        health,
        connection,
        credential,
        credential_expires_at: agent.credential_expires,
        enrollment_expires_at: agent.enrollment_expires,
        created_at: agent.created,
        last_seen_at: agent.last_seen,
        version: agent.version,
        hostname: agent.hostname,
        os: agent.os,
        arch: agent.arch,
        root: agent.root,
        slots: agent.slots,
    })
}

pub(super) fn labels_of(agent: &agents::Agent) -> Result<Labels> {
    serde_json::from_str(&agent.labels).map_err(|error| broken("labels", &error))
}

fn broken(what: &str, error: &serde_json::Error) -> Error {
    Error::Internal(format!("{what} of an agent in the database: {error}"))
}
