//! Signing in and out. Tries are limited per user name and address; a wrong name and a wrong password
//! look the same and take the same time.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use argon2::{Argon2, PasswordVerifier as _, password_hash::phc::PasswordHash};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};
use postern_api::identity::{PasswordChange, Session, SessionCreate};
use postern_store::{audit, identity, tx};
use tokio::sync::Semaphore;

use super::users::{check_new_password, hash_password, user_of};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        caller::{csrf_token, not_signed_in},
    },
    random,
};

const SESSION_LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// Tries at once, then one per six seconds, per user name from one address.
const BURST: NonZeroU32 = NonZeroU32::new(10).expect("not zero");
const REFILL: Duration = Duration::from_secs(6);
/// The same for one address with any names.
const ADDRESS_BURST: NonZeroU32 = NonZeroU32::new(60).expect("not zero");
const ADDRESS_REFILL: Duration = Duration::from_secs(1);
/// Refusals of one kind are recorded at most this often.
const RECORD_EVERY: Duration = Duration::from_secs(60);
/// Passwords checked at the same time: each takes a core for a while and 19 MiB.
const CHECKS: usize = 2;

#[derive(Debug)]
pub(crate) struct Limiter {
    names: DefaultKeyedRateLimiter<String>,
    addresses: DefaultKeyedRateLimiter<String>,
    records: DefaultKeyedRateLimiter<String>,
    pub(super) checks: Arc<Semaphore>,
}

impl Limiter {
    pub(crate) fn new() -> Self {
        let quota = |period, burst| Quota::with_period(period).expect("not zero").allow_burst(burst);
        Self {
            names: RateLimiter::keyed(quota(REFILL, BURST)),
            addresses: RateLimiter::keyed(quota(ADDRESS_REFILL, ADDRESS_BURST)),
            records: RateLimiter::keyed(quota(RECORD_EVERY, NonZeroU32::MIN)),
            checks: Arc::new(Semaphore::new(CHECKS)),
        }
    }

    /// Per name and address together, so that somebody else's tries do not lock a person out.
    fn spend(&self, username: &str, address: &str) -> Result<()> {
        let name = format!("{address} {}", username.to_lowercase());
        let spent = self
            .addresses
            .check_key(&address.to_owned())
            .and_then(|()| self.names.check_key(&name));
        spent.map_err(|until| {
            let wait = until.wait_time_from(governor::clock::DefaultClock::default().now());
            Error::RateLimited {
                retry_after_seconds: wait.as_secs() + 1,
            }
        })
    }

    /// Of refusals that anyone can cause at any rate, one in a while is recorded.
    pub(crate) fn is_worth_a_record(&self, what: &str) -> bool {
        self.records.check_key(&what.to_owned()).is_ok()
    }

    /// Forgets keys that are back at full allowance.
    pub(crate) fn sweep(&self) {
        self.names.retain_recent();
        self.addresses.retain_recent();
        self.records.retain_recent();
    }
}

/// The session, and the secret for the cookie.
pub(super) async fn session_create(
    app: &App,
    caller: &Caller,
    request: SessionCreate,
) -> Result<(Session, String)> {
    let wrong = || Error::Unauthenticated {
        code: "wrong_credentials",
        detail: "User name or password is wrong, or the user is switched off.",
    };
    spend(app, caller, &request.username, "session_create").await?;
    let username = request.username;
    let user = app
        .store
        .read::<_, Error, _>(tx!(tx => Ok(identity::user_by_name(tx, &username).await?)))
        .await?;
    let stored = user.as_ref().map(|user| user.password_hash.clone());
    let right = check_password(app, request.password, stored).await?;
    let user = user.filter(|user| right && user.active).ok_or_else(wrong)?;

    let now = app.now();
    let secret = random::secret();
    let (hash, expires, id) = (random::hash(&secret), now.plus(SESSION_LIFETIME), user.id);
    let mut entry = Caller {
        user: Some(user.clone()),
        ..caller.clone()
    }
    .entry(now, "session_create", format!("user:{id}"), user.tenant_id);
    entry.token_id = None;
    let bindings = app
        .store
        .write::<_, Error, _>(tx!(tx => {
            identity::session_create(tx, &hash, id, now, expires).await?;
            identity::user_signed_in(tx, id, now).await?;
            audit::append(tx, vec![entry]).await?;
            Ok(identity::binding_list(tx, &[id]).await?)
        }))
        .await?;
    let grants = bindings
        .iter()
        .map(|binding| Ok((binding.scope()?, binding.role)))
        .collect::<Result<_>>()?;
    let rights = postern_domain::permission::Rights::new(grants, None);
    let session = Session {
        user: user_of(user, &bindings)?,
        permissions: rights.held(),
        csrf_token: Some(csrf_token(&secret)),
        expires_at: expires,
    };
    Ok((session, secret))
}

pub(super) async fn session_show(app: &App, caller: &Caller) -> Result<Session> {
    let user = caller.user()?.clone();
    let id = user.id;
    let bindings = app
        .store
        .read::<_, Error, _>(tx!(tx => Ok(identity::binding_list(tx, &[id]).await?)))
        .await?;
    Ok(Session {
        user: user_of(user, &bindings)?,
        permissions: caller.rights.held(),
        csrf_token: caller.csrf.clone(),
        expires_at: caller.expires,
    })
}

pub(super) async fn session_delete(app: &App, caller: &Caller) -> Result<()> {
    let Some(hash) = caller.session.clone() else {
        return Err(Error::conflict(
            "no_session",
            "An API token has no session to end. Revoke the token instead.",
        ));
    };
    let user = caller.user.as_ref().ok_or_else(not_signed_in)?;
    let entry = caller.entry(
        app.now(),
        "session_delete",
        format!("user:{}", user.id),
        user.tenant_id,
    );
    app.store
        .write::<_, Error, _>(tx!(tx => {
            identity::session_delete(tx, &hash).await?;
            Ok(audit::append(tx, vec![entry]).await?)
        }))
        .await
}

/// Whoever is signed in knows the password, or they found a browser that somebody left open.
pub(super) async fn password_change(app: &App, caller: &Caller, request: PasswordChange) -> Result<()> {
    let user = caller.user()?.clone();
    check_new_password("new_password", &request.new_password)?;
    spend(app, caller, &user.username, "password_change").await?;
    if !check_password(app, request.current_password, Some(user.password_hash.clone())).await? {
        return Err(Error::invalid("current_password", "is not your password"));
    }
    let hash = hash_password(request.new_password).await?;
    let entry = caller.entry(
        app.now(),
        "password_change",
        format!("user:{}", user.id),
        user.tenant_id,
    );
    app.store
        .write::<_, Error, _>(tx!(tx => {
            // Checking takes a while: an administrator may have been faster.
            if !identity::password_change(tx, user.id, &user.password_hash, &hash).await? {
                return Err(Error::conflict(
                    "user_changed",
                    "Your user or password was changed meanwhile. Sign in again.",
                ));
            }
            identity::sessions_end(tx, user.id).await?;
            Ok(audit::append(tx, vec![entry]).await?)
        }))
        .await
}

/// A try at a password. That the limit is reached is on record, once a minute for a caller.
async fn spend(app: &App, caller: &Caller, username: &str, operation: &'static str) -> Result<()> {
    let address = caller.address.as_deref().unwrap_or_default();
    let spent = app.limiter.spend(username, address);
    let what = format!("{operation} {} {address}", caller.actor());
    if spent.is_err() && app.limiter.is_worth_a_record(&what) {
        let mut entry = caller.refused_entry(app.now(), operation, "session".into());
        entry.reason = Some("Too many tries with passwords".into());
        let written = app
            .store
            .write::<_, Error, _>(tx!(tx => Ok(audit::append(tx, vec![entry]).await?)))
            .await;
        if let Err(error) = written {
            tracing::error!(%error, operation, "a refusal could not be recorded");
        }
    }
    spent
}

/// Against a fixed hash when there is no such user, so that the time tells nothing.
async fn check_password(app: &App, password: String, stored: Option<String>) -> Result<bool> {
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$cG9zdGVybi1ub2JvZHk$S0P5xC0c0eFvC8Jd3xS2Vd2w0m8lJ1hXv1gq2b3n4oE";
    let permit = app.limiter.checks.clone().acquire_owned().await;
    let check = move || {
        let _permit = permit;
        let known = stored.is_some();
        let text = stored.unwrap_or_else(|| NOBODY.to_owned());
        let right = PasswordHash::new(&text).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok()
        });
        right && known
    };
    tokio::task::spawn_blocking(check)
        .await
        .map_err(|error| Error::Internal(error.to_string()))
}
