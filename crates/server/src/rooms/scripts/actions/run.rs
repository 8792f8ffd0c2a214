//! Running an action: given values are bound and put into their places before any job exists. Hosts are reached with
//! the rights of whoever runs it; a script is run with the right to it of whoever deployed the action.

use std::collections::BTreeMap;

use postern_api::{
    actions::{ActionDefinition, ActionRun, ActionWork},
    jobs::{JobPreview, JobsCreated},
    scripts::{ParameterValue, ScriptRun},
};
use postern_domain::{
    ActionId, Timestamp, fill,
    parameter::{self, Parameter, ParameterType},
};
use postern_protocol::{
    payload::{JobPayload, PASSWORD},
    seal::Secrets,
};
use postern_store::{
    Tx,
    jobs::{Secret, executions},
    scripts::actions,
    tx,
};
use zeroize::Zeroizing;

use super::{MANAGE, VIEW, check::filled, definition_of, find_to_run};
use crate::{
    app::App,
    error::{Error, Result},
    http::{Caller, caller_of, idempotency::Key},
    rooms::{
        jobs::{
            run::{Prepared, Run, preview, start},
            secrets,
        },
        scripts::run as scripts,
    },
    runners,
};

type Ready = (Prepared, Option<Zeroizing<String>>);

pub(super) async fn action_run(
    app: &App,
    caller: &Caller,
    id: ActionId,
    request: ActionRun,
    key: Key,
) -> Result<JobsCreated> {
    let prepared = prepare(app, caller, id, &request).await?;
    start(app, caller, "action_run", &(id, &request), key, prepared).await
}

/// What a run would do; nothing is made.
pub(super) async fn action_preview(
    app: &App,
    caller: &Caller,
    id: ActionId,
    request: ActionRun,
) -> Result<JobPreview> {
    let (prepared, _) = prepare(app, caller, id, &request).await?;
    preview(app, caller, prepared).await
}

async fn prepare(app: &App, caller: &Caller, id: ActionId, request: &ActionRun) -> Result<Ready> {
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
    id: ActionId,
    request: &ActionRun,
) -> Result<Ready> {
    let (ready, _) = prepare_open(app, tx, caller, id, request, &BTreeMap::new()).await?;
    Ok(ready)
}

/// The same while some values are not known yet, with what stands for them: to be shown, and never made. Returns the
/// places of a payload that keep what the action has there, and what belongs there.
pub(crate) async fn prepare_open(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ActionId,
    request: &ActionRun,
    open: &BTreeMap<String, String>,
) -> Result<(Ready, Vec<(String, String)>)> {
    let action = find_to_run(tx, caller, id, MANAGE).await?;
    let mut source = Source::of(tx, caller, &action, request.draft).await?;
    runners::check_run(caller, &action, &source.definition)?;
    let mut given = given_of(request);
    let mut places = Vec::new();
    let definition = &mut source.definition;
    if let ActionWork::Job { .. } = &definition.work {
        let (left, stands) = scripts::leave_open(&mut definition.parameters, open);
        given.extend(
            stands
                .into_iter()
                .map(|(name, text)| (name, serde_json::Value::from(text))),
        );
        for (name, text) in left {
            let pointer = definition.fills.get(&name);
            places.extend(pointer.map(|pointer| (pointer.clone(), text)));
        }
    } else {
        source.open.clone_from(open);
    }
    let ready = source.prepare(app, tx, given, request.not_before).await?;
    let ready = ready.named(&action.name, (id, source.version));
    Ok((ready, places))
}

/// Names of the open parameters whose values are secret.
pub(crate) async fn secret_parameters(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ActionId,
) -> Result<Vec<String>> {
    let action = find_to_run(tx, caller, id, MANAGE).await?;
    let asks = Source::of(tx, caller, &action, false)
        .await?
        .asks(app, tx)
        .await?;
    let secret = asks
        .into_iter()
        .filter(|parameter| parameter.kind == ParameterType::Secret);
    Ok(secret.map(|parameter| parameter.name).collect())
}

/// An action that could be run, before there are values for it.
pub(crate) struct Seen {
    source: Source,
    /// What it asks for.
    pub(crate) asks: Vec<Parameter>,
}

/// For whoever may see it.
pub(crate) async fn seen(app: &App, tx: &mut Tx<'_>, caller: &Caller, id: ActionId) -> Result<Seen> {
    let action = find_to_run(tx, caller, id, VIEW).await?;
    let source = Source::of(tx, caller, &action, false).await?;
    let asks = source.asks(app, tx).await?;
    Ok(Seen { source, asks })
}

/// Places of an account's operation that decide whether it has a password.
const DECIDE_ON_PASSWORD: [&str; 2] = ["/action", "/set_password"];

impl Seen {
    /// Whether a run with these values draws a password, as far as that is known; `None` stands for one that there will be.
    pub(crate) fn draws_password(
        &self,
        app: &App,
        given: &BTreeMap<String, Option<serde_json::Value>>,
    ) -> Result<bool> {
        let Source {
            definition, secret, ..
        } = &self.source;
        let ActionWork::Job { job } = &definition.work else {
            return Ok(false);
        };
        let (open, closed): (Vec<_>, Vec<_>) = definition
            .parameters
            .iter()
            .cloned()
            .partition(|parameter| given.get(&parameter.name).is_some_and(Option::is_none));
        let decides = |parameter: &Parameter| match definition.fills.get(&parameter.name) {
            Some(place) => DECIDE_ON_PASSWORD.contains(&place.as_str()),
            None => parameter.name == PASSWORD,
        };
        if open.iter().any(decides) {
            return Ok(false);
        }
        let known = ActionDefinition {
            parameters: closed,
            ..definition.clone()
        };
        let values = given
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.clone()?)))
            .collect();
        let fixed = secrets::open(app, secret.as_ref())?;
        // Values that do not fit are a problem of their own.
        let bound = bind(&known, job, &values, fixed);
        Ok(bound.is_ok_and(|(work, secrets)| secrets::draws(&work, &secrets)))
    }
}

type Given = BTreeMap<String, serde_json::Value>;

fn given_of(request: &ActionRun) -> Given {
    request
        .parameters
        .iter()
        .map(|(name, value)| (name.clone(), value.0.clone()))
        .collect()
}

/// What is run, and with whose right to its script.
pub(super) struct Source {
    pub(super) definition: ActionDefinition,
    secret: Option<Secret>,
    deployer: Caller,
    /// Absent for the draft.
    version: Option<u32>,
    /// Parameters of its script whose values are not known yet.
    open: BTreeMap<String, String>,
}

impl Source {
    pub(super) fn draft(caller: &Caller, action: &actions::Action) -> Result<Self> {
        Ok(Self {
            definition: definition_of(action, &action.draft)?,
            secret: action.secret(),
            deployer: caller.clone(),
            version: None,
            open: BTreeMap::new(),
        })
    }

    async fn of(tx: &mut Tx<'_>, caller: &Caller, action: &actions::Action, draft: bool) -> Result<Self> {
        if draft {
            return Self::draft(caller, action);
        }
        let (id, name) = (action.id, &action.name);
        let number = action.version.ok_or_else(|| {
            let detail =
                format!("Action {name:?} has no deployed version. Deploy it, or run its draft to try it.");
            Error::conflict("not_deployed", detail)
        })?;
        let version = actions::version(tx, id, number).await?;
        let version =
            version.ok_or_else(|| Error::Internal(format!("action {id} has no version {number}")))?;
        Self::deployed(tx, action, &version).await?.ok_or_else(|| {
            let detail = format!(
                "The user who deployed version {number} of action {name:?} is gone or switched off. Deploy it again."
            );
            Error::conflict("deployer_gone", detail)
        })
    }

    /// `None` when whoever deployed it is gone: then it does not run.
    pub(super) async fn deployed(
        tx: &mut Tx<'_>,
        action: &actions::Action,
        version: &actions::Version,
    ) -> Result<Option<Self>> {
        let Some(deployer) = caller_of(tx, version.deployer_id, None).await? else {
            return Ok(None);
        };
        Ok(Some(Self {
            definition: definition_of(action, &version.definition)?,
            secret: version.secret(),
            deployer,
            version: Some(version.version),
            open: BTreeMap::new(),
        }))
    }

    /// With the values that were given.
    pub(super) async fn prepare(
        &self,
        app: &App,
        tx: &mut Tx<'_>,
        given: Given,
        not_before: Option<Timestamp>,
    ) -> Result<Named> {
        let fixed = secrets::open(app, self.secret.as_ref())?;
        let definition = &self.definition;
        let ready = match &definition.work {
            ActionWork::Job { job } => {
                let (work, secrets) = bind(definition, job, &given, fixed)?;
                let run = Run {
                    work,
                    summary: None,
                    targets: definition.targets.clone(),
                    priority: definition.priority,
                    timeout_seconds: definition.timeout_seconds,
                    not_before,
                    rolling: definition.rolling.clone(),
                    concurrency: definition.concurrency.clone(),
                    origin: executions::Origin::default(),
                };
                Prepared::new(app, run, secrets)?
            }
            ActionWork::Script {
                script_id,
                version,
                parameters,
            } => {
                let fixed = scripts::with_secrets(parameters, &fixed)?;
                if let Some(name) = given.keys().find(|name| fixed.contains_key(*name)) {
                    let problem = "is fixed by the action: leave it out";
                    return Err(Error::invalid(format!("parameters.{name}"), problem));
                }
                let given = given
                    .into_iter()
                    .map(|(name, value)| (name, ParameterValue(value)));
                let request = ScriptRun {
                    version: *version,
                    parameters: fixed.into_iter().chain(given).collect(),
                    targets: definition.targets.clone(),
                    priority: definition.priority,
                    timeout_seconds: definition.timeout_seconds,
                    not_before,
                    rolling: definition.rolling.clone(),
                    concurrency: definition.concurrency.clone(),
                };
                let terms = scripts::Terms {
                    open: self.open.clone(),
                    ..Default::default()
                };
                scripts::prepare_as(app, tx, &self.deployer, *script_id, &request, terms).await?
            }
        };
        Ok(Named(ready))
    }

    /// What whoever runs it is asked for. Nothing where the script is gone: then it cannot run either.
    pub(super) async fn asks(&self, app: &App, tx: &mut Tx<'_>) -> Result<Vec<Parameter>> {
        let ActionWork::Script {
            script_id,
            version,
            parameters,
        } = &self.definition.work
        else {
            return Ok(self.definition.parameters.clone());
        };
        let fixed = secrets::open(app, self.secret.as_ref())?;
        let all = match scripts::parameters(tx, &self.deployer, *script_id, *version).await {
            Ok(all) => all,
            Err(error @ (Error::Store(_) | Error::Internal(_))) => return Err(error),
            Err(_) => Vec::new(),
        };
        let open = |parameter: &Parameter| {
            !parameters.contains_key(&parameter.name) && !fixed.contains_key(&parameter.name)
        };
        Ok(all.into_iter().filter(open).collect())
    }
}

/// What is ready to run, and not yet called after its action.
pub(super) struct Named(Ready);

impl Named {
    fn named(self, name: &str, origin: executions::ActionRun) -> Ready {
        let (prepared, drawn) = self.0;
        (prepared.by_action(name, origin), drawn)
    }

    pub(super) fn into_prepared(self) -> Prepared {
        self.0.0
    }
}

/// The operation with what was given in its places, and its secrets.
fn bind(
    definition: &ActionDefinition,
    job: &JobPayload,
    given: &Given,
    fixed: Secrets,
) -> Result<(JobPayload, Secrets)> {
    let bound = parameter::bind(&definition.parameters, given)
        .map_err(|error| Error::invalid(format!("parameters.{}", error.name), error.problem))?;
    let mut secrets = fixed;
    secrets.extend(
        bound
            .secrets
            .into_iter()
            .map(|(name, value)| (name, Zeroizing::new(value))),
    );
    let kind = |name: &String| {
        let parameter = definition
            .parameters
            .iter()
            .find(|parameter| parameter.name == *name);
        parameter.map_or(ParameterType::String, |parameter| parameter.kind)
    };
    let mut work = job.clone();
    for (name, text) in &bound.values {
        let wrong = |problem: String| Error::invalid(format!("parameters.{name}"), problem);
        let pointer = definition.fills.get(name);
        let pointer = pointer.ok_or_else(|| wrong("has no place in this action".into()))?;
        work = filled(&work, (pointer, kind(name), text)).map_err(wrong)?;
        // Told at the parameter that filled the place.
        let place = fill::field(pointer);
        match work.check() {
            Err(error) if error.field == place => return Err(wrong(error.problem)),
            _ => {}
        }
    }
    Ok((work, secrets))
}
