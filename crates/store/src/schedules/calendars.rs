//! Blackout calendars.

use postern_domain::{
    CalendarId, DepartmentId, OrganizationId, TenantId, Timestamp,
    calendar::Blackout,
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
        /// The end of the blackout that holds, or of the next one.
        pub dark_until: Option<Timestamp>,
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
         c.created_us, c.created_by, c.dark_until_us FROM calendars c"
    };
}

#[derive(Debug, Clone)]
pub struct Saved {
    pub name: String,
    pub description: String,
    pub zone: String,
    pub entries: String,
    /// The one that holds, or the next one.
    pub blackout: Option<Blackout>,
}

/// So late is a blackout that will never come.
const NEVER: Timestamp = Timestamp::from_micros(i64::MAX / 2);

fn dark(blackout: Option<Blackout>) -> (Timestamp, Timestamp) {
    blackout.map_or((NEVER, NEVER), |blackout| (blackout.from, blackout.until))
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
                 created_us, created_by, dark_from_us, dark_until_us)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id";
    let (from, until) = dark(saved.blackout);
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
        from,
        until,
    ];
    tx.insert(sql, &values).await.map(CalendarId)
}

pub async fn update(tx: &mut Tx<'_>, id: CalendarId, saved: &Saved) -> Result<(), Error> {
    let sql = "UPDATE calendars SET name = $2, description = $3, zone = $4, entries = $5, dark_from_us = $6,
               dark_until_us = $7 WHERE id = $1";
    let (from, until) = dark(saved.blackout);
    let values = values![
        id,
        &saved.name,
        &saved.description,
        &saved.zone,
        &saved.entries,
        from,
        until
    ];
    tx.execute(sql, &values).await.map(|_| ())
}

pub async fn delete(tx: &mut Tx<'_>, id: CalendarId) -> Result<(), Error> {
    tx.execute("DELETE FROM calendars WHERE id = $1", &values![id])
        .await
        .map(|_| ())
}

/// In a write nobody deletes it meanwhile.
pub async fn find(tx: &mut Tx<'_>, id: CalendarId) -> Result<Option<Calendar>, Error> {
    let sql = format!("{} WHERE c.id = $1{}", select!(), tx.for_reference());
    tx.query_opt(&sql, &values![id])
        .await?
        .map(Calendar::from_row)
        .transpose()
}

/// Kept from others until the end of the transaction.
pub async fn find_to_change(tx: &mut Tx<'_>, id: CalendarId) -> Result<Option<Calendar>, Error> {
    let sql = format!("{} WHERE c.id = $1{}", select!(), tx.for_update());
    tx.query_opt(&sql, &values![id])
        .await?
        .map(Calendar::from_row)
        .transpose()
}

/// Nobody begins to refer to it any more.
pub async fn find_to_delete(tx: &mut Tx<'_>, id: CalendarId) -> Result<Option<Calendar>, Error> {
    let sql = format!("{} WHERE c.id = $1{}", select!(), tx.for_delete("c"));
    tx.query_opt(&sql, &values![id])
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

/// Calendars whose blackout is over, or was never looked for: the next one is to be found.
pub async fn outdated(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<CalendarId>, Error> {
    let sql =
        "SELECT c.id FROM calendars c WHERE c.dark_until_us IS NULL OR c.dark_until_us <= $1 ORDER BY c.id";
    tx.query(sql, &values![now])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}

/// One of those, kept from others until the end of the transaction. Not there if somebody has changed it since, and so
/// found its next blackout.
pub async fn find_outdated(
    tx: &mut Tx<'_>,
    id: CalendarId,
    now: Timestamp,
) -> Result<Option<Calendar>, Error> {
    let sql = format!(
        "{} WHERE c.id = $1 AND (c.dark_until_us IS NULL OR c.dark_until_us <= $2){}",
        select!(),
        tx.for_update()
    );
    tx.query_opt(&sql, &values![id, now])
        .await?
        .map(Calendar::from_row)
        .transpose()
}

pub async fn blackout_set(tx: &mut Tx<'_>, id: CalendarId, blackout: Option<Blackout>) -> Result<(), Error> {
    let (from, until) = dark(blackout);
    let sql = "UPDATE calendars SET dark_from_us = $2, dark_until_us = $3 WHERE id = $1";
    tx.execute(sql, &values![id, from, until]).await.map(|_| ())
}

record! {
    /// A schedule or a host group that goes by a calendar.
    pub struct User {
        pub kind: String,
        pub tenant_id: TenantId,
        pub organization_id: Option<OrganizationId>,
        pub department_id: Option<DepartmentId>,
        pub name: String,
    }
}

impl User {
    pub fn place(&self) -> Place {
        Place {
            tenant: self.tenant_id,
            organization: self.organization_id,
            department: self.department_id,
        }
    }
}

pub async fn used_by(tx: &mut Tx<'_>, id: CalendarId) -> Result<Vec<User>, Error> {
    let sql = "SELECT 'schedule', tenant_id, organization_id, department_id, name FROM schedules
               WHERE calendar_id = $1
               UNION ALL
               SELECT 'host group', tenant_id, organization_id, department_id, name FROM host_groups
               WHERE calendar_id = $1
               ORDER BY 5, 1";
    tx.query(sql, &values![id])
        .await?
        .into_iter()
        .map(User::from_row)
        .collect()
}
