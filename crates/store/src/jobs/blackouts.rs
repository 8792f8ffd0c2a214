//! Blackouts of host groups: jobs that were made by way of a group do not begin while its calendar has one.

use postern_domain::{AgentId, CalendarId, GroupId, JobId, Timestamp};

use crate::{
    Error, Tx,
    engine::values,
    list::{IDS, Select},
};

/// By way of which groups jobs are made.
pub async fn groups_keep(tx: &mut Tx<'_>, rows: &[(JobId, GroupId)]) -> Result<(), Error> {
    let rows = rows.iter().map(|(job, group)| values![*job, *group].to_vec());
    let head = "INSERT INTO job_groups (job_id, group_id)";
    tx.many(head, &["BIGINT", "BIGINT"], "RETURNING job_id", rows.collect())
        .await
        .map(|_| ())
}

/// By way of which groups these jobs were made.
pub async fn groups_of(tx: &mut Tx<'_>, ids: &[JobId]) -> Result<Vec<(JobId, GroupId)>, Error> {
    let mut found = Vec::new();
    for part in ids.chunks(IDS) {
        let mut select = Select::new("SELECT m.job_id, m.group_id FROM job_groups m");
        select.and_in("m.job_id", part.iter().copied());
        let (sql, values) = select.parts();
        for mut row in tx.query(sql, values).await? {
            found.push((row.take(0)?, row.take(1)?));
        }
    }
    Ok(found)
}

/// Jobs of this group that would begin now, at most `limit`.
pub async fn begin_now(
    tx: &mut Tx<'_>,
    group: GroupId,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<JobId>, Error> {
    // Sorted apart: in the order of ids SQLite would go through all there are.
    let sql = "SELECT j.id FROM jobs j WHERE j.state = 'queued' AND j.held = FALSE
               AND (j.not_before_us IS NULL OR j.not_before_us <= $2)
               AND EXISTS (SELECT 1 FROM job_groups m WHERE m.job_id = j.id AND m.group_id = $1)
               ORDER BY +j.id LIMIT $3";
    tx.query(sql, &values![group, now, limit])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}

/// Whose waiting is over.
#[derive(Debug, Clone, Copy)]
pub enum Over {
    /// That of all groups with this calendar.
    Calendar(CalendarId),
    Group(GroupId),
}

/// A blackout is over: jobs that waited for its end count their waiting for the agent from now on. Returns their agents.
pub async fn blackout_over(tx: &mut Tx<'_>, over: Over, now: Timestamp) -> Result<Vec<AgentId>, Error> {
    let (of, id) = match over {
        Over::Calendar(id) => (
            "SELECT m.job_id FROM job_groups m JOIN host_groups g ON g.id = m.group_id WHERE g.calendar_id = $1",
            id.0,
        ),
        Over::Group(id) => ("SELECT m.job_id FROM job_groups m WHERE m.group_id = $1", id.0),
    };
    let sql = format!(
        "UPDATE jobs SET due_us = $2 WHERE state = 'queued' AND held = FALSE AND due_us < $2 AND id IN ({of})
         RETURNING agent_id"
    );
    tx.query(&sql, &values![id, now])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}
