//! Routes of scripts and libraries: parsing only.

use axum::{extract::State, http::StatusCode};
use postern_api::{
    Page, Problem,
    jobs::{JobPreview, JobsCreated},
    scripts::{
        SavedScript, ScriptCheck, ScriptClone, ScriptCreate, ScriptDetail, ScriptProblems, ScriptRestore,
        ScriptRun, ScriptUpdate, ScriptVersion, ScriptVersionLine,
    },
};
use postern_domain::{ScriptId, permission::Permission};
use utoipa_axum::routes;

use super::{run, save, service};
use crate::{
    app::App,
    error::Result,
    http::{
        Access, Caller, Routes,
        extract::{Json, List, Path},
        idempotency::Key,
    },
};

const VIEW: Access = Access::Permission(Permission::ScriptsView);
const MANAGE: Access = Access::Permission(Permission::ScriptsManage);

pub(crate) fn add(routes: Routes) -> Routes {
    routes
        .operation("script_list", VIEW, routes!(script_list))
        .operation("script_create", MANAGE, routes!(script_create))
        .operation("script_check", VIEW, routes!(script_check))
        .operation("script_show", VIEW, routes!(script_show))
        .operation("script_update", MANAGE, routes!(script_update))
        .operation("script_delete", MANAGE, routes!(script_delete))
        .operation("script_clone", MANAGE, routes!(script_clone))
        .operation("script_restore", MANAGE, routes!(script_restore))
        .operation("script_version_list", VIEW, routes!(script_version_list))
        .operation("script_version_show", VIEW, routes!(script_version_show))
        .operation("script_run", MANAGE, routes!(script_run))
        .operation("script_preview", MANAGE, routes!(script_preview))
}

/// Scripts and libraries; the search looks into their text as well. Filters: kind, language, name. Sort: name.
#[utoipa::path(get, path = "/api/v1/scripts", tag = "scripts", params(crate::http::extract::ListParameters),
    responses((status = 200, body = Page<SavedScript>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn script_list(
    State(app): State<App>,
    caller: Caller,
    list: List,
) -> Result<axum::Json<Page<SavedScript>>> {
    service::script_list(&app, &caller, list).await.map(axum::Json)
}

/// Save a new script or library, as version 1.
#[utoipa::path(post, path = "/api/v1/scripts", tag = "scripts", request_body = ScriptCreate,
    responses((status = 201, body = ScriptDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn script_create(
    State(app): State<App>,
    caller: Caller,
    key: Key,
    Json(request): Json<ScriptCreate>,
) -> Result<(StatusCode, axum::Json<ScriptDetail>)> {
    let made = save::script_create(&app, &caller, request, key).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// Look over code before it is saved, with a parser inside the server. Nothing is stored.
#[utoipa::path(post, path = "/api/v1/scripts/check", tag = "scripts", request_body = ScriptCheck,
    responses((status = 200, body = ScriptProblems), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn script_check(
    State(app): State<App>,
    Json(request): Json<ScriptCheck>,
) -> Result<axum::Json<ScriptProblems>> {
    app.script_checks.script_check(request).await.map(axum::Json)
}

/// A script with what its newest version says.
#[utoipa::path(get, path = "/api/v1/scripts/{id}", tag = "scripts", params(("id" = i64, Path)),
    responses((status = 200, body = ScriptDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn script_show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ScriptId>,
) -> Result<axum::Json<ScriptDetail>> {
    service::script_show(&app, &caller, id).await.map(axum::Json)
}

/// Change a script. A definition that differs from the newest version becomes the next one.
#[utoipa::path(patch, path = "/api/v1/scripts/{id}", tag = "scripts", params(("id" = i64, Path)), request_body = ScriptUpdate,
    responses((status = 200, body = ScriptDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn script_update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ScriptId>,
    Json(request): Json<ScriptUpdate>,
) -> Result<axum::Json<ScriptDetail>> {
    save::script_update(&app, &caller, id, request)
        .await
        .map(axum::Json)
}

/// Delete a script with its versions; what it ran stays. A library in use is refused.
#[utoipa::path(delete, path = "/api/v1/scripts/{id}", tag = "scripts", params(("id" = i64, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn script_delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ScriptId>,
) -> Result<StatusCode> {
    service::script_delete(&app, &caller, id)
        .await
        .map(|()| StatusCode::NO_CONTENT)
}

/// A copy of the newest version under another name.
#[utoipa::path(post, path = "/api/v1/scripts/{id}/clone", tag = "scripts", params(("id" = i64, Path)), request_body = ScriptClone,
    responses((status = 201, body = ScriptDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn script_clone(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ScriptId>,
    key: Key,
    Json(request): Json<ScriptClone>,
) -> Result<(StatusCode, axum::Json<ScriptDetail>)> {
    let made = save::script_clone(&app, &caller, id, request, key).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// Save what an old version says as the newest one.
#[utoipa::path(post, path = "/api/v1/scripts/{id}/restore", tag = "scripts", params(("id" = i64, Path)), request_body = ScriptRestore,
    responses((status = 200, body = ScriptDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn script_restore(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ScriptId>,
    Json(request): Json<ScriptRestore>,
) -> Result<axum::Json<ScriptDetail>> {
    save::script_restore(&app, &caller, id, request)
        .await
        .map(axum::Json)
}

/// Versions, newest first.
#[utoipa::path(get, path = "/api/v1/scripts/{id}/versions", tag = "scripts", params(("id" = i64, Path), crate::http::extract::ListParameters),
    responses((status = 200, body = Page<ScriptVersionLine>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn script_version_list(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ScriptId>,
    list: List,
) -> Result<axum::Json<Page<ScriptVersionLine>>> {
    service::script_version_list(&app, &caller, id, list)
        .await
        .map(axum::Json)
}

/// What one version says.
#[utoipa::path(get, path = "/api/v1/scripts/{id}/versions/{version}", tag = "scripts", params(("id" = i64, Path), ("version" = u32, Path)),
    responses((status = 200, body = ScriptVersion), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn script_version_show(
    State(app): State<App>,
    caller: Caller,
    Path((id, version)): Path<(ScriptId, u32)>,
) -> Result<axum::Json<ScriptVersion>> {
    service::script_version_show(&app, &caller, id, version)
        .await
        .map(axum::Json)
}

/// Run a script: one job per host. Parameters are checked first; secret ones are never shown again.
#[utoipa::path(post, path = "/api/v1/scripts/{id}/run", tag = "scripts", params(("id" = i64, Path)), request_body = ScriptRun,
    responses((status = 201, body = JobsCreated), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn script_run(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ScriptId>,
    key: Key,
    Json(request): Json<ScriptRun>,
) -> Result<(StatusCode, axum::Json<JobsCreated>)> {
    let made = run::script_run(&app, &caller, id, request, key).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// What a run would do: hosts, batches and digest. Nothing is made.
#[utoipa::path(post, path = "/api/v1/scripts/{id}/preview", tag = "scripts", params(("id" = i64, Path)), request_body = ScriptRun,
    responses((status = 200, body = JobPreview), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn script_preview(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ScriptId>,
    Json(request): Json<ScriptRun>,
) -> Result<axum::Json<JobPreview>> {
    run::script_preview(&app, &caller, id, request)
        .await
        .map(axum::Json)
}
