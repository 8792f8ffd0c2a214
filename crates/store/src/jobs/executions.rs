//! Executions: one click on *Run*, one job per host. Who may see one of its jobs may see it, with the jobs they may see.
//! Jobs of deleted agents belong to it no more, and an execution that has no others goes with the last of them.

use std::collections::BTreeSet;

use postern_domain::{
    ActionId, AgentId, ExecutionId, InstanceId, JobId, ScheduleId, ScriptId, TenantId, Timestamp,
    job::JobState, permission::Reach,
};

mod outcome;

pub use outcome::Outcome;

use super::{
    Host,
    lists::{SUMMARIES, found},
};
use crate::{
    Engine, Error, ListQuery, Tx,
    agents::removal::AGENT_IS_THERE,
    engine::{Value, record, values},
    list::{IDS, Select, contains, within},
    pages::{Facet, Pages, Part, RANGES, Source, Texts},
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
        pub action_id: Option<ActionId>,
        pub action_version: Option<u32>,
        pub instance_id: Option<InstanceId>,
    }
}

macro_rules! select {
    () => {
        "SELECT e.id, e.tenant_id, e.type, e.summary, e.created_us, e.created_by, e.targets, e.rolling, e.concurrency,
         e.batches,
         e.released, e.open, e.resume_us, e.stopped, e.script_id, e.script_version, e.rerun_of, e.schedule_id,
         e.action_id, e.action_version, e.instance_id FROM executions e"
    };
}

/// The saved action that was run, and its version; a draft has none.
pub type ActionRun = (ActionId, Option<u32>);

impl Execution {
    pub fn action(&self) -> Option<ActionRun> {
        self.action_id.map(|id| (id, self.action_version))
    }
}

/// Where an execution comes from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    pub script: Option<(ScriptId, u32)>,
    pub rerun_of: Option<ExecutionId>,
    pub schedule: Option<ScheduleId>,
    pub action: Option<ActionRun>,
    pub instance: Option<InstanceId>,
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
                 script_id, script_version, rerun_of, schedule_id, concurrency, action_id, action_version, instance_id)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) RETURNING id";
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
        new.origin.action.map(|(id, _)| id),
        new.origin.action.and_then(|(_, version)| version),
        new.origin.instance,
    ];
    tx.insert(sql, &values).await.map(ExecutionId)
}

/// What its jobs do and where they are, for the lists.
pub(super) async fn made(
    tx: &mut Tx<'_>,
    id: ExecutionId,
    payload: i64,
    hosts: &[Host],
) -> Result<(), Error> {
    let sql = "UPDATE executions SET payload_id = $2 WHERE id = $1";
    tx.execute_later(sql, values![id, payload].to_vec()).await?;
    let places: BTreeSet<_> = hosts
        .iter()
        .map(|Host { target, .. }| {
            let department = target.department_id.map_or(0, |id| id.0);
            (target.tenant_id.0, target.organization_id.0, department)
        })
        .collect();
    let rows = places
        .into_iter()
        .map(|(tenant, organization, department)| values![id, tenant, organization, department].to_vec());
    let head = "INSERT INTO execution_places (execution_id, tenant_id, organization_id, department_id)
                SELECT p.column1, p.column2, p.column3, p.column4 FROM (";
    // An execution that is gone has no place.
    let tail = ") AS p JOIN executions e ON e.id = p.column1";
    tx.many_later(head, &["BIGINT"; 4], tail, rows.collect()).await
}

/// The table of jobs where they are found by their execution. SQLite is kept from going through all jobs of a tenant
/// instead: it knows no numbers, and takes one for as good as the other.
pub(super) fn by_execution(tx: &Tx<'_>) -> &'static str {
    match tx.engine() {
        Engine::Sqlite => "+j",
        Engine::Postgres => "j",
    }
}

/// What ties a row to its execution. Written like this PostgreSQL asks for each execution, and does not gather all jobs
/// that fulfil the rest first.
fn its(tx: &Tx<'_>) -> &'static str {
    match tx.engine() {
        Engine::Sqlite => "execution_id = e.id",
        Engine::Postgres => "execution_id BETWEEN e.id AND e.id",
    }
}

/// With at least one job within reach.
fn visible(tx: &Tx<'_>, reach: &Reach) -> Option<(String, Vec<Value>)> {
    if reach.everywhere {
        return None;
    }
    // Most of those that are not visible never had a job there.
    let (place, mut values) = within(reach, "x");
    let (condition, again) = within(reach, by_execution(tx));
    values.extend(again);
    let its = its(tx);
    let exists = format!(
        "EXISTS (SELECT 1 FROM execution_places x WHERE x.{its} AND ({place}))
         AND EXISTS (SELECT 1 FROM jobs j WHERE j.{its} AND ({condition}) AND {AGENT_IS_THERE})"
    );
    Some((exists, values))
}

pub async fn find(tx: &mut Tx<'_>, reach: &Reach, id: ExecutionId) -> Result<Option<Execution>, Error> {
    let mut select = Select::new(select!());
    select.and("e.id = ?", values![id]);
    if let Some((condition, values)) = visible(tx, reach) {
        select.and(&condition, values);
    }
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
    pub actions: Vec<i64>,
    pub kinds: Vec<String>,
    pub outcomes: Vec<Outcome>,
}

pub async fn list(
    tx: &mut Tx<'_>,
    reach: &Reach,
    filter: &Filter,
    page: &ListQuery,
) -> Result<Vec<Execution>, Error> {
    let mut facets = Vec::new();
    if !filter.schedules.is_empty() {
        facets.push(Facet::new("e.schedule_id", filter.schedules.iter().copied()));
    }
    if !filter.scripts.is_empty() {
        facets.push(Facet::new("e.script_id", filter.scripts.iter().copied()));
    }
    if !filter.actions.is_empty() {
        facets.push(Facet::new("e.action_id", filter.actions.iter().copied()));
    }
    if let Some(text) = &filter.search {
        let summaries = found(tx, "e.payload_id", SUMMARIES, text).await?;
        let creators = creators(tx, text).await?;
        facets.push(Facet::any(vec![summaries, creators]));
    }
    if !reach.everywhere {
        let places = vec![
            Part::these("x.tenant_id", reach.tenants.iter().copied()),
            Part::these("x.organization_id", reach.organizations.iter().copied()),
            Part::these("x.department_id", reach.departments.iter().copied()),
        ];
        facets.push(Facet::any(places).beside(PLACES));
    }
    if !filter.kinds.is_empty() {
        facets.push(Facet::new("e.type", filter.kinds.iter()));
    }
    let visible = visible(tx, reach);
    let conditions: Vec<_> = visible
        .into_iter()
        .chain(outcome::condition(tx, reach, &filter.outcomes))
        .collect();
    let pages = Pages {
        source: EXECUTIONS,
        facets,
        from_us: None,
        before_us: None,
        condition: all_of(conditions),
    };
    let ids = match outcome::executions(tx, &filter.outcomes).await? {
        Some(known) => pages.ids_among(tx, page, &known).await?,
        None => pages.ids(tx, page).await?,
    };
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut select = Select::new(select!());
    select.and_in("e.id", ids.iter().copied());
    let (sql, values) = select.parts();
    let rows = tx.query(sql, values).await?;
    let mut executions = rows
        .into_iter()
        .map(Execution::from_row)
        .collect::<Result<Vec<_>, _>>()?;
    executions.sort_by_cached_key(|execution| ids.iter().position(|id| *id == execution.id.0));
    Ok(executions)
}

fn all_of(conditions: Vec<(String, Vec<Value>)>) -> Option<(String, Vec<Value>)> {
    let (texts, values): (Vec<String>, Vec<Vec<Value>>) = conditions.into_iter().unzip();
    let texts: Vec<String> = texts.into_iter().map(|text| format!("({text})")).collect();
    (!texts.is_empty()).then(|| (texts.join(" AND "), values.concat()))
}

const EXECUTIONS: Source = Source {
    from: "executions e",
    id: "e.id",
    moment: "e.id",
    join: None,
};
const PLACES: Source = Source {
    from: "execution_places x",
    id: "x.execution_id",
    moment: "x.execution_id",
    join: Some(("executions e", "e.id = x.execution_id")),
};

/// Those who made executions and whose name has the text. There are few of them, so each is looked up behind the one
/// before.
async fn creators(tx: &mut Tx<'_>, text: &str) -> Result<Part, Error> {
    let sql = format!(
        "WITH RECURSIVE creators (name) AS (SELECT min(created_by) FROM executions
           UNION ALL SELECT (SELECT min(e.created_by) FROM executions e WHERE e.created_by > c.name)
                     FROM creators c WHERE c.name IS NOT NULL)
         SELECT name FROM creators WHERE lower(name) LIKE $1 ESCAPE '\\' LIMIT {}",
        RANGES + 1
    );
    let pattern: Value = contains(text).into();
    let rows = tx.query(&sql, std::slice::from_ref(&pattern)).await?;
    if rows.len() > RANGES {
        let all = Texts {
            table: "executions c",
            key: "c.created_by",
            condition: "lower(c.created_by) LIKE ? ESCAPE '\\'",
        };
        return Ok(Part::Of("e.created_by", all, vec![pattern]));
    }
    let names = rows.into_iter().map(|row| row.read::<String>(0));
    Ok(Part::these("e.created_by", names.collect::<Result<Vec<_>, _>>()?))
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
        .and(AGENT_IS_THERE, [])
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
        .and(AGENT_IS_THERE, [])
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
    let sql = format!(
        "SELECT count(*),
         count(CASE WHEN j.state IN ('failed', 'timeout', 'unknown') THEN 1 END),
         count(CASE WHEN j.state IN ('queued', 'pending', 'running') AND j.held = FALSE THEN 1 END),
         count(CASE WHEN j.state = 'queued' AND j.held = TRUE THEN 1 END),
         max(j.finished_us) FROM jobs j WHERE j.execution_id = $1 AND {AGENT_IS_THERE}"
    );
    Tally::from_row(tx.query_one(&sql, &values![id]).await?)
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

/// The execution of a job that is about to be deleted.
pub(super) async fn of_job(tx: &mut Tx<'_>, id: JobId) -> Result<Vec<ExecutionId>, Error> {
    let sql = "SELECT j.execution_id FROM jobs j WHERE j.id = $1 AND j.execution_id IS NOT NULL";
    tx.query(sql, &values![id])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}

/// Removes those of these executions that have no job any more, and none whose end a step has still to hear of.
pub(crate) async fn sweep(tx: &mut Tx<'_>, ids: &[ExecutionId]) -> Result<(), Error> {
    for part in ids.chunks(IDS) {
        let mut delete = Select::new("DELETE FROM executions");
        delete.and_in("id", part.iter().copied()).and(
            "NOT EXISTS (SELECT 1 FROM jobs j WHERE j.execution_id = executions.id)
             AND NOT EXISTS (SELECT 1 FROM job_ends k WHERE k.execution_id = executions.id)",
            [],
        );
        let (sql, values) = delete.parts();
        tx.execute(sql, values).await?;
    }
    Ok(())
}
