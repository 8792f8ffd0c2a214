//! Sends what waits. A try is claimed before it begins, so two servers do not send the same message at once; a server
//! that is killed meanwhile leaves it to be sent again. So a message arrives at least once, with the same id each time.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use postern_api::notify::Message;
use postern_domain::{
    DeliveryId, Timestamp,
    notify::{Channel, DeliveryState, wait_after},
};
use postern_store::{
    notify::{self, Delivery},
    tx,
};

use super::mail::{Refused, Sent};
use crate::{
    app::App,
    error::{Error, Result},
};

/// Messages looked at in one round.
const ROUND: u32 = 64;
const AT_ONCE: usize = 32;
/// Longer than tries take.
const CLAIMED: Duration = Duration::from_secs(60);
/// Characters of a reason that are kept.
const MAX_ERROR: usize = 500;

pub(crate) async fn deliveries_send(app: &App) -> Result<()> {
    loop {
        let now = app.now();
        let due = app
            .store
            .scan::<_, Error, _>(tx!(tx => Ok(notify::deliveries_due(tx, now, ROUND).await?)))
            .await?;
        if due.is_empty() || app.shutdown.is_cancelled() {
            return Ok(());
        }
        let mut tries = stream::iter(due)
            .map(|id| one(app.clone(), id))
            .buffer_unordered(AT_ONCE);
        let mut tried = false;
        while let Some(done) = tries.next().await {
            tried |= done?;
        }
        if !tried {
            return Ok(());
        }
    }
}

/// Whether there was anything to do.
async fn one(app: App, id: DeliveryId) -> Result<bool> {
    let now = app.now();
    let claimed = app
        .store
        .write::<_, Error, _>(tx!(tx => {
            Ok(notify::delivery_claim(tx, id, now, now.plus(CLAIMED)).await?)
        }))
        .await?;
    let Some(delivery) = claimed else { return Ok(false) };
    crate::failpoint::hit("after-delivery-claimed");
    let outcome = attempt(&app, &delivery).await?;
    crate::failpoint::hit("after-delivery-sent");
    let now = app.now();
    let (state, error, next) = after(outcome, delivery.attempts, now);
    let ended = (state != DeliveryState::Waiting).then_some(now);
    app.store
        .write::<_, Error, _>(tx!(tx => {
            Ok(notify::delivery_tried(tx, id, delivery.attempts, (state, error), next, ended).await?)
        }))
        .await?;
    Ok(true)
}

async fn attempt(app: &App, delivery: &Delivery) -> Result<Sent> {
    match delivery.channel {
        Channel::Webhook => super::webhooks::send(app, delivery).await,
        Channel::Email => {
            let Some(mail) = &app.mail else {
                return Ok(Err(Refused {
                    reason: "This server has no mail server: start it with POSTERN_SMTP_URL".into(),
                    for_good: false,
                }));
            };
            let message: Message = serde_json::from_str(&delivery.message).map_err(|error| {
                Error::Internal(format!("delivery {} in the database: {error}", delivery.id))
            })?;
            let id = format!("postern-{}", delivery.id);
            Ok(mail.send(&delivery.recipient, &id, &message).await)
        }
    }
}

fn after(outcome: Sent, attempts: u32, now: Timestamp) -> (DeliveryState, Option<String>, Timestamp) {
    let Err(refused) = outcome else {
        return (DeliveryState::Delivered, None, now);
    };
    let reason = refused.reason.chars().take(MAX_ERROR).collect();
    match wait_after(attempts).filter(|_| !refused.for_good) {
        Some(wait) => (DeliveryState::Waiting, Some(reason), now.plus(wait)),
        None => (DeliveryState::Dead, Some(reason), now),
    }
}
