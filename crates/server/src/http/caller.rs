//! Who calls: a browser session (cookie) or an API token (bearer).

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderMap, Method, header, request::Parts},
};
use postern_domain::{
    TenantId, Timestamp, TokenId,
    permission::{Permission, Place, Reach, Rights},
};
use postern_store::{Tx, audit, identity, tx};
use sha2::{Digest as _, Sha256};

use crate::{app::App, error::Error, random};

pub(crate) const SESSION_COOKIE: &str = "__Host-postern_session";
pub(crate) const CSRF_HEADER: &str = "x-csrf-token";
pub(crate) const TOKEN_PREFIX: &str = "pst_";
/// A token's last use is written at most this often.
const LAST_USED_EVERY: Duration = Duration::from_secs(60);

/// The one who calls, with everything they may do. Rights are read anew for every request, so that a revoked
/// session, token or role ends everywhere at once.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) user: Option<identity::User>,
    pub(crate) token: Option<TokenId>,
    pub(crate) rights: Rights,
    /// The token, if it has not all the rights of its user.
    pub(crate) limited: Option<TokenId>,
    /// Hash of the browser session, if it is one.
    pub(crate) session: Option<String>,
    pub(crate) csrf: Option<String>,
    pub(crate) expires: Timestamp,
    pub(crate) address: Option<String>,
    /// What acts on the user's account while they are away.
    pub(crate) through: Option<String>,
}

pub(crate) fn not_signed_in() -> Error {
    Error::Unauthenticated {
        code: "not_signed_in",
        detail: "Sign in first, or send an API token: Authorization: Bearer pst_…",
    }
}

impl Caller {
    fn anonymous(address: Option<String>) -> Self {
        Self {
            user: None,
            token: None,
            limited: None,
            rights: Rights::default(),
            session: None,
            csrf: None,
            expires: Timestamp::from_micros(0),
            address,
            through: None,
        }
    }

    pub(crate) fn user(&self) -> Result<&identity::User, Error> {
        self.user.as_ref().ok_or_else(not_signed_in)
    }

    pub(crate) fn tenant(&self) -> Result<TenantId, Error> {
        self.user().map(|user| user.tenant_id)
    }

    /// `user:5 (anna)`, `schedule:7 (nightly) for user:5 (anna)`
    pub(crate) fn actor(&self) -> String {
        let user = self.user.as_ref().map_or_else(
            || "anonymous".into(),
            |user| format!("user:{} ({})", user.id, user.username),
        );
        match &self.through {
            Some(through) => format!("{through} for {user}"),
            None => user,
        }
    }

    /// The same person, acting through something of theirs.
    pub(crate) fn through(self, through: String) -> Self {
        Self {
            through: Some(through),
            ..self
        }
    }

    /// An object may be changed: whoever may not even see it learns nothing of it.
    pub(crate) fn require(
        &self,
        needed: Permission,
        view: Permission,
        place: Place,
        hidden: impl FnOnce() -> Error,
    ) -> Result<(), Error> {
        if self.rights.allow(needed, place) {
            Ok(())
        } else if self.rights.allow(view, place) {
            Err(Error::Forbidden(needed))
        } else {
            Err(hidden())
        }
    }

    pub(crate) fn reach(&self, permission: Permission) -> Reach {
        self.rights.reach(permission)
    }

    /// A record of what this caller does to an object of this tenant, to be completed by the operation.
    pub(crate) fn entry(
        &self,
        now: Timestamp,
        action: &'static str,
        object: String,
        tenant: TenantId,
    ) -> audit::Entry {
        audit::Entry {
            tenant: Some(tenant),
            refused: false,
            ..self.refused_entry(now, action, object)
        }
    }

    /// A record of what this caller was refused. Whose object it was is not said: they may not even know of it.
    pub(crate) fn refused_entry(&self, now: Timestamp, action: &'static str, object: String) -> audit::Entry {
        audit::Entry {
            tenant: self.user.as_ref().map(|user| user.tenant_id),
            at: now,
            actor: self.actor(),
            token_id: self.token.map(|id| id.0),
            action,
            object,
            refused: true,
            before: None,
            after: None,
            reason: None,
            address: self.address.clone(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Error::Internal("a route without its guard".into()))
    }
}

/// What of a request tells who calls.
#[derive(Debug)]
pub(crate) struct Credentials {
    headers: HeaderMap,
    change: bool,
    address: Option<String>,
}

impl Credentials {
    pub(crate) fn of(request: &Request) -> Self {
        Self {
            headers: request.headers().clone(),
            change: !matches!(*request.method(), Method::GET | Method::HEAD),
            address: request
                .extensions()
                .get::<SocketAddr>()
                .map(|address| address.ip().to_string()),
        }
    }
}

/// Finds the caller. On refusal, the caller as far as known, for the record.
pub(crate) async fn identify(
    app: &App,
    credentials: &Credentials,
    operation: &'static str,
) -> Result<Caller, Box<(Caller, Error)>> {
    let Credentials {
        headers,
        change,
        address,
    } = credentials;
    let anonymous = Caller::anonymous(address.clone());
    let now = app.now();
    let found = if let Some(secret) = bearer(headers) {
        by_token(app, secret, now).await
    } else if let Some(secret) = cookie(headers) {
        by_session(app, secret, now).await
    } else {
        return Ok(anonymous);
    };
    let mut caller = match found {
        Ok(caller) => caller,
        // Signing in again is how one gets out of a dead session.
        Err(_) if operation == "session_create" => return Ok(anonymous),
        Err(error) => return Err(Box::new((anonymous, error))),
    };
    caller.address.clone_from(address);
    if *change && caller.session.is_some() && operation != "session_create" {
        let sent = headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok());
        if sent.is_none() || sent != caller.csrf.as_deref() {
            let error = Error::ForbiddenBecause {
                code: "csrf_token_missing",
                detail: "A change from a browser session needs the header X-CSRF-Token with the session's csrf_token. Reload the page.".into(),
            };
            return Err(Box::new((caller, error)));
        }
    }
    Ok(caller)
}

async fn by_token(app: &App, secret: &str, now: Timestamp) -> Result<Caller, Error> {
    let hash = random::hash(secret);
    let found = app
        .store
        .look::<_, Error, _>(tx!(tx => {
            let Some(token) = identity::token_by_hash(tx, &hash, now).await? else { return Ok(None) };
            let person = person(tx, token.user_id).await?;
            Ok(Some((token, person)))
        }))
        .await?;
    let Some((token, Some((user, grants)))) = found else {
        return Err(Error::Unauthenticated {
            code: "token_invalid",
            detail: "The API token is unknown, expired or revoked, or its user is switched off. Make a new one.",
        });
    };
    let only = token.permissions.as_deref().map(permission_set).transpose()?;
    if token
        .last_used
        .is_none_or(|used| now.since(used) > LAST_USED_EVERY)
    {
        let id = token.id;
        app.store
            .write::<_, Error, _>(tx!(tx => Ok(identity::token_used(tx, id, now).await?)))
            .await?;
    }
    Ok(Caller {
        limited: only.is_some().then_some(token.id),
        rights: Rights::new(grants, only),
        user: Some(user),
        token: Some(token.id),
        session: None,
        csrf: None,
        expires: token.expires,
        address: None,
        through: None,
    })
}

async fn by_session(app: &App, secret: &str, now: Timestamp) -> Result<Caller, Error> {
    let hash = random::hash(secret);
    let lookup = hash.clone();
    let found = app
        .store
        .look::<_, Error, _>(tx!(tx => {
            let Some((user, expires)) = identity::session_find(tx, &lookup, now).await? else { return Ok(None) };
            Ok(person(tx, user).await?.map(|person| (person, expires)))
        }))
        .await?;
    let Some(((user, grants), expires)) = found else {
        return Err(Error::Unauthenticated {
            code: "session_ended",
            detail: "The session has ended. Sign in again.",
        });
    };
    Ok(Caller {
        rights: Rights::new(grants, None),
        user: Some(user),
        token: None,
        limited: None,
        session: Some(hash),
        csrf: Some(csrf_token(secret)),
        expires,
        address: None,
        through: None,
    })
}

type Grants = Vec<(
    postern_domain::permission::Scope,
    postern_domain::permission::Role,
)>;

/// A user as if they had called themselves, by this token where there is one; `None` when they are gone or switched
/// off.
pub(crate) async fn caller_of(
    tx: &mut Tx<'_>,
    id: postern_domain::UserId,
    token: Option<&identity::Token>,
) -> Result<Option<Caller>, Error> {
    let only = token
        .and_then(|token| token.permissions.as_deref())
        .map(permission_set)
        .transpose()?;
    let found = person(tx, id).await?;
    Ok(found.map(|(user, grants)| Caller {
        rights: Rights::new(grants, only),
        user: Some(user),
        token: token.map(|token| token.id),
        ..Caller::anonymous(None)
    }))
}

/// An active user with their grants.
async fn person(
    tx: &mut Tx<'_>,
    id: postern_domain::UserId,
) -> Result<Option<(identity::User, Grants)>, Error> {
    let found = identity::user_with_bindings(tx, id).await?;
    let Some((user, bindings)) = found.filter(|(user, _)| user.active) else {
        return Ok(None);
    };
    let grants = bindings
        .iter()
        .map(|binding| Ok((binding.scope()?, binding.role)))
        .collect::<Result<_, Error>>()?;
    Ok(Some((user, grants)))
}

pub(crate) fn permission_set(json: &str) -> Result<BTreeSet<Permission>, Error> {
    serde_json::from_str(json).map_err(|error| Error::Internal(format!("a token's permissions: {error}")))
}

/// Tied to the session's secret, which scripts cannot read and other sites do not have.
pub(crate) fn csrf_token(secret: &str) -> String {
    let digest = Sha256::new()
        .chain_update(b"postern-csrf\n")
        .chain_update(secret.as_bytes())
        .finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers.get_all(header::COOKIE).iter().find_map(|value| {
        value.to_str().ok()?.split(';').find_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == SESSION_COOKIE).then_some(value)
        })
    })
}
