//! Actions: list, show, save, copy, delete.

use std::path::Path;

use postern_api::actions::{Action, ActionClone, ActionCreate, ActionDetail, ActionUpdate, ActionWork};
use postern_client::IdempotencyKey;
use serde::Serialize;
use serde_json::json;

use super::{Apply, versions::action_deploy};
use crate::{
    clock,
    commands::{
        files::{self, Place},
        list::{ListArguments, closing},
        scripts::manage::write_output,
    },
    context::Context,
    failure::Failure,
    lookup,
    output::Tone,
    words,
};

pub(super) async fn action_list(list: &ListArguments, context: &Context<'_>) -> Result<(), Failure> {
    let page = context
        .client
        .action_list_all(&list.request(&[]), list.limit())
        .await?;
    context.console.answer(&page, |page| {
        if !page.items.is_empty() {
            let head = [
                "ID",
                "NAME",
                "TYPE",
                "VERSION",
                "DRAFT",
                "YOURS TO RUN",
                "CHANGED",
            ];
            context.console.table(&head, page.items.iter().map(row).collect());
        }
        closing(context.console, page, "actions");
    })
}

fn row(action: &Action) -> Vec<(String, Tone)> {
    let version = action
        .version
        .map_or_else(|| "not deployed".to_owned(), |version| version.to_string());
    let draft = if action.draft_differs { "differs" } else { "" };
    let yours = if action.may_run { "yes" } else { "no" };
    [
        action.id.to_string(),
        action.name.clone(),
        action.kind.as_str().to_owned(),
        version,
        draft.to_owned(),
        yours.to_owned(),
        words::relative(action.updated_at, clock::now()),
    ]
    .into_iter()
    .map(|text| (text, Tone::Plain))
    .collect()
}

pub(super) async fn action_show(text: &str, context: &Context<'_>) -> Result<(), Failure> {
    let id = lookup::action(&context.client, text).await?.id;
    let detail = context.client.action_show(id).await?;
    context.console.answer(&detail, |detail| print(detail, context))
}

fn print(detail: &ActionDetail, context: &Context<'_>) {
    let action = &detail.action;
    let shown = detail
        .deployed
        .as_ref()
        .map_or(&detail.draft, |version| &version.definition);
    let what = match &shown.work {
        ActionWork::Job { job } => job.summary(),
        ActionWork::Script {
            script_id, version, ..
        } => match version {
            Some(version) => format!("script {script_id}, version {version}"),
            None => format!("script {script_id}"),
        },
    };
    let asks = if action.version.is_some() {
        &detail.asks
    } else {
        &detail.draft_asks
    };
    let asks: Vec<String> = asks
        .iter()
        .map(|parameter| match parameter.required {
            true => format!("{} (required)", parameter.name),
            false => parameter.name.clone(),
        })
        .collect();
    let users: Vec<String> = detail
        .used_by
        .iter()
        .map(|user| format!("{} {}", user.kind, user.name))
        .collect();
    context.console.fields(&[
        ("id", action.id.to_string()),
        ("name", action.name.clone()),
        ("description", action.description.clone()),
        ("type", action.kind.as_str().to_owned()),
        ("runs", what),
        (
            "version",
            action
                .version
                .map_or_else(|| "not deployed yet".to_owned(), |version| version.to_string()),
        ),
        (
            "draft",
            if action.draft_differs {
                "says something else".to_owned()
            } else {
                "the same".to_owned()
            },
        ),
        ("asks for", asks.join(", ")),
        ("hosts", words::targets(&shown.targets)),
        (
            "may be run by",
            if shown.runners.is_empty() {
                "whoever may run jobs there".to_owned()
            } else {
                shown.runners.join(", ")
            },
        ),
        (
            "secrets",
            detail
                .deployed
                .as_ref()
                .map_or(&detail.draft_secrets, |version| &version.secrets)
                .join(", "),
        ),
        ("used by", users.join(", ")),
        (
            "changed",
            format!(
                "{} by {}",
                words::absolute(action.updated_at, clock::now()),
                action.updated_by
            ),
        ),
    ]);
}

pub(super) async fn action_apply(apply: &Apply, context: &Context<'_>) -> Result<(), Failure> {
    // All are read before one is sent: a file that cannot be read leaves nothing half done.
    let mut wanted = Vec::new();
    for path in &apply.files {
        wanted.push((path, files::read::<ActionCreate>(path)?));
    }
    let place = apply.place.find(&context.client).await?;
    for (path, request) in wanted {
        let saved = save(request, place, context).await;
        let detail = saved.map_err(|failure| files::of(path, failure, ""))?;
        let action = &detail.action;
        if apply.deploy && action.draft_differs {
            action_deploy(action.id, apply.message.clone(), context)
                .await
                .map_err(|failure| files::of(path, failure, "the draft is saved, not deployed"))?;
            continue;
        }
        context.console.answer(&detail, |detail| print(detail, context))?;
    }
    Ok(())
}

async fn save(
    mut wanted: ActionCreate,
    place: Place,
    context: &Context<'_>,
) -> Result<ActionDetail, Failure> {
    let client = &context.client;
    match lookup::action_named(client, &wanted.name).await? {
        Some(found) => {
            files::refuse_move(&found.name, place, (found.organization_id, found.department_id))?;
            let request = ActionUpdate {
                description: Some(wanted.description),
                definition: Some(wanted.definition),
                secrets: (!wanted.secrets.is_empty()).then_some(wanted.secrets),
                ..Default::default()
            };
            Ok(client.action_update(found.id, &request).await?)
        }
        None => {
            if place.0.is_some() {
                (wanted.organization_id, wanted.department_id) = place;
            }
            Ok(client.action_create(&wanted, &IdempotencyKey::random()).await?)
        }
    }
}

/// As a file that `apply` reads.
pub(super) async fn action_export(
    text: &str,
    output: Option<&Path>,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let id = lookup::action(&context.client, text).await?.id;
    let detail = context.client.action_show(id).await?;
    let file = json!({
        "name": detail.action.name, "description": detail.action.description, "definition": detail.draft,
    });
    write_output(&yaml(&file)?, output, context)
}

pub(crate) fn yaml(value: &impl Serialize) -> Result<String, Failure> {
    serde_saphyr::to_string(value).map_err(|error| Failure::Local(error.to_string()))
}

pub(super) async fn action_clone(text: &str, name: String, context: &Context<'_>) -> Result<(), Failure> {
    let id = lookup::action(&context.client, text).await?.id;
    let copy = context
        .client
        .action_clone(id, &ActionClone { name }, &IdempotencyKey::random())
        .await?;
    context.console.answer(&copy, |copy| print(copy, context))
}

pub(super) async fn action_rename(text: &str, name: String, context: &Context<'_>) -> Result<(), Failure> {
    let action = lookup::action(&context.client, text).await?;
    let request = ActionUpdate {
        name: Some(name),
        ..ActionUpdate::default()
    };
    let renamed = context.client.action_update(action.id, &request).await?;
    context.console.answer(&renamed, |renamed| {
        context.console.say(&format!(
            "action {} is called {} now",
            action.name, renamed.action.name
        ));
    })
}

pub(super) async fn action_delete(text: &str, yes: bool, context: &Context<'_>) -> Result<(), Failure> {
    let found = lookup::action(&context.client, text).await?;
    context
        .console
        .confirm(&format!("Delete action {} with its versions?", found.name), yes)?;
    context.client.action_delete(found.id).await?;
    if !context.console.is_json() {
        context.console.say(&format!("action {} is deleted", found.name));
    }
    Ok(())
}
