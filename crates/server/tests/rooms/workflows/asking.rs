//! Questions of workflows: how many are asked and in how many words, and what is told of it afterwards.

use postern_api::{
    approvals::ApprovalDelegate,
    workflows::{InstanceCreate, InstanceEvent, WorkflowPublish},
};
use postern_domain::{
    ApprovalId, InstanceId, TenantId,
    approval::{ApprovalState, Decision},
    permission::{Role, Scope},
    workflow::engine::InstanceState,
};
use postern_server::clock::Clock as _;
use postern_store::{approvals, identity, tx};
use postern_testkit::{TestServer, key, until};
use serde_json::{Value, json};

use super::{answer, answer_saying, approver, command, runs, saved, started, until_begun, until_state};
use crate::{filtered, no, on_both_databases, refused, wrong_field};

on_both_databases! {
    more_people_than_one_approval_asks_fail_the_step,
    who_holds_the_role_elsewhere_is_not_counted,
    long_texts_are_cut,
    the_history_tells_what_people_did_in_its_order,
    the_history_tells_that_nobody_decided_in_time,
    a_reminder_is_for_those_who_can_still_answer_and_tells_who_cannot,
    a_question_is_on_record_with_what_it_is_about,
    an_answer_and_a_cancel_at_the_same_moment_do_not_wait_for_each_other,
    an_answer_at_the_deadline_counts_or_is_told_that_it_is_too_late,
}

fn ask(kind: &str, approvers: Value) -> Value {
    json!({"id": "ask", "type": "approval", "title": "Go on?", "approval_type": kind, "approvers": approvers,
           "timeout_minutes": 60, "reminder_minutes": 10})
}

async fn asked(server: &TestServer, id: InstanceId) -> ApprovalId {
    until_begun(server, id, "ask", 1).await.approval_id.unwrap()
}

/// One more than can be asked.
async fn crowd(server: &TestServer, tenant: TenantId, scope: Scope) {
    let now = server.clock.now();
    server
        .write(tx!(tx => {
            for number in 0..=500 {
                let user = identity::NewUser {
                    tenant,
                    username: format!("approver-{number}"),
                    display_name: String::new(),
                    email: None,
                    password_hash: "none".into(),
                };
                let id = identity::user_create(tx, user, now).await?;
                identity::binding_create(tx, id, Role::Approver, scope).await?;
            }
            Ok(())
        }))
        .await;
}

async fn events(server: &TestServer, id: InstanceId) -> Vec<InstanceEvent> {
    let listed = server.admin().instance_event_list(id, &Default::default()).await;
    listed.unwrap().items
}

async fn more_people_than_one_approval_asks_fail_the_step(server: TestServer) {
    let (admin, tenant) = (server.admin(), server.default_tenant().await.id);
    let definition = json!({"steps": [ask("one_of_many", json!(["role:approver"]))]});
    let made = saved(&admin, "asks", definition).await.unwrap();
    crowd(&server, tenant, Scope::Tenant(tenant)).await;
    let publish = WorkflowPublish::default();
    assert_eq!(
        wrong_field(admin.workflow_publish(made.workflow.id, &publish, &key()).await),
        "draft.steps[0].approvers"
    );
    let draft = InstanceCreate {
        draft: true,
        ..Default::default()
    };
    let started = admin.instance_create(made.workflow.id, &draft, &key()).await;
    let detail = until_state(&server, started.unwrap().id, InstanceState::Failed).await;
    assert_eq!(
        detail.runs[0].reason.as_deref(),
        Some(
            "approvers: name 501 people by role:approver, and at most 500 can be asked: \
             name users, or roles that fewer people hold"
        )
    );
}

async fn who_holds_the_role_elsewhere_is_not_counted(server: TestServer) {
    let tenant = server.default_tenant().await.id;
    let elsewhere = server.organization(tenant, "elsewhere").await;
    crowd(&server, tenant, Scope::Organization(elsewhere)).await;
    let here = approver(&server, tenant).await;
    let steps = json!([ask("one_of_many", json!(["role:approver"]))]);
    let id = started(&server, &["web-1"], steps).await;
    let question = asked(&server, id).await;
    let shown = server.admin().approval_show(question).await.unwrap().approval;
    let people: Vec<&str> = shown.people.iter().map(|asked| asked.name.as_str()).collect();
    assert_eq!(people, [here.name.as_str()]);
}

async fn long_texts_are_cut(server: TestServer) {
    let web = server.agent("web-1").await;
    let tenant = server.default_tenant().await.id;
    approver(&server, tenant).await;
    let mut question = ask("one_of_many", json!(["role:approver"]));
    question["title"] = "{{step_look.stdout}}".into();
    question["description"] = "{{step_look.stdout}}".into();
    let id = started(&server, &["web-1"], json!([command("look", &["look"]), question])).await;
    runs(&web, &"ä".repeat(20_000), 0).await;
    let question = asked(&server, id).await;
    let shown = server.admin().approval_show(question).await.unwrap().approval;
    assert_eq!(shown.title, format!("{}…", "ä".repeat(200)));
    let description = shown.description.unwrap();
    assert_eq!(description, format!("{}…", "ä".repeat(16 * 1024)));
}

async fn the_history_tells_what_people_did_in_its_order(server: TestServer) {
    let tenant = server.default_tenant().await.id;
    let (anna, bert, cora) = (
        approver(&server, tenant).await,
        approver(&server, tenant).await,
        approver(&server, tenant).await,
    );
    let named = json!([format!("user:{}", anna.id), format!("user:{}", bert.id)]);
    let id = started(&server, &["web-1"], json!([ask("two_of_many", named)])).await;
    let question = asked(&server, id).await;
    answer_saying(&anna.client, question, Decision::Approve, Some("fine"))
        .await
        .unwrap();
    server.clock.advance_seconds(10 * 60);
    until("the reminder", || async {
        let events = events(&server, id).await;
        events
            .iter()
            .any(|event| event.text.starts_with("Reminded"))
            .then_some(())
    })
    .await;
    let delegate = ApprovalDelegate {
        from: bert.id,
        to: cora.id,
    };
    server
        .admin()
        .approval_delegate(question, &delegate)
        .await
        .unwrap();
    answer(&cora.client, question, Decision::Reject).await.unwrap();
    until_state(&server, id, InstanceState::Failed).await;
    let events = events(&server, id).await;
    let in_order = events
        .iter()
        .zip(1..)
        .all(|(event, number)| event.number == number);
    assert!(in_order, "{events:?}");
    let of_the_step = events
        .iter()
        .filter(|event| (event.step.as_deref(), event.run) == (Some("ask"), Some(1)));
    let told: Vec<&str> = of_the_step.map(|event| event.text.as_str()).collect();
    assert_eq!(
        told,
        [
            "Began, as the first step",
            &format!("Asked {}, {}", anna.name, bert.name),
            &format!("{} approved: fine", anna.name),
            "Reminded 1 person",
            &format!("admin put {} in the place of {}", cora.name, bert.name),
            &format!("{} rejected", cora.name),
            "Failed",
            "Ended: failed",
        ]
    );
}

async fn a_reminder_is_for_those_who_can_still_answer_and_tells_who_cannot(server: TestServer) {
    let tenant = server.default_tenant().await.id;
    let (anna, bert) = (approver(&server, tenant).await, approver(&server, tenant).await);
    let named = json!([format!("user:{}", anna.id), format!("user:{}", bert.id)]);
    let id = started(&server, &["web-1"], json!([ask("all", named)])).await;
    asked(&server, id).await;
    let off = serde_json::from_value(json!({"active": false})).unwrap();
    server.admin().user_update(bert.id, &off).await.unwrap();
    server.clock.advance_seconds(10 * 60);
    let told = until("the reminder", || async {
        let events = events(&server, id).await;
        events
            .into_iter()
            .find(|event| event.text.starts_with("Reminded"))
    })
    .await;
    assert_eq!(
        told.text,
        format!("Reminded 1 person ({} is switched off)", bert.name)
    );
}

async fn the_history_tells_that_nobody_decided_in_time(server: TestServer) {
    let tenant = server.default_tenant().await.id;
    approver(&server, tenant).await;
    let steps = json!([ask("one_of_many", json!(["role:approver"]))]);
    let id = started(&server, &["web-1"], steps).await;
    asked(&server, id).await;
    server.clock.advance_seconds(60 * 60);
    until_state(&server, id, InstanceState::Failed).await;
    let events = events(&server, id).await;
    let told = events
        .iter()
        .any(|event| event.step.as_deref() == Some("ask") && event.text == "Nobody decided in time");
    assert!(told, "{events:?}");
}

async fn a_question_is_on_record_with_what_it_is_about(server: TestServer) {
    let tenant = server.default_tenant().await.id;
    approver(&server, tenant).await;
    approver(&server, tenant).await;
    let steps = json!([
        ask("all", json!(["role:approver"])),
        command("deploy", &["deploy"])
    ]);
    let id = started(&server, &["web-1"], steps).await;
    let question = asked(&server, id).await;
    let admin = server.admin();
    let digest = admin.approval_show(question).await.unwrap().work_sha256;
    let records = admin
        .audit_list(&filtered(&[("action", "approval_open")]))
        .await
        .unwrap()
        .items;
    let [record] = &records[..] else {
        panic!("{records:?}")
    };
    assert_eq!(record.object, format!("approval:{question}"));
    let after = json!({"step": "ask", "people": 2, "work_sha256": digest, "instance": id});
    assert_eq!(record.after, Some(after));
    assert!(
        record.actor.starts_with(&format!("instance:{id} (")),
        "{record:?}"
    );
}

async fn an_answer_and_a_cancel_at_the_same_moment_do_not_wait_for_each_other(server: TestServer) {
    let tenant = server.default_tenant().await.id;
    let person = approver(&server, tenant).await;
    let admin = server.admin();
    let cancel = serde_json::from_value(json!({})).unwrap();
    for _ in 0..10 {
        let steps = json!([ask("one_of_many", json!(["role:approver"]))]);
        let id = started(&server, &["web-1"], steps).await;
        let question = asked(&server, id).await;
        let (answered, cancelled) = tokio::join!(
            answer(&person.client, question, Decision::Approve),
            admin.instance_cancel(id, &cancel),
        );
        for error in [answered.err(), cancelled.err()].into_iter().flatten() {
            let problem = error.problem().expect("the server's word");
            assert_eq!(problem.status, 409, "{problem:?}");
        }
    }
}

/// What another server does that looks at the clock first. Whether it ended the question.
async fn expired_elsewhere(server: &TestServer, question: ApprovalId) -> bool {
    let now = server.clock.now();
    server
        .write(tx!(tx => {
            let found = approvals::find(tx, question).await?;
            let open = found.is_some_and(|row| row.state == ApprovalState::Open);
            // Time for an answer to come between, if it can.
            for _ in 0..50 {
                approvals::people(tx, &[question]).await?;
            }
            if open {
                approvals::ended(tx, question, ApprovalState::Expired, now).await?;
            }
            Ok(open)
        }))
        .await
}

async fn an_answer_at_the_deadline_counts_or_is_told_that_it_is_too_late(server: TestServer) {
    let tenant = server.default_tenant().await.id;
    let person = approver(&server, tenant).await;
    for round in 0..8 {
        let steps = json!([ask("one_of_many", json!(["role:approver"]))]);
        let id = started(&server, &["web-1"], steps).await;
        let question = asked(&server, id).await;
        let answering = answer(&person.client, question, Decision::Approve);
        let expiring = expired_elsewhere(&server, question);
        let (answered, expired) = match round {
            0 => (answering.await, expiring.await),
            1 => {
                let expired = expiring.await;
                (answering.await, expired)
            }
            _ => tokio::join!(answering, expiring),
        };
        assert_eq!(answered.is_ok(), !expired, "round {round}: {answered:?}");
        if round < 2 {
            assert_eq!(expired, round == 1, "whoever comes first");
        }
        let (state, end) = if expired {
            assert_eq!(refused(answered), no(409, "approval_ended"));
            (ApprovalState::Expired, InstanceState::Failed)
        } else {
            (ApprovalState::Approved, InstanceState::Completed)
        };
        let shown = server.admin().approval_show(question).await.unwrap().approval;
        assert_eq!(shown.state, state);
        assert_eq!(shown.people[0].decision.is_some(), !expired);
        until_state(&server, id, end).await;
    }
}
