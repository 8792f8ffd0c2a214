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
