//! `postern job list`, `show`, `cancel`, `retry`, `delete`.

use postern_api::jobs::{Attempt, Job, JobDetail, LateResult};
use postern_domain::{JobId, Timestamp, job::JobState};
use postern_protocol::payload::JobPayload;

use super::{
    super::list::closing,
    List,
    result::{print_result, result_of},
    tone,
};
use crate::{
    clock,
    context::Context,
    failure::Failure,
    lookup,
    output::{Console, Tone},
    words,
};

pub(super) async fn job_list(list: List, context: &Context<'_>) -> Result<(), Failure> {
    let script = lookup::script_ids(&context.client, &list.script).await?;
    let schedule = lookup::schedule_ids(&context.client, &list.schedule).await?;
    let request = list.list.request(&[
        ("state", &list.state),
        ("type", &list.kind),
        ("priority", &list.priority),
        ("agent", &list.agent),
        ("organization", &list.organization),
        ("execution", &list.execution),
        ("script", &script),
        ("schedule", &schedule),
        ("created_from", &list.from),
        ("created_before", &list.before),
    ]);
    let page = context.client.job_list_all(&request, list.list.limit()).await?;
    context.console.answer(&page, |page| {
        let now = clock::now();
        if !page.items.is_empty() {
            context
                .console
                .table(&COLUMNS, page.items.iter().map(|job| row(job, now)).collect());
        }
        closing(context.console, page, "jobs");
    })
}

const COLUMNS: [&str; 9] = [
    "ID", "AGENT", "TYPE", "STATE", "EXIT", "PRIORITY", "CREATED", "WAITS", "WHAT",
];

fn row(job: &Job, now: Timestamp) -> Vec<(String, Tone)> {
    let plain = |text: String| (text, Tone::Plain);
    vec![
        plain(job.id.to_string()),
        plain(job.agent.clone()),
        plain(job.kind.as_str().to_owned()),
        (state(job), tone(job.state)),
        plain(job.exit_code.map(|code| code.to_string()).unwrap_or_default()),
        plain(job.priority.to_string()),
        plain(words::relative(job.created_at, now)),
        plain(waits(job)),
        plain(job.summary.clone()),
    ]
}

fn state(job: &Job) -> String {
    if job.cancel_requested && !job.state.is_final() {
        format!("{}, cancelling", job.state)
    } else {
        job.state.to_string()
    }
}

/// Why it waits; empty where it does not.
fn waits(job: &Job) -> String {
    job.waits
        .as_ref()
        .map(|wait| wait.text.clone())
        .unwrap_or_default()
}

pub(super) async fn job_show(id: JobId, context: &Context<'_>) -> Result<(), Failure> {
    let detail = context.client.job_show(id).await?;
    context
        .console
        .answer(&detail, |detail| print(detail, context.console))
}

fn print(detail: &JobDetail, console: &Console) {
    let now = clock::now();
    print_job(detail, now, console);
    if !detail.attempts.is_empty() {
        console.say("");
        console.table(
            &["ATTEMPT", "STATE", "EXIT", "TOOK", "STDOUT", "STDERR", "REASON"],
            detail.attempts.iter().map(attempt_row).collect(),
        );
    }
    let newest = detail.attempts.last();
    if let Some(result) = result_of(newest.and_then(|attempt| attempt.result.as_ref())) {
        console.say("");
        print_result(&result, console);
    }
    for attempt in &detail.attempts {
        if let Some(late) = &attempt.late {
            console.say("");
            console.say(&late_line(attempt.number, late, now));
            if let Some(result) = result_of(late.result.as_ref()) {
                print_result(&result, console);
            }
        }
    }
    if !detail.timeline.is_empty() {
        console.say("");
        for entry in &detail.timeline {
            console.say(&format!("{}  {}", words::absolute(entry.at, now), entry.text));
        }
    }
}

fn print_job(detail: &JobDetail, now: Timestamp, console: &Console) {
    let job = &detail.job;
    let time = |time: Option<Timestamp>| time.map(|time| words::absolute(time, now)).unwrap_or_default();
    console.fields(&[
        ("id", job.id.to_string()),
        ("agent", format!("{} ({})", job.agent, job.agent_id)),
        ("type", job.kind.as_str().to_owned()),
        ("what", work(detail.work().as_ref(), &job.summary)),
        (
            "script",
            detail
                .script
                .as_ref()
                .map(|script| format!("{} version {}", script.id, script.version))
                .unwrap_or_default(),
        ),
        ("sha256", detail.content_sha256.clone().unwrap_or_default()),
        (
            "execution",
            job.execution_id.map(|id| id.to_string()).unwrap_or_default(),
        ),
        ("state", state(job)),
        ("waits for", waits(job)),
        (
            "exit code",
            job.exit_code.map(|code| code.to_string()).unwrap_or_default(),
        ),
        ("reason", job.reason.clone().unwrap_or_default()),
        ("priority", job.priority.to_string()),
        ("timeout", format!("{} s", job.timeout_seconds)),
        ("not before", time(job.not_before)),
        (
            "created",
            format!("{} by {}", words::absolute(job.created_at, now), job.created_by),
        ),
        ("started", time(job.started_at)),
        ("finished", time(job.finished_at)),
    ]);
}

fn work(work: Option<&JobPayload>, summary: &str) -> String {
    match work {
        // Quoted where needed, so that the arguments can be told apart.
        Some(JobPayload::Command(command)) if !command.shell => command
            .argv
            .iter()
            .map(|argument| {
                let simple = |c: char| c.is_alphanumeric() || "-_./=:,@%+".contains(c);
                if !argument.is_empty() && argument.chars().all(simple) {
                    argument.clone()
                } else {
                    format!("{argument:?}")
                }
            })
            .collect::<Vec<_>>()
            .join(" "),
        Some(JobPayload::Command(command)) => format!("{} (in a shell)", command.argv.join(" ")),
        Some(JobPayload::Script(script)) => format!(
            "{}, {}: {summary}",
            script.language.as_str(),
            words::count(script.content.lines().count(), "line", "lines"),
        ),
        _ => summary.to_owned(),
    }
}

fn attempt_row(attempt: &Attempt) -> Vec<(String, Tone)> {
    let plain = |text: String| (text, Tone::Plain);
    vec![
        plain(attempt.number.to_string()),
        (attempt.state.to_string(), tone(attempt.state)),
        plain(attempt.exit_code.map(|code| code.to_string()).unwrap_or_default()),
        plain(took(attempt.duration_ms).unwrap_or_default()),
        plain(format!("{} B", attempt.stdout_bytes)),
        plain(format!("{} B", attempt.stderr_bytes)),
        plain(attempt.reason.clone().unwrap_or_default()),
    ]
}

fn took(duration_ms: Option<i64>) -> Option<String> {
    let milliseconds = u64::try_from(duration_ms?).ok()?;
    Some(words::took(std::time::Duration::from_millis(milliseconds)))
}

/// What its agent told of an attempt that the server had ended before.
fn late_line(number: u32, late: &LateResult, now: Timestamp) -> String {
    let mut parts = vec![late.state.to_string()];
    parts.extend(late.exit_code.map(|code| format!("exit code {code}")));
    parts.extend(took(late.duration_ms).map(|took| format!("took {took}")));
    parts.extend(late.reason.clone());
    let came = words::absolute(late.received_at, now);
    let told = parts.join(", ");
    format!("attempt {number}: a late result came {came}: {told}")
}

pub(super) async fn job_cancel(id: JobId, context: &Context<'_>) -> Result<(), Failure> {
    let job = context.client.job_cancel(id).await?;
    context.console.answer(&job, |job| {
        context.console.say(&if job.state == JobState::Cancelled {
            format!("job {} is cancelled", job.id)
        } else {
            format!(
                "job {} is {}, cancelling: its agent stops it as soon as it hears of it",
                job.id, job.state
            )
        });
    })
}

pub(super) async fn job_retry(id: JobId, context: &Context<'_>) -> Result<(), Failure> {
    let job = context.client.job_retry(id).await?;
    context.console.answer(&job, |job| {
        context.console.say(&format!(
            "job {} is queued for attempt {}; watch it with `postern job output -f {}`",
            job.id, job.attempt, job.id
        ));
    })
}

pub(super) async fn job_delete(id: JobId, yes: bool, context: &Context<'_>) -> Result<(), Failure> {
    context
        .console
        .confirm(&format!("Delete job {id} and its output?"), yes)?;
    context.client.job_delete(id).await?;
    if !context.console.is_json() {
        context.console.say(&format!("job {id} is deleted"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use postern_protocol::payload::Command;

    use super::*;

    #[test]
    fn arguments_of_a_command_can_be_told_apart() {
        let command = |argv: &[&str]| {
            let payload = JobPayload::Command(Command {
                argv: argv.iter().map(|argument| (*argument).to_owned()).collect(),
                ..Default::default()
            });
            work(Some(&payload), "")
        };
        assert_eq!(command(&["ls", "-l", "/a b"]), "ls -l \"/a b\"");
        assert_eq!(command(&["printf", "", "a\nb"]), "printf \"\" \"a\\nb\"");
    }

    #[test]
    fn a_late_result_is_told_with_all_that_came_with_it() {
        let now = Timestamp::from_micros(90_000_000);
        let mut late = LateResult {
            state: JobState::Failed,
            started_at: None,
            finished_at: None,
            exit_code: Some(3),
            reason: Some("no such service".into()),
            duration_ms: Some(1500),
            result: None,
            received_at: Timestamp::from_micros(60_000_000),
        };
        assert_eq!(
            late_line(2, &late, now),
            "attempt 2: a late result came 1970-01-01 00:01:00 UTC (30 s ago): \
             failed, exit code 3, took 1.5 s, no such service"
        );
        late.state = JobState::Unknown;
        (late.exit_code, late.reason, late.duration_ms) = (None, None, None);
        assert_eq!(
            late_line(1, &late, now),
            "attempt 1: a late result came 1970-01-01 00:01:00 UTC (30 s ago): unknown"
        );
    }
}
