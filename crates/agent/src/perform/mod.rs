//! Jobs that the agent does itself, in a process of their own.

#![allow(
    clippy::result_large_err,
    reason = "a failure carries what was found, and there is one in a process"
)]

mod http;
mod network;

use postern_protocol::{payload::JobPayload, result::JobResult, seal::Secrets};

use crate::policy::Policy;

pub(crate) struct Context {
    pub(crate) policy: Policy,
    pub(crate) secrets: Secrets,
}

#[allow(dead_code, reason = "the frame's own takes this one's place")]
pub(crate) struct Failed {
    pub(crate) reason: String,
    pub(crate) result: Option<JobResult>,
}

#[allow(dead_code, reason = "the frame's own takes this one's place")]
pub(crate) fn perform(work: &JobPayload, context: &Context) -> Result<JobResult, Failed> {
    match work {
        JobPayload::NetworkDiagnostic(work) => network::perform(work, context),
        JobPayload::HttpRequest(work) => http::perform(work, context),
        other => Err(Failed {
            reason: format!("not done here: {}", other.kind().as_str()),
            result: None,
        }),
    }
}
