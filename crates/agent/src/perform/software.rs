//! `software_install`: packages, through the package manager of the host.
//!
//! Names are exact. Package managers read more into them than their users think (apt takes `x-` for "remove x"), so a
//! name is looked up before it is acted on. What changed is told by comparing what was installed before and after.

mod manager;
mod parse;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use nix::poll::poll;
use postern_protocol::{
    payload::{Package, PackageManager, SoftwareAction, SoftwareInstall},
    result::{JobResult, PackageChange, SoftwareResult},
};

use self::manager::{ENVIRONMENT, LOCK_SECONDS, program};
use super::{
    Context, Failed, say,
    table::table,
    tool::{Ended, Host, Output},
};

const LOCK_AGAIN_MS: u16 = 1000;

/// Names and versions of what is installed.
type Installed = BTreeMap<String, String>;

pub(super) fn perform(work: &SoftwareInstall, _: &Context) -> Result<JobResult, Failed> {
    install(work, &Host::new(&ENVIRONMENT))
}

fn install(work: &SoftwareInstall, host: &Host) -> Result<JobResult, Failed> {
    let kind = choose(work.manager, host)?;
    for package in &work.packages {
        check_words(package, kind)?;
    }
    let before = manager::installed(kind, host)?;
    let work = &SoftwareInstall {
        packages: manager::named(kind, &work.packages, host)?,
        ..work.clone()
    };
    if work.action == SoftwareAction::List {
        return list(work, kind, before);
    }
    if work.refresh
        && let Some(argv) = manager::refresh(kind)
    {
        let ended = patiently(host, argv)?;
        if !ended.succeeded() {
            return Err(format!("the lists of packages could not be fetched: {}", ended.said()).into());
        }
    }
    for package in &work.packages {
        let known = before.contains_key(&package.name) || manager::knows(kind, &package.name, host)?;
        if !known {
            return Err(format!(
                "package '{}' was not found by {}: check its exact name, or let the lists of packages be fetched first (refresh)",
                package.name,
                kind.as_str()
            )
            .into());
        }
    }
    let wanted = relevant(work, &before);
    let mut failure = None;
    for argv in manager::commands(kind, work.action, &wanted) {
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let ended = host.run(&argv, Output::Shown)?;
        if !manager::succeeded(kind, &ended) {
            failure = Some(format!(
                "{} could not {}: {}",
                kind.as_str(),
                work.action.as_str(),
                ended.said()
            ));
            break;
        }
    }
    let changes = changes(&before, &manager::installed(kind, host)?);
    tell(&changes);
    let result = JobResult::SoftwareInstall(SoftwareResult {
        manager: kind,
        packages: changes,
        truncated: false,
    });
    match failure {
        None => Ok(result),
        Some(reason) => Err(Failed {
            reason,
            result: Some(result),
        }),
    }
}

fn choose(wanted: Option<PackageManager>, host: &Host) -> Result<PackageManager, String> {
    let is_here = |kind: &PackageManager| host.find(program(*kind)).is_some();
    match wanted {
        Some(kind) if is_here(&kind) => Ok(kind),
        Some(kind) => Err(format!("{} is not on this host", kind.as_str())),
        None => PackageManager::ALL.iter().copied().find(is_here).ok_or_else(|| {
            let all: Vec<&str> = PackageManager::ALL.iter().map(|kind| kind.as_str()).collect();
            format!(
                "this host has no package manager: none of {} was found",
                all.join(", ")
            )
        }),
    }
}

/// Letters and digits with what package managers have in names and versions; nothing that one of them reads as an
/// operator, a group, a pattern or an option.
fn check_words(package: &Package, kind: PackageManager) -> Result<(), String> {
    let good = |text: &str, more: &str| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || ".+-_".contains(c) || more.contains(c))
    };
    // `libc6:i386`, as apt itself names it.
    let (name, architecture) = match package.name.split_once(':') {
        Some((name, architecture)) if kind == PackageManager::Apt => (name, Some(architecture)),
        _ => (package.name.as_str(), None),
    };
    if !good(name, "") || !architecture.is_none_or(|architecture| good(architecture, "")) {
        return Err(format!("'{}' is not a package's name", package.name));
    }
    match &package.version {
        Some(version) if !good(version, ":~^") => Err(format!("'{version}' is not a package's version")),
        _ => Ok(()),
    }
}

fn list(work: &SoftwareInstall, kind: PackageManager, installed: Installed) -> Result<JobResult, Failed> {
    let missing: Vec<String> = work
        .packages
        .iter()
        .filter(|package| !installed.contains_key(&package.name))
        .map(|package| format!("'{}'", package.name))
        .collect();
    let wanted =
        |name: &String| work.packages.is_empty() || work.packages.iter().any(|one| one.name == *name);
    let packages: Vec<PackageChange> = installed
        .into_iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, version)| PackageChange {
            name,
            before: Some(version.clone()),
            after: Some(version),
        })
        .collect();
    let rows: Vec<Vec<String>> = packages
        .iter()
        .map(|package| vec![package.name.clone(), package.after.clone().unwrap_or_default()])
        .collect();
    if !rows.is_empty() {
        say(table(&["PACKAGE", "VERSION"], &rows));
    }
    let result = JobResult::SoftwareInstall(SoftwareResult {
        manager: kind,
        packages,
        truncated: false,
    });
    let reason = match missing.as_slice() {
        [] => return Ok(result),
        [one] => format!("package {one} is not installed"),
        several => format!("packages {} are not installed", several.join(", ")),
    };
    Err(Failed {
        reason,
        result: Some(result),
    })
}

/// What is not there need not be removed. `None` for all packages.
fn relevant(work: &SoftwareInstall, before: &Installed) -> Option<Vec<Package>> {
    if work.packages.is_empty() {
        return None;
    }
    let mut packages = work.packages.clone();
    if work.action == SoftwareAction::Remove {
        packages.retain(|package| {
            let there = before.contains_key(&package.name);
            if !there {
                say(format!("{} is not installed", package.name));
            }
            there
        });
    }
    Some(packages)
}

/// Again while another program holds the lists, up to the limit.
fn patiently(host: &Host, argv: &[&str]) -> Result<Ended, String> {
    let begin = Instant::now();
    loop {
        let ended = host.run(argv, Output::Shown)?;
        let locked = ended.err.contains("Could not get lock");
        if !locked || begin.elapsed() >= Duration::from_secs(LOCK_SECONDS) {
            return Ok(ended);
        }
        let _ = poll(&mut [], LOCK_AGAIN_MS);
    }
}

fn changes(before: &Installed, after: &Installed) -> Vec<PackageChange> {
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| PackageChange {
            name: name.clone(),
            before: before.get(name).cloned(),
            after: after.get(name).cloned(),
        })
        .collect()
}

fn tell(changes: &[PackageChange]) {
    if changes.is_empty() {
        return say("nothing changed");
    }
    let text = |version: &Option<String>| version.clone().unwrap_or_else(|| "-".to_owned());
    let rows: Vec<Vec<String>> = changes
        .iter()
        .map(|change| vec![change.name.clone(), text(&change.before), text(&change.after)])
        .collect();
    say(table(&["PACKAGE", "BEFORE", "NOW"], &rows));
}

#[cfg(test)]
mod tests;
