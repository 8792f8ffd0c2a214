//! A draft becomes the version that runs, which is never changed afterwards.

use postern_api::actions::{ActionDefinition, ActionDeploy, ActionDetail};
use postern_domain::{
    ActionId,
    fill::Samples,
    name::MAX_MESSAGE,
    parameter::{Parameter, ParameterType},
};
use postern_store::{
    Tx,
    scripts::actions::{self, NewVersion},
    tx,
};

use super::{
    check::check, convert::detail_of, find_to_change, record::recorded, run::Source, uses::keep_uses,
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        idempotency::{self, Key},
    },
    named::{self, json},
    rooms::jobs::run::Author,
};

/// The draft becomes the version that runs. It is tried as if it ran now.
pub(super) async fn action_deploy(
    app: &App,
    caller: &Caller,
    id: ActionId,
    request: ActionDeploy,
    key: Key,
) -> Result<ActionDetail> {
    named::check_text("message", &request.message, MAX_MESSAGE)?;
    let (now, author, inner, message) = (app.now(), caller.clone(), app.clone(), request.message.clone());
    let deployed = idempotency::create(
        app,
        caller,
        key,
        "action_deploy",
        &(id, request),
        tx!(tx => {
            let action = find_to_change(tx, &author, id).await?;
            let before = detail_of(&inner, tx, &author, action.clone()).await?;
            if before.deployed.is_some() && !before.action.draft_differs {
                let number = action.version.unwrap_or_default();
                let detail = format!("The draft says what version {number} says already, which is deployed.");
                return Err(Error::conflict("nothing_to_deploy", detail));
            }
            check(tx, &author, &before.draft).await?;
            let definition = try_out(&inner, tx, &author, &action).await?;
            let new = NewVersion {
                definition: json(&definition)?,
                message,
                deployer: author.user()?.id,
            };
            actions::deploy(tx, &action, new, &author.actor(), now).await?;
            keep_uses(tx, id).await?;
            recorded(&inner, tx, &author, id, "action_deploy", Some(&before)).await
        }),
    )
    .await?;
    Ok(deployed.0)
}

/// As far as it can be tried without what will be given. Returns what it says, with the ids of its hosts.
async fn try_out(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    action: &actions::Action,
) -> Result<ActionDefinition> {
    let source = Source::draft(caller, action)?;
    let given = source.asks(app, tx).await?.iter().filter_map(stand_in).collect();
    let prepared = source.prepare(app, tx, given, None).await?.into_prepared();
    let targets = prepared.check_targets(tx, &Author::new(caller)).await?;
    Ok(ActionDefinition {
        targets,
        ..source.definition
    })
}

/// For what must be given and will be: a job's place has a value already, a secret and a script's parameter have none.
fn stand_in(parameter: &Parameter) -> Option<(String, serde_json::Value)> {
    if !parameter.required && parameter.kind != ParameterType::Secret {
        return None;
    }
    let text = match parameter.samples() {
        Samples::Real(texts) => texts.into_iter().next()?,
        Samples::Likely(text) => text,
    };
    Some((parameter.name.clone(), text.into()))
}
