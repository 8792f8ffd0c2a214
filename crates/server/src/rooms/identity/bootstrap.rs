//! The first start: tenant and organization `default`, and the first administrator.

use postern_domain::permission::{Role, Scope};
use postern_store::{audit, identity, tx};

use super::users::hash_password;
use crate::{
    clock::SharedClock,
    error::{Error, Result},
    random,
};

pub(crate) const DEFAULT: &str = "default";
pub(crate) const ADMIN: &str = "admin";

/// Returns the administrator's password when it was drawn here: it is shown once and stored only as a hash.
pub async fn first_start(
    store: &postern_store::Store,
    clock: &SharedClock,
    given: Option<String>,
) -> Result<Option<String>> {
    let users = store
        .read::<_, Error, _>(tx!(tx => Ok(identity::user_count(tx).await?)))
        .await?;
    if users > 0 {
        return Ok(None);
    }
    let drawn = given.is_none().then(|| random::secret()[..24].to_owned());
    let password = given.or_else(|| drawn.clone()).unwrap_or_default();
    let password_hash = hash_password(password).await?;
    let now = clock.now();
    let created = store
        .write::<_, Error, _>(tx!(tx => {
            let tenant = identity::tenant_create(tx, DEFAULT, now).await?;
            identity::organization_create(tx, tenant, DEFAULT, now).await?;
            let user = identity::NewUser {
                tenant,
                username: ADMIN.into(),
                display_name: "Administrator".into(),
                email: None,
                password_hash,
            };
            let id = identity::user_create(tx, user, now).await?;
            identity::binding_create(tx, id, Role::SiteAdministrator, Scope::Cluster).await?;
            let entry = audit::Entry {
                tenant: Some(tenant),
                after: Some(serde_json::json!({"tenant": DEFAULT, "username": ADMIN}).to_string()),
                ..audit::Entry::by_system(now, "first_start", format!("user:{id}"))
            };
            audit::append(tx, vec![entry]).await?;
            Ok(())
        }))
        .await;
    match created {
        Ok(()) => Ok(drawn),
        // Another server of the cluster started at the same moment and was first.
        Err(Error::Store(postern_store::Error::Duplicate(_))) => Ok(None),
        Err(error) => Err(error),
    }
}
