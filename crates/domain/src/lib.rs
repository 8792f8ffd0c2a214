//! The rules of Postern as pure functions: what an event does to a job, who may do what, what an agent's
//! status is. Time and randomness are arguments; nothing here reads a clock, a file or a socket, and
//! nothing here knows HTTP or SQL.

pub mod agent;
pub mod approval;
pub mod calendar;
pub mod clone_guard;
pub mod expression;
pub mod fill;
pub mod job;
pub mod label;
pub mod member;
pub mod name;
pub mod notify;
pub mod parameter;
pub mod permission;
pub mod rollout;
pub mod schedule;
pub mod selector;
pub mod targets;
mod time;
pub mod workflow;

pub use time::{Timestamp, TimestampError};

/// Declares an integer id that the database assigns. Distinct types keep an agent's id from being used
/// where a job's is meant.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(value_type = i64))]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids! {
    TenantId,
    OrganizationId,
    DepartmentId,
    UserId,
    /// A user's binding of a role at a scope.
    BindingId,
    /// An API token, not its secret.
    TokenId,
    AgentId,
    JobId,
    /// One try of one job. Unique over all jobs.
    AttemptId,
    AuditId,
    /// One click on *Run*: one job per host.
    ExecutionId,
    /// A saved group of hosts.
    GroupId,
    /// A script or a library.
    ScriptId,
    ScheduleId,
    CalendarId,
    ActionId,
    WorkflowId,
    /// One run of a workflow.
    InstanceId,
    ApprovalId,
    WebhookId,
    /// One message to one receiver.
    DeliveryId,
}
