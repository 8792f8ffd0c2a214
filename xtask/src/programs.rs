//! The programs as people get them: the server built to be fast, the agent built to be small.

use std::path::PathBuf;

use anyhow::Result;

use crate::interrupt::Interrupt;
use crate::process;
use crate::workspace::Workspace;

const AGENT: &str = "postern-agent";

/// Each built with its profile.
pub(crate) fn build(workspace: &Workspace, interrupt: &Interrupt, names: &[&str]) -> Result<()> {
    let (agent, others): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| **name == AGENT);
    for names in [others, agent] {
        if let Some(first) = names.first() {
            let mut build = workspace.cargo();
            build.args(["build", "--profile", profile(first)]);
            build.args(names.iter().flat_map(|name| ["--package", name]));
            process::run(interrupt, &mut build)?;
        }
    }
    Ok(())
}

/// Where [`build`] leaves it.
pub(crate) fn path(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.target(profile(name)).join(name)
}

fn profile(name: &str) -> &'static str {
    if name == AGENT { "agent" } else { "release" }
}
