//! `postern job run`: create, and stay with the jobs where that was asked for.

use std::{process::ExitCode, time::Duration};

use futures_util::{StreamExt as _, stream};
use postern_api::{
    jobs::{Job, JobDetail, JobPreview, JobReference, JobsCreated, StreamName},
    secret::SecretText,
};
use postern_client::IdempotencyKey;
use postern_domain::job::JobState;
use postern_protocol::payload::JobPayload;
use serde_json::json;

use super::{
    options::{RunOptions, StartOptions},
    output::print_output,
    printer::Printer,
    tone,
    watch::{Tells, Watcher},
};
use crate::{
    clock,
    context::Context,
    failure::Failure,
    output::{Console, Tone},
    words,
};

/// Jobs that are watched at once; the others are watched as these end.
const WATCHED: usize = 64;
const TIMED_OUT: u8 = 124;
pub(crate) const POSTERN_FAILED: u8 = 125;
/// As shells say it of a program that was interrupted.
pub(crate) const INTERRUPTED: u8 = 130;

/// Whether a drawn password is one that works, which its job decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// It completed everywhere.
    Yes,
    /// Nobody waited for the end.
    NotYet,
    /// Its end is waited for.
    Maybe,
}

/// Makes the jobs of any type, and stays with them where that was asked for.
pub(super) async fn job_run(
    work: JobPayload,
    options: &RunOptions,
    console: &Console,
) -> Result<ExitCode, Failure> {
    let start = &options.start;
    check_output(start, console)?;
    let request = options.job_create(work, clock::now(), console)?;
    let context = Context::signed_in(console).map_err(|failure| blame(start, failure))?;
    if start.dry_run {
        let preview = context.client.job_preview(&request).await?;
        console.answer(&preview, |preview| print_preview(preview, console))?;
        return Ok(ExitCode::SUCCESS);
    }
    let created = context
        .client
        .job_create(&request, &IdempotencyKey::random())
        .await
        .map_err(|error| blame(start, error.into()))?;
    stay(created, start, &context).await
}

pub(crate) fn check_output(options: &StartOptions, console: &Console) -> Result<(), Failure> {
    if options.follow && console.is_json() {
        let message = "--follow prints text as it comes: use --wait with --json";
        return Err(Failure::usage(message));
    }
    Ok(())
}

/// The exit code of a job that is stayed with is the job's: what fails before it has one is told apart.
pub(crate) fn blame(options: &StartOptions, failure: Failure) -> Failure {
    if options.stays() {
        Failure::OfPostern(Box::new(failure))
    } else {
        failure
    }
}

/// Prints what was made, or stays with it to its end.
pub(crate) async fn stay(
    created: JobsCreated,
    options: &StartOptions,
    context: &Context<'_>,
) -> Result<ExitCode, Failure> {
    let console = context.console;
    let password = created.generated_password.as_ref();
    if !options.stays() {
        print_password(password, Holds::NotYet, console);
        console.answer(&created, |created| print_created(created, console))?;
        return Ok(ExitCode::SUCCESS);
    }
    // Should the wait break off, nobody could ever learn it.
    print_password(password, Holds::Maybe, console);
    let stay = async {
        match created.jobs.as_slice() {
            [job] => stay_with_one(job, options.follow, password, context)
                .await
                .map_err(|failure| blame(options, failure)),
            jobs => stay_with_several(jobs, options.follow, password, context).await,
        }
    };
    let code = tokio::select! {
        code = stay => code,
        _ = tokio::signal::ctrl_c() => {
            console.note(&format!(
                "not watched any more, but not stopped: `postern execution cancel {}` stops it",
                created.execution_id
            ));
            Ok(INTERRUPTED)
        }
    };
    if matches!(code, Ok(0)) {
        print_password(password, Holds::Yes, console);
    }
    code.map(ExitCode::from)
}

/// Where it is not known to work it stays out of what a program reads. JSON has it beside the jobs.
fn print_password(password: Option<&SecretText>, holds: Holds, console: &Console) {
    let Some(password) = password else {
        return;
    };
    match holds {
        Holds::Yes | Holds::NotYet if console.is_json() => {}
        Holds::Yes => {
            console.note("the job completed; the new password:");
            console.say(password.reveal());
        }
        Holds::NotYet => {
            console.note("the new password, shown only now; it holds only where the job completes:");
            console.say(password.reveal());
        }
        Holds::Maybe => console.note(&format!(
            "the new password, shown only now; it does not hold where the job fails: {}",
            password.reveal()
        )),
    }
}

pub(crate) fn print_preview(preview: &JobPreview, console: &Console) {
    console.note(&format!(
        "would run on {} in {}: {} (sha256 {})",
        words::count(preview.hosts.len(), "host", "hosts"),
        words::count(preview.batches, "batch", "batches"),
        preview.summary,
        preview.payload_sha256
    ));
    if let Some(content) = &preview.content_sha256 {
        console.note(&format!(
            "sha256 of the whole script, as a policy names it: {content}"
        ));
    }
    let rows = preview.hosts.iter().map(|host| {
        let tone = if host.problem.is_some() {
            Tone::Bad
        } else {
            Tone::Plain
        };
        vec![
            (host.agent_id.to_string(), Tone::Plain),
            (host.agent.clone(), Tone::Plain),
            (host.batch.to_string(), Tone::Plain),
            (host.problem.clone().unwrap_or_else(|| "ready".to_owned()), tone),
        ]
    });
    console.table(&["ID", "AGENT", "BATCH", "STATE"], rows.collect());
}

fn print_created(created: &JobsCreated, console: &Console) {
    let rows = created.jobs.iter().map(|job| {
        vec![
            (job.id.to_string(), Tone::Plain),
            (job.agent.clone(), Tone::Plain),
            (job.state.to_string(), tone(job.state)),
        ]
    });
    console.table(&["ID", "AGENT", "STATE"], rows.collect());
    if created.jobs.len() > 1 {
        let id = created.execution_id;
        console.note(&format!(
            "execution {id}: `postern execution show {id}` tells how it goes"
        ));
    }
}

async fn stay_with_one(
    reference: &JobReference,
    follow: bool,
    password: Option<&SecretText>,
    context: &Context<'_>,
) -> Result<u8, Failure> {
    let console = context.console;
    let person = console.is_terminal(StreamName::Stderr);
    if person {
        console.note(&format!("job {} on {}", reference.id, reference.agent));
    }
    let watcher = Watcher {
        client: &context.client,
        console,
        printer: follow.then(|| Printer::new(console, None, None)),
        tells: Tells::Everything,
    };
    let job = watcher.watch(reference.id).await?;
    if console.is_json() {
        let detail = context.client.job_show(job.id).await?;
        console.json(&ended(&[detail], password))?;
    } else if !follow {
        print_output(job.id, Some(job.attempt), None, context).await?;
    }
    let code = exit_code(&job);
    if (code != 0 && person) || matches!(job.state, JobState::Timeout) || !has_code(&job) {
        console.note(&format!("job {} on {}: {}", job.id, job.agent, ending(&job)));
    }
    Ok(code)
}

/// The jobs at their end, and the password that is shown only now.
fn ended(jobs: &[JobDetail], password: Option<&SecretText>) -> serde_json::Value {
    let mut answer = json!({ "jobs": jobs });
    if let Some(password) = password {
        answer["generated_password"] = password.reveal().into();
    }
    answer
}

/// A job that was lost from sight counts as not completed, and the others are still watched.
async fn stay_with_several(
    references: &[JobReference],
    follow: bool,
    password: Option<&SecretText>,
    context: &Context<'_>,
) -> Result<u8, Failure> {
    let console = context.console;
    let width = references
        .iter()
        .map(|job| job.agent.chars().count())
        .max()
        .unwrap_or(0);
    let mut endings: Vec<(usize, Result<Job, Failure>)> = stream::iter(references.iter().enumerate())
        .map(|(position, reference)| async move {
            let printer = follow.then(|| {
                let prefix = format!("{:width$} | ", crate::sanitize::line(&reference.agent));
                Printer::new(console, Some(prefix), None)
            });
            let watcher = Watcher {
                client: &context.client,
                console,
                printer,
                tells: Tells::AllButBatches,
            };
            (position, watcher.watch(reference.id).await)
        })
        .buffer_unordered(WATCHED)
        .collect()
        .await;
    endings.sort_by_key(|(position, _)| *position);
    let all_completed = endings
        .iter()
        .all(|(_, ending)| matches!(ending, Ok(job) if job.state == JobState::Completed));
    if console.is_json() {
        let mut details = Vec::new();
        for reference in references {
            details.push(context.client.job_show(reference.id).await?);
        }
        console.json(&ended(&details, password))?;
    } else {
        let rows = endings
            .iter()
            .map(|(position, ending)| row(&references[*position], ending));
        console.table(
            &["ID", "AGENT", "STATE", "EXIT", "TOOK", "REASON"],
            rows.collect(),
        );
    }
    Ok(u8::from(!all_completed))
}

fn row(reference: &JobReference, ending: &Result<Job, Failure>) -> Vec<(String, Tone)> {
    let plain = |text: String| (text, Tone::Plain);
    let mut row = vec![plain(reference.id.to_string()), plain(reference.agent.clone())];
    match ending {
        Ok(job) => row.extend([
            (job.state.to_string(), tone(job.state)),
            plain(job.exit_code.map(|code| code.to_string()).unwrap_or_default()),
            plain(duration(job).map(words::took).unwrap_or_default()),
            plain(job.reason.clone().unwrap_or_default()),
        ]),
        Err(failure) => row.extend([
            ("not seen".to_owned(), Tone::Bad),
            plain(String::new()),
            plain(String::new()),
            plain(failure.lines().into_iter().next().unwrap_or_default()),
        ]),
    }
    row
}

fn duration(job: &Job) -> Option<Duration> {
    Some(job.finished_at?.since(job.started_at?))
}

fn has_code(job: &Job) -> bool {
    job.state == JobState::Completed || (job.state == JobState::Failed && job.exit_code.is_some())
}

fn ending(job: &Job) -> String {
    match &job.reason {
        Some(reason) => format!("{}: {reason}", job.state),
        None => job.state.to_string(),
    }
}

/// The job's own where it has one. Windows has wider codes than an exit code here can carry: those become 255,
/// so that a failure never looks like success.
fn exit_code(job: &Job) -> u8 {
    match job.state {
        JobState::Completed => 0,
        JobState::Timeout => TIMED_OUT,
        JobState::Failed => match job.exit_code {
            Some(code) => u8::try_from(code).unwrap_or(u8::MAX),
            None => POSTERN_FAILED,
        },
        _ => POSTERN_FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(state: &str, exit_code: Option<i32>) -> Job {
        let value = json!({
            "id": 1, "type": "command", "payload": {"argv": ["true"]}, "summary": "true",
            "agent_id": 7, "agent": "web1", "organization_id": 1, "execution_id": 1, "batch": 1, "state": state, "priority": "normal",
            "timeout_seconds": 300, "not_before": null, "created_at": "2026-11-22T09:30:00Z",
            "created_by": "anna", "attempt": 1, "cancel_requested": false, "started_at": null,
            "finished_at": null, "exit_code": exit_code, "reason": null, "waits": null,
        });
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_drawn_password_stands_beside_the_jobs() {
        let drawn = SecretText::new("s3cret");
        assert_eq!(
            ended(&[], Some(&drawn)),
            json!({"jobs": [], "generated_password": "s3cret"})
        );
        assert_eq!(ended(&[], None), json!({"jobs": []}));
    }

    #[test]
    fn the_exit_code_is_the_jobs_own_or_says_whose_fault_it_was() {
        let table = [
            ("completed", Some(0), 0),
            ("failed", Some(3), 3),
            ("failed", Some(137), 137),
            ("failed", Some(-1_073_741_510), 255),
            ("failed", Some(256), 255),
            ("failed", None, 125),
            ("timeout", None, 124),
            ("timeout", Some(0), 124),
            ("cancelled", None, 125),
            ("unknown", None, 125),
        ];
        for (state, code, expected) in table {
            assert_eq!(exit_code(&job(state, code)), expected, "{state} {code:?}");
        }
    }
}
