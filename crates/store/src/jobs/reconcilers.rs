//! What the server asks for by itself: jobs that wait, and jobs that time has ended.

use postern_domain::{
    AgentId, JobId, Timestamp,
    agent::SEEN_WITHIN,
    job::{JobState, STALE_AFTER},
};

use crate::{Error, Tx, engine::values};

/// Those of an agent that have not ended, at most `limit` of them, by id.
pub async fn open_at(tx: &mut Tx<'_>, agent: AgentId, limit: u32) -> Result<Vec<JobId>, Error> {
    // Each part has an index of its own.
    let in_hand = "SELECT id FROM jobs WHERE agent_id = $1 AND state IN ('pending', 'running') LIMIT $2";
    let queued =
        "SELECT id FROM jobs WHERE agent_id = $1 AND state = 'queued' ORDER BY priority, id LIMIT $2";
    let values = || values![agent, limit].to_vec();
    let [in_hand, queued] = tx.query_each([(in_hand, values()), (queued, values())]).await?;
    let mut open = in_hand
        .into_iter()
        .chain(queued)
        .take(limit as usize)
        .map(|row| row.read(0))
        .collect::<Result<Vec<JobId>, Error>>()?;
    open.sort_unstable();
    Ok(open)
}

/// Agents with queued work that is due and that could take it: not necessarily connected.
pub async fn agents_with_due_work(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<AgentId>, Error> {
    let seen = now.minus(SEEN_WITHIN);
    let sql = concat!(
        "SELECT a.id FROM agents a WHERE a.active = TRUE AND a.deleted_us IS NULL AND a.last_seen_us >= $1 AND a.id IN
         (SELECT j.agent_id FROM jobs j WHERE j.state = 'queued'
          AND (j.not_before_us IS NULL OR j.not_before_us <= $2) AND ",
        free!(blackout ends "> $2"),
        ")"
    );
    tx.query(sql, &values![seen, now])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}

/// Jobs that time has ended, by the rules of `domain::job` for a tick: stale in the queue, or in the hands of an
/// agent that fell silent. A candidate that was none would keep others out of the limit.
pub async fn overdue(tx: &mut Tx<'_>, now: Timestamp, limit: u32) -> Result<Vec<JobId>, Error> {
    let stale = now.minus(STALE_AFTER);
    let sql = concat!(
        "SELECT j.id FROM jobs j WHERE j.state = 'queued' AND j.due_us < $1 AND ",
        // Whoever waited for the end of a blackout waits for the agent since then.
        free!(blackout ends ">= $1"),
        " UNION ALL
               SELECT j.id FROM jobs j JOIN agents a ON a.id = j.agent_id LEFT JOIN attempts t ON t.id = j.attempt_id
               WHERE j.state IN ('pending', 'running')
               AND coalesce(a.last_seen_us, t.handed_us, j.due_us) < CASE j.state WHEN 'running' THEN $2 ELSE $1 END - j.timeout_seconds * 2000000
               AND CASE j.state WHEN 'running' THEN coalesce(j.started_us, j.due_us) ELSE j.due_us END
                   < CASE j.state WHEN 'running' THEN $2 ELSE $1 END - j.timeout_seconds * 2000000
               AND coalesce(t.handed_us, 0)
                   < CASE j.state WHEN 'running' THEN $2 ELSE $1 END - j.timeout_seconds * 2000000
               LIMIT $3"
    );
    tx.query(sql, &values![stale, now, limit])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}

/// How many jobs are in each state that is not final, for the metrics; states without jobs are left out.
pub async fn counts(tx: &mut Tx<'_>) -> Result<Vec<(JobState, i64)>, Error> {
    // In two parts, each of which has an index of its own.
    let sql = "SELECT 'queued', count(*) FROM jobs WHERE state = 'queued'
               UNION ALL
               SELECT state, count(*) FROM jobs WHERE state IN ('pending', 'running') GROUP BY state";
    let mut counts = Vec::new();
    for mut row in tx.query(sql, &[]).await? {
        let (state, count) = (row.take(0)?, row.take(1)?);
        if count > 0 {
            counts.push((state, count));
        }
    }
    Ok(counts)
}
