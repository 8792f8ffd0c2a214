//! People who were asked and have not answered yet.

use postern_domain::{
    approval::Decision,
    notify::Topic,
    permission::{Role, Scope},
    workflow::engine::InstanceState,
};
use postern_testkit::TestServer;
use serde_json::json;

use super::{Receiver, Taken, addressed, started_nowhere, webhook, with_mail, written_to};
use crate::{
    on_both_databases,
    workflows::{until_begun, until_state},
};

on_both_databases! {
    who_may_not_see_the_workflow_any_more_is_not_reminded,
    those_who_have_not_answered_are_reminded_until_it_is_over,
}

async fn who_may_not_see_the_workflow_any_more_is_not_reminded(server: TestServer) {
    let server = with_mail(server).await;
    let (admin, receiver) = (server.admin(), Receiver::start().await);
    let tenant = server.default_tenant().await.id;
    let approver = (Role::Approver, Scope::Tenant(tenant));
    addressed(&server, "stays@example.org", tenant, approver).await;
    let lost = addressed(&server, "lost@example.org", tenant, approver).await;
    webhook(&admin, "pager", &receiver.url(), &[Topic::ApprovalReminder]).await;
    let steps = json!([{"id": "ask", "type": "approval", "title": "Deploy?", "approval_type": "one_of_many",
        "approvers": ["role:approver"], "timeout_minutes": 60, "reminder_minutes": 10}]);
    let id = started_nowhere(&server, steps).await;
    until_begun(&server, id, "ask", 1).await;
    assert_eq!(
        written_to(&server, id, Topic::ApprovalOpened).await,
        ["lost@example.org", "stays@example.org"]
    );
    let bindings = admin.user_show(lost).await.unwrap().bindings;
    admin.binding_delete(lost, bindings[0].id).await.unwrap();
    server.clock.advance_seconds(10 * 60);
    receiver.wait(1).await;
    assert_eq!(
        written_to(&server, id, Topic::ApprovalReminder).await,
        ["stays@example.org"]
    );
}

async fn those_who_have_not_answered_are_reminded_until_it_is_over(server: TestServer) {
    let (admin, receiver) = (server.admin(), Receiver::start().await);
    let tenant = server.default_tenant().await.id;
    let person = server
        .person(tenant, &[(Role::Approver, Scope::Tenant(tenant))])
        .await;
    let topics = [
        Topic::ApprovalOpened,
        Topic::ApprovalReminder,
        Topic::ApprovalEnded,
    ];
    webhook(&admin, "pager", &receiver.url(), &topics).await;
    let steps = json!([{"id": "ask", "type": "approval", "title": "Deploy?", "approval_type": "one_of_many",
        "approvers": [format!("user:{}", person.id)], "timeout_minutes": 60, "reminder_minutes": 10}]);
    let id = started_nowhere(&server, steps).await;
    let ask = until_begun(&server, id, "ask", 1).await.approval_id.unwrap();
    let opened = receiver.wait(1).await[0].json();
    assert_eq!(opened["data"]["approval_id"], ask.0);
    assert!(
        opened["data"]["url"]
            .as_str()
            .unwrap()
            .ends_with(&format!("/approvals/{ask}"))
    );
    server.clock.advance_seconds(10 * 60);
    receiver.wait(2).await;
    // Two that were missed are one.
    server.clock.advance_seconds(25 * 60);
    receiver.wait(3).await;
    let answer = postern_api::approvals::ApprovalAnswer {
        decision: Decision::Approve,
        comment: None,
        work_sha256: None,
    };
    person.client.approval_answer(ask, &answer).await.unwrap();
    receiver.wait(4).await;
    server.clock.advance_seconds(11 * 60);
    until_state(&server, id, InstanceState::Completed).await;
    let told: Vec<String> = receiver.taken().iter().map(Taken::topic).collect();
    assert_eq!(
        told,
        [
            "approval_opened",
            "approval_reminder",
            "approval_reminder",
            "approval_ended"
        ]
    );
    assert_eq!(receiver.taken()[3].json()["data"]["state"], "approved");
}
