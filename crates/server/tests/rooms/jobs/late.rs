//! What an agent tells of an attempt that the server had ended before: kept beside that end, which stays as it is.

use std::collections::BTreeMap;

use postern_api::{
    executions::ArchiveFormat,
    jobs::{JobCreate, LateResult},
};
use postern_domain::{JobId, job::JobState};
use postern_protocol::{
    messages::{Chunk, Outcome, OutputAnswer, OutputRequest, ResultAnswer, ResultRequest, Stream},
    order::Order,
    path,
    payload::{JobPayload, ServiceAction, ServiceControl},
    result::{JobResult, ServiceResult, ServiceState},
};
use postern_server::clock::Clock as _;
use postern_testkit::{SimAgent, TestServer, on};

use super::{create, downloaded, show, until_state};
use crate::{dump::dump, no, on_both_databases, refused};

on_both_databases! {
    all_of_a_result_after_a_timeout_is_kept,
    all_of_a_result_after_a_cancel_is_kept,
    all_of_a_result_after_unknown_is_kept,
    a_late_result_of_an_earlier_attempt_stays_with_it,
    a_late_cancel_is_told_of_the_attempt_whose_end_was_asked_for,
    a_late_result_of_a_deleted_job_is_acknowledged_and_kept_nowhere,
    a_failure_that_is_told_twice_is_told_once,
    output_of_an_attempt_whose_end_the_agent_told_is_not_wanted,
}

/// Said by the host only.
const FAILURE: &str = "no such service on this host";

async fn restart(server: &TestServer) -> JobId {
    let work = JobPayload::ServiceControl(ServiceControl {
        action: ServiceAction::Restart,
        service: "nginx".into(),
    });
    let request = JobCreate {
        timeout_seconds: Some(30),
        ..on(&["web-1"], work)
    };
    create(server, &request).await
}

/// The agent was silent for more than twice the timeout.
async fn timed_out(server: &TestServer, agent: &SimAgent) -> (JobId, Order) {
    let id = restart(server).await;
    let order = agent.order().await;
    agent.start(&order).await;
    server.heard(agent).await;
    server.clock.advance_seconds(61);
    until_state(server, id, JobState::Timeout).await;
    (id, order)
}

/// It lost what it had accepted, for a while.
async fn cancelled(server: &TestServer, agent: &SimAgent) -> (JobId, Order) {
    let id = restart(server).await;
    let order = agent.order().await;
    agent.lose_journal();
    server.admin().job_cancel(id).await.unwrap();
    agent.beat().await.unwrap();
    until_state(server, id, JobState::Cancelled).await;
    (id, order)
}

/// It lost what it was running, for a while.
async fn unknown(server: &TestServer, agent: &SimAgent) -> (JobId, Order) {
    let id = restart(server).await;
    let order = agent.order().await;
    agent.start(&order).await;
    agent.lose_journal();
    agent.beat().await.unwrap();
    until_state(server, id, JobState::Unknown).await;
    (id, order)
}

fn stdout(offset: u64, data: &str) -> Vec<Chunk> {
    vec![Chunk {
        stream: Stream::Stdout,
        offset,
        data: data.as_bytes().to_vec(),
    }]
}

async fn print(server: &TestServer, agent: &SimAgent, order: &Order, chunks: Vec<Chunk>) -> OutputAnswer {
    let request = OutputRequest {
        started_us: server.clock.now().as_micros(),
        chunks,
    };
    agent
        .post(&path::output(order.attempt_id), &request)
        .await
        .unwrap()
}

async fn tell(agent: &SimAgent, order: &Order, report: &ResultRequest) -> ResultAnswer {
    agent.post(&path::result(order.attempt_id), report).await.unwrap()
}

fn found() -> JobResult {
    let state = |state: &str| ServiceState {
        state: state.into(),
        running: false,
        enabled: None,
        pid: None,
    };
    JobResult::ServiceControl(ServiceResult {
        manager: "systemd".into(),
        service: "nginx".into(),
        before: state("inactive"),
        after: state("failed"),
    })
}

/// An end with everything that one can have; it is in the journal from here on.
fn report(server: &TestServer, agent: &SimAgent, order: &Order) -> ResultRequest {
    ResultRequest {
        started_us: Some(server.clock.now().as_micros()),
        duration_us: Some(1_500_000),
        stream_bytes: BTreeMap::from([(Stream::Stdout, 8), (Stream::Stderr, 3)]),
        chunks: stdout(4, "two\n"),
        result: Some(found()),
        failure: Some(FAILURE.into()),
        ..agent.result(order, Outcome::Exited { code: 3 })
    }
}

/// Output and end are told late, the end more than once: all of it is kept, and nothing that was there changes.
async fn told_late(server: &TestServer, agent: &SimAgent, id: JobId, order: &Order) {
    let before = show(server, id).await;
    let admin = server.admin();
    assert!(!admin.job_output(id, None).await.unwrap().complete);
    assert!(print(server, agent, order, stdout(0, "one\n")).await.wanted);
    let report = report(server, agent, order);
    let acknowledged = agent.beat().await.unwrap().acknowledged;
    assert!(acknowledged.is_empty(), "its result is still to come");
    let ended = server.clock.now();
    let received = server.clock.advance_seconds(100);
    assert!(tell(agent, order, &report).await.known);

    let after = show(server, id).await;
    assert_eq!(after.job, before.job, "the state stands");
    let mut attempt = after.attempts[0].clone();
    let late = LateResult {
        state: JobState::Failed,
        started_at: Some(ended),
        finished_at: Some(ended),
        exit_code: Some(3),
        reason: Some(FAILURE.into()),
        duration_ms: Some(1500),
        result: Some(serde_json::to_value(found()).unwrap()),
        received_at: received,
    };
    assert_eq!(attempt.late.take(), Some(late));
    assert_eq!((attempt.stdout_bytes, attempt.stderr_bytes), (8, 3));
    (attempt.stdout_bytes, attempt.stderr_bytes) = (0, 0);
    assert_eq!(attempt, before.attempts[0], "the end that was decided stands");
    assert_eq!(
        after.timeline.last().unwrap().text,
        format!("A late result of attempt 1 arrived: failed: {FAILURE}")
    );
    let output = admin.job_output(id, None).await.unwrap();
    assert_eq!(output.stdout.segments[0].text, "one\ntwo\n");
    assert_eq!((output.stderr.cut_bytes, output.complete), (3, true));
    let file = downloaded(server, after.job.execution_id.unwrap(), ArchiveFormat::Json).await;
    let file: serde_json::Value = serde_json::from_slice(&file).unwrap();
    assert_eq!(
        file[0]["attempt"]["late"],
        serde_json::to_value(&after.attempts[0].late).unwrap()
    );

    server.clock.advance_seconds(10);
    assert!(tell(agent, order, &report).await.known);
    let other = ResultRequest {
        outcome: Outcome::Exited { code: 0 },
        chunks: stdout(8, "three\n"),
        ..report
    };
    assert!(tell(agent, order, &other).await.known);
    assert!(!print(server, agent, order, stdout(8, "three\n")).await.wanted);
    assert_eq!(show(server, id).await, after, "the first one stands");
    assert_eq!(agent.beat().await.unwrap().acknowledged, [order.attempt_id]);
}

async fn all_of_a_result_after_a_timeout_is_kept(server: TestServer) {
    let agent = server.agent("web-1").await;
    let (id, order) = timed_out(&server, &agent).await;
    told_late(&server, &agent, id, &order).await;
}

async fn all_of_a_result_after_a_cancel_is_kept(server: TestServer) {
    let agent = server.agent("web-1").await;
    let (id, order) = cancelled(&server, &agent).await;
    told_late(&server, &agent, id, &order).await;
}

async fn all_of_a_result_after_unknown_is_kept(server: TestServer) {
    let agent = server.agent("web-1").await;
    let (id, order) = unknown(&server, &agent).await;
    told_late(&server, &agent, id, &order).await;
}

async fn a_late_result_of_an_earlier_attempt_stays_with_it(server: TestServer) {
    let agent = server.agent("web-1").await;
    let (id, first) = unknown(&server, &agent).await;
    server.admin().job_retry(id).await.unwrap();
    let second = agent.order().await;
    agent.start(&second).await;
    let before = show(&server, id).await;
    assert!(print(&server, &agent, &first, stdout(0, "one\n")).await.wanted);
    assert!(tell(&agent, &first, &report(&server, &agent, &first)).await.known);
    let detail = show(&server, id).await;
    assert_eq!((&detail.job, detail.job.state), (&before.job, JobState::Running));
    assert_eq!(detail.attempts[1], before.attempts[1]);
    let late = detail.attempts[0].late.as_ref().map(|late| late.state);
    assert_eq!(late, Some(JobState::Failed));
    let output = server.admin().job_output(id, Some(2)).await.unwrap();
    assert!(output.stdout.segments.is_empty() && !output.complete);
    agent.exit(&second, 0).await;
    let detail = show(&server, id).await;
    assert_eq!(detail.job.state, JobState::Completed);
    assert_eq!(detail.attempts[1].late, None);
}

async fn a_late_cancel_is_told_of_the_attempt_whose_end_was_asked_for(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = restart(&server).await;
    let first = agent.order().await;
    agent.start(&first).await;
    server.admin().job_cancel(id).await.unwrap();
    agent.lose_journal();
    agent.beat().await.unwrap();
    until_state(&server, id, JobState::Unknown).await;
    server.admin().job_retry(id).await.unwrap();
    let second = agent.order().await;
    agent.start(&second).await;
    assert!(
        tell(&agent, &first, &agent.result(&first, Outcome::Cancelled))
            .await
            .known
    );
    let late = show(&server, id).await.attempts[0].late.clone().unwrap();
    assert_eq!(
        (late.state, late.reason.as_deref()),
        (JobState::Cancelled, Some("Cancelled; the process tree is gone"))
    );
    // Of the second one nobody asked for the end.
    agent.finish(&second, Outcome::Cancelled).await;
    let job = show(&server, id).await.job;
    assert_eq!(
        (job.state, job.reason.as_deref()),
        (
            JobState::Failed,
            Some("Stopped on the agent without a request of the server")
        )
    );
}

async fn a_late_result_of_a_deleted_job_is_acknowledged_and_kept_nowhere(server: TestServer) {
    let agent = server.agent("web-1").await;
    let (id, order) = unknown(&server, &agent).await;
    server.admin().job_delete(id).await.unwrap();
    assert!(!print(&server, &agent, &order, stdout(0, "one\n")).await.wanted);
    let told = tell(&agent, &order, &report(&server, &agent, &order)).await;
    assert!(!told.known);
    assert_eq!(agent.beat().await.unwrap().acknowledged, [order.attempt_id]);
    assert!(agent.held().is_empty());
    assert_eq!(refused(server.admin().job_show(id).await), no(404, "not_found"));
    assert!(!dump(&server).await.contains(FAILURE));
}

async fn a_failure_that_is_told_twice_is_told_once(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = restart(&server).await;
    let order = agent.order().await;
    agent.start(&order).await;
    let report = report(&server, &agent, &order);
    assert!(tell(&agent, &order, &report).await.known);
    let first = show(&server, id).await;
    assert_eq!(first.job.reason.as_deref(), Some(FAILURE));
    server.clock.advance_seconds(5);
    assert!(tell(&agent, &order, &report).await.known);
    assert_eq!(show(&server, id).await, first, "no late result, nothing moved");
}

async fn output_of_an_attempt_whose_end_the_agent_told_is_not_wanted(server: TestServer) {
    let agent = server.agent("web-1").await;
    for outcome in [
        Outcome::TimedOut,
        Outcome::Unknown { reason: "?".into() },
        Outcome::Exited { code: 0 },
    ] {
        let id = restart(&server).await;
        let order = agent.order().await;
        agent.start(&order).await;
        agent.finish(&order, outcome).await;
        assert!(!print(&server, &agent, &order, stdout(0, "more")).await.wanted);
        let output = server.admin().job_output(id, None).await.unwrap();
        assert!(output.stdout.segments.is_empty() && output.complete);
    }
}
