//! Running a saved script: its parameters are checked before any job exists, and its text is fixed.

use std::collections::BTreeMap;

use postern_api::{
    jobs::{JobPreview, JobsCreated},
    scripts::{ParameterValue, ScriptKind, ScriptRun},
};
use postern_domain::{
    ScriptId,
    parameter::{self, Parameter, ParameterType},
};
use postern_protocol::{
    payload::{JobPayload, Script},
    seal::Secrets,
};
use postern_store::{Tx, jobs::executions, scripts::Script as Saved, tx};
use zeroize::Zeroizing;

use super::{
    MANAGE, VIEW,
    assemble::whole,
    convert::{definition, language_of},
    find_to_run,
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{Caller, idempotency::Key},
    rooms::jobs::run::{Prepared, Run, preview, start},
};

pub(super) async fn script_run(
    app: &App,
    caller: &Caller,
    id: ScriptId,
    request: ScriptRun,
    key: Key,
) -> Result<JobsCreated> {
    let prepared = prepare(app, caller, id, &request).await?;
    start(app, caller, "script_run", &(id, &request), key, prepared).await
}

/// What a run would do; nothing is made.
pub(super) async fn script_preview(
    app: &App,
    caller: &Caller,
    id: ScriptId,
    request: ScriptRun,
) -> Result<JobPreview> {
    let (prepared, _) = prepare(app, caller, id, &request).await?;
    preview(app, caller, prepared).await
}

async fn prepare(
    app: &App,
    caller: &Caller,
    id: ScriptId,
    request: &ScriptRun,
) -> Result<(Prepared, Option<Zeroizing<String>>)> {
    let (who, inner, request) = (caller.clone(), app.clone(), request.clone());
    app.store
        .read(tx!(tx => prepare_in(&inner, tx, &who, id, &request).await))
        .await
}

/// As a part of somebody else's transaction.
pub(crate) async fn prepare_in(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ScriptId,
    request: &ScriptRun,
) -> Result<(Prepared, Option<Zeroizing<String>>)> {
    prepare_as(app, tx, caller, id, request, Terms::default()).await
}

/// What a workflow has to say of a run beside what anybody may say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    /// Local user to run as, in place of the script's own.
    pub(crate) user: Option<String>,
    /// Parameters whose values are not known yet, with what stands for them. A run with such is shown and never made.
    pub(crate) open: BTreeMap<String, String>,
}

/// The same, on these terms.
pub(crate) async fn prepare_as(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ScriptId,
    request: &ScriptRun,
    terms: Terms,
) -> Result<(Prepared, Option<Zeroizing<String>>)> {
    let script = find_to_run(tx, caller, id, MANAGE).await?;
    refuse_library(&script)?;
    let number = request.version.unwrap_or(script.version);
    let (mut definition, text) = whole(tx, caller, &script, number).await?;
    let mut given: BTreeMap<String, serde_json::Value> = request
        .parameters
        .iter()
        .map(|(name, value)| (name.clone(), value.0.clone()))
        .collect();
    let (open, stands) = leave_open(&mut definition.parameters, &terms.open);
    given.extend(
        stands
            .into_iter()
            .map(|(name, text)| (name, serde_json::Value::from(text))),
    );
    let bound = parameter::bind(&definition.parameters, &given)
        .map_err(|error| Error::invalid(format!("parameters.{}", error.name), error.problem))?;
    let secrets: Secrets = bound
        .secrets
        .into_iter()
        .map(|(name, value)| (name, Zeroizing::new(value)))
        .collect();
    let work = JobPayload::Script(Script {
        parameters: bound.values.into_iter().chain(open).collect(),
        secrets: secrets.keys().cloned().collect(),
        run_as_user: terms.user.or(definition.run_as_user),
        requires_elevation: definition.requires_elevation,
        ..Script::new(language_of(&script)?, text)
    });
    let run = Run {
        work,
        summary: Some(format!("{} (version {number})", script.name)),
        targets: request.targets.clone(),
        priority: request.priority,
        timeout_seconds: request.timeout_seconds.or(definition.timeout_seconds),
        not_before: request.not_before,
        rolling: request.rolling.clone(),
        concurrency: request.concurrency.clone().or(definition.concurrency),
        origin: executions::Origin {
            script: Some((id, number)),
            ..Default::default()
        },
    };
    Prepared::new(app, run, secrets)
}

/// Takes those away from the parameters whose values are not known yet: no type holds for what stands for them. Returns
/// them, and those of which that stands there as any value: a secret takes any text, and what is no parameter is refused.
pub(crate) fn leave_open(
    definitions: &mut Vec<Parameter>,
    open: &BTreeMap<String, String>,
) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let (left, given): (BTreeMap<String, String>, _) = open.clone().into_iter().partition(|(name, _)| {
        let is_own =
            |parameter: &Parameter| parameter.name == *name && parameter.kind != ParameterType::Secret;
        definitions.iter().any(is_own)
    });
    definitions.retain(|parameter| !left.contains_key(&parameter.name));
    (left, given)
}

fn refuse_library(script: &Saved) -> Result<()> {
    if script.kind != ScriptKind::Library.as_str() {
        return Ok(());
    }
    Err(Error::conflict(
        "library_not_run",
        format!("{:?} is a library: run a script that links it.", script.name),
    ))
}

/// What a script that could be run takes, for whoever may see it.
pub(crate) async fn seen_parameters(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ScriptId,
    version: Option<u32>,
) -> Result<Vec<Parameter>> {
    let script = find_to_run(tx, caller, id, VIEW).await?;
    refuse_library(&script)?;
    let definition = definition(tx, id, version.unwrap_or(script.version)).await?;
    Ok(definition.parameters)
}

/// What a script takes.
pub(crate) async fn parameters(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ScriptId,
    version: Option<u32>,
) -> Result<Vec<Parameter>> {
    let script = find_to_run(tx, caller, id, MANAGE).await?;
    let definition = definition(tx, id, version.unwrap_or(script.version)).await?;
    Ok(definition.parameters)
}

/// Names of the parameters whose values are secret.
pub(crate) async fn secret_parameters(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ScriptId,
    version: Option<u32>,
) -> Result<Vec<String>> {
    let secret = parameters(tx, caller, id, version)
        .await?
        .into_iter()
        .filter(|parameter| parameter.kind == ParameterType::Secret);
    Ok(secret.map(|parameter| parameter.name).collect())
}

/// Parameters with the secret ones among them, each once.
pub(crate) fn with_secrets(
    parameters: &BTreeMap<String, ParameterValue>,
    secrets: &Secrets,
) -> Result<BTreeMap<String, ParameterValue>> {
    let mut all = parameters.clone();
    for (name, value) in secrets {
        let value = ParameterValue(serde_json::Value::from(value.as_str()));
        if all.insert(name.clone(), value).is_some() {
            let message = "is given among the parameters as well";
            return Err(Error::invalid(format!("secrets.{name}"), message));
        }
    }
    Ok(all)
}
