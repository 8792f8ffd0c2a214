//! Schedules and what became of their ticks. What becomes of one is decided in `domain::schedule`.

pub mod calendars;

use postern_domain::{
    CalendarId, DepartmentId, ExecutionId, OrganizationId, ScheduleId, TenantId, Timestamp, UserId,
    permission::{Place, Reach},
};

use crate::{
    Error, ListQuery, Tx,
    engine::{record, values},
    jobs::Secret,
    list::{Key, Select, contains},
};

record! {
    pub struct Schedule {
        pub id: ScheduleId,
        pub tenant_id: TenantId,
        pub organization_id: Option<OrganizationId>,
        pub department_id: Option<DepartmentId>,
        pub name: String,
        pub description: String,
        /// JSON.
        pub definition: String,
        pub secret_place: Option<String>,
        pub secret_sealed: Option<Vec<u8>>,
        pub calendar_id: Option<CalendarId>,
        /// On whose account it runs.
        pub owner_id: UserId,
        pub paused: bool,
        pub runs: u32,
        pub next: Option<Timestamp>,
        pub waiting: Option<Timestamp>,
        pub last_execution_id: Option<ExecutionId>,
        pub created: Timestamp,
        pub created_by: String,
        pub updated: Timestamp,
        pub updated_by: String,
        /// Whether a job of its last child has not ended.
        pub child_open: bool,
    }
}

impl Schedule {
    pub fn place(&self) -> Place {
        Place {
            tenant: self.tenant_id,
            organization: self.organization_id,
            department: self.department_id,
        }
    }

    pub fn secret(&self) -> Option<Secret> {
        let (place, sealed) = self.secret_place.clone().zip(self.secret_sealed.clone())?;
        Some(Secret { place, sealed })
    }
}

macro_rules! select {
    () => {
        "SELECT s.id, s.tenant_id, s.organization_id, s.department_id, s.name, s.description, s.definition,
         s.secret_place, s.secret_sealed, s.calendar_id, s.owner_id, s.paused, s.runs, s.next_us, s.waiting_us,
         s.last_execution_id, s.created_us, s.created_by, s.updated_us, s.updated_by,
         EXISTS (SELECT 1 FROM jobs j WHERE j.execution_id = s.last_execution_id
                 AND j.state IN ('queued', 'pending', 'running'))
         FROM schedules s"
    };
}

/// What is written when it is made or changed.
#[derive(Debug, Clone)]
pub struct Saved {
    pub name: String,
    pub description: String,
    pub definition: String,
    pub secret: Option<Secret>,
    pub calendar: Option<CalendarId>,
    pub owner: UserId,
    pub paused: bool,
    pub next: Option<Timestamp>,
}

pub async fn create(
    tx: &mut Tx<'_>,
    place: Place,
    saved: Saved,
    by: &str,
    now: Timestamp,
) -> Result<ScheduleId, Error> {
    let sql = "INSERT INTO schedules (tenant_id, organization_id, department_id, name, description, definition, secret_place,
                 secret_sealed, calendar_id, owner_id, paused, next_us, created_us, created_by, updated_us, updated_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $13, $14) RETURNING id";
    let (secret_place, sealed) = saved.secret.map(|secret| (secret.place, secret.sealed)).unzip();
    let values = values![
        place.tenant,
        place.organization,
        place.department,
        saved.name,
        saved.description,
        saved.definition,
        secret_place,
        sealed,
        saved.calendar,
        saved.owner,
        saved.paused,
        saved.next,
        now,
        by,
    ];
    tx.insert(sql, &values).await.map(ScheduleId)
}

/// A tick that waited is forgotten.
pub async fn update(
    tx: &mut Tx<'_>,
    id: ScheduleId,
    saved: Saved,
    by: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "UPDATE schedules SET name = $2, description = $3, definition = $4, secret_place = $5, secret_sealed = $6,
               calendar_id = $7, owner_id = $8, paused = $9, next_us = $10, waiting_us = NULL, updated_us = $11,
               updated_by = $12 WHERE id = $1";
    let (secret_place, sealed) = saved.secret.map(|secret| (secret.place, secret.sealed)).unzip();
    let values = values![
        id,
        saved.name,
        saved.description,
        saved.definition,
        secret_place,
        sealed,
        saved.calendar,
        saved.owner,
        saved.paused,
        saved.next,
        now,
        by,
    ];
    tx.execute(sql, &values).await.map(|_| ())
}

pub async fn delete(tx: &mut Tx<'_>, id: ScheduleId) -> Result<(), Error> {
    tx.execute("DELETE FROM schedules WHERE id = $1", &values![id])
        .await
        .map(|_| ())
}

/// In a write it is kept from others until the end of the transaction.
pub async fn find(tx: &mut Tx<'_>, id: ScheduleId) -> Result<Option<Schedule>, Error> {
    let sql = format!("{} WHERE s.id = $1{}", select!(), tx.for_update());
    tx.query_opt(&sql, &values![id])
        .await?
        .map(Schedule::from_row)
        .transpose()
}

pub async fn list(
    tx: &mut Tx<'_>,
    reach: &Reach,
    search: Option<&str>,
    page: &ListQuery,
) -> Result<Vec<Schedule>, Error> {
    let mut select = Select::new(select!());
    select.within(reach, "s");
    if let Some(text) = search {
        let pattern = contains(text);
        let condition = "lower(s.name) LIKE ? ESCAPE '\\' OR lower(s.description) LIKE ? ESCAPE '\\'";
        select.and(condition, values![&pattern, &pattern]);
    }
    let (sql, values) = select.page(page, Key::Text("s.name"), "s.id")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Schedule::from_row)
        .collect()
}

/// Schedules with a tick that is due or waits.
pub async fn due(tx: &mut Tx<'_>, now: Timestamp, limit: u32) -> Result<Vec<ScheduleId>, Error> {
    let sql = "SELECT id FROM schedules WHERE next_us <= $1 AND paused = FALSE
               UNION ALL
               SELECT id FROM schedules WHERE waiting_us > 0 AND paused = FALSE
               LIMIT $2";
    let mut due = tx
        .query(sql, &values![now, limit])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect::<Result<Vec<ScheduleId>, Error>>()?;
    // One that waits may have another tick due.
    due.sort_unstable();
    due.dedup();
    Ok(due)
}

/// As `find`, for a tick; passed over when another server has it in hand.
pub async fn claim(tx: &mut Tx<'_>, id: ScheduleId) -> Result<Option<Schedule>, Error> {
    let sql = format!(
        "{} WHERE s.id = $1 AND s.paused = FALSE{}",
        select!(),
        tx.for_update_of_free("s")
    );
    tx.query_opt(&sql, &values![id])
        .await?
        .map(Schedule::from_row)
        .transpose()
}

/// What a look at its ticks came to.
#[derive(Debug, Clone)]
pub struct Moved {
    pub runs: u32,
    pub next: Option<Timestamp>,
    pub waiting: Option<Timestamp>,
    /// The newest child.
    pub execution: Option<ExecutionId>,
}

pub async fn moved(tx: &mut Tx<'_>, id: ScheduleId, moved: &Moved) -> Result<(), Error> {
    let sql = "UPDATE schedules SET runs = $2, next_us = $3, waiting_us = $4,
               last_execution_id = coalesce($5, last_execution_id) WHERE id = $1";
    let values = values![id, moved.runs, moved.next, moved.waiting, moved.execution];
    tx.execute(sql, &values).await.map(|_| ())
}

record! {
    pub struct Tick {
        pub at: Timestamp,
        pub fate: String,
        /// How many ticks this row stands for.
        pub ticks: u32,
        pub execution_id: Option<ExecutionId>,
        pub reason: Option<String>,
        pub decided: Timestamp,
    }
}

/// A second child of the same tick is refused by the table.
pub async fn tick_keep(tx: &mut Tx<'_>, id: ScheduleId, tick: &Tick) -> Result<(), Error> {
    let sql = "INSERT INTO schedule_ticks (schedule_id, tick_us, fate, ticks, execution_id, reason, at_us)
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let values = values![
        id,
        tick.at,
        &tick.fate,
        tick.ticks,
        tick.execution_id,
        tick.reason.as_deref(),
        tick.decided,
    ];
    tx.execute(sql, &values).await.map(|_| ())
}

/// Newest first.
pub async fn ticks(tx: &mut Tx<'_>, id: ScheduleId, page: &ListQuery) -> Result<Vec<Tick>, Error> {
    let mut select =
        Select::new("SELECT tick_us, fate, ticks, execution_id, reason, at_us FROM schedule_ticks");
    select.and("schedule_id = ?", values![id]);
    let (sql, values) = select.page(page, Key::Id, "tick_us")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Tick::from_row)
        .collect()
}
