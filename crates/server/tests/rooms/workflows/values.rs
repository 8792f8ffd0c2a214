//! Values on their way: into arguments, environments and secrets, and inputs before anything runs.

use postern_api::{scripts::ScriptCreate, workflows::InstanceCreate};
use postern_domain::workflow::engine::InstanceState;
use postern_protocol::payload::JobPayload;
use postern_testkit::{TestServer, key};
use serde_json::{Value, json};

use super::{argv_of, command, next, published, runs, started, until_state};
use crate::on_both_databases;

on_both_databases! {
    a_value_is_one_argument_whatever_it_holds,
    a_shell_gets_values_from_its_environment,
    a_variable_that_does_not_exist_fails_its_step_by_name,
    a_secret_input_reaches_its_script_and_nothing_else,
    inputs_have_types_and_are_checked_first,
}

async fn a_value_is_one_argument_whatever_it_holds(server: TestServer) {
    let web = server.agent("web-1").await;
    let hostile = "a b; $(reboot) `id` 'x' \"y\" {{step_scan.exit_code}} --force\nnext";
    let steps = json!([
        command("scan", &["scan"]),
        {"id": "use", "type": "command", "command": "deploy '{{step_scan.stdout}}' --to={{step_scan.stdout}} {{step_scan.exit_code}}"},
    ]);
    let id = started(&server, &["web-1"], steps).await;
    runs(&web, &format!("{hostile}\n"), 0).await;
    let order = runs(&web, "", 0).await;
    assert_eq!(
        argv_of(&order),
        ["deploy", hostile, &format!("--to={hostile}"), "0"]
    );
    let detail = until_state(&server, id, InstanceState::Completed).await;
    let execution = detail.runs[1].execution_id.unwrap();
    let execution = server.admin().execution_show(execution).await.unwrap();
    assert_eq!(execution.instance_id, Some(id));
}

async fn a_shell_gets_values_from_its_environment(server: TestServer) {
    let web = server.agent("web-1").await;
    let steps = json!([
        command("scan", &["scan"]),
        {"id": "use", "type": "command", "shell": true, "command": "echo \"$FOUND\" | wc -l", "environment": {"FOUND": "<{{step_scan.stdout}}>"}},
    ]);
    let id = started(&server, &["web-1"], steps).await;
    runs(&web, "$(reboot)", 0).await;
    let order = runs(&web, "", 0).await;
    let JobPayload::Command(command) = &order.work else {
        panic!("{order:?}")
    };
    assert_eq!(command.argv, ["echo \"$FOUND\" | wc -l"]);
    assert_eq!(command.environment["FOUND"], "<$(reboot)>");
    until_state(&server, id, InstanceState::Completed).await;
}

async fn a_variable_that_does_not_exist_fails_its_step_by_name(server: TestServer) {
    let web = server.agent("web-1").await;
    let steps = json!([
        command("scan", &["scan"]),
        {"id": "use", "type": "command", "argv": ["use", "{{step_scan.json.role}}"], "on_failure": "check"},
        {"id": "check", "type": "conditional", "condition": "step_scan.json.count > 3", "on_true": "completed", "on_false": "completed",
         "on_failure": "last"},
        command("last", &["last", "{{step_use.status}}", "{{step_check.status}}"]),
    ]);
    let id = started(&server, &["web-1"], steps).await;
    runs(&web, "{\"count\": \"7\"}", 0).await;
    let order = runs(&web, "", 0).await;
    assert_eq!(argv_of(&order), ["last", "failed", "failed"]);
    let detail = until_state(&server, id, InstanceState::Completed).await;
    let reason = |index: usize| detail.runs[index].reason.clone().unwrap();
    assert_eq!(reason(1), "argv[1]: step_scan.json.role does not exist");
    assert!(
        reason(2).contains("a text > a number cannot be said"),
        "{}",
        reason(2)
    );
}

async fn a_secret_input_reaches_its_script_and_nothing_else(server: TestServer) {
    let web = server.agent("web-1").await;
    server.heard(&web).await;
    let admin = server.admin();
    let script: ScriptCreate = serde_json::from_value(json!({
        "name": "login", "kind": "script", "language": "bash",
        "definition": {"content": "true", "parameters": [{"name": "token", "type": "secret", "required": true}]},
    }))
    .unwrap();
    admin.script_create(&script, &key()).await.unwrap();
    let definition = json!({
        "inputs": [{"name": "key", "type": "secret", "required": true}], "hosts": {"agents": ["web-1"]},
        "steps": [{"id": "login", "type": "script", "script": "login", "parameters": {"token": "{{inputs.key}}"}}],
    });
    let id = published(&admin, "login", definition).await;
    let clear: InstanceCreate = serde_json::from_value(json!({"inputs": {"key": "canary-4711"}})).unwrap();
    assert_eq!(
        crate::wrong_field(admin.instance_create(id, &clear, &key()).await),
        "inputs.key"
    );
    let request: InstanceCreate = serde_json::from_value(json!({"secrets": {"key": "canary-4711"}})).unwrap();
    let made = admin.instance_create(id, &request, &key()).await.unwrap();
    let order = next(&web).await;
    assert_eq!(web.secrets(&order)["token"].as_str(), "canary-4711");
    assert!(!serde_json::to_string(&order.work).unwrap().contains("canary"));
    web.start(&order).await;
    web.exit(&order, 0).await;
    let detail = until_state(&server, made.id, InstanceState::Completed).await;
    let events = admin
        .instance_event_list(made.id, &Default::default())
        .await
        .unwrap();
    assert!(!format!("{detail:?}{events:?}").contains("canary"));
}

async fn inputs_have_types_and_are_checked_first(server: TestServer) {
    let web = server.agent("web-1").await;
    let admin = server.admin();
    let definition = json!({
        "inputs": [{"name": "n", "type": "integer", "minimum": 1, "required": true}, {"name": "fast", "type": "boolean", "default": false}],
        "hosts": {"agents": ["web-1"]},
        "steps": [
            {"id": "c", "type": "conditional", "condition": "inputs.n > 3 && !inputs.fast", "on_true": "continue", "on_false": "failed"},
            command("a", &["a", "{{inputs.n}}"]),
        ],
    });
    let id = published(&admin, "typed", definition).await;
    let start = async |inputs: Value| {
        let request: InstanceCreate = serde_json::from_value(json!({"inputs": inputs})).unwrap();
        admin.instance_create(id, &request, &key()).await
    };
    for (inputs, field) in [
        (json!({}), "inputs.n"),
        (json!({"n": 0}), "inputs.n"),
        (json!({"n": "x"}), "inputs.n"),
        (json!({"n": 5, "m": 1}), "inputs.m"),
        (json!({"n": 5, "fast": "maybe"}), "inputs.fast"),
    ] {
        assert_eq!(crate::wrong_field(start(inputs).await), field);
    }
    let made = start(json!({"n": 5})).await.unwrap();
    let order = runs(&web, "", 0).await;
    assert_eq!(argv_of(&order), ["a", "5"]);
    until_state(&server, made.id, InstanceState::Completed).await;
    assert_eq!(
        admin
            .instance_list(&Default::default())
            .await
            .unwrap()
            .items
            .len(),
        1
    );
}
