//! What is measured, part by part.

pub(crate) mod creation;
pub(crate) mod fan_out;
pub(crate) mod idle;
pub(crate) mod latency;
pub(crate) mod lists;
pub(crate) mod plans;
pub(crate) mod retention;
pub(crate) mod swarm;
pub(crate) mod throughput;
pub(crate) mod workflows;

use postern_api::{jobs::JobCreate, targets::Targets};
use postern_protocol::payload::{Command, JobPayload};

/// The job of every measurement: the program `true`.
fn job(targets: Targets) -> JobCreate {
    let work = Command {
        argv: vec!["true".into()],
        ..Default::default()
    };
    JobCreate::new(JobPayload::Command(work), targets)
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
