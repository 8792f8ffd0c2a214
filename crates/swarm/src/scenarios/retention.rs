//! (h) Old jobs are removed while a few agents go on working: how fast, and what the work notices of it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use futures_util::future::try_join_all;
use postern_api::ListRequest;
use postern_client::{Client, IdempotencyKey};
use serde::Serialize;
use tokio::{
    sync::Notify,
    time::{Instant, interval, sleep, timeout},
};

use super::{job, only};
use crate::{
    arguments::StoredSize,
    clock,
    database::Database,
    programs::Server,
    simulated::Swarm,
    spread::{Spread, round, seconds},
    stored::count_old,
};

const CONNECT_WITHIN: Duration = Duration::from_secs(60);
const JOB_WITHIN: Duration = Duration::from_secs(30);
/// From one job of an agent to its next.
const EVERY: Duration = Duration::from_millis(200);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The rate is known by then; what is left is not waited for.
const REMOVE_WITHIN: Duration = Duration::from_secs(180);

#[derive(Debug, Serialize)]
pub(crate) struct Retention {
    how: &'static str,
    before: Steady,
    during: Steady,
    old_jobs: i64,
    removed: i64,
    removal_s: f64,
    removed_per_second: f64,
}

/// Agents that get a job at regular intervals.
#[derive(Debug, Serialize)]
pub(crate) struct Steady {
    agents: usize,
    jobs_per_second: f64,
    /// From the creation until the result is acknowledged.
    create_to_result_ms: Spread,
}

impl std::fmt::Display for Steady {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} jobs/s, {}", self.jobs_per_second, self.create_to_result_ms)
    }
}

impl std::fmt::Display for Retention {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "removed {} of {} old jobs in {} s ({} per second); meanwhile {}",
            self.removed, self.old_jobs, self.removal_s, self.removed_per_second, self.during
        )
    }
}

/// What it is like when nothing is removed.
pub(crate) async fn before(server: &Server, size: StoredSize) -> Result<Steady> {
    let workers = Workers::join(server, "before", size.workers).await?;
    let wait = sleep(Duration::from_secs(size.steady_seconds));
    workers.work(&server.client, wait).await
}

/// The server has just been started, and removes.
pub(crate) async fn measure(
    server: &Server,
    database: &Database,
    size: StoredSize,
    before: Steady,
) -> Result<Retention> {
    let session = database.session().await?;
    let limit = clock::now_micros() - i64::try_from(size.retain_days)? * 24 * 3600 * 1_000_000;
    let old = count_old(limit);
    let workers = Workers::join(server, "during", size.workers).await?;
    let (begun, at_first) = (Instant::now(), session.number(&old).await?);
    let mut end = (Duration::ZERO, at_first);
    let removal = async {
        while end.1 > 0 && begun.elapsed() < REMOVE_WITHIN {
            sleep(LOOK_EVERY).await;
            if let Ok(left) = session.number(&old).await {
                end = (begun.elapsed(), left);
            }
        }
    };
    let during = workers.work(&server.client, removal).await?;
    let (time, left) = end;
    let removed = at_first - left;
    Ok(Retention {
        how: "agents get a job each 200 ms, one by one; meanwhile old jobs are counted twice a second",
        before,
        during,
        old_jobs: at_first,
        removed,
        removal_s: seconds(time),
        removed_per_second: round(f64::from(u32::try_from(removed)?) / time.as_secs_f64().max(0.001)),
    })
}

struct Workers {
    swarm: Swarm,
    /// Told when the agent's job has ended.
    ended: HashMap<i64, Arc<Notify>>,
}

impl Workers {
    async fn join(server: &Server, prefix: &'static str, count: usize) -> Result<Self> {
        let (swarm, _) = Swarm::join(server, prefix, count).await?;
        let request = ListRequest {
            limit: Some(500),
            search: Some(format!("{prefix}-")),
            filter: vec![("connection".into(), "connected".into())],
            ..ListRequest::default()
        };
        let begun = Instant::now();
        let agents = loop {
            let agents = server.client.agent_list(&request).await?.items;
            if agents.len() == count {
                break agents;
            }
            if begun.elapsed() > CONNECT_WITHIN {
                bail!("not every agent was connected within {CONNECT_WITHIN:?}");
            }
            sleep(Duration::from_millis(20)).await;
        };
        let ended = agents.iter().map(|agent| (agent.id.0, Arc::default()));
        Ok(Self {
            swarm,
            ended: ended.collect(),
        })
    }

    /// Until `end`.
    async fn work(self, client: &Client, end: impl Future<Output = ()>) -> Result<Steady> {
        let mut free = self.swarm.watch_free()?;
        let stopped = std::sync::atomic::AtomicBool::new(false);
        let begun = Instant::now();
        let each = self
            .ended
            .iter()
            .map(|(id, ended)| feed(client, *id, ended, &stopped));
        let all = try_join_all(each);
        let watch = async {
            end.await;
            stopped.store(true, std::sync::atomic::Ordering::Release);
        };
        let tell = async {
            while let Some(id) = free.recv().await {
                if let Some(ended) = self.ended.get(&id) {
                    ended.notify_one();
                }
            }
        };
        let times = tokio::select! {
            (times, ()) = futures_util::future::join(all, watch) => times?,
            () = tell => bail!("the swarm is gone"),
        };
        let wall = begun.elapsed();
        self.swarm.check()?;
        let times: Vec<Duration> = times.into_iter().flatten().collect();
        let jobs = f64::from(u32::try_from(times.len())?);
        Ok(Steady {
            agents: self.ended.len(),
            jobs_per_second: round(jobs / wall.as_secs_f64()),
            create_to_result_ms: Spread::of(times).context("no job ended")?,
        })
    }
}

async fn feed(
    client: &Client,
    agent: i64,
    ended: &Notify,
    stopped: &std::sync::atomic::AtomicBool,
) -> Result<Vec<Duration>> {
    let request = job(only(vec![agent.to_string()]));
    let mut times = Vec::new();
    let mut timer = interval(EVERY);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !stopped.load(std::sync::atomic::Ordering::Acquire) {
        timer.tick().await;
        let begun = Instant::now();
        client.job_create(&request, &IdempotencyKey::random()).await?;
        timeout(JOB_WITHIN, ended.notified())
            .await
            .context("a job did not end in time")?;
        times.push(begun.elapsed());
    }
    Ok(times)
}
