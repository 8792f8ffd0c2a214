//! Which agents something is for: by name, id, label, place or group.

use postern_domain::{
    AgentId, DepartmentId, OrganizationId, TenantId, Timestamp,
    permission::{Place, Reach},
    rollout::CANARY,
    selector::{Selector, Test},
};

use crate::{
    Error, Tx,
    engine::{Value, record, values},
    list::{Select, marks},
};

record! {
    /// As much of an agent as is needed to make a job for it, and to say how it will fare.
    pub struct Target {
        pub id: AgentId,
        pub tenant_id: TenantId,
        pub organization_id: OrganizationId,
        pub department_id: Option<DepartmentId>,
        pub name: String,
        pub active: bool,
        pub created: Timestamp,
        pub last_seen: Option<Timestamp>,
        /// JSON list.
        pub languages: String,
        pub root: bool,
        /// Whether secrets can be sealed to it.
        pub sealing: bool,
        pub canary: bool,
    }
}

impl Target {
    pub fn place(&self) -> Place {
        Place {
            tenant: self.tenant_id,
            organization: Some(self.organization_id),
            department: self.department_id,
        }
    }
}

/// Named agents, and with them all that lie in one of the places and match the selector.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub ids: Vec<i64>,
    pub names: Vec<String>,
    pub selector: Selector,
    pub organizations: Vec<OrganizationId>,
    pub departments: Vec<DepartmentId>,
    pub all: bool,
}

impl Wanted {
    fn has_condition(&self) -> bool {
        !(self.selector.parts().is_empty() && self.organizations.is_empty() && self.departments.is_empty())
    }

    pub fn is_empty(&self) -> bool {
        !self.all && self.ids.is_empty() && self.names.is_empty() && !self.has_condition()
    }
}

type Part = (String, Vec<Value>);

/// Agents within reach that any of these means, at most `limit` + 1, by id. In a write nobody deletes them until the end of
/// the transaction: what names them, and jobs that are made for them, find them there.
pub async fn targets(
    tx: &mut Tx<'_>,
    reach: &Reach,
    wanted: &[Wanted],
    limit: u32,
) -> Result<Vec<Target>, Error> {
    let mut select = Select::new(
        "SELECT a.id, a.tenant_id, a.organization_id, a.department_id, a.name, a.active, a.created_us,
         a.last_seen_us, coalesce(a.languages, '[]'), coalesce(a.root, FALSE), a.sealing_key IS NOT NULL,
         EXISTS (SELECT 1 FROM agent_labels c WHERE c.agent_id = a.id AND c.name = ? AND c.value <> 'false')
         FROM agents a",
    );
    select.head(values![CANARY]);
    select.within(reach, "a").and("a.deleted_us IS NULL", []);
    if !wanted.iter().any(|one| one.all) {
        let parts: Vec<Part> = wanted.iter().flat_map(parts_of).collect();
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let (texts, values): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        select.and(
            &format!("({})", texts.join(") OR (")),
            values.into_iter().flatten(),
        );
    }
    let lock = tx.for_reference();
    let (sql, values) = select
        .push(" ORDER BY a.id")
        .limit(i64::from(limit) + 1)
        .push(lock)
        .parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Target::from_row)
        .collect()
}

fn parts_of(wanted: &Wanted) -> Vec<Part> {
    let mut parts = Vec::new();
    if !wanted.ids.is_empty() {
        let (marks, values) = marks(wanted.ids.iter().copied());
        parts.push((format!("a.id IN ({marks})"), values));
    }
    if !wanted.names.is_empty() {
        let (marks, values) = marks(&wanted.names);
        parts.push((format!("a.name IN ({marks})"), values));
    }
    if wanted.has_condition() {
        let mut texts = Vec::new();
        let mut all_values = Vec::new();
        let mut add = |(text, values): Part| {
            texts.push(text);
            all_values.extend(values);
        };
        for part in wanted.selector.parts() {
            add(label(&part.key, &part.test));
        }
        if !wanted.organizations.is_empty() {
            add(lies("organization_id", &wanted.organizations));
        }
        if !wanted.departments.is_empty() {
            add(lies("department_id", &wanted.departments));
        }
        parts.push((texts.join(" AND "), all_values));
    }
    parts
}

fn label(key: &str, test: &Test) -> Part {
    let has = "EXISTS (SELECT 1 FROM agent_labels l WHERE l.agent_id = a.id AND l.name = ?";
    match test {
        Test::Present => (format!("{has})"), values![key].to_vec()),
        Test::Absent => (format!("NOT {has})"), values![key].to_vec()),
        Test::In(list) | Test::NotIn(list) => {
            let (marks, list) = marks(list);
            let not = if matches!(test, Test::NotIn(_)) {
                "NOT "
            } else {
                ""
            };
            let values = values![key].into_iter().chain(list).collect();
            (format!("{not}{has} AND l.value IN ({marks}))"), values)
        }
    }
}

fn lies<V: Copy + Into<Value>>(column: &str, ids: &[V]) -> Part {
    let (marks, values) = marks(ids.iter().copied());
    (format!("a.{column} IN ({marks})"), values)
}

/// What agents lie in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceKind {
    Organization,
    Department,
}

impl PlaceKind {
    /// With the place of each, by the columns that a reach is compared with.
    const fn select(self) -> &'static str {
        match self {
            Self::Organization => {
                "SELECT DISTINCT p.id, p.organization_id, p.name FROM (SELECT o.id, o.tenant_id, o.id AS organization_id,
                 d.id AS department_id, o.name FROM organizations o LEFT JOIN departments d ON d.organization_id = o.id) p"
            }
            Self::Department => {
                "SELECT p.id, p.organization_id, p.name FROM (SELECT d.id, d.tenant_id, d.organization_id,
                 d.id AS department_id, d.name FROM departments d) p"
            }
        }
    }
}

record! {
    /// An organization or a department, as targets name it.
    pub struct NamedPlace {
        pub id: i64,
        /// Its own id, where it is an organization.
        pub organization_id: OrganizationId,
        pub name: String,
    }
}

/// Those of these names or ids that are within reach, by id. An organization is, where one of its departments is. A number is
/// an id.
pub async fn places_named(
    tx: &mut Tx<'_>,
    kind: PlaceKind,
    reach: &Reach,
    names: &[String],
) -> Result<Vec<NamedPlace>, Error> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let (text, values) = called(names);
    let mut select = Select::new(kind.select());
    let (sql, values) = select
        .within(reach, "p")
        .and(&text, values)
        .push(" ORDER BY p.id")
        .parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(NamedPlace::from_row)
        .collect()
}

fn called(names: &[String]) -> Part {
    let (ids, names): (Vec<_>, Vec<_>) = names.iter().partition(|name| name.parse::<i64>().is_ok());
    let mut texts = Vec::new();
    let mut values = Vec::new();
    if !ids.is_empty() {
        let (marks, ids) = marks(ids.iter().filter_map(|id| id.parse::<i64>().ok()));
        texts.push(format!("p.id IN ({marks})"));
        values.extend(ids);
    }
    if !names.is_empty() {
        let (marks, names) = marks(names);
        texts.push(format!("p.name IN ({marks})"));
        values.extend(names);
    }
    (texts.join(" OR "), values)
}
