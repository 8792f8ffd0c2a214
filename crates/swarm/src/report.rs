//! The figures of a run, and the goals they are held against.

use serde::Serialize;

use crate::{
    arguments::Engine,
    machine::Machine,
    scenarios::{
        creation::Creation, fan_out::FanOut, idle::Idle, latency::Latency, lists::Lists, plans::Plan,
        retention::Retention, swarm::SwarmFigures, throughput::Throughput, workflows::Workflows,
    },
    spread::round,
};

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) commit: String,
    pub(crate) started_at: String,
    /// Small and short: the figures say that everything works, not how fast.
    pub(crate) quick: bool,
    pub(crate) machine: Machine,
    pub(crate) databases: Vec<Figures>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) database: Engine,
    /// Of the machine before the first measurement: beyond 1, something else ran too.
    pub(crate) load_before: f64,
    #[serde(rename = "a_latency")]
    pub(crate) latency: Option<Latency>,
    #[serde(rename = "b_fan_out")]
    pub(crate) fan_out: Option<FanOut>,
    #[serde(rename = "c_throughput")]
    pub(crate) throughput: Option<Throughput>,
    #[serde(rename = "d_swarms")]
    pub(crate) swarms: Vec<SwarmFigures>,
    #[serde(rename = "e_idle_agent")]
    pub(crate) idle: Option<Idle>,
    #[serde(rename = "f_creations")]
    pub(crate) creations: Vec<Creation>,
    #[serde(rename = "g_lists")]
    pub(crate) lists: Option<Lists>,
    #[serde(rename = "g_plans")]
    pub(crate) plans: Vec<Plan>,
    #[serde(rename = "h_retention")]
    pub(crate) retention: Option<Retention>,
    #[serde(rename = "i_workflows")]
    pub(crate) workflows: Option<Workflows>,
    /// The agent after all its jobs.
    pub(crate) agent_memory_after: Option<crate::accounting::Memory>,
    pub(crate) goals: Vec<Goal>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Goal {
    name: &'static str,
    goal: String,
    measured: f64,
    unit: &'static str,
    met: bool,
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            name,
            goal,
            measured,
            unit,
            met,
        } = self;
        let verdict = if *met { "met" } else { "MISSED" };
        write!(f, "{name}: {measured} {unit} (goal {goal}) {verdict}")
    }
}

enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Limit {
    fn judge(&self, name: &'static str, measured: f64, unit: &'static str) -> Goal {
        let (goal, met) = match self {
            Self::AtMost(limit) => (format!("≤ {limit}"), measured <= *limit),
            Self::AtLeast(limit) => (format!("≥ {limit}"), measured >= *limit),
        };
        Goal {
            name,
            goal,
            measured: round(measured),
            unit,
            met,
        }
    }
}

/// Of what was measured.
pub(crate) fn goals(figures: &Figures) -> Vec<Goal> {
    use Limit::{AtLeast, AtMost};
    let mut goals = Vec::new();
    let mebibytes = |kib: u64| f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0;
    if let Some(latency) = &figures.latency {
        let p50 = latency.create_to_result_ms.p50;
        goals.push(AtMost(8.0).judge("(a) latency, p50", p50, "ms"));
    }
    if let Some(fan_out) = &figures.fan_out {
        let p50 = fan_out.all_ended_ms.p50;
        goals.push(AtMost(60.0).judge("(b) fan-out to 20 real agents, p50", p50, "ms"));
    }
    if let Some(throughput) = &figures.throughput {
        let rate = throughput.jobs_per_second;
        goals.push(AtLeast(400.0).judge("(c) throughput of 20 real agents", rate, "jobs/s"));
    }
    for swarm in &figures.swarms {
        if let Some(sustained) = &swarm.sustained {
            let rate = sustained.jobs_per_second;
            goals.push(AtLeast(2000.0).judge("(d) 1,000 agents, sustained", rate, "jobs/s"));
            continue;
        }
        let connected = swarm.joining.connected_s;
        goals.push(AtMost(60.0).judge("(d) 10,000 agents connected", connected, "s"));
        let fan_out = swarm.fan_out.all_ended_s;
        goals.push(AtMost(10.0).judge("(d) fan-out to 10,000 agents", fan_out, "s"));
        let peak = mebibytes(swarm.server_memory.peak_rss_kib);
        goals.push(AtMost(600.0).judge("(d) server with 10,000 agents, most memory", peak, "MiB"));
    }
    if let Some(idle) = &figures.idle {
        let memory = mebibytes(idle.memory.rss_kib);
        goals.push(AtMost(10.0).judge("(e) idle agent, memory", memory, "MiB"));
        goals.push(AtMost(0.1).judge("(e) idle agent, CPU", idle.cpu_percent, "%"));
    }
    for creation in &figures.creations {
        let worst = creation.worst_ms() / 1000.0;
        goals.push(AtMost(2.0).judge("(f) execution on 10,000 agents, worst", worst, "s"));
    }
    if let Some(lists) = &figures.lists {
        let worst = lists.worst.ms.p95;
        goals.push(AtMost(100.0).judge("(g) lists of 1,000,000 jobs, worst p95", worst, "ms"));
    }
    if let Some(workflows) = &figures.workflows {
        let step = workflows.step_ms.p50;
        goals.push(AtMost(10.0).judge("(i) a step of a workflow, p50", step, "ms"));
        let rate = workflows.steps_per_second;
        goals.push(AtLeast(1000.0).judge("(i) steps of 1,000 instances", rate, "steps/s"));
    }
    goals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_at_its_limit_is_met_and_one_beyond_is_not() {
        for (limit, measured, met) in [
            (Limit::AtMost(8.0), 8.0, true),
            (Limit::AtMost(8.0), 8.1, false),
            (Limit::AtLeast(400.0), 400.0, true),
            (Limit::AtLeast(400.0), 399.9, false),
        ] {
            assert_eq!(limit.judge("x", measured, "u").met, met);
        }
    }
}
