//! Agents and their enrolment.

use postern_domain::{
    AgentId, DepartmentId, OrganizationId, Timestamp,
    agent::{Connection, CredentialState, Health},
    label::Labels,
};

crate::wire! {
    pub struct Agent {
        pub id: AgentId,
        pub name: String,
        pub organization_id: OrganizationId,
        pub organization: String,
        pub department_id: Option<DepartmentId>,
        pub department: Option<String>,
        pub labels: Labels,
        /// An inactive agent keeps its connection and gets no work.
        pub active: bool,
        pub health: Health,
        pub connection: Connection,
        pub credential: CredentialState,
        /// End of the agent's credential ("token expiration").
        pub credential_expires_at: Option<Timestamp>,
        /// End of the enrolment token that waits to be used.
        pub enrollment_expires_at: Option<Timestamp>,
        pub created_at: Timestamp,
        pub last_seen_at: Option<Timestamp>,
        pub version: Option<String>,
        pub hostname: Option<String>,
        pub os: Option<String>,
        pub arch: Option<String>,
        /// Languages its scripts can be in.
        pub languages: Vec<String>,
        /// Whether it runs as root.
        pub root: Option<bool>,
        /// Jobs it runs at once.
        pub slots: u32,
    }

    #[serde(deny_unknown_fields)]
    pub struct AgentCreate {
        pub name: String,
        /// The tenant's first organization when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub organization_id: Option<OrganizationId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub department_id: Option<DepartmentId>,
        #[serde(default)]
        pub labels: Labels,
    }

    /// Everything needed to start an agent; shown once.
    pub struct AgentEnrollment {
        pub agent: Agent,
        pub enrollment_token: String,
        pub expires_at: Timestamp,
        pub docker_command: String,
        /// One line for a Linux shell; the server's key is pinned in it.
        pub install_command: String,
        /// For a host where the program is already there.
        pub run_command: String,
    }

    /// Absent fields stay as they are.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct AgentUpdate {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub organization_id: Option<OrganizationId>,
        /// 0 removes the agent from its department.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub department_id: Option<DepartmentId>,
        /// Replaces all labels.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub labels: Option<Labels>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub active: Option<bool>,
    }
}
