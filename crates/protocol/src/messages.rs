//! Requests and answers of `/agent/v1/`. Times are microseconds since the epoch, bytes are base64.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{base64_bytes, order::SignedOrder, result::JobResult};

/// `POST enroll`, with a proof of the new key and without a credential.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EnrollRequest {
    pub protocol: u32,
    /// Text of the enrolment token.
    pub token: String,
    pub facts: HostFacts,
}

/// What an agent tells about its host at enrolment and whenever it changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostFacts {
    pub agent_version: String,
    pub hostname: String,
    /// As a person would say it: `Debian GNU/Linux 12`.
    pub os: String,
    /// `x86_64`, `aarch64`
    pub arch: String,
    /// Languages of scripts that can run here: `bash`, `python`, `powershell`.
    pub languages: Vec<String>,
    /// Whether the agent runs as root.
    pub root: bool,
    /// Jobs it runs at once.
    pub slots: u32,
    /// X25519 key that secrets for this agent are sealed to, base64url. Agents before 0.2 have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealing_key: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EnrollAnswer {
    pub agent_id: i64,
    pub agent_name: String,
    pub credential: String,
    /// Public half of the key that signs orders, base64url; pinned from now on.
    pub order_key: String,
    pub settings: Settings,
    pub server_time_us: i64,
}

/// What the server wants an agent to do differently from its defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Whether the agent renews its credential by itself, 30 days ahead.
    pub renew_credential: bool,
}

/// `POST checkin`: the long poll. It is the heartbeat.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckinRequest {
    pub protocol: u32,
    /// Never repeated, rising; see the server's clone guard.
    pub number: u64,
    /// Every attempt in the journal that is not acknowledged yet. What is missing here, the agent does not have.
    pub held: Vec<HeldAttempt>,
    pub slots: u32,
    /// Sent at the first check-in of a process and after a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<HostFacts>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldAttempt {
    pub attempt_id: i64,
    pub phase: Phase,
    /// When it was started, once it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_us: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Journaled, not started.
    Accepted,
    Started,
    /// Ended; its result is on the way.
    Finished,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CheckinAnswer {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<SignedOrder>,
    /// Attempts to stop. Repeated until their end is reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cancel: Vec<i64>,
    /// Finished attempts whose result the server has: the agent forgets them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acknowledged: Vec<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
    pub server_time_us: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    Stdout,
    Stderr,
}

/// A piece of a stream. Sending one twice, or two that overlap, is harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    pub stream: Stream,
    /// Where it lies in everything the stream ever carried, cut parts included.
    pub offset: u64,
    #[serde(with = "base64_bytes")]
    pub data: Vec<u8>,
}

/// `POST attempts/{id}/output`: also how the start is reported, with or without pieces.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OutputRequest {
    pub started_us: i64,
    pub chunks: Vec<Chunk>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OutputAnswer {
    /// `false`: the server does not want more of it (the end of the attempt has been told, or it is gone). The result
    /// still counts.
    pub wanted: bool,
}

/// `POST attempts/{id}/result`. The answer is the acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultRequest {
    pub outcome: Outcome,
    /// Absent when it never started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_us: Option<i64>,
    pub finished_us: i64,
    /// Measured on the agent's monotonic clock; absent when not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_us: Option<i64>,
    /// Everything the streams carried, kept or not.
    #[serde(default)]
    pub stream_bytes: BTreeMap<Stream, u64>,
    /// What was not sent before.
    #[serde(default)]
    pub chunks: Vec<Chunk>,
    /// What a typed job found or did; at most [`crate::limits::RESULT_BYTES`] as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<JobResult>,
    /// Why a job that ended with another exit code than 0 did so, where it can say: for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    Exited {
        code: i32,
    },
    Signalled {
        signal: i32,
    },
    TimedOut,
    /// Stopped on the server's request; the whole process tree is gone.
    Cancelled,
    /// Never started.
    Refused {
        reason: String,
    },
    /// The shim or the host died in the middle: the agent does not guess.
    Unknown {
        reason: String,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResultAnswer {
    /// `false`: the server knows no such attempt of this agent (its job was deleted). Acknowledged all the same.
    pub known: bool,
}

/// `POST credential/renew`, empty.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RenewAnswer {
    pub credential: String,
}
