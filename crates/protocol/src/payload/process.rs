//! `process_control`: list processes, end them, or kill them.

use serde::{Deserialize, Serialize};

use super::{PayloadError, check_account, error};
use crate::limits::PROCESS_NAME_BYTES;

/// Which processes, and what to do with them. All that is given must match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ProcessControl {
    pub action: ProcessAction,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// The exact name, as `ps -o comm` shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Name of the user it runs as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProcessAction {
    List,
    /// Ask it to end (TERM), and wait a moment.
    Kill,
    /// End it (KILL).
    ForceKill,
}

impl ProcessAction {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Kill => "kill",
            Self::ForceKill => "force_kill",
        }
    }
}

impl ProcessControl {
    pub(super) fn summary(&self) -> String {
        let mut text = format!("{} processes", self.action.as_str().replace('_', "-"));
        if let Some(pid) = self.pid {
            text.push_str(&format!(" with pid {pid}"));
        }
        if let Some(name) = &self.name {
            text.push_str(&format!(" named {name}"));
        }
        if let Some(user) = &self.user {
            text.push_str(&format!(" of {user}"));
        }
        text
    }

    pub(super) fn check(&self) -> Result<(), PayloadError> {
        if self.action != ProcessAction::List && self.pid.is_none() && self.name.is_none() {
            return Err(error("pid", "is missing: give a pid or an exact name"));
        }
        match self.pid {
            Some(1) if self.action != ProcessAction::List => {
                return Err(error("pid", "is 1: the init process is never ended"));
            }
            Some(..=0) => return Err(error("pid", "must be above 0")),
            _ => {}
        }
        if let Some(name) = &self.name
            && (name.is_empty() || name.len() > PROCESS_NAME_BYTES || name.contains('\0'))
        {
            let bounds = format!("must have 1 to {PROCESS_NAME_BYTES} bytes");
            return Err(error("name", bounds));
        }
        self.user
            .as_ref()
            .map_or(Ok(()), |user| check_account("user", user))
    }
}
