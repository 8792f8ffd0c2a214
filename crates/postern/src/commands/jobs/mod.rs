//! `postern job …`

mod manage;
pub(crate) mod options;
mod output;
mod printer;
pub(crate) mod request;
mod result;
pub(crate) mod run;
mod typed;
pub(crate) mod watch;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use postern_api::jobs::StreamName;
use postern_domain::{JobId, job::JobState};

use super::list::ListArguments;
use crate::{
    context::Context,
    failure::Failure,
    output::{Console, Tone},
};

#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Run a command or a script on one or several agents
    Run(request::Run),
    #[command(flatten)]
    Typed(Box<typed::TypedCommand>),
    /// List jobs, newest first
    List(List),
    /// Show one job with its attempts and its timeline
    Show { id: JobId },
    /// Print what a job wrote
    Output(Output),
    /// Stop a job that is queued, pending or running
    Cancel { id: JobId },
    /// Try a job that failed, timed out or is unknown once more
    Retry { id: JobId },
    /// Delete an ended job and its output; the audit trail keeps its digest
    Delete {
        id: JobId,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    list: ListArguments,
    /// queued, pending, running, completed, failed, timeout, cancelled, unknown
    #[arg(long, value_name = "STATE", value_parser = parse_state)]
    state: Vec<String>,
    /// command, script, service_control, process_control, network_diagnostic, software_install, user_control,
    /// group_control, http_request
    #[arg(long = "type", value_name = "TYPE")]
    kind: Vec<String>,
    /// critical, high, normal
    #[arg(long, value_name = "PRIORITY")]
    priority: Vec<String>,
    /// Only of this agent, by name or id
    #[arg(long, value_name = "AGENT")]
    agent: Vec<String>,
    /// Only of this organization
    #[arg(long, value_name = "ORGANIZATION")]
    organization: Vec<String>,
    /// Only of this execution
    #[arg(long, value_name = "ID")]
    execution: Vec<String>,
    /// Only of this script, by name or id
    #[arg(long, value_name = "SCRIPT")]
    script: Vec<String>,
    /// Only of this schedule, by name or id
    #[arg(long, value_name = "SCHEDULE")]
    schedule: Vec<String>,
    /// Created at this time or later: 2026-11-22T09:30:00Z
    #[arg(long, value_name = "TIME")]
    from: Vec<String>,
    /// Created before
    #[arg(long, value_name = "TIME")]
    before: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Output {
    id: JobId,
    /// Print what comes until the job has ended
    #[arg(short, long, conflicts_with = "attempt")]
    follow: bool,
    /// Of this attempt instead of the last one
    #[arg(long, value_name = "N")]
    attempt: Option<u32>,
    /// Only this stream, on standard output
    #[arg(long, value_name = "STREAM", value_parser = parse_stream)]
    stream: Option<StreamName>,
}

pub(crate) async fn run(command: JobCommand, console: &Console) -> Result<ExitCode, Failure> {
    match command {
        JobCommand::Run(run) => return run::job_run(request::work(&run)?, &run.options, console).await,
        JobCommand::Typed(command) => return run::job_run(command.work()?, command.options(), console).await,
        JobCommand::List(list) => manage::job_list(list, &Context::signed_in(console)?).await?,
        JobCommand::Show { id } => manage::job_show(id, &Context::signed_in(console)?).await?,
        JobCommand::Output(arguments) => {
            output::job_output(&arguments, &Context::signed_in(console)?).await?;
        }
        JobCommand::Cancel { id } => manage::job_cancel(id, &Context::signed_in(console)?).await?,
        JobCommand::Retry { id } => manage::job_retry(id, &Context::signed_in(console)?).await?,
        JobCommand::Delete { id, yes } => manage::job_delete(id, yes, &Context::signed_in(console)?).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn parse_state(text: &str) -> Result<String, String> {
    let known = || {
        JobState::ALL
            .iter()
            .map(|state| state.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    match text.split(',').find(|word| JobState::parse(word).is_none()) {
        None => Ok(text.to_owned()),
        Some(word) => Err(format!("{word:?} is no state: use {}", known())),
    }
}

fn parse_stream(text: &str) -> Result<StreamName, String> {
    match text {
        "stdout" => Ok(StreamName::Stdout),
        "stderr" => Ok(StreamName::Stderr),
        _ => Err("use stdout or stderr".to_owned()),
    }
}

fn tone(state: JobState) -> Tone {
    match state {
        JobState::Completed => Tone::Good,
        JobState::Queued | JobState::Pending | JobState::Running => Tone::Busy,
        JobState::Failed | JobState::Timeout | JobState::Unknown => Tone::Bad,
        JobState::Cancelled => Tone::Plain,
    }
}
