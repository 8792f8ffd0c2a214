//! Workflows to begin with. Each is a definition that can be saved as it stands.

/// A workflow that somebody may start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    pub name: &'static str,
    pub title: &'static str,
    pub description: &'static str,
    /// YAML.
    pub source: &'static str,
}

macro_rules! templates {
    ($($name:literal, $title:literal, $description:literal;)+) => {
        &[$(Template {
            name: $name,
            title: $title,
            description: $description,
            source: include_str!(concat!("templates/", $name, ".yaml")),
        }),+]
    };
}

pub const TEMPLATES: &[Template] = templates! {
    "patch-with-canary", "Patch with canary and approval",
        "Updates on a few hosts first, a look at the service, and approvals before each part.";
    "restart-with-rollback", "Restart with health check and rollback",
        "A new configuration, a restart, and the old one back when the service does not answer.";
    "collect-diagnostics", "Collect diagnostics",
        "Load, processes, disks and last messages of every host, at the same time.";
    "rotate-local-password", "Rotate a local password",
        "A new password for a local account, approved, and never in clear. Needs an action that sets it.";
    "certificate-check", "Certificate check",
        "Whether the certificate that is served is valid long enough, seen from inside the segment.";
    "incident-runbook", "Incident runbook",
        "What explains an outage, two people who agree to a restart, and a watch over the outcome.";
};
