//! Routes of workflows and their instances: parsing only.

use std::sync::Arc;

use axum::{Extension, extract::State, http::StatusCode, response::IntoResponse};
use postern_api::{
    Page, Problem,
    workflows::{
        Instance, InstanceAgain, InstanceCancel, InstanceCreate, InstanceDetail, InstanceEvent, Workflow,
        WorkflowCheck, WorkflowChecked, WorkflowClone, WorkflowCreate, WorkflowDetail, WorkflowPublish,
        WorkflowRestore, WorkflowTemplates, WorkflowUpdate, WorkflowVersion,
    },
};
use postern_domain::{InstanceId, WorkflowId, permission::Permission};
use utoipa_axum::routes;

use super::{
    again::{Again, instance_again},
    draft, events, instances, publish, save, service,
};
use crate::{
    app::App,
    error::Result,
    http::{
        Access, Caller, Routes,
        caller::Credentials,
        extract::{Json, List, Path},
        idempotency::Key,
    },
};

const VIEW: Access = Access::Permission(Permission::WorkflowsView);
const MANAGE: Access = Access::Permission(Permission::WorkflowsManage);

pub(crate) fn add(routes: Routes) -> Routes {
    routes
        .operation("workflow_list", VIEW, routes!(workflow_list))
        .operation("workflow_create", MANAGE, routes!(workflow_create))
        .operation("workflow_check", VIEW, routes!(workflow_check))
        .operation("workflow_schema", VIEW, routes!(workflow_schema))
        .operation("workflow_show", VIEW, routes!(workflow_show))
        .operation("workflow_update", MANAGE, routes!(workflow_update))
        .operation("workflow_delete", MANAGE, routes!(workflow_delete))
        .operation("workflow_clone", MANAGE, routes!(workflow_clone))
        .operation("workflow_publish", MANAGE, routes!(workflow_publish))
        .operation("workflow_restore", MANAGE, routes!(workflow_restore))
        .operation("workflow_version_list", VIEW, routes!(workflow_version_list))
        .operation("workflow_version_show", VIEW, routes!(workflow_version_show))
        .operation("instance_create", MANAGE, routes!(instance_create))
        .operation("instance_list", VIEW, routes!(instance_list))
        .operation("instance_show", VIEW, routes!(instance_show))
        .operation("instance_watch", VIEW, routes!(instance_watch))
        .operation("instance_event_list", VIEW, routes!(instance_event_list))
        .operation("instance_cancel", MANAGE, routes!(instance_cancel))
        .operation("instance_retry", MANAGE, routes!(instance_retry))
        .operation("instance_rerun", MANAGE, routes!(instance_rerun))
        .operation("workflow_template_list", VIEW, routes!(workflow_template_list))
}

/// Workflows. Sort: name. Filter: name.
#[utoipa::path(get, path = "/api/v1/workflows", tag = "workflows", params(crate::http::extract::ListParameters),
    responses((status = 200, body = Page<Workflow>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn workflow_list(
    State(app): State<App>,
    caller: Caller,
    list: List,
) -> Result<axum::Json<Page<Workflow>>> {
    service::workflow_list(&app, &caller, list).await.map(axum::Json)
}

/// Save a workflow as a draft. It runs once it is published.
#[utoipa::path(post, path = "/api/v1/workflows", tag = "workflows", request_body = WorkflowCreate,
    responses((status = 201, body = WorkflowDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn workflow_create(
    State(app): State<App>,
    caller: Caller,
    key: Key,
    Json(request): Json<WorkflowCreate>,
) -> Result<(StatusCode, axum::Json<WorkflowDetail>)> {
    let made = save::workflow_create(&app, &caller, request, key).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// What is wrong with a definition, and what is doubtful. Nothing is saved.
#[utoipa::path(post, path = "/api/v1/workflow-checks", tag = "workflows", request_body = WorkflowCheck,
    responses((status = 200, body = WorkflowChecked), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn workflow_check(Json(request): Json<WorkflowCheck>) -> Result<axum::Json<WorkflowChecked>> {
    draft::workflow_check(request).map(axum::Json)
}

/// The JSON Schema of workflows, for editors of JSON and YAML.
#[utoipa::path(get, path = "/api/v1/workflow-schema", tag = "workflows",
    responses((status = 200, body = serde_json::Value), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn workflow_schema() -> axum::Json<serde_json::Value> {
    axum::Json(postern_domain::workflow::json_schema())
}

/// A workflow with its draft and the version that runs.
#[utoipa::path(get, path = "/api/v1/workflows/{id}", tag = "workflows", params(("id" = i64, Path)),
    responses((status = 200, body = WorkflowDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn workflow_show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<WorkflowId>,
) -> Result<axum::Json<WorkflowDetail>> {
    service::workflow_show(&app, &caller, id).await.map(axum::Json)
}

/// Change the draft of a workflow, its name or its description. What runs stays as it is.
#[utoipa::path(patch, path = "/api/v1/workflows/{id}", tag = "workflows", params(("id" = i64, Path)), request_body = WorkflowUpdate,
    responses((status = 200, body = WorkflowDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn workflow_update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<WorkflowId>,
    Json(request): Json<WorkflowUpdate>,
) -> Result<axum::Json<WorkflowDetail>> {
    save::workflow_update(&app, &caller, id, request)
        .await
        .map(axum::Json)
}

/// Delete a workflow with its versions and its ended instances; the jobs stay. One with instances that run is refused, and
/// the refusal names them.
#[utoipa::path(delete, path = "/api/v1/workflows/{id}", tag = "workflows", params(("id" = i64, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn workflow_delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<WorkflowId>,
) -> Result<StatusCode> {
    service::workflow_delete(&app, &caller, id)
        .await
        .map(|()| StatusCode::NO_CONTENT)
}

/// A copy of the draft under another name.
#[utoipa::path(post, path = "/api/v1/workflows/{id}/clone", tag = "workflows", params(("id" = i64, Path)), request_body = WorkflowClone,
    responses((status = 201, body = WorkflowDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn workflow_clone(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<WorkflowId>,
    key: Key,
    Json(request): Json<WorkflowClone>,
) -> Result<(StatusCode, axum::Json<WorkflowDetail>)> {
    let made = save::workflow_clone(&app, &caller, id, request, key).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// Make the draft the version that runs. Instances keep the version they began with.
#[utoipa::path(post, path = "/api/v1/workflows/{id}/publish", tag = "workflows", params(("id" = i64, Path)), request_body = WorkflowPublish,
    responses((status = 201, body = WorkflowDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn workflow_publish(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<WorkflowId>,
    key: Key,
    Json(request): Json<WorkflowPublish>,
) -> Result<(StatusCode, axum::Json<WorkflowDetail>)> {
    let made = publish::workflow_publish(&app, &caller, id, request, key).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// Make what an old version says the draft.
#[utoipa::path(post, path = "/api/v1/workflows/{id}/restore", tag = "workflows", params(("id" = i64, Path)), request_body = WorkflowRestore,
    responses((status = 200, body = WorkflowDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn workflow_restore(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<WorkflowId>,
    Json(request): Json<WorkflowRestore>,
) -> Result<axum::Json<WorkflowDetail>> {
    save::workflow_restore(&app, &caller, id, request)
        .await
        .map(axum::Json)
}

/// Published versions, newest first.
#[utoipa::path(get, path = "/api/v1/workflows/{id}/versions", tag = "workflows", params(("id" = i64, Path), crate::http::extract::ListParameters),
    responses((status = 200, body = Page<WorkflowVersion>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn workflow_version_list(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<WorkflowId>,
    list: List,
) -> Result<axum::Json<Page<WorkflowVersion>>> {
    service::workflow_version_list(&app, &caller, id, list)
        .await
        .map(axum::Json)
}

/// One published version.
#[utoipa::path(get, path = "/api/v1/workflows/{id}/versions/{version}", tag = "workflows", params(("id" = i64, Path), ("version" = u32, Path)),
    responses((status = 200, body = WorkflowVersion), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn workflow_version_show(
    State(app): State<App>,
    caller: Caller,
    Path((id, version)): Path<(WorkflowId, u32)>,
) -> Result<axum::Json<WorkflowVersion>> {
    service::workflow_version_show(&app, &caller, id, version)
        .await
        .map(axum::Json)
}

/// Start a workflow.
#[utoipa::path(post, path = "/api/v1/workflows/{id}/instances", tag = "workflows", params(("id" = i64, Path)), request_body = InstanceCreate,
    responses((status = 201, body = Instance), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn instance_create(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<WorkflowId>,
    key: Key,
    Json(request): Json<InstanceCreate>,
) -> Result<(StatusCode, axum::Json<Instance>)> {
    let made = instances::instance_create(&app, &caller, id, request, key).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// Instances, newest first. Filters: workflow, schedule (ids), state. Sort: id.
#[utoipa::path(get, path = "/api/v1/instances", tag = "workflows", params(crate::http::extract::ListParameters),
    responses((status = 200, body = Page<Instance>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn instance_list(
    State(app): State<App>,
    caller: Caller,
    list: List,
) -> Result<axum::Json<Page<Instance>>> {
    instances::instance_list(&app, &caller, list)
        .await
        .map(axum::Json)
}

/// An instance with what it runs and every step that began.
#[utoipa::path(get, path = "/api/v1/instances/{id}", tag = "workflows", params(("id" = i64, Path)),
    responses((status = 200, body = InstanceDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn instance_show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<InstanceId>,
) -> Result<axum::Json<InstanceDetail>> {
    instances::instance_show(&app, &caller, id).await.map(axum::Json)
}

/// Live events: `state` (an instance) at the start and whenever it was moved, `end`.
#[utoipa::path(get, path = "/api/v1/instances/{id}/watch", tag = "workflows", params(("id" = i64, Path)),
    responses((status = 200, body = String, content_type = "text/event-stream"),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn instance_watch(
    State(app): State<App>,
    Extension(credentials): Extension<Arc<Credentials>>,
    Path(id): Path<InstanceId>,
) -> Result<impl IntoResponse> {
    events::instance_watch(&app, credentials, id).await
}

/// What happened in an instance, in its order.
#[utoipa::path(get, path = "/api/v1/instances/{id}/events", tag = "workflows", params(("id" = i64, Path), crate::http::extract::ListParameters),
    responses((status = 200, body = Page<InstanceEvent>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn instance_event_list(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<InstanceId>,
    list: List,
) -> Result<axum::Json<Page<InstanceEvent>>> {
    instances::instance_event_list(&app, &caller, id, list)
        .await
        .map(axum::Json)
}

/// Cancel an instance: its jobs are told to stop, and it ends when they have.
#[utoipa::path(post, path = "/api/v1/instances/{id}/cancel", tag = "workflows", params(("id" = i64, Path)), request_body = InstanceCancel,
    responses((status = 200, body = Instance), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn instance_cancel(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<InstanceId>,
    Json(request): Json<InstanceCancel>,
) -> Result<axum::Json<Instance>> {
    instances::instance_cancel(&app, &caller, id, request)
        .await
        .map(axum::Json)
}

/// Try an instance again from the step that failed, with what the steps before it left.
#[utoipa::path(post, path = "/api/v1/instances/{id}/retry", tag = "workflows", params(("id" = i64, Path)),
    request_body = InstanceAgain,
    responses((status = 201, body = Instance), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn instance_retry(
    State(app): State<App>,
    caller: Caller,
    key: Key,
    Path(id): Path<InstanceId>,
    Json(request): Json<InstanceAgain>,
) -> Result<(StatusCode, axum::Json<Instance>)> {
    let made = instance_again(&app, &caller, id, Again::FromFailed, request, key).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// Run all of an instance again: the same version, inputs and hosts.
#[utoipa::path(post, path = "/api/v1/instances/{id}/rerun", tag = "workflows", params(("id" = i64, Path)),
    request_body = InstanceAgain,
    responses((status = 201, body = Instance), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn instance_rerun(
    State(app): State<App>,
    caller: Caller,
    key: Key,
    Path(id): Path<InstanceId>,
    Json(request): Json<InstanceAgain>,
) -> Result<(StatusCode, axum::Json<Instance>)> {
    let made = instance_again(&app, &caller, id, Again::Everything, request, key).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// Workflows to begin with.
#[utoipa::path(get, path = "/api/v1/workflow-templates", tag = "workflows",
    responses((status = 200, body = WorkflowTemplates), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn workflow_template_list() -> axum::Json<WorkflowTemplates> {
    axum::Json(service::workflow_template_list())
}
