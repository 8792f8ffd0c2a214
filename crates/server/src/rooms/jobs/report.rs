//! What agents report of an attempt: output while it runs, and its result. Both may come twice, or late: after the
//! server gave the attempt up. What is late is kept beside the end that the server decided, and changes nothing of it;
//! what an agent says of an attempt whose end it has told is not kept.

use futures_util::future::BoxFuture;
use postern_domain::{
    AgentId, AttemptId, JobId, Timestamp,
    job::{self, Effect, Event, JobState},
};
use postern_protocol::{
    limits::{HELD_ATTEMPTS, REASON_BYTES, RESULT_BYTES},
    messages::{Chunk, Outcome, OutputAnswer, OutputRequest, ResultAnswer, ResultRequest, Stream},
};
use postern_store::{Tx, audit, jobs, outputs, tx};

use super::{
    checkin::started_report,
    transition::{finish_entry, free},
};
use crate::{
    app::App,
    error::{Error, Result},
    hub::News,
    rooms::agents::gate::Known,
};

/// Bytes of output beyond which a result is stored by itself: it takes many statements.
const LARGE: usize = 64 * 1024;
/// Streams this long are not believed.
const MAX_STREAM: u64 = 1 << 50;

pub(super) async fn attempt_output(
    app: &App,
    agent: &Known,
    id: AttemptId,
    request: OutputRequest,
) -> Result<OutputAnswer> {
    check_chunks(&request.chunks)?;
    let (now, agent_id) = (app.now(), agent.id);
    let news = app
        .store
        .write::<_, Error, _>(tx!(tx => {
            let Some((attempt, machine)) = jobs::reported(tx, id, agent_id).await? else { return Ok(None) };
            if attempt.reported.is_some() {
                return Ok(None);
            }
            let starts = attempt.state == JobState::Pending && machine.attempt_id == Some(id);
            if starts {
                started_report(tx, &machine, id, Timestamp::from_micros(request.started_us), now).await?;
            }
            append(tx, id, request.chunks).await?;
            Ok(Some((machine.id, if starts { News::State } else { News::Output })))
        }))
        .await?;
    crate::failpoint::hit("after-output-written");
    if let Some((job, news)) = news {
        app.hub.job_changed(job, news);
    }
    Ok(OutputAnswer {
        wanted: news.is_some(),
    })
}

pub(super) async fn attempt_result(
    app: &App,
    agent: &Known,
    id: AttemptId,
    request: ResultRequest,
) -> Result<ResultAnswer> {
    check_chunks(&request.chunks)?;
    if request.stream_bytes.values().any(|bytes| *bytes > MAX_STREAM) {
        return Err(Error::invalid(
            "stream_bytes",
            format!("must be at most {MAX_STREAM}"),
        ));
    }
    let (app, agent) = (app.clone(), agent.clone());
    // An agent that goes away in the middle leaves nobody waiting for what is told here.
    let taken = tokio::spawn(async move { take_result(&app, &agent, id, request).await });
    taken
        .await
        .map_err(|error| Error::Internal(format!("the result of attempt {id}: {error}")))?
}

async fn take_result(
    app: &App,
    agent: &Known,
    id: AttemptId,
    request: ResultRequest,
) -> Result<ResultAnswer> {
    let _reported = app.hub.report(id);
    crate::failpoint::hit("before-result-written");
    let bytes: usize = request.chunks.iter().map(|chunk| chunk.data.len()).sum();
    let write = write(app.now(), agent, id, request);
    let written = match bytes {
        ..=LARGE => app.results.run(id.0, write).await?,
        _ => app.results.run_alone(write).await?,
    };
    crate::failpoint::hit("after-result-written");
    let Some(Written { job, end }) = written else {
        return Ok(ResultAnswer { known: false });
    };
    if let Some(end) = end {
        app.metrics.job_ended(end.state);
        app.hub.wake(end.freed);
        if end.rolling {
            app.rollouts.notify_one();
        }
        if end.workflow {
            app.workflows.notify_one();
        }
    }
    app.hub.job_changed(job, News::State);
    // Its slot is free: whatever waits for it can go. The agent hears of it in the check-in it has open.
    app.hub.wake_here([agent.id]);
    Ok(ResultAnswer { known: true })
}

fn write(
    now: Timestamp,
    agent: &Known,
    id: AttemptId,
    request: ResultRequest,
) -> impl for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<Option<Written>>> + Clone + Send + Sync + 'static
{
    let (agent_id, actor) = (agent.id, format!("agent:{} ({})", agent.id, agent.name));
    tx!(tx => {
        let Some((attempt, machine)) = jobs::reported(tx, id, agent_id).await? else { return Ok(None) };
        let job = machine.id;
        let report = Report { attempt, machine, request, actor };
        let end = report.write(tx, now).await?;
        Ok(Some(Written { job, end }))
    })
}

/// A result that was stored.
#[derive(Debug)]
pub(crate) struct Written {
    job: JobId,
    end: Option<Ended>,
}

struct Report {
    attempt: jobs::Attempt,
    machine: jobs::Machine,
    request: ResultRequest,
    actor: String,
}

impl Report {
    /// The end the job reached by this, if it did.
    async fn write(self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Option<Ended>> {
        let Self {
            attempt,
            machine,
            request,
            actor,
        } = self;
        if attempt.reported.is_some() {
            // Sent again, because its acknowledgement was lost: the first one stands.
            return Ok(None);
        }
        // It may have been told as started before it was refused, or cancelled without a start.
        let never_started = match request.outcome {
            Outcome::Refused { .. } => true,
            Outcome::Cancelled => request.started_us.is_none(),
            _ => false,
        };
        let (mut next, effect) = finish(&machine.job(), &attempt, outcome_of(request.outcome), now)?;
        if next.state == JobState::Failed
            && let Some(failure) = request.failure
        {
            next.reason = Some(cut(failure));
        }
        let result = request
            .result
            .and_then(|result| serde_json::to_string(&result).ok());
        let end = jobs::AttemptEnd {
            state: next.state,
            started: request
                .started_us
                .filter(|_| !never_started)
                .map(|us| Timestamp::from_micros(us).min(now)),
            finished: Timestamp::from_micros(request.finished_us).min(now),
            exit_code: next.exit_code,
            reason: next.reason.clone(),
            duration_us: request.duration_us.map(|us| us.max(0)),
            // What is larger than agreed is not kept; the end is.
            result: result.filter(|text| text.len() <= RESULT_BYTES),
        };
        for (stream, bytes) in &request.stream_bytes {
            let bytes = i64::try_from(*bytes).unwrap_or(i64::MAX);
            if bytes > 0 {
                outputs::total_at_least(tx, attempt.id, stream_of(*stream), bytes).await?;
            }
        }
        append(tx, attempt.id, request.chunks).await?;
        if effect == Effect::KeepLate {
            jobs::attempt_late(tx, attempt.id, &end, now).await?;
            return Ok(None);
        }
        let started = job::Job {
            started: end.started.or(next.started.filter(|_| !never_started)),
            ..next.clone()
        };
        if never_started && attempt.started.is_some() {
            jobs::attempt_never_started(tx, attempt.id).await?;
        }
        jobs::save(tx, &machine, &started, Some(end.finished)).await?;
        jobs::attempt_ended(tx, attempt.id, &end, Some(now)).await?;
        audit::append(tx, vec![finish_entry(&machine, &next, actor, now)]).await?;
        let freed = free(tx, &machine, next.state, now).await?;
        Ok(Some(Ended {
            state: next.state,
            freed,
            rolling: machine.rolling,
            workflow: machine.instance_id.is_some(),
        }))
    }
}

#[derive(Debug)]
struct Ended {
    state: JobState,
    freed: Vec<AgentId>,
    rolling: bool,
    workflow: bool,
}

/// The end this outcome is, and what becomes of it. One that comes late is what it would have been while the attempt
/// was running.
fn finish(
    job: &job::Job,
    attempt: &jobs::Attempt,
    outcome: job::Outcome,
    now: Timestamp,
) -> Result<(job::Job, Effect)> {
    let event = Event::Finished {
        attempt: attempt.number,
        outcome,
    };
    let (next, effect) = job::step(job, event.clone(), now)?;
    if effect != Effect::KeepLate {
        return Ok((next, effect));
    }
    let running = job::Job {
        state: JobState::Running,
        attempt: attempt.number,
        // The job may be at another attempt by now, whose end nobody asked for.
        cancel_requested: attempt.cancel_requested,
        reason: None,
        exit_code: None,
        ..job.clone()
    };
    let (meant, _) = job::step(&running, event, now)?;
    Ok((meant, effect))
}

fn cut(reason: String) -> String {
    reason.chars().take(REASON_BYTES).filter(|c| *c != '\0').collect()
}

fn outcome_of(outcome: Outcome) -> job::Outcome {
    match outcome {
        Outcome::Exited { code } => job::Outcome::Exited(code),
        Outcome::Signalled { signal } => job::Outcome::Signalled(signal),
        Outcome::TimedOut => job::Outcome::TimedOut,
        Outcome::Cancelled => job::Outcome::Cancelled,
        Outcome::Refused { reason } => job::Outcome::Refused(cut(reason)),
        Outcome::Unknown { reason } => job::Outcome::Unknown(cut(reason)),
    }
}

pub(super) fn stream_of(stream: Stream) -> outputs::Stream {
    match stream {
        Stream::Stdout => outputs::Stream::Stdout,
        Stream::Stderr => outputs::Stream::Stderr,
    }
}

fn check_chunks(chunks: &[Chunk]) -> Result<()> {
    let bad = chunks.iter().any(|chunk| chunk.offset > MAX_STREAM);
    if bad || chunks.len() > HELD_ATTEMPTS {
        return Err(Error::invalid(
            "chunks",
            "has an offset or a number of pieces that cannot be",
        ));
    }
    Ok(())
}

async fn append(tx: &mut Tx<'_>, attempt: AttemptId, chunks: Vec<Chunk>) -> Result<()> {
    for chunk in chunks {
        let start = i64::try_from(chunk.offset).unwrap_or(i64::MAX);
        outputs::append(
            tx,
            attempt,
            stream_of(chunk.stream),
            outputs::Piece {
                start,
                data: chunk.data,
            },
        )
        .await?;
    }
    Ok(())
}
