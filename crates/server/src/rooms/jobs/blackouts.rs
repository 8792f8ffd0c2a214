//! Blackouts of host groups. A job that was made by way of a group with a calendar is not handed out while the calendar
//! has a blackout: it waits and says until when, or is cancelled and says why.

use std::collections::HashMap;

use postern_api::groups::BlackoutJobs;
use postern_domain::{JobId, Timestamp, job::Event};
use postern_store::{
    Tx,
    agents::groups::{self, Dark},
    jobs, tx,
};

use super::{convert::blackout_text, transition::apply_by_system};
use crate::{
    app::App,
    error::{Error, Result},
    hub::News,
};

/// Jobs cancelled in one transaction.
const AT_ONCE: u32 = 500;

/// Cancels the jobs that would begin now and are not to wait.
pub(crate) async fn blackouts_apply(app: &App) -> Result<()> {
    let now = app.now();
    let dark = app
        .store
        .read::<_, Error, _>(tx!(tx => Ok(groups::dark(tx, now).await?)))
        .await?;
    for dark in dark
        .into_iter()
        .filter(|dark| dark.jobs == BlackoutJobs::Skip.as_str())
    {
        let changed = app.store.write(tx!(tx => skip(tx, &dark, now).await)).await?;
        for (job, freed) in changed {
            app.hub.job_changed(job, News::State);
            app.hub.wake(freed);
        }
    }
    Ok(())
}

type Changed = Vec<(JobId, Vec<postern_domain::AgentId>)>;

async fn skip(tx: &mut Tx<'_>, dark: &Dark, now: Timestamp) -> Result<Changed> {
    let mut changed = Vec::new();
    for id in jobs::begin_now(tx, dark.group_id, now, AT_ONCE).await? {
        let Some(machine) = jobs::machine(tx, id).await? else {
            continue;
        };
        let reason = format!("Not started: {}", blackout_text(dark));
        let change = apply_by_system(tx, &machine, Event::Dropped { reason }, now).await?;
        if change.ended().is_some() {
            changed.push((id, change.freed));
        }
    }
    Ok(changed)
}

/// For each of these jobs that is in a blackout now, the one that lasts longest.
pub(super) async fn dark_of(tx: &mut Tx<'_>, ids: &[JobId], now: Timestamp) -> Result<HashMap<JobId, Dark>> {
    let mut found: HashMap<JobId, Dark> = HashMap::new();
    if ids.is_empty() {
        return Ok(found);
    }
    let dark = groups::dark(tx, now).await?;
    if dark.is_empty() {
        return Ok(found);
    }
    for (job, group) in jobs::groups_of(tx, ids).await? {
        let Some(dark) = dark.iter().find(|dark| dark.group_id == group) else {
            continue;
        };
        if found.get(&job).is_none_or(|known| known.until < dark.until) {
            found.insert(job, dark.clone());
        }
    }
    Ok(found)
}

/// As [`dark_of`], for one job, if it waits at all.
pub(super) async fn dark_for(tx: &mut Tx<'_>, job: &jobs::Job, now: Timestamp) -> Result<Option<Dark>> {
    if job.state != postern_domain::job::JobState::Queued {
        return Ok(None);
    }
    Ok(dark_of(tx, &[job.id], now).await?.remove(&job.id))
}
