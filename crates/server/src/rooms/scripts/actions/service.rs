//! Saving actions: a draft that is edited, and versions that are never changed once they are deployed.

use postern_api::{
    Page,
    actions::{
        Action, ActionClone, ActionCreate, ActionDefinition, ActionDeploy, ActionDetail, ActionRestore,
        ActionUpdate, ActionVersion, ActionWork,
    },
};
use postern_domain::{
    ActionId,
    fill::Samples,
    parameter::{Parameter, ParameterType},
    permission::{Permission, Reach},
};
use postern_protocol::payload::JobType;
use postern_store::{
    Cursor, SortDirection, Tx, audit,
    jobs::Secret,
    scripts::actions::{self, NewVersion, Saved},
    tx,
    uses::{self, Used, User},
};

use super::{
    MANAGE, VIEW, check::check, definition_of, find, find_to_change, find_to_delete, missing, run::Source,
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        extract::{List, page_of, unknown_filter},
        idempotency::{self, Key},
    },
    named::{self, json, taken},
    rooms::{
        agents::targets::{self, Names},
        identity::places::place_for,
        jobs::{
            run::{Author, digest, secrets_of},
            secrets,
        },
        scripts::run as scripts,
    },
    runners,
    uses::{seen, told},
};

const MAX_DESCRIPTION: usize = 10_000;
const MAX_MESSAGE: usize = 500;

pub(super) async fn action_list(app: &App, caller: &Caller, mut list: List) -> Result<Page<Action>> {
    list.sort_by(&["name"], SortDirection::Ascending)?;
    let mut filter = actions::Filter {
        search: list.search.clone(),
        ..Default::default()
    };
    for (field, values) in &list.filters {
        match field.as_str() {
            "name" => filter.names.clone_from(values),
            _ => return Err(unknown_filter(field, "name")),
        }
    }
    let (reach, page, limit) = (caller.reach(VIEW), list.page.clone(), list.page.limit);
    let rows = app
        .store
        .scan::<_, Error, _>(tx!(tx => Ok(actions::list(tx, &reach, &filter, &page).await?)))
        .await?;
    page_of(
        rows,
        limit,
        |row| Cursor {
            key: row.name.clone(),
            id: row.id.0,
        },
        |row| action_of(caller, row),
    )
}

pub(super) async fn action_show(app: &App, caller: &Caller, id: ActionId) -> Result<ActionDetail> {
    let (caller, inner) = (caller.clone(), app.clone());
    app.store
        .read(tx!(tx => {
            let action = find(tx, &caller, id, VIEW).await?;
            detail_of(&inner, tx, &caller, action).await
        }))
        .await
}

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
                secret: secrets::keep(&inner, &secrets_of(&wanted.secrets))?,
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
                Some(given) => secrets::keep(&inner, &secrets_of(given))?,
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
            let old = version(tx, id, request.version).await?;
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

/// What it would miss: agents and groups that what is deployed and what is edited name one by one, and their scripts. A
/// draft may also name what is not there yet.
async fn keep_uses(tx: &mut Tx<'_>, id: ActionId) -> Result<()> {
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

const fn user(id: ActionId, name: &str) -> User<'_> {
    User {
        kind: "action",
        id: id.0,
        name,
    }
}

pub(super) async fn action_delete(app: &App, caller: &Caller, id: ActionId) -> Result<()> {
    let (now, caller, inner) = (app.now(), caller.clone(), app.clone());
    app.store
        .write(tx!(tx => {
            // Of one that is gone nobody knows who may repeat what it ran.
            let action = find_to_delete(tx, &caller, id).await?;
            let tenant = action.tenant_id;
            let before = detail_of(&inner, tx, &caller, action).await?;
            let users = uses::of(tx, Used::Action, id.0).await?;
            if !users.is_empty() {
                return Err(Error::conflict(
                    "action_in_use",
                    format!(
                        "Action {:?} is used by: {}. Change or delete those first.",
                        before.action.name,
                        told(&caller, &users)
                    ),
                ));
            }
            actions::delete(tx, id).await?;
            uses::set(tx, user(id, &before.action.name), &[]).await?;
            let mut entry = caller.entry(now, "action_delete", format!("action:{id}"), tenant);
            entry.before = Some(on_record(&before));
            Ok(audit::append(tx, vec![entry]).await?)
        }))
        .await
}

pub(super) async fn action_version_list(
    app: &App,
    caller: &Caller,
    id: ActionId,
    mut list: List,
) -> Result<Page<ActionVersion>> {
    list.sort_by(&["version"], SortDirection::Descending)?;
    if let Some((field, _)) = list.filters.first() {
        return Err(unknown_filter(field, "nothing"));
    }
    let (caller, inner, limit) = (caller.clone(), app.clone(), list.page.limit);
    let rows = app
        .store
        .read::<_, Error, _>(tx!(tx => {
            let action = find(tx, &caller, id, VIEW).await?;
            let mut found = Vec::new();
            for row in actions::versions(tx, id, &list.page).await? {
                found.push(version_of(&inner, tx, &caller, &action, row).await?);
            }
            Ok(found)
        }))
        .await?;
    page_of(
        rows,
        limit,
        |row| Cursor {
            key: String::new(),
            id: row.version.into(),
        },
        Ok,
    )
}

pub(super) async fn action_version_show(
    app: &App,
    caller: &Caller,
    id: ActionId,
    number: u32,
) -> Result<ActionVersion> {
    let (caller, inner) = (caller.clone(), app.clone());
    app.store
        .read(tx!(tx => {
            let action = find(tx, &caller, id, VIEW).await?;
            let row = version(tx, id, number).await?;
            version_of(&inner, tx, &caller, &action, row).await
        }))
        .await
}

async fn version(tx: &mut Tx<'_>, id: ActionId, number: u32) -> Result<actions::Version> {
    let found = actions::version(tx, id, number).await?;
    found.ok_or_else(|| Error::not_found("version", format!("{number} of action {id}")))
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

async fn recorded(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ActionId,
    operation: &'static str,
    before: Option<&ActionDetail>,
) -> Result<ActionDetail> {
    let action = actions::find(tx, id).await?.ok_or_else(|| missing(id))?;
    let tenant = action.tenant_id;
    let after = detail_of(app, tx, caller, action).await?;
    let mut entry = caller.entry(app.now(), operation, format!("action:{id}"), tenant);
    entry.before = before.map(on_record);
    entry.after = Some(on_record(&after));
    audit::append(tx, vec![entry]).await?;
    Ok(after)
}

/// What it does is told by its digest, not by up to a MiB of it.
fn on_record(detail: &ActionDetail) -> String {
    let action = &detail.action;
    let record = serde_json::json!({
        "name": action.name, "description": action.description, "type": action.kind, "version": action.version,
        "draft_sha256": detail.draft_sha256, "secrets": detail.draft_secrets, "runners": detail.draft.runners,
        "sha256": detail.deployed.as_ref().map(|version| &version.sha256),
    });
    record.to_string()
}

fn action_of(caller: &Caller, row: actions::Action) -> Result<Action> {
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
async fn version_of(
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

async fn detail_of(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    action: actions::Action,
) -> Result<ActionDetail> {
    let draft = Source::draft(caller, &action)?;
    let (deployed, asks) = match action.version {
        Some(number) => {
            let row = version(tx, action.id, number).await?;
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
