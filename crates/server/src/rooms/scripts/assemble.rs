//! One text out of libraries and script. It is fixed when the script is run; agents see nothing else.

use std::collections::BTreeMap;

use postern_api::scripts::ScriptDefinition;
use postern_domain::{
    ScriptId,
    permission::{Permission, Reach},
};
use postern_protocol::limits::SCRIPT_BYTES;
use postern_store::{Tx, scripts};

use super::convert::definition;
use crate::{
    error::{Error, Result},
    http::Caller,
};

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

/// A part of the whole, with the line that says where it comes from. All three languages comment with `#`.
fn part(text: &mut String, kind: &str, name: &str, version: u32, content: &str) {
    text.push_str(&format!("# ---- {kind} {name}, version {version}\n"));
    text.push_str(content);
    if !content.ends_with('\n') {
        text.push('\n');
    }
}

/// The script's text with its libraries before it: those that its version was saved with, whatever they are called now.
/// A script without libraries is left as it is.
async fn assemble(
    tx: &mut Tx<'_>,
    caller: &Caller,
    script: &scripts::Script,
    version: u32,
    definition: &ScriptDefinition,
) -> Result<String> {
    if definition.libraries.is_empty() {
        return Ok(definition.content.clone());
    }
    let linked = saved_with(tx, caller, script.id, version, definition).await?;
    let mut text = String::new();
    for (link, library) in definition.libraries.iter().zip(linked) {
        let number = link.version.unwrap_or(library.version);
        let found = scripts::version(tx, library.id, number).await?;
        let found = found.ok_or_else(|| {
            Error::invalid("libraries", format!("{:?} has no version {number}", library.name))
        })?;
        part(&mut text, "library", &library.name, number, &found.content);
    }
    part(&mut text, "script", &script.name, version, &definition.content);
    if text.len() > SCRIPT_BYTES {
        let message = format!(
            "make the script {} bytes long, more than {SCRIPT_BYTES}: link fewer, or shorten them",
            text.len()
        );
        return Err(Error::invalid("libraries", message));
    }
    Ok(text)
}

/// The libraries that a version was saved with, one for each that its definition links, whatever they are called now.
pub(super) async fn saved_with(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ScriptId,
    version: u32,
    definition: &ScriptDefinition,
) -> Result<Vec<scripts::Script>> {
    let linked = scripts::linked(tx, id, version).await?;
    let mut linked: BTreeMap<u32, scripts::Script> = linked.into_iter().collect();
    let mut found = Vec::with_capacity(definition.libraries.len());
    for (position, link) in (0u32..).zip(&definition.libraries) {
        let library = linked.remove(&position).ok_or_else(|| {
            let name = &link.library;
            let message = format!(
                "version {version} links library {name:?}, which is gone: take another version, or save what this one \
                 says with libraries that are there"
            );
            Error::invalid("libraries", message)
        })?;
        if !caller.rights.allow(SEES, library.place()) {
            return Err(Error::invalid("libraries", unseen(&link.library)));
        }
        found.push(library);
    }
    Ok(found)
}

/// The libraries that a definition links, in its order. Each must be there, in reach and of the same language.
pub(super) async fn resolve(
    tx: &mut Tx<'_>,
    reach: &Reach,
    language: &str,
    definition: &ScriptDefinition,
) -> Result<Vec<scripts::Script>> {
    let names: Vec<String> = definition
        .libraries
        .iter()
        .map(|link| link.library.clone())
        .collect();
    let found = scripts::libraries(tx, reach, &names).await?;
    let mut linked: Vec<scripts::Script> = Vec::with_capacity(names.len());
    for (index, (name, link)) in names.iter().zip(&definition.libraries).enumerate() {
        let field = format!("definition.libraries[{index}]");
        let library = found
            .iter()
            .find(|library| library.id.to_string() == *name)
            .or_else(|| found.iter().find(|library| library.name == *name))
            .ok_or_else(|| Error::invalid(&*field, unseen(name)))?;
        if library.language != language {
            let message = format!("{name:?} is in {}, not in {language}", library.language);
            return Err(Error::invalid(field, message));
        }
        if linked.iter().any(|other| other.id == library.id) {
            return Err(Error::invalid(field, format!("{name:?} is linked twice")));
        }
        if link
            .version
            .is_some_and(|version| version == 0 || version > library.version)
        {
            let message = format!("{name:?} has versions 1 to {}", library.version);
            return Err(Error::invalid(field, message));
        }
        linked.push(library.clone());
    }
    Ok(linked)
}

fn unseen(name: &str) -> String {
    format!("there is no library {name:?} that you may see")
}

/// Where libraries may be taken from by this caller.
pub(super) const SEES: Permission = Permission::ScriptsView;
