//! Saved groups of hosts: a name for a choice of targets.

use postern_domain::{
    CalendarId, DepartmentId, GroupId, OrganizationId, TenantId, Timestamp,
    permission::{Place, Reach},
};

use crate::{
    Error, ListQuery, Tx,
    engine::{record, values},
    list::{Key, Select, contains, marks},
};

record! {
    pub struct Group {
        pub id: GroupId,
        pub tenant_id: TenantId,
        pub organization_id: Option<OrganizationId>,
        pub department_id: Option<DepartmentId>,
        pub name: String,
        pub description: String,
        /// JSON.
        pub targets: String,
        pub created: Timestamp,
        pub created_by: String,
        pub calendar_id: Option<CalendarId>,
        /// `wait` or `skip`: what becomes of its jobs in the calendar's blackouts.
        pub blackout_jobs: Option<String>,
    }
}

impl Group {
    pub fn place(&self) -> Place {
        Place {
            tenant: self.tenant_id,
            organization: self.organization_id,
            department: self.department_id,
        }
    }
}

macro_rules! select {
    () => {
        "SELECT g.id, g.tenant_id, g.organization_id, g.department_id, g.name, g.description, g.targets, g.created_us,
         g.created_by, g.calendar_id, g.blackout_jobs FROM host_groups g"
    };
}

/// What of a group can be changed.
#[derive(Debug, Clone)]
pub struct GroupText {
    pub name: String,
    pub description: String,
    pub targets: String,
    /// `wait` or `skip`.
    pub blackout: Option<(CalendarId, &'static str)>,
}

pub async fn create(
    tx: &mut Tx<'_>,
    place: Place,
    group: &GroupText,
    created_by: &str,
    now: Timestamp,
) -> Result<GroupId, Error> {
    let sql = "INSERT INTO host_groups (tenant_id, organization_id, department_id, name, description, targets, created_us,
                 created_by, calendar_id, blackout_jobs) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id";
    let (calendar, jobs) = group.blackout.unzip();
    let values = values![
        place.tenant,
        place.organization,
        place.department,
        &group.name,
        &group.description,
        &group.targets,
        now,
        created_by,
        calendar,
        jobs,
    ];
    tx.insert(sql, &values).await.map(GroupId)
}

pub async fn update(tx: &mut Tx<'_>, id: GroupId, group: &GroupText) -> Result<(), Error> {
    let sql = "UPDATE host_groups SET name = $2, description = $3, targets = $4, calendar_id = $5, blackout_jobs = $6
               WHERE id = $1";
    let (calendar, jobs) = group.blackout.unzip();
    let values = values![
        id,
        &group.name,
        &group.description,
        &group.targets,
        calendar,
        jobs
    ];
    tx.execute(sql, &values).await.map(|_| ())
}

pub async fn delete(tx: &mut Tx<'_>, id: GroupId) -> Result<(), Error> {
    tx.execute("DELETE FROM host_groups WHERE id = $1", &values![id])
        .await
        .map(|_| ())
}

/// In a write it is kept from others until the end of the transaction; it may still be named.
pub async fn find(tx: &mut Tx<'_>, id: GroupId) -> Result<Option<Group>, Error> {
    let lock = tx.for_update();
    found(tx, id, lock).await
}

/// Until the end of the transaction nobody else deletes it, and nobody names it: they ask [`named`] first.
pub async fn find_to_delete(tx: &mut Tx<'_>, id: GroupId) -> Result<Option<Group>, Error> {
    let lock = tx.for_delete("g");
    found(tx, id, &lock).await
}

async fn found(tx: &mut Tx<'_>, id: GroupId, lock: &str) -> Result<Option<Group>, Error> {
    let sql = format!("{} WHERE g.id = $1{lock}", select!());
    tx.query_opt(&sql, &values![id])
        .await?
        .map(Group::from_row)
        .transpose()
}

/// Those of these names or ids that are within reach. In a write nobody deletes them until the end of the transaction.
pub async fn named(tx: &mut Tx<'_>, reach: &Reach, names: &[String]) -> Result<Vec<Group>, Error> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut select = Select::new(select!());
    select.within(reach, "g");
    let ids = names.iter().filter_map(|name| name.parse::<i64>().ok());
    let (id_marks, mut values) = marks(ids.chain([0]));
    let (name_marks, names) = marks(names);
    values.extend(names);
    select.and(
        &format!("g.id IN ({id_marks}) OR g.name IN ({name_marks})"),
        values,
    );
    let lock = tx.for_reference();
    let (sql, values) = select.push(" ORDER BY g.id").push(lock).parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Group::from_row)
        .collect()
}

record! {
    /// A blackout that holds for a group's jobs.
    pub struct Dark {
        pub group_id: GroupId,
        pub group: String,
        pub calendar: String,
        pub until: Timestamp,
        /// `wait` or `skip`.
        pub jobs: String,
    }
}

/// Groups for whose jobs a blackout holds.
pub async fn dark(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<Dark>, Error> {
    let sql = "SELECT g.id, g.name, c.name, c.dark_until_us, g.blackout_jobs
               FROM calendars c JOIN host_groups g ON g.calendar_id = c.id
               WHERE c.dark_from_us <= $1 AND c.dark_until_us > $1 ORDER BY g.id";
    tx.query(sql, &values![now])
        .await?
        .into_iter()
        .map(Dark::from_row)
        .collect()
}

pub async fn list(
    tx: &mut Tx<'_>,
    reach: &Reach,
    search: Option<&str>,
    page: &ListQuery,
) -> Result<Vec<Group>, Error> {
    let mut select = Select::new(select!());
    select.within(reach, "g");
    if let Some(text) = search {
        let pattern = contains(text);
        let condition = "lower(g.name) LIKE ? ESCAPE '\\' OR lower(g.description) LIKE ? ESCAPE '\\'";
        select.and(condition, values![&pattern, &pattern]);
    }
    let (sql, values) = select.page(page, Key::Text("g.name"), "g.id")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Group::from_row)
        .collect()
}
