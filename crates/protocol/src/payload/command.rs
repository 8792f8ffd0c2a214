//! `command`: one program with its arguments.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};

use super::{PayloadError, check_account, check_directory, check_value, error};
use crate::limits::{COMMAND_ARGUMENTS, COMMAND_BYTES, COMMAND_VARIABLES};

/// Set by the agent, or read by the programs that start others.
const RESERVED: [&str; 6] = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG"];
const RESERVED_PREFIXES: [&str; 2] = ["POSTERN_", "LD_"];

/// One program with its arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The program and its arguments, passed on as they are. With `shell`, exactly one text: the shell line.
    pub argv: Vec<String>,
    /// Hand the one text to `/bin/sh -c`.
    #[serde(default)]
    pub shell: bool,
    /// Variables beside those that every job has; those cannot be changed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Folder to start in; the agent's data folder of the attempt when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
    /// Local user to run as, with its groups, home and limits; the agent must run as root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as_user: Option<String>,
    /// Refuse where the agent does not run as root.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub requires_elevation: bool,
}

impl Command {
    /// As it would be typed: where one argument ends and the next begins can be seen.
    pub(super) fn summary(&self) -> String {
        if self.shell {
            return self.argv.join(" ");
        }
        let words: Vec<_> = self.argv.iter().map(|argument| quoted(argument)).collect();
        words.join(" ")
    }

    pub(super) fn check(&self) -> Result<(), PayloadError> {
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
        if self.environment.len() > COMMAND_VARIABLES {
            let problem = format!("has more than {COMMAND_VARIABLES} variables");
            return Err(error("environment", problem));
        }
        for (name, value) in &self.environment {
            check_variable(name)?;
            check_value(&format!("environment.{name}"), value)?;
        }
        if let Some(user) = &self.run_as_user {
            check_account("run_as_user", user)?;
        }
        check_directory(self.working_directory.as_deref())
    }
}

/// An argument as it is, unless a shell would read it as something else: then in single quotes, or in double quotes where
/// that is easier to read.
fn quoted(argument: &str) -> Cow<'_, str> {
    let special = |c: char| c.is_whitespace() || c.is_control() || "|&;<>()$`\\\"'*?".contains(c);
    let is_plain = !argument.is_empty() && !argument.starts_with(['~', '#']) && !argument.contains(special);
    if is_plain {
        return argument.into();
    }
    if argument.contains('\'') && !argument.contains(['"', '$', '`', '\\']) {
        return format!("\"{argument}\"").into();
    }
    format!("'{}'", argument.replace('\'', r"'\''")).into()
}

fn check_variable(name: &str) -> Result<(), PayloadError> {
    let field = format!("environment.{name}");
    let letters = |letter: u8| letter == b'_' || letter.is_ascii_alphanumeric();
    if name.is_empty()
        || name.len() > 100
        || !name.bytes().all(letters)
        || name.as_bytes()[0].is_ascii_digit()
    {
        return Err(error(
            field,
            "must have 1 to 100 of A-Z, a-z, 0-9 and _, and not begin with a digit",
        ));
    }
    if RESERVED.contains(&name) || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Err(error(
            field,
            "is set by the agent, or decides how programs are started: use another name",
        ));
    }
    Ok(())
}
