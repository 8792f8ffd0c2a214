//! Saving drafts of actions: what they say is checked, and secrets that are kept go nowhere new.

use postern_api::actions::{
    ActionClone, ActionCreate, ActionDefinition, ActionDetail, ActionRestore, ActionUpdate, ActionWork,
};
use postern_domain::{ActionId, name::MAX_DESCRIPTION};
use postern_store::{
    Tx,
    jobs::Secret,
    scripts::actions::{self, Saved},
    tx,
};

use super::{
    MANAGE, VIEW,
    check::check,
    convert::{detail_of, version_of},
    definition_of, find_to_change, find_version,
    record::recorded,
    uses::keep_uses,
};
use crate::{
    app::App,
    digest::digest,
    error::{Error, Result},
    http::{
        Caller,
        idempotency::{self, Key},
    },
    named::{self, json, taken},
    rooms::{identity::places::place_for, jobs::secrets, scripts::run as scripts},
    runners,
};

pub(super) async fn action_create(
    app: &App,
    caller: &Caller,
    request: ActionCreate,
    key: Key,
) -> Result<ActionDetail> {
    let (now, author, inner, wanted) = (app.now(), caller.clone(), app.clone(), request.clone());
    let created = idempotency::create(
        app,
        caller,
        key,
        "action_create",
        &request,
        tx!(tx => {
            let lies = (wanted.organization_id, wanted.department_id);
            let place = place_for(tx, &author, lies, MANAGE, VIEW).await?;
            let draft = Draft {
                name: wanted.name,
                description: wanted.description,
                secret: secrets::keep(&inner, &secrets::given(&wanted.secrets))?,
                definition: wanted.definition,
            };
            let saved = draft.check(tx, &author).await?;
            let name = saved.name.clone();
            let id = actions::create(tx, place, saved, &author.actor(), now)
                .await
                .map_err(|error| taken(error, "an action", &name))?;
            keep_uses(tx, id).await?;
            recorded(&inner, tx, &author, id, "action_create", None).await
        }),
    )
    .await?;
    Ok(created.0)
}

/// A copy of the draft under another name, with the secrets it keeps.
pub(super) async fn action_clone(
    app: &App,
    caller: &Caller,
    id: ActionId,
    request: ActionClone,
    key: Key,
) -> Result<ActionDetail> {
    named::check(&request.name, "actions")?;
    let (now, author, inner, name) = (app.now(), caller.clone(), app.clone(), request.name.clone());
    let created = idempotency::create(
        app,
        caller,
        key,
        "action_clone",
        &(id, request),
        tx!(tx => {
            let source = find_to_change(tx, &author, id).await?;
            let saved = Saved {
                name: name.clone(),
                description: source.description.clone(),
                draft: source.draft.clone(),
                digest: source.digest.clone(),
                secret: source.secret(),
            };
            let copy = actions::create(tx, source.place(), saved, &author.actor(), now)
                .await
                .map_err(|error| taken(error, "an action", &name))?;
            keep_uses(tx, copy).await?;
            recorded(&inner, tx, &author, copy, "action_clone", None).await
        }),
    )
    .await?;
    Ok(created.0)
}

pub(super) async fn action_update(
    app: &App,
    caller: &Caller,
    id: ActionId,
    request: ActionUpdate,
) -> Result<ActionDetail> {
    let (caller, inner) = (caller.clone(), app.clone());
    app.store
        .write(tx!(tx => {
            let action = find_to_change(tx, &caller, id).await?;
            if request.based_on.as_ref().is_some_and(|digest| *digest != action.digest) {
                return Err(Error::conflict(
                    "newer_draft",
                    format!(
                        "The draft of action {id} was changed by {} meanwhile. Load it again and repeat the edit.",
                        action.updated_by
                    ),
                ));
            }
            let before = definition_of(&action, &action.draft)?;
            let definition = request.definition.unwrap_or_else(|| before.clone());
            let secret = match &request.secrets {
                Some(given) => secrets::keep(&inner, &secrets::given(given))?,
                None if action.secret_place.is_some() && !same_course(&before, &definition) => {
                    let problem = "must be given again: this edit changes what they are used for, or where";
                    return Err(Error::invalid("secrets", problem));
                }
                None => action.secret(),
            };
            let draft = Draft {
                name: request.name.unwrap_or_else(|| action.name.clone()),
                description: request.description.unwrap_or_else(|| action.description.clone()),
                secret,
                definition,
            };
            // Another name is given to one that could not run, too.
            let saved = match before == draft.definition && request.secrets.is_none() {
                true => draft.saved()?,
                false => draft.check(tx, &caller).await?,
            };
            write(&inner, tx, &caller, action, saved, "action_update").await
        }))
        .await
}

/// What an old version says becomes the draft.
pub(super) async fn action_restore(
    app: &App,
    caller: &Caller,
    id: ActionId,
    request: ActionRestore,
) -> Result<ActionDetail> {
    let (caller, inner) = (caller.clone(), app.clone());
    app.store
        .write(tx!(tx => {
            let action = find_to_change(tx, &caller, id).await?;
            let old = find_version(tx, id, request.version).await?;
            // Its secrets come back with it.
            runners::check_change_of(&caller, &action, &old.definition)?;
            let draft = Draft {
                name: action.name.clone(),
                description: action.description.clone(),
                secret: old.secret(),
                // A draft names its hosts.
                definition: version_of(&inner, tx, &caller, &action, old).await?.definition,
            };
            let saved = draft.check(tx, &caller).await?;
            write(&inner, tx, &caller, action, saved, "action_restore").await
        }))
        .await
}

async fn write(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    action: actions::Action,
    saved: Saved,
    operation: &'static str,
) -> Result<ActionDetail> {
    let id = action.id;
    let before = detail_of(app, tx, caller, action).await?;
    let name = saved.name.clone();
    actions::update(tx, id, saved, &caller.actor(), app.now())
        .await
        .map_err(|error| taken(error, "an action", &name))?;
    keep_uses(tx, id).await?;
    recorded(app, tx, caller, id, operation, Some(&before)).await
}

/// A draft as it is to be saved.
struct Draft {
    name: String,
    description: String,
    definition: ActionDefinition,
    secret: Option<Secret>,
}

impl Draft {
    async fn check(self, tx: &mut Tx<'_>, caller: &Caller) -> Result<Saved> {
        check(tx, caller, &self.definition).await?;
        if let ActionWork::Script {
            script_id,
            version,
            parameters,
        } = &self.definition.work
        {
            let secret = scripts::secret_parameters(tx, caller, *script_id, *version).await?;
            if let Some(name) = parameters.keys().find(|name| secret.contains(name)) {
                let problem = "is secret: give it in secrets, where it is kept sealed, or leave it open";
                return Err(Error::invalid(
                    format!("definition.work.parameters.{name}"),
                    problem,
                ));
            }
        }
        self.saved()
    }

    /// What it does was checked, or is what it was.
    fn saved(self) -> Result<Saved> {
        named::check(&self.name, "actions")?;
        named::check_text("description", &self.description, MAX_DESCRIPTION)?;
        let draft = json(&self.definition)?;
        // Each sealing has a place of its own, so other secrets make another digest.
        let place = self.secret.as_ref().map_or("", |secret| secret.place.as_str());
        Ok(Saved {
            digest: digest(format!("{draft}\n{place}").as_bytes()),
            draft,
            name: self.name,
            description: self.description,
            secret: self.secret,
        })
    }
}

/// Whether secrets that are kept would still go where whoever gave them meant them to go.
fn same_course(before: &ActionDefinition, after: &ActionDefinition) -> bool {
    before.work == after.work
        && before.targets == after.targets
        && before.parameters == after.parameters
        && before.fills == after.fills
}
