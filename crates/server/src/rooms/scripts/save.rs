//! Saving scripts and libraries. Each save that changes what is said makes a version; versions are never changed.

use postern_api::scripts::{
    ScriptClone, ScriptCreate, ScriptDefinition, ScriptDetail, ScriptKind, ScriptRestore, ScriptUpdate,
    Wrong, check_definition, check_texts,
};
use postern_domain::{ScriptId, Timestamp};
use postern_protocol::payload::Language;
use postern_store::{
    Tx, audit,
    scripts::{self, Linking, NewVersion},
    tx,
};

use super::{
    MANAGE, VIEW,
    assemble::{SEES, resolve, saved_with},
    convert::{definition, detail_of, kind_of, language_of},
    find, find_to_run, missing,
    uses::refuse_in_use,
};
use crate::{
    app::App,
    digest::digest,
    error::{Error, Result},
    http::{
        Caller,
        idempotency::{self, Key},
    },
    named::taken,
    rooms::identity::places::place_for,
};

pub(super) async fn script_create(
    app: &App,
    caller: &Caller,
    request: ScriptCreate,
    key: Key,
) -> Result<ScriptDetail> {
    check_text(&request.name, &request.description, &request.message)?;
    check(request.kind, request.language, &request.definition)?;
    let (now, author, wanted) = (app.now(), caller.clone(), request.clone());
    let created = idempotency::create(
        app,
        caller,
        key,
        "script_create",
        &request,
        tx!(tx => {
            let lies = (wanted.organization_id, wanted.department_id);
            let place = place_for(tx, &author, lies, MANAGE, VIEW).await?;
            let new = scripts::NewScript {
                place,
                kind: wanted.kind.as_str(),
                name: wanted.name,
                description: wanted.description,
                language: wanted.language.as_str(),
            };
            let edit = Edit {
            caller: &author,
            action: "script_create",
            message: wanted.message,
            now,
        };
        create(tx, edit, &new, &wanted.definition).await
        }),
    )
    .await?;
    Ok(created.0)
}

/// Who saves, when, and what for.
struct Edit<'a> {
    caller: &'a Caller,
    action: &'static str,
    message: String,
    now: Timestamp,
}

async fn create(
    tx: &mut Tx<'_>,
    edit: Edit<'_>,
    new: &scripts::NewScript,
    definition: &ScriptDefinition,
) -> Result<ScriptDetail> {
    let Edit {
        caller,
        action,
        message,
        now,
    } = edit;
    let libraries = resolve(tx, &caller.reach(SEES), new.language, definition).await?;
    let version = version_of(definition, &libraries, message)?;
    let id = scripts::create(tx, new, &version, &caller.actor(), now)
        .await
        .map_err(|error| taken(error, "a script or library", &new.name))?;
    let mut entry = caller.entry(now, action, format!("script:{id}"), new.place.tenant);
    let after = serde_json::json!({
        "kind": new.kind, "name": new.name, "language": new.language, "version": 1, "sha256": version.digest,
    });
    entry.after = Some(after.to_string());
    audit::append(tx, vec![entry]).await?;
    let script = scripts::find(tx, id).await?.ok_or_else(|| missing(id))?;
    detail_of(tx, caller, script).await
}

pub(super) async fn script_clone(
    app: &App,
    caller: &Caller,
    id: ScriptId,
    request: ScriptClone,
    key: Key,
) -> Result<ScriptDetail> {
    check_text(&request.name, "", "")?;
    let (now, author, name) = (app.now(), caller.clone(), request.name.clone());
    let created = idempotency::create(
        app,
        caller,
        key,
        "script_clone",
        &(id, request),
        tx!(tx => {
            let source = find_to_run(tx, &author, id, MANAGE).await?;
            let definition = definition(tx, id, source.version).await?;
            let new = scripts::NewScript {
                place: source.place(),
                kind: kind_of(&source)?.as_str(),
                name,
                language: language_of(&source)?.as_str(),
                description: source.description.clone(),
            };
            let message = format!("Copy of {} version {}", source.name, source.version);
            let edit = Edit {
                caller: &author,
                action: "script_clone",
                message,
                now,
            };
            create(tx, edit, &new, &definition).await
        }),
    )
    .await?;
    Ok(created.0)
}

pub(super) async fn script_update(
    app: &App,
    caller: &Caller,
    id: ScriptId,
    request: ScriptUpdate,
) -> Result<ScriptDetail> {
    let (now, caller) = (app.now(), caller.clone());
    app.store
        .write(tx!(tx => {
            let script = find(tx, &caller, id, MANAGE).await?;
            if let Some(based_on) = request.based_on.filter(|version| *version != script.version) {
                return Err(Error::conflict(
                    "newer_version",
                    format!(
                        "Script {id} is at version {} by {}; this edit is based on {based_on}. Load it again and repeat the edit.",
                        script.version, script.updated_by
                    ),
                ));
            }
            let name = request.name.as_deref().unwrap_or(&script.name);
            let description = request.description.as_deref().unwrap_or(&script.description);
            check_text(name, description, &request.message)?;
            let mut entries = Vec::new();
            if name != script.name && kind_of(&script)? == ScriptKind::Library {
                refuse_in_use(tx, &caller, &script, Linking::Now).await?;
            }
            if (name, description) != (&*script.name, &*script.description) {
                scripts::rename(tx, id, name, description, &caller.actor(), now)
                    .await
                    .map_err(|error| taken(error, "a script or library", name))?;
                let mut entry = caller.entry(now, "script_update", format!("script:{id}"), script.tenant_id);
                entry.before = Some(serde_json::json!({"name": script.name, "description": script.description}).to_string());
                entry.after = Some(serde_json::json!({"name": name, "description": description}).to_string());
                entries.push(entry);
            }
            if let Some(definition) = &request.definition {
                check(kind_of(&script)?, language_of(&script)?, definition)?;
                let edit = Edit {
                    caller: &caller,
                    action: "script_update",
                    message: request.message,
                    now,
                };
                let libraries = resolve(tx, &caller.reach(SEES), &script.language, definition).await?;
                entries.extend(save(tx, edit, &script, definition, &libraries).await?);
            }
            audit::append(tx, entries).await?;
            let script = scripts::find(tx, id).await?.ok_or_else(|| missing(id))?;
            detail_of(tx, &caller, script).await
        }))
        .await
}

/// As a new version, unless it says what the newest one says already, and by that means the same libraries.
async fn save(
    tx: &mut Tx<'_>,
    edit: Edit<'_>,
    script: &scripts::Script,
    definition: &ScriptDefinition,
    libraries: &[scripts::Script],
) -> Result<Option<audit::Entry>> {
    let Edit {
        caller,
        action,
        message,
        now,
    } = edit;
    let version = version_of(definition, libraries, message)?;
    let newest = scripts::version(tx, script.id, script.version).await?;
    let before = newest.map(|newest| newest.digest).unwrap_or_default();
    let linked = scripts::linked(tx, script.id, script.version).await?;
    let linked = linked.iter().map(|(_, library)| library.id);
    if before == version.digest && linked.eq(version.libraries.iter().copied()) {
        return Ok(None);
    }
    let number = script.version + 1;
    scripts::version_add(tx, script.id, number, &version, &caller.actor(), now).await?;
    let mut entry = caller.entry(now, action, format!("script:{}", script.id), script.tenant_id);
    entry.before = Some(serde_json::json!({"version": script.version, "sha256": before}).to_string());
    entry.after = Some(serde_json::json!({"version": number, "sha256": version.digest}).to_string());
    Ok(Some(entry))
}

/// An old version again, as the newest: with the libraries that it was saved with, under the names they have now.
pub(super) async fn script_restore(
    app: &App,
    caller: &Caller,
    id: ScriptId,
    request: ScriptRestore,
) -> Result<ScriptDetail> {
    let (now, caller) = (app.now(), caller.clone());
    app.store
        .write(tx!(tx => {
            let script = find(tx, &caller, id, MANAGE).await?;
            let mut old = definition(tx, id, request.version).await?;
            let libraries = saved_with(tx, &caller, id, request.version, &old).await?;
            for (link, library) in old.libraries.iter_mut().zip(&libraries) {
                if link.library != library.id.to_string() {
                    link.library.clone_from(&library.name);
                }
            }
            let message = format!("Version {} again", request.version);
            let edit = Edit {
                caller: &caller,
                action: "script_restore",
                message,
                now,
            };
            let entry = save(tx, edit, &script, &old, &libraries).await?;
            audit::append(tx, entry.into_iter().collect()).await?;
            let script = scripts::find(tx, id).await?.ok_or_else(|| missing(id))?;
            detail_of(tx, &caller, script).await
        }))
        .await
}

fn check_text(name: &str, description: &str, message: &str) -> Result<()> {
    check_texts(name, description, message).map_err(refused)
}

/// As far as that goes without the libraries.
fn check(kind: ScriptKind, language: Language, definition: &ScriptDefinition) -> Result<()> {
    check_definition(kind, language, definition).map_err(refused)
}

fn refused(wrong: Wrong) -> Error {
    Error::invalid(wrong.field, wrong.problem)
}

/// The row of a version that links these libraries.
fn version_of(
    definition: &ScriptDefinition,
    libraries: &[scripts::Script],
    message: String,
) -> Result<NewVersion> {
    let settings = ScriptDefinition {
        content: String::new(),
        ..definition.clone()
    };
    let text = serde_json::to_string(&settings).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(NewVersion {
        digest: digest(format!("{text}\n{}", definition.content).as_bytes()),
        content: definition.content.clone(),
        definition: text,
        message,
        libraries: libraries.iter().map(|library| library.id).collect(),
    })
}
