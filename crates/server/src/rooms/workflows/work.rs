//! From what a step says to what runs: placeholders are filled with values, and nothing is parsed again.

use std::collections::BTreeMap;

use postern_api::{actions::ActionRun, scripts::ParameterValue, scripts::ScriptRun, targets::Targets};
use postern_domain::{
    expression::{Segment, Template, Variables},
    fill,
    parameter::ParameterType,
    workflow::{self, CommandStep, HttpStep, OnHosts, Scope, StepIndex, StepResult, Work},
};
use postern_protocol::{
    payload::{Command, HttpRequest, JobPayload},
    seal::Secrets,
};
use postern_store::{Tx, jobs::executions};
use serde_json::Value;

use super::{
    names::{self, Object},
    open::{Open, Values, placeholder},
    turn::Turn,
};
use crate::{
    error::{Error, Result},
    http::Caller,
    rooms::{
        jobs::run::{Prepared, Run},
        jobs::secrets,
        scripts::{
            actions::run as action_runs,
            run::{self as script_runs, Terms},
        },
    },
};

/// What paths lead to in one instance, for one step.
pub(super) struct Known {
    results: BTreeMap<String, StepResult>,
    inputs: BTreeMap<String, Value>,
    instance: BTreeMap<&'static str, Value>,
}

impl Known {
    pub(super) async fn of(turn: &Turn<'_>, tx: &mut Tx<'_>, step: StepIndex) -> Result<Self> {
        let row = &turn.row;
        let internal = |error: serde_json::Error| {
            Error::Internal(format!("instance {} in the database: {error}", row.id))
        };
        let needs: Vec<&str> = turn.plan.nodes[step].needs.iter().map(String::as_str).collect();
        Ok(Self {
            results: turn.runs.results(tx, &needs).await?,
            inputs: serde_json::from_str(&row.inputs).map_err(internal)?,
            instance: BTreeMap::from([
                ("id", row.id.0.into()),
                ("workflow", row.workflow.as_str().into()),
                ("started_by", row.started_by.as_str().into()),
                ("started_at", row.created.to_string().into()),
            ]),
        })
    }

    pub(super) fn scope<'a>(&'a self, turn: &'a Turn<'_>) -> Scope<'a> {
        Scope::new(&turn.plan, &self.results, &self.inputs, self.instance.clone())
    }

    pub(super) fn values<'a>(&'a self, turn: &'a Turn<'_>, open: Open<'a>) -> Values<'a> {
        Values::new(self.scope(turn), &turn.plan, open)
    }
}

pub(super) fn text(scope: &dyn Variables, field: &str, text: &str) -> Result<String> {
    template(field, text)?
        .text(scope)
        .map_err(|error| Error::invalid(field, error))
}

/// As it was checked when the workflow was saved.
fn template(field: &str, text: &str) -> Result<Template> {
    Template::parse(text).map_err(|error| Error::invalid(field, error))
}

/// With every text in it filled; one that is a placeholder and nothing else keeps the type of its value.
fn value(scope: &dyn Variables, field: &str, given: &Value) -> Result<Value> {
    Ok(match given {
        Value::String(text) => template(field, text)?
            .value(scope)
            .map_err(|error| Error::invalid(field, error))?,
        Value::Array(items) => {
            let items: Result<Vec<Value>> = items.iter().map(|item| value(scope, field, item)).collect();
            Value::Array(items?)
        }
        Value::Object(fields) => {
            let fields: Result<serde_json::Map<String, Value>> = fields
                .iter()
                .map(|(name, item)| Ok((name.clone(), value(scope, &format!("{field}.{name}"), item)?)))
                .collect();
            Value::Object(fields?)
        }
        other => other.clone(),
    })
}

/// Values by parameter.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) values: BTreeMap<String, ParameterValue>,
    /// Those of which something is left open, as they are shown.
    pub(super) open: BTreeMap<String, String>,
}

/// Values of parameters; a secret input goes whole to the parameter that it is for.
pub(super) fn parameters(
    turn: &Turn<'_>,
    scope: &Values<'_>,
    field: &str,
    given: &BTreeMap<String, Value>,
) -> Result<Given> {
    let mut kept = None;
    let mut all = Given::default();
    for (name, item) in given {
        let filled = match secret_input(turn, item) {
            Some(input) => {
                if kept.is_none() {
                    kept = Some(secrets::open(turn.app, turn.row.secret().as_ref())?);
                }
                let secret = kept.as_ref().and_then(|kept| kept.get(&input));
                let secret = secret.ok_or_else(|| {
                    Error::invalid(
                        format!("{field}.{name}"),
                        format!("the secret input {input:?} was not given"),
                    )
                })?;
                Value::from(secret.as_str())
            }
            None => {
                let before = scope.count();
                let filled = value(scope, &format!("{field}.{name}"), item)?;
                if scope.count() > before {
                    let text = match filled {
                        Value::String(text) => text,
                        other => other.to_string(),
                    };
                    all.open.insert(name.clone(), text);
                    continue;
                }
                filled
            }
        };
        all.values.insert(name.clone(), ParameterValue(filled));
    }
    Ok(all)
}

/// The name of the secret input that a value stands for.
fn secret_input(turn: &Turn<'_>, given: &Value) -> Option<String> {
    let template = Template::parse(given.as_str()?).ok()?;
    if !template.is_one_placeholder() {
        return None;
    }
    let (path, _) = template.paths().next()?;
    let Some(Segment::Name(name)) = path.rest().first() else {
        return None;
    };
    workflow::is_secret_input(&turn.plan.definition.inputs, path).then(|| name.clone())
}

/// The jobs of a step, on all of its hosts.
pub(super) async fn prepare(
    turn: &Turn<'_>,
    tx: &mut Tx<'_>,
    caller: &Caller,
    step: StepIndex,
) -> Result<Prepared> {
    let sketch = sketch(turn, tx, caller, step, Open::Nothing).await?;
    Ok(sketch.prepared)
}

/// The same as far as its values are known, to be shown and compared. It has no other use.
pub(super) async fn sketch(
    turn: &Turn<'_>,
    tx: &mut Tx<'_>,
    caller: &Caller,
    step: StepIndex,
    open: Open<'_>,
) -> Result<Sketch> {
    let known = Known::of(turn, tx, step).await?;
    let scope = known.values(turn, open);
    let mut places = Vec::new();
    let work = turn.plan.step(step).map(|step| step.work.clone());
    let (prepared, drawn) = match work {
        Some(Work::Script(script)) => {
            let id = names::script_of(turn, tx, caller, (step, &script)).await?;
            let given = parameters(turn, &scope, "parameters", &script.parameters)?;
            let request = ScriptRun {
                version: script.version,
                parameters: given.values,
                targets: targets(turn, &script.on)?,
                priority: None,
                timeout_seconds: script.on.timeout_seconds,
                not_before: None,
                rolling: None,
                concurrency: None,
            };
            let terms = Terms {
                user: script.on.run_as_user.clone(),
                open: given.open,
            };
            let made = script_runs::prepare_as(turn.app, tx, caller, id, &request, terms).await;
            names::unless_deleted(turn, tx, Object::Script(id), made).await?
        }
        Some(Work::Command(command)) => {
            let job = JobPayload::Command(command_of(&scope, &command)?);
            Prepared::new(
                turn.app,
                run_of(job, &command.on, targets(turn, &command.on)?),
                Secrets::new(),
            )?
        }
        Some(Work::HttpRequest(request)) => {
            let job = JobPayload::HttpRequest(request_of(&scope, &request)?);
            Prepared::new(
                turn.app,
                run_of(job, &request.on, targets(turn, &request.on)?),
                Secrets::new(),
            )?
        }
        Some(Work::Action(action)) => {
            let id = names::action_of(turn, tx, caller, (step, &action)).await?;
            let given = parameters(turn, &scope, "parameters", &action.parameters)?;
            let request = ActionRun {
                parameters: given.values,
                ..ActionRun::default()
            };
            let made = action_runs::prepare_open(turn.app, tx, caller, id, &request, &given.open).await;
            let (ready, kept) = names::unless_deleted(turn, tx, Object::Action(id), made).await?;
            let (prepared, drawn) = ready;
            places = kept;
            let prepared = match action.timeout_seconds {
                Some(seconds) => prepared.within(seconds),
                None => prepared,
            };
            (prepared, drawn)
        }
        _ => return Err(Error::Internal("a step without jobs was to run some".into())),
    };
    if drawn.is_some() {
        let message = "is missing: a password that is drawn is shown once, and nobody watches a workflow";
        return Err(Error::invalid("secrets.password", message));
    }
    Ok(Sketch {
        prepared: prepared.by_instance(turn.row.id),
        places,
        open: scope.into_open(),
    })
}

/// The jobs of a step with placeholders where values are not known yet.
#[derive(Debug)]
pub(super) struct Sketch {
    pub(super) prepared: Prepared,
    /// Places of the payload that hold something else, and what is to be shown there.
    places: Vec<(String, String)>,
    /// The paths that are open.
    pub(super) open: Vec<String>,
}

impl Sketch {
    /// Of jobs that have all their values.
    pub(super) const fn whole(prepared: Prepared) -> Self {
        Self {
            prepared,
            places: Vec::new(),
            open: Vec::new(),
        }
    }

    /// One line.
    pub(super) fn summary(&self) -> String {
        if self.places.is_empty() {
            return self.plain(&self.prepared.shown().summary);
        }
        // The action's own line names what it has in places that are filled later.
        "an action, some of whose values are known only when it runs".to_owned()
    }

    pub(super) fn payload(&self) -> Result<Value> {
        let internal = |error: serde_json::Error| Error::Internal(error.to_string());
        let mut whole: Value = serde_json::from_str(self.prepared.shown().payload).map_err(internal)?;
        if let Some(payload) = whole.get_mut("payload") {
            for (pointer, text) in &self.places {
                fill::fill(payload, pointer, ParameterType::String, text)
                    .map_err(|error| Error::invalid("parameters", error))?;
            }
            if let Some(Value::String(url)) = payload.get_mut("url") {
                *url = self.plain(url);
            }
        }
        Ok(whole)
    }

    /// With the placeholders in addresses as they are written.
    fn plain(&self, text: &str) -> String {
        self.open.iter().fold(text.to_owned(), |text, path| {
            let placeholder = placeholder(path);
            text.replace(&encoded(&placeholder), &placeholder)
        })
    }
}

fn run_of(work: JobPayload, on: &OnHosts, targets: Targets) -> Run {
    Run {
        work,
        summary: None,
        targets,
        priority: None,
        timeout_seconds: on.timeout_seconds,
        not_before: None,
        rolling: None,
        concurrency: None,
        origin: executions::Origin::default(),
    }
}

/// The step's, else those of the instance, else those of the workflow.
fn targets(turn: &Turn<'_>, on: &OnHosts) -> Result<Targets> {
    if let Some(own) = &on.hosts {
        return Ok(own.clone());
    }
    instance_hosts(turn)?.ok_or_else(|| {
        let message = "are missing: neither the step nor the workflow nor whoever started it named any";
        Error::invalid("hosts", message)
    })
}

pub(super) fn instance_hosts(turn: &Turn<'_>) -> Result<Option<Targets>> {
    let own = turn.row.hosts.as_deref().map(serde_json::from_str).transpose();
    let own =
        own.map_err(|error| Error::Internal(format!("instance {} in the database: {error}", turn.row.id)))?;
    Ok(own.or_else(|| turn.plan.definition.hosts.clone()))
}

pub(super) fn command_of(scope: &dyn Variables, command: &CommandStep) -> Result<Command> {
    let argv = match (&command.command, command.shell) {
        (Some(line), true) => vec![line.clone()],
        (Some(line), false) => workflow::arguments(line)
            .map_err(|error| Error::invalid("command", error))?
            .iter()
            .map(|argument| {
                argument
                    .text(scope)
                    .map_err(|error| Error::invalid("command", error))
            })
            .collect::<Result<_>>()?,
        (None, true) => command.argv.clone(),
        (None, false) => command
            .argv
            .iter()
            .enumerate()
            .map(|(number, argument)| text(scope, &format!("argv[{number}]"), argument))
            .collect::<Result<_>>()?,
    };
    let environment = command
        .environment
        .iter()
        .map(|(name, given)| Ok((name.clone(), text(scope, &format!("environment.{name}"), given)?)))
        .collect::<Result<_>>()?;
    Ok(Command {
        argv,
        shell: command.shell,
        environment,
        working_directory: command.working_directory.clone(),
        run_as_user: command.on.run_as_user.clone(),
        requires_elevation: false,
    })
}

pub(super) fn request_of(scope: &dyn Variables, request: &HttpStep) -> Result<HttpRequest> {
    let url = workflow::address(&request.url)
        .map_err(|error| Error::invalid("url", error))?
        .text_with(scope, |text| encoded(&text))
        .map_err(|error| Error::invalid("url", error))?;
    if dot_segments(&url) > dot_segments(&request.url) {
        let message = format!("a value makes a part of the path . or .., and so leads elsewhere: {url}");
        return Err(Error::invalid("url", message));
    }
    let mut headers: BTreeMap<String, String> = request
        .headers
        .iter()
        .map(|(name, given)| Ok((name.clone(), text(scope, &format!("headers.{name}"), given)?)))
        .collect::<Result<_>>()?;
    let body = match (&request.json, &request.body) {
        (Some(json), _) => {
            let typed = headers
                .keys()
                .any(|name| name.eq_ignore_ascii_case("content-type"));
            if !typed {
                headers.insert("content-type".to_owned(), "application/json".to_owned());
            }
            Some(value(scope, "json", json)?.to_string())
        }
        // Another language's braces are none of ours.
        (None, Some(body)) if template("body", body).is_ok_and(|body| body.is_one_placeholder()) => {
            Some(text(scope, "body", body)?)
        }
        (None, body) => body.clone(),
    };
    Ok(HttpRequest {
        method: request.method.clone(),
        url,
        headers,
        secret_headers: BTreeMap::new(),
        body,
        expected_status: request.expected_status.clone(),
        allow_invalid_certificate: request.allow_invalid_certificate,
        extra_ca: request.extra_ca.clone(),
        max_redirects: request.max_redirects,
        max_answer_bytes: None,
    })
}

/// Everything but the unreserved letters of RFC 3986 as `%XX`: a value stays one part of a path or a query.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            all.push(char::from(byte));
        } else {
            all.push_str(&format!("%{byte:02X}"));
        }
        all
    })
}

/// Parts of the path that stand for another one, as whoever reads the address takes them (WHATWG URL): `\` parts like `/`,
/// and `%2e` is a dot. No encoding hides them.
fn dot_segments(url: &str) -> usize {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let plain = |part: &str| part.to_ascii_lowercase().replace("%2e", ".");
    path.split(['/', '\\'])
        .filter(|part| matches!(&*plain(part), "." | ".."))
        .count()
}

#[cfg(test)]
mod tests {
    use super::{dot_segments, encoded};

    #[test]
    fn a_value_in_an_address_stays_one_part_of_it() {
        assert_eq!(
            encoded("a b/../c?d=e&f#g%é"),
            "a%20b%2F..%2Fc%3Fd%3De%26f%23g%25%C3%A9"
        );
        assert_eq!(encoded("A-z_0.9~"), "A-z_0.9~");
    }

    #[test]
    fn parts_of_a_path_that_stand_for_another_are_counted() {
        assert_eq!(dot_segments("https://host/a/../b/./c.d/..e?x=/../#/.."), 2);
        assert_eq!(dot_segments("https://host/{{inputs.a}}/..{{inputs.b}}"), 0);
        assert_eq!(dot_segments("https://host/.."), 1);
        assert_eq!(dot_segments(r"https://host/a\..\b/%2E%2e/.%2e/%2e{{x}}"), 3);
    }
}
