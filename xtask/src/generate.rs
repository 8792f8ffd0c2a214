//! `cargo xtask gen`: files that follow from the code and are checked in so that a change to them is seen in review:
//! the OpenAPI document, the web client's types, and the list of what the agent is made of.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::interrupt::Interrupt;
use crate::process;
use crate::web;
use crate::workspace::Workspace;

const DOCUMENT: &str = "openapi/postern.json";
const TYPES: &str = "web/src/api/schema.d.ts";
/// The agent runs with high rights on other people's machines: a new name on its list wants a second look.
const AGENT_CRATES: &str = "docs/agent-dependencies.txt";
const SHOWN_LINES: usize = 40;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    Check,
}

impl Mode {
    pub(crate) fn parse(mut arguments: lexopt::Parser) -> Result<Self> {
        let mut mode = Self::Write;
        while let Some(argument) = arguments.next()? {
            match argument {
                lexopt::Arg::Long("check") => mode = Self::Check,
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(mode)
    }
}

/// Which `postern` prints the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// Built first, as a developer expects.
    Fresh,
    /// The one in the target folder: whoever asks has built the whole workspace just now, and another choice of features
    /// would build half of it again.
    Built,
}

pub(crate) fn run(workspace: &Workspace, interrupt: &Interrupt, mode: Mode, program: Program) -> Result<()> {
    let folder = workspace.target("xtask/gen");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let fresh = |name: &str| folder.join(Path::new(name).file_name().unwrap_or_default());

    write(&fresh(AGENT_CRATES), agent_crates(workspace)?.as_bytes())?;
    if program == Program::Fresh {
        web::ensure_built(workspace, interrupt)?;
    }
    write(&fresh(DOCUMENT), &document(workspace, program)?)?;
    web::install(workspace, interrupt)?;
    let mut derive = workspace.command("npx");
    derive
        .current_dir(workspace.path("web"))
        .args(["--no-install", "openapi-typescript", "--alphabetize"]);
    process::run(
        interrupt,
        derive.arg(fresh(DOCUMENT)).arg("--output").arg(fresh(TYPES)),
    )?;

    let products = [AGENT_CRATES, DOCUMENT, TYPES].map(|name| (fresh(name), name));
    match mode {
        Mode::Check => check(workspace, &products),
        Mode::Write => products.iter().try_for_each(|(from, to)| {
            write(&workspace.path(to), &std::fs::read(from)?)?;
            println!("wrote {to}");
            Ok(())
        }),
    }
}

fn document(workspace: &Workspace, program: Program) -> Result<Vec<u8>> {
    let mut print = match program {
        Program::Fresh => workspace.cargo(),
        Program::Built => workspace.command(workspace.target("debug/postern")),
    };
    if program == Program::Fresh {
        print.args(["run", "--quiet", "--package", "postern", "--"]);
    }
    print.arg("openapi");
    println!("+ {}", process::show(&print));
    let mut text = process::capture(&mut print)?;
    serde_json::from_slice::<serde_json::Value>(&text)
        .context("`postern openapi` printed something else than JSON")?;
    if !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    Ok(text)
}

/// Names without versions, for every system: an upgrade of a known crate is the lock file's business.
fn agent_crates(workspace: &Workspace) -> Result<String> {
    let mut tree = workspace.cargo();
    tree.args([
        "tree",
        "--package",
        "postern-agent",
        "--edges",
        "normal",
        "--target",
        "all",
    ]);
    println!("+ {}", process::show(&tree));
    let listing = process::capture(tree.args(["--prefix", "none", "--format", "{p}"]))?;
    let listing = String::from_utf8(listing)?;
    let names: BTreeSet<&str> = listing
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    let mut text = String::from("# Every crate the agent is made of. Written by `cargo xtask gen`.\n");
    for name in names.into_iter().filter(|name| !name.is_empty()) {
        text.push_str(name);
        text.push('\n');
    }
    Ok(text)
}

fn write(place: &Path, content: &[u8]) -> Result<()> {
    if let Some(folder) = place.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    std::fs::write(place, content).with_context(|| format!("cannot write {}", place.display()))
}

fn check(workspace: &Workspace, products: &[(PathBuf, &str)]) -> Result<()> {
    let mut changed = Vec::new();
    for (fresh, kept) in products {
        if std::fs::read(fresh)? == std::fs::read(workspace.path(kept)).unwrap_or_default() {
            println!("{kept} is up to date");
            continue;
        }
        changed.push(*kept);
        let mut compare = workspace.git();
        compare.args([
            "--no-pager",
            "diff",
            "--no-index",
            "--stat",
            "--patch",
            "--unified=0",
            "--",
            kept,
        ]);
        // Its exit code says only that there is a difference.
        let difference = compare.arg(fresh).output().context("cannot start git")?.stdout;
        let difference = String::from_utf8_lossy(&difference).into_owned();
        difference
            .lines()
            .take(SHOWN_LINES)
            .for_each(|line| println!("    {line}"));
    }
    if changed.is_empty() {
        return Ok(());
    }
    bail!(
        "{} differ from what the code says: run `cargo xtask gen` and commit the result",
        changed.join(" and ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_fails_and_names_the_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let workspace = Workspace {
            root: folder.path().to_owned(),
        };
        let fresh = folder.path().join("fresh");
        write(&fresh, b"new\n").expect("written");
        write(&workspace.path("kept/same"), b"new\n").expect("written");
        write(&workspace.path("kept/old"), b"old\n").expect("written");
        assert!(check(&workspace, &[(fresh.clone(), "kept/same")]).is_ok());
        for stale in ["kept/old", "kept/absent"] {
            let message = check(&workspace, &[(fresh.clone(), stale)])
                .expect_err("it differs")
                .to_string();
            assert!(message.contains(stale), "{message}");
        }
    }
}
