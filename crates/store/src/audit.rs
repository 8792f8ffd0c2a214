//! The audit trail: rows written with the change they record, chained by hash a moment later.
//!
//! Chaining inside the change would make every change wait for the one before it to reach the disk. So a row
//! is written in the change's own transaction, and the sealer gives rows their place and hash in batches.

use postern_domain::{AuditId, TenantId, Timestamp, permission::Reach};
use sha2::{Digest as _, Sha256};

use crate::{
    Error, ListQuery, Tx,
    engine::{Value, record, values},
    list::{Key, Select, contains},
    migrate::hex,
};

/// Rows given their hash in one go.
pub const SEAL_BATCH: u32 = 1024;

/// A record to be written.
#[derive(Debug, Clone)]
pub struct Entry {
    pub tenant: Option<TenantId>,
    pub at: Timestamp,
    pub actor: String,
    pub token_id: Option<i64>,
    pub action: &'static str,
    pub object: String,
    pub refused: bool,
    /// JSON texts.
    pub before: Option<String>,
    pub after: Option<String>,
    pub reason: Option<String>,
    pub address: Option<String>,
}

impl Entry {
    /// What the server did by itself.
    pub fn by_system(at: Timestamp, action: &'static str, object: String) -> Self {
        Self {
            tenant: None,
            at,
            actor: "system".into(),
            token_id: None,
            action,
            object,
            refused: false,
            before: None,
            after: None,
            reason: None,
            address: None,
        }
    }
}

record! {
    pub struct Record {
        pub id: AuditId,
        pub tenant_id: Option<TenantId>,
        pub at: Timestamp,
        pub actor: String,
        pub token_id: Option<i64>,
        pub action: String,
        pub object: String,
        pub outcome: String,
        pub before: Option<String>,
        pub after: Option<String>,
        pub reason: Option<String>,
        pub address: Option<String>,
        pub chain: Option<i64>,
        pub hash: Option<String>,
    }
}

macro_rules! columns {
    () => {
        "id, tenant_id, at_us, actor, token_id, action, object, outcome, before, after, reason, address, chain, hash"
    };
}

#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub actor: Vec<String>,
    pub action: Vec<String>,
    pub object: Vec<String>,
    pub outcome: Vec<String>,
    pub search: Option<String>,
}

pub async fn append(tx: &mut Tx<'_>, entries: Vec<Entry>) -> Result<(), Error> {
    let rows = entries.into_iter().map(|entry| {
        let outcome = if entry.refused { "refused" } else { "done" };
        values![
            entry.tenant,
            entry.at,
            entry.actor,
            entry.token_id,
            entry.action,
            entry.object,
            outcome,
            entry.before,
            entry.after,
            entry.reason,
            entry.address,
        ]
        .to_vec()
    });
    let head = "INSERT INTO audit (tenant_id, at_us, actor, token_id, action, object, outcome, before, after, reason, address)";
    let casts = [
        "BIGINT", "BIGINT", "TEXT", "BIGINT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT",
    ];
    tx.many_later(head, &casts, "", rows.collect()).await
}

pub async fn list(
    tx: &mut Tx<'_>,
    reach: &Reach,
    filter: &Filter,
    page: &ListQuery,
) -> Result<Vec<Record>, Error> {
    let mut select = Select::new(concat!("SELECT ", columns!(), " FROM audit"));
    // Records have no organization: they are seen by whoever may see the whole tenant's trail.
    if !reach.everywhere {
        select.and_in("tenant_id", reach.tenants.iter().copied());
    }
    if !filter.actor.is_empty() {
        // `user:5` finds `user:5 (anna)` too, under whatever name they went by.
        // Not by LIKE, which minds the case on one engine only.
        let condition = vec!["actor = ? OR substr(actor, 1, ?) = ?"; filter.actor.len()].join(" OR ");
        let values = filter.actor.iter().flat_map(|actor| {
            let named = format!("{actor} (");
            let length = i64::try_from(named.chars().count()).unwrap_or(i64::MAX);
            values![actor, length, named]
        });
        select.and(&condition, values);
    }
    for (column, wanted) in [
        ("action", &filter.action),
        ("object", &filter.object),
        ("outcome", &filter.outcome),
    ] {
        if !wanted.is_empty() {
            select.and_in(column, wanted.iter());
        }
    }
    if let Some(text) = &filter.search {
        let pattern = contains(text);
        select.and(
            "lower(actor) LIKE ? ESCAPE '\\' OR lower(object) LIKE ? ESCAPE '\\' OR action LIKE ? ESCAPE '\\' OR lower(coalesce(reason, '')) LIKE ? ESCAPE '\\'",
            values![&pattern, &pattern, &pattern, &pattern],
        );
    }
    let (sql, values) = select.page(page, Key::Id, "id")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Record::from_row)
        .collect()
}

/// Gives the oldest unsealed rows their place in the chain. Returns how many it sealed.
pub async fn seal(tx: &mut Tx<'_>) -> Result<u64, Error> {
    let lock = format!(
        "SELECT audit_chain, audit_hash FROM cluster WHERE id = 1{}",
        tx.for_update()
    );
    let mut head = tx.query_one(&lock, &[]).await?;
    let (mut chain, mut hash): (i64, String) = (head.take(0)?, head.take(1)?);
    let unsealed = concat!(
        "SELECT ",
        columns!(),
        " FROM audit WHERE chain IS NULL ORDER BY id LIMIT $1"
    );
    let records = tx.query(unsealed, &values![SEAL_BATCH]).await?;
    if records.is_empty() {
        return Ok(0);
    }
    let mut rows = Vec::with_capacity(records.len());
    for row in records {
        let record = Record::from_row(row)?;
        chain += 1;
        hash = link(&hash, chain, &record);
        rows.push(values![record.id, chain, &hash].to_vec());
    }
    let sealed = rows.len() as u64;
    update_hashes(tx, rows).await?;
    let head = "UPDATE cluster SET audit_chain = $1, audit_hash = $2 WHERE id = 1";
    tx.execute(head, &values![chain, hash]).await?;
    Ok(sealed)
}

async fn update_hashes(tx: &mut Tx<'_>, rows: Vec<Vec<Value>>) -> Result<(), Error> {
    let head = "UPDATE audit SET chain = sealed.column2, hash = sealed.column3 FROM (";
    let tail = ") AS sealed WHERE audit.id = sealed.column1";
    tx.many(head, &["BIGINT", "BIGINT", "TEXT"], tail, rows)
        .await
        .map(|_| ())
}

/// Sealed records after a place in the chain, in chain order, for checking.
pub async fn sealed_after(tx: &mut Tx<'_>, chain: i64, limit: u32) -> Result<Vec<Record>, Error> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM audit WHERE chain > $1 ORDER BY chain LIMIT $2"
    );
    tx.query(sql, &values![chain, limit])
        .await?
        .into_iter()
        .map(Record::from_row)
        .collect()
}

/// Place and hash the cluster remembers as the newest, and the oldest row that is not sealed yet.
pub async fn head(tx: &mut Tx<'_>) -> Result<(i64, String, Option<Timestamp>), Error> {
    let mut row = tx
        .query_one("SELECT audit_chain, audit_hash FROM cluster WHERE id = 1", &[])
        .await?;
    let oldest = tx
        .query_one("SELECT MIN(at_us) FROM audit WHERE chain IS NULL", &[])
        .await?
        .read(0)?;
    Ok((row.take(0)?, row.take(1)?, oldest))
}

/// The hash of a record behind another: SHA-256 over a JSON array of all fields, the place and the hash before.
pub fn link(before: &str, chain: i64, record: &Record) -> String {
    let fields = serde_json::json!([
        before,
        chain,
        record.id.0,
        record.tenant_id.map(|id| id.0),
        record.at.as_micros(),
        record.actor,
        record.token_id,
        record.action,
        record.object,
        record.outcome,
        record.before,
        record.after,
        record.reason,
        record.address,
    ]);
    hex(&Sha256::digest(fields.to_string().as_bytes()))
}
