//! What names an agent or a host group and would miss it. Rooms above this one say so here, and say so again when it
//! changes.

use postern_domain::{AgentId, DepartmentId, GroupId, OrganizationId, TenantId, permission::Place};

use crate::{
    Error, Tx,
    engine::{record, values},
};

/// An object of another room, like a schedule.
#[derive(Debug, Clone, Copy)]
pub struct User<'a> {
    pub kind: &'static str,
    pub id: i64,
    pub name: &'a str,
}

const CASTS: &[&str] = &["BIGINT", "TEXT", "BIGINT", "TEXT"];

/// From now on it uses these agents and groups and no others.
pub async fn uses_set(
    tx: &mut Tx<'_>,
    user: User<'_>,
    agents: &[AgentId],
    groups: &[GroupId],
) -> Result<(), Error> {
    for forget in [
        "DELETE FROM agent_uses WHERE kind = $1 AND object_id = $2",
        "DELETE FROM group_uses WHERE kind = $1 AND object_id = $2",
    ] {
        tx.execute(forget, &values![user.kind, user.id]).await?;
    }
    let row = |id: i64| values![id, user.kind, user.id, user.name].to_vec();
    let agents = agents.iter().map(|agent| row(agent.0)).collect();
    let head = "INSERT INTO agent_uses (agent_id, kind, object_id, name)";
    tx.many(head, CASTS, "RETURNING agent_id", agents).await?;
    let groups = groups.iter().map(|group| row(group.0)).collect();
    let head = "INSERT INTO group_uses (group_id, kind, object_id, name)";
    tx.many(head, CASTS, "RETURNING group_id", groups)
        .await
        .map(|_| ())
}

/// It has another name from now on.
pub async fn uses_renamed(tx: &mut Tx<'_>, user: User<'_>) -> Result<(), Error> {
    for sql in [
        "UPDATE agent_uses SET name = $3 WHERE kind = $1 AND object_id = $2",
        "UPDATE group_uses SET name = $3 WHERE kind = $1 AND object_id = $2",
    ] {
        tx.execute(sql, &values![user.kind, user.id, user.name]).await?;
    }
    Ok(())
}

record! {
    /// Something that uses an agent or a group, and where it lies.
    pub struct Use {
        pub kind: String,
        pub id: i64,
        pub name: String,
        pub tenant_id: Option<TenantId>,
        pub organization_id: Option<OrganizationId>,
        pub department_id: Option<DepartmentId>,
    }
}

impl Use {
    /// `None`: it is gone.
    pub fn place(&self) -> Option<Place> {
        Some(Place {
            tenant: self.tenant_id?,
            organization: self.organization_id,
            department: self.department_id,
        })
    }
}

/// Everything that uses an agent.
pub async fn used_by(tx: &mut Tx<'_>, agent: AgentId) -> Result<Vec<Use>, Error> {
    let sql = "SELECT u.kind, u.object_id, u.name, coalesce(s.tenant_id, g.tenant_id),
               coalesce(s.organization_id, g.organization_id), coalesce(s.department_id, g.department_id)
               FROM agent_uses u
               LEFT JOIN schedules s ON u.kind = 'schedule' AND s.id = u.object_id
               LEFT JOIN host_groups g ON u.kind = 'group' AND g.id = u.object_id
               WHERE u.agent_id = $1 ORDER BY u.kind, u.name, u.object_id";
    tx.query(sql, &values![agent])
        .await?
        .into_iter()
        .map(Use::from_row)
        .collect()
}

/// Everything that uses a host group.
pub async fn group_used_by(tx: &mut Tx<'_>, group: GroupId) -> Result<Vec<Use>, Error> {
    let sql = "SELECT u.kind, u.object_id, u.name, s.tenant_id, s.organization_id, s.department_id
               FROM group_uses u LEFT JOIN schedules s ON u.kind = 'schedule' AND s.id = u.object_id
               WHERE u.group_id = $1 ORDER BY u.kind, u.name, u.object_id";
    tx.query(sql, &values![group])
        .await?
        .into_iter()
        .map(Use::from_row)
        .collect()
}
