//! `cargo xtask bench`: release binaries, a PostgreSQL, and then `postern-swarm bench` measures.

use anyhow::{Context, Result};

use crate::interrupt::Interrupt;
use crate::postgres::{Cluster, Durability};
use crate::process;
use crate::programs;
use crate::web;
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace, interrupt: &Interrupt, mut arguments: lexopt::Parser) -> Result<()> {
    let passed_on: Vec<_> = arguments.raw_args()?.collect();
    web::install(workspace, interrupt)?;
    web::build(workspace, interrupt)?;
    programs::build(
        workspace,
        interrupt,
        &["postern", "postern-swarm", "postern-agent"],
    )?;

    let commit = commit(workspace)?;
    let result = workspace.target(&format!("bench/{commit}.json"));
    let folder = workspace.target("bench");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;

    let cluster = Cluster::start(workspace, interrupt, Durability::Full)?;
    let mut swarm = workspace.command(programs::path(workspace, "postern-swarm"));
    swarm
        .arg("bench")
        .arg("--server-binary")
        .arg(programs::path(workspace, "postern"));
    swarm
        .arg("--agent-binary")
        .arg(programs::path(workspace, "postern-agent"))
        .args(["--postgres", cluster.url()]);
    swarm.args(["--commit", &commit]).arg("--output").arg(&result);
    let only_asks = passed_on
        .iter()
        .any(|argument| argument == "--help" || argument == "-h");
    process::run(interrupt, swarm.args(passed_on))?;
    if only_asks {
        return Ok(());
    }
    let text =
        std::fs::read_to_string(&result).with_context(|| format!("no result in {}", result.display()))?;
    println!("{text}\nstored in {}", result.display());
    Ok(())
}

/// What the programs were built from: a commit, marked when there is more in the files than in it.
fn commit(workspace: &Workspace) -> Result<String> {
    let git = |arguments: &[&str]| -> Result<String> {
        let printed = process::capture(workspace.git().args(arguments))?;
        Ok(String::from_utf8(printed)?.trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    let mark = if changed.is_empty() { "" } else { "-changed" };
    Ok(format!("{commit}{mark}"))
}
