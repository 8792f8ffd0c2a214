//! Actions: saved operations, bound to the hosts that run them, with parameters that are fixed and others that are open.

use std::collections::BTreeMap;

use postern_domain::{
    ActionId, DepartmentId, OrganizationId, ScriptId, Timestamp, job::Priority, parameter::Parameter,
    rollout::Rolling,
};
use postern_protocol::payload::{JobPayload, JobType};

use crate::{
    jobs::Concurrency, scripts::ParameterValue, secret::SecretText, targets::Targets, uses::NamedUser,
};

crate::wire! {
    /// An action without what it says.
    pub struct Action {
        pub id: ActionId,
        pub name: String,
        pub description: String,
        pub organization_id: Option<OrganizationId>,
        pub department_id: Option<DepartmentId>,
        /// Of the deployed version; of the draft until there is one.
        #[serde(rename = "type")]
        pub kind: JobType,
        /// Number of the deployed version; absent until one is deployed.
        pub version: Option<u32>,
        /// Whether the draft says something else than the deployed version.
        pub draft_differs: bool,
        /// Whether the caller is among those who may run it. On each host they need the right to run jobs as well.
        pub may_run: bool,
        pub created_at: Timestamp,
        pub created_by: String,
        pub updated_at: Timestamp,
        pub updated_by: String,
    }

    pub struct ActionDetail {
        #[serde(flatten)]
        pub action: Action,
        pub draft: ActionDefinition,
        /// SHA-256 of the draft.
        pub draft_sha256: String,
        /// Names of the secrets that the draft keeps; their values are never shown.
        pub draft_secrets: Vec<String>,
        /// What whoever tries the draft is asked for.
        pub draft_asks: Vec<Parameter>,
        /// What runs.
        pub deployed: Option<ActionVersion>,
        /// What whoever runs it is asked for.
        pub asks: Vec<Parameter>,
        /// Schedules that run it.
        pub used_by: Vec<NamedUser>,
    }

    /// What an action does, where, and who may run it.
    #[serde(deny_unknown_fields)]
    pub struct ActionDefinition {
        pub work: ActionWork,
        /// Open parameters of a job: whoever runs it gives them. Those of a script are its own, as far as they are not fixed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub parameters: Vec<Parameter>,
        /// Where their values go in the job's payload, as JSON Pointers (RFC 6901) by parameter: `{"service": "/service"}`.
        /// What stands there is taken when nothing is given. A secret parameter needs none: it is the secret of its name.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub fills: BTreeMap<String, String>,
        pub targets: Targets,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub priority: Option<Priority>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub timeout_seconds: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub rolling: Option<Rolling>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub concurrency: Option<Concurrency>,
        /// `role:NAME` and `user:ID`: who may run it. Everybody who may run jobs on its hosts when empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub runners: Vec<String>,
    }

    #[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
    pub enum ActionWork {
        /// A job of any type.
        Job { job: JobPayload },
        /// A saved script, run with the right to it of whoever deployed the action.
        Script {
            script_id: ScriptId,
            /// The newest at each run when absent.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            version: Option<u32>,
            /// The fixed parameters, without the secret ones: those are given in `secrets`.
            #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
            parameters: BTreeMap<String, ParameterValue>,
        },
    }

    #[serde(deny_unknown_fields)]
    pub struct ActionCreate {
        pub name: String,
        #[serde(default)]
        pub description: String,
        /// Where it belongs; the tenant when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub organization_id: Option<OrganizationId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub department_id: Option<DepartmentId>,
        pub definition: ActionDefinition,
        /// Values of secrets that are fixed. Never shown again.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub secrets: BTreeMap<String, SecretText>,
    }

    /// Of the draft: what runs changes when it is deployed. What is absent stays, the secrets too.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct ActionUpdate {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub description: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub definition: Option<ActionDefinition>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub secrets: Option<BTreeMap<String, SecretText>>,
        /// `draft_sha256` of the draft that was edited. Refused when it says something else by now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub based_on: Option<String>,
    }

    #[serde(deny_unknown_fields)]
    pub struct ActionClone {
        pub name: String,
    }

    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct ActionDeploy {
        /// What this version is for.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        pub message: String,
    }

    #[serde(deny_unknown_fields)]
    pub struct ActionRestore {
        pub version: u32,
    }

    pub struct ActionVersion {
        pub version: u32,
        pub definition: ActionDefinition,
        pub sha256: String,
        pub message: String,
        /// Names of the secrets it keeps.
        pub secrets: Vec<String>,
        pub created_at: Timestamp,
        pub created_by: String,
    }

    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct ActionRun {
        /// Values of the open parameters, the secret ones as well.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub parameters: BTreeMap<String, ParameterValue>,
        /// The draft instead of the deployed version, to try it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub draft: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub not_before: Option<Timestamp>,
    }
}
