//! What an approval covers of the workflows that are started behind it: all of their steps, until their own people are
//! asked.

use postern_api::{
    agents::AgentUpdate,
    approvals::ApprovalDetail,
    workflows::{InstanceAgain, InstanceDetail, WorkflowUpdate},
};
use postern_domain::{
    AgentId, InstanceId,
    workflow::{MAX_STEPS, engine::InstanceState},
};
use postern_protocol::{order::Order, payload::JobPayload};
use postern_testkit::{TestServer, key};
use serde_json::{Value, json};

use super::{
    approved::{approve, ask, asked, changed, deploy, published_again, reason, script, work},
    approver, argv_of, command, published, runs, show, started, until_begun, until_state,
};
use crate::on_both_databases;

on_both_databases! {
    another_script_inside_of_a_workflow_is_not_what_was_approved,
    what_a_workflow_inside_of_another_starts_is_compared,
    hosts_that_a_workflow_chooses_itself_are_compared,
    values_that_a_workflow_is_given_are_known_inside_of_it,
    a_workflow_that_asks_itself_covers_what_follows,
    a_retry_is_compared_inside_of_workflows_too,
    a_workflow_runs_under_another_name,
    a_circle_is_shown_as_deep_as_it_goes,
    so_many_steps_are_behind_one_approval_and_no_more,
}

fn call(workflow: &str) -> Value {
    json!({"id": "call", "type": "workflow", "workflow": workflow})
}

/// The instance that the step `call` started.
async fn called(server: &TestServer, id: InstanceId) -> InstanceDetail {
    let run = until_begun(server, id, "call", 1).await;
    show(server, run.child_id.unwrap()).await
}

fn steps(shown: &ApprovalDetail) -> Vec<&str> {
    shown.work.iter().map(|work| work.step.as_str()).collect()
}

fn content(order: &Order) -> &str {
    match &order.work {
        JobPayload::Script(script) => &script.content,
        other => panic!("{other:?}"),
    }
}

async fn labelled(server: &TestServer, agent: AgentId) {
    let update = AgentUpdate {
        labels: Some([("env".to_owned(), "dev".to_owned())].into()),
        ..Default::default()
    };
    server.admin().agent_update(agent, &update).await.unwrap();
}

async fn another_script_inside_of_a_workflow_is_not_what_was_approved(server: TestServer) {
    let web = server.agent("web-1").await;
    let person = approver(&server, server.default_tenant().await.id).await;
    let saved = deploy(&server, json!([])).await;
    published(&server.admin(), "child", json!({"steps": [script("deploy")]})).await;
    let flow = json!([ask(), call("child")]);

    let id = started(&server, &["web-1"], flow.clone()).await;
    let shown = asked(&server, id).await;
    assert_eq!(steps(&shown), ["call", "call/deploy"]);
    let inside = work(&shown, "call/deploy");
    assert_eq!(inside.script.as_ref().unwrap().version, 1);
    let text = &inside.payload.as_ref().unwrap()["payload"]["content"];
    assert!(text.as_str().unwrap().contains("echo careful"), "{text}");
    assert_eq!(inside.hosts[0].id, web.id());
    approve(&person, &shown).await;
    assert!(content(&runs(&web, "", 0).await).contains("echo careful"));
    until_state(&server, id, InstanceState::Completed).await;

    let id = started(&server, &["web-1"], flow).await;
    let shown = asked(&server, id).await;
    changed(&server, saved, json!({"content": "echo reckless"})).await;
    approve(&person, &shown).await;
    until_state(&server, id, InstanceState::Failed).await;
    let expected = format!(
        "Approval {} was given for something else: version 1 of its script was approved, and version 2 would run. Start \
         the workflow again, and have it approved as it is now.",
        shown.approval.id
    );
    assert_eq!(reason(&called(&server, id).await, "deploy"), expected);
    assert!(web.orders().await.is_empty());
}

async fn what_a_workflow_inside_of_another_starts_is_compared(server: TestServer) {
    let web = server.agent("web-1").await;
    let person = approver(&server, server.default_tenant().await.id).await;
    let saved = deploy(&server, json!([])).await;
    let inner = published(&server.admin(), "inner", json!({"steps": [script("deploy")]})).await;
    published(&server.admin(), "middle", json!({"steps": [call("inner")]})).await;
    let flow = json!([ask(), call("middle")]);

    let id = started(&server, &["web-1"], flow.clone()).await;
    let shown = asked(&server, id).await;
    assert_eq!(steps(&shown), ["call", "call/call", "call/call/deploy"]);
    approve(&person, &shown).await;
    runs(&web, "", 0).await;
    until_state(&server, id, InstanceState::Completed).await;

    let id = started(&server, &["web-1"], flow.clone()).await;
    let shown = asked(&server, id).await;
    changed(&server, saved, json!({"content": "echo reckless"})).await;
    approve(&person, &shown).await;
    until_state(&server, id, InstanceState::Failed).await;
    let middle = called(&server, id).await;
    let told = called(&server, middle.instance.id).await;
    let told = reason(&told, "deploy");
    assert!(
        told.contains("version 1 of its script was approved, and version 2 would run"),
        "{told}"
    );

    let id = started(&server, &["web-1"], flow).await;
    let shown = asked(&server, id).await;
    published_again(&server, inner, json!({"steps": [command("other", &["other"])]})).await;
    approve(&person, &shown).await;
    until_state(&server, id, InstanceState::Failed).await;
    let told = called(&server, id).await;
    let told = reason(&told, "call");
    assert!(
        told.contains("version 1 of its workflow was approved, and version 2 would run"),
        "{told}"
    );
    assert!(web.orders().await.is_empty());
}

async fn hosts_that_a_workflow_chooses_itself_are_compared(server: TestServer) {
    let (first, second) = (server.agent("web-1").await, server.agent("web-2").await);
    let person = approver(&server, server.default_tenant().await.id).await;
    labelled(&server, first.id()).await;
    let mut go = command("go", &["go"]);
    go["hosts"] = json!({"selector": "env=dev"});
    published(&server.admin(), "child", json!({"steps": [go]})).await;
    let id = started(&server, &["web-1"], json!([ask(), call("child")])).await;
    let shown = asked(&server, id).await;
    let hosts: Vec<AgentId> = work(&shown, "call/go").hosts.iter().map(|host| host.id).collect();
    assert_eq!(hosts, [first.id()]);
    labelled(&server, second.id()).await;
    approve(&person, &shown).await;
    until_state(&server, id, InstanceState::Failed).await;
    let told = called(&server, id).await;
    let told = reason(&told, "go");
    assert!(
        told.contains("it would run on web-2 too, for which it was not approved"),
        "{told}"
    );
    assert!(first.orders().await.is_empty() && second.orders().await.is_empty());
}

async fn values_that_a_workflow_is_given_are_known_inside_of_it(server: TestServer) {
    let web = server.agent("web-1").await;
    let person = approver(&server, server.default_tenant().await.id).await;
    let argv = [
        "inner",
        "{{inputs.code}}",
        "{{inputs.who}}",
        "{{instance.id}}",
        "{{instance.workflow}}",
    ];
    let child = json!({
        "inputs": [{"name": "code", "type": "integer", "required": true}, {"name": "who", "type": "string"}],
        "steps": [command("inner", &argv)],
    });
    published(&server.admin(), "child", child).await;
    let mut with_values = call("child");
    with_values["inputs"] = json!({"code": "{{step_look.exit_code}}", "who": "ada"});
    let flow = json!([ask(), command("look", &["look"]), with_values]);
    let id = started(&server, &["web-1"], flow).await;
    let shown = asked(&server, id).await;
    let inside = work(&shown, "call/inner");
    assert_eq!(
        inside.payload.as_ref().unwrap()["payload"]["argv"],
        json!(["inner", "{{inputs.code}}", "ada", "{{instance.id}}", "child"])
    );
    assert_eq!(inside.open, ["inputs.code", "instance.id"]);
    approve(&person, &shown).await;
    runs(&web, "", 0).await;
    let order = runs(&web, "", 0).await;
    let own = called(&server, id).await.instance.id.to_string();
    assert_eq!(argv_of(&order), ["inner", "0", "ada", own.as_str(), "child"]);
    until_state(&server, id, InstanceState::Completed).await;
}

async fn a_workflow_that_asks_itself_covers_what_follows(server: TestServer) {
    let web = server.agent("web-1").await;
    let person = approver(&server, server.default_tenant().await.id).await;
    let saved = deploy(&server, json!([])).await;
    let mut last = script("deploy");
    last["on_success"] = "completed".into();
    let child = json!({"steps": [
        {"id": "fork", "type": "conditional", "condition": "1 == 1", "on_true": "ask", "on_false": "other"},
        ask(), last, command("other", &["other"]),
    ]});
    published(&server.admin(), "child", child).await;
    let flow = json!([
        ask(),
        {"id": "check", "type": "conditional", "condition": "2 == 2", "on_true": "call", "on_false": "completed"},
        call("child"),
    ]);

    let id = started(&server, &["web-1"], flow.clone()).await;
    let shown = asked(&server, id).await;
    assert_eq!(
        steps(&shown),
        ["check", "call", "call/fork", "call/ask", "call/other"]
    );
    assert_eq!(
        work(&shown, "call/other").only_if,
        ["check holds: 2 == 2", "call/fork does not hold: 1 == 1"]
    );
    changed(&server, saved, json!({"content": "echo second"})).await;
    approve(&person, &shown).await;
    let own = asked(&server, called(&server, id).await.instance.id).await;
    assert_eq!(steps(&own), ["deploy"]);
    approve(&person, &own).await;
    assert!(content(&runs(&web, "", 0).await).contains("echo second"));
    until_state(&server, id, InstanceState::Completed).await;

    let id = started(&server, &["web-1"], flow).await;
    let shown = asked(&server, id).await;
    approve(&person, &shown).await;
    let child = called(&server, id).await.instance.id;
    let own = asked(&server, child).await;
    changed(&server, saved, json!({"content": "echo third"})).await;
    approve(&person, &own).await;
    let detail = until_state(&server, child, InstanceState::Failed).await;
    let told = reason(&detail, "deploy");
    let expected = format!("Approval {} was given for something else", own.approval.id);
    assert!(told.starts_with(&expected), "{told}");
    assert!(web.orders().await.is_empty());
}

async fn a_retry_is_compared_inside_of_workflows_too(server: TestServer) {
    let (admin, web) = (server.admin(), server.agent("web-1").await);
    let person = approver(&server, server.default_tenant().await.id).await;
    let saved = deploy(&server, json!([])).await;
    published(&admin, "child", json!({"steps": [script("deploy")]})).await;
    let id = started(&server, &["web-1"], json!([ask(), call("child")])).await;
    let shown = asked(&server, id).await;
    approve(&person, &shown).await;
    runs(&web, "", 1).await;
    until_state(&server, id, InstanceState::Failed).await;

    let request = InstanceAgain::default();
    let second = admin.instance_retry(id, &request, &key()).await.unwrap().id;
    runs(&web, "", 1).await;
    until_state(&server, second, InstanceState::Failed).await;
    changed(&server, saved, json!({"content": "echo reckless"})).await;
    let third = admin.instance_retry(second, &request, &key()).await.unwrap().id;
    until_state(&server, third, InstanceState::Failed).await;
    let told = called(&server, third).await;
    let told = reason(&told, "deploy");
    let expected = format!("Approval {} was given for something else", shown.approval.id);
    assert!(told.starts_with(&expected), "{told}");
    assert!(web.orders().await.is_empty());
}

async fn a_workflow_runs_under_another_name(server: TestServer) {
    let web = server.agent("web-1").await;
    let person = approver(&server, server.default_tenant().await.id).await;
    let child = json!({"steps": [command("inner", &["inner"])]});
    let child = published(&server.admin(), "child", child).await;
    let id = started(&server, &["web-1"], json!([ask(), call("child")])).await;
    let shown = asked(&server, id).await;
    assert_eq!(work(&shown, "call").summary, "starts child, version 1");
    let update = WorkflowUpdate {
        name: Some("renamed".into()),
        ..Default::default()
    };
    server.admin().workflow_update(child, &update).await.unwrap();
    approve(&person, &shown).await;
    assert_eq!(argv_of(&runs(&web, "", 0).await), ["inner"]);
    until_state(&server, id, InstanceState::Completed).await;
}

async fn a_circle_is_shown_as_deep_as_it_goes(server: TestServer) {
    server.agent("web-1").await;
    approver(&server, server.default_tenant().await.id).await;
    let look = command("look", &["look"]);
    let circle = published(&server.admin(), "circle", json!({"steps": [look]})).await;
    published_again(&server, circle, json!({"steps": [look, call("circle")]})).await;
    let id = started(&server, &["web-1"], json!([ask(), call("circle")])).await;
    let shown = asked(&server, id).await;
    let problems: Vec<&str> = shown
        .work
        .iter()
        .filter_map(|work| work.problem.as_deref())
        .collect();
    assert_eq!(problems, ["Workflows start each other at most 5 deep."]);
    assert_eq!(steps(&shown).last(), Some(&"call/call/call/call/call"));
}

async fn so_many_steps_are_behind_one_approval_and_no_more(server: TestServer) {
    server.agent("web-1").await;
    approver(&server, server.default_tenant().await.id).await;
    let long: Vec<Value> = (0..MAX_STEPS)
        .map(|number| command(&format!("s{number}"), &["true"]))
        .collect();
    published(&server.admin(), "long", json!({"steps": long})).await;
    let flow = |calls: usize| {
        let mut steps = vec![ask()];
        steps.extend((0..calls).map(|number| {
            let mut step = call("long");
            step["id"] = format!("call{number}").into();
            step
        }));
        Value::from(steps)
    };
    let id = started(&server, &["web-1"], flow(2)).await;
    assert_eq!(asked(&server, id).await.work.len(), 2 + 2 * MAX_STEPS);
    let id = started(&server, &["web-1"], flow(3)).await;
    let detail = until_state(&server, id, InstanceState::Failed).await;
    assert_eq!(
        reason(&detail, "ask"),
        "More than 500 steps would follow, those of the workflows that are started counted in, and one approval shows no \
         more. Ask again further on or in the workflows that are started, or name fewer hosts."
    );
}
