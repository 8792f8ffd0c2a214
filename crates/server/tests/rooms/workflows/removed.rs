//! Agents and jobs that are removed while a workflow waits for them.

use postern_domain::{AgentId, InstanceId, JobId, workflow::engine::InstanceState};
use postern_store::{agents::removal, tx};
use postern_testkit::{TestServer, argv, client::Revoke, key, on, until};
use serde_json::{Value, json};

use super::{command, next, runs, show, started, told, until_begun, until_state};
use crate::on_both_databases;

on_both_databases! {
    a_queued_job_of_a_deleted_agent_is_heard_of,
    a_job_that_a_deleted_agent_had_in_hand_is_unknown,
    what_a_host_did_counts_though_its_agent_is_deleted,
    a_job_that_is_deleted_before_the_others_have_ended_counts,
    jobs_that_end_with_their_agent_are_recorded_and_give_their_key_back,
}

const CHECK: &str = "check";

fn steps() -> Value {
    json!([command(CHECK, &["check"]),
           {"id": "look", "type": "conditional", "condition": "{{step_check.hosts[\"web-1\"].stdout}} contains \"fine\"",
            "on_true": "completed", "on_false": "failed"}])
}

/// Nothing that was kept for the instance is left, and its execution went with its last job.
async fn nothing_is_kept(server: &TestServer, id: InstanceId, executions: usize) {
    assert!(show(server, id).await.instance.state.is_final());
    until("all of it to go", || async {
        let left = server.admin().execution_list(&Default::default()).await.unwrap();
        let agent = server
            .read(tx!(tx => removal::deleted(tx, AgentId(0)).await))
            .await;
        (agent.is_none() && left.items.len() == executions).then_some(())
    })
    .await;
}

async fn a_queued_job_of_a_deleted_agent_is_heard_of(server: TestServer) {
    let (agent, _) = server.new_agent("web-1").await;
    let id = started(&server, &["web-1"], steps()).await;
    until_begun(&server, id, CHECK, 1).await;
    server.admin().agent_delete(agent.id, Revoke::Yes).await.unwrap();
    let detail = until_state(&server, id, InstanceState::Failed).await;
    assert_eq!(told(&detail), ["check failed"]);
    assert_eq!(
        detail.runs[0].reason.as_deref(),
        Some("web-1: Its agent was deleted")
    );
    nothing_is_kept(&server, id, 0).await;
}

async fn a_job_that_a_deleted_agent_had_in_hand_is_unknown(server: TestServer) {
    let web = server.agent("web-1").await;
    let id = started(&server, &["web-1"], steps()).await;
    web.start(&next(&web).await).await;
    server.admin().agent_delete(web.id(), Revoke::Yes).await.unwrap();
    let detail = until_state(&server, id, InstanceState::Failed).await;
    assert_eq!(
        detail.runs[0].reason.as_deref(),
        Some("web-1: The agent was deleted while it had this attempt")
    );
    nothing_is_kept(&server, id, 0).await;
}

async fn what_a_host_did_counts_though_its_agent_is_deleted(server: TestServer) {
    let (web, db) = (server.agent("web-1").await, server.agent("db-1").await);
    let id = started(&server, &["web-1", "db-1"], steps()).await;
    runs(&web, "all is fine", 0).await;
    server.admin().agent_delete(web.id(), Revoke::Yes).await.unwrap();
    assert_eq!(
        told(&show(&server, id).await),
        ["check runs"],
        "the other host has not ended"
    );
    runs(&db, "", 0).await;
    let detail = until_state(&server, id, InstanceState::Completed).await;
    assert_eq!(told(&detail), ["check ok", "look ok"]);
    nothing_is_kept(&server, id, 1).await;
}

async fn a_job_that_is_deleted_before_the_others_have_ended_counts(server: TestServer) {
    let (web, db) = (server.agent("web-1").await, server.agent("db-1").await);
    let id = started(&server, &["web-1", "db-1"], steps()).await;
    let order = runs(&web, "all is fine", 0).await;
    server.admin().job_delete(JobId(order.job_id)).await.unwrap();
    runs(&db, "", 0).await;
    let detail = until_state(&server, id, InstanceState::Completed).await;
    assert_eq!(told(&detail), ["check ok", "look ok"]);
}

async fn jobs_that_end_with_their_agent_are_recorded_and_give_their_key_back(server: TestServer) {
    let (web, db) = (server.agent("web-1").await, server.agent("db-1").await);
    let admin = server.admin();
    let mut work = on(&["web-1"], argv(&["first"]));
    work.concurrency =
        Some(serde_json::from_value(json!({"key": "one-at-a-time", "per": "tenant"})).unwrap());
    let held = admin.job_create(&work, &key()).await.unwrap().jobs[0].id;
    next(&web).await;
    work.targets.agents = vec!["db-1".into()];
    admin.job_create(&work, &key()).await.unwrap();
    let queued = admin
        .job_create(&on(&["web-1"], argv(&["second"])), &key())
        .await
        .unwrap()
        .jobs[0]
        .id;
    assert!(db.orders().await.is_empty(), "the key is taken");
    admin.agent_delete(web.id(), Revoke::Yes).await.unwrap();
    next(&db).await;
    let records = until("the records", || async {
        let list = admin.audit_list(&Default::default()).await.unwrap();
        list.items
            .iter()
            .any(|record| record.action == "agent_delete")
            .then_some(list.items)
    })
    .await;
    let reason = |object: String| {
        let found = records
            .iter()
            .find(|record| record.action == "job_finish" && record.object == object);
        found.and_then(|record| record.reason.clone())
    };
    assert_eq!(
        reason(format!("job:{held}")).as_deref(),
        Some("The agent was deleted while it had this attempt")
    );
    assert_eq!(
        reason(format!("job:{queued}")).as_deref(),
        Some("Its agent was deleted")
    );
    let removed = records
        .iter()
        .find(|record| record.action == "agent_delete")
        .unwrap();
    assert_eq!(removed.after, Some(json!({"jobs_ended": 2})), "{removed:?}");
}
