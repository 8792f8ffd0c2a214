//! From stored rows to the types of the API.

use postern_api::scripts::{SavedScript, ScriptDefinition, ScriptDetail, ScriptKind};
use postern_domain::ScriptId;
use postern_protocol::payload::Language;
use postern_store::{
    Tx,
    scripts::{self, Linking},
};

use super::{no_version, uses::used_by};
use crate::{
    error::{Error, Result},
    http::Caller,
    uses::seen,
};

/// What a version says.
pub(super) async fn definition(tx: &mut Tx<'_>, id: ScriptId, number: u32) -> Result<ScriptDefinition> {
    let row = scripts::version(tx, id, number).await?;
    definition_of(&row.ok_or_else(|| no_version(id, number))?)
}

pub(super) fn definition_of(row: &scripts::Version) -> Result<ScriptDefinition> {
    let settings: ScriptDefinition = serde_json::from_str(&row.definition)
        .map_err(|error| Error::Internal(format!("version {} of a script: {error}", row.version)))?;
    Ok(ScriptDefinition {
        content: row.content.clone(),
        ..settings
    })
}

pub(super) fn kind_of(script: &scripts::Script) -> Result<ScriptKind> {
    ScriptKind::parse(&script.kind)
        .ok_or_else(|| Error::Internal(format!("kind of script {}: {:?}", script.id, script.kind)))
}

pub(super) fn language_of(script: &scripts::Script) -> Result<Language> {
    Language::parse(&script.language)
        .ok_or_else(|| Error::Internal(format!("language of script {}: {:?}", script.id, script.language)))
}

pub(super) fn saved_of(row: scripts::Script) -> Result<SavedScript> {
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

pub(super) async fn detail_of(
    tx: &mut Tx<'_>,
    caller: &Caller,
    script: scripts::Script,
) -> Result<ScriptDetail> {
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
