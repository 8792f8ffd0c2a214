//! What names an object and would miss it. Rooms above the object's own say so here, and say so again when it changes.

use crate::{
    Error, Tx,
    engine::{record, values},
};

/// What may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used {
    Agent,
    Script,
    Action,
}

impl Used {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Script => "script",
            Self::Action => "action",
        }
    }
}

/// An object that uses others, like a schedule.
#[derive(Debug, Clone, Copy)]
pub struct User<'a> {
    pub kind: &'static str,
    pub id: i64,
    pub name: &'a str,
}

/// From now on it uses these and nothing else.
pub async fn set(tx: &mut Tx<'_>, user: User<'_>, used: &[(Used, i64)]) -> Result<(), Error> {
    let forget = "DELETE FROM uses WHERE user_kind = $1 AND user_id = $2";
    tx.execute(forget, &values![user.kind, user.id]).await?;
    let rows = used
        .iter()
        .map(|(kind, id)| values![kind.as_str(), *id, user.kind, user.id, user.name].to_vec())
        .collect();
    let head = "INSERT INTO uses (used_kind, used_id, user_kind, user_id, name)";
    tx.many(
        head,
        &["TEXT", "BIGINT", "TEXT", "BIGINT", "TEXT"],
        "RETURNING used_id",
        rows,
    )
    .await
    .map(|_| ())
}

record! {
    pub struct NamedUser {
        pub kind: String,
        pub id: i64,
        pub name: String,
    }
}

/// Everything that uses an object, by kind and name.
pub async fn of(tx: &mut Tx<'_>, used: Used, id: i64) -> Result<Vec<NamedUser>, Error> {
    let sql = "SELECT user_kind, user_id, name FROM uses WHERE used_kind = $1 AND used_id = $2
               ORDER BY user_kind, name, user_id";
    tx.query(sql, &values![used.as_str(), id])
        .await?
        .into_iter()
        .map(NamedUser::from_row)
        .collect()
}

/// A user has another name from now on.
pub async fn renamed(tx: &mut Tx<'_>, kind: &str, id: i64, name: &str) -> Result<(), Error> {
    let sql = "UPDATE uses SET name = $3 WHERE user_kind = $1 AND user_id = $2";
    tx.execute(sql, &values![kind, id, name]).await.map(|_| ())
}
