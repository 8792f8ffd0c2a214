//! What names an object and would miss it. Rooms above the object's own say so here, and say so again when it changes.

use postern_domain::{DepartmentId, OrganizationId, TenantId, permission::Place};

use crate::{
    Error, Tx,
    engine::{record, values},
};

/// What may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used {
    Agent,
    /// A host group.
    Group,
    Script,
    Action,
    Workflow,
}

impl Used {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Group => "group",
            Self::Script => "script",
            Self::Action => "action",
            Self::Workflow => "workflow",
        }
    }
}

/// An object that uses others: a `schedule`, an `action`, a `workflow` or a `group`.
#[derive(Debug, Clone, Copy)]
pub struct User<'a> {
    pub kind: &'static str,
    pub id: i64,
    pub name: &'a str,
}

/// From now on it uses these and nothing else. They are found before, in the same transaction, by what keeps them from being
/// deleted: [`agents::targets`](crate::agents::targets), [`groups::named`](crate::agents::groups::named), `find_to_run`.
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

/// It has another name from now on.
pub async fn renamed(tx: &mut Tx<'_>, user: User<'_>) -> Result<(), Error> {
    let sql = "UPDATE uses SET name = $3 WHERE user_kind = $1 AND user_id = $2";
    tx.execute(sql, &values![user.kind, user.id, user.name])
        .await
        .map(|_| ())
}

record! {
    /// Something that uses an object, and where it lies.
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

/// Everything that uses an object, by kind and name. Of one that was found by its `find_to_delete` nothing comes to it until
/// the end of the transaction.
pub async fn of(tx: &mut Tx<'_>, used: Used, id: i64) -> Result<Vec<Use>, Error> {
    let sql =
        "SELECT u.user_kind, u.user_id, u.name, coalesce(s.tenant_id, a.tenant_id, g.tenant_id, w.tenant_id),
               coalesce(s.organization_id, a.organization_id, g.organization_id, w.organization_id),
               coalesce(s.department_id, a.department_id, g.department_id, w.department_id)
               FROM uses u
               LEFT JOIN schedules s ON u.user_kind = 'schedule' AND s.id = u.user_id
               LEFT JOIN actions a ON u.user_kind = 'action' AND a.id = u.user_id
               LEFT JOIN host_groups g ON u.user_kind = 'group' AND g.id = u.user_id
               LEFT JOIN workflows w ON u.user_kind = 'workflow' AND w.id = u.user_id
               WHERE u.used_kind = $1 AND u.used_id = $2 ORDER BY u.user_kind, u.name, u.user_id";
    tx.query(sql, &values![used.as_str(), id])
        .await?
        .into_iter()
        .map(Use::from_row)
        .collect()
}
