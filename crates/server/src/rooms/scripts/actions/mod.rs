//! Actions: saved operations of any type, with a draft that is edited and a deployed version that runs.

mod check;
pub(crate) mod routes;
pub(crate) mod run;
mod service;

use postern_domain::permission::Permission;
use postern_store::{Tx, scripts::actions};

use crate::{
    error::{Error, Result},
    http::Caller,
    runners::{self, definition_of},
};

const VIEW: Permission = Permission::JobsView;
const MANAGE: Permission = Permission::JobsManage;

fn missing(id: postern_domain::ActionId) -> Error {
    Error::not_found("action", id)
}

async fn find(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: postern_domain::ActionId,
    needed: Permission,
) -> Result<actions::Action> {
    allowed(caller, id, needed, actions::find(tx, id).await?)
}

/// For what only reads it, and is done with what it says at this moment.
async fn find_to_run(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: postern_domain::ActionId,
    needed: Permission,
) -> Result<actions::Action> {
    allowed(caller, id, needed, actions::find_to_run(tx, id).await?)
}

fn allowed(
    caller: &Caller,
    id: postern_domain::ActionId,
    needed: Permission,
    found: Option<actions::Action>,
) -> Result<actions::Action> {
    let action = found.ok_or_else(|| missing(id))?;
    caller.require(needed, VIEW, action.place(), || missing(id))?;
    Ok(action)
}

/// For a change by one of those who may make it.
async fn find_to_change(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: postern_domain::ActionId,
) -> Result<actions::Action> {
    let action = find(tx, caller, id, MANAGE).await?;
    runners::check_change(caller, &action)?;
    Ok(action)
}

/// The same for its end. Whoever names it at this moment uses it, or is too late.
async fn find_to_delete(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: postern_domain::ActionId,
) -> Result<actions::Action> {
    let action = allowed(caller, id, MANAGE, actions::find_to_delete(tx, id).await?)?;
    runners::check_change(caller, &action)?;
    Ok(action)
}
