//! What people read of actions, and how one ends.

use postern_api::{
    Page,
    actions::{Action, ActionDetail, ActionVersion},
};
use postern_domain::ActionId;
use postern_store::{
    Cursor, SortDirection, audit,
    scripts::actions,
    tx,
    uses::{self, Used},
};

use super::{
    VIEW,
    convert::{action_of, detail_of, version_of},
    find, find_to_delete, find_version,
    record::on_record,
    uses::user,
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        extract::{List, page_of, unknown_filter},
    },
    uses::told,
};

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
            let row = find_version(tx, id, number).await?;
            version_of(&inner, tx, &caller, &action, row).await
        }))
        .await
}
