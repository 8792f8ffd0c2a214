//! Workflows: what they say, and their instances.

use std::collections::BTreeMap;

use postern_domain::{
    ApprovalId, DepartmentId, ExecutionId, InstanceId, OrganizationId, ScheduleId, Timestamp, UserId,
    WorkflowId,
    workflow::{
        Definition, Problem,
        engine::{Cause, InstanceState, Outcome},
    },
};

use crate::{scripts::ParameterValue, secret::SecretText, targets::Targets};

crate::wire! {
    pub struct Workflow {
        pub id: WorkflowId,
        pub name: String,
        pub description: String,
        pub organization_id: Option<OrganizationId>,
        pub department_id: Option<DepartmentId>,
        /// Number of the published version; absent until one is published.
        pub version: Option<u32>,
        /// Whether the draft says something else than the published version.
        pub draft_differs: bool,
        /// How many steps it has.
        pub steps: u32,
        pub created_at: Timestamp,
        pub created_by: String,
        pub updated_at: Timestamp,
        pub updated_by: String,
    }

    pub struct WorkflowDetail {
        #[serde(flatten)]
        pub workflow: Workflow,
        /// In its normal form.
        pub draft: Definition,
        pub draft_sha256: String,
        /// The YAML that the draft was read from, with its comments.
        pub draft_source: Option<String>,
        /// What is doubtful about the draft.
        pub draft_problems: Vec<Problem>,
        /// What runs.
        pub published: Option<WorkflowVersion>,
    }

    pub struct WorkflowVersion {
        pub version: u32,
        pub definition: Definition,
        pub source: Option<String>,
        pub sha256: String,
        pub message: String,
        pub created_at: Timestamp,
        pub created_by: String,
    }

    #[serde(deny_unknown_fields)]
    pub struct WorkflowCreate {
        pub name: String,
        #[serde(default)]
        pub description: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub organization_id: Option<OrganizationId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub department_id: Option<DepartmentId>,
        /// Steps are flat or nested in `config`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
        pub definition: Option<serde_json::Value>,
        /// The same as YAML, in place of `definition`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub source: Option<String>,
    }

    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct WorkflowUpdate {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub description: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
        pub definition: Option<serde_json::Value>,
        /// The same as YAML, in place of `definition`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub source: Option<String>,
        /// SHA-256 of the draft that this changes: refused when somebody else changed it meanwhile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub based_on: Option<String>,
    }

    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct WorkflowPublish {
        #[serde(default)]
        pub message: String,
        /// SHA-256 of the draft that was looked at: refused when somebody else changed it meanwhile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub based_on: Option<String>,
    }

    #[serde(deny_unknown_fields)]
    pub struct WorkflowRestore {
        /// The version whose text becomes the draft.
        pub version: u32,
    }

    #[serde(deny_unknown_fields)]
    pub struct WorkflowClone {
        pub name: String,
    }

    /// A definition to look at; nothing is saved.
    #[serde(deny_unknown_fields)]
    pub struct WorkflowCheck {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
        pub definition: Option<serde_json::Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub source: Option<String>,
    }

    pub struct WorkflowChecked {
        /// Errors and warnings; it can be saved when none is an error.
        pub problems: Vec<Problem>,
        /// In its normal form, when it could be read and is right.
        pub definition: Option<Definition>,
        /// What can have a value when a step begins, by the step's id: paths for placeholders and conditions.
        pub variables: BTreeMap<String, Vec<String>>,
    }

    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct InstanceCreate {
        /// The draft in place of the published version, to try it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub draft: bool,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub inputs: BTreeMap<String, ParameterValue>,
        /// Values of secret inputs.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub secrets: BTreeMap<String, SecretText>,
        /// In place of the workflow's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub hosts: Option<Targets>,
    }

    /// Another instance with what this one was given. Secret inputs were forgotten when it ended.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct InstanceAgain {
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub secrets: BTreeMap<String, SecretText>,
    }

    /// A workflow to begin with.
    pub struct WorkflowTemplate {
        pub name: String,
        pub title: String,
        pub description: String,
        /// YAML.
        pub source: String,
    }

    pub struct WorkflowTemplates {
        pub items: Vec<WorkflowTemplate>,
    }

    /// One run of a workflow.
    pub struct Instance {
        pub id: InstanceId,
        pub workflow_id: WorkflowId,
        /// Name of the workflow when it started.
        pub workflow: String,
        /// 0: a draft.
        pub version: u32,
        pub organization_id: Option<OrganizationId>,
        pub department_id: Option<DepartmentId>,
        pub state: InstanceState,
        /// Why it ended so.
        pub reason: Option<String>,
        pub started_by: String,
        pub created_at: Timestamp,
        pub ended_at: Option<Timestamp>,
        /// Steps that run or wait now.
        pub current: Vec<String>,
        /// The instance whose step started it.
        pub parent_id: Option<InstanceId>,
        pub retry_of: Option<InstanceId>,
    }

    pub struct InstanceDetail {
        #[serde(flatten)]
        pub instance: Instance,
        pub definition: Definition,
        pub inputs: BTreeMap<String, ParameterValue>,
        pub hosts: Option<Targets>,
        /// In the order in which they began.
        pub runs: Vec<StepRun>,
        /// What its steps wait for that have jobs, each behind its id.
        pub waits: Option<String>,
    }

    /// One time through one step.
    pub struct StepRun {
        pub run: u32,
        /// Id of the step.
        pub step: String,
        pub attempt: u32,
        pub cause: Cause,
        /// Absent while it runs.
        pub outcome: Option<Outcome>,
        /// Why it ended so, on which hosts it failed, and what of its output later steps do not see.
        pub reason: Option<String>,
        /// What its jobs wait for, where all that are open wait. Only of jobs that the caller may see.
        pub waits: Option<String>,
        pub began_at: Timestamp,
        pub ended_at: Option<Timestamp>,
        /// Its jobs.
        pub execution_id: Option<ExecutionId>,
        pub approval_id: Option<ApprovalId>,
        /// The instance it started.
        pub child_id: Option<InstanceId>,
    }

    /// What happened in an instance.
    pub struct InstanceEvent {
        pub number: u32,
        pub at: Timestamp,
        pub text: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub step: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub run: Option<u32>,
        /// What it came of. Absent of what was written before causes were kept.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub cause: Option<EventCause>,
    }

    /// What an event of an instance came of, and where to look further.
    pub struct EventCause {
        pub kind: CauseKind,
        /// Id of the step that it happened at.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub step: Option<String>,
        /// The run of that step; of `parent` the run of the other instance.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub run: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub execution_id: Option<ExecutionId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub approval_id: Option<ApprovalId>,
        /// Another instance: of `parent` the one that waits, of `child_ended` the one that was started, of `user` the one
        /// that is tried again.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub instance_id: Option<InstanceId>,
        /// Who did it; of `schedule` who ran it now.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub user_id: Option<UserId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub schedule_id: Option<ScheduleId>,
    }

    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum CauseKind {
        /// Somebody asked for it.
        User,
        Schedule,
        /// A step of another instance started it, or told it to stop.
        Parent,
        /// A step did its work, or its end led here.
        Step,
        /// The last job of an execution has ended.
        JobEnded,
        /// One of those who were asked has answered.
        ApprovalAnswered,
        /// A request was decided, ran out or was taken back.
        ApprovalEnded,
        ChildEnded,
        /// A wait, a deadline or the time of a reminder was over.
        Timer,
        /// The server failed over it.
        Server,
    }

    #[serde(deny_unknown_fields)]
    pub struct InstanceCancel {
        #[serde(default)]
        pub reason: String,
    }
}

impl EventCause {
    /// Without anything that it names.
    pub fn of(kind: CauseKind) -> Self {
        Self {
            kind,
            step: None,
            run: None,
            execution_id: None,
            approval_id: None,
            instance_id: None,
            user_id: None,
            schedule_id: None,
        }
    }
}
