//! Saving scripts and libraries. Each save that changes what is said makes a version; versions are never changed.

use postern_api::{
    Page,
    scripts::{
        SavedScript, ScriptClone, ScriptCreate, ScriptDefinition, ScriptDetail, ScriptKind, ScriptRestore,
        ScriptUpdate, ScriptVersion, ScriptVersionLine,
    },
};
use postern_domain::{ScriptId, Timestamp, job::MAX_TIMEOUT_SECONDS, parameter, permission::Permission};
use postern_protocol::payload::{JobPayload, Language, Script as ScriptPayload};
use postern_store::{
    Cursor, SortDirection, Tx, audit,
    scripts::{self, Linking, NewVersion},
    tx,
    uses::{self, Use, Used},
};

use super::assemble::{SEES, assemble, resolve, saved_with};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        extract::{List, page_of, unknown_filter, words},
        idempotency::{self, Key},
    },
    named::{self, taken},
    rooms::{identity::places::place_for, jobs::run::digest},
    uses::{seen, told},
};

pub(super) const VIEW: Permission = Permission::ScriptsView;
pub(super) const MANAGE: Permission = Permission::ScriptsManage;
const MAX_DESCRIPTION: usize = 10_000;
const MAX_MESSAGE: usize = 500;
/// Libraries of one script.
const MAX_LIBRARIES: usize = 20;

pub(super) async fn script_list(app: &App, caller: &Caller, mut list: List) -> Result<Page<SavedScript>> {
    list.sort_by(&["name"], SortDirection::Ascending)?;
    let mut filter = scripts::Filter {
        search: list.search.clone(),
        ..Default::default()
    };
    for (field, values) in &list.filters {
        match field.as_str() {
            "kind" => {
                filter.kinds = words(field, values, |word| {
                    ScriptKind::parse(word).map(|kind| kind.as_str().to_owned())
                })?;
            }
            "language" => {
                filter.languages = words(field, values, |word| {
                    Language::parse(word).map(|language| language.as_str().to_owned())
                })?;
            }
            "name" => filter.names.clone_from(values),
            _ => return Err(unknown_filter(field, "kind, language, name")),
        }
    }
    let reach = caller.reach(VIEW);
    let (page, limit) = (list.page.clone(), list.page.limit);
    let rows = app
        .store
        .scan::<_, Error, _>(tx!(tx => Ok(scripts::list(tx, &reach, &filter, &page).await?)))
        .await?;
    page_of(
        rows,
        limit,
        |row| Cursor {
            key: row.name.clone(),
            id: row.id.0,
        },
        saved_of,
    )
}

pub(super) async fn script_show(app: &App, caller: &Caller, id: ScriptId) -> Result<ScriptDetail> {
    let caller = caller.clone();
    app.store
        .read(tx!(tx => {
            let script = find(tx, &caller, id, VIEW).await?;
            detail_of(tx, &caller, script).await
        }))
        .await
}

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

pub(super) async fn script_delete(app: &App, caller: &Caller, id: ScriptId) -> Result<()> {
    let (now, caller) = (app.now(), caller.clone());
    app.store
        .write(tx!(tx => {
            // Whoever names it at this moment uses it, or is too late.
            let found = scripts::find_to_delete(tx, id).await?;
            let script = allowed(&caller, id, MANAGE, found)?;
            refuse_in_use(tx, &caller, &script, Linking::Ever).await?;
            let newest = scripts::version(tx, id, script.version).await?;
            scripts::delete(tx, id).await?;
            let mut entry = caller.entry(now, "script_delete", format!("script:{id}"), script.tenant_id);
            let before = serde_json::json!({
                "kind": script.kind, "name": script.name, "version": script.version,
                "sha256": newest.map(|newest| newest.digest),
            });
            entry.before = Some(before.to_string());
            Ok(audit::append(tx, vec![entry]).await?)
        }))
        .await
}

pub(super) async fn script_version_list(
    app: &App,
    caller: &Caller,
    id: ScriptId,
    mut list: List,
) -> Result<Page<ScriptVersionLine>> {
    list.sort_by(&["version"], SortDirection::Descending)?;
    if let Some((field, _)) = list.filters.first() {
        return Err(unknown_filter(field, "nothing"));
    }
    let caller = caller.clone();
    let limit = list.page.limit;
    let rows = app
        .store
        .read::<_, Error, _>(tx!(tx => {
            find(tx, &caller, id, VIEW).await?;
            Ok(scripts::versions(tx, id, &list.page).await?)
        }))
        .await?;
    page_of(
        rows,
        limit,
        |row| Cursor {
            key: String::new(),
            id: row.version.into(),
        },
        |row| {
            Ok(ScriptVersionLine {
                version: row.version,
                sha256: row.digest,
                message: row.message,
                created_at: row.created,
                created_by: row.created_by,
            })
        },
    )
}

pub(super) async fn script_version_show(
    app: &App,
    caller: &Caller,
    id: ScriptId,
    number: u32,
) -> Result<ScriptVersion> {
    let caller = caller.clone();
    app.store
        .read(tx!(tx => {
            find(tx, &caller, id, VIEW).await?;
            let row = scripts::version(tx, id, number).await?.ok_or_else(|| no_version(id, number))?;
            Ok(ScriptVersion {
                definition: definition_of(&row)?,
                line: ScriptVersionLine {
                    version: row.version,
                    sha256: row.digest,
                    message: row.message,
                    created_at: row.created,
                    created_by: row.created_by,
                },
            })
        }))
        .await
}

pub(super) async fn find(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ScriptId,
    needed: Permission,
) -> Result<scripts::Script> {
    allowed(caller, id, needed, scripts::find(tx, id).await?)
}

/// For what only reads it, and is done with what it says at this moment.
pub(super) async fn find_to_run(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ScriptId,
    needed: Permission,
) -> Result<scripts::Script> {
    allowed(caller, id, needed, scripts::find_to_run(tx, id).await?)
}

fn allowed(
    caller: &Caller,
    id: ScriptId,
    needed: Permission,
    found: Option<scripts::Script>,
) -> Result<scripts::Script> {
    let script = found.ok_or_else(|| missing(id))?;
    caller.require(needed, VIEW, script.place(), || missing(id))?;
    Ok(script)
}

/// What a version says.
pub(super) async fn definition(tx: &mut Tx<'_>, id: ScriptId, number: u32) -> Result<ScriptDefinition> {
    let row = scripts::version(tx, id, number).await?;
    definition_of(&row.ok_or_else(|| no_version(id, number))?)
}

fn missing(id: ScriptId) -> Error {
    Error::not_found("script", id)
}

fn no_version(id: ScriptId, number: u32) -> Error {
    Error::not_found("version", format!("{number} of script {id}"))
}

fn check_text(name: &str, description: &str, message: &str) -> Result<()> {
    named::check(name, "scripts")?;
    named::check_text("description", description, MAX_DESCRIPTION)?;
    named::check_text("message", message, MAX_MESSAGE)
}

/// As far as that goes without the libraries.
fn check(kind: ScriptKind, language: Language, definition: &ScriptDefinition) -> Result<()> {
    let payload = JobPayload::Script(ScriptPayload {
        run_as_user: definition.run_as_user.clone(),
        ..ScriptPayload::new(language, definition.content.as_str())
    });
    payload
        .check()
        .map_err(|error| Error::invalid(format!("definition.{}", error.field), error.problem))?;
    let bare = ScriptDefinition {
        content: definition.content.clone(),
        ..Default::default()
    };
    if kind == ScriptKind::Library && *definition != bare {
        let problem = "has more than content: parameters, libraries, user and timeout belong to the scripts that link it";
        return Err(Error::invalid("definition", problem));
    }
    parameter::check(&definition.parameters)
        .map_err(|error| Error::invalid(format!("definition.parameters.{}", error.name), error.problem))?;
    if definition.libraries.len() > MAX_LIBRARIES {
        return Err(Error::invalid(
            "definition.libraries",
            format!("has more than {MAX_LIBRARIES} entries"),
        ));
    }
    match definition.timeout_seconds {
        Some(timeout) if !(1..=MAX_TIMEOUT_SECONDS).contains(&timeout) => Err(Error::invalid(
            "definition.timeout_seconds",
            format!("must be 1 to {MAX_TIMEOUT_SECONDS}"),
        )),
        _ => Ok(()),
    }
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

pub(super) fn definition_of(row: &scripts::Version) -> Result<ScriptDefinition> {
    let settings: ScriptDefinition = serde_json::from_str(&row.definition)
        .map_err(|error| Error::Internal(format!("version {} of a script: {error}", row.version)))?;
    Ok(ScriptDefinition {
        content: row.content.clone(),
        ..settings
    })
}

fn kind_of(script: &scripts::Script) -> Result<ScriptKind> {
    ScriptKind::parse(&script.kind)
        .ok_or_else(|| Error::Internal(format!("kind of script {}: {:?}", script.id, script.kind)))
}

pub(super) fn language_of(script: &scripts::Script) -> Result<Language> {
    Language::parse(&script.language)
        .ok_or_else(|| Error::Internal(format!("language of script {}: {:?}", script.id, script.language)))
}

fn saved_of(row: scripts::Script) -> Result<SavedScript> {
    Ok(SavedScript {
        kind: kind_of(&row)?,
        language: language_of(&row)?,
        id: row.id,
        name: row.name,
        description: row.description,
        version: row.version,
        organization_id: row.organization_id,
        department_id: row.department_id,
        created_at: row.created,
        created_by: row.created_by,
        updated_at: row.updated,
        updated_by: row.updated_by,
    })
}

async fn detail_of(tx: &mut Tx<'_>, caller: &Caller, script: scripts::Script) -> Result<ScriptDetail> {
    let row = scripts::version(tx, script.id, script.version).await?;
    let row = row.ok_or_else(|| no_version(script.id, script.version))?;
    let used_by = used_by(tx, script.id, Linking::Now).await?;
    Ok(ScriptDetail {
        definition: definition_of(&row)?,
        sha256: row.digest,
        used_by: seen(caller, &used_by),
        script: saved_of(script)?,
    })
}

/// What uses it would miss it: libraries are linked by their name, too.
async fn refuse_in_use(
    tx: &mut Tx<'_>,
    caller: &Caller,
    script: &scripts::Script,
    linking: Linking,
) -> Result<()> {
    let users = used_by(tx, script.id, linking).await?;
    if users.is_empty() {
        return Ok(());
    }
    let (code, what, how) = match kind_of(script)? {
        ScriptKind::Library if used_by(tx, script.id, Linking::Now).await?.is_empty() => (
            "library_in_use",
            "Library",
            "linked in an older version, which can still be run,",
        ),
        ScriptKind::Library => ("library_in_use", "Library", "linked"),
        ScriptKind::Script => ("script_in_use", "Script", "run"),
    };
    let users = told(caller, &users);
    let detail = format!(
        "{what} {:?} is {how} by: {users}. Remove it there first.",
        script.name
    );
    Err(Error::conflict(code, detail))
}

/// Scripts that link it, and actions and schedules that run it.
async fn used_by(tx: &mut Tx<'_>, id: ScriptId, linking: Linking) -> Result<Vec<Use>> {
    let mut users = scripts::used_by(tx, id, linking).await?;
    users.extend(uses::of(tx, Used::Script, id.0).await?);
    Ok(users)
}

/// The text that would run, and what else a run takes from the version.
pub(super) async fn whole(
    tx: &mut Tx<'_>,
    caller: &Caller,
    script: &scripts::Script,
    number: u32,
) -> Result<(ScriptDefinition, String)> {
    let definition = definition(tx, script.id, number).await?;
    let text = assemble(tx, caller, script, number, &definition).await?;
    Ok((definition, text))
}
