//! Errors of the API: RFC 9457 problem details.

use serde::{Deserialize, Serialize};

/// `application/problem+json`. `detail` names the cause and the next step for a person; `code` is for programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `/docs/errors#<code>`
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub code: String,
    pub detail: String,
    /// What is wrong in which field of the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// Seconds to wait before trying again, where waiting helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
    /// For agents: the server's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_time_us: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FieldProblem {
    /// Path of the field, like `targets.agents[2]`.
    pub field: String,
    pub message: String,
}
