//! Routes of people, sessions, tokens and organizations: parsing only.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{AppendHeaders, IntoResponse},
};
use postern_api::{
    Page, Problem,
    identity::{
        Binding, BindingCreate, Department, DepartmentCreate, Organization, OrganizationCreate,
        OrganizationUpdate, PasswordChange, RoleDescription, Session, SessionCreate, Token, TokenCreate,
        TokenCreated, User, UserCreate, UserUpdate,
    },
};
use postern_domain::{BindingId, OrganizationId, TokenId, UserId, permission::Permission};
use utoipa_axum::routes;

use super::{organizations, sign_in, tokens, users};
use crate::{
    app::App,
    error::Error,
    http::{
        Access, Caller, Routes,
        caller::SESSION_COOKIE,
        extract::{Json, List, Path},
        idempotency::Key,
    },
};

type Result<T> = std::result::Result<T, Error>;

const MANAGE: Access = Access::Permission(Permission::UsersManage);

pub(crate) fn add(routes: Routes) -> Routes {
    routes
        .operation("session_create", Access::Public, routes!(session_create))
        .operation("session_show", Access::SignedIn, routes!(session_show))
        .operation("session_delete", Access::SignedIn, routes!(session_delete))
        .operation("password_change", Access::SignedIn, routes!(password_change))
        .operation("user_list", MANAGE, routes!(user_list))
        .operation("user_create", MANAGE, routes!(user_create))
        .operation("user_show", MANAGE, routes!(user_show))
        .operation("user_update", MANAGE, routes!(user_update))
        .operation("user_delete", MANAGE, routes!(user_delete))
        .operation("binding_create", MANAGE, routes!(binding_create))
        .operation("binding_delete", MANAGE, routes!(binding_delete))
        .operation("role_list", Access::SignedIn, routes!(role_list))
        .operation("token_list", Access::SignedIn, routes!(token_list))
        .operation("token_create", Access::SignedIn, routes!(token_create))
        .operation("token_delete", Access::SignedIn, routes!(token_delete))
        .operation("organization_list", Access::SignedIn, routes!(organization_list))
        .operation("organization_create", MANAGE, routes!(organization_create))
        .operation("organization_update", MANAGE, routes!(organization_update))
        .operation("department_create", MANAGE, routes!(department_create))
}

/// Sign in. Sets the session cookie; the answer has the token for the header `X-CSRF-Token`.
#[utoipa::path(post, path = "/api/v1/session", tag = "identity", security(()), request_body = SessionCreate,
    responses((status = 201, body = Session), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn session_create(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<SessionCreate>,
) -> Result<impl IntoResponse> {
    let (session, secret) = sign_in::session_create(&app, &caller, request).await?;
    let cookie = format!("{SESSION_COOKIE}={secret}; Path=/; Secure; HttpOnly; SameSite=Strict");
    Ok((
        StatusCode::CREATED,
        AppendHeaders([(header::SET_COOKIE, cookie)]),
        axum::Json(session),
    ))
}

/// Who is signed in, and what they may do.
#[utoipa::path(get, path = "/api/v1/session", tag = "identity",
    responses((status = 200, body = Session), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn session_show(State(app): State<App>, caller: Caller) -> Result<axum::Json<Session>> {
    sign_in::session_show(&app, &caller).await.map(axum::Json)
}

/// Sign out.
#[utoipa::path(delete, path = "/api/v1/session", tag = "identity",
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn session_delete(State(app): State<App>, caller: Caller) -> Result<impl IntoResponse> {
    sign_in::session_delete(&app, &caller).await?;
    let cookie = format!("{SESSION_COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    Ok((
        StatusCode::NO_CONTENT,
        AppendHeaders([(header::SET_COOKIE, cookie)]),
    ))
}

/// Change one's own password. Ends all of one's sessions; API tokens stay.
#[utoipa::path(post, path = "/api/v1/session/password", tag = "identity", request_body = PasswordChange,
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn password_change(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<PasswordChange>,
) -> Result<StatusCode> {
    sign_in::password_change(&app, &caller, request)
        .await
        .map(|()| StatusCode::NO_CONTENT)
}

/// Users of the tenants whose users the caller manages.
#[utoipa::path(get, path = "/api/v1/users", tag = "identity", params(crate::http::extract::ListParameters),
    responses((status = 200, body = Page<User>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn user_list(State(app): State<App>, caller: Caller, list: List) -> Result<axum::Json<Page<User>>> {
    users::user_list(&app, &caller, list).await.map(axum::Json)
}

/// Create a user, with roles.
#[utoipa::path(post, path = "/api/v1/users", tag = "identity", request_body = UserCreate,
    responses((status = 201, body = User), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn user_create(
    State(app): State<App>,
    caller: Caller,
    key: Key,
    Json(request): Json<UserCreate>,
) -> Result<(StatusCode, axum::Json<User>)> {
    Ok((
        StatusCode::CREATED,
        axum::Json(users::user_create(&app, &caller, request, key).await?),
    ))
}

#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "identity", params(("id" = i64, Path)),
    responses((status = 200, body = User), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn user_show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<axum::Json<User>> {
    users::user_show(&app, &caller, id).await.map(axum::Json)
}

/// Change a user. Switching off or a new password ends their sessions.
#[utoipa::path(patch, path = "/api/v1/users/{id}", tag = "identity", params(("id" = i64, Path)), request_body = UserUpdate,
    responses((status = 200, body = User), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn user_update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
    Json(request): Json<UserUpdate>,
) -> Result<axum::Json<User>> {
    users::user_update(&app, &caller, id, request)
        .await
        .map(axum::Json)
}

#[utoipa::path(delete, path = "/api/v1/users/{id}", tag = "identity", params(("id" = i64, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn user_delete(State(app): State<App>, caller: Caller, Path(id): Path<UserId>) -> Result<StatusCode> {
    users::user_delete(&app, &caller, id)
        .await
        .map(|()| StatusCode::NO_CONTENT)
}

/// Give a user a role at a scope.
#[utoipa::path(post, path = "/api/v1/users/{id}/bindings", tag = "identity", params(("id" = i64, Path)), request_body = BindingCreate,
    responses((status = 201, body = Binding), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn binding_create(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UserId>,
    key: Key,
    Json(request): Json<BindingCreate>,
) -> Result<(StatusCode, axum::Json<Binding>)> {
    Ok((
        StatusCode::CREATED,
        axum::Json(users::binding_create(&app, &caller, id, request, key).await?),
    ))
}

/// Take a role from a user.
#[utoipa::path(delete, path = "/api/v1/users/{id}/bindings/{binding_id}", tag = "identity",
    params(("id" = i64, Path), ("binding_id" = i64, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn binding_delete(
    State(app): State<App>,
    caller: Caller,
    Path((id, binding)): Path<(UserId, BindingId)>,
) -> Result<StatusCode> {
    users::binding_delete(&app, &caller, id, binding)
        .await
        .map(|()| StatusCode::NO_CONTENT)
}

/// The built-in roles and what each may do.
#[utoipa::path(get, path = "/api/v1/roles", tag = "identity",
    responses((status = 200, body = Vec<RoleDescription>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn role_list() -> axum::Json<Vec<RoleDescription>> {
    axum::Json(users::role_list())
}

/// The caller's API tokens, and those of the users they manage.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "identity", params(crate::http::extract::ListParameters),
    responses((status = 200, body = Page<Token>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn token_list(State(app): State<App>, caller: Caller, list: List) -> Result<axum::Json<Page<Token>>> {
    tokens::token_list(&app, &caller, list).await.map(axum::Json)
}

/// Make an API token of the caller's. Its secret is shown once.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "identity", request_body = TokenCreate,
    responses((status = 201, body = TokenCreated), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn token_create(
    State(app): State<App>,
    caller: Caller,
    key: Key,
    Json(request): Json<TokenCreate>,
) -> Result<(StatusCode, axum::Json<TokenCreated>)> {
    Ok((
        StatusCode::CREATED,
        axum::Json(tokens::token_create(&app, &caller, request, key).await?),
    ))
}

/// Revoke an API token; it ends at once.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "identity", params(("id" = i64, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn token_delete(State(app): State<App>, caller: Caller, Path(id): Path<TokenId>) -> Result<StatusCode> {
    tokens::token_delete(&app, &caller, id)
        .await
        .map(|()| StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/api/v1/organizations", tag = "identity", params(crate::http::extract::ListParameters),
    responses((status = 200, body = Page<Organization>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn organization_list(
    State(app): State<App>,
    caller: Caller,
    list: List,
) -> Result<axum::Json<Page<Organization>>> {
    organizations::organization_list(&app, &caller, list)
        .await
        .map(axum::Json)
}

#[utoipa::path(post, path = "/api/v1/organizations", tag = "identity", request_body = OrganizationCreate,
    responses((status = 201, body = Organization), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn organization_create(
    State(app): State<App>,
    caller: Caller,
    key: Key,
    Json(request): Json<OrganizationCreate>,
) -> Result<(StatusCode, axum::Json<Organization>)> {
    Ok((
        StatusCode::CREATED,
        axum::Json(organizations::organization_create(&app, &caller, request, key).await?),
    ))
}

#[utoipa::path(patch, path = "/api/v1/organizations/{id}", tag = "identity", params(("id" = i64, Path)), request_body = OrganizationUpdate,
    responses((status = 200, body = Organization), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn organization_update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<OrganizationId>,
    Json(request): Json<OrganizationUpdate>,
) -> Result<axum::Json<Organization>> {
    organizations::organization_update(&app, &caller, id, request)
        .await
        .map(axum::Json)
}

#[utoipa::path(post, path = "/api/v1/organizations/{id}/departments", tag = "identity", params(("id" = i64, Path)), request_body = DepartmentCreate,
    responses((status = 201, body = Department), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn department_create(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<OrganizationId>,
    key: Key,
    Json(request): Json<DepartmentCreate>,
) -> Result<(StatusCode, axum::Json<Department>)> {
    Ok((
        StatusCode::CREATED,
        axum::Json(organizations::department_create(&app, &caller, id, request, key).await?),
    ))
}
