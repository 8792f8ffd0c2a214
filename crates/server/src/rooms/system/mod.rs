//! Health, readiness and metrics.

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use postern_domain::permission::Permission;
use postern_store::{jobs, system, tx};

use crate::{
    app::App,
    error::{Error, Result},
    http::caller,
    metrics::StateLabels,
};

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

/// Ready to serve: the database answers and nobody has asked the server to stop.
async fn ready(State(app): State<App>) -> Result<Response> {
    if app.shutdown.is_cancelled() {
        return Ok((StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response());
    }
    app.store
        .read::<_, Error, _>(tx!(tx => Ok(system::ping(tx).await?)))
        .await?;
    Ok("ready\n".into_response())
}

/// For Prometheus, with an API token of someone who sees the agents of the whole cluster.
async fn metrics(State(app): State<App>, request: Request) -> Result<Response> {
    let credentials = caller::Credentials::of(&request);
    let caller = caller::identify(&app, &credentials, "metrics")
        .await
        .map_err(|refused| refused.1)?;
    if caller.user.is_none() {
        return Err(caller::not_signed_in());
    }
    if !caller.reach(Permission::AgentsView).everywhere {
        return Err(Error::Forbidden(Permission::AgentsView));
    }
    let counts = app
        .store
        .scan::<_, Error, _>(tx!(tx => Ok(jobs::counts(tx).await?)))
        .await?;
    for state in ["queued", "pending", "running"] {
        let count = counts
            .iter()
            .find(|(found, _)| found.as_str() == state)
            .map_or(0, |(_, count)| *count);
        app.metrics.jobs.get_or_create(&StateLabels { state }).set(count);
    }
    app.metrics
        .polls
        .set(i64::try_from(app.hub.open_polls().len()).unwrap_or(i64::MAX));
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], app.metrics.encode()).into_response())
}
