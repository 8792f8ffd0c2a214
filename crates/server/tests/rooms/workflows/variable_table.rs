//! Spec 5's table of variables, line by line, in every place that takes one: with and without the `variables.` of an older
//! form, typed, and with no secret in any spelling.

use std::collections::BTreeMap;

use postern_api::{approvals::ApprovalDetail, scripts::ScriptCreate};
use postern_domain::{
    InstanceId,
    approval::Decision,
    workflow::{Severity, engine::InstanceState},
};
use postern_protocol::{messages::Stream, payload::JobPayload};
use postern_testkit::{SimAgent, TestServer, key};
use serde_json::{Map, Value, json};

use super::{
    answer, approver, argv_of, command, next, published, runs, saved, started, told, until_begun, until_state,
};
use crate::on_both_databases;

on_both_databases! {
    commands_take_every_line_of_the_table,
    parameters_take_every_line_and_fit_their_types,
    conditions_compare_every_line_with_its_type,
    an_approval_tells_every_line,
    a_call_carries_every_line_with_its_type,
    of_one_host_it_is_the_hosts_own_result,
    a_step_that_was_refused_leaves_that_it_failed,
    a_path_that_leads_nowhere_fails_its_step_by_name_in_every_place,
    every_spelling_of_a_secret_is_told_when_it_is_saved,
}

/// What the first of two hosts prints.
const PRINTED: &str = r#"{"text": "x y", "number": 7, "ratio": 1.5, "big": 9007199254740993, "flag": false, "nothing": null, "list": [1, "two", null], "deep": {"er": [{"n": -3}]}, "odd key": "odd", "password": "printed"}"#;
const BLOCKED: &str = "***CREDENTIAL_BLOCKED***";
/// Ways to ask for a secret of something that no step left.
const SECRETS: [&str; 12] = [
    "db.password",
    "db.PASSWORD",
    "db.Pass_Word",
    "db[\"password\"]",
    "db['password']",
    "db.private_key",
    "db[\"api key\"]",
    "db.API-TOKEN",
    "db.secret.value",
    "db.connection.password",
    "db.accounts[0].password",
    "db.password.length",
];

/// Every line with its value, in both forms. `scan` ran on two hosts, and failed on the second by name.
fn table() -> Vec<(String, Value)> {
    let of_steps = [
        ("step_scan.stdout", json!(PRINTED)),
        ("step_scan.stderr", json!("careful")),
        ("step_scan.exit_code", json!(4)),
        ("step_scan.status", json!("failed")),
        ("step_scan.json.text", json!("x y")),
        ("step_scan.json.number", json!(7)),
        ("step_scan.json.ratio", json!(1.5)),
        ("step_scan.json.big", json!(9_007_199_254_740_993_i64)),
        ("step_scan.json.flag", json!(false)),
        ("step_scan.json.nothing", json!(null)),
        ("step_scan.json.list", json!([1, "two", null])),
        ("step_scan.json.list[1]", json!("two")),
        ("step_scan.json.list.0", json!(1)),
        ("step_scan.json.deep.er[0].n", json!(-3)),
        ("step_scan.json[\"odd key\"]", json!("odd")),
        // What a script printed is data, whatever its keys are called.
        ("step_scan.json.password", json!("printed")),
        ("step_scan.hosts.a.stdout", json!(PRINTED)),
        ("step_scan.hosts.a.stderr", json!("careful")),
        ("step_scan.hosts.a.exit_code", json!(0)),
        ("step_scan.hosts.a.status", json!("completed")),
        ("step_scan.hosts.a.json.number", json!(7)),
        ("step_scan.hosts[\"b.example.com\"].stdout", json!("from b")),
        ("step_scan.hosts[\"b.example.com\"].stderr", json!("b is broken")),
        ("step_scan.hosts[\"b.example.com\"].exit_code", json!(4)),
        ("step_scan.hosts[\"b.example.com\"].status", json!("failed")),
    ];
    let secrets = SECRETS.map(|path| (path, json!(BLOCKED)));
    of_steps
        .into_iter()
        .chain(secrets)
        .flat_map(|(path, value)| {
            [
                (path.to_owned(), value.clone()),
                (format!("variables.{path}"), value),
            ]
        })
        .collect()
}

fn placeholder(path: &str) -> String {
    format!("{{{{{path}}}}}")
}

/// As a text has it.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn name(number: usize) -> String {
    format!("P{number}")
}

/// The first host by name ran `scan` well, the second did not. So the step has failed, and these follow it.
async fn scanned(server: &TestServer, mut then: Vec<Value>) -> (SimAgent, InstanceId) {
    let (b, a) = (server.agent("b.example.com").await, server.agent("a").await);
    let first = then[0]["id"].clone();
    let scan = json!({"id": "scan", "type": "command", "argv": ["scan"], "on_success": "failed", "on_failure": first});
    then.insert(0, scan);
    let id = started(server, &["b.example.com", "a"], Value::from(then)).await;
    prints(&a, (&format!("{PRINTED}\n"), "careful\r\n\n"), 0).await;
    prints(&b, ("from b\n", "b is broken\n"), 4).await;
    (a, id)
}

/// Runs the next order of an agent: prints this on both streams and ends so.
async fn prints(agent: &SimAgent, (stdout, stderr): (&str, &str), code: i32) {
    let order = next(agent).await;
    let pieces = [
        (Stream::Stdout, 0, stdout.as_bytes()),
        (Stream::Stderr, 0, stderr.as_bytes()),
    ];
    agent.print(&order, &pieces).await;
    agent.exit(&order, code).await;
}

/// With `hosts`: on the first one only.
fn on_a(mut step: Value) -> Value {
    step["hosts"] = json!({"agents": ["a"]});
    step
}

async fn script(server: &TestServer, name: &str, parameters: Value) {
    let create: ScriptCreate = serde_json::from_value(json!({
        "name": name, "kind": "script", "language": "bash",
        "definition": {"content": "true", "parameters": parameters},
    }))
    .unwrap();
    server.admin().script_create(&create, &key()).await.unwrap();
}

async fn commands_take_every_line_of_the_table(server: TestServer) {
    let table = table();
    let placeholders: Vec<String> = table.iter().map(|(path, _)| placeholder(path)).collect();
    let texts: Vec<String> = table.iter().map(|(_, value)| text(value)).collect();
    let environment: BTreeMap<String, &String> = (0..).map(name).zip(&placeholders).collect();
    let quoted: Vec<String> = placeholders
        .iter()
        .map(|path| format!("--value='{path}'"))
        .collect();
    let argv = [vec!["use".to_owned()], placeholders.clone()].concat();
    let then = vec![
        on_a(json!({"id": "use", "type": "command", "argv": argv, "environment": environment})),
        on_a(json!({"id": "line", "type": "command", "command": format!("use {}", quoted.join(" "))})),
    ];
    let (a, id) = scanned(&server, then).await;

    let order = runs(&a, "", 0).await;
    let JobPayload::Command(used) = &order.work else {
        panic!("{order:?}")
    };
    assert_eq!(used.argv, [vec!["use".to_owned()], texts.clone()].concat());
    let expected: BTreeMap<String, String> = (0..).map(name).zip(texts.clone()).collect();
    assert_eq!(used.environment, expected);

    let order = runs(&a, "", 0).await;
    let expected = texts.iter().map(|text| format!("--value={text}"));
    let expected: Vec<String> = std::iter::once("use".to_owned()).chain(expected).collect();
    assert_eq!(argv_of(&order), expected);
    let detail = until_state(&server, id, InstanceState::Completed).await;
    assert_eq!(told(&detail), ["scan failed", "use ok", "line ok"]);
    assert_eq!(
        detail.runs[0].reason.as_deref(),
        Some("b.example.com: Exit code 4")
    );
}

async fn parameters_take_every_line_and_fit_their_types(server: TestServer) {
    let table = table();
    let typed = [("count", "integer"), ("ratio", "number"), ("flag", "boolean")];
    let parameters: Vec<Value> = (0..table.len())
        .map(|number| json!({"name": name(number), "type": "string"}))
        .chain(typed.map(|(name, kind)| json!({"name": name, "type": kind})))
        .collect();
    script(&server, "take", Value::from(parameters)).await;
    let mut given: Map<String, Value> = (0..)
        .map(name)
        .zip(
            table
                .iter()
                .map(|(path, _)| json!(format!("<{}>", placeholder(path)))),
        )
        .collect();
    given.insert("count".into(), json!("{{variables.step_scan.json.number}}"));
    given.insert("ratio".into(), json!("{{step_scan.json.ratio}}"));
    given.insert("flag".into(), json!("{{step_scan.json[\"flag\"]}}"));
    let take = |id: &str, given: &Map<String, Value>, on_failure: &str| {
        let step = json!({"id": id, "type": "script", "script": "take", "parameters": given, "on_failure": on_failure});
        on_a(step)
    };
    let wrong = Map::from_iter([("count".to_owned(), json!("{{step_scan.json.ratio}}"))]);
    let then = vec![take("take", &given, "failed"), take("wrong", &wrong, "completed")];
    let (a, id) = scanned(&server, then).await;

    let order = runs(&a, "", 0).await;
    let JobPayload::Script(taken) = &order.work else {
        panic!("{order:?}")
    };
    let mut expected: BTreeMap<String, String> = (0..)
        .map(name)
        .zip(table.iter().map(|(_, value)| format!("<{}>", text(value))))
        .collect();
    for (name, value) in [("count", "7"), ("ratio", "1.5"), ("flag", "false")] {
        expected.insert(name.to_owned(), value.to_owned());
    }
    assert_eq!(taken.parameters, expected);
    let detail = until_state(&server, id, InstanceState::Completed).await;
    assert_eq!(told(&detail), ["scan failed", "take ok", "wrong failed"]);
    assert_eq!(
        detail.runs[2].reason.as_deref(),
        Some("parameters.count: is not an integer")
    );
}

async fn conditions_compare_every_line_with_its_type(server: TestServer) {
    let table = table();
    let (legacy, plain): (Vec<_>, Vec<_>) =
        table.iter().partition(|(path, _)| path.starts_with("variables."));
    let plain: Vec<String> = plain
        .iter()
        .map(|(path, value)| format!("{path} == {value}"))
        .collect();
    let legacy: Vec<String> = legacy
        .iter()
        .map(|(path, value)| format!("{} == {value}", placeholder(path)))
        .collect();
    let check = |id: &str, condition: &str| json!({"id": id, "type": "conditional", "condition": condition, "on_true": "continue", "on_false": "failed"});
    let then = vec![
        check("plain", &plain.join(" && ")),
        check("legacy", &legacy.join(" && ")),
        check(
            "typed",
            "step_scan.json.number > 6.5 && !variables.step_scan.json.flag && step_scan.json.deep.er[0].n < -2 \
             && 1 in step_scan.json.list && variables.step_scan.json.deep contains 'er'",
        ),
        // A number is no text: it fails, and says so.
        json!({"id": "text", "type": "conditional", "condition": "step_scan.json.number == '7'", "on_true": "failed",
               "on_false": "failed", "on_failure": "completed"}),
    ];
    let (_, id) = scanned(&server, then).await;
    let detail = until_state(&server, id, InstanceState::Completed).await;
    assert_eq!(
        told(&detail),
        ["scan failed", "plain ok", "legacy ok", "typed ok", "text failed"]
    );
    let reason = detail.runs[4].reason.as_deref().unwrap();
    assert!(
        reason.starts_with("condition: a number == a text cannot be said"),
        "{reason}"
    );
}

async fn asked(server: &TestServer, id: InstanceId) -> ApprovalDetail {
    let run = until_begun(server, id, "ask", 1).await;
    let shown = server.admin().approval_show(run.approval_id.unwrap()).await;
    shown.unwrap()
}

async fn an_approval_tells_every_line(server: TestServer) {
    let table = table();
    let person = approver(&server, server.default_tenant().await.id).await;
    let lines: Vec<String> = table.iter().map(|(path, _)| placeholder(path)).collect();
    let then = vec![
        json!({"id": "ask", "type": "approval", "approval_type": "one_of_many", "approvers": ["role:approver"],
               "title": "{{variables.step_scan.json.text}}, {{step_scan.exit_code}}, {{variables.db.password}}?",
               "description": lines.join("\n")}),
        on_a(command("last", &["last", "{{variables.step_ask.status}}"])),
    ];
    let (a, id) = scanned(&server, then).await;
    let shown = asked(&server, id).await.approval;
    assert_eq!(shown.title, format!("x y, 4, {BLOCKED}?"));
    let texts: Vec<String> = table.iter().map(|(_, value)| text(value)).collect();
    assert_eq!(shown.description, Some(texts.join("\n")));
    answer(&person.client, shown.id, Decision::Approve).await.unwrap();
    let order = runs(&a, "", 0).await;
    assert_eq!(argv_of(&order), ["last", "approved"]);
    until_state(&server, id, InstanceState::Completed).await;
}

async fn a_call_carries_every_line_with_its_type(server: TestServer) {
    let table = table();
    let mut body: Map<String, Value> = table
        .iter()
        .map(|(path, _)| (path.clone(), json!(placeholder(path))))
        .collect();
    body.insert("whole".into(), json!("{{step_scan.json.deep}}"));
    body.insert(
        "inside".into(),
        json!(["{{variables.step_scan.json.list}}", {"text": "n={{step_scan.json.number}}"}]),
    );
    let then = vec![on_a(json!({
        "id": "call", "type": "http_request", "method": "POST",
        "url": "https://api.example/{{variables.step_scan.json.text}}/{{db.password}}?n={{step_scan.json.number}}",
        "headers": {"x-status": "{{variables.step_scan.status}}", "x-secret": "{{db.password}}"},
        "json": body,
    }))];
    let (a, id) = scanned(&server, then).await;
    let order = runs(&a, "", 0).await;
    let JobPayload::HttpRequest(request) = &order.work else {
        panic!("{order:?}")
    };
    assert_eq!(
        request.url,
        "https://api.example/x%20y/%2A%2A%2ACREDENTIAL_BLOCKED%2A%2A%2A?n=7"
    );
    let headers = [
        ("content-type", "application/json"),
        ("x-secret", BLOCKED),
        ("x-status", "failed"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(request.headers, BTreeMap::from(headers));
    let mut expected: Map<String, Value> = table.into_iter().collect();
    expected.insert("whole".into(), json!({"er": [{"n": -3}]}));
    expected.insert("inside".into(), json!([[1, "two", null], {"text": "n=7"}]));
    let sent: Value = serde_json::from_str(request.body.as_deref().unwrap()).unwrap();
    assert_eq!(sent, Value::Object(expected));
    until_state(&server, id, InstanceState::Completed).await;
}

async fn of_one_host_it_is_the_hosts_own_result(server: TestServer) {
    let a = server.agent("a").await;
    let paths = [
        "step_scan.stdout",
        "variables.step_scan.stderr",
        "step_scan.exit_code",
        "variables.step_scan.status",
        "step_scan.json.n",
        "step_scan.hosts.a.stderr",
    ];
    let argv: Vec<String> = ["use".to_owned()]
        .into_iter()
        .chain(paths.map(placeholder))
        .collect();
    let steps = json!([command("scan", &["scan"]), {"id": "use", "type": "command", "argv": argv}]);
    let id = started(&server, &["a"], steps).await;
    prints(&a, ("{\"n\": 1}\n", "a\nwarning\n"), 0).await;
    let order = runs(&a, "", 0).await;
    assert_eq!(
        argv_of(&order),
        [
            "use",
            "{\"n\": 1}",
            "a\nwarning",
            "0",
            "succeeded",
            "1",
            "a\nwarning"
        ]
    );
    until_state(&server, id, InstanceState::Completed).await;
}

async fn a_step_that_was_refused_leaves_that_it_failed(server: TestServer) {
    let lost = |id: &str, path: &str, on_failure: &str| {
        on_a(json!({"id": id, "type": "command", "argv": ["x", placeholder(path)], "on_failure": on_failure}))
    };
    let then = vec![
        lost("lost", "step_scan.json.no", "look"),
        json!({"id": "look", "type": "conditional", "condition": "variables.step_lost.status == 'failed'", "on_true": "later",
               "on_false": "failed"}),
        lost("later", "step_lost.stdout", "completed"),
    ];
    let (a, id) = scanned(&server, then).await;
    let detail = until_state(&server, id, InstanceState::Completed).await;
    assert_eq!(
        told(&detail),
        ["scan failed", "lost failed", "look ok", "later failed"]
    );
    assert_eq!(
        detail.runs[3].reason.as_deref(),
        Some("argv[1]: step_lost.stdout does not exist")
    );
    assert!(a.orders().await.is_empty());
}

async fn a_path_that_leads_nowhere_fails_its_step_by_name_in_every_place(server: TestServer) {
    approver(&server, server.default_tenant().await.id).await;
    script(&server, "take", json!([{"name": "p", "type": "string"}])).await;
    let child =
        json!({"inputs": [{"name": "what", "type": "string"}], "steps": [command("inner", &["inner"])]});
    published(&server.admin(), "child", child).await;
    let ask = json!({"type": "approval", "title": "Go?", "approval_type": "one_of_many", "approvers": ["role:approver"]});
    let with = |step: &Value, field: &str, text: &str| {
        let mut step = step.clone();
        step[field] = json!(text);
        step
    };
    let call = json!({"type": "http_request", "url": "https://api.example/"});
    // A step, and the reason for which it fails.
    let places = [
        (
            json!({"type": "command", "argv": ["x", "{{step_scan.json.no}}"]}),
            "argv[1]: step_scan.json.no does not exist",
        ),
        (
            json!({"type": "command", "command": "x {{variables.step_scan.json.no}}"}),
            "command: step_scan.json.no does not exist",
        ),
        (
            json!({"type": "command", "argv": ["x"], "environment": {"V": "{{step_scan.hosts.nobody.stdout}}"}}),
            "environment.V: step_scan.hosts.nobody.stdout does not exist",
        ),
        (
            json!({"type": "script", "script": "take", "parameters": {"p": "{{variables.step_scan.json.text.deeper}}"}}),
            "parameters.p: step_scan.json.text.deeper does not exist",
        ),
        (
            with(&ask, "title", "{{step_scan.json.list[3]}}?"),
            "title: step_scan.json.list[3] does not exist",
        ),
        (
            with(&ask, "description", "{{variables.step_scan.json[\"no key\"]}}"),
            "description: step_scan.json[\"no key\"] does not exist",
        ),
        (
            json!({"type": "conditional", "condition": "{{variables.step_scan.json.no}} == 1", "on_true": "failed", "on_false": "failed"}),
            "condition: step_scan.json.no does not exist",
        ),
        (
            with(
                &call,
                "url",
                "https://api.example/{{step_scan.hosts[\"b.example.com\"].json.n}}",
            ),
            "url: step_scan.hosts[\"b.example.com\"].json.n does not exist",
        ),
        (
            json!({"type": "http_request", "url": "https://api.example/", "headers": {"x-a": "{{step_scan.json.no}}"}}),
            "headers.x-a: step_scan.json.no does not exist",
        ),
        (
            json!({"type": "http_request", "url": "https://api.example/", "json": {"a": {"b": "{{step_scan.json.no}}"}}}),
            "json.a.b: step_scan.json.no does not exist",
        ),
        (
            with(&call, "body", "{{step_scan.json.no}}"),
            "body: step_scan.json.no does not exist",
        ),
        (
            json!({"type": "notify", "to": ["role:approver"], "title": "{{variables.step_scan.json.no}}"}),
            "title: step_scan.json.no does not exist",
        ),
        (
            json!({"type": "workflow", "workflow": "child", "inputs": {"what": "{{step_scan.json.no}}"}}),
            "inputs.what: step_scan.json.no does not exist",
        ),
    ];
    let last = places.len() - 1;
    let then = places.iter().enumerate().map(|(number, (step, _))| {
        let mut step = step.clone();
        step["id"] = json!(format!("place{number}"));
        step["on_failure"] = if number == last {
            json!("completed")
        } else {
            json!(format!("place{}", number + 1))
        };
        step
    });
    let (a, id) = scanned(&server, then.collect()).await;
    let detail = until_state(&server, id, InstanceState::Completed).await;
    let reasons: Vec<&str> = detail.runs[1..]
        .iter()
        .map(|run| run.reason.as_deref().unwrap_or("no reason"))
        .collect();
    assert_eq!(reasons, places.map(|(_, reason)| reason));
    assert!(a.orders().await.is_empty(), "none of them has jobs");
}

async fn every_spelling_of_a_secret_is_told_when_it_is_saved(server: TestServer) {
    let argv: Vec<String> = SECRETS
        .iter()
        .flat_map(|path| [placeholder(path), placeholder(&format!("variables.{path}"))])
        .collect();
    let definition = json!({"steps": [{"id": "use", "type": "command", "argv": argv}]});
    let made = saved(&server.admin(), "curious", definition).await.unwrap();
    for (number, problem) in made.draft_problems.iter().enumerate() {
        assert_eq!(problem.severity, Severity::Warning, "{problem:?}");
        assert_eq!(problem.pointer, format!("/steps/0/argv/{number}"));
        assert!(
            problem
                .message
                .ends_with(&format!("is always {BLOCKED}: secrets are in no variable")),
            "{problem:?}"
        );
    }
    assert_eq!(made.draft_problems.len(), argv.len());
}
