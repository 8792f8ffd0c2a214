//! Instances that ended long ago are removed as the jobs of that time are, and those of deleted workflows as soon as nobody
//! waits for them; a few at a time. The audit trail keeps what it has of them.

use postern_domain::WorkflowId;
use postern_store::{
    audit, tx,
    workflows::{ends, removal},
};
use tokio::time::Instant;

use crate::{
    app::App,
    error::{Error, Result},
    pace::{Next, pause},
};

/// Removed in one transaction: instances, each of which may have a thousand runs, or what was kept of executions.
const AT_ONCE: u32 = 20;
/// Transactions of one round: what is left is for the next.
const ROUNDS: u32 = 200;

pub(crate) async fn instances_expire(app: &App) -> Result<()> {
    let Some((before, days)) = app.kept_since() else {
        return Ok(());
    };
    let now = app.now();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let removed = app
            .store
            .write::<_, Error, _>(tx!(tx => {
                let removed = removal::remove_ended(tx, before, AT_ONCE).await?;
                if removed.is_empty() {
                    return Ok(false);
                }
                let after = serde_json::json!({"removed": removed.len(), "ended_before": before, "instances": removed});
                let entry = audit::Entry {
                    after: Some(after.to_string()),
                    reason: Some(format!("Ended more than {days} days ago")),
                    ..audit::Entry::by_system(now, "instances_expire", format!("instances:{}", removed.len()))
                };
                audit::append(tx, vec![entry]).await?;
                Ok(true)
            }))
            .await?;
        if !removed || pause(app, begun).await == Next::Stop {
            break;
        }
    }
    Ok(())
}

/// Ends of removed jobs that nobody will hear of. Nobody ever asked to keep them, so they go however long jobs are kept.
pub(crate) async fn ends_clear(app: &App) -> Result<()> {
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let found = app
            .store
            .look::<_, Error, _>(tx!(tx => Ok(ends::unheard(tx, AT_ONCE).await?)))
            .await?;
        if found.is_empty() {
            break;
        }
        app.store
            .write::<_, Error, _>(tx!(tx => {
                for execution in found {
                    ends::forget(tx, execution).await?;
                }
                Ok(())
            }))
            .await?;
        if pause(app, begun).await == Next::Stop {
            break;
        }
    }
    Ok(())
}

/// What deleted workflows left.
pub(crate) async fn workflows_clear(app: &App) -> Result<()> {
    let now = app.now();
    let mut last = WorkflowId(0);
    let mut failure = None;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let found = app
            .store
            .look::<_, Error, _>(tx!(tx => Ok(removal::deleted(tx, last).await?)))
            .await?;
        let Some((id, tenant)) = found else { break };
        let cleared = app
            .store
            .write::<_, Error, _>(tx!(tx => {
                let removed = removal::remove_deleted(tx, id, AT_ONCE).await?;
                if removed.is_empty() {
                    return Ok(());
                }
                let after = serde_json::json!({"removed": removed.len(), "instances": removed});
                let entry = audit::Entry {
                    tenant: Some(tenant),
                    after: Some(after.to_string()),
                    reason: Some("Its workflow was deleted".to_owned()),
                    ..audit::Entry::by_system(now, "workflows_clear", format!("workflow:{id}"))
                };
                Ok(audit::append(tx, vec![entry]).await?)
            }))
            .await;
        // One that cannot be removed holds up none behind it.
        if let Err(error) = cleared {
            failure = Some(error);
            last = id;
        }
        if pause(app, begun).await == Next::Stop {
            break;
        }
    }
    failure.map_or(Ok(()), Err)
}
