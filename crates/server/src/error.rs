//! Every way the server says no, and the one place where that becomes an answer.
//!
//! Text for the caller names the cause and the next step. What only the operator may know goes to the log.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use postern_api::{FieldProblem, Problem};
use postern_domain::{job, permission::Permission};
use postern_protocol::refusal::RefusalCode;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("sign in first")]
    Unauthenticated {
        code: &'static str,
        detail: &'static str,
    },
    #[error("the permission {0} is missing")]
    Forbidden(Permission),
    #[error("{detail}")]
    ForbiddenBecause { code: &'static str, detail: String },
    /// Not there, or not to be seen by this caller: the answer is the same.
    #[error("no {what} {id}")]
    NotFound { what: &'static str, id: String },
    #[error("{detail}")]
    Conflict { code: &'static str, detail: String },
    #[error("{detail}")]
    Malformed { code: &'static str, detail: String },
    #[error("the request has wrong values")]
    Invalid(Vec<FieldProblem>),
    #[error("the address takes other methods")]
    MethodNotAllowed,
    #[error("larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("too many tries")]
    RateLimited { retry_after_seconds: u64 },
    /// So much is going on already that more would hinder the rest.
    #[error("{detail}")]
    Busy {
        code: &'static str,
        detail: String,
        retry_after_seconds: u64,
    },
    /// A refusal an agent understands.
    #[error("{}", .code.as_str())]
    Agent { code: RefusalCode, server_time_us: i64 },
    #[error(transparent)]
    Store(#[from] postern_store::Error),
    #[error("{0}")]
    Internal(String),
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    #[allow(
        clippy::needless_pass_by_value,
        reason = "ids are small, and texts are made for it"
    )]
    pub fn not_found(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound {
            what,
            id: id.to_string(),
        }
    }

    #[allow(
        clippy::needless_pass_by_value,
        reason = "errors of other rooms come by value"
    )]
    pub fn invalid(field: impl Into<String>, message: impl ToString) -> Self {
        Self::Invalid(vec![FieldProblem {
            field: field.into(),
            message: message.to_string(),
        }])
    }

    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict {
            code,
            detail: detail.into(),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated { .. } => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::ForbiddenBecause { .. } => StatusCode::FORBIDDEN,
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::Malformed { .. } => StatusCode::BAD_REQUEST,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RateLimited { .. } | Self::Busy { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Agent { code, .. } => agent_status(*code),
            Self::Store(postern_store::Error::Cursor) => StatusCode::BAD_REQUEST,
            Self::Store(error) if error.is_transient() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(_) | Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated { code, .. }
            | Self::ForbiddenBecause { code, .. }
            | Self::Conflict { code, .. }
            | Self::Busy { code, .. }
            | Self::Malformed { code, .. } => code,
            Self::Forbidden(_) => "permission_missing",
            Self::NotFound { .. } => "not_found",
            Self::Invalid(_) => "invalid_request",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TooLarge { .. } => "too_large",
            Self::RateLimited { .. } => "rate_limited",
            Self::Agent { code, .. } => code.as_str(),
            Self::Store(postern_store::Error::Cursor) => "cursor_invalid",
            Self::Store(postern_store::Error::DiskFull) => "disk_full",
            Self::Store(error) if error.is_transient() => "database_unavailable",
            Self::Store(_) | Self::Internal(_) => "internal",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Unauthenticated { detail, .. } => (*detail).to_owned(),
            Self::Forbidden(permission) => format!(
                "This needs the permission {permission}. Ask an administrator for a role that has it."
            ),
            Self::ForbiddenBecause { detail, .. }
            | Self::Conflict { detail, .. }
            | Self::Busy { detail, .. }
            | Self::Malformed { detail, .. } => detail.clone(),
            Self::NotFound { what, id } => {
                format!("There is no {what} {id}, or you may not see it. Check the list.")
            }
            Self::Invalid(fields) => {
                let texts: Vec<_> =
                    fields.iter().map(|field| format!("{}: {}", field.field, field.message)).collect();
                texts.join("; ")
            }
            Self::MethodNotAllowed => {
                "This address takes other methods: the header Allow and the OpenAPI document list them.".to_owned()
            }
            Self::TooLarge { limit } => format!("The request is larger than {limit} bytes. Send less at once."),
            Self::RateLimited { retry_after_seconds } => {
                format!("Too many tries. Wait {retry_after_seconds} seconds, then try again.")
            }
            Self::Agent { code, .. } => code.text().to_owned(),
            Self::Store(postern_store::Error::Cursor) => {
                "The cursor is not one this list gave out. Start again without it.".to_owned()
            }
            Self::Store(postern_store::Error::DiskFull) => {
                "The disk of the server's database is full; nothing was changed. Free space, then try again.".to_owned()
            }
            Self::Store(error) if error.is_transient() => {
                "The database is not available at the moment. Try again; use the same Idempotency-Key to be safe."
                    .to_owned()
            }
            Self::Store(_) | Self::Internal(_) => {
                "Something went wrong in the server; its log says what. Try again, and report it if it stays.".to_owned()
            }
        }
    }

    fn into_problem(self) -> Problem {
        let status = self.status();
        let (code, detail) = (self.code(), self.detail());
        Problem {
            kind: format!("/docs/errors#{code}"),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail,
            retry_after_seconds: match &self {
                Self::RateLimited { retry_after_seconds }
                | Self::Busy {
                    retry_after_seconds, ..
                } => Some(*retry_after_seconds),
                _ => None,
            },
            server_time_us: match &self {
                Self::Agent { server_time_us, .. } => Some(*server_time_us),
                _ => None,
            },
            errors: match self {
                Self::Invalid(fields) => fields,
                _ => Vec::new(),
            },
        }
    }
}

const fn agent_status(code: RefusalCode) -> StatusCode {
    match code {
        RefusalCode::EnrollmentTokenMalformed | RefusalCode::VersionUnsupported => StatusCode::BAD_REQUEST,
        RefusalCode::EnrollmentTokenUnknown
        | RefusalCode::EnrollmentTokenUsed
        | RefusalCode::EnrollmentTokenExpired
        | RefusalCode::EnrollmentTokenRevoked
        | RefusalCode::AgentLocked => StatusCode::FORBIDDEN,
        _ => StatusCode::UNAUTHORIZED,
    }
}

impl From<job::Refusal> for Error {
    fn from(refusal: job::Refusal) -> Self {
        Self::conflict("job_wrong_state", refusal.to_string())
    }
}

/// Left in the answer for the layer that records refusals.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) reason: String,
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if self.status().is_server_error() {
            tracing::error!(error = %self, "request failed");
        }
        let refused = matches!(self.status().as_u16(), 401 | 403 | 404 | 409).then(|| Refused {
            reason: self.detail(),
        });
        let problem = self.into_problem();
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = problem.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(refused) = refused {
            response.extensions_mut().insert(refused);
        }
        response
    }
}
