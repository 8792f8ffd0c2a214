//! `postern-swarm`: load for a Postern server, and the benchmark that holds it against its goals.
//!
//! Everything it starts runs on this machine, on the loopback address, and is ended by it.

mod accounting;
mod arguments;
mod bench;
mod clock;
mod database;
mod machine;
mod programs;
mod progress;
mod report;
mod scenarios;
mod simulated;
mod spread;
mod stored;

use std::{path::Path, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::{Arguments, Bench, Command};

fn main() -> ExitCode {
    let Command::Bench(bench) = Arguments::parse().command;
    match run(&bench) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::say(format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(bench: &Bench) -> Result<()> {
    machine::raise_open_files().context("cannot raise the limit of open files")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            report = bench::run(bench) => report,
            _ = terminate.recv() => bail!("interrupted"),
            _ = interrupt.recv() => bail!("interrupted"),
        }
    })?;
    write(&bench.output, &report)
}

fn write(path: &Path, report: &report::Report) -> Result<()> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    progress::say(format!("figures in {}", path.display()));
    Ok(())
}
