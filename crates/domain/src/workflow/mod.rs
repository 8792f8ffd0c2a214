//! Workflows: steps that lead to each other, checked before they are saved and moved by events when they run.
//!
//! Nothing here starts a job, asks a person or looks at a clock: [`engine::step`] says what follows from an event, and
//! whoever calls it does that.

mod ahead;
mod check;
mod definition;
pub mod engine;
mod fields;
mod flow;
mod plan;
mod problem;
mod source;
mod split;
pub mod templates;
#[cfg(test)]
mod tests;
mod variables;

pub use ahead::{Ahead, Fork, Side};
pub use check::{
    MAX_APPROVERS, MAX_BRANCHES, MAX_ID, MAX_NESTING, MAX_RETRIES, MAX_STEPS, MAX_WAIT_SECONDS,
    MIN_REMINDER_MINUTES, each_step,
};
pub use definition::*;
pub use fields::json_schema;
pub use plan::{Kind, Node, Plan, StepIndex, Target};
pub use problem::{Problem, Problems, Severity, Span};
pub use source::read;
pub use split::{address, arguments};
pub use variables::{HostResult, Scope, StepResult, is_secret_input, offered};
