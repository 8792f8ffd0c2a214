//! What time does to jobs, on the server's clock.

use std::time::Duration;

use postern_api::jobs::JobCreate;
use postern_domain::job::JobState;
use postern_server::clock::Clock as _;
use postern_testkit::{TestServer, argv, on};

use super::{create, show, state, until_state};
use crate::on_both_databases;

on_both_databases! {
    silence_for_more_than_twice_the_timeout_ends_a_running_job,
    a_job_queued_for_31_minutes_fails_with_agent_did_not_pick_up,
    a_job_for_later_is_stale_only_after_its_time,
    a_pending_job_of_a_silent_agent_becomes_unknown,
    a_retried_job_gets_its_thirty_minutes_anew,
}

fn with_timeout(seconds: u32) -> JobCreate {
    JobCreate {
        timeout_seconds: Some(seconds),
        ..on(&["web-1"], argv(&["x"]))
    }
}

/// The second job shows that the bound is the job's own: the same round looked at both.
async fn silence_for_more_than_twice_the_timeout_ends_a_running_job(server: TestServer) {
    let agent = server.agent("web-1").await;
    let short = create(&server, &with_timeout(30)).await;
    let long = create(&server, &with_timeout(60)).await;
    for order in agent.orders().await {
        agent.start(&order).await;
    }
    server.heard(&agent).await;
    server.clock.advance_seconds(61);
    let job = until_state(&server, short, JobState::Timeout).await;
    assert_eq!(
        job.reason.as_deref(),
        Some("The agent was silent for more than twice the timeout")
    );
    assert_eq!(job.exit_code, None);
    assert_eq!(state(&server, long).await, JobState::Running);
}

async fn a_job_queued_for_31_minutes_fails_with_agent_did_not_pick_up(server: TestServer) {
    server.new_agent("web-1").await;
    let early = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    server.clock.advance_seconds(120);
    let later = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    server.clock.advance(Duration::from_secs(29 * 60));
    let job = until_state(&server, early, JobState::Failed).await;
    assert_eq!(job.reason.as_deref(), Some("Agent did not pick up job"));
    assert_eq!((job.exit_code, job.finished_at), (None, Some(server.clock.now())));
    assert_eq!(
        state(&server, later).await,
        JobState::Queued,
        "29 minutes are not enough"
    );
}

async fn a_job_for_later_is_stale_only_after_its_time(server: TestServer) {
    server.new_agent("web-1").await;
    let not_before = Some(server.clock.now().plus(Duration::from_secs(3600)));
    let planned = create(
        &server,
        &JobCreate {
            not_before,
            ..with_timeout(10)
        },
    )
    .await;
    let marker = create(&server, &with_timeout(10)).await;
    server.clock.advance(Duration::from_secs(60 * 60 + 29 * 60));
    until_state(&server, marker, JobState::Failed).await;
    assert_eq!(state(&server, planned).await, JobState::Queued);
    server.clock.advance(Duration::from_secs(2 * 60));
    until_state(&server, planned, JobState::Failed).await;
}

async fn a_pending_job_of_a_silent_agent_becomes_unknown(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = create(&server, &with_timeout(10)).await;
    let order = agent.order().await;
    server.heard(&agent).await;
    server.clock.advance(Duration::from_secs(30 * 60 + 21));
    let job = until_state(&server, id, JobState::Unknown).await;
    assert_eq!(
        job.reason.as_deref(),
        Some("The agent was given the job and fell silent")
    );
    agent.exit(&order, 0).await;
    let detail = show(&server, id).await;
    assert_eq!(detail.job.state, JobState::Unknown);
    assert_eq!(
        detail.attempts[0].late.as_ref().map(|late| late.state),
        Some(JobState::Completed)
    );
}

async fn a_retried_job_gets_its_thirty_minutes_anew(server: TestServer) {
    server.new_agent("web-1").await;
    let id = create(&server, &with_timeout(10)).await;
    server.clock.advance(Duration::from_secs(31 * 60));
    until_state(&server, id, JobState::Failed).await;
    server.admin().job_retry(id).await.unwrap();
    let marker = create(&server, &with_timeout(10)).await;
    server.clock.advance(Duration::from_secs(29 * 60));
    assert_eq!(state(&server, id).await, JobState::Queued);
    server.clock.advance(Duration::from_secs(2 * 60));
    until_state(&server, marker, JobState::Failed).await;
    until_state(&server, id, JobState::Failed).await;
}
