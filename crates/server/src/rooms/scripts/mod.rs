//! Scripts and libraries: saving them as versions, putting them together, running them.

mod assemble;
pub(crate) mod check;
pub(super) mod routes;
pub(crate) mod run;
mod service;
