//! What is given when an action runs, and where it goes.

use postern_api::ListRequest;
use postern_domain::ActionId;
use postern_protocol::payload::JobPayload;
use postern_testkit::{TestServer, key};
use serde_json::json;

use super::{create, deploy, deployed, field, run};
use crate::{no, on_both_databases, refused};

on_both_databases! {
    given_values_fill_their_places_and_nothing_else,
    what_does_not_fit_is_named_before_any_job_exists,
}

async fn given_values_fill_their_places_and_nothing_else(server: TestServer) {
    let agent = server.agent("web-1").await;
    let definition = json!({
        "work": {"kind": "job", "job": {"type": "command", "payload": {"argv": ["echo", "--", "nothing", "7"]}}},
        "parameters": [{"name": "text", "type": "string"}, {"name": "count", "type": "integer", "default": 3}],
        "fills": {"text": "/argv/2", "count": "/argv/3"},
        "targets": {"agents": ["web-1"]},
    });
    let id = deployed(&server, definition).await;
    let hostile = "'; reboot; $(id) `id` \"\n{{x}} --help";
    for (given, expected) in [
        (json!({"text": hostile}), ["echo", "--", hostile, "3"]),
        (json!({"count": 9}), ["echo", "--", "nothing", "9"]),
    ] {
        run(&server.admin(), id, given).await.unwrap();
        let JobPayload::Command(sent) = agent.run(0).await.work else {
            panic!("a command")
        };
        assert_eq!(sent.argv, expected);
    }
}

async fn what_does_not_fit_is_named_before_any_job_exists(server: TestServer) {
    server.agent("web-1").await;
    let admin = server.admin();
    let definition = json!({
        "work": {"kind": "job", "job": {"type": "service_control", "payload": {"service": "nginx", "action": "status"}}},
        "parameters": [{"name": "service", "type": "string", "required": true}],
        "fills": {"service": "/service"},
        "targets": {"agents": ["web-1"]},
    });
    let id = deployed(&server, definition).await;
    for (given, name) in [
        (json!({}), "parameters.service"),
        (json!({"service": "-rf"}), "parameters.service"),
        (json!({"service": "a/b"}), "parameters.service"),
        (json!({"service": "a\u{0}b"}), "parameters.service"),
        (json!({"service": "nginx", "action": "stop"}), "parameters.action"),
    ] {
        assert_eq!(field(run(&admin, id, given.clone()).await).0, name, "{given}");
    }
    // A text may fill a place that knows only some words: then the wrong one is told at its parameter.
    let word = json!({
        "work": {"kind": "job", "job": {"type": "service_control", "payload": {"service": "nginx", "action": "status"}}},
        "parameters": [{"name": "what", "type": "string"}], "fills": {"what": "/action"},
        "targets": {"agents": ["web-1"]},
    });
    let words = admin.action_create(&create("word", word), &key()).await.unwrap();
    let words = deploy(&admin, words.action.id).await.unwrap().action.id;
    assert_eq!(
        field(run(&admin, words, json!({"what": "explode"})).await).0,
        "parameters.what"
    );
    assert!(
        admin
            .job_list(&ListRequest::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert_eq!(
        refused(run(&admin, ActionId(999), json!({})).await),
        no(404, "not_found")
    );
}
