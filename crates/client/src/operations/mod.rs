//! The operations, by room.

mod actions;
mod agents;
mod approvals;
mod audit;
mod groups;
mod identity;
mod jobs;
mod notify;
mod schedules;
mod scripts;
mod workflows;

pub use agents::Revoke;
pub use identity::SignedIn;
pub use jobs::Output;

/// An operation on `/things/{id}`; keeps the id's text alive while the path is built.
macro_rules! segments {
    ($($segment:expr),+ $(,)?) => {
        &[$($segment.to_string()),+].each_ref().map(String::as_str)
    };
}
pub(crate) use segments;
