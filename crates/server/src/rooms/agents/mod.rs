//! Agents: creating, enrolling, watching over their credentials, deleting.

pub(crate) mod convert;
pub(crate) mod enroll;
pub(crate) mod gate;
pub(crate) mod gateway;
pub(super) mod groups;
pub(crate) mod heartbeat;
pub(crate) mod install;
mod places;
pub(crate) mod retention;
pub(super) mod routes;
pub(super) mod service;
pub(crate) mod targets;
