//! States and transitions, and what an agent that loses things cannot break.

use postern_domain::{JobId, job::JobState};
use postern_protocol::messages::Outcome;
use postern_testkit::client::Error;
use postern_testkit::{Database, SimAgent, TestServer, argv, on, until};

use super::{create, show, state, until_state};
use crate::{actions_on, no, on_both_databases, refused};

on_both_databases! {
    a_job_is_queued_pending_running_and_completed,
    another_exit_code_fails_and_names_it,
    a_job_that_its_agent_refuses_never_started,
    every_action_in_every_state,
    a_queued_job_is_cancelled_at_once_and_never_handed_out,
    a_running_job_is_cancelled_when_the_agent_confirms,
    a_pending_job_the_agent_never_had_is_cancelled,
    a_script_that_ended_before_the_cancel_came_is_not_cancelled,
    a_retry_adds_an_attempt_to_the_same_job,
    an_order_lost_on_its_way_is_delivered_again_as_the_same_attempt,
    an_old_check_in_that_arrives_late_changes_nothing,
    an_attempt_the_agent_lost_while_it_ran_is_unknown,
    an_agent_that_joins_anew_leaves_its_attempts_unknown,
    a_result_sent_twice_is_one_result,
    a_started_attempt_is_known_from_the_check_in_alone,
}

async fn a_job_is_queued_pending_running_and_completed(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = create(&server, &on(&["web-1"], argv(&["echo", "hi"]))).await;
    assert_eq!(state(&server, id).await, JobState::Queued);
    let order = agent.order().await;
    assert_eq!(
        (order.job_id, order.attempt, order.timeout_seconds),
        (id.0, 1, 300)
    );
    assert_eq!(order.work, argv(&["echo", "hi"]));
    assert_eq!(state(&server, id).await, JobState::Pending);
    server.clock.advance_seconds(2);
    agent.start(&order).await;
    let running = show(&server, id).await;
    assert_eq!(
        (running.job.state, running.job.started_at.is_some()),
        (JobState::Running, true)
    );
    server.clock.advance_seconds(3);
    agent.exit(&order, 0).await;
    let detail = show(&server, id).await;
    assert_eq!(
        (detail.job.state, detail.job.exit_code, detail.job.reason),
        (JobState::Completed, Some(0), None)
    );
    assert_eq!(detail.job.created_by, "user:1 (admin)");
    assert_eq!(detail.attempts.len(), 1);
    assert_eq!(detail.attempts[0].duration_ms, Some(1500));
    let texts: Vec<_> = detail.timeline.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "Created by user:1 (admin)",
            "Attempt 1 handed to the agent",
            "Attempt 1 started",
            "Attempt 1 completed"
        ]
    );
    assert!(agent.beat().await.unwrap().orders.is_empty());
    assert_eq!(
        actions_on(&server.admin(), &format!("job:{id}")).await,
        ["job_create", "job_finish"]
    );
}

async fn another_exit_code_fails_and_names_it(server: TestServer) {
    let agent = server.agent("web-1").await;
    let cases = [
        (
            Outcome::Exited { code: 7 },
            JobState::Failed,
            Some(7),
            "Exit code 7",
        ),
        (
            Outcome::Signalled { signal: 9 },
            JobState::Failed,
            Some(137),
            "Killed by signal 9",
        ),
        (
            Outcome::TimedOut,
            JobState::Timeout,
            None,
            "Killed by the agent after 300 seconds",
        ),
        (
            Outcome::Refused {
                reason: "no bash here".into(),
            },
            JobState::Failed,
            None,
            "no bash here",
        ),
        (
            Outcome::Unknown {
                reason: "the shim died".into(),
            },
            JobState::Unknown,
            None,
            "the shim died",
        ),
        (
            Outcome::Cancelled,
            JobState::Failed,
            None,
            "Stopped on the agent without a request of the server",
        ),
    ];
    for (outcome, state, code, reason) in cases {
        let id = create(&server, &on(&["web-1"], argv(&["x"]))).await;
        let order = agent.order().await;
        agent.start(&order).await;
        agent.finish(&order, outcome).await;
        let job = show(&server, id).await.job;
        assert_eq!(
            (job.state, job.exit_code, job.reason.as_deref()),
            (state, code, Some(reason))
        );
    }
}

async fn a_job_that_its_agent_refuses_never_started(server: TestServer) {
    let agent = server.agent("web-1").await;
    for told_too_early in [false, true] {
        let id = create(&server, &on(&["web-1"], argv(&["x"]))).await;
        let order = agent.order().await;
        if told_too_early {
            agent.start(&order).await;
        }
        let reason = "the owner's policy does not allow it".to_owned();
        agent.finish(&order, Outcome::Refused { reason }).await;
        let detail = show(&server, id).await;
        assert_eq!(
            (detail.job.state, detail.job.started_at),
            (JobState::Failed, None)
        );
        assert_eq!(detail.attempts[0].started_at, None);
        let texts: Vec<_> = detail.timeline.iter().map(|entry| entry.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "Created by user:1 (admin)",
                "Attempt 1 handed to the agent",
                "Attempt 1 failed: the owner's policy does not allow it"
            ]
        );
    }
}

/// A new job that is in this state. `idle` is an agent that asks for nothing.
async fn job_in(server: &TestServer, agent: &SimAgent, idle: &SimAgent, wanted: JobState) -> JobId {
    let host = if wanted == JobState::Queued { idle } else { agent };
    let id = create(server, &on(&[host.name()], argv(&["x"]))).await;
    if wanted == JobState::Queued {
        return id;
    }
    if wanted == JobState::Cancelled {
        server.admin().job_cancel(id).await.unwrap();
        return id;
    }
    let order = agent.order().await;
    let outcome = match wanted {
        JobState::Completed => Outcome::Exited { code: 0 },
        JobState::Failed => Outcome::Exited { code: 1 },
        JobState::Timeout => Outcome::TimedOut,
        JobState::Unknown => Outcome::Unknown { reason: "?".into() },
        JobState::Running => {
            agent.start(&order).await;
            return id;
        }
        _ => return id,
    };
    agent.start(&order).await;
    agent.finish(&order, outcome).await;
    id
}

async fn every_action_in_every_state(server: TestServer) {
    use JobState::{Cancelled, Completed, Failed, Pending, Queued, Running, Timeout, Unknown};
    let idle = server.agent("idle").await;
    let admin = server.admin();
    for (number, wanted) in JobState::ALL.iter().copied().enumerate() {
        // Each state on an agent of its own: what is pending stays so, and takes no slot from the next.
        let agent = server.agent(&format!("host-{number}")).await;
        let allowed = [
            ("cancel", matches!(wanted, Queued | Pending | Running)),
            ("retry", matches!(wanted, Failed | Timeout | Unknown)),
            (
                "delete",
                matches!(wanted, Completed | Failed | Cancelled | Unknown),
            ),
        ];
        for (action, allowed) in allowed {
            let id = job_in(&server, &agent, &idle, wanted).await;
            assert_eq!(state(&server, id).await, wanted, "before {action}");
            let result: Result<(), Error> = match action {
                "cancel" => admin.job_cancel(id).await.map(|_| ()),
                "retry" => admin.job_retry(id).await.map(|_| ()),
                _ => admin.job_delete(id).await,
            };
            if allowed {
                result.unwrap_or_else(|error| panic!("{action} of {wanted}: {error}"));
                if action == "retry" {
                    admin.job_cancel(id).await.unwrap();
                }
                continue;
            }
            let problem = result
                .expect_err(&format!("{action} of {wanted}"))
                .problem()
                .cloned()
                .unwrap();
            assert_eq!((problem.status, &*problem.code), (409, "job_wrong_state"));
            let sentence = format!("cannot {action} a job that is {wanted}");
            assert!(problem.detail.contains(&sentence), "{}", problem.detail);
            assert_eq!(
                state(&server, id).await,
                wanted,
                "a refused {action} changes nothing"
            );
        }
    }
}

async fn a_queued_job_is_cancelled_at_once_and_never_handed_out(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    let job = server.admin().job_cancel(id).await.unwrap();
    assert_eq!(job.state, JobState::Cancelled);
    assert_eq!(
        job.reason.as_deref(),
        Some("Cancelled before it was handed to the agent")
    );
    assert!(agent.orders().await.is_empty());
    assert_eq!(
        refused(server.admin().job_output(id, None).await),
        no(409, "no_attempt_yet")
    );
    let detail = show(&server, id).await;
    let last = &detail.timeline.last().unwrap().text;
    assert!(last.starts_with("Job cancelled"), "{last}");
}

async fn a_running_job_is_cancelled_when_the_agent_confirms(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = create(&server, &on(&["web-1"], argv(&["sleep"]))).await;
    let order = agent.order().await;
    agent.start(&order).await;
    let poll = agent.open_poll(&server).await;
    let job = server.admin().job_cancel(id).await.unwrap();
    assert_eq!((job.state, job.cancel_requested), (JobState::Running, true));
    assert_eq!(
        poll.await.unwrap().unwrap().cancel,
        [order.attempt_id],
        "the open poll is told"
    );
    server
        .admin()
        .job_cancel(id)
        .await
        .expect("asking twice is no error");
    assert_eq!(
        agent.beat().await.unwrap().cancel,
        [order.attempt_id],
        "told until the end is reported"
    );
    agent.finish(&order, Outcome::Cancelled).await;
    let job = show(&server, id).await.job;
    assert_eq!((job.state, job.exit_code), (JobState::Cancelled, None));
    assert!(agent.beat().await.unwrap().cancel.is_empty());
}

async fn a_pending_job_the_agent_never_had_is_cancelled(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    agent.beat_unheard().await;
    assert_eq!(state(&server, id).await, JobState::Pending);
    server.admin().job_cancel(id).await.unwrap();
    assert!(agent.orders().await.is_empty(), "not handed out again");
    let job = show(&server, id).await.job;
    assert_eq!(job.state, JobState::Cancelled);
    assert_eq!(
        job.reason.as_deref(),
        Some("Cancelled; the agent had never received it")
    );
}

async fn a_script_that_ended_before_the_cancel_came_is_not_cancelled(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    let order = agent.order().await;
    agent.start(&order).await;
    server.admin().job_cancel(id).await.unwrap();
    agent.exit(&order, 0).await;
    assert_eq!(state(&server, id).await, JobState::Completed);
}

async fn a_retry_adds_an_attempt_to_the_same_job(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    let first = agent.run(1).await;
    server.clock.advance_seconds(60);
    let job = server.admin().job_retry(id).await.unwrap();
    assert_eq!(
        (job.state, job.attempt, job.exit_code),
        (JobState::Queued, 2, None)
    );
    assert_eq!((job.started_at, job.finished_at, job.reason), (None, None, None));
    let second = agent.run(0).await;
    assert_eq!((second.job_id, second.attempt), (first.job_id, 2));
    assert_ne!(second.attempt_id, first.attempt_id);
    let detail = show(&server, id).await;
    let states: Vec<_> = detail
        .attempts
        .iter()
        .map(|attempt| (attempt.number, attempt.state))
        .collect();
    assert_eq!(states, [(1, JobState::Failed), (2, JobState::Completed)]);
    assert_eq!(detail.job.state, JobState::Completed);
    assert_eq!(
        actions_on(&server.admin(), &format!("job:{id}")).await,
        ["job_create", "job_finish", "job_retry", "job_finish"]
    );
}

async fn an_order_lost_on_its_way_is_delivered_again_as_the_same_attempt(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    agent.beat_unheard().await;
    let handed = show(&server, id).await;
    let first = agent.order().await;
    assert_eq!((first.attempt_id, first.attempt), (handed.attempts[0].id.0, 1));
    assert_eq!(first.fence, 1, "the attempt's own");
    assert!(agent.orders().await.is_empty(), "it has it now");
    let next = create(&server, &on(&["web-1"], argv(&["y"]))).await;
    let second = agent.order().await;
    assert_eq!((second.job_id, second.fence), (next.0, 2));
    agent.start(&first).await;
    agent.exit(&first, 0).await;
    let detail = show(&server, id).await;
    assert_eq!(
        (detail.job.state, detail.attempts.len()),
        (JobState::Completed, 1)
    );
}

async fn an_old_check_in_that_arrives_late_changes_nothing(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    let delayed = agent.hasty();
    let order = agent.order().await;
    agent.start(&order).await;
    let answer = agent.send_checkin(&delayed).await.unwrap();
    assert!(answer.orders.is_empty() && answer.cancel.is_empty());
    assert_eq!(state(&server, id).await, JobState::Running);
}

async fn an_attempt_the_agent_lost_while_it_ran_is_unknown(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    let order = agent.order().await;
    agent.start(&order).await;
    agent.lose_journal();
    agent.beat().await.unwrap();
    let job = show(&server, id).await.job;
    assert_eq!(job.state, JobState::Unknown);
    assert_eq!(
        job.reason.as_deref(),
        Some("The agent no longer knows this attempt")
    );
    assert!(agent.orders().await.is_empty(), "never run again by itself");
    server.admin().job_retry(id).await.unwrap();
    agent.run(0).await;
    assert_eq!(state(&server, id).await, JobState::Completed);
}

async fn an_agent_that_joins_anew_leaves_its_attempts_unknown(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    let order = agent.order().await;
    agent.start(&order).await;
    let again = server
        .admin()
        .enrollment_token_create(agent.id(), &postern_testkit::key())
        .await
        .unwrap();
    let fresh = server.join(&again.enrollment_token).await;
    let job = until_state(&server, id, JobState::Unknown).await;
    assert_eq!(
        job.reason.as_deref(),
        Some("The agent joined anew while it had this attempt")
    );
    assert!(fresh.orders().await.is_empty());
}

/// The agent's clock is ahead, and its acknowledgement was lost.
async fn a_result_sent_twice_is_one_result(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    let order = agent.order().await;
    agent.start(&order).await;
    let mut report = agent.result(&order, Outcome::Exited { code: 3 });
    report.finished_us += 10_000_000;
    let path = postern_protocol::path::result(order.attempt_id);
    let send = || agent.post::<postern_protocol::messages::ResultAnswer>(&path, &report);
    assert!(send().await.unwrap().known);
    let first = show(&server, id).await;
    server.clock.advance_seconds(5);
    assert!(send().await.unwrap().known);
    assert_eq!(show(&server, id).await, first, "no late result, nothing moved");
    let acknowledged = agent.beat().await.unwrap().acknowledged;
    assert_eq!(acknowledged, [order.attempt_id]);
    assert_eq!(
        actions_on(&server.admin(), &format!("job:{id}")).await,
        ["job_create", "job_finish"]
    );
}

async fn a_started_attempt_is_known_from_the_check_in_alone(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    let order = agent.order().await;
    let mut request = agent.hasty();
    let started = server.clock.advance_seconds(1);
    for held in request
        .held
        .iter_mut()
        .filter(|held| held.attempt_id == order.attempt_id)
    {
        held.phase = postern_protocol::messages::Phase::Started;
        held.started_us = Some(started.as_micros());
    }
    agent.send_checkin(&request).await.unwrap();
    let job = show(&server, id).await.job;
    assert_eq!((job.state, job.started_at), (JobState::Running, Some(started)));
}

/// Somebody else keeps the job, so the result waits; the start that a check-in tells of does not wait behind it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_is_not_written_beside_its_result() {
    let server = TestServer::on(Database::Postgres).await;
    let agent = server.agent("web-1").await;
    let id = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    let order = agent.order().await;
    let mut request = agent.hasty();
    for held in &mut request.held {
        if held.attempt_id == order.attempt_id {
            held.phase = postern_protocol::messages::Phase::Started;
        }
    }
    let client = server.postgres_client().await;
    let keep = format!("BEGIN; SELECT 1 FROM jobs WHERE id = {id} FOR UPDATE");
    client.batch_execute(&keep).await.unwrap();
    let result = tokio::spawn({
        let (agent, order) = (agent.clone(), order.clone());
        async move { agent.exit(&order, 0).await }
    });
    let waiting =
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until("the result waits", || async {
        (client.query(waiting, &[]).await.unwrap().len() == 1).then_some(())
    })
    .await;
    // Behind the result it would be ended by the database's own limit.
    agent.send_checkin(&request).await.unwrap();
    client.batch_execute("COMMIT").await.unwrap();
    result.await.unwrap();
    assert_eq!(state(&server, id).await, JobState::Completed);
}
