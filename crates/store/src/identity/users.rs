//! People and the roles that are bound to them.

use postern_domain::{
    BindingId, DepartmentId, OrganizationId, TenantId, Timestamp, UserId,
    permission::{Place, Reach, Role, Scope},
};

use crate::{
    Error, ListQuery, Tx,
    engine::{read_all, read_first, record, values},
    list::{Key, Select, contains},
};

record! {
    pub struct User {
        pub id: UserId,
        pub tenant_id: TenantId,
        pub username: String,
        pub display_name: String,
        pub password_hash: String,
        pub active: bool,
        pub created: Timestamp,
        pub last_sign_in: Option<Timestamp>,
        pub email: Option<String>,
    }
}

macro_rules! user_columns {
    () => {
        "u.id, u.tenant_id, u.username, u.display_name, u.password_hash, u.active, u.created_us, u.last_sign_in_us, u.email"
    };
}

#[derive(Debug, Clone)]
pub struct NewUser {
    pub tenant: TenantId,
    pub username: String,
    pub display_name: String,
    pub email: Option<String>,
    pub password_hash: String,
}

record! {
    pub struct Binding {
        pub id: BindingId,
        pub user_id: UserId,
        pub role: Role,
        pub scope_kind: String,
        pub scope_id: i64,
    }
}

macro_rules! binding_select {
    () => {
        "SELECT id, user_id, role, scope_kind, scope_id FROM bindings"
    };
}

impl Binding {
    pub fn scope(&self) -> Result<Scope, Error> {
        match self.scope_kind.as_str() {
            "cluster" => Ok(Scope::Cluster),
            "tenant" => Ok(Scope::Tenant(TenantId(self.scope_id))),
            "organization" => Ok(Scope::Organization(OrganizationId(self.scope_id))),
            "department" => Ok(Scope::Department(DepartmentId(self.scope_id))),
            other => Err(Error::Shape(format!("unknown scope {other:?}"))),
        }
    }
}

fn scope_columns(scope: Scope) -> (&'static str, i64) {
    match scope {
        Scope::Cluster => ("cluster", 0),
        Scope::Tenant(id) => ("tenant", id.0),
        Scope::Organization(id) => ("organization", id.0),
        Scope::Department(id) => ("department", id.0),
    }
}

pub async fn user_count(tx: &mut Tx<'_>) -> Result<i64, Error> {
    tx.query_one("SELECT count(*) FROM users", &[]).await?.read(0)
}

pub async fn user_create(tx: &mut Tx<'_>, user: NewUser, now: Timestamp) -> Result<UserId, Error> {
    let sql = "INSERT INTO users (tenant_id, username, display_name, email, password_hash, created_us)
               VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
    let values = values![
        user.tenant,
        user.username,
        user.display_name,
        user.email,
        user.password_hash,
        now
    ];
    tx.insert(sql, &values).await.map(UserId)
}

pub async fn user_find(tx: &mut Tx<'_>, id: UserId) -> Result<Option<User>, Error> {
    let sql = concat!("SELECT ", user_columns!(), " FROM users u WHERE u.id = $1");
    tx.query_opt(sql, &values![id])
        .await?
        .map(User::from_row)
        .transpose()
}

/// A user with their bindings.
pub async fn user_with_bindings(tx: &mut Tx<'_>, id: UserId) -> Result<Option<(User, Vec<Binding>)>, Error> {
    let user = concat!("SELECT ", user_columns!(), " FROM users u WHERE u.id = $1");
    let bindings = concat!(binding_select!(), " WHERE user_id = $1 ORDER BY id");
    let values = || values![id].to_vec();
    let [users, bindings] = tx.query_each([(user, values()), (bindings, values())]).await?;
    let bindings = read_all(bindings, Binding::from_row)?;
    Ok(read_first(users, User::from_row)?.map(|user| (user, bindings)))
}

pub async fn user_by_name(tx: &mut Tx<'_>, username: &str) -> Result<Option<User>, Error> {
    let sql = concat!("SELECT ", user_columns!(), " FROM users u WHERE u.username = $1");
    tx.query_opt(sql, &values![username])
        .await?
        .map(User::from_row)
        .transpose()
}

#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    pub search: Option<String>,
    pub active: Option<bool>,
}

/// Users belong to a tenant; they are seen by whoever manages users of the whole tenant.
pub async fn user_list(
    tx: &mut Tx<'_>,
    reach: &Reach,
    filter: &UserFilter,
    page: &ListQuery,
) -> Result<Vec<User>, Error> {
    let mut select = Select::new(concat!("SELECT ", user_columns!(), " FROM users u"));
    if !reach.everywhere {
        select.and_in("u.tenant_id", reach.tenants.iter().copied());
    }
    if let Some(text) = &filter.search {
        let pattern = contains(text);
        let condition = "lower(u.username) LIKE ? ESCAPE '\\' OR lower(u.display_name) LIKE ? ESCAPE '\\'";
        select.and(condition, values![&pattern, &pattern]);
    }
    if let Some(active) = filter.active {
        select.and("u.active = ?", values![active]);
    }
    let (sql, values) = select.page(page, Key::Text("u.username"), "u.id")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(User::from_row)
        .collect()
}

pub async fn user_update(tx: &mut Tx<'_>, user: &User) -> Result<(), Error> {
    let sql = "UPDATE users SET display_name = $2, email = $3, active = $4, password_hash = $5 WHERE id = $1";
    let values = values![
        user.id,
        &user.display_name,
        user.email.clone(),
        user.active,
        &user.password_hash
    ];
    tx.execute(sql, &values).await.map(|_| ())
}

/// Only while the user is active and their password is still the one that was checked. Whether it was.
pub async fn password_change(
    tx: &mut Tx<'_>,
    id: UserId,
    checked_hash: &str,
    new_hash: &str,
) -> Result<bool, Error> {
    let sql = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2 AND active";
    let changed = tx.execute(sql, &values![id, checked_hash, new_hash]).await?;
    Ok(changed == 1)
}

pub async fn user_signed_in(tx: &mut Tx<'_>, id: UserId, now: Timestamp) -> Result<(), Error> {
    tx.execute(
        "UPDATE users SET last_sign_in_us = $2 WHERE id = $1",
        &values![id, now],
    )
    .await
    .map(|_| ())
}

pub async fn user_delete(tx: &mut Tx<'_>, id: UserId) -> Result<(), Error> {
    tx.execute("DELETE FROM users WHERE id = $1", &values![id])
        .await
        .map(|_| ())
}

pub async fn binding_create(
    tx: &mut Tx<'_>,
    user: UserId,
    role: Role,
    scope: Scope,
) -> Result<BindingId, Error> {
    let (kind, scope_id) = scope_columns(scope);
    let sql =
        "INSERT INTO bindings (user_id, role, scope_kind, scope_id) VALUES ($1, $2, $3, $4) RETURNING id";
    tx.insert(sql, &values![user, role, kind, scope_id])
        .await
        .map(BindingId)
}

pub async fn binding_delete(tx: &mut Tx<'_>, id: BindingId) -> Result<(), Error> {
    tx.execute("DELETE FROM bindings WHERE id = $1", &values![id])
        .await
        .map(|_| ())
}

pub async fn binding_list(tx: &mut Tx<'_>, users: &[UserId]) -> Result<Vec<Binding>, Error> {
    let mut select = Select::new(binding_select!());
    let (sql, values) = select
        .and_in("user_id", users.iter().copied())
        .push(" ORDER BY id")
        .parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Binding::from_row)
        .collect()
}

/// Active users of the tenant with a role that holds at this place.
pub async fn users_with(tx: &mut Tx<'_>, place: Place, role: Role) -> Result<Vec<UserId>, Error> {
    let sql = "SELECT DISTINCT u.id FROM users u JOIN bindings b ON b.user_id = u.id
               WHERE u.tenant_id = $1 AND u.active = TRUE AND b.role = $2
                 AND (b.scope_kind = 'cluster' OR (b.scope_kind = 'tenant' AND b.scope_id = $1)
                      OR (b.scope_kind = 'organization' AND b.scope_id = $3)
                      OR (b.scope_kind = 'department' AND b.scope_id = $4))
               ORDER BY u.id";
    let values = values![place.tenant, role, place.organization, place.department];
    tx.query(sql, &values)
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}
