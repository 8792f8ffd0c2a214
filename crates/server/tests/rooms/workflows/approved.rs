//! What an approval covers: every step until people are asked again, and all of each that is known.

use postern_api::{
    agents::AgentUpdate,
    approvals::{ApprovalDetail, ApprovedWork},
    workflows::InstanceDetail,
};
use postern_domain::{
    AgentId, InstanceId, ScriptId, WorkflowId,
    approval::Decision,
    workflow::{MAX_STEPS, engine::InstanceState},
};
use postern_protocol::payload::JobPayload;
use postern_testkit::{Person, TestServer, key};
use serde_json::{Value, json};

use super::{
    answer, approver, argv_of, command, published, runs, saved, started, told, until_begun, until_state,
};
use crate::{on_both_databases, refused};

on_both_databases! {
    another_version_of_a_workflow_is_not_what_was_approved,
    inputs_of_a_workflow_that_are_not_known_yet_are_open,
    an_approval_shows_all_branches_and_what_follows_them,
    a_step_with_an_open_value_runs_with_it_and_with_nothing_else_changed,
    what_is_known_of_a_step_with_an_open_value_is_compared,
    an_action_with_an_open_value_is_compared_by_its_version,
    both_sides_of_a_condition_are_compared,
    another_host_of_the_same_name_is_not_what_was_approved,
    what_could_not_be_told_does_not_run,
    the_last_step_of_the_longest_workflow_is_compared,
    a_value_does_not_lead_out_of_its_path,
}

pub(super) fn ask() -> Value {
    json!({"id": "ask", "type": "approval", "title": "Go on?", "approval_type": "one_of_many", "approvers": ["role:approver"]})
}

pub(super) async fn asked(server: &TestServer, id: InstanceId) -> ApprovalDetail {
    let run = until_begun(server, id, "ask", 1).await;
    server
        .admin()
        .approval_show(run.approval_id.unwrap())
        .await
        .unwrap()
}

pub(super) fn script(id: &str) -> Value {
    json!({"id": id, "type": "script", "script": "deploy"})
}

/// A saved script.
pub(super) async fn deploy(server: &TestServer, parameters: Value) -> ScriptId {
    let create = serde_json::from_value(json!({"name": "deploy", "kind": "script", "language": "bash",
        "definition": {"content": "echo careful", "parameters": parameters}}))
    .unwrap();
    let made = server.admin().script_create(&create, &key()).await.unwrap();
    made.script.id
}

/// Parameters that no placeholder fits.
fn who_and_count() -> Value {
    json!([
        {"name": "who", "type": "string", "required": true},
        {"name": "count", "type": "integer", "minimum": 1, "required": true},
    ])
}

pub(super) async fn changed(server: &TestServer, script: ScriptId, definition: Value) {
    let update = serde_json::from_value(json!({"definition": definition})).unwrap();
    server.admin().script_update(script, &update).await.unwrap();
}

pub(super) async fn approve(person: &Person, shown: &ApprovalDetail) {
    answer(&person.client, shown.approval.id, Decision::Approve)
        .await
        .unwrap();
}

/// Why a step failed.
pub(super) fn reason<'a>(detail: &'a InstanceDetail, step: &str) -> &'a str {
    let run = detail.runs.iter().find(|run| run.step == step).unwrap();
    run.reason.as_deref().unwrap()
}

pub(super) fn work<'a>(shown: &'a ApprovalDetail, step: &str) -> &'a ApprovedWork {
    shown.work.iter().find(|work| work.step == step).unwrap()
}

pub(super) async fn published_again(server: &TestServer, id: WorkflowId, definition: Value) {
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
    let [call, inside, last] = shown.work.as_slice() else {
        panic!("{shown:?}")
    };
    assert_eq!(inside.step, "call/inner");
    assert_eq!(call.summary, "starts child, version 1");
    assert_eq!(call.payload.as_ref().unwrap()["workflow_id"], json!(child));
    for work in [call, inside, last] {
        let hosts: Vec<(AgentId, &str)> = work
            .hosts
            .iter()
            .map(|host| (host.id, host.name.as_str()))
            .collect();
        assert_eq!(hosts, [(web.id(), "web-1")], "{work:?}");
    }
    answer(&person.client, shown.approval.id, Decision::Approve)
        .await
        .unwrap();
    runs(&web, "", 0).await;
    runs(&web, "", 0).await;
    until_state(&server, id, InstanceState::Completed).await;

    let id = started(&server, &["web-1"], steps).await;
    let shown = asked(&server, id).await;
    published_again(&server, child, inner("reckless")).await;
    approve(&person, &shown).await;
    let detail = until_state(&server, id, InstanceState::Failed).await;
    let expected = format!(
        "Approval {} was given for something else: version 1 of its workflow was approved, and version 2 would run. Start \
         the workflow again, and have it approved as it is now.",
        shown.approval.id
    );
    assert_eq!(reason(&detail, "call"), expected);
    assert!(web.orders().await.is_empty());
}

async fn inputs_of_a_workflow_that_are_not_known_yet_are_open(server: TestServer) {
    let web = server.agent("web-1").await;
    let person = approver(&server, server.default_tenant().await.id).await;
    let inner = |last: &str| {
        json!({"inputs": [{"name": "code", "type": "integer", "required": true}, {"name": "who", "type": "string"}],
               "steps": [command("inner", &["inner", "{{inputs.code}}", "{{inputs.who}}", last])]})
    };
    let child = published(&server.admin(), "child", inner("careful")).await;
    let steps = json!([
        ask(),
        command("look", &["look"]),
        {"id": "call", "type": "workflow", "workflow": "child",
         "inputs": {"code": "{{step_look.exit_code}}", "who": "ada"}},
    ]);
    let id = started(&server, &["web-1"], steps.clone()).await;
    let shown = asked(&server, id).await;
    let call = work(&shown, "call");
    assert_eq!(
        call.payload.as_ref().unwrap()["inputs"],
        json!({"code": "{{step_look.exit_code}}", "who": "ada"})
    );
    assert_eq!(call.open, ["step_look.exit_code"]);
    approve(&person, &shown).await;
    runs(&web, "", 0).await;
    let order = runs(&web, "", 0).await;
    assert_eq!(argv_of(&order), ["inner", "0", "ada", "careful"]);
    until_state(&server, id, InstanceState::Completed).await;

    let id = started(&server, &["web-1"], steps).await;
    let shown = asked(&server, id).await;
    published_again(&server, child, inner("reckless")).await;
    approve(&person, &shown).await;
    runs(&web, "", 0).await;
    let detail = until_state(&server, id, InstanceState::Failed).await;
    let reason = reason(&detail, "call");
    assert!(
        reason.contains("version 1 of its workflow was approved, and version 2 would run"),
        "{reason}"
    );
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
    assert_eq!(steps, ["both", "left", "fork", "behind", "right", "last"]);
    let known: Vec<bool> = shown.work.iter().map(|work| work.payload.is_some()).collect();
    assert_eq!(known, [false, true, false, true, true, true]);
    assert_eq!(
        work(&shown, "behind").only_if,
        ["fork holds: {{step_left.exit_code}} == 0"]
    );
    assert_eq!(work(&shown, "fork").summary, "{{step_left.exit_code}} == 0");
    assert!(work(&shown, "last").only_if.is_empty());
}

/// A script behind an approval and a step whose output it takes.
fn with_open_values() -> Value {
    let mut deploy = script("deploy");
    deploy["parameters"] = json!({"who": "to {{step_look.stdout}}", "count": "{{step_look.json.count}}"});
    deploy["timeout_seconds"] = 60.into();
    json!([ask(), command("look", &["look"]), deploy])
}

const LOOKED: &str = r#"{"count": 7}"#;

async fn a_step_with_an_open_value_runs_with_it_and_with_nothing_else_changed(server: TestServer) {
    let web = server.agent("web-1").await;
    let person = approver(&server, server.default_tenant().await.id).await;
    let script = deploy(&server, who_and_count()).await;
    let id = started(&server, &["web-1"], with_open_values()).await;
    let shown = asked(&server, id).await;
    let deploy = work(&shown, "deploy");
    let version = deploy.script.as_ref().unwrap();
    assert_eq!((version.id, version.version), (script.0, 1));
    assert_eq!(deploy.timeout_seconds, Some(60));
    assert_eq!(
        deploy.payload.as_ref().unwrap()["payload"]["parameters"],
        json!({"who": "to {{step_look.stdout}}", "count": "{{step_look.json.count}}"})
    );
    assert_eq!(deploy.open, ["step_look.json.count", "step_look.stdout"]);
    assert_eq!(deploy.problem, None);
    approve(&person, &shown).await;
    runs(&web, LOOKED, 0).await;
    let order = runs(&web, "", 0).await;
    let JobPayload::Script(ran) = &order.work else {
        panic!("{order:?}")
    };
    assert_eq!(ran.parameters["who"], format!("to {LOOKED}"));
    assert_eq!(ran.parameters["count"], "7");
    until_state(&server, id, InstanceState::Completed).await;
}

async fn what_is_known_of_a_step_with_an_open_value_is_compared(server: TestServer) {
    let web = server.agent("web-1").await;
    let person = approver(&server, server.default_tenant().await.id).await;
    let script = deploy(&server, who_and_count()).await;
    let id = started(&server, &["web-1"], with_open_values()).await;
    let shown = asked(&server, id).await;
    approve(&person, &shown).await;
    let parameters = json!([{"name": "who", "type": "string"}, {"name": "count", "type": "integer"}]);
    changed(
        &server,
        script,
        json!({"content": "echo reckless", "parameters": parameters}),
    )
    .await;
    runs(&web, LOOKED, 0).await;
    let detail = until_state(&server, id, InstanceState::Failed).await;
    assert_eq!(told(&detail), ["ask ok", "look ok", "deploy failed"]);
    let reason = reason(&detail, "deploy");
    assert!(
        reason.contains(
            "version 1 of its script was approved, and version 2 would run. Start the workflow again"
        ),
        "{reason}"
    );
    assert!(web.orders().await.is_empty());
}

async fn an_action_with_an_open_value_is_compared_by_its_version(server: TestServer) {
    let web = server.agent("web-1").await;
    let person = approver(&server, server.default_tenant().await.id).await;
    let admin = server.admin();
    let definition = |last: &str| {
        json!({"work": {"kind": "job", "job": {"type": "command", "payload": {"argv": ["scale", "1", last]}}},
               "targets": {"agents": ["web-1"]}, "fills": {"size": "/argv/1"},
               "parameters": [{"name": "size", "type": "integer", "minimum": 1, "required": true}]})
    };
    let create =
        serde_json::from_value(json!({"name": "scale", "definition": definition("careful")})).unwrap();
    let action = admin.action_create(&create, &key()).await.unwrap().action.id;
    let deployed = serde_json::from_value(json!({})).unwrap();
    admin.action_deploy(action, &deployed, &key()).await.unwrap();
    let steps = json!([
        ask(),
        command("look", &["look"]),
        {"id": "scale", "type": "action", "action": "scale", "parameters": {"size": "{{step_look.json.count}}"}},
    ]);
    let id = started(&server, &["web-1"], steps.clone()).await;
    let shown = asked(&server, id).await;
    let scale = work(&shown, "scale");
    // Not what the action has in the place that is filled.
    let argv = json!(["scale", "{{step_look.json.count}}", "careful"]);
    assert_eq!(scale.payload.as_ref().unwrap()["payload"]["argv"], argv);
    assert!(!scale.summary.contains("scale 1"), "{scale:?}");
    approve(&person, &shown).await;
    runs(&web, LOOKED, 0).await;
    assert_eq!(argv_of(&runs(&web, "", 0).await), ["scale", "7", "careful"]);
    until_state(&server, id, InstanceState::Completed).await;

    let id = started(&server, &["web-1"], steps).await;
    let shown = asked(&server, id).await;
    let update = serde_json::from_value(json!({"definition": definition("reckless")})).unwrap();
    admin.action_update(action, &update).await.unwrap();
    admin.action_deploy(action, &deployed, &key()).await.unwrap();
    approve(&person, &shown).await;
    runs(&web, LOOKED, 0).await;
    let detail = until_state(&server, id, InstanceState::Failed).await;
    let reason = reason(&detail, "scale");
    assert!(
        reason.contains("version 1 of its action was approved, and version 2 would run"),
        "{reason}"
    );
}

async fn both_sides_of_a_condition_are_compared(server: TestServer) {
    let web = server.agent("web-1").await;
    let person = approver(&server, server.default_tenant().await.id).await;
    let saved = deploy(&server, json!([])).await;
    let mut no = script("no");
    no["on_success"] = "completed".into();
    for (condition, step) in [("1 == 1", "yes"), ("1 == 2", "no")] {
        let steps = json!([
            ask(),
            {"id": "pause", "type": "delay", "hours": 1},
            {"id": "fork", "type": "conditional", "condition": condition, "on_true": "yes", "on_false": "no"},
            no.clone(),
            script("yes"),
        ]);
        let id = started(&server, &["web-1"], steps).await;
        let shown = asked(&server, id).await;
        approve(&person, &shown).await;
        until_begun(&server, id, "pause", 1).await;
        changed(&server, saved, json!({"content": format!("echo {step}")})).await;
        server.clock.advance_seconds(3601);
        let detail = until_state(&server, id, InstanceState::Failed).await;
        let reason = reason(&detail, step);
        assert!(reason.contains("was given for something else"), "{reason}");
    }
    assert!(web.orders().await.is_empty());
}

async fn another_host_of_the_same_name_is_not_what_was_approved(server: TestServer) {
    let (first, second) = (server.agent("web-1").await, server.agent("web-2").await);
    let person = approver(&server, server.default_tenant().await.id).await;
    let id = started(&server, &["web-1"], json!([ask(), command("go", &["go"])])).await;
    let shown = asked(&server, id).await;
    for (agent, name) in [(&first, "web-0"), (&second, "web-1")] {
        let update = AgentUpdate {
            name: Some(name.into()),
            ..Default::default()
        };
        server.admin().agent_update(agent.id(), &update).await.unwrap();
    }
    approve(&person, &shown).await;
    let detail = until_state(&server, id, InstanceState::Failed).await;
    let reason = reason(&detail, "go");
    assert!(
        reason.contains("it would run on web-1 too, for which it was not approved"),
        "{reason}"
    );
    assert!(second.orders().await.is_empty());
}

async fn what_could_not_be_told_does_not_run(server: TestServer) {
    let person = approver(&server, server.default_tenant().await.id).await;
    let id = started(&server, &["web-1"], json!([ask(), command("go", &["go"])])).await;
    let shown = asked(&server, id).await;
    let problem = work(&shown, "go").problem.as_deref().unwrap();
    assert!(problem.contains("web-1"), "{problem}");
    // Nobody saw on which host it would run.
    let web = server.agent("web-1").await;
    approve(&person, &shown).await;
    let detail = until_state(&server, id, InstanceState::Failed).await;
    let reason = reason(&detail, "go");
    assert!(
        reason.contains("could not be told then") && reason.contains("ask once more right before this step"),
        "{reason}"
    );
    assert!(web.orders().await.is_empty());
}

async fn the_last_step_of_the_longest_workflow_is_compared(server: TestServer) {
    let web = server.agent("web-1").await;
    let person = approver(&server, server.default_tenant().await.id).await;
    let saved_script = deploy(&server, json!([])).await;
    let steps = |count: usize| {
        let fork = json!({"id": "fork", "type": "conditional", "condition": "1 == 1", "on_true": "last", "on_false": "s1"});
        let mut steps = vec![ask(), fork];
        steps.extend((1..count - 2).map(|number| command(&format!("s{number}"), &["true"])));
        steps.push(script("last"));
        Value::from(steps)
    };
    let more = json!({"hosts": {"agents": ["web-1"]}, "steps": steps(MAX_STEPS + 1)});
    assert_eq!(refused(saved(&server.admin(), "more", more).await).0, 422);
    let id = started(&server, &["web-1"], steps(MAX_STEPS)).await;
    let shown = asked(&server, id).await;
    assert_eq!(shown.work.len(), MAX_STEPS - 1);
    assert!(
        shown.work.iter().skip(1).all(|work| work.payload.is_some()),
        "{shown:?}"
    );
    changed(&server, saved_script, json!({"content": "echo reckless"})).await;
    approve(&person, &shown).await;
    let detail = until_state(&server, id, InstanceState::Failed).await;
    let reason = reason(&detail, "last");
    assert!(reason.contains("was given for something else"), "{reason}");
    assert!(web.orders().await.is_empty());
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
