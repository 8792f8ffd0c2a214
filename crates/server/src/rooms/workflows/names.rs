//! What a workflow names: scripts, actions and other workflows.

use postern_domain::{
    permission::Permission,
    workflow::{Definition, Work, each_step},
};
use postern_store::{Tx, scripts, uses::Used, workflows};

use super::{VIEW, draft::dotted};
use crate::{
    error::{Error, Result},
    http::Caller,
};

/// Everything it names, each once, as far as the caller may see it; what is not there is refused.
pub(super) async fn check(
    tx: &mut Tx<'_>,
    caller: &Caller,
    definition: &Definition,
) -> Result<Vec<(Used, i64)>> {
    let mut named: Vec<(String, Work)> = Vec::new();
    each_step(&definition.steps, "/steps", &mut |pointer, step| {
        named.push((pointer.to_owned(), step.work.clone()));
    });
    let mut used = Vec::new();
    for (pointer, work) in named {
        let (what, field, found) = match work {
            Work::Script(step) => {
                let field = if step.script_id.is_some() {
                    "script_id"
                } else {
                    "script"
                };
                (
                    "script",
                    field,
                    script(tx, caller, step.script_id, step.script).await?,
                )
            }
            Work::Action(step) => {
                let field = if step.action_id.is_some() {
                    "action_id"
                } else {
                    "action"
                };
                (
                    "action",
                    field,
                    action(tx, caller, step.action_id, step.action).await?,
                )
            }
            Work::Workflow(step) => {
                let found = match (step.workflow_id, step.workflow) {
                    (Some(id), _) => workflows::find(tx, id).await?,
                    (None, name) => {
                        workflows::by_name(tx, caller.tenant()?, &name.unwrap_or_default()).await?
                    }
                };
                let found = found.filter(|found| caller.rights.allow(VIEW, found.place()));
                (
                    "workflow",
                    "workflow",
                    found.map(|found| (Used::Workflow, found.id.0)),
                )
            }
            _ => continue,
        };
        let Some(found) = found else {
            let field = format!("draft{}", dotted(&format!("{pointer}/{field}")));
            let problem = format!("names a {what} that is not there, or that you may not see");
            return Err(Error::invalid(field, problem));
        };
        if !used.contains(&found) {
            used.push(found);
        }
    }
    Ok(used)
}

async fn script(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: Option<postern_domain::ScriptId>,
    name: Option<String>,
) -> Result<Option<(Used, i64)>> {
    let id = match id {
        Some(id) => {
            let found = scripts::find(tx, id).await?;
            let seen = found.is_some_and(|found| caller.rights.allow(Permission::ScriptsView, found.place()));
            seen.then_some(id)
        }
        None => {
            let reach = caller.reach(Permission::ScriptsView);
            scripts::by_name(tx, &reach, &name.unwrap_or_default()).await?
        }
    };
    Ok(id.map(|id| (Used::Script, id.0)))
}

async fn action(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: Option<postern_domain::ActionId>,
    name: Option<String>,
) -> Result<Option<(Used, i64)>> {
    let id = match id {
        Some(id) => {
            let found = scripts::actions::find(tx, id).await?;
            let seen = found.is_some_and(|found| caller.rights.allow(Permission::JobsView, found.place()));
            seen.then_some(id)
        }
        None => {
            let reach = caller.reach(Permission::JobsView);
            scripts::actions::by_name(tx, &reach, &name.unwrap_or_default()).await?
        }
    };
    Ok(id.map(|id| (Used::Action, id.0)))
}
