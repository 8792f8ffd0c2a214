//! `postern-agent`: joins a server, runs the jobs it is given and loses none of their ends.
//!
//! It dials out and never listens. One thread serves everything; each job has a process of its own that watches
//! it (`shim.rs`) and outlives this one.

mod api;
mod attempts;
mod checkin;
mod clock;
mod config;
mod durable;
mod enroll;
mod facts;
mod failpoint;
mod fence;
mod identity;
mod jobs;
mod journal;
mod launcher;
mod mask;
mod number;
mod output;
mod perform;
mod platform;
mod policy;
mod random;
mod report;
mod run;
mod secrets;
mod shim;
mod tls;

use std::{io::Write as _, process::ExitCode};

use clap::Parser as _;

use crate::config::{Action, Cli};

/// Starting again does not help: a person must change something first.
const EXIT_NEEDS_A_PERSON: u8 = 2;
const EXIT_FAILED: u8 = 1;

fn main() -> ExitCode {
    match Cli::parse().command {
        Action::Version => {
            let _ = writeln!(
                std::io::stdout(),
                "postern-agent {} (protocol {})",
                env!("CARGO_PKG_VERSION"),
                postern_protocol::PROTOCOL_VERSION
            );
            ExitCode::SUCCESS
        }
        Action::Shim(flags) => shim(&shim::Options {
            dir: flags.dir,
            attached: false,
            cgroup: flags.cgroup,
            policy: policy::Source(flags.policy),
        }),
        Action::Perform(flags) => perform::run(&flags.dir, &policy::Source(flags.policy)),
        Action::Launch { .. } => match launcher::serve() {
            Ok(None) => ExitCode::SUCCESS,
            Ok(Some(options)) => shim(&options),
            Err(_) => ExitCode::FAILURE,
        },
        Action::Run(flags) => {
            start_log();
            match config::load(flags)
                .map_err(anyhow::Error::from)
                .and_then(run::run)
            {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    tracing::error!("{error:#}");
                    ExitCode::from(exit_code(&error))
                }
            }
        }
    }
}

fn exit_code(error: &anyhow::Error) -> u8 {
    let for_a_person = error.is::<config::Error>()
        || error.is::<enroll::Error>()
        || error.is::<policy::Error>()
        || error.is::<run::NeedsAPerson>()
        || matches!(
            error.downcast_ref(),
            Some(identity::Error::Damaged(_) | identity::Error::Key(_))
        );
    if for_a_person {
        EXIT_NEEDS_A_PERSON
    } else {
        EXIT_FAILED
    }
}

fn shim(options: &shim::Options) -> ExitCode {
    #[cfg(feature = "failpoints")]
    if let Some(data) = options.dir.parent().and_then(std::path::Path::parent) {
        failpoint::arm(config::failpoint(), data);
    }
    match shim::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "postern-agent shim: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start_log() {
    let level = config::log_level()
        .and_then(|level| level.parse().ok())
        .unwrap_or(tracing::Level::INFO);
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(false)
        .with_writer(std::io::stderr);
    let _ = log.try_init();
}
