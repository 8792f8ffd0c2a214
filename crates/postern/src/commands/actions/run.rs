//! `postern action run`

use std::{collections::BTreeMap, process::ExitCode};

use clap::Args;
use postern_api::{actions::ActionRun, scripts::ParameterValue};
use postern_client::IdempotencyKey;
use postern_domain::parameter::{Parameter, ParameterType};
use serde_json::Value;

use crate::{
    clock,
    commands::jobs::{
        options::StartOptions,
        request::parse_parameter,
        run::{blame, check_output, print_preview, stay},
    },
    context::Context,
    failure::{Failure, by_options},
    lookup,
    output::Console,
};

#[derive(Debug, Args)]
pub(crate) struct ActionRunArguments {
    /// Name or id
    action: String,
    /// Value of an open parameter. Secret ones are given with --secret
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parse_parameter)]
    parameters: Vec<(String, String)>,
    /// The draft instead of the deployed version, to try it
    #[arg(long)]
    draft: bool,
    #[command(flatten)]
    start: StartOptions,
}

pub(super) async fn action_run(
    arguments: &ActionRunArguments,
    console: &Console,
) -> Result<ExitCode, Failure> {
    let start = &arguments.start;
    check_output(start, console)?;
    let request = ActionRun {
        parameters: parameters(&arguments.parameters, start, console)?,
        draft: arguments.draft,
        not_before: start.not_before(clock::now())?,
    };
    let context = Context::signed_in(console).map_err(|failure| blame(start, failure))?;
    let id = lookup::action(&context.client, &arguments.action)
        .await
        .map_err(|failure| blame(start, failure))?
        .id;
    if !arguments.parameters.is_empty() {
        let detail = context.client.action_show(id).await;
        let detail = detail.map_err(|error| blame(start, error.into()))?;
        let asks = if arguments.draft {
            &detail.draft_asks
        } else {
            &detail.asks
        };
        check_plain(&arguments.parameters, asks).map_err(|failure| blame(start, failure))?;
    }
    if start.dry_run {
        let preview = context
            .client
            .action_preview(id, &request)
            .await
            .map_err(|error| by_options(error, "--param"))?;
        console.answer(&preview, |preview| print_preview(preview, console))?;
        return Ok(ExitCode::SUCCESS);
    }
    let created = context
        .client
        .action_run(id, &request, &IdempotencyKey::random())
        .await
        .map_err(|error| blame(start, by_options(error, "--param").into()))?;
    stay(created, start, &context).await
}

/// What the server takes from a form and nobody means on a command line: a secret in the open, where every user of the
/// machine can read it; and nothing for what is no text, which would quietly be the default.
pub(crate) fn check_plain(plain: &[(String, String)], definitions: &[Parameter]) -> Result<(), Failure> {
    for (name, value) in plain {
        let Some(parameter) = definitions.iter().find(|parameter| parameter.name == *name) else {
            continue;
        };
        match parameter.kind {
            ParameterType::Secret => {
                return Err(Failure::usage(format!(
                    "--param {name}: is secret, and a value on the command line can be read by every user of this machine: \
                     give --secret {name}=@FILE, --secret {name}=env:VARIABLE, or --secret {name} to be asked"
                )));
            }
            ParameterType::Integer | ParameterType::Number | ParameterType::Boolean if value.is_empty() => {
                return Err(Failure::usage(format!(
                    "--param {name}: is empty: give a value, or leave it out to take the default"
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Plain and secret values, each once.
pub(crate) fn parameters(
    plain: &[(String, String)],
    start: &StartOptions,
    console: &Console,
) -> Result<BTreeMap<String, ParameterValue>, Failure> {
    let secrets = start.secrets(console)?;
    let plain = plain
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())));
    let secret = secrets
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.reveal())));
    let mut parameters = BTreeMap::new();
    for (name, value) in plain.chain(secret) {
        if parameters.insert(name.clone(), ParameterValue(value)).is_some() {
            return Err(Failure::usage(format!("parameter {name:?} is given twice")));
        }
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_the_open_and_nothing_for_a_number_are_refused() {
        let definitions: Vec<Parameter> = serde_json::from_value(serde_json::json!([
            {"name": "s", "type": "string"}, {"name": "n", "type": "integer", "default": 7},
            {"name": "on", "type": "boolean"}, {"name": "tok", "type": "secret"},
        ]))
        .unwrap();
        let check = |name: &str, value: &str| {
            let given = [(name.to_owned(), value.to_owned())];
            check_plain(&given, &definitions).map_err(|failure| failure.lines().concat())
        };
        for (name, value) in [("s", ""), ("s", "x"), ("n", "x"), ("unknown", "")] {
            assert_eq!(check(name, value), Ok(()), "{name}={value}");
        }
        for (name, value, said) in [
            ("tok", "clear", "--param tok: is secret"),
            ("tok", "", "--secret tok=@FILE"),
            ("n", "", "--param n: is empty"),
            ("on", "", "leave it out"),
        ] {
            let told = check(name, value).expect_err(name);
            assert!(told.contains(said) && !told.contains("clear"), "{told}");
        }
    }
}
