//! `script`: code in one of three languages, with parameters.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{PayloadError, check_account, check_directory, error};
use crate::limits::{PARAMETER_BYTES, PARAMETERS, SCRIPT_BYTES};

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
    /// Names of further parameters whose values are secret: given beside the payload, masked in the output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Language {
    Bash,
    Python,
    Powershell,
}

impl Language {
    pub const ALL: &'static [Self] = &[Self::Bash, Self::Python, Self::Powershell];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Python => "python",
            Self::Powershell => "powershell",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|language| language.as_str() == text)
    }
}

impl Script {
    pub fn new(language: Language, content: impl Into<String>) -> Self {
        Self {
            language,
            content: content.into(),
            parameters: BTreeMap::new(),
            secrets: Vec::new(),
            working_directory: None,
            run_as_user: None,
            requires_elevation: false,
        }
    }

    pub(super) fn summary(&self) -> String {
        let first = self.content.lines().find(|line| !line.starts_with("#!"));
        first.unwrap_or("").to_owned()
    }

    pub(super) fn check(&self) -> Result<(), PayloadError> {
        if self.content.trim().is_empty() {
            return Err(error("content", "is empty: give the script's text"));
        }
        if self.content.len() > SCRIPT_BYTES {
            return Err(error("content", format!("is larger than {SCRIPT_BYTES} bytes")));
        }
        if self.parameters.len() + self.secrets.len() > PARAMETERS {
            return Err(error("parameters", format!("has more than {PARAMETERS} entries")));
        }
        for (name, value) in &self.parameters {
            check_value(&format!("parameters.{name}"), value)?;
        }
        for (index, name) in self.secrets.iter().enumerate() {
            if self.parameters.contains_key(name) || self.secrets[..index].contains(name) {
                return Err(error(
                    format!("secrets[{index}]"),
                    format!("names '{name}', which is given already"),
                ));
            }
        }
        if let Some(user) = &self.run_as_user {
            check_account("run_as_user", user)?;
        }
        check_directory(self.working_directory.as_deref())
    }
}

/// Whether a value can reach a script; `field` is named in the refusal.
pub fn check_value(field: &str, value: &str) -> Result<(), PayloadError> {
    if value.contains('\0') {
        return Err(error(
            field,
            "contains a NUL byte, which no environment variable can hold",
        ));
    }
    if value.len() > PARAMETER_BYTES {
        return Err(error(field, format!("is longer than {PARAMETER_BYTES} bytes")));
    }
    Ok(())
}
