//! What deleted agents left goes a few jobs at a time, so that work goes on beside it, and each agent with the last of its
//! jobs. Nobody sees any of it any more. The audit trail keeps what it has of them.

use postern_domain::{AgentId, TenantId, Timestamp};
use postern_store::{Tx, agents::removal, audit, tx};
use tokio::time::Instant;

use crate::{
    app::App,
    error::{Error, Result},
    pace::{Next, pause},
    rooms::jobs,
};

/// Jobs removed in one transaction.
const AT_ONCE: u32 = 200;
/// Transactions of one round: what is left is for the next.
const ROUNDS: u32 = 200;

pub(crate) async fn agents_clear(app: &App) -> Result<()> {
    let now = app.now();
    let mut after = AgentId(0);
    let mut failure = None;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let found = app
            .store
            .look::<_, Error, _>(tx!(tx => Ok(removal::deleted(tx, after).await?)))
            .await?;
        let Some((id, tenant)) = found else { break };
        let ended = app
            .store
            .write::<_, Error, _>(tx!(tx => {
                let ended = jobs::service::agent_left(tx, id, now).await?;
                if ended.count() == 0 {
                    clear(tx, id, tenant, now).await?;
                }
                Ok(ended)
            }))
            .await;
        match ended {
            Ok(ended) => ended.wake(app),
            // One that cannot be removed holds up none behind it.
            Err(error) => {
                failure = Some(error);
                after = id;
            }
        }
        if pause(app, begun).await == Next::Stop {
            break;
        }
    }
    failure.map_or(Ok(()), Err)
}

async fn clear(tx: &mut Tx<'_>, id: AgentId, tenant: TenantId, now: Timestamp) -> Result<()> {
    let found = removal::jobs_of(tx, id, AT_ONCE).await?;
    let removed = removal::remove(tx, id, &found).await?;
    if removed.is_empty() {
        return Ok(());
    }
    let after = serde_json::json!({"removed": removed.len(), "jobs": removed});
    let entry = audit::Entry {
        tenant: Some(tenant),
        after: Some(after.to_string()),
        reason: Some("Their agent was deleted".to_owned()),
        ..audit::Entry::by_system(now, "agents_clear", format!("agent:{id}"))
    };
    Ok(audit::append(tx, vec![entry]).await?)
}
