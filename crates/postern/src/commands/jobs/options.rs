//! What every command that makes jobs takes: the hosts, and how to go over them.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;
use postern_api::{
    jobs::{Concurrency, ConcurrencyScope, JobCreate},
    secret::SecretText,
    targets::Targets,
};
use postern_domain::{
    Timestamp,
    job::{DEFAULT_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS, Priority},
    label,
    rollout::{Amount, Rolling},
    selector::Selector,
};
use postern_protocol::{limits::SECRETS_BYTES, payload::JobPayload};

use super::request::read_text;
use crate::{failure::Failure, output::Console, words};

/// The hosts: those named, those in the groups, and those that lie in the organizations or departments and match labels and selector
#[derive(Debug, Args)]
#[group(id = "targets", required = true, multiple = true)]
pub(crate) struct TargetOptions {
    /// Run on this agent, by name or id; may be given several times
    #[arg(long = "agent", value_name = "AGENT")]
    agents: Vec<String>,
    /// Run on every agent with this label; of several, each must be there
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label::parse_pair)]
    labels: Vec<(String, String)>,
    /// Run on every agent whose labels match: 'env=prod,role in (web,api),!canary'
    #[arg(long, value_name = "SELECTOR")]
    selector: Option<Selector>,
    /// Run on the agents of this organization, by name or id
    #[arg(long = "organization", value_name = "ORGANIZATION")]
    organizations: Vec<String>,
    /// Run on the agents of this department, by name or id
    #[arg(long = "department", value_name = "DEPARTMENT")]
    departments: Vec<String>,
    /// Run on the hosts of this group, by name or id
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Run on every agent you may use
    #[arg(long, conflicts_with_all = ["agents", "labels", "selector", "organizations", "departments", "groups"])]
    all: bool,
}

impl TargetOptions {
    pub(crate) fn targets(&self) -> Targets {
        Targets {
            agents: self.agents.clone(),
            labels: self.labels.iter().cloned().collect(),
            selector: self.selector.clone(),
            organizations: self.organizations.clone(),
            departments: self.departments.clone(),
            groups: self.groups.clone(),
            all: self.all,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    #[command(flatten)]
    targets: TargetOptions,
    /// Kill it after this time: seconds, or a number with s, m, h or d
    #[arg(long, value_name = "TIME", value_parser = parse_timeout)]
    pub(crate) timeout: Option<u32>,
    /// critical, high or normal
    #[arg(long, value_name = "PRIORITY", value_parser = parse_priority)]
    pub(crate) priority: Option<Priority>,
    /// Go over the hosts in batches of this many, or of this part: 5 or 20%. Hosts with the label `canary` go first
    #[arg(long, value_name = "N|P%", value_parser = parse_amount)]
    batch: Option<Amount>,
    /// Wait this long between batches
    #[arg(long, value_name = "TIME", value_parser = words::parse_seconds, requires = "batch")]
    pause: Option<u32>,
    /// Cancel the rest as soon as this many hosts failed, or this part of them
    #[arg(long, value_name = "N|P%", value_parser = parse_amount, requires = "batch")]
    stop_after: Option<Amount>,
    /// Jobs with the same key wait for each other
    #[arg(long, value_name = "KEY")]
    concurrency_key: Option<String>,
    /// Where at most one runs at a time: host, group or tenant
    #[arg(long, value_name = "SCOPE", value_parser = parse_scope, default_value = "host", requires = "concurrency_key")]
    concurrency_per: ConcurrencyScope,
    #[command(flatten)]
    pub(crate) start: StartOptions,
}

/// What is to be given, and whether to stay with the jobs.
#[derive(Debug, Args)]
pub(crate) struct StartOptions {
    /// Do not start before: 2026-11-22T09:30:00Z, or +30m from now
    #[arg(long, value_name = "TIME")]
    not_before: Option<String>,
    #[command(flatten)]
    secrets: SecretOptions,
    /// Show the jobs that would be made, and make none
    #[arg(long, conflicts_with_all = ["wait", "follow"])]
    pub(crate) dry_run: bool,
    /// Wait until it has ended, then print what it wrote
    #[arg(long)]
    pub(crate) wait: bool,
    /// Print what it writes as it comes, until it has ended
    #[arg(long, conflicts_with = "wait")]
    pub(crate) follow: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SecretOptions {
    /// A secret by name. Its value is asked for; or taken from NAME=@FILE, or from a variable with NAME=env:VARIABLE
    #[arg(long = "secret", value_name = "NAME[=SOURCE]", value_parser = parse_secret)]
    secrets: Vec<(String, Source)>,
}

/// Where the value of a secret comes from. Never from the command line itself, which every user of the machine can read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Asked,
    File(PathBuf),
    Variable(String),
}

impl StartOptions {
    pub(crate) fn stays(&self) -> bool {
        self.wait || self.follow
    }

    pub(crate) fn not_before(&self, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
        let read = |text: &String| words::parse_time(text, now).map_err(Failure::Usage);
        self.not_before.as_ref().map(read).transpose()
    }

    pub(crate) fn secret_names(&self) -> Vec<String> {
        self.secrets
            .secrets
            .iter()
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Whether something takes each secret, before any is asked for.
    fn check_secrets(&self, work: &JobPayload) -> Result<(), Failure> {
        let takes = work.secrets();
        let Some((name, _)) = self
            .secrets
            .secrets
            .iter()
            .find(|(name, _)| !takes.contains(&name.as_str()))
        else {
            return Ok(());
        };
        let what = match work {
            JobPayload::Command(_) => {
                "a command takes no secrets: give --script FILE, which reads them from its variables PARAM_NAME".to_owned()
            }
            JobPayload::HttpRequest(_) => {
                format!("no header takes it: give --secret-header HEADER={name}")
            }
            _ if takes.is_empty() => "nothing here takes a secret: leave it out".to_owned(),
            _ => format!("what is taken here: {}", takes.join(", ")),
        };
        Err(Failure::usage(format!("--secret {name}: {what}")))
    }

    pub(crate) fn secrets(&self, console: &Console) -> Result<BTreeMap<String, SecretText>, Failure> {
        self.secrets.values(console)
    }
}

impl SecretOptions {
    pub(crate) fn values(&self, console: &Console) -> Result<BTreeMap<String, SecretText>, Failure> {
        let mut secrets = BTreeMap::new();
        for (name, source) in &self.secrets {
            if secrets
                .insert(name.clone(), value(name, source, console)?)
                .is_some()
            {
                return Err(Failure::usage(format!("secret {name:?} is given twice")));
            }
        }
        Ok(secrets)
    }
}

impl RunOptions {
    pub(crate) fn targets(&self) -> Targets {
        self.targets.targets()
    }

    pub(crate) fn rolling(&self) -> Option<Rolling> {
        self.batch.map(|batch| Rolling {
            batch,
            pause_seconds: self.pause.unwrap_or_default(),
            stop_after: self.stop_after,
        })
    }

    pub(crate) fn concurrency(&self) -> Option<Concurrency> {
        self.concurrency_key.as_ref().map(|key| Concurrency {
            key: key.clone(),
            per: self.concurrency_per,
        })
    }

    /// Everything that can be told without the server is told here, before any job exists.
    pub(crate) fn job_create(
        &self,
        work: JobPayload,
        now: Timestamp,
        console: &Console,
    ) -> Result<JobCreate, Failure> {
        work.check().map_err(|error| Failure::usage(error.to_string()))?;
        self.start.check_secrets(&work)?;
        let rolling = self.rolling();
        if let Some(rolling) = &rolling {
            rolling
                .check()
                .map_err(|error| Failure::usage(error.to_string()))?;
        }
        Ok(JobCreate {
            priority: self.priority,
            timeout_seconds: self.timeout,
            not_before: self.start.not_before(now)?,
            secrets: self.start.secrets(console)?,
            rolling,
            concurrency: self.concurrency(),
            ..JobCreate::new(work, self.targets())
        })
    }
}

/// One end of line at the end is an editor's, not the secret's.
fn value(name: &str, source: &Source, console: &Console) -> Result<SecretText, Failure> {
    let text = match source {
        Source::Asked if console.can_ask() => console.ask_password(&format!("Secret {name}"))?,
        Source::Asked => {
            return Err(Failure::usage(format!(
                "the value of secret {name:?} can be asked for on a terminal only: give {name}=@FILE or {name}=env:VARIABLE"
            )));
        }
        Source::Variable(variable) => crate::config::secret(variable)
            .ok_or_else(|| Failure::usage(format!("secret {name:?}: the variable {variable} is not set")))?,
        Source::File(path) => {
            let text = read_text(path, SECRETS_BYTES)?;
            text.strip_suffix('\n').map_or(text.clone(), str::to_owned)
        }
    };
    Ok(SecretText::new(text))
}

fn parse_secret(text: &str) -> Result<(String, Source), String> {
    let Some((name, source)) = text.split_once('=') else {
        return Ok((text.to_owned(), Source::Asked));
    };
    let source = if let Some(path) = source.strip_prefix('@') {
        Source::File(path.into())
    } else if let Some(variable) = source.strip_prefix("env:") {
        Source::Variable(variable.to_owned())
    } else {
        return Err(format!(
            "a value on the command line can be read by every user of this machine: give {name}=@FILE, \
             {name}=env:VARIABLE, or only {name} to be asked"
        ));
    };
    Ok((name.to_owned(), source))
}

fn parse_scope(text: &str) -> Result<ConcurrencyScope, String> {
    match text {
        "host" => Ok(ConcurrencyScope::Host),
        "group" => Ok(ConcurrencyScope::Group),
        "tenant" => Ok(ConcurrencyScope::Tenant),
        _ => Err("use host, group or tenant".to_owned()),
    }
}

fn parse_amount(text: &str) -> Result<Amount, String> {
    let wrong = |_| format!("{text:?} is neither a number of hosts nor a part of them: give 5 or 20%");
    match text.strip_suffix('%') {
        Some(percent) => percent.parse().map(Amount::Percent).map_err(wrong),
        None => text.parse().map(Amount::Hosts).map_err(wrong),
    }
}

fn parse_priority(text: &str) -> Result<Priority, String> {
    Priority::parse(text).ok_or_else(|| "use critical, high or normal".to_owned())
}

fn parse_timeout(text: &str) -> Result<u32, String> {
    let seconds = words::parse_seconds(text)?;
    if (1..=MAX_TIMEOUT_SECONDS).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(format!(
            "give 1 to {MAX_TIMEOUT_SECONDS} seconds; {DEFAULT_TIMEOUT_SECONDS} when absent"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_stands_on_the_command_line() {
        assert_eq!(parse_secret("token"), Ok(("token".into(), Source::Asked)));
        assert_eq!(
            parse_secret("token=@/run/t"),
            Ok(("token".into(), Source::File("/run/t".into())))
        );
        assert_eq!(
            parse_secret("token=env:T"),
            Ok(("token".into(), Source::Variable("T".into())))
        );
        assert!(parse_secret("token=hunter2").is_err_and(|error| error.contains("token=@FILE")));
    }

    #[test]
    fn amounts_are_hosts_or_parts() {
        assert_eq!(parse_amount("5"), Ok(Amount::Hosts(5)));
        assert_eq!(parse_amount("20%"), Ok(Amount::Percent(20)));
        for text in ["", "%", "-1", "five", "5 %"] {
            assert!(parse_amount(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_gives_its_secret_without_the_last_end_of_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "a\nb\n\n").unwrap();
        let console = Console::new(true);
        let read = value("x", &Source::File(path), &console).unwrap();
        assert_eq!(read.reveal(), "a\nb\n");
    }
}
