//! Which hosts something is for.

use postern_domain::{AgentId, OrganizationId, agent::Connection, label::Labels, selector::Selector};

crate::wire! {
    /// The hosts: those named, those in the groups, and those that lie in one of the organizations or departments
    /// and match labels and selector. Each host counts once.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct Targets {
        /// Names or ids.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub agents: Vec<String>,
        /// Every one of these.
        #[serde(default, skip_serializing_if = "Labels::is_empty")]
        pub labels: Labels,
        /// For example `env=prod,role in (web,api),!canary`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
        pub selector: Option<Selector>,
        /// Names or ids.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub organizations: Vec<String>,
        /// Names or ids.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub departments: Vec<String>,
        /// Names or ids of host groups.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub groups: Vec<String>,
        /// Every host on which the caller may run jobs.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub all: bool,
    }

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
