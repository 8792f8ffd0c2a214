//! What a published workflow names keeps being what it was published with, whatever it is called later.

use postern_api::{
    actions::{ActionCreate, ActionDeploy, ActionUpdate},
    scripts::{ScriptCreate, ScriptUpdate},
    workflows::{InstanceAgain, InstanceCreate, WorkflowUpdate},
};
use postern_domain::{ActionId, InstanceId, ScriptId, WorkflowId, workflow::engine::InstanceState};
use postern_protocol::payload::JobPayload;
use postern_server::clock::Clock as _;
use postern_store::{
    tx,
    workflows::{self, instances},
};
use postern_testkit::{SimAgent, TestServer, client::Client, key};
use serde_json::{Value, json};

use super::{argv_of, command, published, runs, saved, show, told, until_begun, until_state};
use crate::on_both_databases;

on_both_databases! {
    a_script_is_the_one_that_was_published,
    an_action_is_the_one_that_was_published,
    a_workflow_is_the_one_that_was_published,
    a_draft_goes_by_names_as_they_are,
    an_old_version_is_run_again_with_what_it_meant,
    what_an_old_version_names_and_was_deleted_is_told,
    a_draft_starts_nothing_of_a_workflow_that_is_deleted_at_that_moment,
}

async fn script(admin: &Client, name: &str, content: &str) -> ScriptId {
    let create: ScriptCreate = serde_json::from_value(json!({
        "name": name, "kind": "script", "language": "bash", "definition": {"content": content},
    }))
    .unwrap();
    admin.script_create(&create, &key()).await.unwrap().script.id
}

async fn rename_script(admin: &Client, id: ScriptId, name: &str) {
    let update = ScriptUpdate {
        name: Some(name.into()),
        ..Default::default()
    };
    admin.script_update(id, &update).await.unwrap();
}

async fn action(admin: &Client, name: &str) -> ActionId {
    let definition = json!({"targets": {"agents": ["web-1"]},
        "work": {"kind": "job", "job": {"type": "command", "payload": {"argv": [name]}}}});
    let create: ActionCreate =
        serde_json::from_value(json!({"name": name, "definition": definition})).unwrap();
    let id = admin.action_create(&create, &key()).await.unwrap().action.id;
    let deploy = ActionDeploy::default();
    admin.action_deploy(id, &deploy, &key()).await.unwrap();
    id
}

async fn rename_workflow(admin: &Client, id: WorkflowId, name: &str) {
    let update = WorkflowUpdate {
        name: Some(name.into()),
        ..Default::default()
    };
    admin.workflow_update(id, &update).await.unwrap();
}

fn runs_script(name: &str) -> Value {
    json!({"hosts": {"agents": ["web-1"]}, "steps": [{"id": "go", "type": "script", "script": name}]})
}

async fn start(admin: &Client, id: WorkflowId) -> InstanceId {
    let create = InstanceCreate::default();
    admin.instance_create(id, &create, &key()).await.unwrap().id
}

/// The text of the script that runs next. It ends with this code.
async fn content(agent: &SimAgent, code: i32) -> String {
    match runs(agent, "", code).await.work {
        JobPayload::Script(script) => script.content,
        other => panic!("{other:?}"),
    }
}

async fn a_script_is_the_one_that_was_published(server: TestServer) {
    let (admin, web) = (server.admin(), server.agent("web-1").await);
    let id = script(&admin, "deploy", "echo first").await;
    let workflow = published(&admin, "flow", runs_script("deploy")).await;
    rename_script(&admin, id, "deploy-old").await;
    let instance = start(&admin, workflow).await;
    assert!(content(&web, 0).await.contains("echo first"));
    until_state(&server, instance, InstanceState::Completed).await;
    script(&admin, "deploy", "echo second").await;
    let instance = start(&admin, workflow).await;
    assert!(content(&web, 0).await.contains("echo first"));
    until_state(&server, instance, InstanceState::Completed).await;
    // It says what was written.
    let shown = admin.workflow_show(workflow).await.unwrap();
    let written = serde_json::to_value(shown.published.unwrap().definition).unwrap();
    assert_eq!(written, runs_script("deploy"));
}

async fn an_action_is_the_one_that_was_published(server: TestServer) {
    let (admin, web) = (server.admin(), server.agent("web-1").await);
    let id = action(&admin, "restart").await;
    let definition = json!({"steps": [{"id": "go", "type": "action", "action": "restart"}]});
    let workflow = published(&admin, "flow", definition).await;
    let update = ActionUpdate {
        name: Some("restart-old".into()),
        ..Default::default()
    };
    admin.action_update(id, &update).await.unwrap();
    let instance = start(&admin, workflow).await;
    assert_eq!(argv_of(&runs(&web, "", 0).await), ["restart"]);
    until_state(&server, instance, InstanceState::Completed).await;
    let other = action(&admin, "reboot").await;
    let taken = ActionUpdate {
        name: Some("restart".into()),
        ..Default::default()
    };
    admin.action_update(other, &taken).await.unwrap();
    let instance = start(&admin, workflow).await;
    assert_eq!(argv_of(&runs(&web, "", 0).await), ["restart"]);
    until_state(&server, instance, InstanceState::Completed).await;
}

async fn a_workflow_is_the_one_that_was_published(server: TestServer) {
    let (admin, web) = (server.admin(), server.agent("web-1").await);
    script(&admin, "deploy", "echo first").await;
    // The child's own names are those of its own version.
    let child = published(&admin, "child", runs_script("deploy")).await;
    let definition = json!({"steps": [{"id": "call", "type": "workflow", "workflow": "child"}]});
    let parent = published(&admin, "parent", definition).await;
    rename_workflow(&admin, child, "child-old").await;
    let listed = admin.script_list(&Default::default()).await.unwrap();
    rename_script(&admin, listed.items[0].id, "deploy-old").await;
    let instance = start(&admin, parent).await;
    assert!(content(&web, 0).await.contains("echo first"));
    until_state(&server, instance, InstanceState::Completed).await;
    let other = json!({"hosts": {"agents": ["web-1"]}, "steps": [command("no", &["no"])]});
    published(&admin, "child", other).await;
    script(&admin, "deploy", "echo second").await;
    let instance = start(&admin, parent).await;
    assert!(content(&web, 0).await.contains("echo first"));
    let detail = until_state(&server, instance, InstanceState::Completed).await;
    let started = show(&server, detail.runs[0].child_id.unwrap()).await;
    assert_eq!(started.instance.workflow_id, child);
}

async fn a_draft_goes_by_names_as_they_are(server: TestServer) {
    let (admin, web) = (server.admin(), server.agent("web-1").await);
    let id = script(&admin, "deploy", "echo first").await;
    let made = saved(&admin, "flow", runs_script("deploy")).await.unwrap();
    rename_script(&admin, id, "deploy-old").await;
    script(&admin, "deploy", "echo second").await;
    let draft = InstanceCreate {
        draft: true,
        ..Default::default()
    };
    let tried = admin.instance_create(made.workflow.id, &draft, &key()).await;
    assert!(content(&web, 0).await.contains("echo second"));
    until_state(&server, tried.unwrap().id, InstanceState::Completed).await;
}

async fn an_old_version_is_run_again_with_what_it_meant(server: TestServer) {
    let (admin, web) = (server.admin(), server.agent("web-1").await);
    let old = script(&admin, "deploy", "echo first").await;
    let workflow = published(&admin, "flow", runs_script("deploy")).await;
    let first = start(&admin, workflow).await;
    assert!(content(&web, 1).await.contains("echo first"));
    until_state(&server, first, InstanceState::Failed).await;
    // The same name means another script in the next version.
    rename_script(&admin, old, "deploy-old").await;
    script(&admin, "deploy", "echo second").await;
    let mut changed = runs_script("deploy");
    changed["steps"][0]["name"] = json!("Deploy");
    let update: WorkflowUpdate = serde_json::from_value(json!({"definition": changed})).unwrap();
    admin.workflow_update(workflow, &update).await.unwrap();
    let publish = serde_json::from_value(json!({})).unwrap();
    admin.workflow_publish(workflow, &publish, &key()).await.unwrap();
    let newest = start(&admin, workflow).await;
    assert!(content(&web, 0).await.contains("echo second"));
    until_state(&server, newest, InstanceState::Completed).await;
    let again = InstanceAgain::default();
    let retried = admin.instance_retry(first, &again, &key()).await.unwrap();
    assert!(content(&web, 0).await.contains("echo first"));
    until_state(&server, retried.id, InstanceState::Completed).await;
    let rerun = admin.instance_rerun(first, &again, &key()).await.unwrap();
    assert!(content(&web, 0).await.contains("echo first"));
    until_state(&server, rerun.id, InstanceState::Completed).await;
}

/// The draft says this from now on, and is published.
async fn change(admin: &Client, id: WorkflowId, definition: Value) {
    let update: WorkflowUpdate = serde_json::from_value(json!({"definition": definition})).unwrap();
    admin.workflow_update(id, &update).await.unwrap();
    let publish = serde_json::from_value(json!({})).unwrap();
    admin.workflow_publish(id, &publish, &key()).await.unwrap();
}

async fn what_an_old_version_names_and_was_deleted_is_told(server: TestServer) {
    let (admin, _web) = (server.admin(), server.agent("web-1").await);
    let rest = json!({"id": "rest", "type": "delay", "minutes": 1});
    let (first, second) = (
        script(&admin, "deploy", "echo first").await,
        action(&admin, "restart").await,
    );
    for (step, gone) in [
        (
            json!({"id": "go", "type": "script", "script": "deploy"}),
            format!("script {first}"),
        ),
        (
            json!({"id": "go", "type": "action", "action": "restart"}),
            format!("action {second}"),
        ),
    ] {
        let steps = json!({"hosts": {"agents": ["web-1"]}, "steps": [rest, step]});
        let workflow = published(&admin, &gone.replace(' ', "-"), steps).await;
        let instance = start(&admin, workflow).await;
        until_state(&server, instance, InstanceState::Paused).await;
        change(&admin, workflow, json!({"steps": [rest]})).await;
        if gone.starts_with("script") {
            admin.script_delete(first).await.unwrap();
        } else {
            admin.action_delete(second).await.unwrap();
        }
        server.clock.advance_seconds(61);
        let detail = until_state(&server, instance, InstanceState::Failed).await;
        let reason = detail.runs[1].reason.as_deref().unwrap();
        assert!(
            reason.contains(&format!(
                "{gone} was deleted after version 1 of the workflow was published"
            )),
            "{reason}"
        );
    }
}

/// What a delete does that another server is asked for. Whether it deleted it.
async fn deleted_elsewhere(server: &TestServer, id: WorkflowId) -> bool {
    let now = server.clock.now();
    server
        .write(tx!(tx => {
            workflows::find_to_delete(tx, id).await?;
            if !instances::open_of(tx, id, 1).await?.is_empty() {
                return Ok(false);
            }
            // Time for a start to come between, if it can.
            for _ in 0..300 {
                instances::open_of(tx, id, 1).await?;
            }
            workflows::delete(tx, id, now).await?;
            Ok(true)
        }))
        .await
}

async fn a_draft_starts_nothing_of_a_workflow_that_is_deleted_at_that_moment(server: TestServer) {
    let admin = server.admin();
    let rest = json!({"steps": [{"id": "rest", "type": "delay", "hours": 1}]});
    let draft = InstanceCreate {
        draft: true,
        ..Default::default()
    };
    for round in 0..3 {
        let name = format!("inner-{round}");
        let inner = published(&admin, &name, rest.clone()).await;
        let calls = json!({"steps": [{"id": "call", "type": "workflow", "workflow": name}]});
        let outer = saved(&admin, &format!("outer-{round}"), calls).await.unwrap();
        let key = key();
        let (deleted, made) = tokio::join!(
            deleted_elsewhere(&server, inner),
            admin.instance_create(outer.workflow.id, &draft, &key),
        );
        let instance = made.unwrap().id;
        let (detail, run) = if deleted {
            let detail = until_state(&server, instance, InstanceState::Failed).await;
            (detail, "call failed")
        } else {
            until_begun(&server, instance, "call", 1).await;
            (show(&server, instance).await, "call runs")
        };
        assert_eq!(told(&detail), [run]);
    }
}
