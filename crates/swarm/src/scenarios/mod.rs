//! What is measured, part by part.

pub(crate) mod fan_out;
pub(crate) mod idle;
pub(crate) mod latency;
pub(crate) mod swarm;
pub(crate) mod throughput;

use postern_api::jobs::{JobCreate, Targets};
use postern_protocol::payload::{Command, JobPayload};

/// The job of every measurement: the program `true`.
fn job(targets: Targets) -> JobCreate {
    JobCreate {
        work: JobPayload::Command(Command {
            argv: vec!["true".into()],
            shell: false,
            ..Default::default()
        }),
        targets,
        priority: None,
        timeout_seconds: None,
        not_before: None,
    }
}

fn everyone() -> Targets {
    Targets {
        all: true,
        ..Targets::default()
    }
}

/// By name or by id.
fn only(agents: Vec<String>) -> Targets {
    Targets {
        agents,
        ..Targets::default()
    }
}
