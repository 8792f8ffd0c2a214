//! Users and the roles they hold. Nobody can hand out more than they hold themselves.

use std::collections::HashMap;

use argon2::{Argon2, PasswordHasher as _};
use postern_api::{
    Page,
    identity::{Binding, BindingCreate, RoleDescription, User, UserCreate, UserUpdate},
};
use postern_domain::{
    BindingId, UserId,
    name::check_name,
    notify::check_email,
    permission::{Permission, Place, Role, Scope},
};
use postern_store::{Cursor, SortDirection, Tx, audit, identity, tx};

use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        extract::{List, one_bool, page_of, unknown_filter},
        idempotency::{self, Key},
    },
};

pub(crate) const MIN_PASSWORD: usize = 12;
/// Longer passwords are refused rather than cut.
pub(crate) const MAX_PASSWORD: usize = 256;
const MAX_DISPLAY_NAME: usize = 200;

pub(super) fn user_of(user: identity::User, bindings: &[identity::Binding]) -> Result<User> {
    Ok(User {
        bindings: bindings
            .iter()
            .filter(|binding| binding.user_id == user.id)
            .map(binding_of)
            .collect::<Result<_>>()?,
        id: user.id,
        tenant_id: user.tenant_id,
        username: user.username,
        display_name: user.display_name,
        email: user.email,
        active: user.active,
        created_at: user.created,
        last_sign_in_at: user.last_sign_in,
    })
}

fn binding_of(binding: &identity::Binding) -> Result<Binding> {
    Ok(Binding {
        id: binding.id,
        role: binding.role,
        scope: binding.scope()?,
    })
}

pub(super) async fn user_list(app: &App, caller: &Caller, mut list: List) -> Result<Page<User>> {
    list.sort_by(&["username"], SortDirection::Ascending)?;
    let mut filter = identity::UserFilter {
        search: list.search.clone(),
        active: None,
    };
    for (field, values) in &list.filters {
        match field.as_str() {
            "active" => filter.active = Some(one_bool(field, values)?),
            _ => return Err(unknown_filter(field, "active")),
        }
    }
    let reach = caller.reach(Permission::UsersManage);
    let (page, limit) = (list.page.clone(), list.page.limit);
    let (users, bindings) = app
        .store
        .scan::<_, Error, _>(tx!(tx => {
            let users = identity::user_list(tx, &reach, &filter, &page).await?;
            let ids: Vec<_> = users.iter().map(|user| user.id).collect();
            let bindings = identity::binding_list(tx, &ids).await?;
            Ok((users, bindings))
        }))
        .await?;
    let mut by_user: HashMap<UserId, Vec<identity::Binding>> = HashMap::new();
    for binding in bindings {
        by_user.entry(binding.user_id).or_default().push(binding);
    }
    let cursor = |user: &identity::User| Cursor {
        key: user.username.clone(),
        id: user.id.0,
    };
    page_of(users, limit, cursor, |user| {
        let bindings = by_user.remove(&user.id).unwrap_or_default();
        user_of(user, &bindings)
    })
}

pub(super) async fn user_create(app: &App, caller: &Caller, request: UserCreate, key: Key) -> Result<User> {
    let tenant = caller.tenant()?;
    may_manage(caller, Place::tenant(tenant), || {
        Error::Forbidden(Permission::UsersManage)
    })?;
    check_name(&request.username).map_err(|error| Error::invalid("username", error))?;
    check_display_name(&request.display_name)?;
    let email = email_of(request.email.as_deref())?;
    check_new_password("password", &request.password)?;
    // The key's request must not be compared by a fresh salt: the hash is made from the same password anyway.
    let password_hash = hash_password(request.password.clone()).await?;
    let now = app.now();
    let (author, wanted) = (caller.clone(), request.clone());
    let created = idempotency::create(
        app,
        caller,
        key,
        "user_create",
        &request,
        tx!(tx => {
            let user = identity::NewUser {
                tenant,
                username: wanted.username.clone(),
                display_name: wanted.display_name,
                email,
                password_hash,
            };
            let id = identity::user_create(tx, user, now).await.map_err(|error| match error {
                postern_store::Error::Duplicate(_) => taken(&wanted.username),
                other => other.into(),
            })?;
            for (index, binding) in wanted.bindings.iter().enumerate() {
                check_grant(tx, &author, binding, &format!("bindings[{index}]")).await?;
                bind(tx, id, binding).await?;
            }
            let user = load(tx, id).await?;
            let mut entry = author.entry(now, "user_create", format!("user:{id}"), user.tenant_id);
            entry.after = Some(text(&user));
            audit::append(tx, vec![entry]).await?;
            Ok(user)
        }),
    )
    .await?;
    Ok(created.0)
}

/// Nothing is no address.
fn email_of(given: Option<&str>) -> Result<Option<String>> {
    let Some(email) = given.filter(|email| !email.is_empty()) else {
        return Ok(None);
    };
    check_email(email).map_err(|error| Error::invalid("email", error))?;
    Ok(Some(email.to_owned()))
}

pub(super) async fn user_show(app: &App, caller: &Caller, id: UserId) -> Result<User> {
    let caller = caller.clone();
    app.store
        .read(tx!(tx => {
            let user = load(tx, id).await?;
            may_manage(&caller, Place::tenant(user.tenant_id), || missing(id))?;
            Ok(user)
        }))
        .await
}

pub(super) async fn user_update(app: &App, caller: &Caller, id: UserId, request: UserUpdate) -> Result<User> {
    if let Some(name) = &request.display_name {
        check_display_name(name)?;
    }
    let email = email_of(request.email.as_deref())?;
    let mut new_hash = None;
    if let Some(password) = request.password.clone() {
        check_new_password("password", &password)?;
        new_hash = Some(hash_password(password).await?);
    }
    let (now, caller) = (app.now(), caller.clone());
    app.store
        .write(tx!(tx => {
            let found = identity::user_find(tx, id).await?.ok_or_else(|| missing(id))?;
            may_manage(&caller, Place::tenant(found.tenant_id), || missing(id))?;
            covers_all(tx, &caller, id).await?;
            let before = load(tx, id).await?;
            let active = request.active.unwrap_or(found.active);
            if caller.user()?.id == id && !active {
                return Err(Error::conflict("own_user", "You cannot switch yourself off. Ask another administrator."));
            }
            let password_changed = new_hash.is_some();
            let wanted = identity::User {
                active,
                display_name: request.display_name.unwrap_or(found.display_name),
                email: if request.email.is_some() { email } else { found.email },
                password_hash: new_hash.unwrap_or(found.password_hash),
                ..found
            };
            identity::user_update(tx, &wanted).await?;
            if password_changed || !active {
                identity::sessions_end(tx, id).await?;
            }
            let user = load(tx, id).await?;
            let mut entry = caller.entry(now, "user_update", format!("user:{id}"), user.tenant_id);
            entry.before = Some(text(&before));
            entry.after = Some(text(&user));
            entry.reason = password_changed.then(|| "password changed".to_owned());
            audit::append(tx, vec![entry]).await?;
            Ok(user)
        }))
        .await
}

pub(super) async fn user_delete(app: &App, caller: &Caller, id: UserId) -> Result<()> {
    let (now, caller) = (app.now(), caller.clone());
    app.store
        .write(tx!(tx => {
            let user = load(tx, id).await?;
            may_manage(&caller, Place::tenant(user.tenant_id), || missing(id))?;
            if caller.user()?.id == id {
                return Err(Error::conflict("own_user", "You cannot delete yourself. Ask another administrator."));
            }
            covers_all(tx, &caller, id).await?;
            identity::user_delete(tx, id).await?;
            let mut entry = caller.entry(now, "user_delete", format!("user:{id}"), user.tenant_id);
            entry.before = Some(text(&user));
            Ok(audit::append(tx, vec![entry]).await?)
        }))
        .await
}

pub(super) async fn binding_create(
    app: &App,
    caller: &Caller,
    id: UserId,
    request: BindingCreate,
    key: Key,
) -> Result<Binding> {
    let (now, author, wanted) = (app.now(), caller.clone(), request.clone());
    let operation = "binding_create";
    let created = idempotency::create(
        app,
        caller,
        key,
        operation,
        &(id, &request),
        tx!(tx => {
            let user = load(tx, id).await?;
            may_manage(&author, Place::tenant(user.tenant_id), || missing(id))?;
            check_grant(tx, &author, &wanted, "scope").await?;
            let binding = bind(tx, id, &wanted).await?;
            let mut entry = author.entry(now, operation, format!("user:{id}"), user.tenant_id);
            entry.after = Some(text(&binding));
            audit::append(tx, vec![entry]).await?;
            Ok(binding)
        }),
    )
    .await?;
    Ok(created.0)
}

pub(super) async fn binding_delete(
    app: &App,
    caller: &Caller,
    id: UserId,
    binding_id: BindingId,
) -> Result<()> {
    let (now, caller) = (app.now(), caller.clone());
    app.store
        .write(tx!(tx => {
            let user = load(tx, id).await?;
            may_manage(&caller, Place::tenant(user.tenant_id), || missing(id))?;
            let binding = user
                .bindings
                .into_iter()
                .find(|binding| binding.id == binding_id)
                .ok_or_else(|| Error::not_found("binding", binding_id))?;
            check_cover(tx, &caller, binding.role, binding.scope, "scope").await?;
            if caller.user()?.id == id {
                return Err(Error::conflict("own_user", "You cannot take a role from yourself. Ask another administrator."));
            }
            identity::binding_delete(tx, binding_id).await?;
            let mut entry = caller.entry(now, "binding_delete", format!("user:{id}"), user.tenant_id);
            entry.before = Some(text(&binding));
            Ok(audit::append(tx, vec![entry]).await?)
        }))
        .await
}

pub(super) fn role_list() -> Vec<RoleDescription> {
    let describe = |role: &Role| RoleDescription {
        role: *role,
        permissions: role.permissions().to_vec(),
    };
    Role::ALL.iter().map(describe).collect()
}

pub(super) fn may_manage(caller: &Caller, place: Place, hidden: impl FnOnce() -> Error) -> Result<()> {
    caller.require(Permission::UsersManage, Permission::UsersManage, place, hidden)
}

async fn load(tx: &mut Tx<'_>, id: UserId) -> Result<User> {
    let user = identity::user_find(tx, id).await?.ok_or_else(|| missing(id))?;
    let bindings = identity::binding_list(tx, &[id]).await?;
    user_of(user, &bindings)
}

async fn bind(tx: &mut Tx<'_>, user: UserId, binding: &BindingCreate) -> Result<Binding> {
    let id = identity::binding_create(tx, user, binding.role, binding.scope)
        .await
        .map_err(|error| match error {
            postern_store::Error::Duplicate(_) => Error::conflict(
                "binding_exists",
                format!("The user has the role {} at this scope already.", binding.role),
            ),
            other => other.into(),
        })?;
    Ok(Binding {
        id,
        role: binding.role,
        scope: binding.scope,
    })
}

/// A role fits its scope, the scope exists, and the author manages users and holds all of the role there.
async fn check_grant(tx: &mut Tx<'_>, author: &Caller, binding: &BindingCreate, field: &str) -> Result<()> {
    if !binding.role.bindable_at(binding.scope) {
        return Err(Error::invalid(
            field,
            format!("the role {} cannot be bound at this kind of scope", binding.role),
        ));
    }
    check_cover(tx, author, binding.role, binding.scope, field).await
}

async fn check_cover(tx: &mut Tx<'_>, author: &Caller, role: Role, scope: Scope, field: &str) -> Result<()> {
    let place = match scope {
        Scope::Cluster => None,
        Scope::Tenant(id) => identity::tenant_exists(tx, id).await?.then(|| Place::tenant(id)),
        Scope::Organization(id) => identity::organization_find(tx, id)
            .await?
            .map(|found| Place::organization(found.tenant_id, found.id)),
        Scope::Department(id) => identity::department_find(tx, id).await?.map(|found| Place {
            tenant: found.tenant_id,
            organization: Some(found.organization_id),
            department: Some(found.id),
        }),
    };
    let holds = |permission| match (scope, place) {
        (Scope::Cluster, _) => author.reach(permission).everywhere,
        (_, Some(place)) => author.rights.allow(permission, place),
        (_, None) => false,
    };
    if holds(Permission::UsersManage) && role.permissions().iter().copied().all(holds) {
        Ok(())
    } else {
        Err(Error::invalid(
            field,
            "there is no such scope, or you do not manage users there, or hold less there than the role gives",
        ))
    }
}

/// Whoever changes a user must manage users, and hold as much, everywhere that user holds a role: else they could
/// take over more than they have.
async fn covers_all(tx: &mut Tx<'_>, author: &Caller, id: UserId) -> Result<()> {
    for binding in identity::binding_list(tx, &[id]).await? {
        if check_cover(tx, author, binding.role, binding.scope()?, "user")
            .await
            .is_err()
        {
            return Err(Error::ForbiddenBecause {
                code: "user_has_more_rights",
                detail: "This user holds a role where you do not manage users, or more than you hold. Ask an administrator of that scope."
                    .into(),
            });
        }
    }
    Ok(())
}

fn missing(id: UserId) -> Error {
    Error::not_found("user", id)
}

fn taken(username: &str) -> Error {
    Error::conflict(
        "username_taken",
        format!("There is a user {username:?} already. Choose another name."),
    )
}

fn check_display_name(name: &str) -> Result<()> {
    if name.chars().count() > MAX_DISPLAY_NAME || name.chars().any(char::is_control) {
        return Err(Error::invalid(
            "display_name",
            format!("must be at most {MAX_DISPLAY_NAME} characters without control characters"),
        ));
    }
    Ok(())
}

pub(super) fn check_new_password(field: &str, password: &str) -> Result<()> {
    if password.chars().count() < MIN_PASSWORD || password.len() > MAX_PASSWORD {
        let message =
            format!("must have {MIN_PASSWORD} characters or more, and at most {MAX_PASSWORD} bytes");
        return Err(Error::invalid(field, message));
    }
    Ok(())
}

pub(super) async fn hash_password(password: String) -> Result<String> {
    let hash = move || {
        Argon2::default()
            .hash_password(password.as_bytes())
            .map(|hash| hash.to_string())
    };
    tokio::task::spawn_blocking(hash)
        .await
        .map_err(|error| Error::Internal(error.to_string()))?
        .map_err(|error| Error::Internal(format!("password hash: {error}")))
}

pub(super) fn text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
