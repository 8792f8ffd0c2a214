//! The agents' side of this room: check-in, output, result.

use axum::{
    Router,
    extract::{Request, State},
    routing::post,
};
use postern_domain::AttemptId;
use postern_protocol::{messages, path};

use super::{checkin, report};
use crate::{app::App, error::Result, http::extract::Path, rooms::agents::gateway::admitted};

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route(path::CHECKIN, post(agent_checkin))
        .route("/agent/v1/attempts/{id}/output", post(attempt_output))
        .route("/agent/v1/attempts/{id}/result", post(attempt_result))
}

async fn agent_checkin(
    State(app): State<App>,
    request: Request,
) -> Result<axum::Json<messages::CheckinAnswer>> {
    // On the heap only while it lasts: thousands of check-ins wait behind it.
    let (agent, message) = Box::pin(admitted(&app, request)).await?;
    checkin::agent_checkin(&app, &agent, message)
        .await
        .map(axum::Json)
}

async fn attempt_output(
    State(app): State<App>,
    Path(id): Path<AttemptId>,
    request: Request,
) -> Result<axum::Json<messages::OutputAnswer>> {
    let (agent, message) = admitted(&app, request).await?;
    report::attempt_output(&app, &agent, id, message)
        .await
        .map(axum::Json)
}

async fn attempt_result(
    State(app): State<App>,
    Path(id): Path<AttemptId>,
    request: Request,
) -> Result<axum::Json<messages::ResultAnswer>> {
    let (agent, message) = admitted(&app, request).await?;
    report::attempt_result(&app, &agent, id, message)
        .await
        .map(axum::Json)
}
