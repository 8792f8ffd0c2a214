//! Numbers for Prometheus.

use postern_domain::job::JobState;
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RequestLabels {
    pub(crate) operation: &'static str,
    pub(crate) status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct StateLabels {
    pub(crate) state: &'static str,
}

#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) requests: Family<RequestLabels, Counter>,
    pub(crate) request_seconds: Histogram,
    pub(crate) jobs_ended: Family<StateLabels, Counter>,
    pub(crate) jobs: Family<StateLabels, Gauge>,
    pub(crate) polls: Gauge,
    pub(crate) panics: Counter,
    pub(crate) background_errors: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let buckets = [
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
        ];
        let mut metrics = Self {
            registry: Registry::with_prefix("postern"),
            requests: Family::default(),
            request_seconds: Histogram::new(buckets),
            jobs_ended: Family::default(),
            jobs: Family::default(),
            polls: Gauge::default(),
            panics: Counter::default(),
            background_errors: Counter::default(),
        };
        let registry = &mut metrics.registry;
        registry.register(
            "http_requests",
            "Answered requests by operation and status",
            metrics.requests.clone(),
        );
        registry.register(
            "http_request_seconds",
            "Time to answer, waiting polls left out",
            metrics.request_seconds.clone(),
        );
        registry.register(
            "jobs_ended",
            "Jobs that reached a final state",
            metrics.jobs_ended.clone(),
        );
        registry.register("jobs", "Jobs that are not final, by state", metrics.jobs.clone());
        registry.register(
            "agent_polls",
            "Check-ins waiting at this server",
            metrics.polls.clone(),
        );
        registry.register("panics", "Contained panics", metrics.panics.clone());
        registry.register(
            "background_errors",
            "Failed rounds of background work",
            metrics.background_errors.clone(),
        );
        metrics
    }

    pub(crate) fn job_ended(&self, state: JobState) {
        self.jobs_ended
            .get_or_create(&StateLabels {
                state: state.as_str(),
            })
            .inc();
    }

    pub(crate) fn encode(&self) -> String {
        let mut out = String::new();
        match text::encode(&mut out, &self.registry) {
            Ok(()) => out,
            Err(error) => format!("# {error}\n"),
        }
    }
}
