//! What a job does, by type: the same shape in the API, in the database and in an order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limits::{COMMAND_ARGUMENTS, COMMAND_BYTES, PARAMETER_BYTES, PARAMETERS, SCRIPT_BYTES};

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
}

/// The types by name, where the payload itself is not wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobType {
    Command,
    Script,
}

impl JobType {
    pub const ALL: &'static [Self] = &[Self::Command, Self::Script];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Script => "script",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}

/// One program with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The program and its arguments, passed on as they are. With `shell`, exactly one text: the shell line.
    pub argv: Vec<String>,
    /// Hand the one text to `/bin/sh -c`.
    #[serde(default)]
    pub shell: bool,
    /// Folder to start in; the agent's data folder of the attempt when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
}

/// A script with its parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Script {
    pub language: Language,
    pub content: String,
    /// Reach the script as environment variables `PARAM_<NAME>`, never as text in its code.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Folder to start in; the agent's data folder of the attempt when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Language {
    Bash,
    Python,
    Powershell,
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
        }
    }

    /// One short line that tells a person what it does; not for running.
    pub fn summary(&self) -> String {
        const MAX: usize = 120;
        let text = match self {
            Self::Command(command) => command.argv.join(" "),
            Self::Script(script) => script
                .content
                .lines()
                .find(|line| !line.starts_with("#!"))
                .unwrap_or("")
                .to_owned(),
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
        }
    }
}

impl Command {
    fn check(&self) -> Result<(), PayloadError> {
        let first = self.argv.first().map(String::as_str).unwrap_or_default();
        if first.trim().is_empty() {
            return Err(error("argv", "is empty: give a program and its arguments"));
        }
        if self.shell && self.argv.len() != 1 {
            return Err(error("argv", "must be exactly one text when shell is true"));
        }
        if self.argv.len() > COMMAND_ARGUMENTS {
            return Err(error(
                "argv",
                format!("has more than {COMMAND_ARGUMENTS} arguments"),
            ));
        }
        if self.argv.iter().map(String::len).sum::<usize>() > COMMAND_BYTES {
            return Err(error(
                "argv",
                format!("is longer than {COMMAND_BYTES} bytes: put it into a script"),
            ));
        }
        if let Some(index) = self.argv.iter().position(|argument| argument.contains('\0')) {
            return Err(error(
                format!("argv[{index}]"),
                "contains a NUL byte, which no program can receive",
            ));
        }
        check_directory(self.working_directory.as_deref())
    }
}

impl Script {
    fn check(&self) -> Result<(), PayloadError> {
        if self.content.trim().is_empty() {
            return Err(error("content", "is empty: give the script's text"));
        }
        if self.content.len() > SCRIPT_BYTES {
            return Err(error("content", format!("is larger than {SCRIPT_BYTES} bytes")));
        }
        if self.parameters.len() > PARAMETERS {
            return Err(error("parameters", format!("has more than {PARAMETERS} entries")));
        }
        for (name, value) in &self.parameters {
            let field = || format!("parameters.{name}");
            if value.contains('\0') {
                return Err(error(
                    field(),
                    "contains a NUL byte, which no environment variable can hold",
                ));
            }
            if value.len() > PARAMETER_BYTES {
                return Err(error(field(), format!("is longer than {PARAMETER_BYTES} bytes")));
            }
        }
        check_directory(self.working_directory.as_deref())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn command(argv: &[&str], shell: bool) -> JobPayload {
        JobPayload::Command(Command {
            argv: argv.iter().map(|a| (*a).to_owned()).collect(),
            shell,
            working_directory: None,
        })
    }

    fn script(content: &str, parameters: &[(&str, String)]) -> JobPayload {
        JobPayload::Script(Script {
            language: Language::Bash,
            content: content.into(),
            parameters: parameters
                .iter()
                .map(|(k, v)| ((*k).to_owned(), v.clone()))
                .collect(),
            working_directory: None,
        })
    }

    fn refused(payload: &JobPayload, field: &str) {
        assert_eq!(
            payload.check().expect_err("refused").field,
            field,
            "{}",
            payload.summary()
        );
    }

    #[test]
    fn shape_in_json() {
        let payload: JobPayload =
            serde_json::from_str(r#"{"type":"command","payload":{"argv":["true"]}}"#).unwrap();
        assert_eq!(payload, command(&["true"], false));
        for wrong in [
            r#"{"type":"reboot","payload":{}}"#,
            r#"{"type":"command","payload":{"argv":["true"],"sudo":true}}"#,
            r#"{"type":"command","payload":{"argv":"true"}}"#,
        ] {
            assert!(serde_json::from_str::<JobPayload>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bounds_at_and_beyond() {
        assert!(command(&["echo", "a b", ""], false).check().is_ok());
        refused(&command(&[], false), "argv");
        refused(&command(&["  "], false), "argv");
        refused(&command(&["echo", "x"], true), "argv");
        refused(&command(&["echo", "a\0b"], false), "argv[1]");
        assert!(command(&vec!["a"; COMMAND_ARGUMENTS], false).check().is_ok());
        refused(&command(&vec!["a"; COMMAND_ARGUMENTS + 1], false), "argv");
        assert!(command(&[&"a".repeat(COMMAND_BYTES)], true).check().is_ok());
        refused(&command(&[&"a".repeat(COMMAND_BYTES + 1)], true), "argv");
        assert!(script(&"#".repeat(SCRIPT_BYTES), &[]).check().is_ok());
        refused(&script(&"#".repeat(SCRIPT_BYTES + 1), &[]), "content");
        refused(&script("  \n", &[]), "content");
        assert!(script(":", &[("a", "x".repeat(PARAMETER_BYTES))]).check().is_ok());
        refused(
            &script(":", &[("a", "x".repeat(PARAMETER_BYTES + 1))]),
            "parameters.a",
        );
        refused(&script(":", &[("a", "\0".into())]), "parameters.a");
    }

    #[test]
    fn a_summary_is_one_short_line() {
        assert_eq!(script("#!/bin/bash\necho hi\nexit", &[]).summary(), "echo hi");
        assert_eq!(command(&["echo", "a\nb"], false).summary(), "echo a b");
        assert_eq!(command(&[&"ä".repeat(500)], false).summary().chars().count(), 120);
    }
}
