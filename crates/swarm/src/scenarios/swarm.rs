//! (d) Simulated agents: joining, a job for each, throughput, and what the server costs.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use postern_client::{Client, IdempotencyKey};
use serde::Serialize;
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{everyone, job, only};
use crate::{
    accounting::{Memory, cpu, memory, percent},
    arguments::{Sizes, SwarmSize},
    database::Database,
    programs::Server,
    progress::say,
    simulated::Swarm,
    spread::{milliseconds, round, seconds},
};

const JOIN_WITHIN: Duration = Duration::from_secs(600);
const FAN_OUT_WITHIN: Duration = Duration::from_secs(300);
const SETTLE: Duration = Duration::from_secs(5);
/// Creations at once, and agents in one of them: the API takes up to 1,000 names.
const FEEDERS: usize = 4;
const BATCH: usize = 500;
/// Ends are gathered this long, so that a creation is for more than a few agents.
const GATHER: Duration = Duration::from_millis(10);
const RAMP_UP: Duration = Duration::from_secs(2);

#[derive(Debug, Serialize)]
pub(crate) struct SwarmFigures {
    pub(crate) agents: usize,
    pub(crate) joining: Joining,
    pub(crate) fan_out: SwarmFanOut,
    pub(crate) sustained: Option<Sustained>,
    pub(crate) idle: ServerIdle,
    /// At the end, after all of it.
    pub(crate) server_memory: Memory,
    swarm_memory: Memory,
}

#[derive(Debug, Serialize)]
pub(crate) struct Joining {
    created_s: f64,
    /// Every agent has enrolled and checks in.
    enrolled_s: f64,
    /// The API shows every agent as connected.
    pub(crate) connected_s: f64,
    cost: Cost,
}

#[derive(Debug, Serialize)]
pub(crate) struct SwarmFanOut {
    /// The creation's answer.
    created_s: f64,
    /// The last result's acknowledgement.
    acknowledged_s: f64,
    /// The API shows no job that has not ended.
    pub(crate) all_ended_s: f64,
    cost: Cost,
}

#[derive(Debug, Serialize)]
pub(crate) struct Sustained {
    how: &'static str,
    seconds: f64,
    /// Results acknowledged in that time.
    jobs: u64,
    pub(crate) jobs_per_second: f64,
    jobs_per_creation: f64,
    server_cpu_per_job_ms: f64,
    cost: Cost,
}

#[derive(Debug, Serialize)]
pub(crate) struct ServerIdle {
    /// Right after joining.
    pub(crate) memory: Memory,
    cost: Cost,
}

/// CPU time, and its share of one core.
#[derive(Debug, Serialize)]
pub(crate) struct Cost {
    server_cpu_s: f64,
    pub(crate) server_cpu_percent: f64,
    /// PostgreSQL's processes.
    database_cpu_s: Option<f64>,
    database_cpu_percent: Option<f64>,
    /// This process: agents and the client that creates jobs.
    swarm_cpu_s: f64,
    swarm_cpu_percent: f64,
}

/// What was spent since it was made.
struct Meter<'a> {
    server: &'a Server,
    database: &'a Database,
    begun: Instant,
    before: (Duration, Option<Duration>, Duration),
}

impl<'a> Meter<'a> {
    fn start(server: &'a Server, database: &'a Database) -> Result<Self> {
        Ok(Self {
            server,
            database,
            begun: Instant::now(),
            before: read(server, database)?,
        })
    }

    fn cost(&self) -> Result<Cost> {
        let wall = self.begun.elapsed();
        let now = read(self.server, self.database)?;
        let server = now.0.saturating_sub(self.before.0);
        let database = now
            .1
            .zip(self.before.1)
            .map(|(now, before)| now.saturating_sub(before));
        let swarm = now.2.saturating_sub(self.before.2);
        Ok(Cost {
            server_cpu_s: seconds(server),
            server_cpu_percent: percent(server, wall),
            database_cpu_s: database.map(seconds),
            database_cpu_percent: database.map(|database| percent(database, wall)),
            swarm_cpu_s: seconds(swarm),
            swarm_cpu_percent: percent(swarm, wall),
        })
    }
}

fn read(server: &Server, database: &Database) -> Result<(Duration, Option<Duration>, Duration)> {
    Ok((
        cpu(server.pid())?.total(),
        database.cpu(),
        cpu(std::process::id())?.own,
    ))
}

pub(crate) async fn measure(
    server: &Server,
    database: &Database,
    size: SwarmSize,
    sizes: &Sizes,
) -> Result<SwarmFigures> {
    let meter = Meter::start(server, database)?;
    let (swarm, joined) = Swarm::join(server, "sim", size.agents).await?;
    let connected = server.all_connected(swarm.born(), JOIN_WITHIN).await?;
    let joining = Joining {
        created_s: seconds(joined.created),
        enrolled_s: seconds(joined.enrolled),
        connected_s: seconds(connected),
        cost: meter.cost()?,
    };
    say(format!(
        "    connected: {} agents in {} s (server {} % of a core)",
        size.agents, joining.connected_s, joining.cost.server_cpu_percent
    ));
    sleep(SETTLE).await;
    let idle = idle(server, database, sizes).await?;
    swarm.check()?;
    say(format!(
        "    idle: server {} % of a core, {} MiB",
        idle.cost.server_cpu_percent,
        idle.memory.rss_kib / 1024
    ));
    let fan_out = fan_out(server, database, &swarm).await?;
    say(format!(
        "    fan-out: acknowledged {} s, seen {} s",
        fan_out.acknowledged_s, fan_out.all_ended_s
    ));
    let sustained = match size.sustained_seconds {
        0 => None,
        length => Some(sustained(server, database, &swarm, Duration::from_secs(length)).await?),
    };
    if let Some(sustained) = &sustained {
        say(format!(
            "    sustained: {} jobs/s ({} a creation; server {} %, swarm {} % of a core)",
            sustained.jobs_per_second,
            sustained.jobs_per_creation,
            sustained.cost.server_cpu_percent,
            sustained.cost.swarm_cpu_percent
        ));
    }
    swarm.check()?;
    server.expect_no_failures().await?;
    Ok(SwarmFigures {
        agents: size.agents,
        joining,
        fan_out,
        sustained,
        idle,
        server_memory: memory(server.pid())?,
        swarm_memory: memory(std::process::id())?,
    })
}

async fn idle(server: &Server, database: &Database, sizes: &Sizes) -> Result<ServerIdle> {
    let memory = memory(server.pid())?;
    let meter = Meter::start(server, database)?;
    sleep(Duration::from_secs(sizes.idle_seconds)).await;
    Ok(ServerIdle {
        memory,
        cost: meter.cost()?,
    })
}

async fn fan_out(server: &Server, database: &Database, swarm: &Swarm) -> Result<SwarmFanOut> {
    let meter = Meter::start(server, database)?;
    let (before, _) = swarm.acknowledged();
    let begun = Instant::now();
    let created = server
        .client
        .job_create(&job(everyone()), &IdempotencyKey::random())
        .await?;
    let answered = begun.elapsed();
    ensure!(created.jobs.len() == swarm.len(), "a job for each agent");
    let all = before + u64::try_from(swarm.len())?;
    let last = swarm.acknowledged_at_least(all, FAN_OUT_WITHIN).await?;
    let seen = server.all_ended(begun, FAN_OUT_WITHIN).await?;
    Ok(SwarmFanOut {
        created_s: seconds(answered),
        acknowledged_s: seconds(last - begun),
        all_ended_s: seconds(seen),
        cost: meter.cost()?,
    })
}

/// Every agent has one job outstanding: when its result is acknowledged, the next one is created for it.
async fn sustained(
    server: &Server,
    database: &Database,
    swarm: &Swarm,
    length: Duration,
) -> Result<Sustained> {
    let free = swarm.watch_free()?;
    let (before, _) = swarm.acknowledged();
    let first = server
        .client
        .job_create(&job(everyone()), &IdempotencyKey::random())
        .await?;
    let from = Instant::now() + RAMP_UP;
    let feeding = tokio::spawn(feed(server.client.clone(), free, from + length));
    sleep_until(from).await;
    let meter = Meter::start(server, database)?;
    let (counted_from, _) = swarm.acknowledged();
    sleep_until(from + length).await;
    let (counted_to, _) = swarm.acknowledged();
    let wall = meter.begun.elapsed();
    let cost = meter.cost()?;
    let fed = feeding.await??;
    let all = before + u64::try_from(first.jobs.len())? + fed.jobs;
    swarm.acknowledged_at_least(all, FAN_OUT_WITHIN).await?;
    server.all_ended(Instant::now(), FAN_OUT_WITHIN).await?;

    let jobs = counted_to - counted_from;
    let count = f64::from(u32::try_from(jobs)?);
    Ok(Sustained {
        how: "one job outstanding per agent, the next created when its result was acknowledged; creations through \
              the REST API for all agents that became free meanwhile",
        seconds: seconds(wall),
        jobs,
        jobs_per_second: round(count / wall.as_secs_f64()),
        jobs_per_creation: round(
            f64::from(u32::try_from(fed.jobs)?) / f64::from(u32::try_from(fed.creations.max(1))?),
        ),
        server_cpu_per_job_ms: round(cost.server_cpu_s * 1000.0 / count),
        cost,
    })
}

#[derive(Default)]
struct Fed {
    jobs: u64,
    creations: u64,
}

async fn feed(client: Client, mut free: mpsc::Receiver<i64>, until: Instant) -> Result<Fed> {
    let places = std::sync::Arc::new(Semaphore::new(FEEDERS));
    let mut creations = JoinSet::new();
    let mut fed = Fed::default();
    let mut agents = Vec::with_capacity(BATCH);
    while Instant::now() < until {
        let place = places.clone().acquire_owned().await?;
        sleep(GATHER).await;
        let wait = until.saturating_duration_since(Instant::now());
        match tokio::time::timeout(wait, free.recv_many(&mut agents, BATCH)).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(_) => break,
        }
        fed.jobs += u64::try_from(agents.len())?;
        fed.creations += 1;
        let request = job(only(agents.drain(..).map(|id| id.to_string()).collect()));
        let client = client.clone();
        creations.spawn(async move {
            let created = client.job_create(&request, &IdempotencyKey::random()).await;
            drop(place);
            created.map(|_| ())
        });
        while let Some(done) = creations.try_join_next() {
            done?.context("jobs could not be created")?;
        }
    }
    while let Some(done) = creations.join_next().await {
        done?.context("jobs could not be created")?;
    }
    Ok(fed)
}

/// Per agent in the swarm, of everything the server needed after they had joined.
impl SwarmFigures {
    pub(crate) fn summary(&self) -> String {
        let memory = self.server_memory;
        format!(
            "{} agents: server {} MiB at the end, {} MiB at most; fan-out took {} ms an agent",
            self.agents,
            memory.rss_kib / 1024,
            memory.peak_rss_kib / 1024,
            milliseconds(
                Duration::from_secs_f64(self.fan_out.all_ended_s) / u32::try_from(self.agents).unwrap_or(1)
            )
        )
    }
}
