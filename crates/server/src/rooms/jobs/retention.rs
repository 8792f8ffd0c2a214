//! Jobs that ended long ago are removed, a few at a time, so that work goes on beside it. The audit trail keeps what it
//! has of them.

use tokio::time::Instant;

use postern_store::{audit, jobs, tx};

use crate::{
    app::App,
    error::{Error, Result},
    pace::{Next, pause},
};

/// Jobs removed in one transaction.
const AT_ONCE: u32 = 200;

pub(crate) async fn jobs_expire(app: &App) -> Result<()> {
    let Some((before, days)) = app.kept_since() else {
        return Ok(());
    };
    let now = app.now();
    loop {
        let begun = Instant::now();
        let old = app
            .store
            .scan::<_, Error, _>(tx!(tx => Ok(jobs::ended_before(tx, before, AT_ONCE).await?)))
            .await?;
        if old.is_empty() || app.shutdown.is_cancelled() {
            break;
        }
        app.store
            .write::<_, Error, _>(tx!(tx => {
                let removed = jobs::remove_ended(tx, &old).await?;
                if removed.is_empty() {
                    // All of them were tried again meanwhile.
                    return Ok(());
                }
                let count = removed.len();
                let after = serde_json::json!({"removed": count, "ended_before": before, "jobs": removed});
                let entry = audit::Entry {
                    after: Some(after.to_string()),
                    reason: Some(format!("Ended more than {days} days ago")),
                    ..audit::Entry::by_system(now, "jobs_expire", format!("jobs:{count}"))
                };
                Ok(audit::append(tx, vec![entry]).await?)
            }))
            .await?;
        if pause(app, begun).await == Next::Stop {
            break;
        }
    }
    Ok(())
}
