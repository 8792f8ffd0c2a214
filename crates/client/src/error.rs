//! What can go wrong with a call, by what the caller can do about it.

use postern_api::Problem;

use crate::StreamError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server answered and said no; nothing is unclear.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// No answer: not reachable, not trusted, cut off, too slow. A change may or may not have happened.
    #[error("no answer from {url}: {cause}")]
    Transport { url: String, cause: String },
    /// An answer that is not Postern's: another program, a proxy in between, a newer or older server.
    #[error("{url} answered {status}, but not as a Postern server does: {cause}")]
    Decode { url: String, status: u16, cause: String },
}

impl Error {
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }

    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Problem(problem) => Some(problem.status),
            Self::Decode { status, .. } => Some(*status),
            Self::Transport { .. } => None,
        }
    }

    /// Whether the same call may succeed a little later: nobody there, overloaded, or restarting.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Transport { .. } => true,
            Self::Problem(_) | Self::Decode { .. } => {
                matches!(self.status(), Some(429 | 502 | 503 | 504))
            }
        }
    }

    pub(crate) fn transport(url: &reqwest::Url, error: &reqwest::Error) -> Self {
        Self::Transport {
            url: url.origin().ascii_serialization(),
            cause: describe(error),
        }
    }

    pub(crate) fn silent(url: &reqwest::Url) -> Self {
        Self::Transport {
            url: url.origin().ascii_serialization(),
            cause: "the connection went silent".to_owned(),
        }
    }

    pub(crate) fn stream(url: &reqwest::Url, error: &StreamError) -> Self {
        Self::Decode {
            url: url.origin().ascii_serialization(),
            status: 200,
            cause: error.to_string(),
        }
    }
}

/// The library's own text repeats the address and hides the cause; the innermost error says what happened.
fn describe(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    // A bad signature: two authorities of the same name, as two installations of Postern have.
    if text.contains("UnknownIssuer") || text.contains("BadSignature") {
        return "its certificate is signed by an authority that is not trusted here".to_owned();
    }
    text
}

#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("{0:?} is not the address of a server: give one like https://postern.example:8443")]
    Address(String),
    #[error("the CA certificate cannot be used: {0}")]
    Ca(String),
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    #[error("the HTTP client cannot be set up")]
    Http(#[source] reqwest::Error),
    #[error("the credentials contain characters that no header can carry")]
    Credentials,
}
