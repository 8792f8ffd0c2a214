//! `postern job service`, `process`, `network`, `software`, `user`, `group` and `http`: an operation on hosts by
//! what it is, instead of by the command that would do it there.
//!
//! Each is turned into the same payload that the API takes. Nothing here talks to the server.

mod account;
mod http;
mod network;

use clap::{
    Args, Subcommand,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use postern_protocol::payload::{
    JobPayload, Package, PackageManager, ProcessAction, ProcessControl, ServiceAction, ServiceControl,
    SoftwareAction, SoftwareInstall,
};

use super::options::RunOptions;
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum TypedCommand {
    /// Start, stop or look at a service of hosts: systemd, OpenRC or SysV
    #[command(after_long_help = "The result says the state before and after:\n  \
                                 postern job service restart nginx --agent web1 --wait")]
    Service(Service),
    /// List processes of hosts, or end them
    #[command(
        after_long_help = "Everything that is given must match. Process 1, the agent and what it was started by are \
                                 never ended:\n  \
                                 postern job process list --user www-data --label role=web --wait\n  \
                                 postern job process kill --name stuck-worker --agent web1"
    )]
    Process(Process),
    /// Ask the network from a host's point of view: ping, traceroute, DNS, sockets, ports, HTTP
    Network {
        #[command(subcommand)]
        tool: network::Tool,
    },
    /// Install, upgrade, remove or list packages, through the manager that is on the host
    #[command(after_long_help = "Nothing is ever asked back:\n  \
                                 postern job software install nginx curl=7.88.1-10 --refresh --label role=web\n  \
                                 postern job software upgrade --agent web1 --timeout 1h --wait")]
    Software(Software),
    /// Create and change local users of hosts
    User {
        #[command(subcommand)]
        action: account::UserAction,
    },
    /// Create and change local groups of hosts
    #[command(after_long_help = "For example:\n  \
                                 postern job group add docker anna ben --label env=dev\n  \
                                 postern job group create web --system --all")]
    Group(account::Group),
    /// Call an HTTP system in the hosts' network segment
    #[command(
        after_long_help = "Completed when the status is an expected one; the answer is in the result. What the host's \
                                 policy refuses, such as a cloud's metadata address, is not called:\n  \
                                 postern job http GET https://intranet/health --agent web1 --wait\n  \
                                 postern job http POST https://intranet/hooks -H 'Content-Type: application/json' \\\n    \
                                 --body @event.json --secret-header Authorization=hook-token --agent web1"
    )]
    Http(http::Http),
}

impl TypedCommand {
    pub(super) fn options(&self) -> &RunOptions {
        match self {
            Self::Service(service) => &service.options,
            Self::Process(process) => &process.options,
            Self::Network { tool } => tool.options(),
            Self::Software(software) => &software.options,
            Self::User { action } => action.options(),
            Self::Group(group) => &group.options,
            Self::Http(http) => &http.options,
        }
    }

    pub(super) fn work(&self) -> Result<JobPayload, Failure> {
        Ok(match self {
            Self::Service(service) => JobPayload::ServiceControl(ServiceControl {
                action: service.action,
                service: service.name.clone(),
            }),
            Self::Process(process) => JobPayload::ProcessControl(ProcessControl {
                action: process.action,
                pid: process.pid,
                name: process.name.clone(),
                user: process.user.clone(),
            }),
            Self::Network { tool } => JobPayload::NetworkDiagnostic(tool.work()),
            Self::Software(software) => JobPayload::SoftwareInstall(SoftwareInstall {
                action: software.action,
                packages: software.packages.clone(),
                manager: software.manager,
                refresh: software.refresh,
            }),
            Self::User { action } => JobPayload::UserControl(action.work()),
            Self::Group(group) => JobPayload::GroupControl(group.work()),
            Self::Http(http) => JobPayload::HttpRequest(http.work()?),
        })
    }
}

#[derive(Debug, Args)]
pub(crate) struct Service {
    /// What to do
    #[arg(value_name = "ACTION", value_parser = words(&SERVICE_ACTIONS))]
    action: ServiceAction,
    /// As the service manager knows it: nginx, or nginx.service
    name: String,
    #[command(flatten)]
    options: RunOptions,
}

const SERVICE_ACTIONS: [Word<ServiceAction>; 7] = [
    Word("start", ServiceAction::Start, "start it now"),
    Word("stop", ServiceAction::Stop, "stop it now"),
    Word(
        "restart",
        ServiceAction::Restart,
        "stop and start it, or just start it",
    ),
    Word("reload", ServiceAction::Reload, "let it read its settings again"),
    Word(
        "enable",
        ServiceAction::Enable,
        "start it with the system from now on; not now",
    ),
    Word(
        "disable",
        ServiceAction::Disable,
        "do not start it with the system; it is not stopped now",
    ),
    Word("status", ServiceAction::Status, "only look"),
];

#[derive(Debug, Args)]
pub(crate) struct Process {
    /// What to do
    #[arg(value_name = "ACTION", value_parser = words(&PROCESS_ACTIONS))]
    action: ProcessAction,
    /// Only this one
    #[arg(long)]
    pid: Option<i32>,
    /// Only with exactly this name, as `ps -o comm` shows it
    #[arg(long)]
    name: Option<String>,
    /// Only of this user
    #[arg(long)]
    user: Option<String>,
    #[command(flatten)]
    options: RunOptions,
}

const PROCESS_ACTIONS: [Word<ProcessAction>; 3] = [
    Word("list", ProcessAction::List, "show them"),
    Word(
        "kill",
        ProcessAction::Kill,
        "ask them to end (TERM), and wait a moment",
    ),
    Word("force-kill", ProcessAction::ForceKill, "end them at once (KILL)"),
];

#[derive(Debug, Args)]
pub(crate) struct Software {
    /// What to do
    #[arg(value_name = "ACTION", value_parser = words(&SOFTWARE_ACTIONS))]
    action: SoftwareAction,
    /// With =VERSION exactly that one (install, upgrade); none at all means every package (list, upgrade)
    #[arg(value_name = "PACKAGE[=VERSION]", value_parser = parse_package)]
    packages: Vec<Package>,
    /// Where a host has several
    #[arg(long, value_parser = words(&MANAGERS))]
    manager: Option<PackageManager>,
    /// Fetch the lists of packages first
    #[arg(long)]
    refresh: bool,
    #[command(flatten)]
    options: RunOptions,
}

const SOFTWARE_ACTIONS: [Word<SoftwareAction>; 4] = [
    Word(
        "install",
        SoftwareAction::Install,
        "bring packages, or change their version",
    ),
    Word(
        "upgrade",
        SoftwareAction::Upgrade,
        "to the newest version, or the given one",
    ),
    Word("remove", SoftwareAction::Remove, "take packages away"),
    Word("list", SoftwareAction::List, "show what is installed"),
];

const MANAGERS: [Word<PackageManager>; 6] = [
    Word("apt", PackageManager::Apt, "Debian, Ubuntu"),
    Word("dnf", PackageManager::Dnf, "Fedora, RHEL and its kin"),
    Word("zypper", PackageManager::Zypper, "SUSE"),
    Word("apk", PackageManager::Apk, "Alpine"),
    Word("winget", PackageManager::Winget, "Windows"),
    Word("choco", PackageManager::Choco, "Windows"),
];

fn parse_package(text: &str) -> Result<Package, String> {
    let (name, version) = match text.split_once('=') {
        Some((_, "")) => return Err("give NAME=VERSION, or the name alone".to_owned()),
        Some((name, version)) => (name, Some(version.to_owned())),
        None => (text, None),
    };
    Ok(Package {
        name: name.to_owned(),
        version,
    })
}

/// A word of the command line, what it means, and how the help explains it.
#[derive(Debug)]
struct Word<T: 'static>(&'static str, T, &'static str);

fn words<T: Copy + Send + Sync + 'static>(table: &'static [Word<T>]) -> impl TypedValueParser<Value = T> {
    let known = table
        .iter()
        .map(|Word(word, _, help)| PossibleValue::new(*word).help(*help));
    PossibleValuesParser::new(known).try_map(|text| {
        table
            .iter()
            .find(|Word(word, ..)| *word == text)
            .map(|Word(_, value, _)| *value)
            .ok_or("is not one of them")
    })
}

#[cfg(test)]
mod tests;
