//! How a new agent gets onto its host: the commands shown once, and what the install command fetches.
//!
//! The commands carry what makes them safe without a public certificate: the enrolment token names the CA, and
//! curl is told the server's public key.

use axum::{
    Router,
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use postern_api::agents::{Agent, AgentEnrollment};
use postern_domain::Timestamp;
use postern_protocol::enrollment::EnrollmentToken;

use crate::{
    app::{App, Site},
    error::{Error, Result},
};

const SCRIPT: &str = include_str!("install.sh");

pub(super) fn enrollment(
    site: &Site,
    agent: Agent,
    token: &EnrollmentToken,
    expires_at: Timestamp,
) -> AgentEnrollment {
    let (server, token, name) = (&site.public_url, token.reveal(), container_name(&agent.name));
    let version = env!("CARGO_PKG_VERSION");
    let pin = STANDARD.encode(site.key_sha256);
    AgentEnrollment {
        docker_command: format!(
            "docker run -d --name {name} --restart unless-stopped -v {name}:/var/lib/postern-agent \
             -e POSTERN_AGENT_SERVER={server} -e POSTERN_AGENT_TOKEN={token} postern/agent:{version}"
        ),
        install_command: format!(
            "curl -fsSk --pinnedpubkey 'sha256//{pin}' {server}/agent/install.sh | \
             POSTERN_AGENT_TOKEN={token} sh -s -- {server} 'sha256//{pin}'"
        ),
        run_command: format!(
            "postern-agent run --server {server} --token {token} --data /var/lib/postern-agent"
        ),
        agent,
        enrollment_token: token,
        expires_at,
    }
}

/// Container names are ASCII; an agent's name may be more.
fn container_name(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "._-".contains(c) {
                c
            } else {
                '-'
            }
        })
        .collect();
    format!("postern-agent-{plain}")
}

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route(
            "/agent/install.sh",
            get(|| async { ([(header::CONTENT_TYPE, "text/x-shellscript")], SCRIPT) }),
        )
        .route("/agent/ca.pem", get(ca))
        .route("/agent/postern-agent", get(program))
}

async fn ca(State(app): State<App>) -> Response {
    (
        [(header::CONTENT_TYPE, "application/x-pem-file")],
        app.site.ca_pem.clone(),
    )
        .into_response()
}

async fn program(State(app): State<App>) -> Result<Response> {
    let missing = |error: std::io::Error| {
        tracing::warn!(%error, path = %app.site.agent_binary.display(), "the agent program cannot be offered");
        Error::not_found("file", "postern-agent (the operator sets it with --agent-binary)")
    };
    let bytes = tokio::fs::read(&app.site.agent_binary).await.map_err(missing)?;
    Ok((
        [(header::CONTENT_TYPE, "application/octet-stream")],
        Body::from(bytes),
    )
        .into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn container_names_are_plain() {
        assert_eq!(container_name("web-1.example"), "postern-agent-web-1.example");
        assert_eq!(container_name("Straße"), "postern-agent-Stra-e");
    }
}
