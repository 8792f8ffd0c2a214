//! Saved work: scripts and libraries with their versions, and actions, which are operations of any type.

pub(crate) mod actions;
mod assemble;
pub(crate) mod check;
mod convert;
pub(super) mod routes;
pub(crate) mod run;
mod save;
mod service;
mod uses;

use postern_domain::{ScriptId, permission::Permission};
use postern_store::{Tx, scripts};

use crate::{
    error::{Error, Result},
    http::Caller,
};

const VIEW: Permission = Permission::ScriptsView;
const MANAGE: Permission = Permission::ScriptsManage;

fn missing(id: ScriptId) -> Error {
    Error::not_found("script", id)
}

fn no_version(id: ScriptId, number: u32) -> Error {
    Error::not_found("version", format!("{number} of script {id}"))
}

async fn find(tx: &mut Tx<'_>, caller: &Caller, id: ScriptId, needed: Permission) -> Result<scripts::Script> {
    allowed(caller, id, needed, scripts::find(tx, id).await?)
}

/// For what only reads it, and is done with what it says at this moment.
async fn find_to_run(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ScriptId,
    needed: Permission,
) -> Result<scripts::Script> {
    allowed(caller, id, needed, scripts::find_to_run(tx, id).await?)
}

fn allowed(
    caller: &Caller,
    id: ScriptId,
    needed: Permission,
    found: Option<scripts::Script>,
) -> Result<scripts::Script> {
    let script = found.ok_or_else(|| missing(id))?;
    caller.require(needed, VIEW, script.place(), || missing(id))?;
    Ok(script)
}
