//! Who of all people does not answer a question: those because of whom it is asked, and those who cannot any more.

use std::collections::BTreeMap;

use postern_domain::{
    UserId,
    approval::ApprovalState,
    permission::{Permission, Rights, Role, Scope},
};
use postern_store::{
    Tx, approvals, identity,
    workflows::{instances, step_runs},
};

use super::allows_own;
use crate::{app::App, error::Result};

/// Because of whom the instance runs that asks, and what its step says of them.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) run_for: Vec<UserId>,
    /// `allow_self_approval`
    pub(super) allowed: bool,
}

impl Own {
    pub(super) async fn of(app: &App, tx: &mut Tx<'_>, row: &approvals::Approval) -> Result<Self> {
        let run_for = instances::run_for(tx, row.instance_id).await?;
        let instance = instances::find(tx, row.instance_id).await?;
        let run = step_runs::find(tx, row.instance_id, row.run).await?;
        let allowed = match instance.zip(run) {
            None => false,
            Some((instance, run)) => {
                let plan = app.workflow_plans.of(&instance.digest, &instance.definition)?;
                allows_own(&plan, &run.step)
            }
        };
        Ok(Self { run_for, allowed })
    }

    /// Whether this user does not answer, whoever asks them.
    pub(super) fn forbids(&self, user: UserId) -> bool {
        !self.allowed && self.run_for.contains(&user)
    }
}

/// Of an open question: who has not answered and cannot any more, and why, as a part of a sentence about them.
pub(crate) async fn unable(
    tx: &mut Tx<'_>,
    row: &approvals::Approval,
    asked: &[approvals::Asked],
) -> Result<BTreeMap<UserId, &'static str>> {
    let mut found = BTreeMap::new();
    if row.state != ApprovalState::Open {
        return Ok(found);
    }
    let mut active = Vec::new();
    for one in asked.iter().filter(|one| one.decision.is_none()) {
        match one.active {
            Some(true) => active.push(one.user_id),
            Some(false) => {
                found.insert(one.user_id, "is switched off");
            }
            None => {
                found.insert(one.user_id, "is deleted");
            }
        }
    }
    let mut grants: BTreeMap<UserId, Vec<(Scope, Role)>> = BTreeMap::new();
    for binding in identity::binding_list(tx, &active).await? {
        let grant = (binding.scope()?, binding.role);
        grants.entry(binding.user_id).or_default().push(grant);
    }
    for id in active {
        let rights = Rights::new(grants.remove(&id).unwrap_or_default(), None);
        if !rights.allow(Permission::WorkflowsManage, row.place()) {
            found.insert(id, "may not manage workflows there any more");
        }
    }
    Ok(found)
}

/// Those who cannot answer, by name: `anna is switched off`.
pub(crate) fn told(asked: &[approvals::Asked], unable: &BTreeMap<UserId, &'static str>) -> Vec<String> {
    let reason = |one: &approvals::Asked| {
        let reason = unable.get(&one.user_id)?;
        Some(format!("{} {reason}", one.name))
    };
    asked.iter().filter_map(reason).collect()
}
