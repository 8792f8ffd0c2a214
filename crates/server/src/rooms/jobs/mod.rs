//! Jobs: creating, handing out, watching, ending.

pub(super) mod checkin;
pub(super) mod convert;
pub(super) mod events;
pub(crate) mod gateway;
pub(super) mod report;
pub(super) mod routes;
pub(crate) mod service;
pub(super) mod transition;
