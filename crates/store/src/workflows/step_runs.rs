//! The runs of an instance's steps, and what they left.

use postern_domain::{ApprovalId, ExecutionId, InstanceId, Timestamp};

use crate::{
    Error, Tx,
    engine::{record, values},
    list::Select,
};

record! {
    pub struct StepRun {
        pub run: u32,
        pub step: String,
        pub attempt: u32,
        /// JSON.
        pub cause: String,
        /// JSON; absent while it runs.
        pub outcome: Option<String>,
        pub reason: Option<String>,
        pub execution_id: Option<ExecutionId>,
        pub child_id: Option<InstanceId>,
        pub began: Timestamp,
        pub ended: Option<Timestamp>,
        /// JSON.
        pub result: Option<String>,
        pub approval_id: Option<ApprovalId>,
    }
}

macro_rules! select {
    () => {
        "SELECT r.run, r.step, r.attempt, r.cause, r.outcome, r.reason, r.execution_id, r.child_id, r.began_us, r.ended_us,
         r.result, (SELECT p.id FROM approvals p WHERE p.instance_id = r.instance_id AND p.run = r.run) FROM step_runs r"
    };
}

/// The run whose current try an execution is.
pub(super) const OF_EXECUTION: &str = concat!(
    select!(),
    " WHERE r.instance_id = (SELECT x.instance_id FROM executions x WHERE x.id = $1) AND r.execution_id = $1"
);

impl StepRun {
    pub fn began(run: u32, step: String, cause: String, now: Timestamp) -> Self {
        Self {
            run,
            step,
            attempt: 1,
            cause,
            outcome: None,
            reason: None,
            execution_id: None,
            child_id: None,
            began: now,
            ended: None,
            result: None,
            approval_id: None,
        }
    }
}

/// As they are now, whether they are new or were changed.
pub async fn save(tx: &mut Tx<'_>, id: InstanceId, runs: Vec<StepRun>) -> Result<(), Error> {
    let head = "INSERT INTO step_runs (instance_id, run, step, attempt, cause, outcome, reason, execution_id, child_id,
                  began_us, ended_us, result)";
    let casts = [
        "BIGINT", "BIGINT", "TEXT", "BIGINT", "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT",
        "TEXT",
    ];
    let tail = "ON CONFLICT (instance_id, run) DO UPDATE SET attempt = excluded.attempt, outcome = excluded.outcome,
                  reason = excluded.reason, execution_id = excluded.execution_id, child_id = excluded.child_id,
                  ended_us = excluded.ended_us, result = excluded.result";
    let rows = runs.into_iter().map(|run| {
        values![
            id,
            run.run,
            run.step,
            run.attempt,
            run.cause,
            run.outcome,
            run.reason,
            run.execution_id,
            run.child_id,
            run.began,
            run.ended,
            run.result
        ]
        .to_vec()
    });
    tx.many_later(head, &casts, tail, rows.collect()).await
}

pub async fn find(tx: &mut Tx<'_>, id: InstanceId, run: u32) -> Result<Option<StepRun>, Error> {
    let sql = concat!(select!(), " WHERE r.instance_id = $1 AND r.run = $2");
    tx.query_opt(sql, &values![id, run])
        .await?
        .map(StepRun::from_row)
        .transpose()
}

/// In the order in which they began.
pub async fn list(tx: &mut Tx<'_>, id: InstanceId) -> Result<Vec<StepRun>, Error> {
    let sql = concat!(select!(), " WHERE r.instance_id = $1 ORDER BY r.run");
    tx.query(sql, &values![id])
        .await?
        .into_iter()
        .map(StepRun::from_row)
        .collect()
}

/// What the runs of these steps left that have ended: run, step and JSON.
pub async fn results(
    tx: &mut Tx<'_>,
    id: InstanceId,
    steps: &[&str],
) -> Result<Vec<(u32, String, String)>, Error> {
    if steps.is_empty() {
        return Ok(Vec::new());
    }
    let mut select = Select::new("SELECT r.step, r.result, r.run FROM step_runs r");
    select
        .and("r.instance_id = ?", values![id])
        .and("r.result IS NOT NULL AND r.outcome IS NOT NULL", [])
        .and_in("r.step", steps.iter().copied());
    let (sql, values) = select.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(|mut row| Ok((row.take(2)?, row.take(0)?, row.take(1)?)))
        .collect()
}

/// Takes over what the steps of another instance left that began before a run.
pub async fn keep(tx: &mut Tx<'_>, from: InstanceId, before: u32, to: InstanceId) -> Result<u64, Error> {
    let sql = "INSERT INTO step_runs (instance_id, run, step, attempt, cause, outcome, reason, execution_id, child_id,
                 began_us, ended_us, result)
               SELECT $3, r.run, r.step, r.attempt, r.cause, r.outcome, r.reason, r.execution_id, r.child_id,
                 r.began_us, r.ended_us, r.result
               FROM step_runs r WHERE r.instance_id = $1 AND r.run < $2 AND r.outcome IS NOT NULL";
    tx.execute(sql, &values![from, before, to]).await
}
