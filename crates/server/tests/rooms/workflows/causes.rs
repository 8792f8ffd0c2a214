//! What the history of an instance says that its events came of.

use postern_api::workflows::{InstanceAgain, InstanceCancel, InstanceCreate, InstanceEvent};
use postern_domain::{
    InstanceId,
    approval::Decision,
    permission::{Role, Scope},
    workflow::engine::InstanceState,
};
use postern_server::clock::Clock as _;
use postern_store::{tx, workflows::instances};
use postern_testkit::{TestServer, key};
use serde_json::{Value, json};

use super::{answer, approver, command, published, runs, started, until_begun, until_state};
use crate::on_both_databases;

on_both_databases! {
    each_event_says_what_it_came_of,
    a_cancel_is_followed_to_what_was_started,
    a_retry_says_whose_it_is_and_of_what,
    what_was_written_without_a_cause_is_shown_without_one,
}

async fn events(server: &TestServer, id: InstanceId) -> Vec<InstanceEvent> {
    let listed = server.admin().instance_event_list(id, &Default::default()).await;
    listed.unwrap().items
}

/// The beginnings of texts, and the causes.
async fn causes(server: &TestServer, id: InstanceId) -> Vec<(String, Value)> {
    let told = |event: InstanceEvent| {
        let words: Vec<&str> = event.text.split(' ').take(2).collect();
        (words.join(" "), serde_json::to_value(event.cause).unwrap())
    };
    events(server, id).await.into_iter().map(told).collect()
}

async fn each_event_says_what_it_came_of(server: TestServer) {
    let web = server.agent("web-1").await;
    let tenant = server.default_tenant().await.id;
    let anna = server
        .person(tenant, &[(Role::Administrator, Scope::Tenant(tenant))])
        .await;
    let bert = approver(&server, tenant).await;
    let inner = json!({"steps": [{"id": "rest", "type": "delay", "seconds": 1}]});
    published(&server.admin(), "inner", inner).await;
    let definition = json!({"hosts": {"agents": ["web-1"]}, "steps": [
        command("look", &["look"]),
        {"id": "rest", "type": "delay", "minutes": 1},
        {"id": "ask", "type": "approval", "title": "Go on?", "approval_type": "singular", "approvers": [format!("user:{}", bert.id)]},
        {"id": "call", "type": "workflow", "workflow": "inner", "timeout_seconds": 3600},
    ]});
    let workflow = published(&server.admin(), "all", definition).await;
    let made = anna
        .client
        .instance_create(workflow, &InstanceCreate::default(), &key())
        .await
        .unwrap();
    let id = made.id;
    runs(&web, "", 0).await;
    until_state(&server, id, InstanceState::Paused).await;
    server.clock.advance_seconds(61);
    let question = until_begun(&server, id, "ask", 1).await.approval_id.unwrap();
    answer(&bert.client, question, Decision::Approve).await.unwrap();
    let child = until_begun(&server, id, "call", 1).await.child_id.unwrap();
    until_state(&server, child, InstanceState::Paused).await;
    server.clock.advance_seconds(2);
    let detail = until_state(&server, id, InstanceState::Completed).await;
    let execution = detail.runs[0].execution_id.unwrap();

    let step = |step: &str, run: u32| json!({"kind": "step", "step": step, "run": run});
    let user = json!({"kind": "user", "user_id": anna.id});
    let job = json!({"kind": "job_ended", "step": "look", "run": 1, "execution_id": execution});
    let timer = json!({"kind": "timer", "step": "rest", "run": 2});
    let answered = json!({"kind": "approval_answered", "step": "ask", "run": 3, "approval_id": question, "user_id": bert.id});
    let decided = json!({"kind": "approval_ended", "step": "ask", "run": 3, "approval_id": question});
    let ended = json!({"kind": "child_ended", "step": "call", "run": 4, "instance_id": child});
    let expected = [
        ("Started", &user),
        ("Began, as", &user),
        ("Job on", &step("look", 1)),
        ("1 of", &job),
        ("Ended: succeeded", &job),
        ("Began, after", &step("look", 1)),
        ("Waits until", &step("rest", 2)),
        ("The wait", &timer),
        ("Ended: succeeded", &timer),
        ("Began, after", &step("rest", 2)),
        (format!("Asked {}", bert.name).as_str(), &step("ask", 3)),
        (format!("{} approved", bert.name).as_str(), &answered),
        ("Succeeded", &decided),
        ("Ended: succeeded", &decided),
        ("Began, after", &step("ask", 3)),
        ("Started instance", &step("call", 4)),
        ("Has time", &step("call", 4)),
        ("Succeeded", &ended),
        ("Ended: succeeded", &ended),
        ("The workflow", &ended),
    ]
    .map(|(text, cause)| (text.to_owned(), cause.clone()));
    assert_eq!(causes(&server, id).await, expected);
    let parent = json!({"kind": "parent", "instance_id": id, "run": 4});
    assert_eq!(causes(&server, child).await[0], ("Started".to_owned(), parent));
}

async fn a_cancel_is_followed_to_what_was_started(server: TestServer) {
    let tenant = server.default_tenant().await.id;
    let anna = server
        .person(tenant, &[(Role::Administrator, Scope::Tenant(tenant))])
        .await;
    let inner = json!({"steps": [{"id": "rest", "type": "delay", "hours": 1}]});
    published(&server.admin(), "inner", inner).await;
    let steps = json!([{"id": "call", "type": "workflow", "workflow": "inner"}]);
    let id = started(&server, &["web-1"], steps).await;
    let child = until_begun(&server, id, "call", 1).await.child_id.unwrap();
    until_state(&server, child, InstanceState::Paused).await;
    let cancel = InstanceCancel {
        reason: String::new(),
    };
    anna.client.instance_cancel(id, &cancel).await.unwrap();
    until_state(&server, id, InstanceState::Cancelled).await;
    let user = json!({"kind": "user", "user_id": anna.id});
    assert!(
        causes(&server, id)
            .await
            .contains(&("Cancel: by".to_owned(), user))
    );
    let parent = json!({"kind": "parent", "instance_id": id, "run": 1});
    let told = causes(&server, child).await;
    assert!(
        told.contains(&("Cancel: Instance".to_owned(), parent)),
        "{told:?}"
    );
}

async fn a_retry_says_whose_it_is_and_of_what(server: TestServer) {
    let web = server.agent("web-1").await;
    let tenant = server.default_tenant().await.id;
    let anna = server
        .person(tenant, &[(Role::Administrator, Scope::Tenant(tenant))])
        .await;
    let first = started(&server, &["web-1"], json!([command("look", &["look"])])).await;
    runs(&web, "", 1).await;
    until_state(&server, first, InstanceState::Failed).await;
    let again = InstanceAgain::default();
    let second = anna
        .client
        .instance_retry(first, &again, &key())
        .await
        .unwrap()
        .id;
    runs(&web, "", 0).await;
    until_state(&server, second, InstanceState::Completed).await;
    let cause = json!({"kind": "user", "user_id": anna.id, "instance_id": first});
    let told = causes(&server, second).await;
    for (found, text) in told.iter().zip(["Tries instance", "Started", "Began, because"]) {
        assert_eq!(*found, (text.to_owned(), cause.clone()), "{told:?}");
    }
}

async fn what_was_written_without_a_cause_is_shown_without_one(server: TestServer) {
    let steps = json!([{"id": "rest", "type": "delay", "hours": 1}]);
    let id = started(&server, &["web-1"], steps).await;
    until_state(&server, id, InstanceState::Paused).await;
    let now = server.clock.now();
    let old = json!({"text": "The wait is over", "step": "rest", "run": 1}).to_string();
    server
        .write(tx!(tx => instances::events_add(tx, id, vec![old], now).await))
        .await;
    let last = events(&server, id).await.pop().unwrap();
    assert_eq!(last.text, "The wait is over");
    assert_eq!(
        (last.step.as_deref(), last.run, last.cause),
        (Some("rest"), Some(1), None)
    );
}
