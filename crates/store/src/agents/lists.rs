//! The list of agents.

use postern_domain::{
    Timestamp,
    agent::{CredentialState, FIRST_CONTACT_WITHIN, SEEN_WITHIN},
    label::Labels,
    permission::Reach,
};

use super::{Agent, select};
use crate::{
    Error, ListQuery, Tx,
    engine::{Value, values},
    list::{Key, Select, contains},
};

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
    pub credentials: Vec<CredentialState>,
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
