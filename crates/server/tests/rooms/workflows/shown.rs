//! What an approval shows of what runs behind it, and that nothing else does.

use postern_api::{
    ListRequest,
    approvals::ApprovalAnswer,
    scripts::{ScriptCreate, ScriptUpdate},
    workflows::InstanceDetail,
};
use postern_domain::{approval::Decision, workflow::engine::InstanceState};
use postern_testkit::{TestServer, client::Client, key, until};
use serde_json::json;

use super::{answer, approvals::world, command, runs, started, told, until_begun, until_state};
use crate::{filtered, no, on_both_databases, refused};

on_both_databases! {
    an_approval_shows_what_runs_and_what_runs_is_that,
    what_changed_since_does_not_run,
    another_try_runs_no_more_than_what_was_approved,
    each_branch_runs_what_was_approved_for_it,
}

async fn an_approval_shows_what_runs_and_what_runs_is_that(server: TestServer) {
    let world = world(server, 1).await;
    let web = world.server.agent("web-1").await;
    let steps = json!([
        command("build", &["build"]),
        {"id": "ask", "type": "approval", "title": "Deploy {{step_build.stdout}}?", "description": "to {{step_build.status}}",
         "approval_type": "singular", "approvers": world.everybody().as_array().unwrap()},
        {"id": "deploy", "type": "command", "argv": ["deploy", "{{step_build.stdout}}"]},
        {"id": "use", "type": "command", "argv": ["use", "{{step_deploy.stdout}}"]},
    ]);
    let id = started(&world.server, &["web-1"], steps).await;
    let hostile = "<img src=x onerror=alert(1)> {{step_x.y}} $(id)";
    runs(&web, hostile, 0).await;
    let ask = until_begun(&world.server, id, "ask", 1)
        .await
        .approval_id
        .unwrap();
    let client = &world.people[0].client;
    let shown = client.approval_show(ask).await.unwrap();
    assert_eq!(shown.approval.title, format!("Deploy {hostile}?"));
    assert_eq!(shown.approval.description.as_deref(), Some("to succeeded"));
    assert!(shown.approval.may_answer);
    let [deploy, last] = &shown.work[..] else {
        panic!("{shown:?}")
    };
    assert_eq!(
        (
            deploy.step.as_str(),
            deploy.hosts[0].id,
            deploy.hosts[0].name.as_str()
        ),
        ("deploy", web.id(), "web-1")
    );
    assert_eq!(
        deploy.payload.as_ref().unwrap()["payload"]["argv"],
        json!(["deploy", hostile])
    );
    assert_eq!(last.open, ["step_deploy.stdout"]);
    assert_eq!(
        last.payload.as_ref().unwrap()["payload"]["argv"],
        json!(["use", "{{step_deploy.stdout}}"])
    );
    let stale = ApprovalAnswer {
        decision: Decision::Approve,
        comment: None,
        work_sha256: Some("0".repeat(64)),
    };
    assert_eq!(
        refused(client.approval_answer(ask, &stale).await),
        no(409, "other_work")
    );
    let seen = ApprovalAnswer {
        decision: Decision::Approve,
        comment: Some("fine".into()),
        work_sha256: Some(shown.work_sha256.clone()),
    };
    client.approval_answer(ask, &seen).await.unwrap();
    runs(&web, "done", 0).await;
    runs(&web, "", 0).await;
    until_state(&world.server, id, InstanceState::Completed).await;
    // The decision is on record with what it was for.
    let records = world
        .server
        .admin()
        .audit_list(&filtered(&[("action", "approval_answer")]))
        .await
        .unwrap()
        .items;
    assert!(
        records[0]
            .after
            .as_ref()
            .unwrap()
            .to_string()
            .contains(&shown.work_sha256),
        "{records:?}"
    );
}

async fn what_changed_since_does_not_run(server: TestServer) {
    let world = world(server, 1).await;
    let web = world.server.agent("web-1").await;
    let admin = world.server.admin();
    let change = script(&admin).await;
    let steps = json!([
        {"id": "ask", "type": "approval", "title": "T", "approval_type": "singular", "approvers": world.everybody().as_array().unwrap()},
        {"id": "deploy", "type": "script", "script": "deploy"},
    ]);
    let id = started(&world.server, &["web-1"], steps).await;
    let ask = until_begun(&world.server, id, "ask", 1)
        .await
        .approval_id
        .unwrap();
    change().await;
    answer(&world.people[0].client, ask, Decision::Approve)
        .await
        .unwrap();
    let detail = until_state(&world.server, id, InstanceState::Failed).await;
    assert_eq!(told(&detail), ["ask ok", "deploy failed"]);
    was_for_something_else(&detail);
    assert!(web.orders().await.is_empty());
}

/// The step behind the approval ended because what it would have run was not what was approved.
fn was_for_something_else(detail: &InstanceDetail) {
    let reason = detail.runs[1].reason.as_deref().unwrap_or_default();
    assert!(reason.contains("was given for something else"), "{detail:?}");
}

/// A saved script, and another text for it.
async fn script(admin: &Client) -> impl AsyncFn() {
    let create: ScriptCreate = serde_json::from_value(json!({
        "name": "deploy", "kind": "script", "language": "bash", "definition": {"content": "echo careful"},
    }))
    .unwrap();
    let id = admin.script_create(&create, &key()).await.unwrap().script.id;
    async move || {
        let newer: ScriptUpdate =
            serde_json::from_value(json!({"definition": {"content": "echo reckless"}})).unwrap();
        admin.script_update(id, &newer).await.unwrap();
    }
}

async fn another_try_runs_no_more_than_what_was_approved(server: TestServer) {
    let world = world(server, 1).await;
    let web = world.server.agent("web-1").await;
    let admin = world.server.admin();
    let change = script(&admin).await;
    let steps = json!([
        {"id": "ask", "type": "approval", "title": "T", "approval_type": "singular", "approvers": world.everybody().as_array().unwrap()},
        {"id": "deploy", "type": "script", "script": "deploy", "retries": {"count": 1, "delay_seconds": 60}},
    ]);
    let id = started(&world.server, &["web-1"], steps).await;
    let ask = until_begun(&world.server, id, "ask", 1)
        .await
        .approval_id
        .unwrap();
    answer(&world.people[0].client, ask, Decision::Approve)
        .await
        .unwrap();
    runs(&web, "", 1).await;
    change().await;
    until("the wait before the next try", || async {
        let events = admin
            .instance_event_list(id, &ListRequest::default())
            .await
            .unwrap();
        let waits = events
            .items
            .iter()
            .any(|event| event.text.starts_with("Waits until"));
        waits.then_some(())
    })
    .await;
    world.server.clock.advance_seconds(61);
    let detail = until_state(&world.server, id, InstanceState::Failed).await;
    was_for_something_else(&detail);
    assert!(web.orders().await.is_empty());
}

async fn each_branch_runs_what_was_approved_for_it(server: TestServer) {
    let world = world(server, 1).await;
    let web = world.server.agent("web-1").await;
    let admin = world.server.admin();
    let change = script(&admin).await;
    let ask = |id: &str| {
        json!({"id": id, "type": "approval", "title": id, "approval_type": "singular",
               "approvers": world.everybody().as_array().unwrap()})
    };
    let steps = json!([{"id": "both", "type": "parallel", "branches": [
        [ask("first"), {"id": "pause", "type": "delay", "hours": 1}, {"id": "deploy", "type": "script", "script": "deploy"}],
        [ask("second"), command("other", &["other"])],
    ]}]);
    let id = started(&world.server, &["web-1"], steps).await;
    for step in ["first", "second"] {
        let ask = until_begun(&world.server, id, step, 1).await.approval_id.unwrap();
        answer(&world.people[0].client, ask, Decision::Approve)
            .await
            .unwrap();
    }
    runs(&web, "", 0).await;
    until_begun(&world.server, id, "pause", 1).await;
    change().await;
    world.server.clock.advance_seconds(3601);
    let detail = until_state(&world.server, id, InstanceState::Failed).await;
    let deploy = detail.runs.iter().find(|run| run.step == "deploy").unwrap();
    assert!(
        deploy
            .reason
            .as_ref()
            .unwrap()
            .contains("was given for something else"),
        "{detail:?}"
    );
}
