//! Saving, showing and deleting scripts and libraries.

use std::{path::Path, process::ExitCode};

use postern_api::jobs::StreamName;
use postern_api::scripts::{
    SavedScript, ScriptCheck, ScriptClone, ScriptDefinition, ScriptDetail, ScriptKind, ScriptUpdate,
};
use postern_client::IdempotencyKey;

use super::{List, file};
use crate::{
    clock,
    commands::{
        jobs::request::{guess_language, read_script},
        list::closing,
    },
    context::Context,
    failure::Failure,
    lookup,
    output::Tone,
    words,
};

pub(super) async fn script_list(kind: ScriptKind, list: &List, context: &Context<'_>) -> Result<(), Failure> {
    let kinds = [kind.as_str().to_owned()];
    let request = list
        .list
        .request(&[("kind", &kinds), ("language", &list.language)]);
    let page = context
        .client
        .script_list_all(&request, list.list.limit())
        .await?;
    context.console.answer(&page, |page| {
        let rows = page.items.iter().map(row);
        if !page.items.is_empty() {
            context.console.table(
                &["ID", "NAME", "LANGUAGE", "VERSION", "UPDATED", "BY"],
                rows.collect(),
            );
        }
        closing(
            context.console,
            page,
            if kind == ScriptKind::Script {
                "scripts"
            } else {
                "libraries"
            },
        );
    })
}

fn row(script: &SavedScript) -> Vec<(String, Tone)> {
    [
        script.id.to_string(),
        script.name.clone(),
        script.language.as_str().to_owned(),
        script.version.to_string(),
        words::relative(script.updated_at, clock::now()),
        script.updated_by.clone(),
    ]
    .into_iter()
    .map(|text| (text, Tone::Plain))
    .collect()
}

pub(super) async fn script_show(
    kind: ScriptKind,
    text: &str,
    version: Option<u32>,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let id = lookup::script(&context.client, kind, text).await?.id;
    let mut detail = context.client.script_show(id).await?;
    if let Some(number) = version {
        let shown = context.client.script_version_show(id, number).await?;
        detail.script.version = number;
        detail.definition = shown.definition;
        detail.sha256 = shown.line.sha256;
    }
    context.console.answer(&detail, |detail| print(detail, context))
}

fn print(detail: &ScriptDetail, context: &Context<'_>) {
    let (script, definition, now) = (&detail.script, &detail.definition, clock::now());
    let parameters = definition.parameters.iter().map(|parameter| {
        let required = if parameter.required { "!" } else { "" };
        format!("{}{required}", parameter.name)
    });
    let libraries = definition.libraries.iter().map(|link| match link.version {
        Some(version) => format!("{} (version {version})", link.library),
        None => link.library.clone(),
    });
    let joined = |words: Vec<String>| words.join(", ");
    context.console.fields(&[
        ("id", script.id.to_string()),
        ("name", script.name.clone()),
        ("description", script.description.clone()),
        ("language", script.language.as_str().to_owned()),
        ("version", script.version.to_string()),
        ("sha256", detail.sha256.clone()),
        ("parameters", joined(parameters.collect())),
        ("libraries", joined(libraries.collect())),
        ("runs as", definition.run_as_user.clone().unwrap_or_default()),
        (
            "used by",
            joined(
                detail
                    .used_by
                    .iter()
                    .map(|user| format!("{} {}", user.kind, user.name))
                    .collect(),
            ),
        ),
        (
            "updated",
            format!(
                "{} by {}",
                words::absolute(script.updated_at, now),
                script.updated_by
            ),
        ),
    ]);
    context.console.say("");
    for line in definition.content.lines() {
        context.console.say(&crate::sanitize::line(line));
    }
}

pub(super) async fn script_export(
    kind: ScriptKind,
    text: &str,
    output: Option<&Path>,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let id = lookup::script(&context.client, kind, text).await?.id;
    let written = file::write(&context.client.script_show(id).await?)?;
    write_output(&written, output, context)
}

/// To the file that was named, or to standard output.
pub(crate) fn write_output(
    written: &str,
    output: Option<&Path>,
    context: &Context<'_>,
) -> Result<(), Failure> {
    match output {
        Some(path) => std::fs::write(path, written)
            .map_err(|error| Failure::local(format!("cannot write {}", path.display()), &error)),
        None => {
            context.console.write(StreamName::Stdout, written.as_bytes());
            Ok(())
        }
    }
}

/// Exit code 1 when there are problems.
pub(super) async fn script_check(path: &Path, context: &Context<'_>) -> Result<ExitCode, Failure> {
    let content = read_script(path)?;
    let language = guess_language(path, &content).ok_or_else(|| {
        Failure::usage(format!(
            "the language of {} cannot be told from its name or first line",
            path.display()
        ))
    })?;
    let request = ScriptCheck { language, content };
    let found = context.client.script_check(&request).await?;
    context.console.answer(&found, |found| {
        for problem in &found.problems {
            let place = format!("{}:{}:{}", path.display(), problem.line, problem.column);
            context
                .console
                .say(&format!("{place}: {}", crate::sanitize::line(&problem.message)));
        }
        if found.problems.is_empty() {
            context
                .console
                .note("no problems found (by the parser inside the server)");
        }
    })?;
    Ok(ExitCode::from(u8::from(!found.problems.is_empty())))
}

pub(super) async fn script_clone(
    kind: ScriptKind,
    text: &str,
    name: String,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let id = lookup::script(&context.client, kind, text).await?.id;
    let made = context
        .client
        .script_clone(id, &ScriptClone { name }, &IdempotencyKey::random())
        .await?;
    context.console.answer(&made, |made| {
        context.console.say(&format!(
            "{} {} ({}) is a copy of {text}",
            kind.as_str(),
            made.script.name,
            made.script.id
        ));
    })
}

pub(super) async fn script_rename(
    kind: ScriptKind,
    text: &str,
    name: String,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let script = lookup::script(&context.client, kind, text).await?;
    let request = ScriptUpdate {
        name: Some(name),
        ..ScriptUpdate::default()
    };
    let renamed = context.client.script_update(script.id, &request).await?;
    context.console.answer(&renamed, |renamed| {
        let what = kind.as_str();
        context.console.say(&format!(
            "{what} {} is called {} now",
            script.name, renamed.script.name
        ));
    })
}

pub(super) async fn script_delete(
    kind: ScriptKind,
    text: &str,
    yes: bool,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let script = lookup::script(&context.client, kind, text).await?;
    let what = kind.as_str();
    context.console.confirm(
        &format!(
            "Delete {what} {} with its {}?",
            script.name,
            words::count(script.version, "version", "versions")
        ),
        yes,
    )?;
    context.client.script_delete(script.id).await?;
    if !context.console.is_json() {
        context.console.say(&format!("{what} {} is deleted", script.name));
    }
    Ok(())
}

/// The text that versions are compared by: settings first, then the code.
pub(super) fn comparable(definition: &ScriptDefinition) -> Result<String, Failure> {
    let settings = ScriptDefinition {
        content: String::new(),
        ..definition.clone()
    };
    // All that is not said is left out, and all of it would be `{}`.
    if settings == ScriptDefinition::default() {
        return Ok(definition.content.clone());
    }
    let settings = serde_saphyr::to_string(&settings).map_err(|error| Failure::Local(error.to_string()))?;
    Ok(format!("{}\n{}", settings.trim_end(), definition.content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_settings_where_they_have_any() {
        let mut definition = ScriptDefinition {
            content: "echo\n".into(),
            ..ScriptDefinition::default()
        };
        assert_eq!(comparable(&definition).unwrap(), "echo\n");
        definition.timeout_seconds = Some(60);
        assert_eq!(comparable(&definition).unwrap(), "timeout_seconds: 60\necho\n");
    }
}
