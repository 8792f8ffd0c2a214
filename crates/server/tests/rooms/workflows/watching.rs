//! The live events of an instance.

use postern_api::approvals::ApprovalDelegate;
use postern_domain::{InstanceId, approval::Decision, workflow::engine::InstanceState};
use postern_testkit::{TestServer, client::InstanceNews};
use serde_json::json;

use super::{answer, approver, command, runs, started, until_begun, until_state};
use crate::{no, on_both_databases, refused};

on_both_databases! {
    a_watch_tells_each_move_and_the_end,
    a_watch_tells_of_answers_reminders_and_delegations,
    a_watch_ends_with_the_token_it_was_opened_with,
}

async fn a_watch_tells_each_move_and_the_end(server: TestServer) {
    let (web, admin) = (server.agent("web-1").await, server.admin());
    let steps = json!([command("first", &["x"]), command("second", &["y"])]);
    let id = started(&server, &["web-1"], steps).await;
    let mut watch = admin.instance_watch(id).await.unwrap();
    let mut seen: Vec<(InstanceState, Vec<String>)> = Vec::new();
    for step in ["first", "second"] {
        loop {
            let Some(InstanceNews::State(instance)) = watch.next().await.unwrap() else {
                panic!("it has not ended");
            };
            let at_step = instance.current == [step];
            seen.push((instance.state, instance.current));
            if at_step {
                break;
            }
        }
        runs(&web, "", 0).await;
    }
    let mut last = None;
    while let InstanceNews::State(instance) = watch.next().await.unwrap().expect("the end is told") {
        last = Some(instance.state);
    }
    assert_eq!(last, Some(InstanceState::Completed));
    assert_eq!(watch.next().await.unwrap(), None);
    assert!(
        seen.windows(2).all(|pair| pair[0] != pair[1]),
        "what did not change is not told: {seen:?}"
    );
    // One that has ended says so at once.
    let mut again = admin.instance_watch(id).await.unwrap();
    assert!(matches!(
        again.next().await.unwrap(),
        Some(InstanceNews::State(_))
    ));
    assert_eq!(again.next().await.unwrap(), Some(InstanceNews::End));
    assert_eq!(
        refused(admin.instance_watch(InstanceId(999)).await),
        no(404, "not_found")
    );
}

async fn a_watch_tells_of_answers_reminders_and_delegations(server: TestServer) {
    let (admin, tenant) = (server.admin(), server.default_tenant().await.id);
    let (anna, bert, cora) = (
        approver(&server, tenant).await,
        approver(&server, tenant).await,
        approver(&server, tenant).await,
    );
    let named = [format!("user:{}", anna.id), format!("user:{}", bert.id)];
    let steps = json!([{"id": "ask", "type": "approval", "title": "Go on?", "approval_type": "two_of_many",
                        "approvers": named, "timeout_minutes": 60, "reminder_minutes": 10}]);
    let id = started(&server, &["nobody"], steps).await;
    let question = until_begun(&server, id, "ask", 1).await.approval_id.unwrap();
    until_state(&server, id, InstanceState::Paused).await;
    let mut watch = admin.instance_watch(id).await.unwrap();
    let mut told = async |of: &str| {
        let news = tokio::time::timeout(postern_testkit::LIMIT, watch.next()).await;
        let news = news.unwrap_or_else(|_| panic!("{of} is not told")).unwrap();
        let Some(InstanceNews::State(instance)) = news else {
            panic!("{of}: it has not ended");
        };
        assert_eq!(instance.state, InstanceState::Paused, "{of}");
    };
    told("where it stands").await;
    answer(&anna.client, question, Decision::Approve).await.unwrap();
    told("an answer").await;
    server.clock.advance_seconds(10 * 60);
    told("a reminder").await;
    let delegate = ApprovalDelegate {
        from: bert.id,
        to: cora.id,
    };
    admin.approval_delegate(question, &delegate).await.unwrap();
    told("a delegation").await;
}

async fn a_watch_ends_with_the_token_it_was_opened_with(server: TestServer) {
    server.agent("web-1").await;
    let id = started(&server, &["web-1"], json!([command("first", &["x"])])).await;
    let request = postern_api::identity::TokenCreate {
        name: "watcher".into(),
        permissions: None,
        expires_in_days: None,
    };
    let admin = server.admin();
    let token = admin
        .token_create(&request, &postern_testkit::key())
        .await
        .unwrap();
    let mut watch = server.client(&token.secret).instance_watch(id).await.unwrap();
    assert!(matches!(
        watch.next().await.unwrap(),
        Some(InstanceNews::State(_))
    ));
    admin.token_delete(token.token.id).await.unwrap();
    let ended = tokio::time::timeout(postern_testkit::LIMIT, async {
        while watch.next().await.unwrap().is_some() {}
    });
    ended.await.expect("the stream ends");
}
