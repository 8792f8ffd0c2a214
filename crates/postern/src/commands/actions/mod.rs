//! `postern action …`: saved operations, edited as drafts and run as they were deployed.

pub(crate) mod manage;
pub(crate) mod run;
mod versions;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};

use super::{files::PlaceOptions, list::ListArguments};
use crate::{context::Context, failure::Failure, output::Console};

#[derive(Debug, Subcommand)]
pub(crate) enum ActionCommand {
    /// List actions
    List(ListArguments),
    /// Show an action: what runs, what it asks for, and whether the draft says something else
    Show {
        /// Name or id
        action: String,
    },
    /// Create actions from YAML or JSON files, or change the drafts of those of the same name
    #[command(after_long_help = APPLY_HELP)]
    Apply(Apply),
    /// Write the draft as a file that `apply` reads; secrets are left out
    Export {
        /// Name or id
        action: String,
        /// Write here instead of to standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Make the draft the version that runs
    Deploy {
        action: String,
        /// What this version is for
        #[arg(long, value_name = "TEXT", default_value = "")]
        message: String,
    },
    /// Copy the draft under another name
    Clone { action: String, name: String },
    /// Give an action another name, draft and deployed version alike
    Rename { action: String, name: String },
    /// List the versions that were deployed
    Versions {
        action: String,
        #[command(flatten)]
        list: ListArguments,
    },
    /// Show what changed between two versions, or between the deployed version and the draft
    Diff {
        action: String,
        from: Option<u32>,
        to: Option<u32>,
    },
    /// Make what an old version says the draft
    Restore { action: String, version: u32 },
    /// Delete an action with its versions; what it ran stays
    Delete {
        action: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Run an action on its hosts
    Run(Box<run::ActionRunArguments>),
}

const APPLY_HELP: &str = "The file has the shape of the API's request:\n\n  \
    name: restart-web\n  \
    definition:\n    \
      work: {kind: job, job: {type: service_control, payload: {service: nginx, action: restart}}}\n    \
      parameters: [{name: service, type: choice, choices: [nginx, apache2]}]\n    \
      fills: {service: /service}    # where the value goes in the payload, as a JSON Pointer\n    \
      targets: {selector: role=web}\n    \
      runners: ['role:operator']    # or user:ID; everybody who may run jobs there when absent";

#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// The file; `-` is standard input
    #[arg(short, long = "file", value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Deploy what was changed as well
    #[arg(long)]
    deploy: bool,
    /// What the deployed versions are for
    #[arg(long, value_name = "TEXT", default_value = "", requires = "deploy")]
    message: String,
    #[command(flatten)]
    place: PlaceOptions,
}

pub(crate) async fn run(command: ActionCommand, console: &Console) -> Result<ExitCode, Failure> {
    let command = match command {
        ActionCommand::Run(arguments) => return run::action_run(&arguments, console).await,
        other => other,
    };
    let context = Context::signed_in(console)?;
    match command {
        ActionCommand::List(list) => manage::action_list(&list, &context).await?,
        ActionCommand::Show { action } => manage::action_show(&action, &context).await?,
        ActionCommand::Apply(apply) => manage::action_apply(&apply, &context).await?,
        ActionCommand::Export { action, output } => {
            manage::action_export(&action, output.as_deref(), &context).await?;
        }
        ActionCommand::Deploy { action, message } => versions::deploy(&action, message, &context).await?,
        ActionCommand::Clone { action, name } => manage::action_clone(&action, name, &context).await?,
        ActionCommand::Rename { action, name } => manage::action_rename(&action, name, &context).await?,
        ActionCommand::Versions { action, list } => versions::list(&action, &list, &context).await?,
        ActionCommand::Diff { action, from, to } => versions::diff(&action, from, to, &context).await?,
        ActionCommand::Restore { action, version } => versions::restore(&action, version, &context).await?,
        ActionCommand::Delete { action, yes } => manage::action_delete(&action, yes, &context).await?,
        // Returned above.
        ActionCommand::Run(_) => {}
    }
    Ok(ExitCode::SUCCESS)
}
