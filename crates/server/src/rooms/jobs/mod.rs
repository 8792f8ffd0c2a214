//! Jobs: creating, handing out, watching, ending.

pub(crate) mod blackouts;
pub(super) mod checkin;
mod claim;
pub(super) mod convert;
pub(crate) mod download;
pub(super) mod events;
pub(crate) mod executions;
pub(crate) mod gateway;
pub(super) mod report;
pub(crate) mod retention;
pub(crate) mod rollout;
pub(super) mod routes;
pub(crate) mod run;
pub(crate) mod secrets;
pub(crate) mod service;
pub(crate) mod targets;
pub(super) mod transition;
pub(crate) mod waits;

pub(crate) use checkin::Looked;
pub(crate) use claim::Claimed;
pub(crate) use report::Written;
