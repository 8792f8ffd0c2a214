//! Branches of a parallel step that have a time together.

use postern_domain::{approval::ApprovalState, workflow::engine::InstanceState};
use postern_protocol::messages::Outcome as Ended;
use postern_testkit::{TestServer, until};
use serde_json::json;

use super::{approver, argv_of, command, next, runs, show, started, told, until_begun, until_state};
use crate::on_both_databases;

on_both_databases! {
    branches_that_take_too_long_are_told_to_stop_and_their_step_says_so,
    branches_that_end_in_time_leave_no_clock_behind,
}

async fn branches_that_take_too_long_are_told_to_stop_and_their_step_says_so(server: TestServer) {
    let web = server.agent("web-1").await;
    let ask = json!({"id": "ask", "type": "approval", "title": "Go?", "approval_type": "one_of_many",
                     "approvers": ["role:approver"]});
    approver(&server, server.default_tenant().await.id).await;
    let branches = json!([[command("work", &["work"])], [ask]]);
    let steps = json!([
        {"id": "both", "type": "parallel", "branches": branches, "timeout_seconds": 60, "on_success": "failed",
         "on_failure": "last"},
        command("last", &["last", "{{step_both.status}}"]),
    ]);
    let id = started(&server, &["web-1"], steps).await;
    let asked = until_begun(&server, id, "ask", 1).await.approval_id.unwrap();
    let order = next(&web).await;
    web.start(&order).await;
    server.clock.advance_seconds(61);
    until("the order to stop", || async {
        let answer = web.beat().await.unwrap();
        answer.cancel.contains(&order.attempt_id).then_some(())
    })
    .await;
    let shown = server.admin().approval_show(asked).await.unwrap();
    assert_eq!(shown.approval.state, ApprovalState::Withdrawn);
    let run = until_begun(&server, id, "both", 1).await;
    assert_eq!(run.outcome, None, "its job has not stopped yet");
    web.finish(&order, Ended::Cancelled).await;
    let order = runs(&web, "", 0).await;
    assert_eq!(argv_of(&order), ["last", "failed"]);
    let detail = until_state(&server, id, InstanceState::Completed).await;
    assert_eq!(
        told(&detail),
        ["both failed", "work cancelled", "ask cancelled", "last ok"]
    );
    assert_eq!(
        detail.runs[0].reason.as_deref(),
        Some("It took too long: what its branches still did was told to stop")
    );
    let events = server.admin().instance_event_list(id, &Default::default()).await;
    let events = events.unwrap().items;
    let of_both: Vec<&str> = events
        .iter()
        .filter(|event| event.step.as_deref() == Some("both"))
        .map(|event| event.text.as_str())
        .collect();
    assert!(of_both[1].starts_with("Has time until "), "{of_both:?}");
    assert_eq!(of_both[2..], ["Its time is over", "Ended: failed"]);
}

async fn branches_that_end_in_time_leave_no_clock_behind(server: TestServer) {
    let (web, db) = (server.agent("web-1").await, server.agent("db-1").await);
    let mut other = command("other", &["other"]);
    other["hosts"] = json!({"agents": ["db-1"]});
    let branches = json!([[command("one", &["one"])], [other]]);
    let steps = json!([
        {"id": "both", "type": "parallel", "branches": branches, "timeout_seconds": 60},
        {"id": "rest", "type": "delay", "hours": 1},
    ]);
    let id = started(&server, &["web-1"], steps).await;
    runs(&web, "", 0).await;
    runs(&db, "", 0).await;
    until_begun(&server, id, "rest", 1).await;
    server.clock.advance_seconds(61);
    server.clock.advance_seconds(3600);
    let detail = until_state(&server, id, InstanceState::Completed).await;
    assert_eq!(told(&detail), ["both ok", "one ok", "other ok", "rest ok"]);
    assert_eq!(show(&server, id).await.runs[0].reason, None);
    let events = server.admin().instance_event_list(id, &Default::default()).await;
    let late = |text: &str| text == "Its time is over";
    assert!(!events.unwrap().items.iter().any(|event| late(&event.text)));
}
