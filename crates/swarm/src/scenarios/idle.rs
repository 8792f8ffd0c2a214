//! (e) What an enrolled, connected agent costs that has nothing to do.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::{
    accounting::{Memory, cpu_of_threads, memory, percent},
    arguments::Sizes,
    programs::RealAgent,
    spread::seconds,
};

/// What a start leaves to be done is over by then.
const SETTLE: Duration = Duration::from_secs(2);

#[derive(Debug, Serialize)]
pub(crate) struct Idle {
    seconds: f64,
    pub(crate) cpu_percent: f64,
    pub(crate) memory: Memory,
}

pub(crate) async fn measure(agent: &RealAgent, sizes: &Sizes) -> Result<Idle> {
    sleep(SETTLE).await;
    let before = cpu_of_threads(agent.pid())?;
    let begun = Instant::now();
    sleep(Duration::from_secs(sizes.idle_seconds)).await;
    let spent = cpu_of_threads(agent.pid())?.saturating_sub(before);
    let wall = begun.elapsed();
    Ok(Idle {
        seconds: seconds(wall),
        cpu_percent: percent(spent, wall),
        memory: memory(agent.pid())?,
    })
}
