//! Routes of webhooks, e-mail and messages on their way: parsing only.

use axum::{extract::State, http::StatusCode};
use postern_api::{
    Page, Problem,
    notify::{Delivery, DeliveryDetail, Mail, MailTest, Webhook, WebhookCreate, WebhookSaved, WebhookUpdate},
};
use postern_domain::{DeliveryId, WebhookId, permission::Permission};
use utoipa_axum::routes;

use super::{deliveries, webhooks};
use crate::{
    app::App,
    error::Result,
    http::{
        Access, Caller, Routes,
        extract::{Json, List, Path},
        idempotency::Key,
    },
};

const VIEW: Access = Access::Permission(Permission::WorkflowsView);
const MANAGE: Access = Access::Permission(Permission::WorkflowsManage);
const SETTINGS: Access = Access::Permission(Permission::SettingsManage);

pub(crate) fn add(routes: Routes) -> Routes {
    routes
        .operation("webhook_list", VIEW, routes!(webhook_list))
        .operation("webhook_create", SETTINGS, routes!(webhook_create))
        .operation("webhook_show", VIEW, routes!(webhook_show))
        .operation("webhook_update", SETTINGS, routes!(webhook_update))
        .operation("webhook_delete", SETTINGS, routes!(webhook_delete))
        .operation("webhook_test", SETTINGS, routes!(webhook_test))
        .operation("delivery_list", VIEW, routes!(delivery_list))
        .operation("delivery_show", VIEW, routes!(delivery_show))
        .operation("delivery_retry", MANAGE, routes!(delivery_retry))
        .operation("mail_show", VIEW, routes!(mail_show))
        .operation("mail_test", SETTINGS, routes!(mail_test))
}

/// Webhooks. Sort: name.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "notify", params(crate::http::extract::ListParameters),
    responses((status = 200, body = Page<Webhook>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn webhook_list(
    State(app): State<App>,
    caller: Caller,
    list: List,
) -> Result<axum::Json<Page<Webhook>>> {
    webhooks::webhook_list(&app, &caller, list).await.map(axum::Json)
}

/// Add a webhook. The answer holds the secret that its messages are signed with, once.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "notify", request_body = WebhookCreate,
    responses((status = 201, body = WebhookSaved), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn webhook_create(
    State(app): State<App>,
    caller: Caller,
    key: Key,
    Json(request): Json<WebhookCreate>,
) -> Result<(StatusCode, axum::Json<WebhookSaved>)> {
    let made = webhooks::webhook_create(&app, &caller, request, key).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// One webhook.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", tag = "notify", params(("id" = i64, Path)),
    responses((status = 200, body = Webhook), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn webhook_show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<WebhookId>,
) -> Result<axum::Json<Webhook>> {
    webhooks::webhook_show(&app, &caller, id).await.map(axum::Json)
}

/// Change a webhook, switch it off or on, or draw a new secret.
#[utoipa::path(patch, path = "/api/v1/webhooks/{id}", tag = "notify", params(("id" = i64, Path)), request_body = WebhookUpdate,
    responses((status = 200, body = WebhookSaved), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn webhook_update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<WebhookId>,
    Json(request): Json<WebhookUpdate>,
) -> Result<axum::Json<WebhookSaved>> {
    webhooks::webhook_update(&app, &caller, id, request)
        .await
        .map(axum::Json)
}

/// Remove a webhook. What was on its way to it is given up.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "notify", params(("id" = i64, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn webhook_delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<WebhookId>,
) -> Result<StatusCode> {
    webhooks::webhook_delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send a webhook a test message.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", tag = "notify", params(("id" = i64, Path)),
    responses((status = 201, body = Delivery), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn webhook_test(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<WebhookId>,
) -> Result<(StatusCode, axum::Json<Delivery>)> {
    let made = webhooks::webhook_test(&app, &caller, id).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// Messages on their way, those that arrived, and those that were given up. Filter: state, channel, topic, instance.
#[utoipa::path(get, path = "/api/v1/deliveries", tag = "notify", params(crate::http::extract::ListParameters),
    responses((status = 200, body = Page<Delivery>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn delivery_list(
    State(app): State<App>,
    caller: Caller,
    list: List,
) -> Result<axum::Json<Page<Delivery>>> {
    deliveries::delivery_list(&app, &caller, list)
        .await
        .map(axum::Json)
}

/// One message, with what it says.
#[utoipa::path(get, path = "/api/v1/deliveries/{id}", tag = "notify", params(("id" = i64, Path)),
    responses((status = 200, body = DeliveryDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn delivery_show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DeliveryId>,
) -> Result<axum::Json<DeliveryDetail>> {
    deliveries::delivery_show(&app, &caller, id).await.map(axum::Json)
}

/// Send a message again that was given up, or now instead of later.
#[utoipa::path(post, path = "/api/v1/deliveries/{id}/retry", tag = "notify", params(("id" = i64, Path)),
    responses((status = 200, body = Delivery), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn delivery_retry(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DeliveryId>,
) -> Result<axum::Json<Delivery>> {
    deliveries::delivery_retry(&app, &caller, id)
        .await
        .map(axum::Json)
}

/// Whether this server can send e-mail, and as whom.
#[utoipa::path(get, path = "/api/v1/mail", tag = "notify",
    responses((status = 200, body = Mail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn mail_show(State(app): State<App>) -> axum::Json<Mail> {
    axum::Json(deliveries::mail_show(&app))
}

/// Send a test message by e-mail.
#[utoipa::path(post, path = "/api/v1/mail/test", tag = "notify", request_body = MailTest,
    responses((status = 201, body = Delivery), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn mail_test(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<MailTest>,
) -> Result<(StatusCode, axum::Json<Delivery>)> {
    let made = deliveries::mail_test(&app, &caller, request).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}
