//! The benchmark: a fresh server and a fresh database for the real agents and for each swarm, on each engine.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::{
    accounting::memory,
    arguments::{Bench, Engine, Part, Sizes},
    clock,
    database::Database,
    machine,
    programs::{RealAgent, Server},
    progress::say,
    report::{self, Figures, Report},
    scenarios::{fan_out, idle, latency, swarm, throughput},
};

const CONNECT_WITHIN: std::time::Duration = std::time::Duration::from_secs(60);

pub(crate) async fn run(bench: &Bench) -> Result<Report> {
    let beside = bench.output.parent().filter(|path| !path.as_os_str().is_empty());
    let folder = tempfile::Builder::new()
        .prefix("run-")
        .tempdir_in(beside.unwrap_or(Path::new(".")))
        .context("cannot make a folder beside --output")?;
    let mut report = Report {
        commit: bench.commit.clone(),
        started_at: clock::now().to_string(),
        quick: bench.quick,
        machine: machine::look(folder.path())?,
        databases: Vec::new(),
    };
    for &engine in &bench.databases {
        if engine == Engine::Postgres && bench.postgres.is_none() {
            say("PostgreSQL: not measured, as --postgres was not given");
            continue;
        }
        say(format!("{engine:?}"));
        let place = Place {
            bench,
            engine,
            folder: folder.path(),
            sizes: Sizes::of(bench),
        };
        report.databases.push(Box::pin(place.measure()).await?);
    }
    Ok(report)
}

struct Place<'a> {
    bench: &'a Bench,
    engine: Engine,
    folder: &'a Path,
    sizes: Sizes,
}

impl Place<'_> {
    fn wants(&self, part: Part) -> bool {
        self.bench.only.contains(&part)
    }

    async fn measure(&self) -> Result<Figures> {
        let mut figures = Figures {
            database: self.engine,
            load_before: machine::load(),
            latency: None,
            fan_out: None,
            throughput: None,
            swarms: Vec::new(),
            idle: None,
            agent_memory_after: None,
            goals: Vec::new(),
        };
        if [Part::A, Part::B, Part::C, Part::E]
            .into_iter()
            .any(|part| self.wants(part))
        {
            let started = self.start("real").await?;
            Box::pin(self.real_agents(&started, &mut figures)).await?;
            started.stop().await?;
        }
        if self.wants(Part::D) {
            for &size in &self.sizes.swarms {
                say(format!("  swarm of {}", size.agents));
                let started = self.start(&format!("swarm_{}", size.agents)).await?;
                let measured = swarm::measure(&started.server, &started.database, size, &self.sizes);
                let measured = Box::pin(measured).await?;
                say(format!("    {}", measured.summary()));
                figures.swarms.push(measured);
                started.stop().await?;
            }
        }
        // They are for the full sizes.
        if !self.bench.quick {
            figures.goals = report::goals(&figures);
        }
        for goal in &figures.goals {
            say(format!("  {goal}"));
        }
        Ok(figures)
    }

    async fn start(&self, label: &str) -> Result<Started> {
        let folder = self.folder.join(format!("{:?}-{label}", self.engine));
        std::fs::create_dir(&folder)?;
        let database = Database::create(self.engine, self.bench.postgres.as_deref(), &folder, label).await?;
        let server = Server::start(&self.bench.server_binary, &folder, &database.url)
            .await
            .with_context(|| format!("the server for {label}"))?;
        Ok(Started {
            folder,
            database,
            server,
        })
    }

    async fn agent(&self, started: &Started, number: usize) -> Result<RealAgent> {
        let name = format!("real-{number:02}");
        RealAgent::start(&self.bench.agent_binary, &started.folder, &started.server, &name).await
    }

    async fn real_agents(&self, started: &Started, figures: &mut Figures) -> Result<()> {
        let server = &started.server;
        let mut agents = vec![self.agent(started, 1).await?];
        let connected = || server.all_connected(tokio::time::Instant::now(), CONNECT_WITHIN);
        connected().await?;
        if self.wants(Part::E) {
            let idle = idle::measure(&agents[0], &self.sizes).await?;
            say(format!(
                "  (e) idle agent: {} KiB, {} % CPU",
                idle.memory.rss_kib, idle.cpu_percent
            ));
            figures.idle = Some(idle);
        }
        if self.wants(Part::A) {
            let latency = latency::measure(server, &agents[0], &self.sizes).await?;
            say(format!("  (a) latency: {}", latency.create_to_result_ms));
            figures.latency = Some(latency);
        }
        if self.wants(Part::B) || self.wants(Part::C) {
            for number in 2..=self.sizes.real_agents {
                agents.push(self.agent(started, number).await?);
            }
            connected().await?;
        }
        if self.wants(Part::B) {
            let fan_out = fan_out::measure(server, agents.len(), &self.sizes).await?;
            say(format!(
                "  (b) fan-out to {}: {}",
                agents.len(),
                fan_out.all_ended_ms
            ));
            figures.fan_out = Some(fan_out);
        }
        if self.wants(Part::C) {
            let throughput = throughput::measure(server, &agents, &self.sizes).await?;
            say(format!("  (c) throughput: {} jobs/s", throughput.jobs_per_second));
            figures.throughput = Some(throughput);
        }
        figures.agent_memory_after = Some(memory(agents[0].pid())?);
        for agent in agents {
            agent.stop().await?;
        }
        Ok(())
    }
}

/// One server with its database and the folder of both.
struct Started {
    folder: std::path::PathBuf,
    database: Database,
    server: Server,
}

impl Started {
    async fn stop(self) -> Result<()> {
        self.server.stop().await?;
        self.database.remove().await
    }
}
