//! What became of ticks long ago is forgotten as the jobs of that time are, a few rows at a time. The latest tick of each
//! schedule stays.

use postern_store::{audit, schedules, tx};

use crate::{
    app::App,
    error::{Error, Result},
};

/// Rows removed in one transaction.
const AT_ONCE: u32 = 500;
/// Transactions of one round: what is left is for the next.
const ROUNDS: u32 = 50;

pub(crate) async fn schedule_ticks_expire(app: &App) -> Result<()> {
    let Some((before, days)) = app.kept_since() else {
        return Ok(());
    };
    let now = app.now();
    for _ in 0..ROUNDS {
        let removed = app
            .store
            .write::<_, Error, _>(tx!(tx => {
                let removed = schedules::ticks_remove(tx, before, AT_ONCE).await?;
                if removed > 0 {
                    let entry = audit::Entry {
                        after: Some(serde_json::json!({"removed": removed, "before": before}).to_string()),
                        reason: Some(format!("Older than {days} days")),
                        ..audit::Entry::by_system(now, "schedule_ticks_expire", format!("schedule_ticks:{removed}"))
                    };
                    audit::append(tx, vec![entry]).await?;
                }
                Ok(removed)
            }))
            .await?;
        if removed < u64::from(AT_ONCE) || app.shutdown.is_cancelled() {
            break;
        }
    }
    Ok(())
}
