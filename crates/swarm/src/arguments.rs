//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Load for a Postern server: simulated agents by the thousand, real ones by the dozen, and a benchmark of both.
#[derive(Debug, Parser)]
#[command(name = "postern-swarm", version, max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start servers and agents on this machine, measure them, and write the figures as JSON
    Bench(Bench),
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// The server's program, `postern`
    #[arg(long, value_name = "FILE")]
    pub(crate) server_binary: PathBuf,
    /// The agent's program, `postern-agent`
    #[arg(long, value_name = "FILE")]
    pub(crate) agent_binary: PathBuf,
    /// A PostgreSQL whose user may create databases; without it only SQLite is measured
    #[arg(long, value_name = "URL")]
    pub(crate) postgres: Option<String>,
    /// Only these databases
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["sqlite", "postgres"])]
    pub(crate) databases: Vec<Engine>,
    /// Only these parts
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["a", "b", "c", "d", "e", "f", "g", "h", "i"])]
    pub(crate) only: Vec<Part>,
    /// Small and short: to see that everything works, not how fast
    #[arg(long)]
    pub(crate) quick: bool,
    /// Commit that the programs were built from, for the record
    #[arg(long, default_value = "unknown")]
    pub(crate) commit: String,
    /// Where the figures go; databases and logs lie beside it during the run
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Latency on one real agent
    A,
    /// Fan-out to real agents
    B,
    /// Throughput of real agents
    C,
    /// Simulated agents: connecting, fan-out, throughput, cost
    D,
    /// What an idle agent costs
    E,
    /// Creation of one execution on many agents
    F,
    /// Lists and filters of many stored jobs
    G,
    /// Removal of old jobs beside new ones
    H,
    /// Workflows of trivial steps
    I,
}

/// How much of everything.
#[derive(Debug, Clone)]
pub(crate) struct Sizes {
    pub(crate) latency_runs: usize,
    pub(crate) polled_runs: usize,
    pub(crate) real_agents: usize,
    pub(crate) fan_out_runs: usize,
    pub(crate) throughput_seconds: u64,
    pub(crate) idle_seconds: u64,
    pub(crate) swarms: Vec<SwarmSize>,
    pub(crate) stored: StoredSize,
    pub(crate) workflows: WorkflowSize,
}

/// For the parts that begin with a used database.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoredSize {
    pub(crate) agents: u64,
    pub(crate) jobs: u64,
    /// Executions on all agents, of each kind.
    pub(crate) creations: usize,
    /// Answers to each question.
    pub(crate) list_runs: usize,
    /// Jobs that ended longer ago are removed.
    pub(crate) retain_days: u64,
    /// Agents that work meanwhile.
    pub(crate) workers: usize,
    /// Length of the measurement before the removal.
    pub(crate) steady_seconds: u64,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct WorkflowSize {
    pub(crate) agents: usize,
    pub(crate) instances: usize,
    /// Instances that run one after the other before.
    pub(crate) alone: usize,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct SwarmSize {
    pub(crate) agents: usize,
    /// Length of the throughput measurement; none when 0.
    pub(crate) sustained_seconds: u64,
}

impl Sizes {
    pub(crate) fn of(bench: &Bench) -> Self {
        let swarm = |agents, sustained_seconds| SwarmSize {
            agents,
            sustained_seconds,
        };
        if bench.quick {
            return Self {
                latency_runs: 20,
                polled_runs: 5,
                real_agents: 5,
                fan_out_runs: 3,
                throughput_seconds: 3,
                idle_seconds: 3,
                swarms: vec![swarm(50, 3), swarm(200, 0)],
                stored: StoredSize {
                    agents: 1000,
                    jobs: 20_000,
                    creations: 2,
                    list_runs: 3,
                    retain_days: 300,
                    workers: 5,
                    steady_seconds: 3,
                },
                workflows: WorkflowSize {
                    agents: 10,
                    instances: 50,
                    alone: 3,
                },
            };
        }
        Self {
            latency_runs: 200,
            polled_runs: 50,
            real_agents: 20,
            fan_out_runs: 10,
            throughput_seconds: 20,
            idle_seconds: 60,
            swarms: vec![swarm(1_000, 20), swarm(10_000, 0)],
            stored: StoredSize {
                agents: 10_000,
                jobs: 1_000_000,
                creations: 5,
                list_runs: 40,
                retain_days: 300,
                workers: 20,
                steady_seconds: 20,
            },
            workflows: WorkflowSize {
                agents: 100,
                instances: 1_000,
                alone: 30,
            },
        }
    }
}
