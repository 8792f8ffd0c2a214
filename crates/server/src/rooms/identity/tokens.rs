//! API tokens: a user's rights or a part of them, for programs, until a date.

use std::time::Duration;

use postern_api::{
    Page,
    identity::{Token, TokenCreate, TokenCreated},
};
use postern_domain::{
    TokenId,
    permission::{Permission, Place},
};
use postern_store::{Cursor, SortDirection, audit, identity, tx};

use super::users::text;
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        caller::{TOKEN_PREFIX, permission_set},
        extract::{List, page_of, unknown_filter},
        idempotency::{self, Key},
    },
    random,
};

const MAX_NAME: usize = 100;
const DEFAULT_DAYS: u32 = 90;
const MAX_DAYS: u32 = 365;

fn token_of(token: identity::Token) -> Result<Token> {
    let permissions = token.permissions.as_deref().map(permission_set).transpose()?;
    Ok(Token {
        id: token.id,
        name: token.name,
        user_id: token.user_id,
        username: token.username,
        permissions: permissions.map(|set| set.into_iter().collect()),
        created_at: token.created,
        expires_at: token.expires,
        last_used_at: token.last_used,
    })
}

pub(super) async fn token_list(app: &App, caller: &Caller, mut list: List) -> Result<Page<Token>> {
    list.sort_by(&["id"], SortDirection::Ascending)?;
    if let Some((field, _)) = list.filters.first() {
        return Err(unknown_filter(field, "none"));
    }
    let (own, reach) = (caller.user()?.id, caller.reach(Permission::UsersManage));
    let (page, limit, search) = (list.page.clone(), list.page.limit, list.search);
    let rows = app
        .store
        .scan::<_, Error, _>(
            tx!(tx => Ok(identity::token_list(tx, own, &reach, search.as_deref(), &page).await?)),
        )
        .await?;
    page_of(
        rows,
        limit,
        |token| Cursor {
            key: String::new(),
            id: token.id.0,
        },
        token_of,
    )
}

pub(super) async fn token_create(
    app: &App,
    caller: &Caller,
    request: TokenCreate,
    key: Key,
) -> Result<TokenCreated> {
    let user = caller.user()?.id;
    if request.name.trim().is_empty()
        || request.name.chars().count() > MAX_NAME
        || request.name.chars().any(char::is_control)
    {
        return Err(Error::invalid(
            "name",
            format!("must have 1 to {MAX_NAME} characters, without control characters"),
        ));
    }
    let days = request.expires_in_days.unwrap_or(DEFAULT_DAYS);
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(Error::invalid(
            "expires_in_days",
            format!("must be 1 to {MAX_DAYS}"),
        ));
    }
    // A token cannot make a stronger one than it is itself.
    let mut permissions = request.permissions.clone();
    if caller.token.is_some() {
        let held = caller.rights.held();
        match &permissions {
            Some(wanted) => {
                if let Some(extra) = wanted.iter().find(|permission| !held.contains(permission)) {
                    return Err(Error::Forbidden(*extra));
                }
            }
            None => permissions = Some(held),
        }
    }
    let now = app.now();
    let mut expires = now.plus(Duration::from_secs(u64::from(days) * 86_400));
    if caller.token.is_some() && expires > caller.expires {
        if request.expires_in_days.is_some() {
            let message = "a token cannot make one that outlives it: ask for fewer days, or sign in";
            return Err(Error::invalid("expires_in_days", message));
        }
        expires = caller.expires;
    }
    let secret = format!("{TOKEN_PREFIX}{}", random::secret());
    let new = identity::NewToken {
        user,
        name: request.name.clone(),
        hash: random::hash(&secret),
        permissions: permissions.map(|list| text(&list)),
        expires,
    };
    let author = caller.clone();
    let created = idempotency::create(
        app,
        caller,
        key,
        "token_create",
        &request,
        tx!(tx => {
            let id = identity::token_create(tx, new, now).await?;
            let token = identity::token_find(tx, id).await?.ok_or_else(|| Error::not_found("token", id))?;
            let tenant = token.tenant_id;
            let token = token_of(token)?;
            let mut entry = author.entry(now, "token_create", format!("token:{id}"), tenant);
            entry.after = Some(text(&token));
            audit::append(tx, vec![entry]).await?;
            Ok(TokenCreated { token, secret })
        }),
    )
    .await?;
    Ok(created.0)
}

pub(super) async fn token_delete(app: &App, caller: &Caller, id: TokenId) -> Result<()> {
    let (now, caller) = (app.now(), caller.clone());
    app.store
        .write(tx!(tx => {
            let missing = || Error::not_found("token", id);
            let token = identity::token_find(tx, id).await?.ok_or_else(missing)?;
            let own = token.user_id == caller.user()?.id;
            if !own && !caller.rights.allow(Permission::UsersManage, Place::tenant(token.tenant_id)) {
                return Err(missing());
            }
            identity::token_delete(tx, id).await?;
            let mut entry = caller.entry(now, "token_delete", format!("token:{id}"), token.tenant_id);
            entry.before = Some(text(&token_of(token)?));
            Ok(audit::append(tx, vec![entry]).await?)
        }))
        .await
}
