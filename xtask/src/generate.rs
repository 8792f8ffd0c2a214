//! `cargo xtask gen`: the OpenAPI document from the server's routes, and the web client's types from the document.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::interrupt::Interrupt;
use crate::process;
use crate::web;
use crate::workspace::Workspace;

const DOCUMENT: &str = "openapi/postern.json";
const TYPES: &str = "web/src/api/schema.d.ts";
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
    let fresh = workspace.target("xtask/gen");
    std::fs::create_dir_all(&fresh).with_context(|| format!("cannot create {}", fresh.display()))?;
    let document = fresh.join("postern.json");
    let types = fresh.join("schema.d.ts");

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
    std::fs::write(&document, text).with_context(|| format!("cannot write {}", document.display()))?;

    web::install(workspace, interrupt)?;
    let mut derive = workspace.command("npx");
    derive
        .current_dir(workspace.path("web"))
        .args(["--no-install", "openapi-typescript", "--alphabetize"]);
    process::run(interrupt, derive.arg(&document).arg("--output").arg(&types))?;

    let products = [(document.as_path(), DOCUMENT), (types.as_path(), TYPES)];
    match mode {
        Mode::Write => products
            .into_iter()
            .try_for_each(|(from, to)| write(workspace, from, to)),
        Mode::Check => check(workspace, &products),
    }
}

fn write(workspace: &Workspace, from: &Path, to: &str) -> Result<()> {
    let place = workspace.path(to);
    if let Some(folder) = place.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    std::fs::copy(from, &place).with_context(|| format!("cannot write {to}"))?;
    println!("wrote {to}");
    Ok(())
}

fn check(workspace: &Workspace, products: &[(&Path, &str)]) -> Result<()> {
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
        "{} differs from what the code says: run `cargo xtask gen` and commit the result",
        changed.join(" and ")
    )
}
