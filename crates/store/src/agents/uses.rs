//! What names an agent and would miss it. Rooms above this one say so here, and say so again when it changes.

use postern_domain::AgentId;

use crate::{Error, Tx, engine::values};

/// An object of another room, like a schedule.
#[derive(Debug, Clone, Copy)]
pub struct User<'a> {
    pub kind: &'static str,
    pub id: i64,
    pub name: &'a str,
}

/// From now on it uses these agents and no others.
pub async fn uses_set(tx: &mut Tx<'_>, user: User<'_>, agents: &[AgentId]) -> Result<(), Error> {
    let forget = "DELETE FROM agent_uses WHERE kind = $1 AND object_id = $2";
    tx.execute(forget, &values![user.kind, user.id]).await?;
    let rows = agents
        .iter()
        .map(|agent| values![*agent, user.kind, user.id, user.name].to_vec())
        .collect();
    let head = "INSERT INTO agent_uses (agent_id, kind, object_id, name)";
    tx.many(
        head,
        &["BIGINT", "TEXT", "BIGINT", "TEXT"],
        "RETURNING agent_id",
        rows,
    )
    .await
    .map(|_| ())
}

/// Kind, id and name of everything that uses an agent.
pub async fn used_by(tx: &mut Tx<'_>, agent: AgentId) -> Result<Vec<(String, i64, String)>, Error> {
    let sql =
        "SELECT kind, object_id, name FROM agent_uses WHERE agent_id = $1 ORDER BY kind, name, object_id";
    tx.query(sql, &values![agent])
        .await?
        .into_iter()
        .map(|mut row| Ok((row.take(0)?, row.take(1)?, row.take(2)?)))
        .collect()
}
