//! The benchmark: a fresh server and a fresh database for the real agents and for each swarm, on each engine.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::{
    accounting::memory,
    arguments::{Bench, Engine, Part, Sizes},
    clock,
    database::Database,
    machine,
    programs::{Launch, RealAgent, Server},
    progress::say,
    report::{self, Figures, Report},
    scenarios::{creation, fan_out, idle, latency, lists, plans, retention, swarm, throughput, workflows},
    stored::Stock,
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
            creations: Vec::new(),
            lists: None,
            plans: Vec::new(),
            retention: None,
            workflows: None,
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
        if self.wants(Part::F) {
            say("  (f) creation, an empty database");
            let started = self.start("empty").await?;
            let started = self.fill(started, 0).await?;
            Box::pin(self.creation(&started, &mut figures)).await?;
            started.stop().await?;
        }
        if self.wants(Part::G) || self.wants(Part::H) {
            say("  (g), (h) a used database");
            let started = self.start("used").await?;
            let started = self.fill(started, self.sizes.stored.jobs).await?;
            Box::pin(self.used(started, &mut figures)).await?;
        }
        if self.wants(Part::I) {
            say("  (i) workflows");
            let started = self.start("workflows").await?;
            let measured = Box::pin(workflows::measure(&started.server, self.sizes.workflows)).await?;
            say(format!("    {measured}"));
            figures.workflows = Some(measured);
            started.stop().await?;
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
        let server = Server::start(self.launch(&folder, &database, &[]))
            .await
            .with_context(|| format!("the server for {label}"))?;
        Ok(Started {
            folder,
            database,
            server,
        })
    }

    fn launch<'a>(
        &'a self,
        folder: &'a Path,
        database: &'a Database,
        arguments: &'a [&'a str],
    ) -> Launch<'a> {
        Launch {
            binary: &self.bench.server_binary,
            folder,
            database: &database.url,
            arguments,
            log: None,
        }
    }

    /// Stops the server and starts it again with these arguments, and with these many more jobs in its database.
    async fn again(&self, started: Started, stock: Option<Stock>, arguments: &[&str]) -> Result<Started> {
        let Started {
            folder,
            database,
            server,
        } = started;
        let token = server.pause().await?;
        if let Some(stock) = stock {
            database.fill(stock).await?;
        }
        let server = Server::start_again(self.launch(&folder, &database, arguments), token).await?;
        Ok(Started {
            folder,
            database,
            server,
        })
    }

    async fn fill(&self, started: Started, jobs: u64) -> Result<Started> {
        let stock = Stock {
            agents: self.sizes.stored.agents,
            jobs,
            now_us: u64::try_from(clock::now_micros())?,
        };
        self.again(started, Some(stock), &[]).await
    }

    async fn creation(&self, started: &Started, figures: &mut Figures) -> Result<()> {
        let measured = creation::measure(&started.server, &started.database, self.sizes.stored).await?;
        for (name, spread) in measured.spreads() {
            say(format!("    {name}: {spread}"));
        }
        figures.creations.push(measured);
        Ok(())
    }

    /// With a server that tells its statements, which would cost time elsewhere.
    async fn plans(&self, started: Started, figures: &mut Figures) -> Result<Started> {
        let Started {
            folder,
            database,
            server,
        } = started;
        let token = server.pause().await?;
        let launch = Launch {
            log: Some(plans::LOG),
            ..self.launch(&folder, &database, &[])
        };
        let server = Server::start_again(launch, token).await?;
        figures.plans = plans::take(&server, &database, &launch.log_file()).await?;
        let started = Started {
            folder,
            database,
            server,
        };
        self.again(started, None, &[]).await
    }

    async fn used(&self, mut started: Started, figures: &mut Figures) -> Result<()> {
        let size = self.sizes.stored;
        if self.wants(Part::G) {
            figures.lists = Some(lists::measure(&started.server, size).await?);
            started = self.plans(started, figures).await?;
        }
        if self.wants(Part::H) {
            let before = retention::before(&started.server, size).await?;
            say(format!("    before the removal: {before}"));
            let days = size.retain_days.to_string();
            started = self.again(started, None, &["--retain-jobs-days", &days]).await?;
            let measured = retention::measure(&started.server, &started.database, size, before).await?;
            say(format!("    {measured}"));
            figures.retention = Some(measured);
            started = self.again(started, None, &[]).await?;
        }
        if self.wants(Part::F) {
            say("  (f) creation, a used database");
            Box::pin(self.creation(&started, figures)).await?;
        }
        started.stop().await
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
