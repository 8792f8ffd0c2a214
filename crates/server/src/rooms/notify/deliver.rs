//! Sends what waits. A try is claimed before it begins, so two servers do not send the same message at once; a server
//! that is killed meanwhile leaves it to be sent again. So a message arrives at least once, with the same id each time.
//!
//! Whatever goes wrong over one message is a failed try of that one, until it is given up, and no matter of the others.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use postern_api::notify::Message;
use postern_domain::{
    DeliveryId,
    notify::{Channel, wait_after},
};
use postern_store::{
    notify::{self, Delivery},
    tx,
};

use super::{
    failure::no_answer,
    mail::{Refused, Sent},
};
use crate::{
    app::App,
    error::{Error, Result},
};

/// Messages looked at in one round.
const ROUND: u32 = 64;
const AT_ONCE: usize = 32;
const CLAIMED: Duration = Duration::from_secs(60);
/// A try is waited for at most so long: what became of it is on record before its claim ends.
const LONGEST: Duration = Duration::from_secs(50);
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
        let tried: usize = stream::iter(due)
            .map(|id| one(app.clone(), id))
            .buffer_unordered(AT_ONCE)
            .fold(0, |count, tried| async move { count + usize::from(tried) })
            .await;
        // What is left is in other hands, or fails: the next round looks again.
        if tried == 0 {
            return Ok(());
        }
    }
}

/// Whether it was tried, and that is on record.
async fn one(app: App, id: DeliveryId) -> bool {
    match try_claimed(&app, id).await {
        Ok(tried) => tried,
        Err(error) => {
            warn(&app, id, &error.to_string());
            false
        }
    }
}

async fn try_claimed(app: &App, id: DeliveryId) -> Result<bool> {
    let now = app.now();
    let claimed = app
        .store
        .write::<_, Error, _>(tx!(tx => {
            Ok(notify::delivery_claim(tx, id, now, now.plus(CLAIMED)).await?)
        }))
        .await?;
    let Some(claimed) = claimed else { return Ok(false) };
    crate::failpoint::hit("after-delivery-claimed");
    let outcome = contained(app, &claimed).await;
    crate::failpoint::hit("after-delivery-sent");
    let now = app.now();
    app.store
        .write::<_, Error, _>(tx!(tx => {
            let Err(refused) = outcome else {
                return Ok(notify::delivery_arrived(tx, &claimed, now).await?);
            };
            let wait = wait_after(claimed.attempts).filter(|_| !refused.for_good);
            let next = wait.map(|wait| now.plus(wait));
            let reason: String = refused.reason.chars().take(MAX_ERROR).collect();
            Ok(notify::delivery_failed(tx, &claimed, reason, next, now).await?)
        }))
        .await?;
    Ok(true)
}

/// A failure of the server itself, and a panic, is a failed try like any other.
async fn contained(app: &App, claimed: &Delivery) -> Sent {
    let (inner, delivery) = (app.clone(), claimed.clone());
    let running = tokio::spawn(async move { attempt(&inner, &delivery).await });
    let failure = match tokio::time::timeout(LONGEST, running).await {
        Ok(Ok(Ok(sent))) => return sent,
        Ok(Ok(Err(error))) => error.to_string(),
        Ok(Err(panic)) => {
            app.metrics.panics.inc();
            panic.to_string()
        }
        // It is left alone, not stopped: the pool of the mail library would take up a connection that stands amid a
        // message.
        Err(_) => {
            return Err(Refused {
                reason: no_answer(LONGEST),
                for_good: false,
            });
        }
    };
    warn(app, claimed.id, &failure);
    Err(Refused {
        reason: "The server failed over it; its log says why".into(),
        for_good: false,
    })
}

fn warn(app: &App, delivery: DeliveryId, failure: &str) {
    app.metrics.background_errors.inc();
    tracing::warn!(failure, %delivery, "the server failed over a message; others are sent");
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
