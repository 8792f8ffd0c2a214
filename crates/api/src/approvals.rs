//! Questions to people that workflows wait for.

use postern_domain::{
    ApprovalId, DepartmentId, InstanceId, OrganizationId, Timestamp, UserId,
    approval::{ApprovalState, Decision},
    workflow::ApprovalType,
};

crate::wire! {
    pub struct Approval {
        pub id: ApprovalId,
        pub instance_id: InstanceId,
        /// Name of the workflow.
        pub workflow: String,
        pub organization_id: Option<OrganizationId>,
        pub department_id: Option<DepartmentId>,
        #[serde(rename = "type")]
        pub kind: ApprovalType,
        pub state: ApprovalState,
        pub title: String,
        pub description: Option<String>,
        pub started_by: String,
        pub opened_at: Timestamp,
        /// Without an answer by then it is rejected.
        pub deadline: Timestamp,
        pub ended_at: Option<Timestamp>,
        /// How many must approve.
        pub needed: u32,
        pub people: Vec<Asked>,
        /// Whether the caller may answer now.
        pub may_answer: bool,
    }

    /// Somebody who was asked.
    pub struct Asked {
        pub user_id: UserId,
        pub name: String,
        /// Absent until they answer.
        pub decision: Option<Decision>,
        pub comment: Option<String>,
        pub at: Option<Timestamp>,
        /// In whose place, where an administrator put them there.
        pub instead_of: Option<String>,
    }

    pub struct ApprovalDetail {
        #[serde(flatten)]
        pub approval: Approval,
        /// What runs when it is approved.
        pub work: Vec<ApprovedWork>,
        /// SHA-256 of it: what runs is compared with this.
        pub work_sha256: String,
    }

    /// One step that follows, as it would run now.
    #[serde(deny_unknown_fields)]
    pub struct ApprovedWork {
        /// Id of the step.
        pub step: String,
        /// Type of the step.
        #[serde(rename = "type")]
        pub kind: String,
        /// One line that tells what it does.
        pub summary: String,
        /// Names of its hosts.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub hosts: Vec<String>,
        /// The whole of it: the payload of its jobs, with all values that are known now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
        pub payload: Option<serde_json::Value>,
        /// Why more cannot be told yet.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub open: Option<String>,
    }

    #[serde(deny_unknown_fields)]
    pub struct ApprovalAnswer {
        pub decision: Decision,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub comment: Option<String>,
        /// The digest that was shown: refused when it is another one by now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub work_sha256: Option<String>,
    }

    #[serde(deny_unknown_fields)]
    pub struct ApprovalDelegate {
        /// Who was asked and has not answered.
        pub from: UserId,
        /// Who answers in their place.
        pub to: UserId,
    }
}
