//! `postern execution …`

use std::path::{Path, PathBuf};

use clap::Subcommand;
use postern_api::{
    executions::{ArchiveFormat, Execution, ExecutionRerun, RerunHosts},
    jobs::StreamName,
};
use postern_client::IdempotencyKey;
use postern_domain::{ExecutionId, job::JobState};

use super::{
    download,
    list::{ListArguments, closing},
};
use crate::{clock, context::Context, failure::Failure, lookup, output::Tone, words};

#[derive(Debug, Subcommand)]
pub(crate) enum ExecutionCommand {
    /// List executions, newest first
    List {
        #[command(flatten)]
        list: ListArguments,
        /// command, script, service_control, process_control, network_diagnostic, software_install, user_control,
        /// group_control, http_request
        #[arg(long = "type", value_name = "TYPE")]
        kind: Vec<String>,
        /// running (a job of it is not over), failed (one failed, timed out or is unknown), cancelled (one was cancelled),
        /// completed (all did)
        #[arg(long, value_name = "OUTCOME")]
        outcome: Vec<String>,
        /// Only of this script, by name or id
        #[arg(long, value_name = "SCRIPT")]
        script: Vec<String>,
        /// Only of this action, by name or id
        #[arg(long, value_name = "ACTION")]
        action: Vec<String>,
        /// Only of this schedule, by name or id
        #[arg(long, value_name = "SCHEDULE")]
        schedule: Vec<String>,
    },
    /// Show one: how many of its jobs are in each state, and where a rolling one stands
    Show { id: ExecutionId },
    /// Cancel every job of it that is queued, pending or running
    Cancel { id: ExecutionId },
    /// Try every job of it that failed, timed out or is unknown once more
    Retry { id: ExecutionId },
    /// Run the same again as a new execution, on the hosts where it failed, timed out or is unknown
    Rerun {
        id: ExecutionId,
        /// On those where it was cancelled as well: all that did not complete
        #[arg(long, conflicts_with = "all")]
        unfinished: bool,
        /// On all hosts
        #[arg(long)]
        all: bool,
    },
    /// Save all of its jobs with their output: a .zip with a folder per host, or a .json
    Download {
        id: ExecutionId,
        /// The file to write, whose ending says the format; - is standard output
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// zip or json, where no ending says it
        #[arg(long, value_name = "FORMAT", value_parser = parse_format)]
        format: Option<ArchiveFormat>,
    },
}

pub(crate) async fn run(command: ExecutionCommand, context: &Context<'_>) -> Result<(), Failure> {
    let (client, console) = (&context.client, context.console);
    match command {
        ExecutionCommand::List {
            list,
            kind,
            outcome,
            script,
            action,
            schedule,
        } => {
            let script = lookup::script_ids(client, &script).await?;
            let action = lookup::action_ids(client, &action).await?;
            let schedule = lookup::schedule_ids(client, &schedule).await?;
            let request = list.request(&[
                ("type", &kind),
                ("outcome", &outcome),
                ("script", &script),
                ("action", &action),
                ("schedule", &schedule),
            ]);
            let page = client.execution_list_all(&request, list.limit()).await?;
            console.answer(&page, |page| {
                if !page.items.is_empty() {
                    let head = ["ID", "WHAT", "HOSTS", "STATE", "CREATED", "BY"];
                    console.table(&head, page.items.iter().map(row).collect());
                }
                closing(console, page, "executions");
            })
        }
        ExecutionCommand::Show { id } => {
            let execution = client.execution_show(id).await?;
            console.answer(&execution, |execution| print(execution, context))
        }
        ExecutionCommand::Cancel { id } => {
            let changed = client.execution_cancel(id).await?;
            console.answer(&changed, |changed| {
                console.say(&match changed.changed {
                    1 => "1 job is cancelled or told to stop".to_owned(),
                    jobs => format!("{jobs} jobs are cancelled or told to stop"),
                });
            })
        }
        ExecutionCommand::Retry { id } => {
            let changed = client.execution_retry(id).await?;
            console.answer(&changed, |changed| {
                console.say(&match changed.changed {
                    1 => "1 job is queued again".to_owned(),
                    jobs => format!("{jobs} jobs are queued again"),
                });
            })
        }
        ExecutionCommand::Rerun { id, unfinished, all } => {
            let hosts = match (unfinished, all) {
                (_, true) => RerunHosts::All,
                (true, false) => RerunHosts::Unfinished,
                (false, false) => RerunHosts::Failed,
            };
            let made = client
                .execution_rerun(id, &ExecutionRerun { hosts }, &IdempotencyKey::random())
                .await?;
            console.answer(&made, |made| {
                console.say(&format!(
                    "execution {} runs it again on {}",
                    made.execution_id,
                    words::count(made.jobs.len(), "host", "hosts")
                ));
            })
        }
        ExecutionCommand::Download { id, output, format } => {
            let format = match format {
                Some(format) => format,
                None => format_of(&output)?,
            };
            execution_download(id, format, &output, context).await
        }
    }
}

async fn execution_download(
    id: ExecutionId,
    format: ArchiveFormat,
    output: &Path,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let (client, console) = (&context.client, context.console);
    if output != Path::new(STDOUT) {
        let file = client.execution_download(id, format).await?;
        let bytes = words::count(download::to_file(file, output).await?, "byte", "bytes");
        console.note(&format!("execution {id} is in {} ({bytes})", output.display()));
        return Ok(());
    }
    if format == ArchiveFormat::Zip && console.is_terminal(StreamName::Stdout) {
        return Err(Failure::usage(
            "a ZIP file is no text for a terminal: name a file, or send it into a pipe",
        ));
    }
    download::to_stdout(client.execution_download(id, format).await?, console).await
}

/// In the place of a file's name.
const STDOUT: &str = "-";

fn format_of(output: &Path) -> Result<ArchiveFormat, Failure> {
    let ending = output.extension().and_then(|ending| ending.to_str());
    ending
        .and_then(|ending| parse_format(ending).ok())
        .ok_or_else(|| Failure::usage("the file must end in .zip or .json, or give --format zip or json"))
}

fn parse_format(text: &str) -> Result<ArchiveFormat, String> {
    match text {
        "zip" => Ok(ArchiveFormat::Zip),
        "json" => Ok(ArchiveFormat::Json),
        _ => Err("use zip or json".to_owned()),
    }
}

fn state(execution: &Execution) -> (String, Tone) {
    let counts: Vec<String> = execution
        .counts
        .iter()
        .map(|(state, jobs)| format!("{jobs} {state}"))
        .collect();
    let bad = [JobState::Failed, JobState::Timeout, JobState::Unknown];
    let tone = if !execution.finished {
        Tone::Busy
    } else if bad.iter().any(|state| execution.count(*state) > 0) {
        Tone::Bad
    } else {
        Tone::Good
    };
    (counts.join(", "), tone)
}

fn row(execution: &Execution) -> Vec<(String, Tone)> {
    let plain = |text: String| (text, Tone::Plain);
    vec![
        plain(execution.id.to_string()),
        plain(execution.summary.clone()),
        plain(execution.hosts.to_string()),
        state(execution),
        plain(words::relative(execution.created_at, clock::now())),
        plain(execution.created_by.clone()),
    ]
}

fn print(execution: &Execution, context: &Context<'_>) {
    let now = clock::now();
    let id = |id: Option<String>| id.unwrap_or_default();
    let rolling = execution.rolling.as_ref();
    context.console.fields(&[
        ("id", execution.id.to_string()),
        ("what", execution.summary.clone()),
        ("hosts", execution.hosts.to_string()),
        ("state", state(execution).0),
        (
            "finished",
            if execution.finished { "yes" } else { "no" }.to_owned(),
        ),
        (
            "batches",
            id(rolling.map(|rolling| format!("{} of {} have begun", rolling.begun, rolling.batches))),
        ),
        (
            "resumes",
            id(rolling
                .and_then(|rolling| rolling.resumes_at)
                .map(|at| words::absolute(at, now))),
        ),
        ("stopped", id(rolling.and_then(|rolling| rolling.stopped.clone()))),
        (
            "script",
            id(execution
                .script
                .as_ref()
                .map(|script| format!("{} version {}", script.id, script.version))),
        ),
        (
            "action",
            id(execution.action.as_ref().map(|action| match action.version {
                Some(version) => format!("{} version {version}", action.id),
                None => format!("{}, its draft", action.id),
            })),
        ),
        ("repeats", id(execution.rerun_of.map(|id| id.to_string()))),
        ("schedule", id(execution.schedule_id.map(|id| id.to_string()))),
        ("instance", id(execution.instance_id.map(|id| id.to_string()))),
        (
            "created",
            format!(
                "{} by {}",
                words::absolute(execution.created_at, now),
                execution.created_by
            ),
        ),
    ]);
    context.console.note(&format!(
        "its jobs: `postern job list --execution {}`",
        execution.id
    ));
}
