//! `postern script run`

use std::process::ExitCode;

use clap::Args;
use postern_api::scripts::{ScriptKind, ScriptRun};
use postern_client::IdempotencyKey;
use postern_domain::ScriptId;

use crate::{
    clock,
    commands::{
        actions::run::{check_plain, parameters},
        jobs::{
            options::RunOptions,
            request::parse_parameter,
            run::{blame, check_output, print_preview, stay},
        },
    },
    context::Context,
    failure::{Failure, by_options},
    lookup,
    output::Console,
};

#[derive(Debug, Args)]
pub(crate) struct ScriptRunArguments {
    /// Name or id
    script: String,
    /// This version instead of the newest
    #[arg(long, value_name = "N")]
    version: Option<u32>,
    /// Value of a parameter. Secret ones are given with --secret
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parse_parameter)]
    parameters: Vec<(String, String)>,
    #[command(flatten)]
    options: RunOptions,
}

pub(super) async fn script_run(
    arguments: &ScriptRunArguments,
    console: &Console,
) -> Result<ExitCode, Failure> {
    let start = &arguments.options.start;
    check_output(start, console)?;
    let request = request(arguments, console)?;
    let context = Context::signed_in(console).map_err(|failure| blame(start, failure))?;
    let id = lookup::script(&context.client, ScriptKind::Script, &arguments.script)
        .await
        .map_err(|failure| blame(start, failure))?
        .id;
    check_values(id, arguments, &context)
        .await
        .map_err(|failure| blame(start, failure))?;
    if start.dry_run {
        let preview = context
            .client
            .script_preview(id, &request)
            .await
            .map_err(|error| by_options(error, "--param"))?;
        console.answer(&preview, |preview| print_preview(preview, console))?;
        return Ok(ExitCode::SUCCESS);
    }
    let created = context
        .client
        .script_run(id, &request, &IdempotencyKey::random())
        .await
        .map_err(|error| blame(start, by_options(error, "--param").into()))?;
    stay(created, start, &context).await
}

async fn check_values(
    id: ScriptId,
    arguments: &ScriptRunArguments,
    context: &Context<'_>,
) -> Result<(), Failure> {
    if arguments.parameters.is_empty() {
        return Ok(());
    }
    let definition = match arguments.version {
        Some(version) => context.client.script_version_show(id, version).await?.definition,
        None => context.client.script_show(id).await?.definition,
    };
    check_plain(&arguments.parameters, &definition.parameters)
}

fn request(arguments: &ScriptRunArguments, console: &Console) -> Result<ScriptRun, Failure> {
    let options = &arguments.options;
    let parameters = parameters(&arguments.parameters, &options.start, console)?;
    Ok(ScriptRun {
        version: arguments.version,
        parameters,
        targets: options.targets(),
        priority: options.priority,
        timeout_seconds: options.timeout,
        not_before: options.start.not_before(clock::now())?,
        rolling: options.rolling(),
        concurrency: options.concurrency(),
    })
}
