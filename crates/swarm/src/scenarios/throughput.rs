//! (c) Real agents, each with one job outstanding: as soon as the API shows its end, the next one is created.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use futures_util::future::{try_join, try_join_all};
use postern_client::{Client, IdempotencyKey};
use serde::Serialize;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};

use super::{job, only};
use crate::{
    accounting::{self, cpu, cpu_of_family},
    arguments::Sizes,
    programs::{RealAgent, Server, open_jobs},
    spread::{Spread, milliseconds, round, seconds},
};

const WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(1);

#[derive(Debug, Serialize)]
pub(crate) struct Throughput {
    how: &'static str,
    agents: usize,
    seconds: f64,
    jobs: usize,
    pub(crate) jobs_per_second: f64,
    create_to_result_ms: Spread,
    server_cpu_per_job_ms: f64,
    /// With the processes they started.
    agent_cpu_per_job_ms: f64,
    server_cpu_percent: f64,
    agents_cpu_percent: f64,
    client_cpu_percent: f64,
}

/// Jobs whose end is waited for.
#[derive(Default)]
struct Waiting(Mutex<HashMap<i64, oneshot::Sender<()>>>);

impl Waiting {
    fn jobs(&self) -> MutexGuard<'_, HashMap<i64, oneshot::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) async fn measure(server: &Server, agents: &[RealAgent], sizes: &Sizes) -> Result<Throughput> {
    let waiting = Waiting::default();
    let us = std::process::id();
    let agents_cpu = || -> Result<Duration> {
        let costs = agents.iter().map(|agent| cpu_of_family(agent.pid()));
        costs.sum()
    };
    let before = (cpu(server.pid())?.total(), agents_cpu()?, cpu(us)?.total());
    let begun = Instant::now();
    let end = begun + Duration::from_secs(sizes.throughput_seconds);
    let feeders = agents
        .iter()
        .map(|agent| feed(&server.client, agent, end, &waiting));
    let watcher = watch(&server.client, end, &waiting);
    let (times, ()) = try_join(try_join_all(feeders), watcher).await?;
    let wall = begun.elapsed();
    let after = (cpu(server.pid())?.total(), agents_cpu()?, cpu(us)?.total());
    server.expect_no_failures().await?;

    let times: Vec<Duration> = times.into_iter().flatten().collect();
    let jobs = times.len();
    let count = f64::from(u32::try_from(jobs)?);
    let (server_cost, agents_cost) = (after.0 - before.0, after.1 - before.1);
    Ok(Throughput {
        how: "each agent's job is created alone; one poll of GET /jobs for all sees the ends",
        agents: agents.len(),
        seconds: seconds(wall),
        jobs,
        jobs_per_second: round(count / wall.as_secs_f64()),
        create_to_result_ms: Spread::of(times).context("no job ended")?,
        server_cpu_per_job_ms: round(milliseconds(server_cost) / count),
        agent_cpu_per_job_ms: round(milliseconds(agents_cost) / count),
        server_cpu_percent: accounting::percent(server_cost, wall),
        agents_cpu_percent: accounting::percent(agents_cost, wall),
        client_cpu_percent: accounting::percent(after.2 - before.2, wall),
    })
}

/// One agent's jobs, one after the other. Returns how long each took.
async fn feed(client: &Client, agent: &RealAgent, end: Instant, waiting: &Waiting) -> Result<Vec<Duration>> {
    let request = job(only(vec![agent.name.clone()]));
    let mut times = Vec::new();
    while Instant::now() < end {
        let begun = Instant::now();
        let created = client.job_create(&request, &IdempotencyKey::random()).await?;
        let id = created.jobs.first().context("one agent, one job")?.id;
        let (sender, ended) = oneshot::channel();
        waiting.jobs().insert(id.0, sender);
        ended.await.context("the watcher stopped")?;
        times.push(begun.elapsed());
    }
    Ok(times)
}

/// Tells the feeders of jobs that are no longer among those that have not ended.
async fn watch(client: &Client, end: Instant, waiting: &Waiting) -> Result<()> {
    let request = open_jobs(500);
    loop {
        // Noted before the question is asked: their creation was answered, so the answer would show them.
        let known: Vec<i64> = waiting.jobs().keys().copied().collect();
        if known.is_empty() && Instant::now() > end {
            return Ok(());
        }
        if Instant::now() > end + WITHIN {
            bail!(
                "{} jobs had not ended {WITHIN:?} after the last one was created",
                known.len()
            );
        }
        let open = client.job_list(&request).await?.items;
        let ended = known.iter().filter(|id| !open.iter().any(|job| job.id.0 == **id));
        let tell: Vec<_> = {
            let mut jobs = waiting.jobs();
            ended.filter_map(|id| jobs.remove(id)).collect()
        };
        for feeder in tell {
            let _ = feeder.send(());
        }
        sleep(LOOK_EVERY).await;
    }
}
