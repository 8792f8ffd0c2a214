//! Attempts: how they stand, and what their agent reported.

use postern_domain::{AgentId, AttemptId, JobId, Timestamp, job::JobState};

use super::machine::{Machine, machine_sql};
use crate::{
    Error, Tx,
    engine::{read_first, record, values},
    list::{IDS, Select},
};

record! {
    pub struct Attempt {
        pub id: AttemptId,
        pub job_id: JobId,
        pub number: u32,
        pub state: JobState,
        pub handed: Timestamp,
        pub started: Option<Timestamp>,
        pub finished: Option<Timestamp>,
        pub exit_code: Option<i32>,
        pub reason: Option<String>,
        pub duration_us: Option<i64>,
        pub stdout_bytes: i64,
        pub stderr_bytes: i64,
        pub late_state: Option<JobState>,
        pub late_exit_code: Option<i32>,
        pub late_reason: Option<String>,
        pub late: Option<Timestamp>,
        /// JSON.
        pub result: Option<String>,
        pub late_started: Option<Timestamp>,
        pub late_finished: Option<Timestamp>,
        pub late_duration_us: Option<i64>,
        /// JSON.
        pub late_result: Option<String>,
        /// When the agent told how it ended; what the server makes of it by itself leaves this out.
        pub reported: Option<Timestamp>,
        /// Whether somebody asked for its end. A retry of the job asks nothing of the attempts before.
        pub cancel_requested: bool,
    }
}

macro_rules! attempt_select {
    () => {
        "SELECT t.id, t.job_id, t.number, t.state, t.handed_us, t.started_us, t.finished_us, t.exit_code, t.reason,
         t.duration_us, t.stdout_bytes, t.stderr_bytes, t.late_state, t.late_exit_code, t.late_reason, t.late_us,
         t.result, t.late_started_us, t.late_finished_us, t.late_duration_us, t.late_result, t.reported_us,
         t.cancel_requested
         FROM attempts t"
    };
}

pub async fn attempts(tx: &mut Tx<'_>, job: JobId) -> Result<Vec<Attempt>, Error> {
    let sql = concat!(attempt_select!(), " WHERE t.job_id = $1 ORDER BY t.number");
    tx.query(sql, &values![job])
        .await?
        .into_iter()
        .map(Attempt::from_row)
        .collect()
}

/// An attempt of this agent's that it reports of, and its job as by [`machine`](super::machine()).
pub async fn reported(
    tx: &mut Tx<'_>,
    id: AttemptId,
    agent: AgentId,
) -> Result<Option<(Attempt, Machine)>, Error> {
    let machine = machine_sql(
        tx,
        "j.id = (SELECT t.job_id FROM attempts t WHERE t.id = $1) AND j.agent_id = $2",
    );
    let attempt = concat!(
        attempt_select!(),
        " WHERE t.id = $1 AND EXISTS (SELECT 1 FROM jobs j WHERE j.id = t.job_id AND j.agent_id = $2)"
    );
    let values = || values![id, agent].to_vec();
    // The job first, which others may be about to change.
    let [machines, attempts] = tx.query_each([(&machine, values()), (attempt, values())]).await?;
    let attempt = read_first(attempts, Attempt::from_row)?;
    let machine = read_first(machines, Machine::from_row)?;
    tx.mine("jobs", machine.as_ref().map(|machine| machine.id.0).as_slice())?;
    Ok(attempt.zip(machine))
}

/// Those of these attempts whose end this agent has still to tell. It owes nothing for one that is not its own, or
/// whose job is gone.
pub async fn attempts_unreported(
    tx: &mut Tx<'_>,
    agent: AgentId,
    ids: &[AttemptId],
) -> Result<Vec<AttemptId>, Error> {
    let mut open = Vec::new();
    for part in ids.chunks(IDS) {
        let mut select = Select::new("SELECT t.id FROM attempts t JOIN jobs j ON j.id = t.job_id");
        select
            .and_in("t.id", part.iter().copied())
            .and("t.reported_us IS NULL", [])
            .and("j.agent_id = ?", values![agent]);
        let (sql, values) = select.parts();
        for row in tx.query(sql, values).await? {
            open.push(row.read(0)?);
        }
    }
    Ok(open)
}

pub async fn attempt_started(tx: &mut Tx<'_>, id: AttemptId, started: Timestamp) -> Result<(), Error> {
    let sql = "UPDATE attempts SET state = 'running', started_us = $2 WHERE id = $1";
    tx.execute_later(sql, values![id, started].to_vec()).await
}

/// Its agent told of a start too early.
pub async fn attempt_never_started(tx: &mut Tx<'_>, id: AttemptId) -> Result<(), Error> {
    let sql = "UPDATE attempts SET started_us = NULL WHERE id = $1";
    tx.execute_later(sql, values![id].to_vec()).await
}

pub async fn attempt_cancel_requested(tx: &mut Tx<'_>, id: AttemptId) -> Result<(), Error> {
    let sql = "UPDATE attempts SET cancel_requested = TRUE WHERE id = $1";
    tx.execute_later(sql, values![id].to_vec()).await
}

/// How an attempt ended.
#[derive(Debug, Clone)]
pub struct AttemptEnd {
    pub state: JobState,
    pub started: Option<Timestamp>,
    pub finished: Timestamp,
    pub exit_code: Option<i32>,
    pub reason: Option<String>,
    pub duration_us: Option<i64>,
    /// JSON of what a typed job found or did.
    pub result: Option<String>,
}

/// `reported`: when its agent told so; `None` for an end that the server decided without it.
pub async fn attempt_ended(
    tx: &mut Tx<'_>,
    id: AttemptId,
    end: &AttemptEnd,
    reported: Option<Timestamp>,
) -> Result<(), Error> {
    let sql = "UPDATE attempts SET state = $2, started_us = coalesce($3, started_us), finished_us = $4, exit_code = $5,
               reason = $6, duration_us = $7, result = $8, reported_us = $9 WHERE id = $1";
    let values = values![
        id,
        end.state,
        end.started,
        end.finished,
        end.exit_code,
        end.reason.as_deref(),
        end.duration_us,
        end.result.as_deref(),
        reported,
    ];
    tx.execute_later(sql, values.to_vec()).await
}

/// What the agent told after the server had ended the attempt: kept beside that end; the first one stays.
pub async fn attempt_late(
    tx: &mut Tx<'_>,
    id: AttemptId,
    end: &AttemptEnd,
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "UPDATE attempts SET late_state = $2, late_started_us = $3, late_finished_us = $4, late_exit_code = $5,
               late_reason = $6, late_duration_us = $7, late_result = $8, late_us = $9, reported_us = $9
               WHERE id = $1 AND reported_us IS NULL";
    let values = values![
        id,
        end.state,
        end.started,
        end.finished,
        end.exit_code,
        end.reason.as_deref(),
        end.duration_us,
        end.result.as_deref(),
        now,
    ];
    tx.execute(sql, &values).await.map(|_| ())
}
