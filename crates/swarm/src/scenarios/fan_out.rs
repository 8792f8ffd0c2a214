//! (b) One creation, one job on each real agent: until all of them have ended.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use postern_client::IdempotencyKey;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::{everyone, job};
use crate::{arguments::Sizes, programs::Server, spread::Spread};

const WITHIN: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(300);

#[derive(Debug, Serialize)]
pub(crate) struct FanOut {
    how: &'static str,
    agents: usize,
    /// Until the API shows no job that has not ended.
    pub(crate) all_ended_ms: Spread,
}

pub(crate) async fn measure(server: &Server, agents: usize, sizes: &Sizes) -> Result<FanOut> {
    let mut times = Vec::new();
    // The first one warms up.
    for number in 0..=sizes.fan_out_runs {
        sleep(PAUSE).await;
        let begun = Instant::now();
        let created = server
            .client
            .job_create(&job(everyone()), &IdempotencyKey::random())
            .await?;
        ensure!(created.jobs.len() == agents, "a job for each agent");
        let time = server.all_ended(begun, WITHIN).await?;
        if number > 0 {
            times.push(time);
        }
    }
    server.expect_no_failures().await?;
    Ok(FanOut {
        how: "polling: GET /jobs of those that have not ended, each as soon as the one before is answered",
        agents,
        all_ended_ms: Spread::of(times).context("there were no runs")?,
    })
}
