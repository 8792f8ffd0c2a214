//! Jobs, their attempts and their output.

use postern_domain::{
    AgentId, AttemptId, JobId, OrganizationId, Timestamp,
    job::{JobState, Priority, WaitReason},
    label::Labels,
};
use postern_protocol::payload::{JobPayload, JobType};

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
    }

    /// The hosts: the union of named agents and those with every label, or all that may be seen.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct Targets {
        /// Names or ids.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub agents: Vec<String>,
        #[serde(default, skip_serializing_if = "Labels::is_empty")]
        pub labels: Labels,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub all: bool,
    }

    pub struct JobsCreated {
        pub jobs: Vec<JobReference>,
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
    }

    pub struct JobDetail {
        #[serde(flatten)]
        pub job: Job,
        /// What it does; its shape follows from the type, as in a creation.
        pub payload: serde_json::Value,
        pub attempts: Vec<Attempt>,
        /// What happened when, oldest first.
        pub timeline: Vec<TimelineEntry>,
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
        /// A result that came after the final state was set; it does not change it.
        pub late: Option<LateResult>,
    }

    pub struct LateResult {
        pub state: JobState,
        pub exit_code: Option<i32>,
        pub reason: Option<String>,
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
        /// Whether the attempt has ended and nothing more will come.
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

impl JobDetail {
    /// The payload as a typed value; `None` when it is of a type this program does not know.
    pub fn work(&self) -> Option<JobPayload> {
        let whole = serde_json::json!({"type": self.job.kind, "payload": self.payload});
        serde_json::from_value(whole).ok()
    }
}
