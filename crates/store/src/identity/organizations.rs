//! Tenants, organizations and departments.

use postern_domain::{DepartmentId, OrganizationId, TenantId, Timestamp, permission::Reach};

use crate::{
    Error, ListQuery, Tx,
    engine::{record, values},
    list::{Key, Select, contains},
};

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
