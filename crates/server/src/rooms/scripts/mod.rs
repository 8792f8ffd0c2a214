//! Saved work: scripts and libraries with their versions, and actions, which are operations of any type.

pub(crate) mod actions;
mod assemble;
pub(crate) mod check;
pub(super) mod routes;
pub(crate) mod run;
mod service;
