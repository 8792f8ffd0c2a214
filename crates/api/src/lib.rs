//! Requests and answers of the REST API under `/api/v1/`: one set of types for the server, the client and the
//! commands. Shapes only; what is allowed is decided in the server's services.

pub mod actions;
pub mod agents;
pub mod approvals;
pub mod audit;
pub mod executions;
pub mod groups;
pub mod identity;
pub mod jobs;
pub mod notify;
mod page;
mod problem;
pub mod schedules;
pub mod scripts;
pub mod secret;
pub mod targets;
pub mod uses;
pub mod workflows;

pub use page::{ListRequest, Page};
pub use problem::{FieldProblem, Problem};

/// Derives what every type of the API has; `schema` adds the OpenAPI description.
macro_rules! wire {
    ($($(#[$meta:meta])* pub $kind:ident $name:ident $body:tt)+) => {$(
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        $(#[$meta])*
        pub $kind $name $body
    )+};
}
pub(crate) use wire;
