//! What one room tells another that it must not call: written with the change that it tells of, gone once it was heard.

use postern_domain::{InstanceId, Timestamp};

use crate::{
    Error, Tx,
    engine::{Row, Value, read_all, record, values},
    list::Select,
};

/// News, by what they are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A job of an execution that belongs to an instance has ended; the id of the execution.
    JobEnded,
    /// An instance that another one waits for has ended.
    InstanceEnded,
    /// An instance waits to begin.
    InstanceMade,
    ApprovalEnded,
}

impl Kind {
    pub(crate) const ALL: &[Self] = &[
        Self::JobEnded,
        Self::InstanceEnded,
        Self::InstanceMade,
        Self::ApprovalEnded,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::JobEnded => "job_ended",
            Self::InstanceEnded => "instance_ended",
            Self::InstanceMade => "instance_made",
            Self::ApprovalEnded => "approval_ended",
        }
    }
}

record! {
    #[derive(Eq, Hash)]
    pub struct News {
        pub id: i64,
        pub kind: Kind,
        pub object: i64,
        /// The instance that hears of them; `None`: nobody does any more.
        pub instance: Option<InstanceId>,
    }
}

pub async fn add(tx: &mut Tx<'_>, kind: Kind, object: i64, now: Timestamp) -> Result<(), Error> {
    let row = values![kind, object, now].to_vec();
    let head = "INSERT INTO outbox (kind, object_id, at_us)";
    tx.many_later(head, &["TEXT", "BIGINT", "BIGINT"], "", vec![row])
        .await
}

/// The oldest.
pub(crate) const WAITING: &str =
    "SELECT o.id, o.kind, o.object_id, CASE o.kind WHEN 'instance_made' THEN o.object_id
    WHEN 'job_ended' THEN (SELECT x.instance_id FROM executions x WHERE x.id = o.object_id)
    WHEN 'instance_ended' THEN (SELECT i.parent_id FROM instances i WHERE i.id = o.object_id)
    ELSE (SELECT p.instance_id FROM approvals p WHERE p.id = o.object_id) END
    FROM outbox o ORDER BY o.id LIMIT $1";

/// Takes one away, in the transaction that does what it asks for. `false`: somebody else has it, or had it.
pub async fn take(tx: &mut Tx<'_>, id: i64) -> Result<bool, Error> {
    let (sql, values) = free(tx, &[id]);
    let found = tx.query(&sql, &values).await?;
    Ok(taken(tx, found).await? > 0)
}

/// Finds those of these that nobody else has, and keeps them from others.
pub(crate) fn free(tx: &Tx<'_>, ids: &[i64]) -> (String, Vec<Value>) {
    let lock = tx.for_update_of_free("o");
    let mut select = Select::new("SELECT o.id FROM outbox o");
    select.and_in("o.id", ids.iter().copied()).push(&lock);
    let (sql, values) = select.parts();
    (sql.to_owned(), values.to_vec())
}

/// Takes away what was found so. Returns how many they are.
pub(crate) async fn taken(tx: &mut Tx<'_>, found: Vec<Row>) -> Result<usize, Error> {
    let ids: Vec<i64> = read_all(found, |row| row.read(0))?;
    tx.mine("outbox", &ids)?;
    for id in &ids {
        tx.execute_later("DELETE FROM outbox WHERE id = $1", values![*id].to_vec())
            .await?;
    }
    Ok(ids.len())
}
