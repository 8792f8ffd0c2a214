//! Handing out: what an agent has in hand, what waits for it, and the orders it is given.

use postern_domain::{AgentId, AttemptId, JobId, Timestamp, job::JobState};

use crate::{
    Error, Tx,
    engine::{read_all, read_first, record, values},
};

record! {
    /// An attempt an agent has in hand.
    pub struct Active {
        pub job_id: JobId,
        pub attempt_id: AttemptId,
        pub state: JobState,
        pub cancel_requested: bool,
        /// Number of the check-in whose answer carried the order.
        pub checkin_number: u64,
        /// Number of its order; the same however often it is handed out.
        pub fence: i64,
        pub started: Option<Timestamp>,
    }
}

const ACTIVE: &str = "SELECT j.id, t.id, j.state, j.cancel_requested, t.checkin_number, t.fence, t.started_us
                      FROM jobs j JOIN attempts t ON t.id = j.attempt_id
                      WHERE j.agent_id = $1 AND j.state IN ('pending', 'running') ORDER BY j.id";

pub async fn active(tx: &mut Tx<'_>, agent: AgentId) -> Result<Vec<Active>, Error> {
    read_all(tx.query(ACTIVE, &values![agent]).await?, Active::from_row)
}

record! {
    pub struct Queued {
        pub id: JobId,
        pub priority: i64,
        pub timeout_seconds: u32,
        pub not_before: Option<Timestamp>,
        pub due: Timestamp,
        pub attempt: u32,
        pub payload: String,
        pub concurrency_key: Option<String>,
        pub secret: Option<i64>,
    }
}

/// What an agent has in hand, and what waits for it and is due, in the order it will be served. In a write what waits
/// is kept from others until its end: a job that is being cancelled at this moment is left out, and one that is here
/// stays queued.
pub async fn at_agent(
    tx: &mut Tx<'_>,
    agent: AgentId,
    now: Timestamp,
    limit: u32,
) -> Result<(Vec<Active>, Vec<Queued>), Error> {
    let queued = queued_sql(tx);
    let values = values![agent, now, limit].to_vec();
    let [active, queued] = tx
        .query_each([(ACTIVE, values![agent].to_vec()), (&queued, values)])
        .await?;
    Ok((
        read_all(active, Active::from_row)?,
        read_all(queued, Queued::from_row)?,
    ))
}

fn queued_sql(tx: &Tx<'_>) -> String {
    let sql = concat!(
        "SELECT j.id, j.priority, j.timeout_seconds, j.not_before_us, j.due_us, j.attempt, p.body,
         j.concurrency_key, j.secret_id
         FROM jobs j JOIN payloads p ON p.id = j.payload_id
         WHERE j.agent_id = $1 AND j.state = 'queued' AND (j.not_before_us IS NULL OR j.not_before_us <= $2) AND ",
        free!(blackout ends "> $2"),
        " ORDER BY j.priority, j.id LIMIT $3"
    );
    format!("{sql}{}", tx.for_update_of_free("j"))
}

record! {
    /// The agent's row, kept from other hand-outs until the end of the transaction.
    pub struct Intake {
        pub active: bool,
        pub slots: u32,
        pub fence: i64,
        pub sealing_key: Option<String>,
    }
}

/// With what [`at_agent`] finds under that lock: another check-in may have taken work since it was looked at. `None`: the
/// agent was deleted.
pub async fn intake(
    tx: &mut Tx<'_>,
    agent: AgentId,
    now: Timestamp,
    limit: u32,
) -> Result<Option<(Intake, Vec<Active>, Vec<Queued>)>, Error> {
    let intake = format!(
        "SELECT active, slots, fence, sealing_key FROM agents WHERE id = $1 AND deleted_us IS NULL{}",
        tx.for_update()
    );
    let queued = queued_sql(tx);
    let [intakes, active, queued] = tx
        .query_each([
            (&intake, values![agent].to_vec()),
            (ACTIVE, values![agent].to_vec()),
            (&queued, values![agent, now, limit].to_vec()),
        ])
        .await?;
    // Nobody hands out the jobs of an agent without having it.
    tx.mine("agents", &[agent.0])?;
    let active = read_all(active, Active::from_row)?;
    let queued = read_all(queued, Queued::from_row)?;
    Ok(read_first(intakes, Intake::from_row)?.map(|intake| (intake, active, queued)))
}

pub async fn fence_set(tx: &mut Tx<'_>, agent: AgentId, fence: i64) -> Result<(), Error> {
    let sql = "UPDATE agents SET fence = $2 WHERE id = $1";
    tx.execute_later(sql, values![agent, fence].to_vec()).await
}

/// The order of an attempt.
#[derive(Debug, Clone, Copy)]
pub struct HandOut {
    pub number: u32,
    pub fence: i64,
    pub checkin_number: u64,
}

/// Marks a queued job as handed out and opens its attempt. A job that is not queued any more is not found: it may
/// have been cancelled since it was looked at.
pub async fn hand_out(
    tx: &mut Tx<'_>,
    job: JobId,
    order: HandOut,
    now: Timestamp,
) -> Result<AttemptId, Error> {
    let insert = format!(
        "INSERT INTO attempts (job_id, number, state, checkin_number, fence, handed_us)
         SELECT id, $2, 'pending', $3, $4, $5 FROM jobs WHERE id = $1 AND state = 'queued'{} RETURNING id",
        tx.for_update()
    );
    let values = values![job, order.number, order.checkin_number, order.fence, now];
    let id = tx.insert(&insert, &values).await.map(AttemptId)?;
    tx.mine("jobs", &[job.0])?;
    let update = "UPDATE jobs SET state = 'pending', attempt_id = $2 WHERE id = $1";
    tx.execute_later(update, values![job, id].to_vec()).await?;
    Ok(id)
}

/// The order of an attempt is handed out again, with this check-in.
pub async fn handed_again(tx: &mut Tx<'_>, attempt: AttemptId, checkin_number: u64) -> Result<(), Error> {
    let sql = "UPDATE attempts SET checkin_number = $2 WHERE id = $1";
    tx.execute(sql, &values![attempt, checkin_number])
        .await
        .map(|_| ())
}
