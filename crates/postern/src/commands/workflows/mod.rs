//! `postern workflow …` and `postern instance …`: definitions, edited as drafts and run as they were published, and
//! their runs.

mod file;
mod instances;
mod manage;
mod run;
mod templates;
mod validate;
mod versions;
mod watch;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use postern_client::IdempotencyKey;
use postern_domain::{
    InstanceId,
    workflow::{engine::InstanceState, json_schema},
};

use super::{jobs::options::SecretOptions, list::ListArguments};
use crate::{
    context::Context,
    failure::{Failure, by_options},
    lookup,
    output::Console,
};

#[derive(Debug, Subcommand)]
pub(crate) enum WorkflowCommand {
    /// List workflows
    List(ListArguments),
    /// Show a workflow: its steps, what it asks for, and whether the draft says something else
    Show {
        /// Name or id
        workflow: String,
    },
    /// Create workflows from YAML or JSON files, or change the drafts of those of the same name
    #[command(after_long_help = APPLY_HELP)]
    Apply(Apply),
    /// Look over files without a server: exit code 1 when one of them could not be saved
    Validate {
        /// The file; `-` is standard input
        #[arg(short, long = "file", value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Write the draft as a file that `apply` reads: as it was written, where it was written as YAML
    Export {
        /// Name or id
        workflow: String,
        /// Write here instead of to standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Make the draft the version that runs; instances keep the version they began with
    Publish {
        workflow: String,
        /// What this version is for
        #[arg(long, value_name = "TEXT", default_value = "")]
        message: String,
    },
    /// Copy the draft under another name
    Clone { workflow: String, name: String },
    /// Give a workflow another name, draft and published version alike
    Rename { workflow: String, name: String },
    /// List the versions that were published
    Versions {
        workflow: String,
        #[command(flatten)]
        list: ListArguments,
    },
    /// Show what changed between two versions, or between the published version and the draft
    Diff {
        workflow: String,
        from: Option<u32>,
        to: Option<u32>,
    },
    /// Make what an old version says the draft
    Restore { workflow: String, version: u32 },
    /// Delete a workflow with its versions and its ended instances; the jobs stay
    Delete {
        workflow: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// List workflows to begin with, or print one as a file that `apply` reads
    Template {
        /// One of the list
        template: Option<String>,
        /// How the workflow is called
        #[arg(long, requires = "template")]
        name: Option<String>,
    },
    /// Print the JSON Schema of workflows, for editors of YAML and JSON; needs no server
    Schema,
    /// Start a workflow
    Run(Box<run::WorkflowRunArguments>),
}

const APPLY_HELP: &str = "The file says how the workflow is called, and what it does:\n\n  \
    name: rollout\n  \
    description: Asks before it restarts the web servers\n  \
    organization: default         # optional, as is department: where a new one belongs\n  \
    inputs:\n    \
      - {name: service, type: choice, choices: [nginx, apache2], required: true}\n  \
    hosts: {selector: role=web}   # where whoever starts it names none\n  \
    steps:\n    \
      - {id: look, type: command, command: 'systemctl status {{inputs.service}}'}\n    \
      - id: ask\n      \
        type: approval\n      \
        title: Restart {{inputs.service}}?\n      \
        approval_type: one_of_many\n      \
        approvers: ['role:operator']\n    \
      - {id: restart, type: command, command: 'systemctl restart {{inputs.service}}'}";

#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// The file; `-` is standard input
    #[arg(short, long = "file", value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Publish what was changed as well
    #[arg(long)]
    publish: bool,
    /// What the published versions are for
    #[arg(long, value_name = "TEXT", default_value = "", requires = "publish")]
    message: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum InstanceCommand {
    /// List instances, newest first; --search looks into the names of their workflows
    List {
        #[command(flatten)]
        list: ListArguments,
        /// Only of this workflow, by name or id
        #[arg(long, value_name = "WORKFLOW")]
        workflow: Vec<String>,
        /// Only those that this schedule started, by its name or id
        #[arg(long, value_name = "SCHEDULE")]
        schedule: Vec<String>,
        /// pending, running, paused, completed, failed, cancelled
        #[arg(long, value_name = "STATE", value_parser = parse_state)]
        state: Vec<String>,
    },
    /// Show an instance and every step that began
    Show { id: InstanceId },
    /// What happened in an instance, in its order
    Events {
        id: InstanceId,
        /// Show at most this many
        #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Print what happens as it comes, until the instance has ended; with --json the instance at its end
    Watch { id: InstanceId },
    /// Try an instance again from the step that failed, with what the steps before it left
    Retry {
        id: InstanceId,
        #[command(flatten)]
        secrets: SecretOptions,
    },
    /// Run all of an instance again: the same version, inputs and hosts
    Rerun {
        id: InstanceId,
        #[command(flatten)]
        secrets: SecretOptions,
    },
    /// Cancel an instance: its jobs are told to stop, and it ends when they have
    Cancel {
        id: InstanceId,
        /// Kept with the instance
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
}

pub(crate) async fn run(command: WorkflowCommand, console: &Console) -> Result<ExitCode, Failure> {
    let command = match command {
        WorkflowCommand::Run(arguments) => return run::workflow_run(&arguments, console).await,
        WorkflowCommand::Validate { files } => return validate::workflow_validate(&files, console),
        WorkflowCommand::Template { template, name } => {
            templates::workflow_template(template.as_deref(), name.as_deref(), console)?;
            return Ok(ExitCode::SUCCESS);
        }
        WorkflowCommand::Schema => {
            console.json(&json_schema())?;
            return Ok(ExitCode::SUCCESS);
        }
        other => other,
    };
    let context = Context::signed_in(console)?;
    match command {
        WorkflowCommand::List(list) => manage::workflow_list(&list, &context).await?,
        WorkflowCommand::Show { workflow } => manage::workflow_show(&workflow, &context).await?,
        WorkflowCommand::Apply(apply) => manage::workflow_apply(&apply, &context).await?,
        WorkflowCommand::Export { workflow, output } => {
            manage::workflow_export(&workflow, output.as_deref(), &context).await?;
        }
        WorkflowCommand::Publish { workflow, message } => {
            versions::publish(&workflow, message, &context).await?;
        }
        WorkflowCommand::Clone { workflow, name } => {
            manage::workflow_clone(&workflow, name, &context).await?;
        }
        WorkflowCommand::Rename { workflow, name } => {
            manage::workflow_rename(&workflow, name, &context).await?;
        }
        WorkflowCommand::Versions { workflow, list } => versions::list(&workflow, &list, &context).await?,
        WorkflowCommand::Diff { workflow, from, to } => {
            versions::diff(&workflow, from, to, &context).await?;
        }
        WorkflowCommand::Restore { workflow, version } => {
            versions::restore(&workflow, version, &context).await?;
        }
        WorkflowCommand::Delete { workflow, yes } => {
            manage::workflow_delete(&workflow, yes, &context).await?;
        }
        // Returned above.
        WorkflowCommand::Run(_)
        | WorkflowCommand::Validate { .. }
        | WorkflowCommand::Template { .. }
        | WorkflowCommand::Schema => {}
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn run_instance(
    command: InstanceCommand,
    context: &Context<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        InstanceCommand::List {
            list,
            workflow,
            schedule,
            state,
        } => {
            let schedule = lookup::schedule_ids(&context.client, &schedule).await?;
            instances::instance_list(
                &list,
                &workflow,
                &[("schedule", &schedule), ("state", &state)],
                context,
            )
            .await?;
        }
        InstanceCommand::Show { id } => instances::instance_show(id, context).await?,
        InstanceCommand::Events { id, limit } => instances::instance_events(id, limit, context).await?,
        InstanceCommand::Watch { id } => return watch::stay(id, watch::How::Follow, context).await,
        InstanceCommand::Retry { id, secrets } => {
            let request = instances::again(&secrets, context.console)?;
            let made = context
                .client
                .instance_retry(id, &request, &IdempotencyKey::random())
                .await
                .map_err(|error| by_options(error, "--input"))?;
            instances::begun(&made, context.console)?;
        }
        InstanceCommand::Rerun { id, secrets } => {
            let request = instances::again(&secrets, context.console)?;
            let made = context
                .client
                .instance_rerun(id, &request, &IdempotencyKey::random())
                .await
                .map_err(|error| by_options(error, "--input"))?;
            instances::begun(&made, context.console)?;
        }
        InstanceCommand::Cancel { id, reason } => instances::instance_cancel(id, reason, context).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn parse_state(text: &str) -> Result<String, String> {
    let known: Vec<&str> = InstanceState::ALL.iter().map(|state| state.as_str()).collect();
    match text.split(',').find(|word| !known.contains(word)) {
        None => Ok(text.to_owned()),
        Some(word) => Err(format!("{word:?} is no state: use {}", known.join(", "))),
    }
}
