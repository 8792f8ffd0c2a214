//! The audit trail: reading it and checking its chain. Records are written by the operations themselves.

pub(super) mod routes;
pub(crate) mod service;
