//! The agent's program from outside: the real one, as a shim for single attempts or below a fake server.
//!
//! What changes the machine it runs on does so only where it is told to.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where it stood")]

mod accounts;
mod agent;
#[cfg(feature = "failpoints")]
mod failpoints;
mod network;
mod policy;
mod run_as;
mod secrets;
mod service;
mod shim;
mod software;
mod support;
mod typed;
