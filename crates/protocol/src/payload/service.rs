//! `service_control`: start, stop, restart, reload, enable, disable or look at a service.

use serde::{Deserialize, Serialize};

use super::{PayloadError, check_word};
use crate::limits::SERVICE_BYTES;

/// One service of the host, by the name its service manager knows: `nginx` or `nginx.service`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ServiceControl {
    pub action: ServiceAction,
    pub service: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ServiceAction {
    Start,
    Stop,
    Restart,
    Reload,
    /// Start it with the system from now on; it is not started now.
    Enable,
    /// Do not start it with the system any more; it is not stopped now.
    Disable,
    Status,
}

impl ServiceAction {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Reload => "reload",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Status => "status",
        }
    }
}

impl ServiceControl {
    pub(super) fn summary(&self) -> String {
        format!("{} {}", self.action.as_str(), self.service)
    }

    pub(super) fn check(&self) -> Result<(), PayloadError> {
        check_word("service", &self.service, SERVICE_BYTES)?;
        // Becomes a file's name where there is no systemd.
        if self.service.contains('/') || self.service.starts_with('.') {
            return Err(super::error("service", "must not contain '/' or start with '.'"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{
        limits::SERVICE_BYTES,
        payload::tests::{bad, good, unreadable},
    };

    const KIND: &str = "service_control";

    fn of(service: &str) -> Value {
        json!({"action": "restart", "service": service})
    }

    #[test]
    fn each_action_has_its_word() {
        for action in [
            "start", "stop", "restart", "reload", "enable", "disable", "status",
        ] {
            let payload = good(KIND, &json!({"action": action, "service": "nginx"}));
            assert_eq!(payload.summary(), format!("{action} nginx"));
            assert!(payload.secrets().is_empty());
        }
        unreadable(KIND, &json!({"action": "Restart", "service": "nginx"}));
        unreadable(KIND, &json!({"action": "mask", "service": "nginx"}));
    }

    #[test]
    fn a_name_is_a_word_and_no_file() {
        for name in ["nginx.service", "getty@tty1", "a.b", &"a".repeat(SERVICE_BYTES)] {
            good(KIND, &of(name));
        }
        let long = "a".repeat(SERVICE_BYTES + 1);
        for name in [
            "", "-a", "--now", "a b", "a\n", "a\0", "../nginx", "/etc/x", ".hidden", &long,
        ] {
            bad(KIND, &of(name), "service");
        }
    }

    #[test]
    fn nothing_else_is_taken() {
        unreadable(KIND, &json!({"action": "stop"}));
        unreadable(
            KIND,
            &json!({"action": "stop", "service": "nginx", "force": true}),
        );
        unreadable(KIND, &json!({"action": "stop", "service": ["nginx"]}));
    }
}
