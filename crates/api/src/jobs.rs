//! Jobs, their attempts and their output.

use std::collections::BTreeMap;

use postern_domain::{
    AgentId, AttemptId, ExecutionId, JobId, OrganizationId, Timestamp,
    job::{JobState, Priority, WaitReason},
    rollout::Rolling,
};
use postern_protocol::payload::{JobPayload, JobType};

use crate::{
    executions::ScriptReference,
    secret::SecretText,
    targets::{HostPreview, Targets},
};

crate::wire! {
    /// One job per host the targets name. `type` and `payload` say what to do.
    #[serde(deny_unknown_fields)]
    pub struct JobCreate {
        #[serde(flatten)]
        pub work: JobPayload,
        pub targets: Targets,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub priority: Option<Priority>,
        /// 1 to 604800; 300 when absent. The agent kills the whole process tree then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub timeout_seconds: Option<u32>,
        /// Not handed out before; at once when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub not_before: Option<Timestamp>,
        /// Values of the secrets that the payload names. Never shown again, and masked in the output.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub secrets: BTreeMap<String, SecretText>,
        /// In batches; on all hosts at once when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub rolling: Option<Rolling>,
        /// At most one at a time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub concurrency: Option<Concurrency>,
    }

    /// Jobs with the same key wait for each other.
    #[serde(deny_unknown_fields)]
    pub struct Concurrency {
        /// 1 to 100 characters.
        pub key: String,
        pub per: ConcurrencyScope,
    }

    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum ConcurrencyScope {
        /// One at a time on each host.
        Host,
        /// One at a time in the host group that is the only target.
        Group,
        /// One at a time in the tenant.
        Tenant,
    }

    pub struct JobsCreated {
        pub execution_id: ExecutionId,
        pub jobs: Vec<JobReference>,
        /// The password that was drawn because none was given. Shown here and never again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub generated_password: Option<SecretText>,
    }

    /// What a creation would do.
    pub struct JobPreview {
        pub summary: String,
        /// SHA-256 of what would run.
        pub payload_sha256: String,
        /// SHA-256 of a script's whole text, libraries included: what an agent's policy may name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub content_sha256: Option<String>,
        pub batches: u32,
        pub hosts: Vec<HostPreview>,
    }

    pub struct JobReference {
        pub id: JobId,
        pub agent_id: AgentId,
        pub agent: String,
        pub state: JobState,
    }

    pub struct Job {
        pub id: JobId,
        #[serde(rename = "type")]
        pub kind: JobType,
        /// One line that tells a person what it does.
        pub summary: String,
        pub agent_id: AgentId,
        pub agent: String,
        pub organization_id: OrganizationId,
        /// The click on *Run* it comes from.
        pub execution_id: Option<ExecutionId>,
        /// Number of its batch, from 1.
        pub batch: u32,
        pub state: JobState,
        pub priority: Priority,
        pub timeout_seconds: u32,
        pub not_before: Option<Timestamp>,
        pub created_at: Timestamp,
        pub created_by: String,
        /// Number of the current attempt, from 1.
        pub attempt: u32,
        pub cancel_requested: bool,
        pub started_at: Option<Timestamp>,
        pub finished_at: Option<Timestamp>,
        pub exit_code: Option<i32>,
        /// Why it ended as it did.
        pub reason: Option<String>,
        /// Why it is still queued.
        pub waits: Option<Wait>,
    }

    pub struct Wait {
        pub reason: WaitReason,
        pub text: String,
        /// The job it waits for.
        pub job_id: Option<JobId>,
        /// When the blackout it waits for is over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub until: Option<Timestamp>,
    }

    pub struct JobDetail {
        #[serde(flatten)]
        pub job: Job,
        /// What it does; its shape follows from the type, as in a creation.
        pub payload: serde_json::Value,
        /// Of a saved script: which, and which version.
        pub script: Option<ScriptReference>,
        /// SHA-256 of a script's whole text, libraries included: what an agent's policy may name.
        pub content_sha256: Option<String>,
        pub attempts: Vec<Attempt>,
        /// What happened when, oldest first.
        pub timeline: Vec<TimelineEntry>,
        /// Whether the caller may retry it as far as its action goes, which may be for others.
        pub may_repeat: bool,
    }

    pub struct Attempt {
        pub id: AttemptId,
        pub number: u32,
        pub state: JobState,
        /// When the agent was given it.
        pub handed_at: Timestamp,
        pub started_at: Option<Timestamp>,
        pub finished_at: Option<Timestamp>,
        pub exit_code: Option<i32>,
        pub reason: Option<String>,
        /// Measured by the agent.
        pub duration_ms: Option<i64>,
        pub stdout_bytes: i64,
        pub stderr_bytes: i64,
        /// What a typed job found or did: an object with `type` and `result`.
        #[cfg_attr(feature = "schema", schema(value_type = Option<postern_protocol::result::JobResult>))]
        pub result: Option<serde_json::Value>,
        /// A result that came after the final state was set; it does not change it.
        pub late: Option<LateResult>,
    }

    /// What the agent told of an attempt that the server had ended before.
    pub struct LateResult {
        /// What the attempt would have become.
        pub state: JobState,
        pub started_at: Option<Timestamp>,
        pub finished_at: Option<Timestamp>,
        pub exit_code: Option<i32>,
        pub reason: Option<String>,
        /// Measured by the agent.
        pub duration_ms: Option<i64>,
        /// What a typed job found or did: an object with `type` and `result`.
        #[cfg_attr(feature = "schema", schema(value_type = Option<postern_protocol::result::JobResult>))]
        pub result: Option<serde_json::Value>,
        pub received_at: Timestamp,
    }

    pub struct TimelineEntry {
        pub at: Timestamp,
        pub text: String,
    }

    /// What is kept of both streams of one attempt.
    pub struct JobOutput {
        pub attempt: u32,
        pub stdout: StreamOutput,
        pub stderr: StreamOutput,
        /// Whether the agent has told how the attempt ended, and nothing more will come. Of an attempt that the server
        /// ended by itself more may come for as long as its host is silent.
        pub complete: bool,
    }

    pub struct StreamOutput {
        /// In order; between two of them lies what was cut or has not arrived yet.
        pub segments: Vec<Segment>,
        /// Everything the stream carried, as far as is known.
        pub total_bytes: i64,
        /// How much of it is not kept.
        pub cut_bytes: i64,
    }

    pub struct Segment {
        pub offset: i64,
        /// Length in bytes; `text` may be longer or shorter.
        pub bytes: i64,
        /// UTF-8; bytes that are not became U+FFFD. To be shown as text, never as markup.
        pub text: String,
    }

    /// An event of `GET /jobs/{id}/events`. Event names: `state` (data: a job), `output` (data: this), `end`.
    pub struct OutputEvent {
        pub attempt: u32,
        pub stream: StreamName,
        pub segment: Segment,
    }

    #[derive(Copy, Eq, PartialOrd, Ord, Hash)]
    #[serde(rename_all = "lowercase")]
    pub enum StreamName {
        Stdout,
        Stderr,
    }
}

impl JobCreate {
    /// With nothing but what must be said.
    pub fn new(work: JobPayload, targets: Targets) -> Self {
        Self {
            work,
            targets,
            priority: None,
            timeout_seconds: None,
            not_before: None,
            secrets: BTreeMap::new(),
            rolling: None,
            concurrency: None,
        }
    }
}

impl JobDetail {
    /// The payload as a typed value; `None` when it is of a type this program does not know.
    pub fn work(&self) -> Option<JobPayload> {
        let whole = serde_json::json!({"type": self.job.kind, "payload": self.payload});
        serde_json::from_value(whole).ok()
    }
}
