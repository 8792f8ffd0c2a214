//! Schedules and what became of their ticks. What becomes of one is decided in `domain::schedule`.

pub mod calendars;

use std::time::Duration;

use postern_domain::{
    CalendarId, DepartmentId, ExecutionId, InstanceId, OrganizationId, ScheduleId, TenantId, Timestamp,
    TokenId, UserId,
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
        pub last_instance_id: Option<InstanceId>,
        pub created: Timestamp,
        pub created_by: String,
        pub updated: Timestamp,
        pub updated_by: String,
        /// With which limited API token it was saved, if it was.
        pub token_id: Option<TokenId>,
        /// How often what is due now failed inside the server.
        pub failures: u32,
        /// Whether a job of one of its children, or one that is an instance, has not ended.
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

// Of its children: by the few jobs that are not over, in the order in which the tables stand here. It may have had
// very many children.
macro_rules! select {
    () => {
        "SELECT s.id, s.tenant_id, s.organization_id, s.department_id, s.name, s.description, s.definition,
         s.secret_place, s.secret_sealed, s.calendar_id, s.owner_id, s.paused, s.runs, s.next_us, s.waiting_us,
         s.last_execution_id, s.last_instance_id, s.created_us, s.created_by, s.updated_us, s.updated_by, s.token_id, s.failures,
         EXISTS (SELECT 1 FROM jobs j CROSS JOIN executions e
                 WHERE j.state = 'queued' AND e.id = j.execution_id AND e.schedule_id = s.id)
         OR EXISTS (SELECT 1 FROM jobs j CROSS JOIN executions e
                    WHERE j.state IN ('pending', 'running') AND e.id = j.execution_id AND e.schedule_id = s.id)
         OR EXISTS (SELECT 1 FROM instances i WHERE i.schedule_id = s.id AND i.ended_us IS NULL)
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
    pub token: Option<TokenId>,
    pub paused: bool,
    pub next: Option<Timestamp>,
    pub waiting: Option<Timestamp>,
}

pub async fn create(
    tx: &mut Tx<'_>,
    place: Place,
    saved: Saved,
    by: &str,
    now: Timestamp,
) -> Result<ScheduleId, Error> {
    let sql = "INSERT INTO schedules (tenant_id, organization_id, department_id, name, description, definition, secret_place,
                 secret_sealed, calendar_id, owner_id, paused, next_us, created_us, created_by, updated_us, updated_by,
                 token_id)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $13, $14, $15) RETURNING id";
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
        saved.token,
    ];
    tx.insert(sql, &values).await.map(ScheduleId)
}

/// No two changes of it have the same moment: by it an edit says what it is based on.
pub async fn update(
    tx: &mut Tx<'_>,
    id: ScheduleId,
    saved: Saved,
    by: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "UPDATE schedules SET name = $2, description = $3, definition = $4, secret_place = $5, secret_sealed = $6,
               calendar_id = $7, owner_id = $8, paused = $9, next_us = $10, waiting_us = $11, token_id = $12,
               failures = 0, updated_by = $14,
               updated_us = CASE WHEN updated_us < $13 THEN $13 ELSE updated_us + 1 END WHERE id = $1";
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
        saved.waiting,
        saved.token,
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

/// What a list shows of a schedule's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Active,
    /// A tick of it waits.
    Waiting,
    Paused,
    Ended,
}

impl State {
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "active" => Self::Active,
            "waiting" => Self::Waiting,
            "paused" => Self::Paused,
            "ended" => Self::Ended,
            _ => return None,
        })
    }

    const fn condition(self) -> &'static str {
        match self {
            Self::Active => "s.paused = FALSE AND s.waiting_us IS NULL AND s.next_us IS NOT NULL",
            Self::Waiting => "s.paused = FALSE AND s.waiting_us IS NOT NULL",
            Self::Paused => "s.paused = TRUE",
            Self::Ended => "s.paused = FALSE AND s.waiting_us IS NULL AND s.next_us IS NULL",
        }
    }
}

/// What a schedule runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Job,
    Script,
    Action,
    Workflow,
}

impl Kind {
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "job" => Self::Job,
            "script" => Self::Script,
            "action" => Self::Action,
            "workflow" => Self::Workflow,
            _ => return None,
        })
    }

    /// By what it uses: a job that it says itself is nothing that is saved.
    const fn condition(self) -> &'static str {
        match self {
            Self::Job => {
                "NOT EXISTS (SELECT 1 FROM uses u WHERE u.user_kind = 'schedule' AND u.user_id = s.id
                             AND u.used_kind IN ('script', 'action', 'workflow'))"
            }
            Self::Script => {
                "EXISTS (SELECT 1 FROM uses u WHERE u.user_kind = 'schedule' AND u.user_id = s.id
                         AND u.used_kind = 'script')"
            }
            Self::Action => {
                "EXISTS (SELECT 1 FROM uses u WHERE u.user_kind = 'schedule' AND u.user_id = s.id
                         AND u.used_kind = 'action')"
            }
            Self::Workflow => {
                "EXISTS (SELECT 1 FROM uses u WHERE u.user_kind = 'schedule' AND u.user_id = s.id
                         AND u.used_kind = 'workflow')"
            }
        }
    }
}

/// Of each list any; all of them when it is empty.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub states: Vec<State>,
    pub kinds: Vec<Kind>,
    pub names: Vec<String>,
    /// User names of those on whose account it runs.
    pub owners: Vec<String>,
    pub search: Option<String>,
}

pub async fn list(
    tx: &mut Tx<'_>,
    reach: &Reach,
    filter: &Filter,
    page: &ListQuery,
) -> Result<Vec<Schedule>, Error> {
    let mut select = Select::new(select!());
    select.within(reach, "s");
    for conditions in [
        filter
            .states
            .iter()
            .map(|state| state.condition())
            .collect::<Vec<_>>(),
        filter.kinds.iter().map(|kind| kind.condition()).collect(),
    ] {
        if !conditions.is_empty() {
            select.and(&conditions.join(" OR "), []);
        }
    }
    if !filter.names.is_empty() {
        select.and_in("s.name", filter.names.iter());
    }
    if !filter.owners.is_empty() {
        let owner = "(SELECT o.username FROM users o WHERE o.id = s.owner_id)";
        select.and_in(owner, filter.owners.iter());
    }
    if let Some(text) = &filter.search {
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

/// Schedules with a tick that is due or waits, by id; those after `after`.
pub async fn due(
    tx: &mut Tx<'_>,
    now: Timestamp,
    after: ScheduleId,
    limit: u32,
) -> Result<Vec<ScheduleId>, Error> {
    // One that waits may have another tick due: it is here once.
    let sql = "SELECT id FROM schedules WHERE next_us <= $1 AND paused = FALSE AND id > $2
               UNION
               SELECT id FROM schedules WHERE waiting_us > 0 AND paused = FALSE AND id > $2
               ORDER BY id LIMIT $3";
    tx.query(sql, &values![now, after, limit])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
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
    /// The newest child, of one kind or the other.
    pub execution: Option<ExecutionId>,
    pub instance: Option<InstanceId>,
}

pub async fn moved(tx: &mut Tx<'_>, id: ScheduleId, moved: &Moved) -> Result<(), Error> {
    let sql = "UPDATE schedules SET runs = $2, next_us = $3, waiting_us = $4, failures = 0,
               last_execution_id = CASE WHEN CAST($6 AS BIGINT) IS NULL THEN coalesce($5, last_execution_id) END,
               last_instance_id = CASE WHEN CAST($5 AS BIGINT) IS NULL THEN coalesce($6, last_instance_id) END WHERE id = $1";
    let values = values![
        id,
        moved.runs,
        moved.next,
        moved.waiting,
        moved.execution,
        moved.instance
    ];
    tx.execute(sql, &values).await.map(|_| ())
}

/// What is due now failed inside the server once more. How often by now.
pub async fn failed(tx: &mut Tx<'_>, id: ScheduleId) -> Result<u32, Error> {
    let sql = "UPDATE schedules SET failures = failures + 1 WHERE id = $1 RETURNING failures";
    let row = tx.query_opt(sql, &values![id]).await?;
    row.map_or(Ok(0), |row| row.read(0))
}

record! {
    pub struct Tick {
        pub at: Timestamp,
        pub fate: String,
        /// How many ticks this row stands for.
        pub ticks: u32,
        pub execution_id: Option<ExecutionId>,
        pub instance_id: Option<InstanceId>,
        pub reason: Option<String>,
        pub decided: Timestamp,
    }
}

/// A second child of the same tick is refused by the table.
pub async fn tick_keep(tx: &mut Tx<'_>, id: ScheduleId, tick: &Tick) -> Result<(), Error> {
    let sql = "INSERT INTO schedule_ticks (schedule_id, tick_us, fate, ticks, execution_id, instance_id, reason, at_us)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = values![
        id,
        tick.at,
        &tick.fate,
        tick.ticks,
        tick.execution_id,
        tick.instance_id,
        tick.reason.as_deref(),
        tick.decided,
    ];
    tx.execute(sql, &values).await.map(|_| ())
}

/// The latest tick that something became of; runs besides the ticks are none.
pub async fn newest_tick(tx: &mut Tx<'_>, id: ScheduleId) -> Result<Option<Timestamp>, Error> {
    let sql = "SELECT tick_us FROM schedule_ticks WHERE schedule_id = $1 AND fate <> 'run_now'
               ORDER BY tick_us DESC LIMIT 1";
    let row = tx.query_opt(sql, &values![id]).await?;
    row.map(|row| row.read(0)).transpose()
}

/// The first moment from this one on of which no tick tells.
pub async fn free_moment(tx: &mut Tx<'_>, id: ScheduleId, from: Timestamp) -> Result<Timestamp, Error> {
    let mut moment = from;
    loop {
        let sql = "SELECT 1 FROM schedule_ticks WHERE schedule_id = $1 AND tick_us = $2";
        if tx.query_opt(sql, &values![id, moment]).await?.is_none() {
            return Ok(moment);
        }
        moment = moment.plus(Duration::from_micros(1));
    }
}

/// Forgets what became of ticks before a moment, at most `limit` rows. The latest of each schedule stays: by it a tick
/// is known that comes again. Returns how many are gone.
pub async fn ticks_remove(tx: &mut Tx<'_>, before: Timestamp, limit: u32) -> Result<u64, Error> {
    let sql = "DELETE FROM schedule_ticks WHERE (schedule_id, tick_us) IN
               (SELECT t.schedule_id, t.tick_us FROM schedule_ticks t WHERE t.tick_us < $1
                AND EXISTS (SELECT 1 FROM schedule_ticks n WHERE n.schedule_id = t.schedule_id
                            AND n.tick_us > t.tick_us AND n.fate <> 'run_now')
                ORDER BY t.tick_us LIMIT $2)";
    tx.execute(sql, &values![before, limit]).await
}

/// Newest first.
pub async fn ticks(tx: &mut Tx<'_>, id: ScheduleId, page: &ListQuery) -> Result<Vec<Tick>, Error> {
    let mut select = Select::new(
        "SELECT tick_us, fate, ticks, execution_id, instance_id, reason, at_us FROM schedule_ticks",
    );
    select.and("schedule_id = ?", values![id]);
    let (sql, values) = select.page(page, Key::Id, "tick_us")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Tick::from_row)
        .collect()
}
