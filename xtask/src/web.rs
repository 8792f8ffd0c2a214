//! The web part: its packages and its build, done only when their inputs changed.

use std::process::Command;

use anyhow::{Result, bail};

use crate::fingerprint::Fingerprint;
use crate::interrupt::Interrupt;
use crate::process::{self, Service};
use crate::workspace::Workspace;

/// What Vite 8 asks for.
const NODE_MINIMUM: (u32, u32) = (20, 19);

pub(crate) fn npm(workspace: &Workspace) -> Command {
    let mut command = workspace.command("npm");
    command.current_dir(workspace.path("web"));
    command
}

/// `npm ci` without install scripts: packages must not run code on a developer's machine just by being unpacked.
pub(crate) fn install(workspace: &Workspace, interrupt: &Interrupt) -> Result<()> {
    check_node(workspace)?;
    let inputs = [
        String::from("web/package-lock.json"),
        String::from("web/package.json"),
    ];
    let packages = Fingerprint::of(
        workspace.path("web/node_modules/.postern-stamp"),
        &workspace.root,
        &inputs,
    )?;
    if packages.is_current() {
        println!("web packages are up to date");
        return Ok(());
    }
    process::run(
        interrupt,
        npm(workspace).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]),
    )?;
    packages.keep()
}

/// Begins the unit tests.
pub(crate) fn begin_tests(workspace: &Workspace) -> Result<Service> {
    let log = workspace.target("xtask/web-tests.log");
    if log.exists() {
        std::fs::remove_file(&log)?;
    }
    Service::start("unit tests of the web part", &log, npm(workspace).arg("test"))
}

/// The server does not compile without `web/dist`; an old one will do for whoever does not look at it.
pub(crate) fn ensure_built(workspace: &Workspace, interrupt: &Interrupt) -> Result<()> {
    if workspace.path("web/dist/index.html").is_file() {
        return Ok(());
    }
    install(workspace, interrupt)?;
    build(workspace, interrupt)
}

/// Builds `web/dist`, which the server embeds.
pub(crate) fn build(workspace: &Workspace, interrupt: &Interrupt) -> Result<()> {
    let inputs: Vec<String> = workspace
        .files()?
        .into_iter()
        .filter(|file| file.starts_with("web/"))
        .collect();
    let site = Fingerprint::of(
        workspace.target("xtask/web-build.stamp"),
        &workspace.root,
        &inputs,
    )?;
    if site.is_current() && workspace.path("web/dist/index.html").is_file() {
        println!("web/dist is up to date");
        return Ok(());
    }
    process::run(interrupt, npm(workspace).args(["run", "build"]))?;
    site.keep()
}

fn check_node(workspace: &Workspace) -> Result<()> {
    if process::find_program("npm").is_none() {
        bail!("npm is missing: install Node.js {} or newer", NODE_MINIMUM.0);
    }
    let version = String::from_utf8(process::capture(workspace.command("node").arg("--version"))?)?;
    if parse_version(&version).is_none_or(|found| found < NODE_MINIMUM) {
        let (major, minor) = NODE_MINIMUM;
        bail!(
            "Node.js {} is too old: install {major}.{minor} or newer",
            version.trim()
        );
    }
    Ok(())
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_versions_compare_as_numbers() {
        assert_eq!(parse_version("v20.19.2\n"), Some((20, 19)));
        assert!(parse_version("v18.20.4").is_some_and(|found| found < NODE_MINIMUM));
        assert!(parse_version("v100.1.0").is_some_and(|found| found > NODE_MINIMUM));
        assert_eq!(parse_version("nonsense"), None);
    }
}
