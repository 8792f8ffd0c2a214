//! People, roles, sessions, API tokens, organizations.

use postern_domain::{
    BindingId, DepartmentId, OrganizationId, TenantId, Timestamp, TokenId, UserId,
    permission::{Place, Reach, Role, Scope},
};

use crate::{
    Error, ListQuery, Tx,
    engine::{Value, read_all, read_first, record, values},
    list::{Key, Select, contains, marks},
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

record! {
    pub struct Token {
        pub id: TokenId,
        pub user_id: UserId,
        pub username: String,
        pub tenant_id: TenantId,
        pub name: String,
        /// JSON list; `None`: everything its user may do.
        pub permissions: Option<String>,
        pub created: Timestamp,
        pub expires: Timestamp,
        pub last_used: Option<Timestamp>,
    }
}

macro_rules! token_columns {
    () => {
        "t.id, t.user_id, u.username, u.tenant_id, t.name, t.permissions, t.created_us, t.expires_us, t.last_used_us"
    };
}

record! {
    pub struct Organization {
        pub id: OrganizationId,
        pub tenant_id: TenantId,
        pub name: String,
        pub renew_credentials: bool,
    }
}

record! {
    pub struct Department {
        pub id: DepartmentId,
        pub tenant_id: TenantId,
        pub organization_id: OrganizationId,
        pub name: String,
    }
}

// ---- tenants, organizations, departments

pub async fn tenant_create(tx: &mut Tx<'_>, name: &str, now: Timestamp) -> Result<TenantId, Error> {
    let sql = "INSERT INTO tenants (name, created_us) VALUES ($1, $2) RETURNING id";
    tx.insert(sql, &values![name, now]).await.map(TenantId)
}

pub async fn tenant_exists(tx: &mut Tx<'_>, id: TenantId) -> Result<bool, Error> {
    Ok(tx
        .query_opt("SELECT 1 FROM tenants WHERE id = $1", &values![id])
        .await?
        .is_some())
}

pub async fn organization_create(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    name: &str,
    now: Timestamp,
) -> Result<OrganizationId, Error> {
    let sql = "INSERT INTO organizations (tenant_id, name, created_us) VALUES ($1, $2, $3) RETURNING id";
    tx.insert(sql, &values![tenant, name, now])
        .await
        .map(OrganizationId)
}

pub async fn organization_find(tx: &mut Tx<'_>, id: OrganizationId) -> Result<Option<Organization>, Error> {
    let sql = "SELECT id, tenant_id, name, renew_credentials FROM organizations WHERE id = $1";
    tx.query_opt(sql, &values![id])
        .await?
        .map(Organization::from_row)
        .transpose()
}

/// The oldest organization of a tenant: where things go when nobody says otherwise.
pub async fn organization_first(tx: &mut Tx<'_>, tenant: TenantId) -> Result<Option<Organization>, Error> {
    let sql = "SELECT id, tenant_id, name, renew_credentials FROM organizations WHERE tenant_id = $1 ORDER BY id LIMIT 1";
    tx.query_opt(sql, &values![tenant])
        .await?
        .map(Organization::from_row)
        .transpose()
}

/// `own` is the caller's tenant, whose organizations' names may be seen to pick from.
/// `search` looks into the names of organizations and of their departments.
pub async fn organization_list(
    tx: &mut Tx<'_>,
    own: TenantId,
    reach: &Reach,
    search: Option<&str>,
    page: &ListQuery,
) -> Result<Vec<Organization>, Error> {
    let mut select =
        Select::new("SELECT o.id, o.tenant_id, o.name, o.renew_credentials FROM organizations o");
    if !reach.everywhere {
        let tenants = reach.tenants.iter().copied().chain([own]);
        select.and_in("o.tenant_id", tenants);
    }
    if let Some(text) = search {
        let pattern = contains(text);
        let condition = "lower(o.name) LIKE ? ESCAPE '\\' OR EXISTS (SELECT 1 FROM departments d
            WHERE d.organization_id = o.id AND lower(d.name) LIKE ? ESCAPE '\\')";
        select.and(condition, values![&pattern, &pattern]);
    }
    let (sql, values) = select.page(page, Key::Text("o.name"), "o.id")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Organization::from_row)
        .collect()
}

pub async fn organization_update(
    tx: &mut Tx<'_>,
    id: OrganizationId,
    name: &str,
    renew_credentials: bool,
) -> Result<(), Error> {
    let sql = "UPDATE organizations SET name = $2, renew_credentials = $3 WHERE id = $1";
    tx.execute(sql, &values![id, name, renew_credentials])
        .await
        .map(|_| ())
}

pub async fn department_create(
    tx: &mut Tx<'_>,
    organization: &Organization,
    name: &str,
) -> Result<DepartmentId, Error> {
    let sql = "INSERT INTO departments (tenant_id, organization_id, name) VALUES ($1, $2, $3) RETURNING id";
    tx.insert(sql, &values![organization.tenant_id, organization.id, name])
        .await
        .map(DepartmentId)
}

pub async fn department_find(tx: &mut Tx<'_>, id: DepartmentId) -> Result<Option<Department>, Error> {
    let sql = "SELECT id, tenant_id, organization_id, name FROM departments WHERE id = $1";
    tx.query_opt(sql, &values![id])
        .await?
        .map(Department::from_row)
        .transpose()
}

pub async fn department_list(
    tx: &mut Tx<'_>,
    organizations: &[OrganizationId],
) -> Result<Vec<Department>, Error> {
    let mut select = Select::new("SELECT id, tenant_id, organization_id, name FROM departments");
    let (sql, values) = select
        .and_in("organization_id", organizations.iter().copied())
        .push(" ORDER BY name")
        .parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Department::from_row)
        .collect()
}

// ---- users and bindings

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

// ---- sessions and tokens; only hashes are stored

pub async fn session_create(
    tx: &mut Tx<'_>,
    hash: &str,
    user: UserId,
    now: Timestamp,
    expires: Timestamp,
) -> Result<(), Error> {
    let sql = "INSERT INTO sessions (hash, user_id, created_us, expires_us) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, &values![hash, user, now, expires])
        .await
        .map(|_| ())
}

/// The session's user and end, if it still holds.
pub async fn session_find(
    tx: &mut Tx<'_>,
    hash: &str,
    now: Timestamp,
) -> Result<Option<(UserId, Timestamp)>, Error> {
    let sql = "SELECT user_id, expires_us FROM sessions WHERE hash = $1 AND expires_us > $2";
    let row = tx.query_opt(sql, &values![hash, now]).await?;
    row.map(|mut row| Ok((row.take(0)?, row.take(1)?))).transpose()
}

pub async fn session_delete(tx: &mut Tx<'_>, hash: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM sessions WHERE hash = $1", &values![hash])
        .await
        .map(|_| ())
}

pub async fn sessions_end(tx: &mut Tx<'_>, user: UserId) -> Result<u64, Error> {
    tx.execute("DELETE FROM sessions WHERE user_id = $1", &values![user])
        .await
}

/// Removes what has ended by itself. Returns how many rows.
pub async fn expired_forget(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, Error> {
    tx.execute("DELETE FROM sessions WHERE expires_us <= $1", &values![now])
        .await
}

#[derive(Debug, Clone)]
pub struct NewToken {
    pub user: UserId,
    pub name: String,
    pub hash: String,
    pub permissions: Option<String>,
    pub expires: Timestamp,
}

pub async fn token_create(tx: &mut Tx<'_>, token: NewToken, now: Timestamp) -> Result<TokenId, Error> {
    let sql = "INSERT INTO tokens (user_id, name, hash, permissions, created_us, expires_us)
               VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
    let values = values![
        token.user,
        token.name,
        token.hash,
        token.permissions,
        now,
        token.expires
    ];
    tx.insert(sql, &values).await.map(TokenId)
}

pub async fn token_by_hash(tx: &mut Tx<'_>, hash: &str, now: Timestamp) -> Result<Option<Token>, Error> {
    let sql = concat!(
        "SELECT ",
        token_columns!(),
        " FROM tokens t JOIN users u ON u.id = t.user_id WHERE t.hash = $1 AND t.expires_us > $2"
    );
    tx.query_opt(sql, &values![hash, now])
        .await?
        .map(Token::from_row)
        .transpose()
}

pub async fn token_find(tx: &mut Tx<'_>, id: TokenId) -> Result<Option<Token>, Error> {
    let sql = concat!(
        "SELECT ",
        token_columns!(),
        " FROM tokens t JOIN users u ON u.id = t.user_id WHERE t.id = $1"
    );
    tx.query_opt(sql, &values![id])
        .await?
        .map(Token::from_row)
        .transpose()
}

/// Everyone sees their own tokens; whoever manages users sees those of the tenant.
/// `search` looks into the names of tokens and of their owners.
pub async fn token_list(
    tx: &mut Tx<'_>,
    own: UserId,
    reach: &Reach,
    search: Option<&str>,
    page: &ListQuery,
) -> Result<Vec<Token>, Error> {
    let head = concat!(
        "SELECT ",
        token_columns!(),
        " FROM tokens t JOIN users u ON u.id = t.user_id"
    );
    let mut select = Select::new(head);
    if !reach.everywhere {
        // Tenant ids start at 1: the 0 keeps the list from being empty.
        let tenants = [Value::Int(0)]
            .into_iter()
            .chain(reach.tenants.iter().copied().map(Value::from));
        let (marks, tenants) = marks(tenants);
        let condition = format!("t.user_id = ? OR u.tenant_id IN ({marks})");
        select.and(&condition, [Value::from(own)].into_iter().chain(tenants));
    }
    if let Some(text) = search {
        let pattern = contains(text);
        let condition = "lower(t.name) LIKE ? ESCAPE '\\' OR lower(u.username) LIKE ? ESCAPE '\\'";
        select.and(condition, values![&pattern, &pattern]);
    }
    let (sql, values) = select.page(page, Key::Id, "t.id")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Token::from_row)
        .collect()
}

pub async fn token_used(tx: &mut Tx<'_>, id: TokenId, now: Timestamp) -> Result<(), Error> {
    tx.execute(
        "UPDATE tokens SET last_used_us = $2 WHERE id = $1",
        &values![id, now],
    )
    .await
    .map(|_| ())
}

pub async fn token_delete(tx: &mut Tx<'_>, id: TokenId) -> Result<(), Error> {
    tx.execute("DELETE FROM tokens WHERE id = $1", &values![id])
        .await
        .map(|_| ())
}
