//! Tries of a step after its first: on the hosts where it has not succeeded, which are the same agents whatever they are
//! called by now, with what their jobs had from before and what the groups that the step names ask for by now.

use std::collections::HashSet;

use postern_api::targets::Targets;
use postern_domain::{AgentId, job::JobState, workflow::HostResult};
use postern_store::{
    Tx,
    agents::{self, Wanted},
};

use super::turn::Turn;
use crate::{
    error::{Error, Result},
    rooms::{
        agents::targets::MAX_TARGETS,
        jobs::{
            executions::carried_from,
            run::{Author, Carried, Prepared},
        },
    },
};

/// What the next try needs from those before.
#[derive(Debug)]
pub(super) struct NextTry {
    hosts: Targets,
    /// Of the newest try, which had what those before it had, as far as its jobs are there; and of the groups as they are now.
    carried: Carried,
}

impl NextTry {
    /// `prepared`: the jobs of the step as they would be on all of its hosts.
    pub(super) async fn of(
        turn: &mut Turn<'_>,
        tx: &mut Tx<'_>,
        author: &Author,
        run: u32,
        prepared: &Prepared,
    ) -> Result<Self> {
        let known = turn.runs.find(tx, run).await?.cloned();
        let known =
            known.ok_or_else(|| Error::Internal(format!("run {run} of instance {} is gone", turn.row.id)))?;
        let mut failed = turn.runs.result_of(&known)?.hosts;
        failed.retain(|host| host.status != JobState::Completed.as_str());
        all_there(tx, author, &failed).await?;
        let mut carried = match known.execution_id {
            Some(execution) => carried_from(tx, execution).await?,
            None => Carried::default(),
        };
        let (groups, guarded) = prepared.groups(tx, author).await?;
        carried.groups = groups;
        carried.guarded.extend(guarded);
        let hosts = Targets {
            agents: failed
                .into_iter()
                .map(|host| host.agent_id.map_or(host.name, |id| id.to_string()))
                .collect(),
            ..Targets::default()
        };
        Ok(Self { hosts, carried })
    }

    /// The jobs of the step, as they are for this try.
    pub(super) fn applied_to(self, prepared: Prepared) -> Prepared {
        prepared.only_on(self.hosts).carrying(self.carried)
    }
}

/// A host that cannot be tried again is told by its name.
async fn all_there(tx: &mut Tx<'_>, author: &Author, hosts: &[HostResult]) -> Result<()> {
    let wanted = Wanted {
        ids: hosts
            .iter()
            .filter_map(|host| host.agent_id)
            .map(|id| id.0)
            .collect(),
        ..Wanted::default()
    };
    let found = agents::targets(tx, &author.reach, &[wanted], MAX_TARGETS).await?;
    let there: HashSet<AgentId> = found.into_iter().map(|target| target.id).collect();
    let gone = |host: &&HostResult| host.agent_id.is_some_and(|id| !there.contains(&id));
    match hosts.iter().find(gone) {
        None => Ok(()),
        Some(host) => Err(Error::invalid(
            "hosts",
            format!(
                "agent {:?} is to be tried again, and is not there any more, or whoever started the workflow may not run \
                 jobs on it",
                host.name
            ),
        )),
    }
}
