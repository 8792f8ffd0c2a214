//! What is refused when an action is saved.

use postern_testkit::{TestServer, key};
use serde_json::{Value, json};

use super::{create, deploy, field, restart, saved};
use crate::{no, on_both_databases, refused};

on_both_databases! {
    an_action_that_cannot_work_is_refused_when_it_is_saved,
    code_is_no_place_for_a_value,
}

async fn an_action_that_cannot_work_is_refused_when_it_is_saved(server: TestServer) {
    server.agent("web-1").await;
    let admin = server.admin();
    let with = |changes: Value| {
        let mut definition = restart();
        for (name, value) in changes.as_object().unwrap() {
            definition[name] = value.clone();
        }
        definition
    };
    let one = |kind: &str| json!([{"name": "service", "type": kind}]);
    for (definition, name) in [
        (
            with(json!({"fills": {"service": "/service"}})),
            "definition.parameters.what",
        ),
        (
            with(json!({"fills": {"service": "/service", "what": "/action", "who": "/x"}})),
            "definition.fills.who",
        ),
        (
            with(json!({"fills": {"service": "service", "what": "/action"}})),
            "definition.fills.service",
        ),
        (
            with(json!({"fills": {"service": "/action", "what": "/action"}})),
            "definition.fills.service",
        ),
        (
            with(json!({"fills": {"service": "/nonsense", "what": "/action"}})),
            "definition.fills.service",
        ),
        (
            with(json!({"fills": {"service": "/service/0", "what": "/action"}})),
            "definition.fills.service",
        ),
        (
            with(json!({"parameters": one("secret"), "fills": {}})),
            "definition.parameters.service",
        ),
        (
            with(json!({"parameters": one("secret"), "fills": {"service": "/service"}})),
            "definition.fills.service",
        ),
        (with(json!({"targets": {}})), "targets"),
        (with(json!({"runners": ["boss"]})), "definition.runners[0]"),
        (
            with(json!({"runners": ["role:operator", "user:999"]})),
            "definition.runners[1]",
        ),
    ] {
        let (found, message) = field(
            admin
                .action_create(&create("x", definition.clone()), &key())
                .await,
        );
        assert_eq!(found, name, "{definition} {message}");
        assert!(message.len() > 10, "{message}");
    }
    let bad_name = admin.action_create(&create("17", restart()), &key()).await;
    assert_eq!(field(bad_name).0, "name");
    saved(&server, restart()).await;
    let taken = admin.action_create(&create("restart", restart()), &key()).await;
    assert_eq!(refused(taken), no(409, "name_taken"));

    // What a draft may still name, a deployed version must find.
    let gone = admin
        .action_create(
            &create("gone", with(json!({"targets": {"agents": ["nobody"]}}))),
            &key(),
        )
        .await;
    assert_eq!(
        field(deploy(&admin, gone.unwrap().action.id).await).0,
        "targets.agents"
    );
}

async fn code_is_no_place_for_a_value(server: TestServer) {
    server.agent("web-1").await;
    for (kind, payload, pointer) in [
        (
            "script",
            json!({"language": "bash", "content": "true"}),
            "/content",
        ),
        (
            "script",
            json!({"language": "bash", "content": "true"}),
            "/language",
        ),
        ("command", json!({"argv": ["true"], "shell": true}), "/argv/0"),
        ("command", json!({"argv": ["true"], "shell": true}), "/argv"),
        ("command", json!({"argv": ["true"]}), "/shell"),
    ] {
        let definition = json!({
            "work": {"kind": "job", "job": {"type": kind, "payload": payload}},
            "parameters": [{"name": "p", "type": "string"}], "fills": {"p": pointer},
            "targets": {"agents": ["web-1"]},
        });
        let (name, message) = field(
            server
                .admin()
                .action_create(&create("x", definition), &key())
                .await,
        );
        assert_eq!(name, "definition.fills.p", "{pointer}");
        assert!(message.contains("never code"), "{message}");
    }
}
