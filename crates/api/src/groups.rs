//! Saved groups of hosts.

use postern_domain::{CalendarId, DepartmentId, GroupId, OrganizationId, Timestamp};

use crate::targets::Targets;

crate::wire! {
    pub struct Group {
        pub id: GroupId,
        pub name: String,
        pub description: String,
        pub organization_id: Option<OrganizationId>,
        pub department_id: Option<DepartmentId>,
        pub targets: Targets,
        /// When its jobs do not begin.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub blackout: Option<GroupBlackout>,
        /// SHA-256 of what an edit can change.
        pub sha256: String,
        pub created_at: Timestamp,
        pub created_by: String,
    }

    /// What becomes of jobs that are made by way of the group while a calendar has a blackout.
    #[derive(Eq)]
    #[serde(deny_unknown_fields)]
    pub struct GroupBlackout {
        pub calendar_id: CalendarId,
        pub jobs: BlackoutJobs,
    }

    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum BlackoutJobs {
        /// They begin when it is over.
        Wait,
        /// They are cancelled.
        Skip,
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub blackout: Option<GroupBlackout>,
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
        /// With calendar 0: none from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub blackout: Option<GroupBlackout>,
        /// `sha256` of the group that was edited. Refused when it says something else by now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub based_on: Option<String>,
    }
}

impl BlackoutJobs {
    pub const ALL: &'static [Self] = &[Self::Wait, Self::Skip];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Skip => "skip",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|jobs| jobs.as_str() == text)
    }
}
