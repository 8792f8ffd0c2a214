//! What an action uses, so that none of it goes while the action needs it.

use postern_api::actions::{ActionDefinition, ActionWork};
use postern_domain::{ActionId, permission::Reach};
use postern_store::{
    Tx,
    scripts::actions,
    uses::{self, Used, User},
};

use super::{definition_of, missing};
use crate::{error::Result, rooms::agents::targets};

/// Agents and groups that what is deployed and what is edited name one by one, and their scripts. A draft may also name
/// what is not there yet.
pub(super) async fn keep_uses(tx: &mut Tx<'_>, id: ActionId) -> Result<()> {
    let action = actions::find(tx, id).await?.ok_or_else(|| missing(id))?;
    let draft = definition_of(&action, &action.draft)?;
    // Whoever edits it may see less than those who edited it before.
    let tenant = Reach {
        tenants: vec![action.tenant_id],
        ..Reach::default()
    };
    let mut used = targets::used_so_far(tx, &tenant, &draft.targets).await?;
    used.extend(script_of(&draft));
    if let Some(deployed) = &action.deployed {
        let deployed = definition_of(&action, deployed)?;
        used.extend(targets::used(&deployed.targets));
        used.extend(script_of(&deployed));
    }
    let mut once = Vec::new();
    for one in used {
        if !once.contains(&one) {
            once.push(one);
        }
    }
    Ok(uses::set(tx, user(id, &action.name), &once).await?)
}

fn script_of(definition: &ActionDefinition) -> Option<(Used, i64)> {
    match &definition.work {
        ActionWork::Script { script_id, .. } => Some((Used::Script, script_id.0)),
        ActionWork::Job { .. } => None,
    }
}

pub(super) const fn user(id: ActionId, name: &str) -> User<'_> {
    User {
        kind: "action",
        id: id.0,
        name,
    }
}
