//! Routes of the audit trail: parsing only.

use axum::extract::State;
use postern_api::{
    Page, Problem,
    audit::{AuditRecord, AuditVerification},
};
use postern_domain::permission::Permission;
use utoipa_axum::routes;

use super::service;
use crate::{
    app::App,
    error::Result,
    http::{Access, Caller, Routes, extract::List},
};

const VIEW: Access = Access::Permission(Permission::AuditView);

pub(crate) fn add(routes: Routes) -> Routes {
    routes
        .operation("audit_list", VIEW, routes!(audit_list))
        .operation("audit_verify", VIEW, routes!(audit_verify))
}

/// Records, newest first. Filters: actor, action, object, outcome. Sort: id.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(crate::http::extract::ListParameters),
    responses((status = 200, body = Page<AuditRecord>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn audit_list(
    State(app): State<App>,
    caller: Caller,
    list: List,
) -> Result<axum::Json<Page<AuditRecord>>> {
    service::audit_list(&app, &caller, list).await.map(axum::Json)
}

/// Check the hash chain of the whole trail. Only numbers and the place of a break are told.
#[utoipa::path(get, path = "/api/v1/audit/verification", tag = "audit",
    responses((status = 200, body = AuditVerification), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn audit_verify(State(app): State<App>) -> Result<axum::Json<AuditVerification>> {
    service::audit_verify(&app).await.map(axum::Json)
}
