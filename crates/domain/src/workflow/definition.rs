//! What a workflow says, in its normal form: the one that is stored, compared and run.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ActionId, ScriptId, WorkflowId, parameter::Parameter, targets::Targets};

/// A whole workflow.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// What whoever starts it is asked for: `{{inputs.NAME}}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Parameter>,
    /// Its hosts, where whoever starts it names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Targets>,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Step {
    /// a-z, A-Z, 0-9, `_` and `-`, beginning with a letter; unique in the workflow. `{{step_ID.…}}` has its results.
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(flatten)]
    pub work: Work,
    /// A step, or `continue`, `completed`, `failed`, `cancelled`. The next step of the list when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub on_success: Option<Route>,
    /// The same; `failed` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub on_failure: Option<Route>,
    /// Where an editor draws it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Position {
    pub x: f64,
    pub y: f64,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Work {
    Script(ScriptStep),
    Command(CommandStep),
    HttpRequest(HttpStep),
    Action(ActionStep),
    Approval(ApprovalStep),
    Conditional(ConditionalStep),
    Delay(DelayStep),
    Notify(NotifyStep),
    Parallel(ParallelStep),
    Workflow(WorkflowStep),
}

/// A saved script, one job per host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ScriptStep {
    /// Its id, or its name in `script`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_id: Option<ScriptId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// The newest when the step begins, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Values by parameter; texts may hold placeholders.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = BTreeMap<String, Object>))]
    pub parameters: BTreeMap<String, Value>,
    #[serde(flatten)]
    pub on: OnHosts,
}

/// One command, one job per host. Either `command` or `argv`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CommandStep {
    /// Cut into arguments as a shell would cut it, before any value is there: a value is always part of one argument.
    /// With `shell` the text for the shell, without placeholders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub argv: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shell: bool,
    /// Values may hold placeholders.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
    #[serde(flatten)]
    pub on: OnHosts,
}

/// A call to a system, made by each host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct HttpStep {
    #[serde(default = "get")]
    pub method: String,
    /// A placeholder may stand behind the host's name only, and its value is percent-encoded.
    pub url: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// A text without placeholders, or one placeholder and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// A body as JSON; its texts may hold placeholders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    pub json: Option<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected_status: Vec<u16>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_invalid_certificate: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_ca: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_redirects: Option<u32>,
    #[serde(flatten)]
    pub on: OnHosts,
}

fn get() -> String {
    "GET".to_owned()
}

/// A saved action, on the hosts it is bound to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ActionStep {
    /// Its id, or its name in `action`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_id: Option<ActionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = BTreeMap<String, Object>))]
    pub parameters: BTreeMap<String, Value>,
    /// Of each job, in place of the action's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<Retries>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continue_on: Option<ContinueOn>,
}

/// A question to people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ApprovalStep {
    /// May hold placeholders, as may the description.
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub approval_type: ApprovalType,
    /// `role:NAME` and `user:ID`.
    pub approvers: Vec<String>,
    /// Without an answer by then it is rejected.
    #[serde(default = "one_day")]
    pub timeout_minutes: u32,
    /// Those who have not answered are reminded this often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminder_minutes: Option<u32>,
    /// Whoever started the workflow may answer too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_self_approval: bool,
}

const fn one_day() -> u32 {
    24 * 60
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ApprovalType {
    /// Exactly one user, and that one decides.
    Singular,
    OneOfMany,
    TwoOfMany,
    All,
    /// More than half.
    Majority,
}

/// A branch by what is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConditionalStep {
    pub condition: String,
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub on_true: Route,
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub on_false: Route,
}

/// A wait, of all three together.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DelayStep {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<u32>,
}

impl DelayStep {
    pub fn total_seconds(&self) -> u64 {
        let part = |amount: Option<u32>, seconds: u64| u64::from(amount.unwrap_or(0)) * seconds;
        part(self.seconds, 1) + part(self.minutes, 60) + part(self.hours, 3600)
    }
}

/// A message to people or systems.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NotifyStep {
    /// `user:ID`, `role:NAME`, `email:ADDRESS` and `webhook:NAME`.
    pub to: Vec<String>,
    /// May hold placeholders, as may the message.
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Branches that run at the same time and join.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ParallelStep {
    pub branches: Vec<Branch>,
    #[serde(default, skip_serializing_if = "OnBranchFailure::is_default")]
    pub on_branch_failure: OnBranchFailure,
    /// Of all of it: what its branches still do is cancelled then, and the step has failed once that has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
}

/// Steps of its own. `completed` and `failed` end the branch, `cancelled` the whole workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Branch {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[cfg_attr(feature = "schema", schema(no_recursion))]
    pub steps: Vec<Step>,
}

/// What becomes of the others when one branch fails. The parallel step fails in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnBranchFailure {
    /// They go on to their ends.
    #[default]
    Wait,
    /// They are cancelled.
    Cancel,
}

impl OnBranchFailure {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Another workflow, in its published version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WorkflowStep {
    /// Its id, or its name in `workflow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_id: Option<WorkflowId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = BTreeMap<String, Object>))]
    pub inputs: BTreeMap<String, Value>,
    /// Those of this instance when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Targets>,
    /// Of each try: the instance that it started is cancelled then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
    /// Each with a new instance, once the one before has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<Retries>,
}

/// What steps with jobs have in common.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OnHosts {
    /// Those of the instance when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Targets>,
    /// Of each job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<Retries>,
    /// Local user that the jobs run as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as_user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continue_on: Option<ContinueOn>,
}

/// How often a failed step begins again; one with jobs on the hosts that failed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Retries {
    /// Beside the first try.
    pub count: u32,
    /// Before the first retry; 0 when absent.
    #[serde(default)]
    pub delay_seconds: u32,
    /// The wait grows by this with each retry; 2 when absent.
    #[serde(default = "two")]
    pub factor: f64,
}

const fn two() -> f64 {
    2.0
}

/// On how many hosts a step must succeed to succeed as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ContinueOn {
    #[default]
    All,
    Any,
    /// 1 to 100 of the hosts.
    Percent(u32),
}

impl ContinueOn {
    /// Whether so many successes of so many hosts are enough.
    pub fn holds(self, succeeded: usize, hosts: usize) -> bool {
        match self {
            Self::All => succeeded == hosts,
            Self::Any => succeeded > 0,
            Self::Percent(percent) => succeeded * 100 >= hosts * percent as usize,
        }
    }
}

/// Where a workflow goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// The next step in the list.
    Continue,
    Completed,
    Failed,
    Cancelled,
    Step(String),
}

/// Words that no step can be called.
pub const RESERVED: [&str; 4] = ["continue", "completed", "failed", "cancelled"];

impl FromStr for Route {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "continue" => Self::Continue,
            "completed" => Self::Completed,
            "failed" => Self::Failed,
            "cancelled" => Self::Cancelled,
            step => Self::Step(step.to_owned()),
        })
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Continue => "continue",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Step(step) => step,
        })
    }
}

impl Serialize for Route {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Route {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(match text.parse() {
            Ok(route) => route,
            Err(never) => match never {},
        })
    }
}

impl Work {
    /// The name of its type.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Script(_) => "script",
            Self::Command(_) => "command",
            Self::HttpRequest(_) => "http_request",
            Self::Action(_) => "action",
            Self::Approval(_) => "approval",
            Self::Conditional(_) => "conditional",
            Self::Delay(_) => "delay",
            Self::Notify(_) => "notify",
            Self::Parallel(_) => "parallel",
            Self::Workflow(_) => "workflow",
        }
    }
}
