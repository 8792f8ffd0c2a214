//! (a) From the creation of a job to its result, on one idle real agent.
//!
//! The figure of the goal is what a waiting person sees: the job's stream of events, as `postern job run --wait`
//! reads it. A client that asks for the job again as soon as it has the answer is measured beside it; its asking
//! takes the processors from the job.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use postern_api::jobs::JobDetail;
use postern_client::{Client, IdempotencyKey, JobEvent};
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout};

use super::{job, only};
use crate::{
    accounting::{cpu, cpu_of_family},
    arguments::Sizes,
    programs::{RealAgent, Server},
    spread::{Spread, milliseconds},
};

const WITHIN: Duration = Duration::from_secs(30);
/// Between two jobs, so that the agent is idle again.
const PAUSE: Duration = Duration::from_millis(30);
const WARM_UP: usize = 5;

#[derive(Debug, Serialize)]
pub(crate) struct Latency {
    how: &'static str,
    /// Until the stream of events says that the job has ended.
    pub(crate) create_to_result_ms: Spread,
    /// Until the answer to the creation, the job being durable.
    create_ms: Spread,
    /// From `created_at` to the agent's `finished_at`, as the job says itself.
    created_to_finished_ms: Spread,
    /// The process alone, as the agent measured it.
    job_ms: Spread,
    /// Until the answer of a client that asks again and again.
    create_to_polled_result_ms: Option<Spread>,
    server_cpu_per_job_ms: f64,
    /// With the processes it started.
    agent_cpu_per_job_ms: f64,
}

struct Run {
    created: Duration,
    result: Duration,
    detail: JobDetail,
}

pub(crate) async fn measure(server: &Server, agent: &RealAgent, sizes: &Sizes) -> Result<Latency> {
    let client = &server.client;
    for _ in 0..WARM_UP {
        run(client, agent).await?;
    }
    let (server_before, agent_before) = (cpu(server.pid())?, cpu_of_family(agent.pid())?);
    let mut runs = Vec::with_capacity(sizes.latency_runs);
    for _ in 0..sizes.latency_runs {
        sleep(PAUSE).await;
        runs.push(run(client, agent).await?);
    }
    let (server_after, agent_after) = (cpu(server.pid())?, cpu_of_family(agent.pid())?);
    let count = f64::from(u32::try_from(runs.len())?);
    let mut polled = Vec::with_capacity(sizes.polled_runs);
    for _ in 0..sizes.polled_runs {
        sleep(PAUSE).await;
        polled.push(polled_run(client, agent).await?);
    }
    let spread = |of: fn(&Run) -> Option<Duration>| {
        Spread::of(runs.iter().filter_map(of).collect()).context("there were no runs")
    };
    Ok(Latency {
        how: "POST /jobs, then GET /jobs/{id}/events until the final state",
        create_to_result_ms: spread(|run| Some(run.result))?,
        create_ms: spread(|run| Some(run.created))?,
        created_to_finished_ms: spread(|run| {
            let job = &run.detail.job;
            Some(job.finished_at?.since(job.created_at))
        })?,
        job_ms: spread(|run| {
            let milliseconds = run.detail.attempts.last()?.duration_ms?;
            Some(Duration::from_millis(u64::try_from(milliseconds).ok()?))
        })?,
        create_to_polled_result_ms: Spread::of(polled),
        server_cpu_per_job_ms: milliseconds(server_after.total() - server_before.total()) / count,
        agent_cpu_per_job_ms: milliseconds(agent_after - agent_before) / count,
    })
}

async fn run(client: &Client, agent: &RealAgent) -> Result<Run> {
    let request = job(only(vec![agent.name.clone()]));
    let key = IdempotencyKey::random();
    let begun = Instant::now();
    let reference = client.job_create(&request, &key).await?;
    let created = begun.elapsed();
    let id = reference.jobs.first().context("one agent, one job")?.id;
    let mut events = client.job_events(id).await?;
    while let Some(event) = timeout(WITHIN, events.next())
        .await
        .context("no event in time")??
    {
        if let JobEvent::State(job) = event
            && job.state.is_final()
        {
            let result = begun.elapsed();
            ensure!(job.exit_code == Some(0), "job {id} ended as {}", job.state);
            let detail = client.job_show(id).await?;
            return Ok(Run {
                created,
                result,
                detail,
            });
        }
    }
    bail!("the events of job {id} stopped before its end")
}

async fn polled_run(client: &Client, agent: &RealAgent) -> Result<Duration> {
    let request = job(only(vec![agent.name.clone()]));
    let begun = Instant::now();
    let created = client.job_create(&request, &IdempotencyKey::random()).await?;
    let id = created.jobs.first().context("one agent, one job")?.id;
    while !client.job_show(id).await?.job.state.is_final() {
        ensure!(
            begun.elapsed() < WITHIN,
            "job {id} had not ended within {WITHIN:?}"
        );
    }
    Ok(begun.elapsed())
}
