//! Instances that do not come to their end by themselves.

use std::collections::BTreeMap;

use postern_domain::{
    InstanceId,
    approval::ApprovalState,
    permission::{Role, Scope},
    workflow::engine::InstanceState,
};
use postern_protocol::messages::Outcome as Ended;
use postern_server::clock::Clock as _;
use postern_store::{
    tx,
    workflows::{
        due,
        instances::{self, Moved},
    },
};
use postern_testkit::{Database, TestServer, until};
use serde_json::json;

use super::{command, next, published, runs, show, started, told, until_begun, until_state};
use crate::on_both_databases;

on_both_databases! {
    an_endless_loop_is_ended,
    what_the_server_fails_over_three_times_is_given_up,
    what_a_given_up_instance_waits_for_is_told_to_stop,
}

async fn an_endless_loop_is_ended(server: TestServer) {
    let steps = json!([{"id": "round", "type": "conditional", "condition": "true", "on_true": "round", "on_false": "completed"}]);
    server.clock.tick();
    let id = started(&server, &["nobody"], steps).await;
    let detail = until_state(&server, id, InstanceState::Failed).await;
    assert_eq!(detail.runs.len(), 1000);
    let mut began: BTreeMap<_, u32> = BTreeMap::new();
    for run in &detail.runs {
        *began.entry(run.began_at).or_default() += 1;
    }
    let most = began.values().max().unwrap();
    assert!(
        *most <= 51,
        "{most} decisions in one transaction, which has a deadline"
    );
    assert!(
        detail
            .instance
            .reason
            .unwrap()
            .starts_with("More than 1000 steps")
    );
}

/// What no server wrote: nothing can be made of it.
async fn tear(server: &TestServer, id: InstanceId) {
    let moved = Moved {
        state: InstanceState::Running,
        machine: "torn".into(),
        reason: None,
        ended: None,
        events: Vec::new(),
    };
    let now = server.clock.now();
    server
        .write(tx!(tx => instances::save(tx, id, moved, now).await))
        .await;
}

async fn what_a_given_up_instance_waits_for_is_told_to_stop(server: TestServer) {
    let (web, admin) = (server.agent("web-1").await, server.admin());
    let tenant = server.default_tenant().await.id;
    let other = server
        .person(tenant, &[(Role::Administrator, Scope::Tenant(tenant))])
        .await;
    let inner = json!({"steps": [{"id": "long", "type": "delay", "minutes": 1}]});
    published(&admin, "inner", inner).await;
    let steps = json!([{"id": "all", "type": "parallel", "branches": [
        [{"id": "child", "type": "workflow", "workflow": "inner"}],
        [{"id": "wait", "type": "delay", "minutes": 1}],
        [command("work", &["work"])],
        [{"id": "ask", "type": "approval", "title": "Go on?", "approval_type": "singular",
          "approvers": [format!("user:{}", other.id)]}],
    ]}]);
    let id = started(&server, &["web-1"], steps).await;
    let order = next(&web).await;
    web.start(&order).await;
    let ask = until_begun(&server, id, "ask", 1).await.approval_id.unwrap();
    let child = until_begun(&server, id, "child", 1).await.child_id.unwrap();
    until_state(&server, child, InstanceState::Paused).await;
    // As broken as its parent, which cannot tell it to stop.
    tear(&server, child).await;
    tear(&server, id).await;
    server.clock.advance_seconds(61);
    until("the job to be told to stop", || async {
        let answer = web.beat().await.unwrap();
        answer.cancel.contains(&order.attempt_id).then_some(())
    })
    .await;
    let detail = show(&server, id).await;
    assert_eq!(detail.instance.state, InstanceState::Failed);
    let all = ["all", "child", "wait", "work", "ask"].map(|step| format!("{step} cancelled"));
    assert_eq!(told(&detail), all, "nothing of it runs any more");
    let approval = admin.approval_show(ask).await.unwrap().approval;
    assert_eq!(approval.state, ApprovalState::Withdrawn);
    let events = admin.instance_event_list(id, &Default::default()).await.unwrap();
    let last = &events.items.last().unwrap().text;
    assert!(last.starts_with("The workflow is failed: "), "{last}");
    until("the child to be given up", || async {
        server.admin().instance_show(child).await.ok()
    })
    .await;
    assert_eq!(show(&server, child).await.instance.state, InstanceState::Failed);
    // Its end is news for nobody, and does not stay.
    let now = server.clock.now();
    web.finish(&order, Ended::Cancelled).await;
    until("the news to be heard", || async {
        let due = server.read(tx!(tx => due::due(tx, now, 10).await)).await;
        due.news.is_empty().then_some(())
    })
    .await;
}

/// As it is told of by PostgreSQL where two transactions wait for each other. Counting a failure is not hindered.
const BUSY: &str = "
    CREATE FUNCTION busy() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END $$;
    CREATE TRIGGER busy BEFORE UPDATE ON instances FOR EACH ROW WHEN (NEW.failures <= OLD.failures) EXECUTE FUNCTION busy()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_busy_with_others_ends_no_instance() {
    let server = TestServer::on(Database::Postgres).await;
    let wait = json!([{"id": "wait", "type": "delay", "minutes": 1}]);
    let id = started(&server, &["nobody"], wait).await;
    until_state(&server, id, InstanceState::Paused).await;
    let client = server.postgres_client().await;
    client.batch_execute(BUSY).await.unwrap();
    let before = server.metric("postern_background_errors_total").await;
    server.clock.advance_seconds(61);
    until("more tries than a broken instance gets", || async {
        let errors = server.metric("postern_background_errors_total").await;
        (errors - before > 3.0).then_some(())
    })
    .await;
    let row = server
        .read(tx!(tx => instances::find(tx, id).await))
        .await
        .unwrap();
    assert_eq!((row.state, row.failures), (InstanceState::Paused, 0));
    client
        .batch_execute("DROP TRIGGER busy ON instances")
        .await
        .unwrap();
    until_state(&server, id, InstanceState::Completed).await;
}

/// Its own turn waits for it, in a transaction of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_somebody_keeps_hinders_no_other() {
    let server = TestServer::on(Database::Postgres).await;
    let wait = json!([{"id": "wait", "type": "delay", "minutes": 1}]);
    let kept = started(&server, &["nobody"], wait.clone()).await;
    let beside = started(&server, &["nobody"], wait).await;
    for id in [kept, beside] {
        until_state(&server, id, InstanceState::Paused).await;
    }
    let (one, other) = (server.agent("web-1").await, server.agent("web-2").await);
    let both = started(&server, &["web-1", "web-2"], json!([command("work", &["work"])])).await;
    let (first, second) = (next(&one).await, next(&other).await);
    let client = server.postgres_client().await;
    let keep = format!("BEGIN; SELECT id FROM instances WHERE id = {kept} FOR UPDATE");
    client.batch_execute(&keep).await.unwrap();
    server.clock.advance_seconds(61);
    // News of a step that come together with the kept one's turn, and more of the same step after them.
    one.finish(&first, Ended::Exited { code: 0 }).await;
    until_state(&server, beside, InstanceState::Completed).await;
    other.finish(&second, Ended::Exited { code: 0 }).await;
    until_state(&server, both, InstanceState::Completed).await;
    let decide = json!([{"id": "decide", "type": "conditional", "condition": "true", "on_true": "completed",
                         "on_false": "failed"}]);
    let after = started(&server, &["nobody"], decide).await;
    until_state(&server, after, InstanceState::Completed).await;
    assert_eq!(show(&server, kept).await.instance.state, InstanceState::Paused);
    client.batch_execute("COMMIT").await.unwrap();
    until_state(&server, kept, InstanceState::Completed).await;
}

async fn what_the_server_fails_over_three_times_is_given_up(server: TestServer) {
    let web = server.agent("web-1").await;
    let wait = json!([{"id": "wait", "type": "delay", "minutes": 1}, command("last", &["last"])]);
    let broken = started(&server, &["web-1"], wait.clone()).await;
    until_state(&server, broken, InstanceState::Paused).await;
    tear(&server, broken).await;
    let whole = started(&server, &["web-1"], wait).await;
    until_state(&server, whole, InstanceState::Paused).await;
    server.clock.advance_seconds(61);
    // Until then it cannot be shown.
    let detail = until("it to be given up", || async {
        server.admin().instance_show(broken).await.ok()
    })
    .await;
    assert_eq!(detail.instance.state, InstanceState::Failed);
    assert_eq!(
        detail.instance.reason.as_deref(),
        Some("The server failed over it 3 times; its log says why")
    );
    // The other one is none the worse for it.
    runs(&web, "", 0).await;
    until_state(&server, whole, InstanceState::Completed).await;
}
