//! Instances that ended long ago are removed as the jobs of that time are, a few at a time. The audit trail keeps what it
//! has of them.

use postern_store::{audit, tx, workflows::instances};

use crate::{
    app::App,
    error::{Error, Result},
};

/// Instances removed in one transaction: each may have a thousand runs.
const AT_ONCE: u32 = 20;
/// Transactions of one round: what is left is for the next.
const ROUNDS: u32 = 200;

pub(crate) async fn instances_expire(app: &App) -> Result<()> {
    let Some((before, days)) = app.kept_since() else {
        return Ok(());
    };
    let now = app.now();
    for _ in 0..ROUNDS {
        let removed = app
            .store
            .write::<_, Error, _>(tx!(tx => {
                let removed = instances::remove_ended(tx, before, AT_ONCE).await?;
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
        if !removed || app.shutdown.is_cancelled() {
            break;
        }
    }
    Ok(())
}
