//! Blackout calendars.

use postern_domain::{
    CalendarId, DepartmentId, OrganizationId, TenantId, Timestamp,
    permission::{Place, Reach},
};

use crate::{
    Error, ListQuery, Tx,
    engine::{record, values},
    list::{Key, Select, contains},
};

record! {
    pub struct Calendar {
        pub id: CalendarId,
        pub tenant_id: TenantId,
        pub organization_id: Option<OrganizationId>,
        pub department_id: Option<DepartmentId>,
        pub name: String,
        pub description: String,
        pub zone: String,
        /// JSON list.
        pub entries: String,
        pub created: Timestamp,
        pub created_by: String,
    }
}

impl Calendar {
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
        "SELECT c.id, c.tenant_id, c.organization_id, c.department_id, c.name, c.description, c.zone, c.entries,
         c.created_us, c.created_by FROM calendars c"
    };
}

#[derive(Debug, Clone)]
pub struct Saved {
    pub name: String,
    pub description: String,
    pub zone: String,
    pub entries: String,
}

pub async fn create(
    tx: &mut Tx<'_>,
    place: Place,
    saved: &Saved,
    by: &str,
    now: Timestamp,
) -> Result<CalendarId, Error> {
    let sql =
        "INSERT INTO calendars (tenant_id, organization_id, department_id, name, description, zone, entries,
                 created_us, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id";
    let values = values![
        place.tenant,
        place.organization,
        place.department,
        &saved.name,
        &saved.description,
        &saved.zone,
        &saved.entries,
        now,
        by,
    ];
    tx.insert(sql, &values).await.map(CalendarId)
}

pub async fn update(tx: &mut Tx<'_>, id: CalendarId, saved: &Saved) -> Result<(), Error> {
    let sql = "UPDATE calendars SET name = $2, description = $3, zone = $4, entries = $5 WHERE id = $1";
    let values = values![id, &saved.name, &saved.description, &saved.zone, &saved.entries];
    tx.execute(sql, &values).await.map(|_| ())
}

pub async fn delete(tx: &mut Tx<'_>, id: CalendarId) -> Result<(), Error> {
    tx.execute("DELETE FROM calendars WHERE id = $1", &values![id])
        .await
        .map(|_| ())
}

pub async fn find(tx: &mut Tx<'_>, id: CalendarId) -> Result<Option<Calendar>, Error> {
    tx.query_opt(concat!(select!(), " WHERE c.id = $1"), &values![id])
        .await?
        .map(Calendar::from_row)
        .transpose()
}

pub async fn list(
    tx: &mut Tx<'_>,
    reach: &Reach,
    search: Option<&str>,
    page: &ListQuery,
) -> Result<Vec<Calendar>, Error> {
    let mut select = Select::new(select!());
    select.within(reach, "c");
    if let Some(text) = search {
        let pattern = contains(text);
        select.and("lower(c.name) LIKE ? ESCAPE '\\'", values![&pattern]);
    }
    let (sql, values) = select.page(page, Key::Text("c.name"), "c.id")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Calendar::from_row)
        .collect()
}

/// Names of the schedules that go by it.
pub async fn used_by(tx: &mut Tx<'_>, id: CalendarId) -> Result<Vec<String>, Error> {
    let sql = "SELECT name FROM schedules WHERE calendar_id = $1 ORDER BY name";
    tx.query(sql, &values![id])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}
