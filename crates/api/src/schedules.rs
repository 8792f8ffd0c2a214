//! Schedules: what runs again and again, and the calendars in which it does not.

use std::collections::BTreeMap;

use postern_domain::{
    ActionId, CalendarId, DepartmentId, ExecutionId, InstanceId, OrganizationId, ScheduleId, ScriptId,
    Timestamp, WorkflowId,
    calendar::Entry,
    job::Priority,
    rollout::Rolling,
    schedule::{Missed, Overlap},
};
use postern_protocol::payload::JobPayload;

use crate::{
    jobs::{Concurrency, JobReference},
    scripts::ParameterValue,
    secret::SecretText,
    targets::Targets,
};

crate::wire! {
    pub struct Schedule {
        pub id: ScheduleId,
        pub name: String,
        pub description: String,
        pub organization_id: Option<OrganizationId>,
        pub department_id: Option<DepartmentId>,
        pub definition: ScheduleDefinition,
        /// The expression in words.
        pub cron_text: String,
        pub paused: bool,
        /// Children so far.
        pub runs: u32,
        /// Absent while it is paused, and once it has ended.
        pub next_at: Option<Timestamp>,
        /// A tick that waits for the child before it, or for the end of a blackout.
        pub waiting: Option<Timestamp>,
        /// What it waits for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub waiting_reason: Option<String>,
        pub last_execution_id: Option<ExecutionId>,
        /// The newest child that is an instance.
        pub last_instance_id: Option<InstanceId>,
        /// Names of the secrets it keeps; their values are never shown.
        pub secrets: Vec<String>,
        /// On whose account it runs: whoever last saved what it does.
        pub owner: String,
        pub created_at: Timestamp,
        pub created_by: String,
        pub updated_at: Timestamp,
        pub updated_by: String,
    }

    #[serde(deny_unknown_fields)]
    pub struct ScheduleDefinition {
        /// Five fields: minute, hour, day of the month, month, day of the week.
        pub cron: String,
        /// Name of a time zone, like `Europe/Brussels`.
        #[serde(default = "utc")]
        pub zone: String,
        #[serde(default = "skip_missed")]
        pub missed: Missed,
        #[serde(default = "skip_overlap")]
        pub overlap: Overlap,
        /// It ends by itself after so many children.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub max_runs: Option<u32>,
        /// No tick after this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub ends_at: Option<Timestamp>,
        /// Nothing begins while this calendar has a blackout.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub blackout: Option<BlackoutRule>,
        pub work: ScheduledWork,
        /// Of a job or a script; an action has its own.
        #[serde(default)]
        pub targets: Targets,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub priority: Option<Priority>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub timeout_seconds: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub rolling: Option<Rolling>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub concurrency: Option<Concurrency>,
    }

    #[serde(deny_unknown_fields)]
    pub struct BlackoutRule {
        pub calendar_id: CalendarId,
        pub tick: BlackoutTick,
    }

    /// What becomes of a tick in a blackout.
    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum BlackoutTick {
        /// It runs when the blackout is over.
        Wait,
        Skip,
    }

    #[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
    pub enum ScheduledWork {
        /// A job of any type.
        Job { job: JobPayload },
        /// A saved script; the newest version at each tick when none is named.
        Script {
            script_id: ScriptId,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            version: Option<u32>,
            /// Without the secret ones: those are given in `secrets`.
            #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
            parameters: BTreeMap<String, ParameterValue>,
        },
        /// The deployed version of an action, on the action's own hosts and in its own way: `targets` and what says
        /// how to go over them are left out.
        Action {
            action_id: ActionId,
            /// Without the secret ones: those are given in `secrets`.
            #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
            parameters: BTreeMap<String, ParameterValue>,
        },
        /// The published version of a workflow. `targets` take the place of the workflow's own hosts; what says how to
        /// go over them is left out.
        Workflow {
            workflow_id: WorkflowId,
            /// Without the secret ones: those are given in `secrets`.
            #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
            inputs: BTreeMap<String, ParameterValue>,
        },
    }

    /// What one run besides the ticks came to: jobs, or an instance of a workflow.
    pub struct ScheduleRun {
        pub execution_id: Option<ExecutionId>,
        pub jobs: Vec<JobReference>,
        pub instance_id: Option<InstanceId>,
    }

    #[serde(deny_unknown_fields)]
    pub struct ScheduleCreate {
        pub name: String,
        #[serde(default)]
        pub description: String,
        /// Where it belongs; the tenant when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub organization_id: Option<OrganizationId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub department_id: Option<DepartmentId>,
        pub definition: ScheduleDefinition,
        /// Values of the secrets that the work names. Never shown again.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub secrets: BTreeMap<String, SecretText>,
        /// It begins nothing until it is resumed. Absent: it runs, or stays as it is where the schedule is there already.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub paused: Option<bool>,
    }

    /// What is absent stays. Secrets stay as long as work and targets are the same. With name, description and pause
    /// alone it stays whose it was.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct ScheduleUpdate {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub description: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub definition: Option<ScheduleDefinition>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub secrets: Option<BTreeMap<String, SecretText>>,
        /// `true` pauses, `false` resumes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub paused: Option<bool>,
        /// `updated_at` of the schedule that was edited. Refused when somebody changed it since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub based_on: Option<Timestamp>,
    }

    /// An expression to look at before it is saved.
    #[serde(deny_unknown_fields)]
    pub struct CronPreview {
        pub cron: String,
        #[serde(default = "utc")]
        pub zone: String,
        /// The first moment that is looked at; now when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub from: Option<Timestamp>,
        /// Ticks before this moment, at most 62 days after the first one. The next five when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub until: Option<Timestamp>,
    }

    pub struct CronTicks {
        /// The expression in words.
        pub text: String,
        /// The next five, or those of the time that was named: the first 2,000 of them.
        pub ticks: Vec<Timestamp>,
        /// The time that was named has more of them.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub more: bool,
    }

    /// What became of a tick.
    pub struct ScheduleTick {
        pub at: Timestamp,
        pub fate: TickFate,
        /// How many ticks this stands for: missed ones are told together.
        pub ticks: u32,
        pub execution_id: Option<ExecutionId>,
        pub instance_id: Option<InstanceId>,
        pub reason: Option<String>,
        pub decided_at: Timestamp,
    }

    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum TickFate {
        Ran,
        /// Somebody asked for it.
        RunNow,
        /// No server was there.
        Missed,
        /// The child before it was not finished.
        Overlap,
        Blackout,
        /// It waited, and a later tick took its place; or the schedule was changed before it began.
        Replaced,
        /// Its jobs could not be made; `reason` says why.
        Failed,
    }

    pub struct Calendar {
        pub id: CalendarId,
        pub name: String,
        pub description: String,
        pub organization_id: Option<OrganizationId>,
        pub department_id: Option<DepartmentId>,
        pub zone: String,
        pub entries: Vec<Entry>,
        /// When the blackout ends that holds now.
        pub blackout_until: Option<Timestamp>,
        /// Schedules and host groups that go by it.
        pub used_by: Vec<String>,
        /// SHA-256 of what an edit can change.
        pub sha256: String,
        pub created_at: Timestamp,
        pub created_by: String,
    }

    #[serde(deny_unknown_fields)]
    pub struct CalendarCreate {
        pub name: String,
        #[serde(default)]
        pub description: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub organization_id: Option<OrganizationId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub department_id: Option<DepartmentId>,
        #[serde(default = "utc")]
        pub zone: String,
        pub entries: Vec<Entry>,
    }

    /// What is absent stays.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct CalendarUpdate {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub description: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub zone: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub entries: Option<Vec<Entry>>,
        /// `sha256` of the calendar that was edited. Refused when it says something else by now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub based_on: Option<String>,
    }
}

fn utc() -> String {
    "UTC".to_owned()
}

const fn skip_missed() -> Missed {
    Missed::Skip
}

const fn skip_overlap() -> Overlap {
    Overlap::Skip
}

impl TickFate {
    pub const ALL: &'static [Self] = &[
        Self::Ran,
        Self::RunNow,
        Self::Missed,
        Self::Overlap,
        Self::Blackout,
        Self::Replaced,
        Self::Failed,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::RunNow => "run_now",
            Self::Missed => "missed",
            Self::Overlap => "overlap",
            Self::Blackout => "blackout",
            Self::Replaced => "replaced",
            Self::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fate| fate.as_str() == text)
    }
}
