//! Actions: saved operations of any type, with a draft that is edited and a deployed version that runs.

mod check;
mod convert;
mod deploy;
mod draft;
mod record;
pub(crate) mod routes;
pub(crate) mod run;
mod service;
mod uses;

use postern_domain::{ActionId, permission::Permission};
use postern_store::{Tx, scripts::actions};

use crate::{
    error::{Error, Result},
    http::Caller,
    runners::{self, definition_of},
};

const VIEW: Permission = Permission::JobsView;
const MANAGE: Permission = Permission::JobsManage;

fn missing(id: ActionId) -> Error {
    Error::not_found("action", id)
}

async fn find(tx: &mut Tx<'_>, caller: &Caller, id: ActionId, needed: Permission) -> Result<actions::Action> {
    allowed(caller, id, needed, actions::find(tx, id).await?)
}

/// For what only reads it, and is done with what it says at this moment.
async fn find_to_run(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ActionId,
    needed: Permission,
) -> Result<actions::Action> {
    allowed(caller, id, needed, actions::find_to_run(tx, id).await?)
}

fn allowed(
    caller: &Caller,
    id: ActionId,
    needed: Permission,
    found: Option<actions::Action>,
) -> Result<actions::Action> {
    let action = found.ok_or_else(|| missing(id))?;
    caller.require(needed, VIEW, action.place(), || missing(id))?;
    Ok(action)
}

/// For a change by one of those who may make it.
async fn find_to_change(tx: &mut Tx<'_>, caller: &Caller, id: ActionId) -> Result<actions::Action> {
    let action = find(tx, caller, id, MANAGE).await?;
    runners::check_change(caller, &action)?;
    Ok(action)
}

/// The same for its end. Whoever names it at this moment uses it, or is too late.
async fn find_to_delete(tx: &mut Tx<'_>, caller: &Caller, id: ActionId) -> Result<actions::Action> {
    let action = allowed(caller, id, MANAGE, actions::find_to_delete(tx, id).await?)?;
    runners::check_change(caller, &action)?;
    Ok(action)
}

async fn find_version(tx: &mut Tx<'_>, id: ActionId, number: u32) -> Result<actions::Version> {
    let found = actions::version(tx, id, number).await?;
    found.ok_or_else(|| Error::not_found("version", format!("{number} of action {id}")))
}
