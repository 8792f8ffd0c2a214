//! What an action may say. A draft is checked as far as that goes without knowing what will be given; what runs is
//! checked again when it is deployed and each time it runs.

use postern_api::actions::{ActionDefinition, ActionWork};
use postern_domain::{
    fill::{self, Samples},
    member::{Member, MemberError},
    parameter::{self, Parameter, ParameterType},
};
use postern_protocol::payload::JobPayload;
use postern_store::{Tx, identity};

use crate::{
    error::{Error, Result},
    http::Caller,
    rooms::agents::targets::check as check_targets,
};

/// Roles and users named as runners.
const MAX_RUNNERS: usize = 50;

pub(super) async fn check(tx: &mut Tx<'_>, caller: &Caller, definition: &ActionDefinition) -> Result<()> {
    check_targets(&definition.targets)?;
    parameter::check(&definition.parameters)
        .map_err(|error| Error::invalid(format!("definition.parameters.{}", error.name), error.problem))?;
    match &definition.work {
        ActionWork::Job { job } => {
            job.check().map_err(|error| {
                Error::invalid(
                    format!("definition.work.job.payload.{}", error.field),
                    error.problem,
                )
            })?;
            check_places(definition, job)?;
        }
        ActionWork::Script { .. } => {
            if !definition.parameters.is_empty() || !definition.fills.is_empty() {
                let problem = "belong to jobs: the open parameters of a script are its own, as far as they are not fixed";
                return Err(Error::invalid("definition.parameters", problem));
            }
        }
    }
    if definition.runners.len() > MAX_RUNNERS {
        let problem = format!("has more than {MAX_RUNNERS} entries: name roles");
        return Err(Error::invalid("definition.runners", problem));
    }
    for (index, runner) in definition.runners.iter().enumerate() {
        let wrong = |problem: String| Error::invalid(format!("definition.runners[{index}]"), problem);
        let member: Member = runner
            .parse()
            .map_err(|error: MemberError| wrong(error.to_string()))?;
        if let Member::User(id) = member {
            let user = identity::user_find(tx, id).await?;
            let tenant = caller.tenant()?;
            if user.is_none_or(|user| user.tenant_id != tenant) {
                return Err(wrong(format!("there is no user {id} in your tenant")));
            }
        }
    }
    Ok(())
}

/// Every open parameter has a place that takes what it will be given.
fn check_places(definition: &ActionDefinition, job: &JobPayload) -> Result<()> {
    let known = |name: &String| {
        definition
            .parameters
            .iter()
            .any(|parameter| parameter.name == *name)
    };
    if let Some(name) = definition.fills.keys().find(|name| !known(name)) {
        let problem = "fills a place, and there is no open parameter of that name";
        return Err(Error::invalid(format!("definition.fills.{name}"), problem));
    }
    for parameter in &definition.parameters {
        let name = &parameter.name;
        match (parameter.kind, definition.fills.get(name)) {
            (ParameterType::Secret, None) => check_secret(job, name)?,
            (ParameterType::Secret, Some(_)) => {
                let problem = "is secret, and no secret stands in a payload: it needs no place, it is the secret of its name";
                return Err(Error::invalid(format!("definition.fills.{name}"), problem));
            }
            (_, None) => {
                let problem = "has no place: say in fills where its value goes";
                return Err(Error::invalid(format!("definition.parameters.{name}"), problem));
            }
            (_, Some(pointer)) => check_place(job, parameter, pointer)
                .map_err(|problem| Error::invalid(format!("definition.fills.{name}"), problem))?,
        }
    }
    Ok(())
}

fn check_secret(job: &JobPayload, name: &str) -> Result<()> {
    let wanted = job.secrets();
    if wanted.contains(&name) {
        return Ok(());
    }
    let wanted = if wanted.is_empty() {
        "none".to_owned()
    } else {
        wanted.join(", ")
    };
    let problem =
        format!("is secret, and the operation asks for no secret of that name; it asks for: {wanted}");
    Err(Error::invalid(format!("definition.parameters.{name}"), problem))
}

fn check_place(job: &JobPayload, parameter: &Parameter, pointer: &str) -> std::result::Result<(), String> {
    if is_code(job, pointer) {
        return Err(
            "names code, and what somebody gives is never code: write a script with a parameter instead"
                .into(),
        );
    }
    let tried = |text: &str| filled(job, (pointer, parameter.kind, text));
    match parameter.samples() {
        Samples::Real(texts) => texts.iter().try_for_each(|text| match tried(text)?.check() {
            Ok(()) => Ok(()),
            Err(error) => Err(format!(
                "does not take {text:?}: {} {}",
                error.field, error.problem
            )),
        }),
        Samples::Likely(text) => match tried(&text) {
            // It may take others.
            Err(problem) if problem.contains("unknown variant") => Ok(()),
            other => other.map(|_| ()),
        },
    }
}

/// Places whose text is read by an interpreter, or decides which one reads it.
fn is_code(job: &JobPayload, pointer: &str) -> bool {
    let first = pointer.split('/').nth(1).unwrap_or_default();
    match job {
        JobPayload::Script(_) => matches!(first, "content" | "language"),
        JobPayload::Command(command) => first == "shell" || (command.shell && first == "argv"),
        _ => false,
    }
}

/// The operation with a value in its place, decoded as strictly as one that somebody sends.
pub(super) fn filled(
    job: &JobPayload,
    (pointer, kind, text): (&str, ParameterType, &str),
) -> std::result::Result<JobPayload, String> {
    let mut whole = serde_json::to_value(job).map_err(|error| error.to_string())?;
    let payload = whole.get_mut("payload").ok_or("has no payload")?;
    fill::fill(payload, pointer, kind, text).map_err(|error| error.to_string())?;
    serde_json::from_value(whole).map_err(|error| format!("does not take such a value: {error}"))
}
