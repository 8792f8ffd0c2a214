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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        limits::PROCESS_NAME_BYTES,
        payload::tests::{bad, good, unreadable},
    };

    const KIND: &str = "process_control";

    #[test]
    fn all_may_be_listed_but_whoever_is_ended_is_named() {
        good(KIND, &json!({"action": "list"}));
        good(KIND, &json!({"action": "list", "user": "www-data"}));
        for action in ["kill", "force_kill"] {
            good(KIND, &json!({"action": action, "pid": 2}));
            good(
                KIND,
                &json!({"action": action, "name": "nginx", "user": "www-data"}),
            );
            bad(KIND, &json!({"action": action}), "pid");
            bad(KIND, &json!({"action": action, "user": "www-data"}), "pid");
        }
    }

    #[test]
    fn the_first_process_is_looked_at_and_never_ended() {
        good(KIND, &json!({"action": "list", "pid": 1}));
        good(KIND, &json!({"action": "kill", "pid": i32::MAX}));
        for (action, pid) in [
            ("kill", 1),
            ("force_kill", 1),
            ("kill", 0),
            ("list", 0),
            ("kill", -1),
            ("kill", i32::MIN),
        ] {
            bad(KIND, &json!({"action": action, "pid": pid}), "pid");
        }
        unreadable(KIND, &json!({"action": "kill", "pid": i64::from(i32::MAX) + 1}));
    }

    #[test]
    fn names_are_bounded() {
        good(KIND, &json!({"action": "kill", "name": "a b"}));
        good(
            KIND,
            &json!({"action": "kill", "name": "a".repeat(PROCESS_NAME_BYTES)}),
        );
        for name in ["", "a\0b", &"a".repeat(PROCESS_NAME_BYTES + 1)] {
            bad(KIND, &json!({"action": "kill", "name": name}), "name");
        }
        bad(KIND, &json!({"action": "list", "user": "no such"}), "user");
    }

    #[test]
    fn nothing_else_is_taken() {
        unreadable(KIND, &json!({"action": "kill", "pid": 2, "signal": "HUP"}));
        unreadable(KIND, &json!({"action": "reap"}));
        unreadable(KIND, &json!({"pid": 2}));
    }

    #[test]
    fn a_summary_says_what_must_match() {
        let all = good(
            KIND,
            &json!({"action": "force_kill", "pid": 7, "name": "x", "user": "root"}),
        );
        assert_eq!(all.summary(), "force-kill processes with pid 7 named x of root");
        assert_eq!(good(KIND, &json!({"action": "list"})).summary(), "list processes");
    }
}
