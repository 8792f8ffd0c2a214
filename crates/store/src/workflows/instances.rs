//! Instances of workflows: where they stand, and what their steps left. What follows from an event is decided in
//! `domain::workflow::engine`; this file loads and saves.

use postern_domain::{
    DepartmentId, InstanceId, OrganizationId, ScheduleId, TenantId, Timestamp, TokenId, UserId, WorkflowId,
    permission::{Place, Reach},
    workflow::engine::InstanceState,
};

use crate::{
    Error, ListQuery, Tx,
    engine::{record, values},
    jobs::Secret,
    list::{Key, Select, contains},
    outbox,
};

record! {
    pub struct Instance {
        pub id: InstanceId,
        pub tenant_id: TenantId,
        pub organization_id: Option<OrganizationId>,
        pub department_id: Option<DepartmentId>,
        pub workflow_id: WorkflowId,
        /// 0: a draft.
        pub version: u32,
        pub workflow: String,
        pub state: InstanceState,
        /// JSON, as the engine wrote it.
        pub machine: String,
        /// JSON of the definition that it runs.
        pub definition: String,
        /// SHA-256 of the definition.
        pub digest: String,
        /// JSON.
        pub inputs: String,
        /// JSON of targets.
        pub hosts: Option<String>,
        pub secret_place: Option<String>,
        pub secret_sealed: Option<Vec<u8>>,
        pub starter_id: UserId,
        pub token_id: Option<TokenId>,
        pub started_by: String,
        pub parent_id: Option<InstanceId>,
        pub parent_run: Option<u32>,
        pub depth: u32,
        pub retry_of: Option<InstanceId>,
        pub failures: u32,
        pub reason: Option<String>,
        pub created: Timestamp,
        pub ended: Option<Timestamp>,
        pub schedule_id: Option<ScheduleId>,
        /// The one that all of this began with, where a step started it.
        pub root_id: Option<InstanceId>,
        /// Who ran a schedule now that it comes of: it was started so, or by a step of such a one.
        pub triggered_by: Option<UserId>,
        /// How many events are told of it.
        pub events: u32,
    }
}

impl Instance {
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
        "SELECT i.id, i.tenant_id, i.organization_id, i.department_id, i.workflow_id, i.version, i.workflow, i.state,
         i.machine, i.definition, i.digest, i.inputs, i.hosts, i.secret_place, i.secret_sealed, i.starter_id, i.token_id,
         i.started_by, i.parent_id, i.parent_run, i.depth, i.retry_of, i.failures, i.reason, i.created_us, i.ended_us,
         i.schedule_id, i.root_id, i.triggered_by, i.events FROM instances i"
    };
}

#[derive(Debug, Clone)]
pub struct NewInstance {
    pub place: Place,
    pub workflow_id: WorkflowId,
    pub version: u32,
    pub workflow: String,
    pub machine: String,
    pub definition: String,
    pub digest: String,
    pub inputs: String,
    pub hosts: Option<String>,
    pub secret: Option<Secret>,
    pub starter: UserId,
    pub token: Option<TokenId>,
    pub started_by: String,
    /// The instance and the run of its step that wait for it.
    pub parent: Option<(InstanceId, u32)>,
    pub depth: u32,
    pub retry_of: Option<InstanceId>,
    pub schedule: Option<ScheduleId>,
    pub triggered_by: Option<UserId>,
}

/// It begins as soon as its news are heard.
pub async fn create(tx: &mut Tx<'_>, new: NewInstance, now: Timestamp) -> Result<InstanceId, Error> {
    let sql = "INSERT INTO instances (tenant_id, organization_id, department_id, workflow_id, version, workflow, state,
                 machine, definition, digest, inputs, hosts, secret_place, secret_sealed, starter_id, token_id, started_by,
                 parent_id, parent_run, depth, retry_of, schedule_id, created_us, triggered_by, root_id)
               VALUES ($1, $2, $3, $4, $5, $6, 'pending', $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
                 $21, $22, $23, (SELECT COALESCE(p.root_id, p.id) FROM instances p WHERE p.id = $17)) RETURNING id";
    let (secret_place, sealed) = new.secret.map(|secret| (secret.place, secret.sealed)).unzip();
    let values = values![
        new.place.tenant,
        new.place.organization,
        new.place.department,
        new.workflow_id,
        new.version,
        new.workflow,
        new.machine,
        new.definition,
        new.digest,
        new.inputs,
        new.hosts,
        secret_place,
        sealed,
        new.starter,
        new.token,
        new.started_by,
        new.parent.map(|(id, _)| id),
        new.parent.map(|(_, run)| run),
        new.depth,
        new.retry_of,
        new.schedule,
        now,
        new.triggered_by,
    ];
    let id = tx.insert(sql, &values).await.map(InstanceId)?;
    outbox::add(tx, outbox::Kind::InstanceMade, id.0, now).await?;
    Ok(id)
}

/// In a write it is kept from others until the end of the transaction.
pub async fn find(tx: &mut Tx<'_>, id: InstanceId) -> Result<Option<Instance>, Error> {
    let sql = format!("{} WHERE i.id = $1{}", select!(), tx.for_update());
    let row = tx.query_opt(&sql, &values![id]).await?;
    tx.mine("instances", &[id.0])?;
    row.map(Instance::from_row).transpose()
}

/// The instance and the run of its step that wait for one. Neither is kept from others: who needs both takes the one
/// that waits first, as a turn of that does.
pub async fn parent_of(tx: &mut Tx<'_>, id: InstanceId) -> Result<Option<(InstanceId, u32)>, Error> {
    let sql =
        "SELECT i.parent_id, i.parent_run FROM instances i WHERE i.id = $1 AND i.parent_run IS NOT NULL";
    tx.query_opt(sql, &values![id])
        .await?
        .map(|mut row| Ok((row.take(0)?, row.take(1)?)))
        .transpose()
}

/// Whether one more may be made below one that no step started, of which there may be so many. In a write whoever asks the same
/// waits until its end, and counts what it made.
pub async fn has_room_below(tx: &mut Tx<'_>, root: InstanceId, most: u32) -> Result<bool, Error> {
    let most = i64::from(most);
    // Who is refused here keeps nobody waiting.
    if below(tx, root).await? >= most {
        return Ok(false);
    }
    // SQLite has one writer anyway, and a read keeps nothing from anybody.
    if tx.for_update().is_empty() {
        return Ok(true);
    }
    // A key of two numbers, which no key of one number meets. Roots that share a number wait for each other, and no more.
    let lock = "SELECT 1 FROM pg_advisory_xact_lock(CAST(CAST('instances' AS regclass) AS INTEGER),
                  CAST(CAST($1 AS BIGINT) % 2147483648 AS INTEGER))";
    tx.query(lock, &values![root]).await?;
    tx.mine("instances below", &[root.0])?;
    // By a statement of its own: it sees what was committed while the lock was waited for.
    Ok(below(tx, root).await? < most)
}

async fn below(tx: &mut Tx<'_>, root: InstanceId) -> Result<i64, Error> {
    let sql = "SELECT count(*) FROM instances WHERE root_id = $1";
    tx.query_one(sql, &values![root]).await?.read(0)
}

#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub workflows: Vec<i64>,
    pub schedules: Vec<i64>,
    pub states: Vec<InstanceState>,
    pub search: Option<String>,
}

/// Newest first, without those of deleted workflows.
pub async fn list(
    tx: &mut Tx<'_>,
    reach: &Reach,
    filter: &Filter,
    page: &ListQuery,
) -> Result<Vec<Instance>, Error> {
    let mut select = Select::new(select!());
    select.within(reach, "i").and(
        "i.workflow_id NOT IN (SELECT w.id FROM workflows w WHERE w.deleted_us IS NOT NULL)",
        [],
    );
    if !filter.workflows.is_empty() {
        select.and_in("i.workflow_id", filter.workflows.iter().copied());
    }
    if !filter.schedules.is_empty() {
        select.and_in("i.schedule_id", filter.schedules.iter().copied());
    }
    if !filter.states.is_empty() {
        select.and_in("i.state", filter.states.iter().copied());
    }
    if let Some(text) = &filter.search {
        select.and("lower(i.workflow) LIKE ? ESCAPE '\\'", values![contains(text)]);
    }
    let (sql, values) = select.page(page, Key::Id, "i.id")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Instance::from_row)
        .collect()
}

/// The oldest instances of a workflow that have not ended.
pub async fn open_of(tx: &mut Tx<'_>, id: WorkflowId, limit: u32) -> Result<Vec<InstanceId>, Error> {
    let sql =
        "SELECT i.id FROM instances i WHERE i.workflow_id = $1 AND i.ended_us IS NULL ORDER BY i.id LIMIT $2";
    tx.query(sql, &values![id, limit])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}

/// An instance and those that it tries again, the newest first.
pub async fn tried(tx: &mut Tx<'_>, id: InstanceId) -> Result<Vec<InstanceId>, Error> {
    let sql = "WITH RECURSIVE tried (id, retry_of) AS (
                 SELECT i.id, i.retry_of FROM instances i WHERE i.id = $1
                 UNION ALL
                 SELECT i.id, i.retry_of FROM instances i JOIN tried t ON i.id = t.retry_of)
               SELECT id FROM tried ORDER BY id DESC";
    tx.query(sql, &values![id])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}

/// Because of whom an instance runs, each once, in the order of their ids: who started or retried it or one that it tries
/// again, or had its schedule run now. It runs because of them too who had the one run whose step started it.
pub async fn run_for(tx: &mut Tx<'_>, id: InstanceId) -> Result<Vec<UserId>, Error> {
    let sql = "WITH RECURSIVE behind (id, retry_of, parent_id, starter_id, triggered_by) AS (
                 SELECT i.id, i.retry_of, i.parent_id, i.starter_id, i.triggered_by FROM instances i WHERE i.id = $1
                 UNION ALL
                 SELECT i.id, i.retry_of, i.parent_id, i.starter_id, i.triggered_by
                 FROM behind b JOIN instances i ON i.id IN (b.retry_of, b.parent_id))
               SELECT b.starter_id FROM behind b
               UNION
               SELECT b.triggered_by FROM behind b WHERE b.triggered_by IS NOT NULL ORDER BY 1";
    tx.query(sql, &values![id])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}

/// Where an instance stands after an event.
#[derive(Debug, Clone)]
pub struct Moved {
    pub state: InstanceState,
    pub machine: String,
    pub reason: Option<String>,
    pub ended: Option<Timestamp>,
    /// What happened, each as JSON.
    pub events: Vec<String>,
}

pub async fn save(tx: &mut Tx<'_>, id: InstanceId, moved: Moved, now: Timestamp) -> Result<(), Error> {
    let count = events_insert(tx, id, moved.events, now).await?;
    let sql = "UPDATE instances SET state = $2, machine = $3, reason = $4, ended_us = $5, failures = 0, events = events + $6
               WHERE id = $1";
    let values = values![id, moved.state, moved.machine, moved.reason, moved.ended, count];
    tx.execute_later(sql, values.to_vec()).await
}

/// Once more the server failed over it. Returns how often.
pub async fn failed(tx: &mut Tx<'_>, id: InstanceId) -> Result<u32, Error> {
    let sql = "UPDATE instances SET failures = failures + 1 WHERE id = $1";
    tx.execute(sql, &values![id]).await?;
    let row = tx
        .query_opt("SELECT failures FROM instances WHERE id = $1", &values![id])
        .await?;
    row.map_or(Ok(0), |row| row.read(0))
}

/// What its secrets were needed for is over.
pub async fn secrets_forget(tx: &mut Tx<'_>, id: InstanceId) -> Result<(), Error> {
    let sql = "UPDATE instances SET secret_place = NULL, secret_sealed = NULL WHERE id = $1 AND secret_place IS NOT NULL";
    tx.execute_later(sql, values![id].to_vec()).await
}

/// The instance whose step made an execution, kept from others as by [`find`].
pub(super) fn by_execution_sql(tx: &Tx<'_>) -> String {
    format!(
        "{} WHERE i.id = (SELECT x.instance_id FROM executions x WHERE x.id = $1){}",
        select!(),
        tx.for_update()
    )
}

// ---- the clock

pub async fn timer_set(tx: &mut Tx<'_>, id: InstanceId, run: u32, at: Timestamp) -> Result<(), Error> {
    let sql = "INSERT INTO instance_timers (instance_id, run, due_us) VALUES ($1, $2, $3)
               ON CONFLICT (instance_id, run) DO UPDATE SET due_us = excluded.due_us";
    tx.execute_later(sql, values![id, run, at].to_vec()).await
}

/// Takes one away that is due then. `false`: somebody else had it, or the run waits for another time by now.
pub async fn timer_take(tx: &mut Tx<'_>, id: InstanceId, run: u32, due: Timestamp) -> Result<bool, Error> {
    let sql = "DELETE FROM instance_timers WHERE instance_id = $1 AND run = $2 AND due_us = $3";
    Ok(tx.execute(sql, &values![id, run, due]).await? > 0)
}

pub async fn timer_forget(tx: &mut Tx<'_>, id: InstanceId, run: u32) -> Result<(), Error> {
    let sql = "DELETE FROM instance_timers WHERE instance_id = $1 AND run = $2";
    tx.execute_later(sql, values![id, run].to_vec()).await
}

pub async fn timers_forget(tx: &mut Tx<'_>, id: InstanceId) -> Result<(), Error> {
    tx.execute("DELETE FROM instance_timers WHERE instance_id = $1", &values![id])
        .await
        .map(|_| ())
}

// ---- what happened

record! {
    pub struct Event {
        pub number: u32,
        pub at: Timestamp,
        /// JSON.
        pub event: String,
    }
}

/// Adds to the end, in their order.
pub async fn events_add(
    tx: &mut Tx<'_>,
    id: InstanceId,
    events: Vec<String>,
    now: Timestamp,
) -> Result<(), Error> {
    let count = events_insert(tx, id, events, now).await?;
    let sql = "UPDATE instances SET events = events + $2 WHERE id = $1";
    tx.execute_later(sql, values![id, count].to_vec()).await
}

/// Behind those that the instance counts, which is to be told of these. Returns how many they are.
async fn events_insert(
    tx: &mut Tx<'_>,
    id: InstanceId,
    events: Vec<String>,
    now: Timestamp,
) -> Result<u32, Error> {
    let count = u32::try_from(events.len()).unwrap_or(u32::MAX);
    let rows = (1..=count)
        .zip(events)
        .map(|(number, event)| values![id, number, now, event].to_vec());
    let head = "INSERT INTO instance_events (instance_id, number, at_us, event)
                SELECT e.column1, i.events + e.column2, e.column3, e.column4 FROM (";
    let tail = ") AS e JOIN instances i ON i.id = e.column1";
    let casts = ["BIGINT", "BIGINT", "BIGINT", "TEXT"];
    tx.many_later(head, &casts, tail, rows.collect()).await?;
    Ok(count)
}

pub async fn events(tx: &mut Tx<'_>, id: InstanceId, page: &ListQuery) -> Result<Vec<Event>, Error> {
    let mut select = Select::new("SELECT e.number, e.at_us, e.event FROM instance_events e");
    select.and("e.instance_id = ?", values![id]);
    let (sql, values) = select.page(page, Key::Id, "e.number")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Event::from_row)
        .collect()
}
