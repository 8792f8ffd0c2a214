//! Derived status of an agent (spec 3): from stored timestamps only, never set by hand.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// An agent that spoke within this time is `running` and `connected`.
pub const SEEN_WITHIN: Duration = Duration::from_secs(45);
/// How long a new agent may take to speak for the first time before its health says so.
pub const FIRST_CONTACT_WITHIN: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Health {
    InProgress,
    Running,
    HeartbeatFailed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    Pending,
    Connected,
    Disconnected,
}

/// The table of spec 3.
pub fn status(created: Timestamp, last_seen: Option<Timestamp>, now: Timestamp) -> (Health, Connection) {
    match last_seen {
        Some(seen) if now.since(seen) <= SEEN_WITHIN => (Health::Running, Connection::Connected),
        Some(_) => (Health::HeartbeatFailed, Connection::Disconnected),
        None if now.since(created) < FIRST_CONTACT_WITHIN => (Health::InProgress, Connection::Pending),
        None => (Health::HeartbeatFailed, Connection::Pending),
    }
}

/// What an agent's credential is at this moment; decides whether it may be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CredentialState {
    /// The agent never started: no credential was ever given out.
    None,
    Live,
    Expired,
    Revoked,
    /// Used from two machines: both copies are shut out until an operator gives out a new enrolment token.
    Locked,
}

/// The stored facts the credential's state is derived from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CredentialFacts {
    pub expires: Option<Timestamp>,
    pub revoked: Option<Timestamp>,
    pub locked: Option<Timestamp>,
}

impl CredentialFacts {
    pub fn state(&self, now: Timestamp) -> CredentialState {
        match self.expires {
            None => CredentialState::None,
            Some(_) if self.revoked.is_some() => CredentialState::Revoked,
            Some(_) if self.locked.is_some() => CredentialState::Locked,
            Some(expires) if expires <= now => CredentialState::Expired,
            Some(_) => CredentialState::Live,
        }
    }

    /// Spec 3, *Delete*: refused while the credential is live. A locked one is live on two machines.
    pub fn deletable(&self, now: Timestamp) -> bool {
        !matches!(self.state(now), CredentialState::Live | CredentialState::Locked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn status_follows_the_table_of_the_spec() {
        let table = [
            (None, 0, Health::InProgress, Connection::Pending),
            (None, 59, Health::InProgress, Connection::Pending),
            (None, 60, Health::HeartbeatFailed, Connection::Pending),
            (Some(100), 100, Health::Running, Connection::Connected),
            (Some(100), 145, Health::Running, Connection::Connected),
            (Some(100), 146, Health::HeartbeatFailed, Connection::Disconnected),
            // A clock that was set back must not make a living agent look dead.
            (Some(100), 90, Health::Running, Connection::Connected),
        ];
        for (seen, now, health, connection) in table {
            assert_eq!(
                status(at(0), seen.map(at), at(now)),
                (health, connection),
                "seen {seen:?} now {now}"
            );
        }
    }

    #[test]
    fn credential_state_and_deletability() {
        let facts = |expires: Option<i64>, revoked: Option<i64>, locked: Option<i64>| CredentialFacts {
            expires: expires.map(at),
            revoked: revoked.map(at),
            locked: locked.map(at),
        };
        let table = [
            (facts(None, None, None), CredentialState::None, true),
            (facts(Some(200), None, None), CredentialState::Live, false),
            (facts(Some(100), None, None), CredentialState::Expired, true),
            (facts(Some(200), Some(50), None), CredentialState::Revoked, true),
            (facts(Some(200), None, Some(50)), CredentialState::Locked, false),
            (
                facts(Some(200), Some(60), Some(50)),
                CredentialState::Revoked,
                true,
            ),
        ];
        for (facts, state, deletable) in table {
            assert_eq!(
                (facts.state(at(100)), facts.deletable(at(100))),
                (state, deletable),
                "{facts:?}"
            );
        }
    }
}
