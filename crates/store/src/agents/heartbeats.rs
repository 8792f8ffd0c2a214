//! What agents tell of themselves: what their hosts are, and that they are there.

use std::collections::BTreeMap;

use postern_domain::{AgentId, Timestamp, clone_guard::CloneGuard};

use crate::{
    Error, Tx,
    engine::{record, values},
    list::{IDS, Select},
};

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
