//! Saved groups of hosts.

use postern_domain::{DepartmentId, GroupId, OrganizationId, Timestamp};

use crate::targets::Targets;

crate::wire! {
    pub struct Group {
        pub id: GroupId,
        pub name: String,
        pub description: String,
        pub organization_id: Option<OrganizationId>,
        pub department_id: Option<DepartmentId>,
        pub targets: Targets,
        pub created_at: Timestamp,
        pub created_by: String,
    }

    #[serde(deny_unknown_fields)]
    pub struct GroupCreate {
        pub name: String,
        #[serde(default)]
        pub description: String,
        /// Where it belongs; the tenant when absent. Who may use it is decided there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub organization_id: Option<OrganizationId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub department_id: Option<DepartmentId>,
        /// A group has no groups in it.
        pub targets: Targets,
    }

    /// What is absent stays.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct GroupUpdate {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub description: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub targets: Option<Targets>,
    }
}
