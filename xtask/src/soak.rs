//! `cargo xtask soak`: the same campaigns against the whole system as in `cargo xtask test`, for as long as one has
//! patience; and `cargo xtask soak fuzz`: whatever a fuzzer can think of in place of a workflow.

use anyhow::{Context as _, Result};

use crate::interrupt::Interrupt;
use crate::postgres::{Cluster, Durability};
use crate::process;
use crate::tools;
use crate::web;
use crate::workspace::Workspace;

const ROUNDS: u32 = 50;
/// Tests of the target `whole` whose names contain one of these read the number of rounds.
const CAMPAIGNS: [&str; 3] = ["storm", "hostile", "approvals"];

const MINUTES: u32 = 10;
/// Programs of `fuzz/`, each with a folder of seeds.
const TARGETS: [&str; 3] = ["definition", "condition", "variable"];

pub(crate) fn run(workspace: &Workspace, interrupt: &Interrupt, mut arguments: lexopt::Parser) -> Result<()> {
    let (mut rounds, mut minutes, mut fuzzes) = (ROUNDS, MINUTES, false);
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("rounds") => {
                rounds = number(&mut arguments)?.context("--rounds takes a number")?;
            }
            lexopt::Arg::Long("minutes") => {
                minutes = number(&mut arguments)?.context("--minutes takes a number")?;
            }
            lexopt::Arg::Value(word) if word == "fuzz" => fuzzes = true,
            other => return Err(other.unexpected().into()),
        }
    }
    if fuzzes {
        return fuzz(workspace, interrupt, minutes);
    }
    web::ensure_built(workspace, interrupt)?;
    process::run(
        interrupt,
        workspace.cargo().args(["build", "--workspace", "--all-features"]),
    )?;
    let cluster = Cluster::start(workspace, interrupt, Durability::Full)?;
    let mut test = workspace.cargo();
    test.args(["test", "--workspace", "--all-features", "--test", "whole", "--"]);
    test.args(CAMPAIGNS).arg("--nocapture");
    test.env("POSTERN_TEST_POSTGRES", cluster.url())
        .env("POSTERN_SOAK", rounds.to_string());
    process::run(interrupt, &mut test)
}

fn number(arguments: &mut lexopt::Parser) -> Result<Option<u32>> {
    let text = arguments.value()?.into_string().ok();
    Ok(text.and_then(|text| text.parse().ok()))
}

/// Each target for so many minutes. What it finds interesting is kept in `target/`, what crashes it in `fuzz/artifacts`.
fn fuzz(workspace: &Workspace, interrupt: &Interrupt, minutes: u32) -> Result<()> {
    let program = tools::cargo_fuzz(workspace, interrupt)?;
    for target in TARGETS {
        let corpus = workspace.target("fuzz").join(target);
        std::fs::create_dir_all(&corpus)?;
        let mut command = workspace.command(&program);
        // The rules have no unsafe code: a sanitizer would only slow the search down.
        command
            .args(["fuzz", "run", "--sanitizer", "none", target])
            .arg(&corpus)
            .arg(workspace.path("fuzz/seeds").join(target))
            .args([
                "--",
                &format!("-max_total_time={}", u64::from(minutes) * 60),
                "-max_len=4096",
            ]);
        process::run(interrupt, &mut command)?;
    }
    Ok(())
}
