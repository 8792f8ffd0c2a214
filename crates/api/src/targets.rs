//! Which hosts something is for.

pub use postern_domain::targets::Targets;
use postern_domain::{AgentId, OrganizationId, agent::Connection};

crate::wire! {
    /// The hosts that targets mean at this moment.
    pub struct TargetPreview {
        pub hosts: Vec<HostPreview>,
        /// How many of them are not connected.
        pub disconnected: u32,
    }

    pub struct HostPreview {
        pub agent_id: AgentId,
        pub agent: String,
        pub organization_id: OrganizationId,
        pub active: bool,
        pub connection: Connection,
        /// Number of its batch, from 1.
        pub batch: u32,
        /// Why a job would not do well here, as far as is known.
        pub problem: Option<String>,
    }
}
