//! What people read of scripts and libraries, and how one ends.

use postern_api::{
    Page,
    scripts::{SavedScript, ScriptDetail, ScriptKind, ScriptVersion, ScriptVersionLine},
};
use postern_domain::ScriptId;
use postern_protocol::payload::Language;
use postern_store::{
    Cursor, SortDirection, audit,
    scripts::{self, Linking},
    tx,
};

use super::{
    MANAGE, VIEW, allowed,
    convert::{definition_of, detail_of, saved_of},
    find, no_version,
    uses::refuse_in_use,
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        extract::{List, page_of, unknown_filter, words},
    },
};

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
