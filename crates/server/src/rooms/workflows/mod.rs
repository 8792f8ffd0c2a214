//! Workflows: what they say, their instances, and the hands of the engine. What follows from an event is decided in
//! `domain::workflow`; here it is done, in the transaction that stores it.

mod again;
mod approve;
mod approved;
mod cause;
mod convert;
mod draft;
pub(crate) mod drive;
mod events;
mod finish;
mod fits;
mod hear;
mod instances;
mod items;
mod names;
mod open;
mod payloads;
mod perform;
mod plans;
mod publish;
mod record;
pub(crate) mod retention;
pub(crate) mod routes;
mod runs;
mod save;
mod service;
mod shown;
mod tell;
mod tries;
mod turn;
mod work;

use postern_domain::{WorkflowId, permission::Permission};
use postern_store::{Tx, workflows};

pub(crate) use draft::problems;
pub(crate) use drive::Moving;
pub(crate) use instances::{New, make, ready};
pub(crate) use plans::Plans;

use crate::{
    error::{Error, Result},
    http::Caller,
};

const VIEW: Permission = Permission::WorkflowsView;
const MANAGE: Permission = Permission::WorkflowsManage;

fn missing(id: WorkflowId) -> Error {
    Error::not_found("workflow", id)
}

async fn find(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: WorkflowId,
    needed: Permission,
) -> Result<workflows::Workflow> {
    allowed(caller, id, needed, workflows::find(tx, id).await?)
}

async fn find_to_start(tx: &mut Tx<'_>, caller: &Caller, id: WorkflowId) -> Result<workflows::Workflow> {
    allowed(caller, id, MANAGE, workflows::find_to_start(tx, id).await?)
}

async fn find_to_delete(tx: &mut Tx<'_>, caller: &Caller, id: WorkflowId) -> Result<workflows::Workflow> {
    allowed(caller, id, MANAGE, workflows::find_to_delete(tx, id).await?)
}

fn allowed(
    caller: &Caller,
    id: WorkflowId,
    needed: Permission,
    found: Option<workflows::Workflow>,
) -> Result<workflows::Workflow> {
    let workflow = found.ok_or_else(|| missing(id))?;
    caller.require(needed, VIEW, workflow.place(), || missing(id))?;
    Ok(workflow)
}

async fn find_version(tx: &mut Tx<'_>, id: WorkflowId, number: u32) -> Result<workflows::Version> {
    let found = workflows::version(tx, id, number).await?;
    found.ok_or_else(|| Error::not_found("version", format!("{number} of workflow {id}")))
}
