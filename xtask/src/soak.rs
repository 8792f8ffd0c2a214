//! `cargo xtask soak`: the same campaigns against the whole system as in `cargo xtask test`, for as long as one has
//! patience.

use anyhow::{Context as _, Result};

use crate::interrupt::Interrupt;
use crate::postgres::Cluster;
use crate::process;
use crate::web;
use crate::workspace::Workspace;

const ROUNDS: u32 = 50;
/// Tests of the target `whole` whose names contain one of these read the number of rounds.
const CAMPAIGNS: [&str; 2] = ["storm", "hostile"];

pub(crate) fn run(workspace: &Workspace, interrupt: &Interrupt, mut arguments: lexopt::Parser) -> Result<()> {
    let mut rounds = ROUNDS;
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("rounds") => {
                let value = arguments
                    .value()?
                    .into_string()
                    .ok()
                    .and_then(|text| text.parse().ok());
                rounds = value.context("--rounds takes a number")?;
            }
            other => return Err(other.unexpected().into()),
        }
    }
    web::ensure_built(workspace, interrupt)?;
    process::run(
        interrupt,
        workspace.cargo().args(["build", "--workspace", "--all-features"]),
    )?;
    let cluster = Cluster::start(workspace, interrupt)?;
    let mut test = workspace.cargo();
    test.args(["test", "--workspace", "--all-features", "--test", "whole", "--"]);
    test.args(CAMPAIGNS).arg("--nocapture");
    test.env("POSTERN_TEST_POSTGRES", cluster.url())
        .env("POSTERN_SOAK", rounds.to_string());
    process::run(interrupt, &mut test)
}
