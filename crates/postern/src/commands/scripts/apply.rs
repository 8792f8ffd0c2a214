//! `postern script apply`: every file is read and looked over before one is saved, so that a mistake in one of them leaves
//! nothing half done. What only the server knows (whether one may save there) shows when it is done.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use postern_api::scripts::{
    SavedScript, ScriptCreate, ScriptKind, ScriptUpdate, Wrong, check_definition, check_texts,
};
use postern_client::{Client, IdempotencyKey};
use postern_domain::{
    ScriptId,
    name::{MAX_MESSAGE, check_text},
};
use postern_protocol::payload::Language;
use serde_json::json;

use super::{Apply, file};
use crate::{commands::files, context::Context, failure::Failure, lookup, words};

/// A file, and what it says.
struct Wanted {
    path: PathBuf,
    script: ScriptCreate,
}

/// A library that scripts may link.
#[derive(Clone)]
struct Library {
    name: String,
    language: Language,
    /// The newest one.
    version: u32,
}

/// What saving a file comes to.
enum Step {
    Create,
    NewVersion {
        of: ScriptId,
        based_on: u32,
    },
    /// Nothing but another description.
    Describe {
        of: ScriptId,
        based_on: u32,
    },
    Unchanged,
}

impl Step {
    fn outcome(&self, dry_run: bool) -> String {
        match self {
            Self::Create if dry_run => "would be created".to_owned(),
            Self::Create => "created".to_owned(),
            Self::NewVersion { based_on, .. } if dry_run => format!("would become version {}", based_on + 1),
            Self::NewVersion { based_on, .. } => format!("version {}", based_on + 1),
            Self::Describe { .. } if dry_run => "description would be changed".to_owned(),
            Self::Describe { .. } => "description changed".to_owned(),
            Self::Unchanged => "unchanged".to_owned(),
        }
    }
}

pub(super) async fn script_apply(apply: &Apply, context: &Context<'_>) -> Result<(), Failure> {
    check_text(&apply.message, MAX_MESSAGE)
        .map_err(|problem| Failure::usage(format!("--message {problem}")))?;
    let mut wanted = read(&apply.files)?;
    let (organization_id, department_id) = lookup::place(
        &context.client,
        apply.organization.as_deref(),
        apply.department.as_deref(),
    )
    .await?;
    for one in &mut wanted {
        one.script.organization_id = organization_id;
        one.script.department_id = department_id;
        one.script.message.clone_from(&apply.message);
    }
    let mut steps = Vec::with_capacity(wanted.len());
    let mut libraries = Vec::new();
    for one in &wanted {
        let planned = plan(one, &libraries, &context.client).await;
        let (step, version) = planned.map_err(|failure| files::of(&one.path, failure, ""))?;
        steps.push(step);
        if one.script.kind == ScriptKind::Library {
            libraries.push(Library {
                name: one.script.name.clone(),
                language: one.script.language,
                version,
            });
        }
    }
    carry_out(wanted.into_iter().zip(steps), apply.dry_run, context).await
}

/// All files, looked over as far as that goes without a server. Libraries come first: scripts of the same folder may link
/// them.
fn read(paths: &[PathBuf]) -> Result<Vec<Wanted>, Failure> {
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut known = HashSet::new();
    for path in paths {
        for path in file::files_of(path)? {
            // Named by itself and by its folder it is one file.
            if !known.insert(path.canonicalize().unwrap_or_else(|_| path.clone())) {
                continue;
            }
            let script = file::read(&path)?;
            check(&script).map_err(|problem| files::of(&path, Failure::usage(problem), ""))?;
            let same =
                |other: &&Wanted| (other.script.kind, &other.script.name) == (script.kind, &script.name);
            if let Some(other) = wanted.iter().find(same) {
                return Err(taken_twice(&path, other));
            }
            wanted.push(Wanted { path, script });
        }
    }
    wanted.sort_by_key(|one| one.script.kind == ScriptKind::Script);
    Ok(wanted)
}

fn taken_twice(path: &Path, other: &Wanted) -> Failure {
    Failure::usage(format!(
        "{}: {} {} is in {} as well: give one of them another name",
        path.display(),
        other.script.kind.as_str(),
        other.script.name,
        other.path.display()
    ))
}

/// What a server refuses whatever else there is. Files have no `definition` around what a script says.
fn check(script: &ScriptCreate) -> Result<(), String> {
    check_texts(&script.name, &script.description, &script.message)
        .and_then(|()| check_definition(script.kind, script.language, &script.definition))
        .map_err(|Wrong { field, problem }| {
            let field = field.strip_prefix("definition").unwrap_or(&field);
            match field.trim_start_matches('.') {
                "" => problem,
                field => format!("{field}: {problem}"),
            }
        })
}

/// With the number of the newest version that there is then.
async fn plan(one: &Wanted, saved: &[Library], client: &Client) -> Result<(Step, u32), Failure> {
    let script = &one.script;
    let Some(found) = lookup::script_named(client, script.kind, &script.name).await? else {
        check_links(script, saved, client).await?;
        return Ok((Step::Create, 1));
    };
    refuse_another(script, &found)?;
    let now = client.script_show(found.id).await?;
    let (of, based_on) = (found.id, found.version);
    if now.definition != script.definition {
        check_links(script, saved, client).await?;
        return Ok((Step::NewVersion { of, based_on }, based_on + 1));
    }
    let step = match now.script.description == script.description {
        true => Step::Unchanged,
        false => Step::Describe { of, based_on },
    };
    Ok((step, based_on))
}

/// What stands under the name can be changed into this.
fn refuse_another(script: &ScriptCreate, found: &SavedScript) -> Result<(), Failure> {
    if found.language != script.language {
        return Err(Failure::usage(format!(
            "{} is saved in {}, the file is in {}: delete it first, or choose another name",
            found.name,
            found.language.as_str(),
            script.language.as_str()
        )));
    }
    files::refuse_move(
        &found.name,
        (script.organization_id, script.department_id),
        (found.organization_id, found.department_id),
    )
}

/// What it links is there, or is saved before it.
async fn check_links(script: &ScriptCreate, saved: &[Library], client: &Client) -> Result<(), Failure> {
    let mut linked = HashSet::new();
    for link in &script.definition.libraries {
        let library = match saved.iter().find(|library| library.name == link.library) {
            Some(library) => library.clone(),
            None => {
                let found = lookup::script(client, ScriptKind::Library, &link.library).await?;
                Library {
                    name: found.name,
                    language: found.language,
                    version: found.version,
                }
            }
        };
        if library.language != script.language {
            return Err(Failure::usage(format!(
                "library {} is in {}: a script in {} takes libraries of its own language",
                link.library,
                library.language.as_str(),
                script.language.as_str()
            )));
        }
        let newest = library.version;
        if let Some(version) = link.version.filter(|version| !(1..=newest).contains(version)) {
            return Err(Failure::usage(format!(
                "library {} has no version {version}: its newest one is {newest}",
                link.library
            )));
        }
        if !linked.insert(library.name) {
            return Err(Failure::usage(format!(
                "library {} is linked twice",
                link.library
            )));
        }
    }
    Ok(())
}

/// Each outcome is told as it comes, and of a failure what was saved before it.
async fn carry_out(
    steps: impl Iterator<Item = (Wanted, Step)>,
    dry_run: bool,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let console = context.console;
    let mut done = Vec::new();
    let mut saved = 0_usize;
    for (Wanted { path, script }, step) in steps {
        let (name, text) = (script.name.clone(), step.outcome(dry_run));
        let changes = !dry_run && !matches!(step, Step::Unchanged);
        if changes && let Err(failure) = save(script, &step, &context.client).await {
            if console.is_json() {
                console.json(&done)?;
            }
            let beside = match saved {
                0 => "nothing was saved".to_owned(),
                _ => format!("saved before it: {}", words::count(saved, "file", "files")),
            };
            return Err(files::of(&path, failure, &beside));
        }
        saved += usize::from(changes);
        if !console.is_json() {
            console.say(&format!("{name}: {text}"));
        }
        done.push(json!({"name": name, "outcome": text, "file": path.display().to_string()}));
    }
    if console.is_json() {
        console.json(&done)?;
    } else if dry_run {
        console.note(
            "nothing was saved. Files, names and libraries are in order; whether you may save them there is told when you do",
        );
    }
    Ok(())
}

async fn save(script: ScriptCreate, step: &Step, client: &Client) -> Result<(), Failure> {
    match *step {
        Step::Create => {
            client.script_create(&script, &IdempotencyKey::random()).await?;
        }
        Step::NewVersion { of, based_on } | Step::Describe { of, based_on } => {
            let request = ScriptUpdate {
                name: None,
                description: Some(script.description),
                definition: Some(script.definition),
                message: script.message,
                based_on: Some(based_on),
            };
            client.script_update(of, &request).await?;
        }
        Step::Unchanged => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn refused(files: &[(&str, &str)]) -> String {
        let folder = folder(files);
        match read(&[folder.path().to_owned()]) {
            Err(failure) => failure.lines().concat(),
            Ok(_) => panic!("{files:?} was read"),
        }
    }

    #[test]
    fn a_file_that_a_server_would_refuse_is_named_before_anything_is_sent() {
        let many = &format!("# libraries: [{}]\n", "{library: l}, ".repeat(21));
        let long = &format!("# description: {}\n", "x".repeat(10_001));
        for (header, said) in [
            ("# timeout_seconds: 0\n", "timeout_seconds: must be 1 to 604800"),
            ("# name: -x\n", "name: starts with '-'"),
            ("# name: '7'\n", "name: must not be a number"),
            (
                "# kind: library\n# timeout_seconds: 5\n",
                "has more than content: parameters, libraries, user",
            ),
            (
                "# parameters: [{name: a-b, type: string}]\n",
                "parameters.a-b: is not a parameter name",
            ),
            ("# run_as_user: a b\n", "run_as_user: "),
            (many, "libraries: has more than 20 entries"),
            (long, "description: is longer than 10000 characters"),
        ] {
            let bad = format!("# ---\n{header}# ---\ntrue\n");
            let told = refused(&[("a.sh", "true\n"), ("b.sh", &bad), ("c.sh", "true\n")]);
            assert!(told.contains("b.sh: ") && told.contains(said), "{header}: {told}");
        }
    }

    #[test]
    fn two_files_of_one_name_are_refused_and_a_script_and_a_library_are_two_things() {
        let named = |kind: &str| format!("# ---\n# name: same\n# kind: {kind}\n# ---\ntrue\n");
        let (script, library) = (named("script"), named("library"));
        let told = refused(&[("a.sh", &script), ("b.sh", &script)]);
        assert!(
            told.contains("b.sh: script same is in ") && told.contains("a.sh as well"),
            "{told}"
        );
        let only = folder(&[("a.sh", &script)]);
        let twice = [only.path().to_owned(), only.path().join("a.sh")];
        assert_eq!(read(&twice).unwrap_or_default().len(), 1, "it is one file");
        let folder = folder(&[("a.sh", &script), ("b.sh", &library)]);
        let wanted = read(&[folder.path().to_owned()]).unwrap_or_default();
        let kinds: Vec<ScriptKind> = wanted.iter().map(|one| one.script.kind).collect();
        assert_eq!(
            kinds,
            [ScriptKind::Library, ScriptKind::Script],
            "what may be linked comes first"
        );
    }
}
