//! An agent has power over its own attempts and no others.

use postern_domain::job::JobState;
use postern_protocol::{
    messages::{
        Chunk, HeldAttempt, Outcome, OutputAnswer, OutputRequest, Phase, ResultAnswer, ResultRequest, Stream,
    },
    path,
};
use postern_testkit::client::Revoke;
use postern_testkit::{TestServer, argv, key, on};

use crate::on_both_databases;

on_both_databases! {
    another_agents_attempt_cannot_be_touched,
    an_attempt_of_a_deleted_job_is_acknowledged_and_forgotten,
}

fn output() -> OutputRequest {
    let chunk = Chunk {
        stream: Stream::Stdout,
        offset: 0,
        data: b"forged".to_vec(),
    };
    OutputRequest {
        started_us: 0,
        chunks: vec![chunk],
    }
}

fn result() -> ResultRequest {
    ResultRequest {
        outcome: Outcome::Exited { code: 0 },
        started_us: Some(0),
        finished_us: 1,
        duration_us: Some(1),
        stream_bytes: Default::default(),
        chunks: output().chunks,
        result: None,
        failure: None,
    }
}

async fn another_agents_attempt_cannot_be_touched(server: TestServer) {
    let (victim, thief) = (server.agent("web-1").await, server.agent("web-2").await);
    let made = server
        .admin()
        .job_create(&on(&["web-1"], argv(&["x"])), &key())
        .await
        .unwrap();
    let id = made.jobs[0].id;
    let order = victim.order().await;
    victim.start(&order).await;
    let before = server.admin().job_show(id).await.unwrap();
    for attempt in [order.attempt_id, 0, -1, 999] {
        let told: OutputAnswer = thief.post(&path::output(attempt), &output()).await.unwrap();
        assert!(!told.wanted);
        let told: ResultAnswer = thief.post(&path::result(attempt), &result()).await.unwrap();
        assert!(!told.known);
    }
    let mut claimed = thief.hasty();
    claimed.held.push(HeldAttempt {
        attempt_id: order.attempt_id,
        phase: Phase::Started,
        started_us: Some(0),
    });
    let answer = thief.send_checkin(&claimed).await.unwrap();
    assert!(answer.cancel.is_empty() && answer.orders.is_empty());
    server.admin().job_cancel(id).await.unwrap();
    let mut claimed = thief.hasty();
    claimed.held.push(HeldAttempt {
        attempt_id: order.attempt_id,
        phase: Phase::Started,
        started_us: Some(0),
    });
    assert!(
        thief.send_checkin(&claimed).await.unwrap().cancel.is_empty(),
        "it learns of no cancel either"
    );
    let after = server.admin().job_show(id).await.unwrap();
    assert_eq!(
        (after.job.state, &after.attempts),
        (JobState::Running, &before.attempts)
    );
    assert!(
        server
            .admin()
            .job_output(id, None)
            .await
            .unwrap()
            .stdout
            .segments
            .is_empty()
    );
}

async fn an_attempt_of_a_deleted_job_is_acknowledged_and_forgotten(server: TestServer) {
    let agent = server.agent("web-1").await;
    let admin = server.admin();
    let id = admin
        .job_create(&on(&["web-1"], argv(&["x"])), &key())
        .await
        .unwrap()
        .jobs[0]
        .id;
    let order = agent.order().await;
    agent.start(&order).await;
    let copy_of_report = agent.result(&order, Outcome::Exited { code: 0 });
    agent.exit(&order, 0).await;
    admin.job_delete(id).await.unwrap();
    let told: ResultAnswer = agent
        .post(&path::result(order.attempt_id), &copy_of_report)
        .await
        .unwrap();
    assert!(!told.known);
    agent.result(&order, Outcome::Exited { code: 0 });
    assert_eq!(agent.beat().await.unwrap().acknowledged, [order.attempt_id]);
    assert!(agent.held().is_empty());
    admin.agent_delete(agent.id(), Revoke::Yes).await.unwrap();
}
