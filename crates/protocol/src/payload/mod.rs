//! What a job does, by type: the same shape in the API, in the database and in an order.
//!
//! No payload carries a secret. It says which secrets it needs by name; their values travel beside it, sealed.

mod account;
mod command;
mod http;
mod network;
mod process;
mod script;
mod service;
mod software;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use account::{GroupAction, GroupControl, UserAction, UserControl};
pub use command::Command;
pub use http::HttpRequest;
pub use network::{DnsRecordType, NetworkDiagnostic, NetworkProtocol};
pub use process::{ProcessAction, ProcessControl};
pub use script::{Language, Script, check_value};
pub use service::{ServiceAction, ServiceControl};
pub use software::{Package, PackageManager, SoftwareAction, SoftwareInstall};

/// The name of the secret that a password travels under.
pub const PASSWORD: &str = "password";

/// The type of a job with its payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(
    tag = "type",
    content = "payload",
    rename_all = "snake_case",
    deny_unknown_fields
)]
pub enum JobPayload {
    Command(Command),
    Script(Script),
    ServiceControl(ServiceControl),
    ProcessControl(ProcessControl),
    NetworkDiagnostic(NetworkDiagnostic),
    SoftwareInstall(SoftwareInstall),
    UserControl(UserControl),
    GroupControl(GroupControl),
    HttpRequest(HttpRequest),
}

/// The types by name, where the payload itself is not wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobType {
    Command,
    Script,
    ServiceControl,
    ProcessControl,
    NetworkDiagnostic,
    SoftwareInstall,
    UserControl,
    GroupControl,
    HttpRequest,
}

impl JobType {
    pub const ALL: &'static [Self] = &[
        Self::Command,
        Self::Script,
        Self::ServiceControl,
        Self::ProcessControl,
        Self::NetworkDiagnostic,
        Self::SoftwareInstall,
        Self::UserControl,
        Self::GroupControl,
        Self::HttpRequest,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Script => "script",
            Self::ServiceControl => "service_control",
            Self::ProcessControl => "process_control",
            Self::NetworkDiagnostic => "network_diagnostic",
            Self::SoftwareInstall => "software_install",
            Self::UserControl => "user_control",
            Self::GroupControl => "group_control",
            Self::HttpRequest => "http_request",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct PayloadError {
    /// Path of the field inside the payload.
    pub field: String,
    pub problem: String,
}

fn error(field: impl Into<String>, problem: impl Into<String>) -> PayloadError {
    PayloadError {
        field: field.into(),
        problem: problem.into(),
    }
}

impl JobPayload {
    pub const fn kind(&self) -> JobType {
        match self {
            Self::Command(_) => JobType::Command,
            Self::Script(_) => JobType::Script,
            Self::ServiceControl(_) => JobType::ServiceControl,
            Self::ProcessControl(_) => JobType::ProcessControl,
            Self::NetworkDiagnostic(_) => JobType::NetworkDiagnostic,
            Self::SoftwareInstall(_) => JobType::SoftwareInstall,
            Self::UserControl(_) => JobType::UserControl,
            Self::GroupControl(_) => JobType::GroupControl,
            Self::HttpRequest(_) => JobType::HttpRequest,
        }
    }

    /// One short line that tells a person what it does; not for running.
    pub fn summary(&self) -> String {
        const MAX: usize = 120;
        let text = match self {
            Self::Command(command) => command.summary(),
            Self::Script(script) => script.summary(),
            Self::ServiceControl(service) => service.summary(),
            Self::ProcessControl(process) => process.summary(),
            Self::NetworkDiagnostic(diagnostic) => diagnostic.summary(),
            Self::SoftwareInstall(software) => software.summary(),
            Self::UserControl(user) => user.summary(),
            Self::GroupControl(group) => group.summary(),
            Self::HttpRequest(request) => request.summary(),
        };
        let line: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        if line.chars().count() <= MAX {
            line
        } else {
            line.chars().take(MAX - 1).chain(['…']).collect()
        }
    }

    /// Bounds and shapes, checked before any job exists and again by the agent.
    pub fn check(&self) -> Result<(), PayloadError> {
        match self {
            Self::Command(command) => command.check(),
            Self::Script(script) => script.check(),
            Self::ServiceControl(service) => service.check(),
            Self::ProcessControl(process) => process.check(),
            Self::NetworkDiagnostic(diagnostic) => diagnostic.check(),
            Self::SoftwareInstall(software) => software.check(),
            Self::UserControl(user) => user.check(),
            Self::GroupControl(group) => group.check(),
            Self::HttpRequest(request) => request.check(),
        }
    }

    /// Names of the secrets it needs, in no order.
    pub fn secrets(&self) -> Vec<&str> {
        match self {
            Self::Script(script) => script.secrets.iter().map(String::as_str).collect(),
            Self::UserControl(user) if user.takes_password() => vec![PASSWORD],
            Self::HttpRequest(request) => request.secret_headers.values().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The local user it runs as, where that is not the agent's own.
    pub fn run_as_user(&self) -> Option<&str> {
        match self {
            Self::Command(command) => command.run_as_user.as_deref(),
            Self::Script(script) => script.run_as_user.as_deref(),
            _ => None,
        }
    }

    /// Whether an agent that is not root refuses it.
    pub fn requires_elevation(&self) -> bool {
        match self {
            Self::Command(command) => command.requires_elevation || command.run_as_user.is_some(),
            Self::Script(script) => script.requires_elevation || script.run_as_user.is_some(),
            _ => false,
        }
    }
}

fn check_directory(directory: Option<&str>) -> Result<(), PayloadError> {
    match directory {
        Some(path) if path.contains('\0') || path.len() > 4096 || path.is_empty() => {
            Err(error("working_directory", "is not a path"))
        }
        _ => Ok(()),
    }
}

/// Name of a local user or group, as `useradd` takes it: letters, digits, `_`, `-`, `.`, not starting with `-`.
fn check_account(field: &str, name: &str) -> Result<(), PayloadError> {
    let good = (1..=32).contains(&name.len())
        && !name.starts_with('-')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        && !name.bytes().all(|byte| byte == b'.')
        && !name.bytes().all(|byte| byte.is_ascii_digit());
    if good {
        Ok(())
    } else {
        Err(error(
            field,
            "is not an account's name: 1 to 32 letters, digits, '_', '-' or '.', not starting with '-' and not only digits",
        ))
    }
}

/// A word that becomes one argument of a program: not empty, not an option, nothing but what can be seen.
fn check_word(field: &str, word: &str, longest: usize) -> Result<(), PayloadError> {
    if word.is_empty() || word.len() > longest {
        return Err(error(field, format!("must have 1 to {longest} bytes")));
    }
    if word.starts_with('-') {
        return Err(error(field, "must not start with '-'"));
    }
    if word.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(error(field, "must not contain spaces or control characters"));
    }
    Ok(())
}

/// A host by name or address.
fn check_host(field: &str, host: &str) -> Result<(), PayloadError> {
    let good = (1..=253).contains(&host.len())
        && !host.starts_with('-')
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'%'));
    if good {
        Ok(())
    } else {
        Err(error(field, "is not a host's name or address"))
    }
}
