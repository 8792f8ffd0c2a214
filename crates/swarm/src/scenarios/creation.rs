//! (f) One creation for every agent there is: until the answer, all jobs being durable. The agents have enrolled and
//! are not connected, so that nothing is handed out meanwhile.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use postern_api::{
    jobs::JobsCreated,
    scripts::{ScriptCreate, ScriptDefinition, ScriptKind, ScriptRun},
    targets::Targets,
};
use postern_client::IdempotencyKey;
use postern_protocol::payload::Language;
use serde::Serialize;
use tokio::time::Instant;

use super::{everyone, job};
use crate::{arguments::StoredSize, database::Database, programs::Server, spread::Spread, stored};

/// Every agent that was there from the start has one of these labels.
const SELECTOR: &str = "env in (prod,test)";

#[derive(Debug, Serialize)]
pub(crate) struct Creation {
    how: &'static str,
    agents: i64,
    /// In the database before.
    stored_jobs: i64,
    all_ms: Spread,
    by_selector_ms: Spread,
    saved_script_ms: Spread,
}

impl Creation {
    pub(crate) fn spreads(&self) -> [(&'static str, Spread); 3] {
        [
            ("command on all", self.all_ms),
            ("command by selector", self.by_selector_ms),
            ("saved script on all", self.saved_script_ms),
        ]
    }

    pub(crate) fn worst_ms(&self) -> f64 {
        let worst = self.spreads().map(|(_, spread)| spread.max);
        worst.into_iter().fold(0.0, f64::max)
    }
}

pub(crate) async fn measure(server: &Server, database: &Database, size: StoredSize) -> Result<Creation> {
    let session = database.session().await?;
    let stored_jobs = session.number(stored::COUNT_JOBS).await?;
    let agents = session.number(stored::COUNT_AGENTS).await?;
    let labelled = session.number(stored::COUNT_LABELLED).await?;
    let selected = Targets {
        selector: Some(SELECTOR.parse().context("a selector")?),
        ..Targets::default()
    };
    let script = ScriptCreate {
        kind: ScriptKind::Script,
        name: "bench".into(),
        description: String::new(),
        language: Language::Bash,
        organization_id: None,
        department_id: None,
        definition: ScriptDefinition {
            content: "true\n".repeat(1000),
            ..Default::default()
        },
        message: String::new(),
    };
    let script = server
        .client
        .script_create(&script, &IdempotencyKey::random())
        .await?
        .script
        .id;
    let run = ScriptRun {
        version: None,
        parameters: std::collections::BTreeMap::default(),
        targets: everyone(),
        priority: None,
        timeout_seconds: None,
        not_before: None,
        rolling: None,
        concurrency: None,
    };
    let mut all = Vec::new();
    let mut by_selector = Vec::new();
    let mut saved_script = Vec::new();
    let client = &server.client;
    for _ in 0..size.creations {
        let (everybody, chosen) = (job(everyone()), job(selected.clone()));
        let key = IdempotencyKey::random;
        all.push(
            timed(server, agents, async || {
                Ok(client.job_create(&everybody, &key()).await?)
            })
            .await?,
        );
        by_selector.push(
            timed(server, labelled, async || {
                Ok(client.job_create(&chosen, &key()).await?)
            })
            .await?,
        );
        saved_script.push(
            timed(server, agents, async || {
                Ok(client.script_run(script, &run, &key()).await?)
            })
            .await?,
        );
    }
    let spread = |times| Spread::of(times).context("there were no runs");
    Ok(Creation {
        how: "POST until its answer, which names every job; then the execution is asked how many are queued",
        agents,
        stored_jobs,
        all_ms: spread(all)?,
        by_selector_ms: spread(by_selector)?,
        saved_script_ms: spread(saved_script)?,
    })
}

async fn timed(
    server: &Server,
    agents: i64,
    create: impl AsyncFnOnce() -> Result<JobsCreated>,
) -> Result<Duration> {
    let begun = Instant::now();
    let created = create().await?;
    let time = begun.elapsed();
    ensure!(
        created.jobs.len() == usize::try_from(agents)?,
        "a job for each agent"
    );
    let execution = server.client.execution_show(created.execution_id).await?;
    let queued = execution.counts.get("queued").copied();
    ensure!(queued == Some(agents), "all queued");
    Ok(time)
}
