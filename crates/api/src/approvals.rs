//! Questions to people that workflows wait for.

use postern_domain::{
    AgentId, ApprovalId, DepartmentId, InstanceId, OrganizationId, Timestamp, UserId,
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
        /// Why they cannot answer any more, as a part of a sentence about them: `is switched off`. Told of one approval, and not
        /// in lists, as long as it is open.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub cannot_answer: Option<String>,
    }

    pub struct ApprovalDetail {
        #[serde(flatten)]
        pub approval: Approval,
        /// Every step that may run when it is approved, until people are asked again, those of the workflows that are started
        /// among them. In the order of the workflow.
        pub work: Vec<ApprovedWork>,
        /// SHA-256 of all of it. What runs is compared with it, step by step.
        pub work_sha256: String,
        /// Whether the step says that whoever started the workflow may answer too, and may be put in somebody's place.
        pub allow_self_approval: bool,
        /// Who started or retried what runs, or what it tries again, or had it run now: they answer, and take somebody's place,
        /// only where `allow_self_approval` says so.
        pub run_for: Vec<UserId>,
    }

    /// One step that may follow, as it would run now.
    #[serde(deny_unknown_fields)]
    pub struct ApprovedWork {
        /// Id of the step. One of a workflow that a step starts stands behind that one: `call/inner`.
        pub step: String,
        /// Type of the step.
        #[serde(rename = "type")]
        pub kind: String,
        /// One line that tells what it does.
        pub summary: String,
        /// What must come about before it runs, all of it: `check holds: …`, `deploy fails`, `call/check holds: …`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub only_if: Vec<String>,
        /// The saved script that runs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub script: Option<ApprovedVersion>,
        /// The action that runs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub action: Option<ApprovedVersion>,
        /// The other workflow that is started.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub workflow: Option<ApprovedVersion>,
        /// Of another workflow: those that it is given.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub hosts: Vec<ApprovedHost>,
        /// Of each job.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub timeout_seconds: Option<u32>,
        /// The whole of it: the payload of its jobs. Where a value is not known yet stands its placeholder.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
        pub payload: Option<serde_json::Value>,
        /// The placeholders whose values are known only when it runs, without their braces. All else is compared.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub open: Vec<String>,
        /// Why it cannot be told what it would do. It does not run behind this approval then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub problem: Option<String>,
    }

    /// Something saved, in the version that runs.
    pub struct ApprovedVersion {
        pub id: i64,
        pub version: u32,
    }

    /// A host is known by its id: another one of the same name is another host.
    pub struct ApprovedHost {
        pub id: AgentId,
        pub name: String,
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
