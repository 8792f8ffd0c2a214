//! What an approval covers besides jobs behind it: branches, and other workflows.

use postern_api::approvals::ApprovalDetail;
use postern_domain::{InstanceId, WorkflowId, approval::Decision, workflow::engine::InstanceState};
use postern_testkit::{TestServer, key};
use serde_json::{Value, json};

use super::{answer, approver, command, published, runs, started, until_begun, until_state};
use crate::on_both_databases;

on_both_databases! {
    another_version_of_a_workflow_is_not_what_was_approved,
    an_approval_shows_all_branches_and_what_follows_them,
    a_value_does_not_lead_out_of_its_path,
}

fn ask() -> Value {
    json!({"id": "ask", "type": "approval", "title": "Go on?", "approval_type": "one_of_many", "approvers": ["role:approver"]})
}

async fn asked(server: &TestServer, id: InstanceId) -> ApprovalDetail {
    let run = until_begun(server, id, "ask", 1).await;
    server
        .admin()
        .approval_show(run.approval_id.unwrap())
        .await
        .unwrap()
}

async fn published_again(server: &TestServer, id: WorkflowId, definition: Value) {
    let admin = server.admin();
    let update = serde_json::from_value(json!({"definition": definition})).unwrap();
    admin.workflow_update(id, &update).await.unwrap();
    let publish = serde_json::from_value(json!({})).unwrap();
    admin.workflow_publish(id, &publish, &key()).await.unwrap();
}

async fn another_version_of_a_workflow_is_not_what_was_approved(server: TestServer) {
    let web = server.agent("web-1").await;
    let person = approver(&server, server.default_tenant().await.id).await;
    let inner = |argument: &str| json!({"steps": [command("inner", &["inner", argument])]});
    let child = published(&server.admin(), "child", inner("careful")).await;
    let steps =
        json!([ask(), {"id": "call", "type": "workflow", "workflow": "child"}, command("last", &["last"])]);

    let id = started(&server, &["web-1"], steps.clone()).await;
    let shown = asked(&server, id).await;
    let [call, last] = shown.work.as_slice() else {
        panic!("{shown:?}")
    };
    assert_eq!(call.summary, "starts child, version 1");
    assert_eq!(call.payload.as_ref().unwrap()["workflow_id"], json!(child));
    assert_eq!(last.hosts, ["web-1"]);
    answer(&person.client, shown.approval.id, Decision::Approve)
        .await
        .unwrap();
    runs(&web, "", 0).await;
    runs(&web, "", 0).await;
    until_state(&server, id, InstanceState::Completed).await;

    let id = started(&server, &["web-1"], steps).await;
    let shown = asked(&server, id).await;
    published_again(&server, child, inner("reckless")).await;
    answer(&person.client, shown.approval.id, Decision::Approve)
        .await
        .unwrap();
    let detail = until_state(&server, id, InstanceState::Failed).await;
    let reason = detail.runs[1].reason.as_ref().unwrap();
    assert!(
        reason.contains("the workflow that it starts, its inputs or its hosts changed since"),
        "{detail:?}"
    );
    assert!(web.orders().await.is_empty());
}

async fn an_approval_shows_all_branches_and_what_follows_them(server: TestServer) {
    server.agent("web-1").await;
    let steps = json!([
        ask(),
        {"id": "both", "type": "parallel", "branches": [
            [command("left", &["left"]), {"id": "fork", "type": "conditional", "condition": "{{step_left.exit_code}} == 0",
              "on_true": "behind", "on_false": "failed"}, command("behind", &["behind"])],
            [command("right", &["right"])],
        ]},
        command("last", &["last"]),
    ]);
    approver(&server, server.default_tenant().await.id).await;
    let id = started(&server, &["web-1"], steps).await;
    let shown = asked(&server, id).await;
    let steps: Vec<&str> = shown.work.iter().map(|work| work.step.as_str()).collect();
    assert_eq!(steps, ["both", "left", "fork", "right", "last"]);
    let known: Vec<bool> = shown.work.iter().map(|work| work.payload.is_some()).collect();
    assert_eq!(known, [false, true, false, true, true]);
}

async fn a_value_does_not_lead_out_of_its_path(server: TestServer) {
    let web = server.agent("web-1").await;
    let steps = json!([
        command("name", &["name"]),
        {"id": "call", "type": "http_request", "url": "https://api.example/hosts/{{step_name.stdout}}/restart",
         "retries": {"count": 5, "delay_seconds": 3600}},
    ]);
    let id = started(&server, &["web-1"], steps).await;
    runs(&web, "..", 0).await;
    // At once: another try would not change it.
    let detail = until_state(&server, id, InstanceState::Failed).await;
    let reason = detail.runs[1].reason.as_ref().unwrap();
    assert!(
        reason.contains("a value makes a part of the path . or .."),
        "{detail:?}"
    );
    assert!(web.orders().await.is_empty());
}
