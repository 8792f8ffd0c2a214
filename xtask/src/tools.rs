//! Tools that only this repository needs, in `target/tools`, at versions written down here.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::interrupt::Interrupt;
use crate::process::{find_program, run, succeeds};
use crate::workspace::Workspace;

const CARGO_DENY: &str = "0.20.2";
const CARGO_FUZZ: &str = "0.13.2";

pub(crate) fn cargo_deny(workspace: &Workspace, interrupt: &Interrupt) -> Result<PathBuf> {
    cargo_tool(workspace, interrupt, "cargo-deny", CARGO_DENY)
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
    let folder = workspace.target("tools");
    let program = folder.join("bin").join(name);
    if !program.exists() {
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
            .arg(&folder);
        run(interrupt, install.env_remove("CARGO_TARGET_DIR"))?;
    }
    Ok(program)
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
