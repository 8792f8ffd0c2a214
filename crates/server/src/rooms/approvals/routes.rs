//! Routes of approvals: parsing only.

use axum::extract::State;
use postern_api::{
    Page, Problem,
    approvals::{Approval, ApprovalAnswer, ApprovalDelegate, ApprovalDetail},
};
use postern_domain::{ApprovalId, permission::Permission};
use utoipa_axum::routes;

use super::service;
use crate::{
    app::App,
    error::Result,
    http::{
        Access, Caller, Routes,
        extract::{Json, List, Path},
    },
};

const VIEW: Access = Access::Permission(Permission::WorkflowsView);
const MANAGE: Access = Access::Permission(Permission::WorkflowsManage);
/// For administrators: whoever may manage users there.
const ADMINISTER: Access = Access::Permission(Permission::UsersManage);

pub(crate) fn add(routes: Routes) -> Routes {
    routes
        .operation("approval_list", VIEW, routes!(approval_list))
        .operation("approval_show", VIEW, routes!(approval_show))
        .operation("approval_answer", MANAGE, routes!(approval_answer))
        .operation("approval_delegate", ADMINISTER, routes!(approval_delegate))
}

/// Approvals, newest first. Filter: state, instance, mine (those that wait for the caller).
#[utoipa::path(get, path = "/api/v1/approvals", tag = "approvals", params(crate::http::extract::ListParameters),
    responses((status = 200, body = Page<Approval>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn approval_list(
    State(app): State<App>,
    caller: Caller,
    list: List,
) -> Result<axum::Json<Page<Approval>>> {
    service::approval_list(&app, &caller, list).await.map(axum::Json)
}

/// An approval with what runs when it is given.
#[utoipa::path(get, path = "/api/v1/approvals/{id}", tag = "approvals", params(("id" = i64, Path)),
    responses((status = 200, body = ApprovalDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn approval_show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ApprovalId>,
) -> Result<axum::Json<ApprovalDetail>> {
    service::approval_show(&app, &caller, id).await.map(axum::Json)
}

/// Approve or reject. An answer is given once and is not changed.
#[utoipa::path(post, path = "/api/v1/approvals/{id}/answer", tag = "approvals", params(("id" = i64, Path)), request_body = ApprovalAnswer,
    responses((status = 200, body = ApprovalDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn approval_answer(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ApprovalId>,
    Json(request): Json<ApprovalAnswer>,
) -> Result<axum::Json<ApprovalDetail>> {
    service::approval_answer(&app, &caller, id, request)
        .await
        .map(axum::Json)
}

/// Let somebody else answer in the place of one who has not.
#[utoipa::path(post, path = "/api/v1/approvals/{id}/delegate", tag = "approvals", params(("id" = i64, Path)), request_body = ApprovalDelegate,
    responses((status = 200, body = ApprovalDetail), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn approval_delegate(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ApprovalId>,
    Json(request): Json<ApprovalDelegate>,
) -> Result<axum::Json<ApprovalDetail>> {
    service::approval_delegate(&app, &caller, id, request)
        .await
        .map(axum::Json)
}
