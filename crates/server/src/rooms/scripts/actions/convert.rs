//! From stored rows to the types of the API.

use postern_api::actions::{Action, ActionDetail, ActionVersion, ActionWork};
use postern_domain::permission::Permission;
use postern_protocol::payload::JobType;
use postern_store::{
    Tx,
    scripts::actions,
    uses::{self, Used},
};

use super::{definition_of, find_version, run::Source};
use crate::{
    app::App,
    error::Result,
    http::Caller,
    rooms::{agents::targets::Names, jobs::secrets},
    runners,
    uses::seen,
};

pub(super) fn action_of(caller: &Caller, row: actions::Action) -> Result<Action> {
    let runs = row.deployed.as_deref().unwrap_or(&row.draft);
    let definition = definition_of(&row, runs)?;
    Ok(Action {
        may_run: runners::may_run(caller, &row, &definition),
        kind: match &definition.work {
            ActionWork::Job { job } => job.kind(),
            ActionWork::Script { .. } => JobType::Script,
        },
        draft_differs: row.deployed_digest.as_ref() != Some(&row.digest),
        id: row.id,
        name: row.name,
        description: row.description,
        organization_id: row.organization_id,
        department_id: row.department_id,
        version: row.version,
        created_at: row.created,
        created_by: row.created_by,
        updated_at: row.updated,
        updated_by: row.updated_by,
    })
}

/// With names for the ids of its hosts, as far as the caller may know them.
pub(super) async fn version_of(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    action: &actions::Action,
    row: actions::Version,
) -> Result<ActionVersion> {
    let mut definition = definition_of(action, &row.definition)?;
    let reach = caller.reach(Permission::AgentsView);
    let names = Names::of(tx, &reach, &reach, std::iter::once(&definition.targets)).await?;
    definition.targets = names.shown(definition.targets);
    Ok(ActionVersion {
        definition,
        secrets: secrets::open(app, row.secret().as_ref())?.into_keys().collect(),
        version: row.version,
        sha256: row.digest,
        message: row.message,
        created_at: row.created,
        created_by: row.created_by,
    })
}

pub(super) async fn detail_of(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    action: actions::Action,
) -> Result<ActionDetail> {
    let draft = Source::draft(caller, &action)?;
    let (deployed, asks) = match action.version {
        Some(number) => {
            let row = find_version(tx, action.id, number).await?;
            let asks = match Source::deployed(tx, &action, &row).await? {
                Some(source) => source.asks(app, tx).await?,
                None => Vec::new(),
            };
            (Some(version_of(app, tx, caller, &action, row).await?), asks)
        }
        None => (None, Vec::new()),
    };
    let users = uses::of(tx, Used::Action, action.id.0).await?;
    Ok(ActionDetail {
        draft_asks: draft.asks(app, tx).await?,
        draft: draft.definition,
        draft_sha256: action.digest.clone(),
        draft_secrets: secrets::open(app, action.secret().as_ref())?
            .into_keys()
            .collect(),
        deployed,
        asks,
        used_by: seen(caller, &users),
        action: action_of(caller, action)?,
    })
}
