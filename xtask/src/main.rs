//! Project automation: `cargo xtask <command>`. Everything a person or a machine does with this repository beyond
//! plain cargo is a command here, so there is one place to look and nothing to install first.
//!
//! It depends on none of Postern's own crates: it must build in seconds and work while they do not compile.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool for developers: what it prints is its result"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "xtask has no configuration of its own: it reads PATH and passes the environment on to what it starts"
)]

mod bench;
mod debian;
mod fingerprint;
mod generate;
mod interrupt;
mod lint;
mod postgres;
mod process;
mod programs;
mod soak;
mod suite;
mod tidy;
mod tools;
mod up;
mod web;
mod workspace;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::interrupt::Interrupt;
use crate::workspace::Workspace;

const USAGE: &str = "\
Usage: cargo xtask <command> [options]

  up [--once] [--data DIR] [--listen ADDR]
          build everything, start a server and one agent, run a first job, serve until Ctrl-C
          (--once: stop after the first job; DIR is target/up, ADDR is 127.0.0.1:8443 unless given)
  test [FILTER…] [--only STEP]… [--list]
          every check from a clean machine; with filters, only the Rust tests whose names contain one
  tidy    the rules of this repository that no compiler checks
  gen [--check]
          write openapi/postern.json and the web client's types (--check: fail when they would change)
  postgres
          a PostgreSQL for tests started by hand, until Ctrl-C
  bench [ARG…]
          build in release mode and measure; arguments go to postern-swarm
  soak [--rounds N] | soak fuzz [--minutes N]
          the long campaigns: kill storms and hostile output, many rounds
";

fn main() -> ExitCode {
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> Result<()> {
    let mut arguments = lexopt::Parser::from_env();
    let Some(first) = arguments.next()? else {
        print!("{USAGE}");
        bail!("name a command");
    };
    let command = match first {
        lexopt::Arg::Value(value) => value.into_string().ok().context("the command is not UTF-8")?,
        lexopt::Arg::Short('h') | lexopt::Arg::Long("help") => {
            print!("{USAGE}");
            return Ok(());
        }
        other => return Err(other.unexpected().into()),
    };
    let workspace = Workspace::locate()?;
    let interrupt = Interrupt::install()?;
    match command.as_str() {
        "up" => up::run(&workspace, &interrupt, &up::Options::parse(arguments)?),
        "test" => suite::run(workspace, interrupt, suite::Options::parse(arguments)?),
        "tidy" => no_arguments(arguments).and_then(|()| tidy::run(&workspace)),
        "gen" => generate::run(
            &workspace,
            &interrupt,
            generate::Mode::parse(arguments)?,
            generate::Program::Fresh,
        ),
        "postgres" => no_arguments(arguments).and_then(|()| postgres::serve(&workspace, &interrupt)),
        "bench" => bench::run(&workspace, &interrupt, arguments),
        "soak" => soak::run(&workspace, &interrupt, arguments),
        "help" => {
            print!("{USAGE}");
            Ok(())
        }
        unknown => {
            print!("{USAGE}");
            bail!("no command `{unknown}`")
        }
    }
}

fn no_arguments(mut arguments: lexopt::Parser) -> Result<()> {
    match arguments.next()? {
        None => Ok(()),
        Some(extra) => Err(extra.unexpected().into()),
    }
}
