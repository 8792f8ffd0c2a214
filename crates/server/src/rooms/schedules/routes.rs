//! Routes of schedules and calendars: parsing only.

use axum::{extract::State, http::StatusCode};
use postern_api::{
    Page, Problem,
    schedules::{
        Calendar, CalendarCreate, CalendarUpdate, CronPreview, CronTicks, Schedule, ScheduleCreate,
        ScheduleRun, ScheduleTick, ScheduleUpdate,
    },
};
use postern_domain::{CalendarId, ScheduleId, permission::Permission};
use utoipa_axum::routes;

use super::{calendars, cron, save, service};
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
        .operation("schedule_list", VIEW, routes!(schedule_list))
        .operation("schedule_create", MANAGE, routes!(schedule_create))
        .operation("schedule_show", VIEW, routes!(schedule_show))
        .operation("schedule_update", MANAGE, routes!(schedule_update))
        .operation("schedule_delete", MANAGE, routes!(schedule_delete))
        .operation("schedule_run", MANAGE, routes!(schedule_run))
        .operation("schedule_tick_list", VIEW, routes!(schedule_tick_list))
        .operation("cron_preview", VIEW, routes!(cron_preview))
        .operation("calendar_list", VIEW, routes!(calendar_list))
        .operation("calendar_create", MANAGE, routes!(calendar_create))
        .operation("calendar_show", VIEW, routes!(calendar_show))
        .operation("calendar_update", MANAGE, routes!(calendar_update))
        .operation("calendar_delete", MANAGE, routes!(calendar_delete))
}

/// Schedules. Filters: state, kind (job, script, action, workflow), name, owner (user name). Sort: name.
#[utoipa::path(get, path = "/api/v1/schedules", tag = "schedules", params(crate::http::extract::ListParameters),
    responses((status = 200, body = Page<Schedule>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn schedule_list(
    State(app): State<App>,
    caller: Caller,
    list: List,
) -> Result<axum::Json<Page<Schedule>>> {
    service::schedule_list(&app, &caller, list).await.map(axum::Json)
}

/// Save a schedule. What it does is checked as if it ran now.
#[utoipa::path(post, path = "/api/v1/schedules", tag = "schedules", request_body = ScheduleCreate,
    responses((status = 201, body = Schedule), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn schedule_create(
    State(app): State<App>,
    caller: Caller,
    key: Key,
    Json(request): Json<ScheduleCreate>,
) -> Result<(StatusCode, axum::Json<Schedule>)> {
    let made = save::schedule_create(&app, &caller, request, key).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// The next five ticks of an expression, or those of a time: at most 62 days and 2,000 ticks.
#[utoipa::path(post, path = "/api/v1/schedules/preview", tag = "schedules", request_body = CronPreview,
    responses((status = 200, body = CronTicks), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn cron_preview(
    State(app): State<App>,
    Json(request): Json<CronPreview>,
) -> Result<axum::Json<CronTicks>> {
    cron::cron_preview(&app, &request).map(axum::Json)
}

/// One schedule, with its next tick.
#[utoipa::path(get, path = "/api/v1/schedules/{id}", tag = "schedules", params(("id" = i64, Path)),
    responses((status = 200, body = Schedule), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn schedule_show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ScheduleId>,
) -> Result<axum::Json<Schedule>> {
    service::schedule_show(&app, &caller, id).await.map(axum::Json)
}

/// Change, pause or resume a schedule. Whoever changes what it does makes it run on their account from then on.
#[utoipa::path(patch, path = "/api/v1/schedules/{id}", tag = "schedules", params(("id" = i64, Path)), request_body = ScheduleUpdate,
    responses((status = 200, body = Schedule), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn schedule_update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ScheduleId>,
    Json(request): Json<ScheduleUpdate>,
) -> Result<axum::Json<Schedule>> {
    save::schedule_update(&app, &caller, id, request)
        .await
        .map(axum::Json)
}

/// Delete a schedule; what it ran stays.
#[utoipa::path(delete, path = "/api/v1/schedules/{id}", tag = "schedules", params(("id" = i64, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn schedule_delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ScheduleId>,
) -> Result<StatusCode> {
    service::schedule_delete(&app, &caller, id)
        .await
        .map(|()| StatusCode::NO_CONTENT)
}

/// Run it now, besides its ticks. Needs the right to run jobs on each of its hosts.
#[utoipa::path(post, path = "/api/v1/schedules/{id}/run", tag = "schedules", params(("id" = i64, Path)),
    responses((status = 201, body = ScheduleRun), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn schedule_run(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ScheduleId>,
    key: Key,
) -> Result<(StatusCode, axum::Json<ScheduleRun>)> {
    let made = service::schedule_run(&app, &caller, id, key).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// What became of its ticks, newest first.
#[utoipa::path(get, path = "/api/v1/schedules/{id}/ticks", tag = "schedules", params(("id" = i64, Path), crate::http::extract::ListParameters),
    responses((status = 200, body = Page<ScheduleTick>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn schedule_tick_list(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ScheduleId>,
    list: List,
) -> Result<axum::Json<Page<ScheduleTick>>> {
    service::schedule_tick_list(&app, &caller, id, list)
        .await
        .map(axum::Json)
}

/// Blackout calendars. Sort: name.
#[utoipa::path(get, path = "/api/v1/calendars", tag = "schedules", params(crate::http::extract::ListParameters),
    responses((status = 200, body = Page<Calendar>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn calendar_list(
    State(app): State<App>,
    caller: Caller,
    list: List,
) -> Result<axum::Json<Page<Calendar>>> {
    calendars::calendar_list(&app, &caller, list)
        .await
        .map(axum::Json)
}

/// Save a blackout calendar.
#[utoipa::path(post, path = "/api/v1/calendars", tag = "schedules", request_body = CalendarCreate,
    responses((status = 201, body = Calendar), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn calendar_create(
    State(app): State<App>,
    caller: Caller,
    key: Key,
    Json(request): Json<CalendarCreate>,
) -> Result<(StatusCode, axum::Json<Calendar>)> {
    let made = calendars::calendar_create(&app, &caller, request, key).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// One calendar, and whether it has a blackout now.
#[utoipa::path(get, path = "/api/v1/calendars/{id}", tag = "schedules", params(("id" = i64, Path)),
    responses((status = 200, body = Calendar), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn calendar_show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<CalendarId>,
) -> Result<axum::Json<Calendar>> {
    calendars::calendar_show(&app, &caller, id).await.map(axum::Json)
}

/// Change a calendar; schedules and host groups go by it at once.
#[utoipa::path(patch, path = "/api/v1/calendars/{id}", tag = "schedules", params(("id" = i64, Path)), request_body = CalendarUpdate,
    responses((status = 200, body = Calendar), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn calendar_update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<CalendarId>,
    Json(request): Json<CalendarUpdate>,
) -> Result<axum::Json<Calendar>> {
    calendars::calendar_update(&app, &caller, id, request)
        .await
        .map(axum::Json)
}

/// Delete a calendar that no schedule and no host group uses.
#[utoipa::path(delete, path = "/api/v1/calendars/{id}", tag = "schedules", params(("id" = i64, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn calendar_delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<CalendarId>,
) -> Result<StatusCode> {
    calendars::calendar_delete(&app, &caller, id)
        .await
        .map(|()| StatusCode::NO_CONTENT)
}
