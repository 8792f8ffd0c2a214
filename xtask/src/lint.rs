//! Building and linting in one pass: clippy is a compiler with more to say, so what it has looked at is compiled as well,
//! and the tests run what was linted. Linting by itself would type-check every dependency a second time.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::interrupt::Interrupt;
use crate::process;
use crate::workspace::Workspace;

/// A cargo that compiles the workspace by clippy. Cargo keeps the results apart from the plain compiler's.
pub(crate) fn cargo(workspace: &Workspace) -> Result<Command> {
    let mut command = workspace.cargo();
    let driver = driver(&command).context("clippy is missing: `rustup component add clippy`")?;
    command
        .env("RUSTC_WORKSPACE_WRAPPER", driver)
        // What only a debugger would want of it is a third of what has to be written and linked.
        .env("CARGO_PROFILE_DEV_DEBUG", "0");
    Ok(command)
}

/// Beside cargo, where each toolchain has its own.
fn driver(cargo: &Command) -> Option<PathBuf> {
    let beside = Path::new(cargo.get_program()).with_file_name("clippy-driver");
    if beside.is_file() {
        return Some(beside);
    }
    process::find_program("clippy-driver")
}

/// Builds every program and test. A warning fails it, whether it is new or cargo kept it from an earlier build.
pub(crate) fn build(workspace: &Workspace, interrupt: &Interrupt) -> Result<()> {
    let folder = workspace.target("xtask");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let path = folder.join("build-messages.json");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut build = cargo(workspace)?;
    build.args(["build", "--workspace", "--all-features", "--all-targets"]);
    build.arg("--message-format=json").stdout(file);
    let outcome = process::run(interrupt, &mut build);
    let messages =
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let complaints = complaints(&messages)?;
    complaints.iter().for_each(|complaint| print!("{complaint}"));
    outcome?;
    if !complaints.is_empty() {
        bail!("the compiler has {} warnings, shown above", complaints.len());
    }
    Ok(())
}

/// What the compiler said, as people read it: once, though a library is compiled with its tests and without.
fn complaints(messages: &str) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for line in messages.lines() {
        let line: Value = serde_json::from_str(line).context("cargo's messages cannot be read")?;
        if line["reason"] != "compiler-message" {
            continue;
        }
        let text = line["message"]["rendered"]
            .as_str()
            .context("a message of the compiler without its text")?;
        if complaints.iter().all(|known| known != text) {
            complaints.push(text.to_owned());
        }
    }
    Ok(complaints)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_compiler_said_is_a_complaint_and_each_once() {
        let warning =
            r#"{"reason":"compiler-message","message":{"rendered":"warning: unused\n","level":"warning"}}"#;
        let artifact = r#"{"reason":"compiler-artifact","fresh":true}"#;
        let text = [
            artifact,
            warning,
            warning,
            r#"{"reason":"build-finished","success":true}"#,
        ]
        .join("\n");
        assert_eq!(complaints(&text).unwrap(), ["warning: unused\n"]);
        assert_eq!(complaints(artifact).unwrap(), [""; 0]);
        assert!(complaints("not JSON").is_err());
    }
}
