//! Routes of actions: parsing only.

use axum::{extract::State, http::StatusCode};
use postern_api::{
    Page, Problem,
    actions::{
        Action, ActionClone, ActionCreate, ActionDeploy, ActionDetail, ActionRestore, ActionRun,
        ActionUpdate, ActionVersion,
    },
    jobs::{JobPreview, JobsCreated},
};
use postern_domain::{ActionId, permission::Permission};
use utoipa_axum::routes;

use super::{deploy, draft, run, service};
use crate::{
    app::App,
    error::Result,
    http::{
        Access, Caller, Routes,
        extract::{Json, List, Path},
        idempotency::Key,
    },
};

const VIEW: Access = Access::Permission(Permission::JobsView);
const MANAGE: Access = Access::Permission(Permission::JobsManage);

pub(crate) fn add(routes: Routes) -> Routes {
    routes
        .operation("action_list", VIEW, routes!(action_list))
        .operation("action_create", MANAGE, routes!(action_create))
        .operation("action_show", VIEW, routes!(action_show))
        .operation("action_update", MANAGE, routes!(action_update))
        .operation("action_delete", MANAGE, routes!(action_delete))
        .operation("action_clone", MANAGE, routes!(action_clone))
        .operation("action_deploy", MANAGE, routes!(action_deploy))
        .operation("action_restore", MANAGE, routes!(action_restore))
        .operation("action_version_list", VIEW, routes!(action_version_list))
        .operation("action_version_show", VIEW, routes!(action_version_show))
        .operation("action_run", MANAGE, routes!(action_run))
        .operation("action_preview", MANAGE, routes!(action_preview))
}

/// Actions. Sort: name. Filter: name.
#[utoipa::path(get, path = "/api/v1/actions", tag = "scripts", params(crate::http::extract::ListParameters),
    responses((status = 200, body = Page<Action>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn action_list(State(app): State<App>, caller: Caller, list: List) -> Result<axum::Json<Page<Action>>> {
    service::action_list(&app, &caller, list).await.map(axum::Json)
}

/// Save an action as a draft. It runs once it is deployed.
#[utoipa::path(post, path = "/api/v1/actions", tag = "scripts", request_body = ActionCreate,
    responses((status = 201, body = ActionDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn action_create(
    State(app): State<App>,
    caller: Caller,
    key: Key,
    Json(request): Json<ActionCreate>,
) -> Result<(StatusCode, axum::Json<ActionDetail>)> {
    let made = draft::action_create(&app, &caller, request, key).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// An action with its draft, the version that runs, and what each asks for.
#[utoipa::path(get, path = "/api/v1/actions/{id}", tag = "scripts", params(("id" = i64, Path)),
    responses((status = 200, body = ActionDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn action_show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ActionId>,
) -> Result<axum::Json<ActionDetail>> {
    service::action_show(&app, &caller, id).await.map(axum::Json)
}

/// Change the draft of an action, its name or its description. What runs stays as it is.
#[utoipa::path(patch, path = "/api/v1/actions/{id}", tag = "scripts", params(("id" = i64, Path)), request_body = ActionUpdate,
    responses((status = 200, body = ActionDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn action_update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ActionId>,
    Json(request): Json<ActionUpdate>,
) -> Result<axum::Json<ActionDetail>> {
    draft::action_update(&app, &caller, id, request)
        .await
        .map(axum::Json)
}

/// Delete an action with its versions; what it ran stays. One that a schedule runs is refused.
#[utoipa::path(delete, path = "/api/v1/actions/{id}", tag = "scripts", params(("id" = i64, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn action_delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ActionId>,
) -> Result<StatusCode> {
    service::action_delete(&app, &caller, id)
        .await
        .map(|()| StatusCode::NO_CONTENT)
}

/// A copy of the draft under another name.
#[utoipa::path(post, path = "/api/v1/actions/{id}/clone", tag = "scripts", params(("id" = i64, Path)), request_body = ActionClone,
    responses((status = 201, body = ActionDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn action_clone(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ActionId>,
    key: Key,
    Json(request): Json<ActionClone>,
) -> Result<(StatusCode, axum::Json<ActionDetail>)> {
    let made = draft::action_clone(&app, &caller, id, request, key).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// Make the draft the version that runs. Everything it names must be there.
#[utoipa::path(post, path = "/api/v1/actions/{id}/deploy", tag = "scripts", params(("id" = i64, Path)), request_body = ActionDeploy,
    responses((status = 201, body = ActionDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn action_deploy(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ActionId>,
    key: Key,
    Json(request): Json<ActionDeploy>,
) -> Result<(StatusCode, axum::Json<ActionDetail>)> {
    let made = deploy::action_deploy(&app, &caller, id, request, key).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// What an old version says, as the draft. It runs when it is deployed.
#[utoipa::path(post, path = "/api/v1/actions/{id}/restore", tag = "scripts", params(("id" = i64, Path)), request_body = ActionRestore,
    responses((status = 200, body = ActionDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn action_restore(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ActionId>,
    Json(request): Json<ActionRestore>,
) -> Result<axum::Json<ActionDetail>> {
    draft::action_restore(&app, &caller, id, request)
        .await
        .map(axum::Json)
}

/// Versions that were deployed, newest first.
#[utoipa::path(get, path = "/api/v1/actions/{id}/versions", tag = "scripts", params(("id" = i64, Path), crate::http::extract::ListParameters),
    responses((status = 200, body = Page<ActionVersion>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn action_version_list(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ActionId>,
    list: List,
) -> Result<axum::Json<Page<ActionVersion>>> {
    service::action_version_list(&app, &caller, id, list)
        .await
        .map(axum::Json)
}

/// What one version says.
#[utoipa::path(get, path = "/api/v1/actions/{id}/versions/{version}", tag = "scripts", params(("id" = i64, Path), ("version" = u32, Path)),
    responses((status = 200, body = ActionVersion), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn action_version_show(
    State(app): State<App>,
    caller: Caller,
    Path((id, version)): Path<(ActionId, u32)>,
) -> Result<axum::Json<ActionVersion>> {
    service::action_version_show(&app, &caller, id, version)
        .await
        .map(axum::Json)
}

/// Run the deployed version: one job per host. Open parameters are checked first; secret ones are never shown again.
#[utoipa::path(post, path = "/api/v1/actions/{id}/run", tag = "scripts", params(("id" = i64, Path)), request_body = ActionRun,
    responses((status = 201, body = JobsCreated), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn action_run(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ActionId>,
    key: Key,
    Json(request): Json<ActionRun>,
) -> Result<(StatusCode, axum::Json<JobsCreated>)> {
    let made = run::action_run(&app, &caller, id, request, key).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// What a run would do: hosts, batches and digest. Nothing is made.
#[utoipa::path(post, path = "/api/v1/actions/{id}/preview", tag = "scripts", params(("id" = i64, Path)), request_body = ActionRun,
    responses((status = 200, body = JobPreview), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn action_preview(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ActionId>,
    Json(request): Json<ActionRun>,
) -> Result<axum::Json<JobPreview>> {
    run::action_preview(&app, &caller, id, request)
        .await
        .map(axum::Json)
}
