//! From stored rows to the types of the API.

use postern_api::executions::ScriptReference;
use postern_api::jobs::{
    Attempt, Job, JobDetail, JobOutput, LateResult, Segment, StreamOutput, TimelineEntry, Wait,
};
use postern_domain::{
    Timestamp,
    agent::{Connection, status},
    job::{AgentLoad, JobState, WaitReason, wait_reason},
};
use postern_protocol::payload::JobType;
use postern_store::{agents::groups::Dark, jobs, outputs};

use crate::{
    digest::digest,
    error::{Error, Result},
};

/// `dark`: the blackout that it waits for, if one holds.
pub(super) fn job_of(job: jobs::Job, dark: Option<&Dark>, now: Timestamp) -> Result<Job> {
    let priority = jobs::priority_of(job.priority);
    let gate = if job.held {
        Some(WaitReason::Batch)
    } else if dark.is_some() {
        Some(WaitReason::MaintenanceWindow)
    } else {
        // A job that has the key itself waits for nobody.
        let other = job.concurrency_holder.filter(|holder| *holder != job.id);
        other.map(|_| WaitReason::Concurrency)
    };
    let waits = (job.state == JobState::Queued).then(|| {
        // `created` plays no part here: an agent that was never seen is not connected either way.
        let (_, connection) = status(now, job.agent_seen, now);
        let load = AgentLoad {
            active: job.agent_active,
            connected: connection == Connection::Connected,
            busy: u32::try_from(job.agent_busy).unwrap_or(u32::MAX),
            slots: job.agent_slots,
        };
        wait_reason(priority, job.not_before.unwrap_or(job.due), load, gate, now)
    });
    Ok(Job {
        id: job.id,
        kind: kind_of(&job.kind)?,
        summary: job.summary,
        agent_id: job.agent_id,
        agent: job.agent,
        organization_id: job.organization_id,
        execution_id: job.execution_id,
        batch: job.batch,
        state: job.state,
        priority,
        timeout_seconds: job.timeout_seconds,
        not_before: job.not_before,
        created_at: job.created,
        created_by: job.created_by,
        attempt: job.attempt,
        cancel_requested: job.cancel_requested,
        started_at: job.started,
        finished_at: job.finished,
        exit_code: job.exit_code,
        reason: job.reason,
        waits: waits.flatten().map(|reason| {
            let job_id = job
                .concurrency_holder
                .filter(|_| reason == WaitReason::Concurrency);
            let mut text = reason.text().to_owned();
            if let (Some(id), Some(key)) = (job_id, &job.concurrency_key) {
                // Behind the tenant and what it holds for; the rest is the key as it was given, slashes and all.
                let key = key.splitn(3, '/').nth(2).unwrap_or(key);
                text = format!("{text}: job {id} has {key:?}");
            }
            let dark = dark.filter(|_| reason == WaitReason::MaintenanceWindow);
            if let Some(dark) = dark {
                text = blackout_text(dark);
            }
            Wait {
                reason,
                text,
                job_id,
                until: dark.map(|dark| dark.until),
            }
        }),
    })
}

/// `Host group "prod" has a blackout until 2027-01-01T23:00:00Z (calendar "holidays")`
pub(super) fn blackout_text(dark: &Dark) -> String {
    format!(
        "Host group {:?} has a blackout until {} (calendar {:?})",
        dark.group, dark.until, dark.calendar
    )
}

pub(super) fn kind_of(text: &str) -> Result<JobType> {
    JobType::parse(text).ok_or_else(|| Error::Internal(format!("a job of type {text:?} in the database")))
}

pub(super) fn detail_of(
    job: Job,
    payload: &str,
    script: Option<ScriptReference>,
    attempts: Vec<jobs::Attempt>,
    may_repeat: bool,
) -> Result<JobDetail> {
    let mut work: serde_json::Value = serde_json::from_str(payload)
        .map_err(|error| Error::Internal(format!("payload of job {}: {error}", job.id)))?;
    let timeline = timeline(&job, &attempts);
    let attempts = attempts.into_iter().map(attempt_of).collect();
    Ok(JobDetail {
        content_sha256: (job.kind == JobType::Script)
            .then(|| {
                work["payload"]["content"]
                    .as_str()
                    .map(|text| digest(text.as_bytes()))
            })
            .flatten(),
        payload: work["payload"].take(),
        script,
        attempts,
        timeline,
        may_repeat,
        job,
    })
}

pub(super) fn attempt_of(attempt: jobs::Attempt) -> Attempt {
    let late = attempt
        .late_state
        .zip(attempt.late)
        .map(|(state, received_at)| LateResult {
            state,
            started_at: attempt.late_started,
            finished_at: attempt.late_finished,
            exit_code: attempt.late_exit_code,
            reason: attempt.late_reason,
            duration_ms: milliseconds(attempt.late_duration_us),
            result: stored_result(attempt.late_result),
            received_at,
        });
    Attempt {
        id: attempt.id,
        number: attempt.number,
        state: attempt.state,
        handed_at: attempt.handed,
        started_at: attempt.started,
        finished_at: attempt.finished,
        exit_code: attempt.exit_code,
        reason: attempt.reason,
        duration_ms: milliseconds(attempt.duration_us),
        stdout_bytes: attempt.stdout_bytes,
        stderr_bytes: attempt.stderr_bytes,
        result: stored_result(attempt.result),
        late,
    }
}

fn milliseconds(duration_us: Option<i64>) -> Option<i64> {
    duration_us.map(|us| us / 1000)
}

/// Stored as it was checked when it came.
fn stored_result(text: Option<String>) -> Option<serde_json::Value> {
    serde_json::from_str(&text?).ok()
}

fn timeline(job: &Job, attempts: &[jobs::Attempt]) -> Vec<TimelineEntry> {
    let mut entries = vec![TimelineEntry {
        at: job.created_at,
        text: format!("Created by {}", job.created_by),
    }];
    let mut add = |at: Option<Timestamp>, text: String| {
        if let Some(at) = at {
            entries.push(TimelineEntry { at, text });
        }
    };
    for attempt in attempts {
        let number = attempt.number;
        add(
            Some(attempt.handed),
            format!("Attempt {number} handed to the agent"),
        );
        add(attempt.started, format!("Attempt {number} started"));
        let reason = after_colon(attempt.reason.as_deref());
        add(
            attempt.finished,
            format!("Attempt {number} {}{reason}", attempt.state),
        );
        if let Some(state) = attempt.late_state {
            let reason = after_colon(attempt.late_reason.as_deref());
            add(
                attempt.late,
                format!("A late result of attempt {number} arrived: {state}{reason}"),
            );
        }
    }
    if attempts.last().is_none_or(|attempt| attempt.number < job.attempt) && job.state.is_final() {
        let reason = after_colon(job.reason.as_deref());
        add(job.finished_at, format!("Job {}{reason}", job.state));
    }
    entries.sort_by_key(|entry| entry.at);
    entries
}

fn after_colon(reason: Option<&str>) -> String {
    reason.map(|reason| format!(": {reason}")).unwrap_or_default()
}

pub(super) fn output_of(
    attempt: &jobs::Attempt,
    stdout: &[outputs::Piece],
    stderr: &[outputs::Piece],
) -> JobOutput {
    JobOutput {
        attempt: attempt.number,
        stdout: stream_of(stdout, attempt.stdout_bytes),
        stderr: stream_of(stderr, attempt.stderr_bytes),
        complete: attempt.reported.is_some(),
    }
}

fn stream_of(pieces: &[outputs::Piece], total_bytes: i64) -> StreamOutput {
    let segments: Vec<_> = pieces.iter().map(segment_of).collect();
    let kept: i64 = segments.iter().map(|segment| segment.bytes).sum();
    StreamOutput {
        segments,
        total_bytes,
        cut_bytes: (total_bytes - kept).max(0),
    }
}

/// The kept bytes of one stream as they came, with a line where something was cut.
pub(super) fn bytes_of(pieces: &[outputs::Piece]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut end = 0;
    for piece in pieces {
        if piece.start > end {
            bytes.extend_from_slice(format!("\n[{} bytes were not kept]\n", piece.start - end).as_bytes());
        }
        end = piece.start + i64::try_from(piece.data.len()).unwrap_or(i64::MAX);
        bytes.extend_from_slice(&piece.data);
    }
    bytes
}

pub(super) fn segment_of(piece: &outputs::Piece) -> Segment {
    Segment {
        offset: piece.start,
        bytes: i64::try_from(piece.data.len()).unwrap_or(i64::MAX),
        text: String::from_utf8_lossy(&piece.data).into_owned(),
    }
}
