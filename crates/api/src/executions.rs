//! Executions: one click on *Run*, one job per host.

use std::collections::BTreeMap;

use postern_domain::{
    ActionId, ExecutionId, InstanceId, ScheduleId, ScriptId, Timestamp, job::JobState, rollout::Rolling,
};
use postern_protocol::payload::JobType;

use crate::targets::Targets;

crate::wire! {
    pub struct Execution {
        pub id: ExecutionId,
        #[serde(rename = "type")]
        pub kind: JobType,
        pub summary: String,
        pub created_at: Timestamp,
        pub created_by: String,
        /// Hosts in all, as far as the caller may see them.
        pub hosts: i64,
        /// How many of its jobs are in each state; states without jobs are left out.
        pub counts: BTreeMap<String, i64>,
        /// Whether every job has ended.
        pub finished: bool,
        pub rolling: Option<RollingState>,
        pub script: Option<ScriptReference>,
        pub action: Option<ActionReference>,
        /// The execution that this one repeats.
        pub rerun_of: Option<ExecutionId>,
        /// The schedule whose tick made it.
        pub schedule_id: Option<ScheduleId>,
        /// The instance of a workflow whose step made it.
        pub instance_id: Option<InstanceId>,
        /// The hosts as they were asked for.
        pub targets: Targets,
        /// Whether the caller may retry it and run it again as far as its action goes, which may be for others. Not told in
        /// lists.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub may_repeat: Option<bool>,
    }

    pub struct ScriptReference {
        pub id: ScriptId,
        pub version: u32,
    }

    pub struct ActionReference {
        pub id: ActionId,
        /// Absent where its draft was tried.
        pub version: Option<u32>,
    }

    /// Where a rolling execution stands.
    pub struct RollingState {
        pub plan: Rolling,
        pub batches: u32,
        /// Batches that have begun.
        pub begun: u32,
        /// The next one waits until then.
        pub resumes_at: Option<Timestamp>,
        /// Why the rest was not begun.
        pub stopped: Option<String>,
    }

    /// What a change of a whole execution came to.
    pub struct ExecutionChanged {
        /// Jobs that were changed.
        pub changed: u32,
    }

    #[serde(deny_unknown_fields)]
    pub struct ExecutionRerun {
        pub hosts: RerunHosts,
    }

    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum RerunHosts {
        /// Those on which its newest attempt failed, timed out or became unknown.
        Failed,
        /// Those on which it did not complete: the failed ones, and those where it was cancelled.
        Unfinished,
        All,
    }

    #[derive(Copy, Eq)]
    #[serde(rename_all = "lowercase")]
    pub enum ArchiveFormat {
        Zip,
        Json,
    }
}

impl Execution {
    pub fn count(&self, state: JobState) -> i64 {
        self.counts.get(state.as_str()).copied().unwrap_or_default()
    }
}
