//! Where new things lie.

use postern_domain::{
    DepartmentId, OrganizationId,
    permission::{Permission, Place},
};
use postern_store::{Tx, identity};

use crate::{
    error::{Error, Result},
    http::Caller,
};

/// The same words for an organization that is not there and one that may not be known.
pub(crate) fn no_organization() -> Error {
    Error::invalid(
        "organization_id",
        "there is no such organization, or you may not use it",
    )
}

/// The department or organization that was named; `None` when none was.
pub(crate) async fn place_of(
    tx: &mut Tx<'_>,
    organization: Option<OrganizationId>,
    department: Option<DepartmentId>,
) -> Result<Option<Place>> {
    let found = match (organization, department) {
        (Some(id), _) => identity::organization_find(tx, id).await?,
        (None, Some(department)) => match identity::department_find(tx, department).await? {
            Some(department) => identity::organization_find(tx, department.organization_id).await?,
            None => None,
        },
        (None, None) => return Ok(None),
    };
    let found = found.ok_or_else(no_organization)?;
    let mut place = Place::organization(found.tenant_id, found.id);
    if let Some(id) = department {
        let department = identity::department_find(tx, id).await?;
        if department.is_none_or(|department| department.organization_id != found.id) {
            return Err(Error::invalid(
                "department_id",
                "there is no such department in this organization",
            ));
        }
        place.department = Some(id);
    }
    Ok(Some(place))
}

/// The place for something that may also belong to the caller's tenant as a whole. They must hold `needed` there.
pub(crate) async fn place_for(
    tx: &mut Tx<'_>,
    caller: &Caller,
    (organization, department): (Option<OrganizationId>, Option<DepartmentId>),
    needed: Permission,
    view: Permission,
) -> Result<Place> {
    match place_of(tx, organization, department).await? {
        Some(place) => {
            caller.require(needed, view, place, no_organization)?;
            Ok(place)
        }
        None => {
            let place = Place::tenant(caller.tenant()?);
            caller.require(needed, view, place, || {
                Error::invalid(
                    "organization_id",
                    "is missing: you may not make this for the whole tenant, only in an organization of yours",
                )
            })?;
            Ok(place)
        }
    }
}
