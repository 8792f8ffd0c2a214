//! Routes of agents for operators: parsing only.

use axum::{extract::State, http::StatusCode};
use postern_api::{
    Page, Problem,
    agents::{Agent, AgentCreate, AgentEnrollment, AgentUpdate},
    groups::{Group, GroupCreate, GroupUpdate},
};
use postern_domain::{AgentId, GroupId, permission::Permission};
use utoipa_axum::routes;

use super::{
    groups,
    service::{self, OnLive},
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Access, Caller, Routes,
        extract::{Json, List, Path, Query},
        idempotency::Key,
    },
};

const VIEW: Access = Access::Permission(Permission::AgentsView);
const MANAGE: Access = Access::Permission(Permission::AgentsManage);
const INSTALL: Access = Access::Permission(Permission::AgentsInstall);

pub(crate) fn add(routes: Routes) -> Routes {
    routes
        .operation("agent_list", VIEW, routes!(agent_list))
        .operation("agent_create", INSTALL, routes!(agent_create))
        .operation("agent_show", VIEW, routes!(agent_show))
        .operation("agent_update", MANAGE, routes!(agent_update))
        .operation("agent_delete", MANAGE, routes!(agent_delete))
        .operation("agent_revoke", MANAGE, routes!(agent_revoke))
        .operation("group_list", VIEW, routes!(group_list))
        .operation("group_create", MANAGE, routes!(group_create))
        .operation("group_show", VIEW, routes!(group_show))
        .operation("group_update", MANAGE, routes!(group_update))
        .operation("group_delete", MANAGE, routes!(group_delete))
        .operation(
            "enrollment_token_create",
            INSTALL,
            routes!(enrollment_token_create),
        )
}

/// Agents. Filters: name, organization, department, active, health, connection, credential, version, os,
/// label (`label:env=prod`). Sort: name, created_at, last_seen_at.
#[utoipa::path(get, path = "/api/v1/agents", tag = "agents", params(crate::http::extract::ListParameters),
    responses((status = 200, body = Page<Agent>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn agent_list(State(app): State<App>, caller: Caller, list: List) -> Result<axum::Json<Page<Agent>>> {
    service::agent_list(&app, &caller, list).await.map(axum::Json)
}

/// Create an agent and its enrolment token. Token and commands are shown once.
#[utoipa::path(post, path = "/api/v1/agents", tag = "agents", request_body = AgentCreate,
    responses((status = 201, body = AgentEnrollment), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn agent_create(
    State(app): State<App>,
    caller: Caller,
    key: Key,
    Json(request): Json<AgentCreate>,
) -> Result<(StatusCode, axum::Json<AgentEnrollment>)> {
    Ok((
        StatusCode::CREATED,
        axum::Json(service::agent_create(&app, &caller, request, key).await?),
    ))
}

#[utoipa::path(get, path = "/api/v1/agents/{id}", tag = "agents", params(("id" = i64, Path)),
    responses((status = 200, body = Agent), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn agent_show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<AgentId>,
) -> Result<axum::Json<Agent>> {
    service::agent_show(&app, &caller, id).await.map(axum::Json)
}

#[utoipa::path(patch, path = "/api/v1/agents/{id}", tag = "agents", params(("id" = i64, Path)), request_body = AgentUpdate,
    responses((status = 200, body = Agent), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn agent_update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<AgentId>,
    Json(request): Json<AgentUpdate>,
) -> Result<axum::Json<Agent>> {
    service::agent_update(&app, &caller, id, request)
        .await
        .map(axum::Json)
}

/// Delete an agent with its jobs. Refused while its credential is live, unless `revoke` is true.
#[utoipa::path(delete, path = "/api/v1/agents/{id}", tag = "agents", params(("id" = i64, Path), ("revoke" = Option<bool>, Query)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn agent_delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<AgentId>,
    query: Query,
) -> Result<StatusCode> {
    let on_live = match query.only("revoke")?.as_deref() {
        None | Some("false") => OnLive::Refuse,
        Some("true") => OnLive::Revoke,
        Some(_) => return Err(Error::invalid("revoke", "must be true or false")),
    };
    service::agent_delete(&app, &caller, id, on_live)
        .await
        .map(|()| StatusCode::NO_CONTENT)
}

/// Shut out the agent's credential and its waiting enrolment token, at once and on open connections.
#[utoipa::path(post, path = "/api/v1/agents/{id}/revoke", tag = "agents", params(("id" = i64, Path)),
    responses((status = 200, body = Agent), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn agent_revoke(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<AgentId>,
) -> Result<axum::Json<Agent>> {
    service::agent_revoke(&app, &caller, id).await.map(axum::Json)
}

/// A new enrolment token for the same agent; the one before is revoked.
#[utoipa::path(post, path = "/api/v1/agents/{id}/enrollment-token", tag = "agents", params(("id" = i64, Path)),
    responses((status = 201, body = AgentEnrollment), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn enrollment_token_create(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<AgentId>,
    key: Key,
) -> Result<(StatusCode, axum::Json<AgentEnrollment>)> {
    Ok((
        StatusCode::CREATED,
        axum::Json(service::enrollment_token_create(&app, &caller, id, key).await?),
    ))
}

/// Saved groups of hosts. Sort: name.
#[utoipa::path(get, path = "/api/v1/groups", tag = "agents", params(crate::http::extract::ListParameters),
    responses((status = 200, body = Page<Group>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn group_list(State(app): State<App>, caller: Caller, list: List) -> Result<axum::Json<Page<Group>>> {
    groups::group_list(&app, &caller, list).await.map(axum::Json)
}

#[utoipa::path(post, path = "/api/v1/groups", tag = "agents", request_body = GroupCreate,
    responses((status = 201, body = Group), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn group_create(
    State(app): State<App>,
    caller: Caller,
    key: Key,
    Json(request): Json<GroupCreate>,
) -> Result<(StatusCode, axum::Json<Group>)> {
    let group = groups::group_create(&app, &caller, request, key).await?;
    Ok((StatusCode::CREATED, axum::Json(group)))
}

#[utoipa::path(get, path = "/api/v1/groups/{id}", tag = "agents", params(("id" = i64, Path)),
    responses((status = 200, body = Group), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn group_show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<GroupId>,
) -> Result<axum::Json<Group>> {
    groups::group_show(&app, &caller, id).await.map(axum::Json)
}

#[utoipa::path(patch, path = "/api/v1/groups/{id}", tag = "agents", params(("id" = i64, Path)), request_body = GroupUpdate,
    responses((status = 200, body = Group), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn group_update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<GroupId>,
    Json(request): Json<GroupUpdate>,
) -> Result<axum::Json<Group>> {
    groups::group_update(&app, &caller, id, request)
        .await
        .map(axum::Json)
}

#[utoipa::path(delete, path = "/api/v1/groups/{id}", tag = "agents", params(("id" = i64, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn group_delete(State(app): State<App>, caller: Caller, Path(id): Path<GroupId>) -> Result<StatusCode> {
    groups::group_delete(&app, &caller, id)
        .await
        .map(|()| StatusCode::NO_CONTENT)
}
