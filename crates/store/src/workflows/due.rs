//! What there is to do for instances, read in as few round trips as it takes.

use postern_domain::{ApprovalId, ExecutionId, InstanceId, Timestamp};

use super::{
    instances::{self, Instance},
    step_runs::{self, StepRun},
};
use crate::{
    Error, Tx,
    engine::{read_all, read_first, values},
    outbox::{self, News},
};

/// Of each kind the oldest.
#[derive(Debug)]
pub struct Due {
    pub news: Vec<News>,
    /// A run whose wait is over, and since when.
    pub timers: Vec<(InstanceId, u32, Timestamp)>,
    /// Open approvals whose time is over.
    pub late: Vec<(ApprovalId, InstanceId)>,
    /// Open approvals of which somebody should be reminded.
    pub silent: Vec<(ApprovalId, InstanceId)>,
}

pub async fn due(tx: &mut Tx<'_>, now: Timestamp, limit: u32) -> Result<Due, Error> {
    let timers = "SELECT t.instance_id, t.run, t.due_us FROM instance_timers t WHERE t.due_us <= $1 ORDER BY t.due_us LIMIT $2";
    let late = "SELECT p.id, p.instance_id FROM approvals p WHERE p.state = 'open' AND p.deadline_us <= $1 ORDER BY p.deadline_us LIMIT $2";
    let silent = "SELECT p.id, p.instance_id FROM approvals p WHERE p.state = 'open' AND p.remind_us <= $1 ORDER BY p.remind_us LIMIT $2";
    let values = || values![now, limit].to_vec();
    let [news, timers, late, silent] = tx
        .query_each([
            (outbox::WAITING, values![limit].to_vec()),
            (timers, values()),
            (late, values()),
            (silent, values()),
        ])
        .await?;
    Ok(Due {
        news: read_all(news, News::from_row)?,
        timers: read_all(timers, |mut row| Ok((row.take(0)?, row.take(1)?, row.take(2)?)))?,
        late: read_all(late, |mut row| Ok((row.take(0)?, row.take(1)?)))?,
        silent: read_all(silent, |mut row| Ok((row.take(0)?, row.take(1)?)))?,
    })
}

/// News of jobs of one execution that ended, taken away.
#[derive(Debug)]
pub struct JobsEnded {
    /// Kept from others, as by [`instances::find`].
    pub instance: Option<Instance>,
    /// The run whose current try the execution is.
    pub run: Option<StepRun>,
    /// Whether another job of the execution has not ended.
    pub open: bool,
}

/// As [`outbox::take`] for all that is known of an execution. `None`: somebody else has it, or had it.
pub async fn take_jobs_ended(
    tx: &mut Tx<'_>,
    news: &[i64],
    execution: ExecutionId,
) -> Result<Option<JobsEnded>, Error> {
    let open = "SELECT o.id FROM jobs o WHERE o.execution_id = $1 AND o.state IN ('queued', 'pending', 'running') LIMIT 1";
    let ((free, free_values), instance) = (outbox::free(tx, news), instances::by_execution_sql(tx));
    let of_execution = || values![execution].to_vec();
    let [found, instances, runs, open] = tx
        .query_each([
            (&free, free_values),
            // The instance before what belongs to it: two jobs of one step may end at the same moment.
            (&instance, of_execution()),
            (step_runs::OF_EXECUTION, of_execution()),
            (open, of_execution()),
        ])
        .await?;
    let instance = read_first(instances, Instance::from_row)?;
    tx.mine("instances", instance.as_ref().map(|found| found.id.0).as_slice())?;
    if outbox::taken(tx, found).await? == 0 {
        return Ok(None);
    }
    Ok(Some(JobsEnded {
        instance,
        run: read_first(runs, StepRun::from_row)?,
        open: !open.is_empty(),
    }))
}
