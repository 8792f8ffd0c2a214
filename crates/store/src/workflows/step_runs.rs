//! The runs of an instance's steps, and what they left.

use postern_domain::{ApprovalId, ExecutionId, InstanceId, Timestamp};

use crate::{
    Error, Tx,
    engine::{read_all, record, values},
    list::{Select, marks},
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
        pub approval_id: Option<ApprovalId>,
        /// JSON.
        pub result: Option<String>,
    }
}

record! {
    /// A run without what it left, which may be large.
    pub struct ListedRun {
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
        pub approval_id: Option<ApprovalId>,
    }
}

macro_rules! columns {
    () => {
        "r.run, r.step, r.attempt, r.cause, r.outcome, r.reason, r.execution_id, r.child_id, r.began_us, r.ended_us,
         (SELECT p.id FROM approvals p WHERE p.instance_id = r.instance_id AND p.run = r.run)"
    };
}

macro_rules! select {
    () => {
        concat!("SELECT ", columns!(), ", r.result FROM step_runs r")
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
            approval_id: None,
            result: None,
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
pub async fn list(tx: &mut Tx<'_>, id: InstanceId) -> Result<Vec<ListedRun>, Error> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM step_runs r WHERE r.instance_id = $1 ORDER BY r.run"
    );
    read_all(tx.query(sql, &values![id]).await?, ListedRun::from_row)
}

/// Those that have not ended, in the same order.
pub async fn open(tx: &mut Tx<'_>, id: InstanceId) -> Result<Vec<StepRun>, Error> {
    let sql = concat!(
        select!(),
        " WHERE r.instance_id = $1 AND r.outcome IS NULL ORDER BY r.run"
    );
    read_all(tx.query(sql, &values![id]).await?, StepRun::from_row)
}

/// What each of these steps left in the newest of its runs that have ended: run, step and JSON.
pub async fn results(
    tx: &mut Tx<'_>,
    id: InstanceId,
    steps: &[&str],
) -> Result<Vec<(u32, String, String)>, Error> {
    if steps.is_empty() {
        return Ok(Vec::new());
    }
    // A loop leaves many, each of which may be large: they are told apart by an index, and only the newest is read.
    let (marks, of_steps) = marks(steps.iter().copied());
    let newest = format!(
        "r.run IN (SELECT max(n.run) FROM step_runs n WHERE n.instance_id = ? AND n.step IN ({marks})
         AND n.outcome IS NOT NULL AND n.result IS NOT NULL GROUP BY n.step)"
    );
    let mut select = Select::new("SELECT r.run, r.step, r.result FROM step_runs r");
    select
        .and("r.instance_id = ?", values![id])
        .and(&newest, values![id].into_iter().chain(of_steps));
    let (sql, values) = select.parts();
    read_all(tx.query(sql, values).await?, |mut row| {
        Ok((row.take(0)?, row.take(1)?, row.take(2)?))
    })
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
