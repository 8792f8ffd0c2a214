//! The agents' side of this room: `/agent/v1/enroll` and `/agent/v1/credential/renew`. The check-in carries
//! orders and belongs to the jobs room.

use std::net::SocketAddr;

use axum::{
    Router,
    extract::{Request, State},
    http::{Method, Uri, request::Parts},
    routing::post,
};
use postern_protocol::{limits::AGENT_BODY_BYTES, messages, path};
use serde::de::DeserializeOwned;

use super::{enroll, gate};
use crate::{
    app::App,
    error::Result,
    http::extract::{body, parse},
};

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route(path::ENROLL, post(agent_enroll))
        .route(path::RENEW, post(credential_renew))
}

/// An admitted agent's request: who it is and what it says. The body is read only after the agent is known.
pub(crate) async fn admitted<T: DeserializeOwned>(
    app: &App,
    request: Request,
) -> Result<(gate::Admitted, T)> {
    let (method, path): (&Method, &Uri) = (request.method(), request.uri());
    let agent = gate::admit(app, request.headers(), method, path.path()).await?;
    let message = parse(&body(request, AGENT_BODY_BYTES).await?)?;
    Ok((agent, message))
}

async fn agent_enroll(
    State(app): State<App>,
    request: Request,
) -> Result<axum::Json<messages::EnrollAnswer>> {
    let (parts, rest): (Parts, _) = request.into_parts();
    let address = parts
        .extensions
        .get::<SocketAddr>()
        .map(|address| address.ip().to_string());
    let headers = parts.headers.clone();
    let message = parse(&body(Request::from_parts(parts, rest), AGENT_BODY_BYTES).await?)?;
    enroll::agent_enroll(&app, &headers, address, message)
        .await
        .map(axum::Json)
}

async fn credential_renew(
    State(app): State<App>,
    request: Request,
) -> Result<axum::Json<messages::RenewAnswer>> {
    let agent = gate::admit(&app, request.headers(), request.method(), request.uri().path()).await?;
    enroll::credential_renew(&app, &agent).await.map(axum::Json)
}
