//! Order, slots, and why a job waits.

use std::time::Duration;

use postern_api::jobs::JobCreate;
use postern_domain::{
    JobId,
    job::{Priority, WaitReason},
};
use postern_protocol::order::Order;
use postern_server::clock::Clock as _;
use postern_testkit::{TestServer, argv, on};

use super::{create, show, waits};
use crate::on_both_databases;

on_both_databases! {
    critical_then_high_then_normal_then_oldest_and_one_slot_more_for_critical_work,
    a_free_slot_wakes_the_open_poll,
    a_job_says_why_it_waits,
    a_job_for_later_reaches_the_open_poll_when_it_is_due,
    an_inactive_agent_keeps_its_connection_and_gets_no_work,
    what_an_agent_had_before_it_was_switched_off_stays_its_own,
}

async fn with_priority(server: &TestServer, priority: Priority) -> JobId {
    create(
        server,
        &JobCreate {
            priority: Some(priority),
            ..on(&["web-1"], argv(&["x"]))
        },
    )
    .await
}

fn jobs(orders: &[Order]) -> Vec<i64> {
    orders.iter().map(|order| order.job_id).collect()
}

async fn critical_then_high_then_normal_then_oldest_and_one_slot_more_for_critical_work(server: TestServer) {
    let agent = server.agent("web-1").await;
    let mut normal = Vec::new();
    for _ in 0..3 {
        normal.push(with_priority(&server, Priority::Normal).await);
    }
    let high = with_priority(&server, Priority::High).await;
    let critical = with_priority(&server, Priority::Critical).await;
    let first = agent.orders().await;
    assert_eq!(
        jobs(&first),
        [critical.0, high.0, normal[0].0, normal[1].0],
        "four slots"
    );
    assert!(agent.orders().await.is_empty());
    assert_eq!(waits(&server, normal[2]).await, Some(WaitReason::SlotsFull));

    let kept_slot = with_priority(&server, Priority::Critical).await;
    let too_many = with_priority(&server, Priority::Critical).await;
    let more = agent.orders().await;
    assert_eq!(
        jobs(&more),
        [kept_slot.0],
        "the slot that is kept for critical work"
    );
    assert!(more[0].critical);
    assert_eq!(waits(&server, too_many).await, Some(WaitReason::SlotsFull));

    agent.start(&first[3]).await;
    agent.exit(&first[3], 0).await;
    assert_eq!(
        jobs(&agent.orders().await),
        [too_many.0],
        "critical work goes first"
    );
    agent.exit(&first[2], 0).await;
    assert!(agent.orders().await.is_empty(), "four are still busy");
    agent.exit(&first[1], 0).await;
    assert_eq!(jobs(&agent.orders().await), [normal[2].0]);
}

async fn a_free_slot_wakes_the_open_poll(server: TestServer) {
    let agent = server.agent("web-1").await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(with_priority(&server, Priority::Normal).await);
    }
    let orders = agent.orders().await;
    assert_eq!(orders.len(), 4);
    let poll = agent.open_poll(&server).await;
    agent.exit(&orders[0], 0).await;
    let answer = poll.await.unwrap().unwrap();
    assert_eq!(answer.orders.len(), 1);
    assert!(answer.orders[0].order.contains(&format!("\"job_id\":{}", ids[4])));
}

async fn a_job_says_why_it_waits(server: TestServer) {
    let agent = server.agent("web-1").await;
    let admin = server.admin();
    server.heard(&agent).await;
    let now = with_priority(&server, Priority::Normal).await;
    assert_eq!(
        waits(&server, now).await,
        None,
        "it will be handed out in a moment"
    );
    let not_before = Some(server.clock.now().plus(Duration::from_secs(60)));
    let later = create(
        &server,
        &JobCreate {
            not_before,
            ..on(&["web-1"], argv(&["x"]))
        },
    )
    .await;
    assert_eq!(waits(&server, later).await, Some(WaitReason::NotYetDue));
    let inactive = postern_api::agents::AgentUpdate {
        active: Some(false),
        ..Default::default()
    };
    admin.agent_update(agent.id(), &inactive).await.unwrap();
    let wait = show(&server, now).await.job.waits.expect("it waits");
    assert_eq!(wait.reason, WaitReason::AgentInactive);
    assert!(wait.text.contains("switch it on"), "{}", wait.text);
    let active = postern_api::agents::AgentUpdate {
        active: Some(true),
        ..Default::default()
    };
    admin.agent_update(agent.id(), &active).await.unwrap();
    server.clock.advance_seconds(46);
    assert_eq!(waits(&server, now).await, Some(WaitReason::AgentOffline));
    agent.order().await;
    assert_eq!(waits(&server, now).await, None, "handed out");
}

async fn a_job_for_later_reaches_the_open_poll_when_it_is_due(server: TestServer) {
    let agent = server.agent("web-1").await;
    let not_before = server.clock.now().plus(Duration::from_secs(30));
    let request = JobCreate {
        not_before: Some(not_before),
        ..on(&["web-1"], argv(&["x"]))
    };
    let id = create(&server, &request).await;
    assert!(agent.orders().await.is_empty());
    server.heard(&agent).await;
    let poll = agent.open_poll(&server).await;
    server.clock.advance_seconds(30);
    let answer = poll.await.unwrap().unwrap();
    assert_eq!(answer.orders.len(), 1, "handed out by the clock alone");
    let order: Order = serde_json::from_str(&answer.orders[0].order).unwrap();
    assert_eq!(
        (order.job_id, order.not_before_us),
        (id.0, not_before.as_micros())
    );
}

async fn an_inactive_agent_keeps_its_connection_and_gets_no_work(server: TestServer) {
    let agent = server.agent("web-1").await;
    let admin = server.admin();
    let switch = |active| postern_api::agents::AgentUpdate {
        active: Some(active),
        ..Default::default()
    };
    admin.agent_update(agent.id(), &switch(false)).await.unwrap();
    let id = with_priority(&server, Priority::Critical).await;
    assert!(agent.orders().await.is_empty());
    let shown = server.heard(&agent).await;
    assert!(!shown.active);
    assert_eq!(shown.connection, postern_domain::agent::Connection::Connected);
    let poll = agent.open_poll(&server).await;
    admin.agent_update(agent.id(), &switch(true)).await.unwrap();
    let answer = poll.await.unwrap().unwrap();
    assert_eq!(answer.orders.len(), 1, "switching on wakes the open poll");
    assert_eq!(show(&server, id).await.attempts.len(), 1);
}

async fn what_an_agent_had_before_it_was_switched_off_stays_its_own(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = with_priority(&server, Priority::Normal).await;
    agent.beat_unheard().await;
    let off = postern_api::agents::AgentUpdate {
        active: Some(false),
        ..Default::default()
    };
    server.admin().agent_update(agent.id(), &off).await.unwrap();
    let order = agent.order().await;
    assert_eq!(order.job_id, id.0);
    agent.start(&order).await;
    agent.exit(&order, 0).await;
}
