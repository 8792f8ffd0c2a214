//! Schedules: work that is begun at the ticks of a cron expression, on the account of whoever saved it.

pub(crate) mod calendars;
mod convert;
mod cron;
pub(crate) mod retention;
pub(super) mod routes;
mod save;
mod service;
pub(crate) mod tick;
mod uses;
mod work;

use postern_domain::{ScheduleId, permission::Permission};
use postern_store::{Tx, schedules};

use crate::{
    error::{Error, Result},
    http::Caller,
};

const VIEW: Permission = Permission::JobsView;
const MANAGE: Permission = Permission::JobsManage;

async fn find(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ScheduleId,
    needed: Permission,
) -> Result<schedules::Schedule> {
    let missing = || Error::not_found("schedule", id);
    let row = schedules::find(tx, id).await?.ok_or_else(missing)?;
    caller.require(needed, VIEW, row.place(), missing)?;
    Ok(row)
}
