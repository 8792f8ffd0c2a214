//! How much work one answer to a check-in brings.

use postern_api::{jobs::JobCreate, secret::SecretText};
use postern_domain::job::Priority;
use postern_protocol::{
    limits::{ORDER_BYTES_PER_ANSWER, ORDERS_PER_ANSWER, PARAMETER_BYTES, SCRIPT_BYTES},
    messages::{CheckinAnswer, CheckinRequest, HeldAttempt, Phase},
    order::Order,
    path,
    payload::{JobPayload, Language, Script},
};
use postern_testkit::{SimAgent, TestServer, argv, on};

use super::{create, show};
use crate::on_both_databases;

on_both_databases! {
    large_orders_come_over_several_check_ins_and_none_is_lost,
    what_is_sent_longer_than_it_is_counts_as_it_is_sent,
    large_orders_that_were_lost_come_again_before_anything_new,
    orders_that_come_again_and_new_ones_are_counted_together,
}

/// More than any of these tests needs.
const SLOTS: u32 = 64;

/// A check-in of an agent with room, answered at once.
fn eager(agent: &SimAgent) -> CheckinRequest {
    CheckinRequest {
        slots: SLOTS,
        ..agent.hasty()
    }
}

/// What an answer brings, which is never more than it may.
fn orders(answer: &CheckinAnswer) -> Vec<Order> {
    assert!(answer.orders.len() <= ORDERS_PER_ANSWER);
    let bytes = serde_json::to_vec(&answer.orders).unwrap().len();
    assert!(bytes <= ORDER_BYTES_PER_ANSWER, "{bytes} bytes of orders");
    let open = |signed: &postern_protocol::order::SignedOrder| serde_json::from_str(&signed.order).unwrap();
    answer.orders.iter().map(open).collect()
}

/// Jobs in the order in which they come, and how many each check-in brings, until all are there.
async fn take(agent: &SimAgent, count: usize) -> (Vec<i64>, Vec<usize>) {
    let (mut jobs, mut counts) = (Vec::new(), Vec::new());
    while jobs.len() < count {
        let answer = agent.send_checkin(&eager(agent)).await.unwrap();
        let orders = orders(&answer);
        assert!(!orders.is_empty(), "what is left comes at once: {counts:?}");
        counts.push(orders.len());
        jobs.extend(orders.iter().map(|order| order.job_id));
    }
    (jobs, counts)
}

/// A check-in whose answer is lost; `held` is what it says that the agent has.
async fn lose(agent: &SimAgent, held: &[Order]) -> Vec<Order> {
    let mut request = eager(agent);
    request.held.extend(held.iter().map(|order| HeldAttempt {
        attempt_id: order.attempt_id,
        phase: Phase::Accepted,
        started_us: None,
    }));
    let lost: CheckinAnswer = agent.post(path::CHECKIN, &request).await.unwrap();
    orders(&lost)
}

/// A script of 1 MiB.
fn large(filler: &str, priority: Priority) -> JobCreate {
    let head = "true\n#";
    let content = format!("{head}{}", filler.repeat(SCRIPT_BYTES - head.len()));
    JobCreate {
        priority: Some(priority),
        ..on(
            &["web-1"],
            JobPayload::Script(Script::new(Language::Bash, content)),
        )
    }
}

/// 15 scripts of 1 MiB, each with 192 KiB of secrets, in the order in which they are to come. Six of them fit.
async fn fifteen(server: &TestServer) -> Vec<i64> {
    let mut jobs = Vec::new();
    for priority in [Priority::Normal, Priority::High, Priority::Critical] {
        let names = ["a", "b", "c"].map(str::to_owned);
        let mut request = large("x", priority);
        let JobPayload::Script(script) = &mut request.work else {
            panic!("a script");
        };
        script.secrets = names.to_vec();
        let value = |name| (name, SecretText::new("x".repeat(PARAMETER_BYTES)));
        request.secrets = names.into_iter().map(value).collect();
        let mut made = Vec::new();
        for _ in 0..5 {
            made.push(create(server, &request).await.0);
        }
        made.append(&mut jobs);
        jobs = made;
    }
    jobs
}

async fn large_orders_come_over_several_check_ins_and_none_is_lost(server: TestServer) {
    let agent = server.agent("web-1").await;
    let expected = fifteen(&server).await;
    let (jobs, counts) = take(&agent, expected.len()).await;
    assert_eq!(counts, [6, 6, 3]);
    assert_eq!(jobs, expected, "critical work first, then the oldest");
    assert!(agent.orders().await.is_empty());
}

/// An order is text within text: two of these are beyond the bound.
async fn what_is_sent_longer_than_it_is_counts_as_it_is_sent(server: TestServer) {
    let agent = server.agent("web-1").await;
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.push(create(&server, &large("\"", Priority::Critical)).await.0);
    }
    let (jobs, counts) = take(&agent, expected.len()).await;
    assert_eq!(counts, [1; 5], "each quote is four bytes");
    assert_eq!(jobs, expected);
}

async fn large_orders_that_were_lost_come_again_before_anything_new(server: TestServer) {
    let agent = server.agent("web-1").await;
    let expected = fifteen(&server).await;
    let first = lose(&agent, &[]).await;
    let second = lose(&agent, &first).await;
    assert_eq!((first.len(), second.len()), (6, 6));
    // Twelve are lost and three wait: an order below the fence of one that it has, the agent would not take.
    let (jobs, counts) = take(&agent, expected.len()).await;
    assert_eq!(counts, [6, 6, 3]);
    assert_eq!(jobs, expected);
    for order in first.iter().chain(&second) {
        let attempts = show(&server, postern_domain::JobId(order.job_id)).await.attempts;
        assert_eq!(attempts.len(), 1, "the same attempt");
        assert_eq!(attempts[0].id.0, order.attempt_id);
    }
}

async fn orders_that_come_again_and_new_ones_are_counted_together(server: TestServer) {
    let agent = server.agent("web-1").await;
    let mut expected = Vec::new();
    for _ in 0..ORDERS_PER_ANSWER + 4 {
        expected.push(create(&server, &on(&["web-1"], argv(&["x"]))).await.0);
    }
    assert_eq!(lose(&agent, &[]).await.len(), ORDERS_PER_ANSWER);
    let (jobs, counts) = take(&agent, expected.len()).await;
    assert_eq!(counts, [ORDERS_PER_ANSWER, 4]);
    assert_eq!(jobs, expected);
}
