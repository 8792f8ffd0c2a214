use postern_api::{
    ListRequest, Page,
    identity::{
        Binding, BindingCreate, Department, DepartmentCreate, Organization, OrganizationCreate,
        OrganizationUpdate, PasswordChange, RoleDescription, Session, SessionCreate, Token, TokenCreate,
        TokenCreated, User, UserCreate, UserUpdate,
    },
};
use postern_domain::{BindingId, OrganizationId, TokenId, UserId};
use reqwest::{Method, header::SET_COOKIE};

use super::segments;
use crate::{Client, Credentials, Error, IdempotencyKey, SESSION_COOKIE, Secret, paging};

/// A new session, with what the next calls need to be part of it.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub session: Session,
    pub credentials: Credentials,
}

impl Client {
    /// Never repeated by itself: a wrong password counts against the limit of sign-ins.
    pub async fn session_create(&self, request: &SessionCreate) -> Result<SignedIn, Error> {
        let call = self.call(Method::POST, segments!["session"]).body(request);
        let response = call.open().await?;
        let status = response.status().as_u16();
        let cookie = response.headers().get_all(SET_COOKIE).iter().find_map(|value| {
            let pair = value.to_str().ok()?.split(';').next()?;
            let (name, value) = pair.trim().split_once('=')?;
            (name == SESSION_COOKIE).then(|| Secret::new(value))
        });
        let session: Session = call.read_json(response).await?;
        let csrf = session.csrf_token.as_deref().map(Secret::new);
        match (cookie, csrf) {
            (Some(cookie), Some(csrf)) => Ok(SignedIn {
                session,
                credentials: Credentials::Session { cookie, csrf },
            }),
            _ => Err(Error::Decode {
                url: self.base_url().origin().ascii_serialization(),
                status,
                cause: "the answer to the sign-in has no session in it".to_owned(),
            }),
        }
    }

    /// Who the caller is.
    pub async fn session_show(&self) -> Result<Session, Error> {
        self.call(Method::GET, segments!["session"]).json().await
    }

    pub async fn session_delete(&self) -> Result<(), Error> {
        self.call(Method::DELETE, segments!["session"]).nothing().await
    }

    pub async fn password_change(&self, request: &PasswordChange) -> Result<(), Error> {
        self.call(Method::POST, segments!["session", "password"])
            .body(request)
            .nothing()
            .await
    }

    pub async fn user_list(&self, request: &ListRequest) -> Result<Page<User>, Error> {
        self.call(Method::GET, segments!["users"])
            .query(request.to_query())
            .json()
            .await
    }

    pub async fn user_list_all(&self, request: &ListRequest, limit: usize) -> Result<Page<User>, Error> {
        paging::collect(request, limit, |page| async move { self.user_list(&page).await }).await
    }

    pub async fn user_create(&self, request: &UserCreate, key: &IdempotencyKey) -> Result<User, Error> {
        self.call(Method::POST, segments!["users"])
            .body(request)
            .key(key)
            .json()
            .await
    }

    pub async fn user_show(&self, id: UserId) -> Result<User, Error> {
        self.call(Method::GET, segments!["users", id]).json().await
    }

    pub async fn user_update(&self, id: UserId, request: &UserUpdate) -> Result<User, Error> {
        self.call(Method::PATCH, segments!["users", id])
            .body(request)
            .json()
            .await
    }

    pub async fn user_delete(&self, id: UserId) -> Result<(), Error> {
        self.call(Method::DELETE, segments!["users", id]).nothing().await
    }

    pub async fn binding_create(
        &self,
        user: UserId,
        request: &BindingCreate,
        key: &IdempotencyKey,
    ) -> Result<Binding, Error> {
        self.call(Method::POST, segments!["users", user, "bindings"])
            .body(request)
            .key(key)
            .json()
            .await
    }

    pub async fn binding_delete(&self, user: UserId, binding: BindingId) -> Result<(), Error> {
        self.call(Method::DELETE, segments!["users", user, "bindings", binding])
            .nothing()
            .await
    }

    pub async fn role_list(&self) -> Result<Vec<RoleDescription>, Error> {
        self.call(Method::GET, segments!["roles"]).json().await
    }

    pub async fn token_list(&self, request: &ListRequest) -> Result<Page<Token>, Error> {
        self.call(Method::GET, segments!["tokens"])
            .query(request.to_query())
            .json()
            .await
    }

    pub async fn token_list_all(&self, request: &ListRequest, limit: usize) -> Result<Page<Token>, Error> {
        paging::collect(request, limit, |page| async move { self.token_list(&page).await }).await
    }

    pub async fn token_create(
        &self,
        request: &TokenCreate,
        key: &IdempotencyKey,
    ) -> Result<TokenCreated, Error> {
        self.call(Method::POST, segments!["tokens"])
            .body(request)
            .key(key)
            .json()
            .await
    }

    pub async fn token_delete(&self, id: TokenId) -> Result<(), Error> {
        self.call(Method::DELETE, segments!["tokens", id]).nothing().await
    }

    pub async fn organization_list(&self, request: &ListRequest) -> Result<Page<Organization>, Error> {
        self.call(Method::GET, segments!["organizations"])
            .query(request.to_query())
            .json()
            .await
    }

    pub async fn organization_list_all(
        &self,
        request: &ListRequest,
        limit: usize,
    ) -> Result<Page<Organization>, Error> {
        paging::collect(request, limit, |page| async move {
            self.organization_list(&page).await
        })
        .await
    }

    pub async fn organization_create(
        &self,
        request: &OrganizationCreate,
        key: &IdempotencyKey,
    ) -> Result<Organization, Error> {
        self.call(Method::POST, segments!["organizations"])
            .body(request)
            .key(key)
            .json()
            .await
    }

    pub async fn organization_update(
        &self,
        id: OrganizationId,
        request: &OrganizationUpdate,
    ) -> Result<Organization, Error> {
        self.call(Method::PATCH, segments!["organizations", id])
            .body(request)
            .json()
            .await
    }

    pub async fn department_create(
        &self,
        organization: OrganizationId,
        request: &DepartmentCreate,
        key: &IdempotencyKey,
    ) -> Result<Department, Error> {
        self.call(
            Method::POST,
            segments!["organizations", organization, "departments"],
        )
        .body(request)
        .key(key)
        .json()
        .await
    }
}
