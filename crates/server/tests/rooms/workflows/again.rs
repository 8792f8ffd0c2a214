//! Instances that are tried again: all of it, or from the step that failed.

use postern_api::{
    approvals::{ApprovalDelegate, ApprovalDetail},
    workflows::{InstanceAgain, InstanceCreate},
};
use postern_domain::{
    InstanceId, UserId, WorkflowId,
    approval::Decision,
    permission::{Role, Scope},
    workflow::engine::{Cause, InstanceState},
};
use postern_store::{approvals, tx};
use postern_testkit::{Person, SimAgent, TestServer, client::Client, key};
use serde_json::{Value, json};

use super::{answer, argv_of, command, published, runs, show, started, told, until_begun, until_state};
use crate::{no, on_both_databases, refused, wrong_field};

on_both_databases! {
    a_retry_begins_at_what_failed_with_what_the_rest_left,
    a_retry_begins_outside_of_branches,
    a_rerun_does_all_of_it_with_the_same_inputs,
    what_was_approved_holds_for_a_retry_but_not_by_who_approved_it,
    who_began_what_is_tried_again_is_not_asked_about_it,
    nobody_who_began_or_retried_any_of_a_chain_answers,
    whoever_began_any_of_a_chain_answers_where_the_step_allows_it,
    what_a_retry_starts_is_not_asked_of_whoever_began_any_of_a_chain,
    who_approves_their_own_instance_where_its_step_allows_it_retries_it,
    one_approval_that_is_not_to_be_ones_own_hinders_a_retry,
    what_cannot_be_tried_again_says_why,
}

async fn a_retry_begins_at_what_failed_with_what_the_rest_left(server: TestServer) {
    let (admin, web) = (server.admin(), server.agent("web-1").await);
    let steps = json!([
        command("look", &["look"]),
        command("deploy", &["deploy", "{{step_look.stdout}}"]),
        {"id": "undo", "type": "command", "argv": ["undo"], "on_success": "failed"},
    ]);
    let mut steps = steps;
    steps[1]["on_success"] = "completed".into();
    steps[1]["on_failure"] = "undo".into();
    let first = started(&server, &["web-1"], steps).await;
    runs(&web, "v7\n", 0).await;
    runs(&web, "", 3).await;
    runs(&web, "", 0).await;
    until_state(&server, first, InstanceState::Failed).await;
    let request = InstanceAgain::default();
    let key = key();
    let second = admin.instance_retry(first, &request, &key).await.unwrap();
    assert_eq!(second.retry_of, Some(first));
    let same = admin.instance_retry(first, &request, &key).await.unwrap();
    assert_eq!(same.id, second.id, "asked twice, done once");
    let order = runs(&web, "", 4).await;
    assert_eq!(argv_of(&order), ["deploy", "v7"]);
    runs(&web, "", 0).await;
    let detail = until_state(&server, second.id, InstanceState::Failed).await;
    assert_eq!(told(&detail), ["look ok", "deploy failed", "undo ok"]);
    assert_eq!(detail.runs[1].cause, Cause::Retry);
    // And once more, from the same step of the newer one.
    let third = admin
        .instance_retry(second.id, &request, &postern_testkit::key())
        .await
        .unwrap();
    assert_eq!(argv_of(&runs(&web, "", 0).await), ["deploy", "v7"]);
    let detail = until_state(&server, third.id, InstanceState::Completed).await;
    assert_eq!(told(&detail), ["look ok", "deploy ok"]);
    let events = admin
        .instance_event_list(third.id, &postern_api::ListRequest::default())
        .await
        .unwrap();
    assert!(
        events.items[0]
            .text
            .starts_with(&format!("Tries instance {} again", second.id)),
        "{:?}",
        events.items[0]
    );
    assert_eq!(
        show(&server, first).await.runs.len(),
        3,
        "the old one stays as it was"
    );
}

async fn a_retry_begins_outside_of_branches(server: TestServer) {
    let (admin, web) = (server.admin(), server.agent("web-1").await);
    let steps = json!([
        command("look", &["look"]),
        {"id": "both", "type": "parallel", "branches": [
            {"steps": [command("left", &["left"]), command("more", &["more"])]},
            {"steps": [{"id": "wait", "type": "delay", "seconds": 1}]},
        ]},
    ]);
    let first = started(&server, &["web-1"], steps).await;
    runs(&web, "", 0).await;
    runs(&web, "", 0).await;
    runs(&web, "", 1).await;
    server.clock.advance_seconds(2);
    until_state(&server, first, InstanceState::Failed).await;
    let second = admin
        .instance_retry(first, &InstanceAgain::default(), &key())
        .await
        .unwrap();
    assert_eq!(
        argv_of(&runs(&web, "", 0).await),
        ["left"],
        "the whole of what failed"
    );
    runs(&web, "", 0).await;
    server.clock.advance_seconds(2);
    until_state(&server, second.id, InstanceState::Completed).await;
}

async fn a_rerun_does_all_of_it_with_the_same_inputs(server: TestServer) {
    let (admin, web) = (server.admin(), server.agent("web-1").await);
    let definition = json!({"hosts": {"agents": ["web-1"]},
        "inputs": [{"name": "who", "type": "string", "required": true}, {"name": "token", "type": "secret", "required": true}],
        "steps": [command("greet", &["greet", "{{inputs.who}}"])]});
    let id = published(&admin, "greets", definition).await;
    let create: InstanceCreate =
        serde_json::from_value(json!({"inputs": {"who": "ada"}, "secrets": {"token": "s3cr3t"}})).unwrap();
    let first = admin.instance_create(id, &create, &key()).await.unwrap().id;
    runs(&web, "", 0).await;
    until_state(&server, first, InstanceState::Completed).await;
    let missing = admin
        .instance_rerun(first, &InstanceAgain::default(), &key())
        .await;
    assert_eq!(
        wrong_field(missing),
        "inputs.token",
        "secrets were forgotten at the end"
    );
    let again: InstanceAgain = serde_json::from_value(json!({"secrets": {"token": "s3cr3t"}})).unwrap();
    let second = admin.instance_rerun(first, &again, &key()).await.unwrap();
    assert_eq!((second.version, second.retry_of), (1, None));
    assert_eq!(argv_of(&runs(&web, "", 0).await), ["greet", "ada"]);
    until_state(&server, second.id, InstanceState::Completed).await;
}

/// Answers what a step asks.
async fn approve(client: &Client, server: &TestServer, id: InstanceId, step: &str) {
    let ask = until_begun(server, id, step, 1).await.approval_id.unwrap();
    answer(client, ask, Decision::Approve).await.unwrap();
}

async fn what_was_approved_holds_for_a_retry_but_not_by_who_approved_it(server: TestServer) {
    let (admin, web) = (server.admin(), server.agent("web-1").await);
    let tenant = server.default_tenant().await.id;
    let person = server
        .person(tenant, &[(Role::Operator, Scope::Tenant(tenant))])
        .await;
    let steps = json!([
        {"id": "ask", "type": "approval", "title": "Deploy?", "approval_type": "one_of_many",
         "approvers": [format!("user:{}", person.id)], "timeout_minutes": 60},
        command("deploy", &["deploy", "{{instance.id}}"]),
    ]);
    let first = started(&server, &["web-1"], steps).await;
    approve(&person.client, &server, first, "ask").await;
    runs(&web, "", 1).await;
    until_state(&server, first, InstanceState::Failed).await;
    let request = InstanceAgain::default();
    assert_eq!(
        refused(person.client.instance_retry(first, &request, &key()).await),
        no(409, "self_approval")
    );
    let second = admin.instance_retry(first, &request, &key()).await.unwrap();
    let order = runs(&web, "", 0).await;
    assert_eq!(argv_of(&order), ["deploy", &second.id.to_string()]);
    let detail = until_state(&server, second.id, InstanceState::Completed).await;
    assert_eq!(
        told(&detail),
        ["ask ok", "deploy ok"],
        "nobody is asked twice for the same"
    );
    // Who runs all of it again is asked about like any other.
    let third = person
        .client
        .instance_rerun(first, &request, &key())
        .await
        .unwrap();
    let detail = until_state(&server, third.id, InstanceState::Failed).await;
    let reason = detail.runs[0].reason.as_deref().unwrap();
    assert!(reason.contains("too few"), "{reason}");
}

async fn who_began_what_is_tried_again_is_not_asked_about_it(server: TestServer) {
    let (admin, web) = (server.admin(), server.agent("web-1").await);
    let tenant = server.default_tenant().await.id;
    let at = [(Role::Operator, Scope::Tenant(tenant))];
    let (starter, other) = (server.person(tenant, &at).await, server.person(tenant, &at).await);
    let ask = json!({"id": "ask", "type": "approval", "title": "Deploy?", "approval_type": "one_of_many",
        "approvers": [format!("user:{}", starter.id), format!("user:{}", other.id)]});
    let definition = json!({"hosts": {"agents": ["web-1"]}, "steps": [command("look", &["look"]), ask]});
    let id = published(&admin, "release", definition).await;
    let first = starter
        .client
        .instance_create(id, &InstanceCreate::default(), &key())
        .await
        .unwrap();
    runs(&web, "", 1).await;
    until_state(&server, first.id, InstanceState::Failed).await;
    let request = InstanceAgain::default();
    let second = admin.instance_retry(first.id, &request, &key()).await.unwrap();
    runs(&web, "", 0).await;
    let ask = until_begun(&server, second.id, "ask", 1)
        .await
        .approval_id
        .unwrap();
    let people = admin.approval_show(ask).await.unwrap().approval.people;
    let asked: Vec<_> = people.iter().map(|asked| asked.user_id).collect();
    assert_eq!(asked, [other.id]);
    // All of it again is begun by whoever asks for that.
    let third = admin.instance_rerun(first.id, &request, &key()).await.unwrap();
    runs(&web, "", 0).await;
    let ask = until_begun(&server, third.id, "ask", 1)
        .await
        .approval_id
        .unwrap();
    assert_eq!(admin.approval_show(ask).await.unwrap().approval.people.len(), 2);
}

async fn operators(server: &TestServer) -> Vec<Person> {
    let tenant = server.default_tenant().await.id;
    let mut made = Vec::new();
    for _ in 0..4 {
        made.push(
            server
                .person(tenant, &[(Role::Operator, Scope::Tenant(tenant))])
                .await,
        );
    }
    made
}

fn asks_all(people: &[Person]) -> Value {
    let approvers: Vec<String> = people
        .iter()
        .map(|person| format!("user:{}", person.id))
        .collect();
    json!({"id": "ask", "type": "approval", "title": "Deploy?", "approval_type": "one_of_many", "approvers": approvers})
}

fn on_web(steps: Value) -> Value {
    json!({"hosts": {"agents": ["web-1"]}, "steps": steps})
}

/// The first of them starts it, the second retries that, and the third what the second made. Its command fails until then.
async fn chain(server: &TestServer, web: &SimAgent, people: &[Person], workflow: WorkflowId) -> InstanceId {
    let [first, second, third, ..] = people else {
        panic!("three people");
    };
    let request = InstanceCreate::default();
    let started = first.client.instance_create(workflow, &request, &key()).await;
    let mut id = started.unwrap().id;
    for person in [second, third] {
        runs(web, "", 1).await;
        until_state(server, id, InstanceState::Failed).await;
        let request = InstanceAgain::default();
        let retried = person.client.instance_retry(id, &request, &key()).await;
        id = retried.unwrap().id;
    }
    runs(web, "", 0).await;
    id
}

async fn asked(server: &TestServer, id: InstanceId) -> ApprovalDetail {
    let run = until_begun(server, id, "ask", 1).await;
    let shown = server.admin().approval_show(run.approval_id.unwrap()).await;
    shown.unwrap()
}

fn ids(detail: &ApprovalDetail) -> Vec<UserId> {
    detail.approval.people.iter().map(|asked| asked.user_id).collect()
}

async fn nobody_who_began_or_retried_any_of_a_chain_answers(server: TestServer) {
    let (admin, web, people) = (
        server.admin(),
        server.agent("web-1").await,
        operators(&server).await,
    );
    let definition = on_web(json!([command("look", &["look"]), asks_all(&people)]));
    let workflow = published(&admin, "release", definition).await;
    let id = chain(&server, &web, &people, workflow).await;
    let shown = asked(&server, id).await;
    let (ask, other) = (shown.approval.id, people[3].id);
    assert_eq!(ids(&shown), [other]);
    assert_eq!(shown.run_for, [people[0].id, people[1].id, people[2].id]);
    for person in &people[..3] {
        let delegate = ApprovalDelegate {
            from: other,
            to: person.id,
        };
        assert_eq!(
            refused(admin.approval_delegate(ask, &delegate).await),
            no(409, "self_approval")
        );
    }
    // Not even one who has come onto the list.
    let starter = people[0].id;
    server
        .write(tx!(tx => approvals::delegate(tx, ask, (other, "other"), (starter, "starter")).await))
        .await;
    let shown = people[0].client.approval_show(ask).await.unwrap();
    assert_eq!((ids(&shown), shown.approval.may_answer), (vec![starter], false));
    assert_eq!(
        refused(answer(&people[0].client, ask, Decision::Approve).await),
        no(409, "self_approval")
    );
}

async fn whoever_began_any_of_a_chain_answers_where_the_step_allows_it(server: TestServer) {
    let (admin, web, people) = (
        server.admin(),
        server.agent("web-1").await,
        operators(&server).await,
    );
    let mut ask = asks_all(&people);
    ask["allow_self_approval"] = true.into();
    let definition = on_web(json!([command("look", &["look"]), ask]));
    let workflow = published(&admin, "release", definition).await;
    let id = chain(&server, &web, &people, workflow).await;
    let shown = asked(&server, id).await;
    assert_eq!(ids(&shown).len(), 4);
    answer(&people[0].client, shown.approval.id, Decision::Approve)
        .await
        .unwrap();
    until_state(&server, id, InstanceState::Completed).await;
}

async fn what_a_retry_starts_is_not_asked_of_whoever_began_any_of_a_chain(server: TestServer) {
    let (admin, web, people) = (
        server.admin(),
        server.agent("web-1").await,
        operators(&server).await,
    );
    let inner = on_web(json!([command("look", &["look"]), asks_all(&people)]));
    published(&admin, "inner", inner).await;
    let outer = on_web(json!([{"id": "call", "type": "workflow", "workflow": "inner"}]));
    let outer = published(&admin, "outer", outer).await;
    let id = chain(&server, &web, &people, outer).await;
    let child = until_begun(&server, id, "call", 1).await.child_id.unwrap();
    assert_eq!(ids(&asked(&server, child).await), [people[3].id]);
}

async fn who_approves_their_own_instance_where_its_step_allows_it_retries_it(server: TestServer) {
    let (admin, web) = (server.admin(), server.agent("web-1").await);
    let steps = json!([
        {"id": "ask", "type": "approval", "title": "Deploy?", "approval_type": "one_of_many",
         "approvers": ["role:site_administrator"], "allow_self_approval": true},
        command("deploy", &["deploy"]),
    ]);
    let first = started(&server, &["web-1"], steps).await;
    approve(&admin, &server, first, "ask").await;
    runs(&web, "", 1).await;
    until_state(&server, first, InstanceState::Failed).await;
    let request = InstanceAgain::default();
    let second = admin.instance_retry(first, &request, &key()).await.unwrap();
    runs(&web, "", 1).await;
    until_state(&server, second.id, InstanceState::Failed).await;
    // The approval is one of the instance before the one that is retried.
    let third = admin.instance_retry(second.id, &request, &key()).await.unwrap();
    runs(&web, "", 0).await;
    let detail = until_state(&server, third.id, InstanceState::Completed).await;
    assert_eq!(told(&detail), ["ask ok", "deploy ok"]);
}

async fn one_approval_that_is_not_to_be_ones_own_hinders_a_retry(server: TestServer) {
    let web = server.agent("web-1").await;
    let tenant = server.default_tenant().await.id;
    let person = server
        .person(tenant, &[(Role::Operator, Scope::Tenant(tenant))])
        .await;
    let ask = |id: &str, allowed: bool| {
        json!({"id": id, "type": "approval", "title": "Go on?", "approval_type": "one_of_many",
               "approvers": [format!("user:{}", person.id)], "allow_self_approval": allowed})
    };
    let steps = json!([
        ask("small", true),
        ask("large", false),
        command("deploy", &["deploy"])
    ]);
    let id = started(&server, &["web-1"], steps).await;
    approve(&person.client, &server, id, "small").await;
    approve(&person.client, &server, id, "large").await;
    runs(&web, "", 1).await;
    until_state(&server, id, InstanceState::Failed).await;
    let request = InstanceAgain::default();
    assert_eq!(
        refused(person.client.instance_retry(id, &request, &key()).await),
        no(409, "self_approval")
    );
}

async fn what_cannot_be_tried_again_says_why(server: TestServer) {
    let admin = server.admin();
    let request = InstanceAgain::default();
    let inner = json!({"steps": [{"id": "no", "type": "conditional", "condition": "1 == 2",
        "on_true": "completed", "on_false": "failed"}]});
    published(&admin, "inner", inner).await;
    let outer = json!({"steps": [{"id": "call", "type": "workflow", "workflow": "inner"}]});
    let id = published(&admin, "outer", outer).await;
    let made = admin
        .instance_create(id, &InstanceCreate::default(), &key())
        .await
        .unwrap()
        .id;
    let detail = until_state(&server, made, InstanceState::Failed).await;
    let child = detail.runs[0].child_id.unwrap();
    assert_eq!(
        refused(admin.instance_retry(child, &request, &key()).await),
        no(409, "has_parent")
    );
    let waits = json!({"steps": [{"id": "wait", "type": "delay", "minutes": 1}]});
    let id = published(&admin, "waits", waits).await;
    let open = admin
        .instance_create(id, &InstanceCreate::default(), &key())
        .await
        .unwrap()
        .id;
    until_state(&server, open, InstanceState::Paused).await;
    for result in [
        admin.instance_retry(open, &request, &key()).await,
        admin.instance_rerun(open, &request, &key()).await,
    ] {
        assert_eq!(refused(result), no(409, "instance_open"));
    }
    server.clock.advance_seconds(61);
    until_state(&server, open, InstanceState::Completed).await;
    assert_eq!(
        refused(admin.instance_retry(open, &request, &key()).await),
        no(409, "nothing_failed")
    );
    assert_eq!(
        refused(
            admin
                .instance_retry(postern_domain::InstanceId(9999), &request, &key())
                .await
        ),
        no(404, "not_found")
    );
}
