//! Organizations of a tenant, and their departments.

use postern_api::{
    Page,
    identity::{Department, DepartmentCreate, Organization, OrganizationCreate, OrganizationUpdate},
};
use postern_domain::{
    OrganizationId,
    permission::{Permission, Place},
};
use postern_store::{Cursor, SortDirection, Tx, audit, identity, tx};

use super::users::{may_manage, text};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        extract::{List, page_of, unknown_filter},
        idempotency::{self, Key},
    },
    named,
};

fn organization_of(found: identity::Organization, departments: &[identity::Department]) -> Organization {
    let own = departments
        .iter()
        .filter(|department| department.organization_id == found.id);
    Organization {
        departments: own
            .map(|department| Department {
                id: department.id,
                name: department.name.clone(),
            })
            .collect(),
        id: found.id,
        tenant_id: found.tenant_id,
        name: found.name,
        renew_credentials: found.renew_credentials,
    }
}

pub(super) async fn organization_list(
    app: &App,
    caller: &Caller,
    mut list: List,
) -> Result<Page<Organization>> {
    list.sort_by(&["name"], SortDirection::Ascending)?;
    if let Some((field, _)) = list.filters.first() {
        return Err(unknown_filter(field, "none"));
    }
    let (own, reach) = (caller.tenant()?, caller.reach(Permission::UsersManage));
    let (page, limit, search) = (list.page.clone(), list.page.limit, list.search);
    let (found, departments) = app
        .store
        .scan::<_, Error, _>(tx!(tx => {
            let found = identity::organization_list(tx, own, &reach, search.as_deref(), &page).await?;
            let ids: Vec<_> = found.iter().map(|organization| organization.id).collect();
            let departments = identity::department_list(tx, &ids).await?;
            Ok((found, departments))
        }))
        .await?;
    let cursor = |found: &identity::Organization| Cursor {
        key: found.name.clone(),
        id: found.id.0,
    };
    page_of(found, limit, cursor, |found| {
        Ok(organization_of(found, &departments))
    })
}

pub(super) async fn organization_create(
    app: &App,
    caller: &Caller,
    request: OrganizationCreate,
    key: Key,
) -> Result<Organization> {
    let tenant = caller.tenant()?;
    may_manage(caller, Place::tenant(tenant), || {
        Error::Forbidden(Permission::UsersManage)
    })?;
    named::check(&request.name, "organizations")?;
    let (now, author, name) = (app.now(), caller.clone(), request.name.clone());
    let created = idempotency::create(app, caller, key, "organization_create", &request, tx!(tx => {
        let id = identity::organization_create(tx, tenant, &name, now).await.map_err(|error| taken(error, &name))?;
        let organization = load(tx, id).await?;
        let mut entry = author.entry(now, "organization_create", format!("organization:{id}"), organization.tenant_id);
        entry.after = Some(text(&organization));
        audit::append(tx, vec![entry]).await?;
        Ok(organization)
    }))
    .await?;
    Ok(created.0)
}

pub(super) async fn organization_update(
    app: &App,
    caller: &Caller,
    id: OrganizationId,
    request: OrganizationUpdate,
) -> Result<Organization> {
    let (now, caller) = (app.now(), caller.clone());
    app.store
        .write(tx!(tx => {
            let before = load(tx, id).await?;
            may_manage(&caller, Place::organization(before.tenant_id, id), || missing(id))?;
            let name = match request.name {
                Some(name) if name != before.name => {
                    named::check(&name, "organizations")?;
                    name
                }
                Some(_) | None => before.name.clone(),
            };
            let renew = request.renew_credentials.unwrap_or(before.renew_credentials);
            identity::organization_update(tx, id, &name, renew).await.map_err(|error| taken(error, &name))?;
            let organization = load(tx, id).await?;
            let mut entry = caller.entry(now, "organization_update", format!("organization:{id}"), organization.tenant_id);
            entry.before = Some(text(&before));
            entry.after = Some(text(&organization));
            audit::append(tx, vec![entry]).await?;
            Ok(organization)
        }))
        .await
}

pub(super) async fn department_create(
    app: &App,
    caller: &Caller,
    id: OrganizationId,
    request: DepartmentCreate,
    key: Key,
) -> Result<Department> {
    named::check(&request.name, "departments")?;
    let (now, author, name) = (app.now(), caller.clone(), request.name.clone());
    let created = idempotency::create(app, caller, key, "department_create", &(id, &request), tx!(tx => {
        let organization = identity::organization_find(tx, id).await?.ok_or_else(|| missing(id))?;
        may_manage(&author, Place::organization(organization.tenant_id, id), || missing(id))?;
        let department =
            identity::department_create(tx, &organization, &name).await.map_err(|error| taken(error, &name))?;
        let department = Department { id: department, name };
        let mut entry = author.entry(now, "department_create", format!("organization:{id}"), organization.tenant_id);
        entry.after = Some(text(&department));
        audit::append(tx, vec![entry]).await?;
        Ok(department)
    }))
    .await?;
    Ok(created.0)
}

async fn load(tx: &mut Tx<'_>, id: OrganizationId) -> Result<Organization> {
    let found = identity::organization_find(tx, id)
        .await?
        .ok_or_else(|| missing(id))?;
    let departments = identity::department_list(tx, &[id]).await?;
    Ok(organization_of(found, &departments))
}

fn missing(id: OrganizationId) -> Error {
    Error::not_found("organization", id)
}

fn taken(error: postern_store::Error, name: &str) -> Error {
    match error {
        postern_store::Error::Duplicate(_) => Error::conflict(
            "name_taken",
            format!("There is one named {name:?} already. Choose another name."),
        ),
        other => other.into(),
    }
}
