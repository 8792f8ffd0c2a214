//! How much work one answer to a check-in brings.

use std::{collections::BTreeMap, time::Duration};

use postern_api::{jobs::JobCreate, secret::SecretText, workflows::InstanceCreate};
use postern_domain::{
    AgentId, JobId,
    job::{self, JobState, Priority},
    permission::Reach,
    workflow::engine::InstanceState,
};
use postern_protocol::{
    limits::{
        COMMAND_VARIABLES, ORDER_BYTES_PER_ANSWER, ORDERS_PER_ANSWER, PARAMETER_BYTES, PAYLOAD_BYTES,
        SCRIPT_BYTES,
    },
    messages::{CheckinAnswer, CheckinRequest, HeldAttempt, Phase},
    order::Order,
    path,
    payload::{JobPayload, Language, Script},
};
use postern_server::clock::Clock as _;
use postern_store::{
    agents,
    jobs::{self, executions},
    tx,
};
use postern_testkit::{SimAgent, TestServer, argv, key, on};
use serde_json::json;

use super::{create, show, state};
use crate::{actions_on, on_both_databases, workflows};

on_both_databases! {
    large_orders_come_over_several_check_ins_and_none_is_lost,
    what_is_sent_longer_than_it_is_counts_as_it_is_sent,
    large_orders_that_were_lost_come_again_before_anything_new,
    orders_that_come_again_and_new_ones_are_counted_together,
    an_order_that_another_answer_lost_meanwhile_comes_before_anything_new,
    a_lost_order_of_a_cancelled_job_does_not_come_again,
    a_step_whose_order_no_agent_could_read_fails_and_other_jobs_run,
    a_stored_job_whose_order_no_agent_can_read_fails_and_other_jobs_run,
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
        let attempts = show(&server, JobId(order.job_id)).await.attempts;
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

/// A job for this agent that another server hands out, in the answer to a check-in that the agent does not wait for any
/// more; then it is cancelled or not.
async fn lost(server: &TestServer, agent: &SimAgent, older: u64, cancel: Cancel) -> JobId {
    // Not for the check-in that is open.
    let request = JobCreate {
        not_before: Some(server.clock.now().plus(Duration::from_secs(60))),
        ..on(&["web-1"], argv(&["lost"]))
    };
    let id = create(server, &request).await;
    hand_out(server, agent, id, (older, cancel)).await;
    id
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancel {
    Requested,
    Not,
}

async fn hand_out(server: &TestServer, agent: &SimAgent, id: JobId, (number, cancel): (u64, Cancel)) {
    let (now, agent, fence) = (server.clock.now(), agent.id(), agent.highest_fence() + 1);
    server
        .write(tx!(tx => {
            let order = jobs::HandOut { number: 1, fence, checkin_number: number };
            jobs::hand_out(tx, id, order, now).await?;
            let machine = jobs::machine(tx, id).await?.expect("the job is there");
            let next = job::Job { cancel_requested: cancel == Cancel::Requested, ..machine.job() };
            jobs::save(tx, &machine, &next, None).await?;
            jobs::fence_set(tx, agent, fence).await
        }))
        .await;
}

/// Two servers answer two check-ins of an agent, which waits for the newer one only. The agent itself says when an
/// order comes below the fence of one that it has.
async fn an_order_that_another_answer_lost_meanwhile_comes_before_anything_new(server: TestServer) {
    let agent = server.agent("web-1").await;
    agent.beat().await.unwrap();
    let older = agent.last_number();
    let poll = agent.open_poll(&server).await;
    let lost = lost(&server, &agent, older, Cancel::Not).await;
    let new = create(&server, &on(&["web-1"], argv(&["new"]))).await;
    let mut jobs: Vec<i64> = orders(&poll.await.unwrap().unwrap())
        .iter()
        .map(|order| order.job_id)
        .collect();
    while jobs.len() < 2 {
        let more = agent.orders().await;
        assert!(!more.is_empty(), "{jobs:?}");
        jobs.extend(more.iter().map(|order| order.job_id));
    }
    assert_eq!(jobs, [lost.0, new.0]);
    assert_eq!(show(&server, lost).await.attempts.len(), 1, "the same attempt");
}

async fn a_lost_order_of_a_cancelled_job_does_not_come_again(server: TestServer) {
    let agent = server.agent("web-1").await;
    agent.beat().await.unwrap();
    let older = agent.last_number();
    let poll = agent.open_poll(&server).await;
    let lost = lost(&server, &agent, older, Cancel::Requested).await;
    let new = create(&server, &on(&["web-1"], argv(&["new"]))).await;
    let brought = orders(&poll.await.unwrap().unwrap());
    let brought: Vec<i64> = brought.iter().map(|order| order.job_id).collect();
    assert_eq!(brought, [new.0]);
    agent.beat().await.unwrap();
    assert_eq!(state(&server, lost).await, JobState::Cancelled);
}

async fn a_step_whose_order_no_agent_could_read_fails_and_other_jobs_run(server: TestServer) {
    let agent = server.agent("web-1").await;
    let admin = server.admin();
    let environment: BTreeMap<String, &str> = (0..COMMAND_VARIABLES)
        .map(|number| (format!("A{number}"), "{{inputs.x}}"))
        .collect();
    let definition = json!({
        "inputs": [{"name": "x", "type": "string", "required": true}],
        "steps": [{"id": "use", "type": "command", "argv": ["use"], "environment": environment}],
    });
    let workflow = workflows::published(&admin, "large", definition).await;
    let request = json!({"hosts": {"agents": ["web-1"]}, "inputs": {"x": "\u{1}".repeat(PARAMETER_BYTES)}});
    let request: InstanceCreate = serde_json::from_value(request).unwrap();
    let id = admin
        .instance_create(workflow, &request, &key())
        .await
        .unwrap()
        .id;
    let detail = workflows::until_state(&server, id, InstanceState::Failed).await;
    let reason = detail.runs[0].reason.as_deref().unwrap_or_default();
    assert!(reason.starts_with("payload: has "), "{reason}");
    assert!(reason.contains(&PAYLOAD_BYTES.to_string()), "{reason}");

    let other = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    agent.run(0).await;
    assert_eq!(state(&server, other).await, JobState::Completed);
}

/// Two jobs on this agent with a payload that the API refuses.
async fn stored(server: &TestServer, agent: AgentId) -> Vec<JobId> {
    let work = JobPayload::Script(Script::new(Language::Bash, "x".repeat(PAYLOAD_BYTES)));
    let payload = serde_json::to_string(&work).unwrap();
    let (now, tenant) = (server.clock.now(), server.default_tenant().await.id);
    server
        .write(tx!(tx => {
            let execution = executions::NewExecution {
                tenant,
                kind: "script",
                summary: "large".into(),
                created_by: "user:1".into(),
                targets: "{}".into(),
                rolling: None,
                concurrency: None,
                batches: 1,
                origin: executions::Origin::default(),
            };
            let new = jobs::NewJobs {
                kind: "script",
                payload,
                payload_digest: "none".into(),
                summary: "large".into(),
                priority: Priority::Critical,
                timeout_seconds: 300,
                not_before: None,
                created_by: "user:1".into(),
                execution: executions::create(tx, &execution, now).await?,
                secret: None,
                script: None,
                schedule: None,
                instance: None,
            };
            let everywhere = Reach { everywhere: true, ..Reach::default() };
            let wanted = agents::Wanted { ids: vec![agent.0], ..Default::default() };
            let targets = agents::targets(tx, &everywhere, &[wanted], 1).await?;
            let host = |target: &agents::Target| jobs::Host {
                target: target.clone(),
                batch: 1,
                concurrency_key: None,
            };
            let hosts = [host(&targets[0]), host(&targets[0])];
            let made = jobs::create(tx, &new, &hosts, now).await?;
            Ok(made.into_iter().map(|(id, _)| id).collect())
        }))
        .await
}

async fn a_stored_job_whose_order_no_agent_can_read_fails_and_other_jobs_run(server: TestServer) {
    let agent = server.agent("web-1").await;
    let admin = server.admin();
    agent.beat().await.unwrap();
    let jobs = stored(&server, agent.id()).await;
    // The answer with it could not be read.
    hand_out(&server, &agent, jobs[0], (agent.last_number(), Cancel::Not)).await;
    let other = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    assert_eq!(agent.run(0).await.job_id, other.0);
    assert_eq!(state(&server, other).await, JobState::Completed);
    for (id, attempts) in jobs.into_iter().zip([1, 0]) {
        let detail = show(&server, id).await;
        assert_eq!(
            (detail.job.state, detail.attempts.len()),
            (JobState::Failed, attempts)
        );
        let mut made = detail.attempts.iter();
        assert!(made.all(|attempt| attempt.state == JobState::Failed));
        let reason = detail.job.reason.unwrap();
        assert!(reason.starts_with("Its payload has "), "{reason}");
        assert_eq!(actions_on(&admin, &format!("job:{id}")).await, ["job_finish"]);
    }
}
