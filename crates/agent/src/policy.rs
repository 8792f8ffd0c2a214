//! What the machine's owner allows on this host, whatever the server asks: `policy.toml`.
//!
//! The file is read anew for every attempt and never written by the agent; no message of the server touches it. It
//! fails closed: a file that others may change, that cannot be read or that says something unknown refuses all
//! work. Only where there is none at the default place, everything is allowed but link-local and metadata
//! addresses.
//!
//! A job that runs as root can change anything on a host, this file too. An owner who allows commands or scripts of
//! the server's choice as root has set no bound; `docs/guides/agent-policy.md` says how to set one.

mod http;
mod source;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use aws_lc_rs::digest;
use postern_protocol::payload::{
    JobPayload, JobType, NetworkDiagnostic, Script, ServiceControl, SoftwareInstall,
};
use serde::Deserialize;

pub(crate) use http::HttpPolicy;
pub(crate) use source::{Error, Source};

/// Most jobs at once that a policy may name, as for the setting `slots`.
const MOST_JOBS: u32 = 256;

/// The default allows what is allowed where the owner has written nothing.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    /// For the reasons of refusals.
    file: PathBuf,
    types: Option<Vec<JobType>>,
    pub(crate) max_jobs: Option<u32>,
    run: RunRules,
    services: Option<Vec<String>>,
    packages: Option<Vec<String>>,
    tools: Option<Vec<Tool>>,
    pub(crate) http: HttpPolicy,
}

/// The file as it is written; see `docs/guides/agent-policy.md`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    types: Option<Vec<JobType>>,
    max_jobs: Option<u32>,
    #[serde(default)]
    run: RunRules,
    #[serde(default)]
    service_control: ServiceRules,
    #[serde(default)]
    software_install: SoftwareRules,
    #[serde(default)]
    network_diagnostic: NetworkRules,
    #[serde(default)]
    http: http::Rules,
}

/// For commands and scripts.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RunRules {
    /// Whether they may run as the agent's own user.
    own_user: Option<bool>,
    as_users: Option<Vec<String>>,
    /// SHA-256 of the only texts that may run.
    scripts: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceRules {
    services: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SoftwareRules {
    packages: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NetworkRules {
    tools: Option<Vec<Tool>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Tool {
    Ping,
    Traceroute,
    DnsLookup,
    Netstat,
    PortCheck,
    HttpCheck,
}

impl Policy {
    fn parse(text: &str, file: PathBuf) -> Result<Self, Error> {
        let content = |reason: String| Error::Content {
            path: file.clone(),
            reason,
        };
        let text: Text = toml::from_str(text).map_err(|error| content(error.message().to_owned()))?;
        if let Some(jobs) = text.max_jobs
            && !(1..=MOST_JOBS).contains(&jobs)
        {
            return Err(content(format!(
                "max_jobs is {jobs}: it must lie between 1 and {MOST_JOBS}"
            )));
        }
        for script in text.run.scripts.iter().flatten() {
            if script.len() != 64 || !script.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(content(format!(
                    "run.scripts has '{script}': 64 hexadecimal digits were expected, as sha256sum prints them"
                )));
            }
        }
        let http = HttpPolicy::new(text.http, &file).map_err(content)?;
        Ok(Self {
            types: text.types,
            max_jobs: text.max_jobs,
            run: text.run,
            services: text.service_control.services,
            packages: text.software_install.packages,
            tools: text.network_diagnostic.tools,
            http,
            file,
        })
    }

    /// Whether this may be done here; if not, why, for the person who asked.
    pub(crate) fn check(&self, work: &JobPayload) -> Result<(), String> {
        let kind = work.kind();
        if self.types.as_ref().is_some_and(|types| !types.contains(&kind)) {
            return Err(self.refusal(&format!("jobs of type '{}'", kind.as_str()), "types"));
        }
        match work {
            JobPayload::Command(_) => {
                if self.run.scripts.is_some() {
                    return Err(self.refusal("commands, as only listed scripts may run", "run.scripts"));
                }
                self.check_user(work.run_as_user())
            }
            JobPayload::Script(script) => {
                self.check_script(script)?;
                self.check_user(work.run_as_user())
            }
            JobPayload::ServiceControl(service) => self.check_service(service),
            JobPayload::SoftwareInstall(software) => self.check_software(software),
            JobPayload::NetworkDiagnostic(diagnostic) => self.check_diagnostic(diagnostic),
            JobPayload::HttpRequest(request) => self.http.allows_url(&request.url),
            JobPayload::ProcessControl(_) | JobPayload::UserControl(_) | JobPayload::GroupControl(_) => {
                Ok(())
            }
        }
    }

    fn check_user(&self, user: Option<&str>) -> Result<(), String> {
        match user {
            None if self.run.own_user == Some(false) => {
                let what = "jobs as the agent's own user (give run_as_user)";
                Err(self.refusal(what, "run.own_user"))
            }
            Some(user)
                if self
                    .run
                    .as_users
                    .as_ref()
                    .is_some_and(|users| !users.iter().any(|allowed| allowed == user)) =>
            {
                Err(self.refusal(&format!("jobs as user '{user}'"), "run.as_users"))
            }
            _ => Ok(()),
        }
    }

    fn check_script(&self, script: &Script) -> Result<(), String> {
        let Some(allowed) = &self.run.scripts else {
            return Ok(());
        };
        let digest = sha256_hex(script.content.as_bytes());
        if allowed.iter().any(|one| one.eq_ignore_ascii_case(&digest)) {
            return Ok(());
        }
        Err(self.refusal(&format!("the script with SHA-256 {digest}"), "run.scripts"))
    }

    fn check_service(&self, service: &ServiceControl) -> Result<(), String> {
        let plain = |name: &str| name.strip_suffix(".service").unwrap_or(name).to_owned();
        let name = plain(&service.service);
        match &self.services {
            Some(allowed) if !allowed.iter().any(|pattern| matches(&plain(pattern), &name)) => {
                Err(self.refusal(&format!("service '{name}'"), "service_control.services"))
            }
            _ => Ok(()),
        }
    }

    fn check_software(&self, software: &SoftwareInstall) -> Result<(), String> {
        use postern_protocol::payload::SoftwareAction::List;
        let Some(allowed) = &self.packages else {
            return Ok(());
        };
        if software.action == List {
            return Ok(());
        }
        let rule = "software_install.packages";
        if software.packages.is_empty() {
            return Err(self.refusal("changing all packages", rule));
        }
        let refused = software
            .packages
            .iter()
            .find(|package| !allowed.iter().any(|pattern| matches(pattern, &package.name)));
        match refused {
            Some(package) => Err(self.refusal(&format!("package '{}'", package.name), rule)),
            None => Ok(()),
        }
    }

    fn check_diagnostic(&self, diagnostic: &NetworkDiagnostic) -> Result<(), String> {
        let (tool, name) = match diagnostic {
            NetworkDiagnostic::Ping { .. } => (Tool::Ping, "ping"),
            NetworkDiagnostic::Traceroute { .. } => (Tool::Traceroute, "traceroute"),
            NetworkDiagnostic::DnsLookup { .. } => (Tool::DnsLookup, "dns_lookup"),
            NetworkDiagnostic::Netstat { .. } => (Tool::Netstat, "netstat"),
            NetworkDiagnostic::PortCheck { .. } => (Tool::PortCheck, "port_check"),
            NetworkDiagnostic::HttpCheck { .. } => (Tool::HttpCheck, "http_check"),
        };
        if self.tools.as_ref().is_some_and(|tools| !tools.contains(&tool)) {
            return Err(self.refusal(&format!("the tool '{name}'"), "network_diagnostic.tools"));
        }
        match diagnostic {
            NetworkDiagnostic::HttpCheck { url, .. } => self.http.allows_url(url),
            _ => Ok(()),
        }
    }

    fn refusal(&self, what: &str, rule: &str) -> String {
        refusal(what, rule, &self.file.display().to_string())
    }
}

fn refusal(what: &str, rule: &str, file: &str) -> String {
    format!("the policy of this host does not allow {what}: rule {rule} in {file}; ask the host's owner")
}

fn sha256_hex(bytes: &[u8]) -> String {
    digest::digest(&digest::SHA256, bytes)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// `*` stands for any characters, also none; all else for itself.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}
