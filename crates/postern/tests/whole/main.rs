//! The whole system: real servers, real agents and their shims, both databases, kill -9.
//!
//! What a script did is told by a ledger, a file outside the system to which it appends lines; what the system
//! knows is asked through its doors. Every process is ended by its own id, also when a test panics.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what a test measured, and the logs of one that failed"
)]

mod approvals;
mod canary;
mod docs;
mod enrollment;
#[cfg(feature = "failpoints")]
mod failpoints;
mod hostile;
mod injection;
mod lifecycle;
mod network;
mod notify;
mod operations;
mod operator;
mod payloads;
mod schedules;
mod scripts;
mod storm;
mod support;
mod templates;
mod variables;
mod workflows;
