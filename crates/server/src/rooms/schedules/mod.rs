//! Schedules: work that is begun at the ticks of a cron expression, on the account of whoever saved it.

pub(crate) mod calendars;
pub(crate) mod retention;
pub(super) mod routes;
mod service;
pub(crate) mod tick;
mod work;
