//! `postern action run`

use std::{collections::BTreeMap, process::ExitCode};

use clap::Args;
use postern_api::{actions::ActionRun, scripts::ParameterValue};
use postern_client::IdempotencyKey;
use serde_json::Value;

use crate::{
    clock,
    commands::jobs::{
        options::StartOptions,
        request::parse_parameter,
        run::{blame, check_output, print_preview, stay},
    },
    context::Context,
    failure::Failure,
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
    if start.dry_run {
        let preview = context.client.action_preview(id, &request).await?;
        console.answer(&preview, |preview| print_preview(preview, console))?;
        return Ok(ExitCode::SUCCESS);
    }
    let created = context
        .client
        .action_run(id, &request, &IdempotencyKey::random())
        .await
        .map_err(|error| blame(start, error.into()))?;
    stay(created, start, &context).await
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
