//! Executions: one click on *Run*, one job per host. Who may see one of its jobs may see it, with the jobs they may see.

use postern_domain::{
    AgentId, ExecutionId, JobId, ScheduleId, ScriptId, TenantId, Timestamp, job::JobState, permission::Reach,
};

use crate::{
    Engine, Error, ListQuery, Tx,
    engine::{record, values},
    list::{IDS, Key, Select, contains, within},
};

record! {
    pub struct Execution {
        pub id: ExecutionId,
        pub tenant_id: TenantId,
        pub kind: String,
        pub summary: String,
        pub created: Timestamp,
        pub created_by: String,
        /// JSON of the targets as they were given.
        pub targets: String,
        /// JSON.
        pub rolling: Option<String>,
        /// JSON.
        pub concurrency: Option<String>,
        pub batches: u32,
        /// Batches that have begun.
        pub released: u32,
        /// Whether there are batches to come.
        pub open: bool,
        pub resume: Option<Timestamp>,
        /// Why it did not begin the rest.
        pub stopped: Option<String>,
        pub script_id: Option<ScriptId>,
        pub script_version: Option<u32>,
        pub rerun_of: Option<ExecutionId>,
        pub schedule_id: Option<ScheduleId>,
    }
}

macro_rules! select {
    () => {
        "SELECT e.id, e.tenant_id, e.type, e.summary, e.created_us, e.created_by, e.targets, e.rolling, e.concurrency,
         e.batches,
         e.released, e.open, e.resume_us, e.stopped, e.script_id, e.script_version, e.rerun_of, e.schedule_id FROM executions e"
    };
}

/// Where an execution comes from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    pub script: Option<(ScriptId, u32)>,
    pub rerun_of: Option<ExecutionId>,
    pub schedule: Option<ScheduleId>,
}

#[derive(Debug, Clone)]
pub struct NewExecution {
    pub tenant: TenantId,
    pub kind: &'static str,
    pub summary: String,
    pub created_by: String,
    pub targets: String,
    pub rolling: Option<String>,
    pub concurrency: Option<String>,
    pub batches: u32,
    pub origin: Origin,
}

pub async fn create(tx: &mut Tx<'_>, new: &NewExecution, now: Timestamp) -> Result<ExecutionId, Error> {
    let sql = "INSERT INTO executions (tenant_id, type, summary, created_us, created_by, targets, rolling, batches, open,
                 script_id, script_version, rerun_of, schedule_id, concurrency)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING id";
    let values = values![
        new.tenant,
        new.kind,
        &new.summary,
        now,
        &new.created_by,
        &new.targets,
        new.rolling.as_deref(),
        new.batches,
        new.batches > 1,
        new.origin.script.map(|(id, _)| id),
        new.origin.script.map(|(_, version)| version),
        new.origin.rerun_of,
        new.origin.schedule,
        new.concurrency.as_deref(),
    ];
    tx.insert(sql, &values).await.map(ExecutionId)
}

/// The table of jobs where they are found by their execution. SQLite is kept from going through all jobs of a tenant
/// instead: it knows no numbers, and takes one for as good as the other.
pub(super) fn by_execution(tx: &Tx<'_>) -> &'static str {
    match tx.engine() {
        Engine::Sqlite => "+j",
        Engine::Postgres => "j",
    }
}

/// With at least one job within reach.
fn visible(tx: &Tx<'_>, select: &mut Select, reach: &Reach) {
    if !reach.everywhere {
        let (condition, values) = within(reach, by_execution(tx));
        let exists = format!("EXISTS (SELECT 1 FROM jobs j WHERE j.execution_id = e.id AND ({condition}))");
        select.and(&exists, values);
    }
}

pub async fn find(tx: &mut Tx<'_>, reach: &Reach, id: ExecutionId) -> Result<Option<Execution>, Error> {
    let mut select = Select::new(select!());
    select.and("e.id = ?", values![id]);
    visible(tx, &mut select, reach);
    let (sql, values) = select.parts();
    tx.query_opt(sql, values)
        .await?
        .map(Execution::from_row)
        .transpose()
}

#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub search: Option<String>,
    pub scripts: Vec<i64>,
    pub schedules: Vec<i64>,
    pub kinds: Vec<String>,
}

pub async fn list(
    tx: &mut Tx<'_>,
    reach: &Reach,
    filter: &Filter,
    page: &ListQuery,
) -> Result<Vec<Execution>, Error> {
    let mut select = Select::new(select!());
    visible(tx, &mut select, reach);
    if let Some(text) = &filter.search {
        let pattern = contains(text);
        let condition = "lower(e.summary) LIKE ? ESCAPE '\\' OR lower(e.created_by) LIKE ? ESCAPE '\\'";
        select.and(condition, values![&pattern, &pattern]);
    }
    if !filter.scripts.is_empty() {
        select.and_in("e.script_id", filter.scripts.iter().copied());
    }
    if !filter.schedules.is_empty() {
        select.and_in("e.schedule_id", filter.schedules.iter().copied());
    }
    if !filter.kinds.is_empty() {
        select.and_in("e.type", filter.kinds.iter());
    }
    let (sql, values) = select.page(page, Key::Id, "e.id")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Execution::from_row)
        .collect()
}

record! {
    /// How many jobs of an execution are in a state.
    pub struct Count {
        pub execution_id: ExecutionId,
        pub state: JobState,
        pub jobs: i64,
    }
}

/// Of the jobs within reach.
pub async fn counts(tx: &mut Tx<'_>, reach: &Reach, ids: &[ExecutionId]) -> Result<Vec<Count>, Error> {
    let mut select = Select::new("SELECT j.execution_id, j.state, count(*) FROM jobs j");
    select
        .and_in("j.execution_id", ids.iter().copied())
        .within(reach, by_execution(tx))
        .push(" GROUP BY j.execution_id, j.state");
    let (sql, values) = select.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Count::from_row)
        .collect()
}

/// Ids of the jobs within reach that are in one of these states, oldest first.
pub async fn jobs_in(
    tx: &mut Tx<'_>,
    reach: &Reach,
    id: ExecutionId,
    states: &[JobState],
) -> Result<Vec<(JobId, AgentId)>, Error> {
    let mut select = Select::new("SELECT j.id, j.agent_id FROM jobs j");
    select
        .and("j.execution_id = ?", values![id])
        .and_in("j.state", states.iter().copied())
        .within(reach, by_execution(tx))
        .push(" ORDER BY j.id");
    let (sql, values) = select.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(|mut row| Ok((row.take(0)?, row.take(1)?)))
        .collect()
}

/// Executions with batches to come whose pause, if any, is over, by id; those after `after`.
pub async fn open(
    tx: &mut Tx<'_>,
    now: Timestamp,
    after: ExecutionId,
    limit: u32,
) -> Result<Vec<ExecutionId>, Error> {
    // Neither sorted nor compared by the id itself: in the order of ids SQLite would go through all there are.
    let sql = "SELECT id FROM executions WHERE open AND (resume_us IS NULL OR resume_us <= $1) AND +id > $2
               ORDER BY +id LIMIT $3";
    tx.query(sql, &values![now, after, limit])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}

record! {
    /// As much of an open execution as its next step needs, kept from others until the end of the transaction.
    pub struct Rolling {
        pub tenant_id: TenantId,
        pub rolling: String,
        pub released: u32,
        pub stopped: Option<String>,
    }
}

pub async fn rolling(tx: &mut Tx<'_>, id: ExecutionId) -> Result<Option<Rolling>, Error> {
    let sql = format!(
        "SELECT tenant_id, rolling, released, stopped FROM executions WHERE id = $1 AND open = TRUE AND rolling IS NOT NULL{}",
        tx.for_update()
    );
    tx.query_opt(&sql, &values![id])
        .await?
        .map(Rolling::from_row)
        .transpose()
}

record! {
    pub struct Tally {
        pub total: i64,
        pub failed: i64,
        pub open: i64,
        pub held: i64,
        pub last_end: Option<Timestamp>,
    }
}

/// Of all its jobs. A job that was cancelled while it was held is over.
pub async fn tally(tx: &mut Tx<'_>, id: ExecutionId) -> Result<Tally, Error> {
    let sql = "SELECT count(*),
               count(CASE WHEN state IN ('failed', 'timeout', 'unknown') THEN 1 END),
               count(CASE WHEN state IN ('queued', 'pending', 'running') AND held = FALSE THEN 1 END),
               count(CASE WHEN state = 'queued' AND held = TRUE THEN 1 END),
               max(finished_us) FROM jobs WHERE execution_id = $1";
    Tally::from_row(tx.query_one(sql, &values![id]).await?)
}

/// Begins a batch: its jobs are due from now on. Returns their agents.
pub async fn release_batch(
    tx: &mut Tx<'_>,
    id: ExecutionId,
    batch: u32,
    now: Timestamp,
) -> Result<Vec<AgentId>, Error> {
    let sql = "UPDATE jobs SET held = FALSE,
               due_us = CASE WHEN not_before_us > $3 THEN not_before_us ELSE $3 END
               WHERE execution_id = $1 AND batch = $2 AND state = 'queued' AND held = TRUE RETURNING agent_id";
    tx.query(sql, &values![id, batch, now])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}

/// What a step came to.
#[derive(Debug, Clone, Default)]
pub struct Advance {
    pub released: u32,
    pub open: bool,
    pub resume: Option<Timestamp>,
    pub stopped: Option<String>,
}

pub async fn advanced(tx: &mut Tx<'_>, id: ExecutionId, step: &Advance) -> Result<(), Error> {
    let sql = "UPDATE executions SET released = $2, open = $3, resume_us = $4, stopped = $5 WHERE id = $1";
    let values = values![id, step.released, step.open, step.resume, step.stopped.as_deref()];
    tx.execute(sql, &values).await.map(|_| ())
}

/// Jobs of an execution that no agent ever had, held or not: what is left when it stops. One that a person tried again
/// is none of them.
pub async fn unstarted(tx: &mut Tx<'_>, id: ExecutionId) -> Result<Vec<JobId>, Error> {
    let sql = "SELECT id FROM jobs WHERE execution_id = $1 AND state = 'queued' AND attempt = 1 ORDER BY id";
    tx.query(sql, &values![id])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}

/// The saved script that an execution ran, and its version.
pub async fn script(tx: &mut Tx<'_>, id: ExecutionId) -> Result<Option<(ScriptId, u32)>, Error> {
    let sql = "SELECT script_id, script_version FROM executions
               WHERE id = $1 AND script_id IS NOT NULL AND script_version IS NOT NULL";
    let row = tx.query_opt(sql, &values![id]).await?;
    row.map(|mut row| Ok((row.take(0)?, row.take(1)?))).transpose()
}

record! {
    /// What a job of an execution did, to do it again.
    pub struct Repeat {
        pub payload: String,
        pub priority: i64,
        pub timeout_seconds: u32,
        pub secret: Option<i64>,
    }
}

/// Of any of its jobs: they all do the same.
pub async fn repeat(tx: &mut Tx<'_>, id: ExecutionId) -> Result<Option<Repeat>, Error> {
    let sql = "SELECT p.body, j.priority, j.timeout_seconds, j.secret_id FROM jobs j JOIN payloads p ON p.id = j.payload_id
               WHERE j.execution_id = $1 ORDER BY j.id LIMIT 1";
    tx.query_opt(sql, &values![id])
        .await?
        .map(Repeat::from_row)
        .transpose()
}

/// The concurrency keys of its jobs, by their agents.
pub async fn concurrency_keys(
    tx: &mut Tx<'_>,
    id: ExecutionId,
) -> Result<Vec<(AgentId, Option<String>)>, Error> {
    let sql = "SELECT agent_id, concurrency_key FROM jobs WHERE execution_id = $1";
    tx.query(sql, &values![id])
        .await?
        .into_iter()
        .map(|mut row| Ok((row.take(0)?, row.take(1)?)))
        .collect()
}

/// Executions of jobs that are about to be deleted.
pub(crate) async fn of_jobs(
    tx: &mut Tx<'_>,
    condition: &'static str,
    id: i64,
) -> Result<Vec<ExecutionId>, Error> {
    let sql = format!(
        "SELECT DISTINCT j.execution_id FROM jobs j WHERE j.execution_id IS NOT NULL AND {condition}"
    );
    tx.query(&sql, &values![id])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}

/// Removes those of these executions that have no job any more.
pub(crate) async fn sweep(tx: &mut Tx<'_>, ids: &[ExecutionId]) -> Result<(), Error> {
    for part in ids.chunks(IDS) {
        let mut delete = Select::new("DELETE FROM executions");
        delete.and_in("id", part.iter().copied()).and(
            "NOT EXISTS (SELECT 1 FROM jobs j WHERE j.execution_id = executions.id)",
            [],
        );
        let (sql, values) = delete.parts();
        tx.execute(sql, values).await?;
    }
    Ok(())
}
