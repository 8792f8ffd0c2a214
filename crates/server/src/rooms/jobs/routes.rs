//! Routes of jobs for people: parsing only.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use postern_api::{
    Page, Problem,
    executions::{ArchiveFormat, Execution, ExecutionChanged, ExecutionRerun},
    jobs::{Job, JobCreate, JobDetail, JobOutput, JobPreview, JobsCreated, StreamName},
    targets::{TargetPreview, Targets},
};
use postern_domain::{ExecutionId, JobId, permission::Permission};
use utoipa_axum::routes;

use super::{download, events, executions, run, service, targets};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Access, Caller, Routes,
        caller::Credentials,
        extract::{Json, List, Path, Query},
        idempotency::Key,
    },
};

const VIEW: Access = Access::Permission(Permission::JobsView);
const MANAGE: Access = Access::Permission(Permission::JobsManage);

pub(crate) fn add(routes: Routes) -> Routes {
    routes
        .operation("job_list", VIEW, routes!(job_list))
        .operation("job_create", MANAGE, routes!(job_create))
        .operation("job_preview", MANAGE, routes!(job_preview))
        .operation("target_preview", MANAGE, routes!(target_preview))
        .operation("execution_list", VIEW, routes!(execution_list))
        .operation("execution_show", VIEW, routes!(execution_show))
        .operation("execution_cancel", MANAGE, routes!(execution_cancel))
        .operation("execution_retry", MANAGE, routes!(execution_retry))
        .operation("execution_rerun", MANAGE, routes!(execution_rerun))
        .operation("execution_download", VIEW, routes!(execution_download))
        .operation("job_show", VIEW, routes!(job_show))
        .operation("job_delete", MANAGE, routes!(job_delete))
        .operation("job_cancel", MANAGE, routes!(job_cancel))
        .operation("job_retry", MANAGE, routes!(job_retry))
        .operation("job_output", VIEW, routes!(job_output))
        .operation("job_output_download", VIEW, routes!(job_output_download))
        .operation("job_events", VIEW, routes!(job_events))
}

/// Jobs, newest first. Filters: state, type, priority, agent (name or id), organization, execution, script, schedule (ids),
/// created_from, created_before (RFC 3339). Sort: created_at.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", params(crate::http::extract::ListParameters),
    responses((status = 200, body = Page<Job>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn job_list(State(app): State<App>, caller: Caller, list: List) -> Result<axum::Json<Page<Job>>> {
    service::job_list(&app, &caller, list).await.map(axum::Json)
}

/// Run something: one job per host the targets name.
#[utoipa::path(post, path = "/api/v1/jobs", tag = "jobs", request_body = JobCreate,
    responses((status = 201, body = JobsCreated), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn job_create(
    State(app): State<App>,
    caller: Caller,
    key: Key,
    Json(request): Json<JobCreate>,
) -> Result<(StatusCode, axum::Json<JobsCreated>)> {
    Ok((
        StatusCode::CREATED,
        axum::Json(run::job_create(&app, &caller, request, key).await?),
    ))
}

/// What a creation would do: the hosts, their batches, and what stands in the way. Nothing is made.
#[utoipa::path(post, path = "/api/v1/jobs/preview", tag = "jobs", request_body = JobCreate,
    responses((status = 200, body = JobPreview), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn job_preview(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<JobCreate>,
) -> Result<axum::Json<JobPreview>> {
    run::job_preview(&app, &caller, request).await.map(axum::Json)
}

/// The hosts that targets mean at this moment.
#[utoipa::path(post, path = "/api/v1/targets/preview", tag = "jobs", request_body = Targets,
    responses((status = 200, body = TargetPreview), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn target_preview(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<Targets>,
) -> Result<axum::Json<TargetPreview>> {
    targets::target_preview(&app, &caller, request)
        .await
        .map(axum::Json)
}

/// Executions, newest first. Filters: type, script, action, schedule (ids), outcome (running, failed, cancelled: with at
/// least one such job; completed: with no other). Sort: created_at.
#[utoipa::path(get, path = "/api/v1/executions", tag = "jobs", params(crate::http::extract::ListParameters),
    responses((status = 200, body = Page<Execution>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn execution_list(
    State(app): State<App>,
    caller: Caller,
    list: List,
) -> Result<axum::Json<Page<Execution>>> {
    executions::execution_list(&app, &caller, list)
        .await
        .map(axum::Json)
}

/// One execution with how many of its jobs are in each state. The jobs: `GET /jobs?filter=execution:{id}`.
#[utoipa::path(get, path = "/api/v1/executions/{id}", tag = "jobs", params(("id" = i64, Path)),
    responses((status = 200, body = Execution), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn execution_show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ExecutionId>,
) -> Result<axum::Json<Execution>> {
    executions::execution_show(&app, &caller, id)
        .await
        .map(axum::Json)
}

/// Cancel every job of it that is queued, pending or running.
#[utoipa::path(post, path = "/api/v1/executions/{id}/cancel", tag = "jobs", params(("id" = i64, Path)),
    responses((status = 200, body = ExecutionChanged), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn execution_cancel(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ExecutionId>,
) -> Result<axum::Json<ExecutionChanged>> {
    executions::execution_cancel(&app, &caller, id)
        .await
        .map(axum::Json)
}

/// Queue every job of it that failed, timed out or is unknown again, as another attempt.
#[utoipa::path(post, path = "/api/v1/executions/{id}/retry", tag = "jobs", params(("id" = i64, Path)),
    responses((status = 200, body = ExecutionChanged), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn execution_retry(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ExecutionId>,
) -> Result<axum::Json<ExecutionChanged>> {
    executions::execution_retry(&app, &caller, id)
        .await
        .map(axum::Json)
}

/// The same again as a new execution: on all of its hosts, on those where it failed, or on those where it did not complete.
#[utoipa::path(post, path = "/api/v1/executions/{id}/rerun", tag = "jobs", params(("id" = i64, Path)), request_body = ExecutionRerun,
    responses((status = 201, body = JobsCreated), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn execution_rerun(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ExecutionId>,
    key: Key,
    Json(request): Json<ExecutionRerun>,
) -> Result<(StatusCode, axum::Json<JobsCreated>)> {
    let created = executions::execution_rerun(&app, &caller, id, request, key).await?;
    Ok((StatusCode::CREATED, axum::Json(created)))
}

/// All of its jobs with their output, as one file: `zip` has a folder per host, `json` a list.
#[utoipa::path(get, path = "/api/v1/executions/{id}/download/{format}", tag = "jobs",
    params(("id" = i64, Path), ("format" = inline(ArchiveFormat), Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn execution_download(
    State(app): State<App>,
    caller: Caller,
    Path((id, format)): Path<(ExecutionId, ArchiveFormat)>,
) -> Result<Response> {
    let body = download::execution_download(&app, &caller, id, format).await?;
    let (ending, kind) = match format {
        ArchiveFormat::Zip => ("zip", "application/zip"),
        ArchiveFormat::Json => ("json", "application/json"),
    };
    let disposition = format!("attachment; filename=\"execution-{id}.{ending}\"");
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, body).into_response())
}

#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "jobs", params(("id" = i64, Path)),
    responses((status = 200, body = JobDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn job_show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<JobId>,
) -> Result<axum::Json<JobDetail>> {
    service::job_show(&app, &caller, id).await.map(axum::Json)
}

/// Delete a job that is completed, failed, cancelled or unknown. The audit keeps its digest.
#[utoipa::path(delete, path = "/api/v1/jobs/{id}", tag = "jobs", params(("id" = i64, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn job_delete(State(app): State<App>, caller: Caller, Path(id): Path<JobId>) -> Result<StatusCode> {
    service::job_delete(&app, &caller, id)
        .await
        .map(|()| StatusCode::NO_CONTENT)
}

/// Cancel a queued, pending or running job. A running one ends when its agent confirms that its processes are gone.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/cancel", tag = "jobs", params(("id" = i64, Path)),
    responses((status = 200, body = Job), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn job_cancel(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<JobId>,
) -> Result<axum::Json<Job>> {
    service::job_cancel(&app, &caller, id).await.map(axum::Json)
}

/// Queue a failed, timed-out or unknown job again, as another attempt.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/retry", tag = "jobs", params(("id" = i64, Path)),
    responses((status = 200, body = Job), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn job_retry(State(app): State<App>, caller: Caller, Path(id): Path<JobId>) -> Result<axum::Json<Job>> {
    service::job_retry(&app, &caller, id).await.map(axum::Json)
}

/// What is kept of an attempt's output; the newest attempt when none is named.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/output", tag = "jobs", params(("id" = i64, Path), ("attempt" = Option<u32>, Query)),
    responses((status = 200, body = JobOutput), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn job_output(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<JobId>,
    query: Query,
) -> Result<axum::Json<JobOutput>> {
    service::job_output(&app, &caller, id, attempt_number(query)?)
        .await
        .map(axum::Json)
}

/// The kept bytes of one stream, as a file, with a line `[N bytes were not kept]` where some were cut out.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/output/{stream}", tag = "jobs",
    params(("id" = i64, Path), ("stream" = StreamName, Path), ("attempt" = Option<u32>, Query)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn job_output_download(
    State(app): State<App>,
    caller: Caller,
    Path((id, stream)): Path<(JobId, StreamName)>,
    query: Query,
) -> Result<Response> {
    let bytes = service::job_output_download(&app, &caller, id, stream, attempt_number(query)?).await?;
    let name = match stream {
        StreamName::Stdout => "stdout",
        StreamName::Stderr => "stderr",
    };
    let disposition = format!("attachment; filename=\"job-{id}-{name}.txt\"");
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, bytes).into_response())
}

/// Live events: `state` (a job), `output` (an OutputEvent), `end`. What is kept comes first.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/events", tag = "jobs", params(("id" = i64, Path)),
    responses((status = 200, body = String, content_type = "text/event-stream"),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn job_events(
    State(app): State<App>,
    Extension(credentials): Extension<Arc<Credentials>>,
    Path(id): Path<JobId>,
) -> Result<impl IntoResponse> {
    events::job_events(&app, credentials, id).await
}

fn attempt_number(query: Query) -> Result<Option<u32>> {
    let parse = |text: String| {
        text.parse()
            .map_err(|_| Error::invalid("attempt", "must be a number from 1"))
    };
    query.only("attempt")?.map(parse).transpose()
}
