//! What one room tells another that it must not call: written with the change that it tells of, gone once it was heard.

use postern_domain::Timestamp;

use crate::{
    Error, Tx,
    engine::{record, values},
};

/// News, by what they are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    pub struct News {
        pub id: i64,
        pub kind: Kind,
        pub object: i64,
    }
}

pub async fn add(tx: &mut Tx<'_>, kind: Kind, object: i64, now: Timestamp) -> Result<(), Error> {
    let sql = "INSERT INTO outbox (kind, object_id, at_us) VALUES ($1, $2, $3)";
    tx.execute_later(sql, values![kind, object, now].to_vec()).await
}

/// The oldest.
pub(crate) const WAITING: &str = "SELECT o.id, o.kind, o.object_id FROM outbox o ORDER BY o.id LIMIT $1";

/// Takes one away, in the transaction that does what it asks for. `false`: somebody else has it, or had it.
pub async fn take(tx: &mut Tx<'_>, id: i64) -> Result<bool, Error> {
    let sql = take_sql(tx);
    let taken = tx.query_opt(&sql, &values![id]).await?.is_some();
    tx.mine("outbox", &[id])?;
    Ok(taken)
}

pub(crate) fn take_sql(tx: &Tx<'_>) -> String {
    let lock = tx.for_update_of_free("o");
    format!("DELETE FROM outbox WHERE id = (SELECT o.id FROM outbox o WHERE o.id = $1{lock}) RETURNING id")
}
