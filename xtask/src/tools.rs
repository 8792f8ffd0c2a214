//! Tools that only this repository needs, in `target/tools`, at versions written down here.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::interrupt::Interrupt;
use crate::process::{Service, find_program, run, succeeds};
use crate::workspace::Workspace;

const CARGO_DENY: &str = "0.20.2";
const CARGO_FUZZ: &str = "0.13.2";

pub(crate) fn cargo_deny(workspace: &Workspace, interrupt: &Interrupt) -> Result<PathBuf> {
    cargo_tool(workspace, interrupt, "cargo-deny", CARGO_DENY)
}

/// Begins to build it where it is missing, beside what else is done and after it in rank: the other steps leave a fifth
/// of the processors idle.
pub(crate) fn begin_cargo_deny(workspace: &Workspace) -> Result<Option<Service>> {
    let Some(install) = installation(workspace, "cargo-deny", CARGO_DENY) else {
        return Ok(None);
    };
    let mut command = workspace.command("nice");
    command.arg(install.get_program()).args(install.get_args());
    for (name, value) in install.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let log = workspace.target("tools/cargo-deny.log");
    Service::start("build of cargo-deny", &log, &mut command).map(Some)
}

pub(crate) fn cargo_fuzz(workspace: &Workspace, interrupt: &Interrupt) -> Result<PathBuf> {
    cargo_tool(workspace, interrupt, "cargo-fuzz", CARGO_FUZZ)
}

/// The installed one if there is one, else built once from source, without optimizing: it runs for seconds, and
/// building it takes minutes.
fn cargo_tool(workspace: &Workspace, interrupt: &Interrupt, name: &str, version: &str) -> Result<PathBuf> {
    if let Some(installed) = find_program(name) {
        return Ok(installed);
    }
    if let Some(mut install) = installation(workspace, name, version) {
        println!("building {name} {version} once");
        run(interrupt, &mut install)?;
    }
    Ok(built(workspace, name))
}

fn built(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.target("tools/bin").join(name)
}

/// What builds a tool that is neither installed nor built yet.
fn installation(workspace: &Workspace, name: &str, version: &str) -> Option<Command> {
    if find_program(name).is_some() || built(workspace, name).exists() {
        return None;
    }
    let mut install = workspace.cargo();
    // Its own lock file and its own target folder: it must not disturb what is built here.
    install
        .args([
            "install",
            name,
            "--version",
            version,
            "--locked",
            "--debug",
            "--root",
        ])
        .arg(workspace.target("tools"))
        .env_remove("CARGO_TARGET_DIR")
        // What a debugger would want of it takes a good part of the time to write.
        .env("CARGO_PROFILE_DEV_DEBUG", "0");
    Some(install)
}

/// `hadolint`, the installed one if there is one, else from a Python package pinned by its hash.
pub(crate) fn hadolint(workspace: &Workspace, interrupt: &Interrupt) -> Result<PathBuf> {
    if let Some(installed) = find_program("hadolint") {
        return Ok(installed);
    }
    let folder = workspace.target("tools/hadolint");
    let program = folder.join("bin/hadolint");
    if !succeeds(workspace.command(&program).arg("--version")) {
        run(
            interrupt,
            workspace
                .command("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&folder),
        )?;
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
        ];
        let mut install = workspace.command(folder.join("bin/python"));
        install
            .args(pip)
            .arg("--requirement")
            .arg(workspace.path("xtask/tools/hadolint.txt"));
        run(interrupt, &mut install).context("cannot install hadolint; put one on PATH instead")?;
    }
    Ok(program)
}
