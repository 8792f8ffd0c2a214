//! Background work: reconcilers that look at the database on a timer or a wake-up and do what is due. Each can
//! run at any time, on every server, any number of times.

use std::{future::Future, time::Duration};

use tokio::sync::Notify;

use postern_store::{agents, audit, idempotency, identity, jobs, system, tx};

use crate::{
    app::App,
    error::{Error, Result},
    rooms,
};

const HEARTBEATS: Duration = Duration::from_millis(1000);
const SEALING: Duration = Duration::from_millis(250);
/// Safety net behind wake-ups: queued work that is due, and jobs that time has ended.
const DUE: Duration = Duration::from_secs(1);
/// Looked back this far for revocations of other servers: longer than two rounds may be apart.
const REVOCATIONS: Duration = Duration::from_secs(10);
const SWEEP: Duration = Duration::from_secs(60);
/// Wake-ups for other servers are gathered this long.
const GATHER: Duration = Duration::from_millis(10);
const RECONNECT: Duration = Duration::from_secs(1);
/// How long a kept answer to a creation is good for.
const IDEMPOTENCY_KEPT: Duration = Duration::from_secs(24 * 3600);
const CHANNEL: &str = "postern_wake";
/// PostgreSQL takes 8,000 bytes; beyond it the others look for themselves within a second.
const MESSAGE_BYTES: usize = 7900;

pub(crate) fn start(app: &App) {
    every(app, "heartbeats", HEARTBEATS, |app| async move {
        rooms::agents::heartbeat::flush(&app).await
    });
    every(app, "sealing", SEALING, |app| async move { seal(&app).await });
    every(app, "due", DUE, |app| async move { due(&app).await });
    every_or_woken(
        app,
        "rollouts",
        DUE,
        Some(|app| &app.rollouts),
        |app| async move { rooms::jobs::rollout::executions_advance(&app).await },
    );
    every_or_woken(
        app,
        "workflows",
        DUE,
        Some(|app| &app.workflows),
        |app| async move { rooms::workflows::drive::instances_advance(&app).await },
    );
    every_or_woken(
        app,
        "deliveries",
        DUE,
        Some(|app| &app.deliveries),
        |app| async move { rooms::notify::deliver::deliveries_send(&app).await },
    );
    every(app, "schedules", DUE, |app| async move {
        rooms::schedules::tick::schedules_advance(&app).await
    });
    every(app, "blackouts", DUE, |app| async move {
        rooms::schedules::calendars::calendars_advance(&app).await?;
        rooms::jobs::blackouts::blackouts_apply(&app).await
    });
    every(app, "retention", SWEEP, |app| async move {
        rooms::jobs::retention::jobs_expire(&app).await?;
        rooms::schedules::retention::schedule_ticks_expire(&app).await?;
        rooms::workflows::retention::instances_expire(&app).await?;
        rooms::notify::retention::deliveries_expire(&app).await
    });
    every(app, "ends", SWEEP, |app| async move {
        rooms::workflows::retention::ends_clear(&app).await
    });
    every(app, "deleted agents", DUE, |app| async move {
        rooms::agents::retention::agents_clear(&app).await
    });
    every(app, "deleted workflows", DUE, |app| async move {
        rooms::workflows::retention::workflows_clear(&app).await
    });
    every(app, "sweep", SWEEP, |app| async move { sweep(&app).await });
    if app.store.engine() == postern_store::Engine::Postgres {
        let (sending, hearing) = (app.clone(), app.clone());
        app.tasks.spawn(async move {
            let stop = sending.shutdown.clone();
            tokio::select! { () = send_wake_ups(&sending) => {}, () = stop.cancelled() => {} }
        });
        app.tasks.spawn(async move {
            let stop = hearing.shutdown.clone();
            tokio::select! { () = hear_wake_ups(&hearing) => {}, () = stop.cancelled() => {} }
        });
    }
}

/// What must not be lost by a clean stop.
pub(crate) async fn finish(app: &App) {
    for (name, result) in [
        ("heartbeats", rooms::agents::heartbeat::flush(app).await),
        ("sealing", seal(app).await),
    ] {
        if let Err(error) = result {
            tracing::warn!(%error, name, "the last round failed");
        }
    }
}

fn every<F, R>(app: &App, name: &'static str, period: Duration, round: F)
where
    F: Fn(App) -> R + Send + 'static,
    R: Future<Output = Result<()>> + Send + 'static,
{
    every_or_woken(app, name, period, None, round);
}

fn every_or_woken<F, R>(
    app: &App,
    name: &'static str,
    period: Duration,
    wake: Option<fn(&App) -> &Notify>,
    round: F,
) where
    F: Fn(App) -> R + Send + 'static,
    R: Future<Output = Result<()>> + Send + 'static,
{
    let app = app.clone();
    app.tasks.clone().spawn(async move {
        let mut timer = tokio::time::interval(period);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = timer.tick() => {}
                () = woken(&app, wake) => {}
                () = app.shutdown.cancelled() => return,
            }
            // A panic ends this round, not the reconciler.
            let failure = match tokio::spawn(round(app.clone())).await {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(panic) => {
                    app.metrics.panics.inc();
                    panic.to_string()
                }
            };
            app.metrics.background_errors.inc();
            tracing::warn!(
                name,
                failure,
                "a round of background work failed; the next will try again"
            );
        }
    });
}

async fn woken(app: &App, wake: Option<fn(&App) -> &Notify>) {
    match wake {
        Some(wake) => wake(app).notified().await,
        None => std::future::pending().await,
    }
}

async fn seal(app: &App) -> Result<()> {
    loop {
        let waiting = app
            .store
            .read::<_, Error, _>(tx!(tx => Ok(audit::head(tx).await?.2)))
            .await?;
        if waiting.is_none() {
            return Ok(());
        }
        let sealed = app
            .store
            .write::<_, Error, _>(tx!(tx => Ok(audit::seal(tx).await?)))
            .await?;
        crate::failpoint::hit("after-sealed");
        if sealed < u64::from(audit::SEAL_BATCH) {
            return Ok(());
        }
    }
}

async fn due(app: &App) -> Result<()> {
    rooms::jobs::service::jobs_overdue(app).await?;
    let now = app.now();
    let agents = app
        .store
        .scan::<_, Error, _>(tx!(tx => Ok(jobs::agents_with_due_work(tx, now).await?)))
        .await?;
    app.hub.wake_here(agents);
    if app.store.engine() == postern_store::Engine::Postgres {
        // Revoked or locked on another server, whose message may have been lost.
        let since = now.minus(REVOCATIONS);
        let shut_out = app
            .store
            .scan::<_, Error, _>(tx!(tx => Ok(agents::shut_out_since(tx, since).await?)))
            .await?;
        for agent in &shut_out {
            app.gate.forget(*agent);
        }
        app.hub.wake_here(shut_out);
    }
    Ok(())
}

async fn sweep(app: &App) -> Result<()> {
    let now = app.now();
    app.hub.sweep();
    app.gate.sweep(now);
    app.limiter.sweep();
    let before = now.minus(IDEMPOTENCY_KEPT);
    app.store
        .write::<_, Error, _>(tx!(tx => {
            identity::expired_forget(tx, now).await?;
            idempotency::forget_before(tx, before).await?;
            jobs::secrets_sweep(tx).await?;
            Ok(())
        }))
        .await
}

async fn send_wake_ups(app: &App) {
    loop {
        let first = app.hub.outgoing().await;
        tokio::time::sleep(GATHER).await;
        if first.is_empty() {
            continue;
        }
        let text = app.hub.message(&first);
        if text.len() > MESSAGE_BYTES {
            continue;
        }
        let sent = app
            .store
            .write::<_, Error, _>(tx!(tx => Ok(system::notify(tx, CHANNEL, &text).await?)))
            .await;
        if let Err(error) = sent {
            tracing::debug!(%error, "wake-up not sent; the others look for themselves");
        }
    }
}

async fn hear_wake_ups(app: &App) {
    loop {
        match app.store.listen(CHANNEL).await {
            Ok(Some(mut messages)) => {
                while let Some(text) = messages.recv().await {
                    let agents = app.hub.told(&text);
                    for agent in &agents {
                        app.gate.forget(*agent);
                    }
                    app.hub.wake_here(agents);
                }
            }
            Ok(None) => return,
            Err(error) => tracing::debug!(%error, "cannot listen for wake-ups"),
        }
        tokio::time::sleep(RECONNECT).await;
    }
}
