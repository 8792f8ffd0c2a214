//! Workflows that a step starts: how long they may take, how often they are tried, how many there may be.

use std::time::Duration;

use postern_api::{
    actions::{ActionCreate, ActionDeploy},
    workflows::{InstanceCancel, InstanceCreate},
};
use postern_domain::{InstanceId, UserId, WorkflowId, workflow::engine::InstanceState};
use postern_protocol::messages::Outcome as Ended;
use postern_server::clock::Clock as _;
use postern_store::{
    tx,
    workflows::{
        due,
        instances::{self, Moved, NewInstance},
    },
};
use postern_testkit::{TestServer, key, until};
use serde_json::{Value, json};

use super::{argv_of, command, next, published, runs, show, started, told, until_begun, until_state};
use crate::on_both_databases;

on_both_databases! {
    one_that_takes_too_long_is_told_to_stop_and_tried_again_once_it_has,
    one_that_takes_too_long_fails_its_step_which_says_so,
    one_that_fails_is_tried_again_with_another_instance,
    one_that_was_done_in_time_has_no_deadline_any_more,
    an_action_takes_the_time_of_its_step,
    so_many_are_started_below_one_and_no_more,
    those_that_started_others_are_counted_with_them,
    an_end_and_a_cancel_of_its_parent_at_the_same_moment_do_not_wait_for_each_other,
    a_workflow_starts_another_and_waits_for_it,
    workflows_do_not_start_each_other_without_end,
}

/// A step that starts the workflow `inner`, which says this.
async fn call(server: &TestServer, inner: Value, more: Value) -> Value {
    published(&server.admin(), "inner", json!({"steps": inner})).await;
    let mut step = json!({"id": "call", "type": "workflow", "workflow": "inner"});
    for (name, value) in more.as_object().unwrap() {
        step[name] = value.clone();
    }
    step
}

/// Waits until the history of an instance has this.
async fn until_told(server: &TestServer, id: InstanceId, beginning: &str) {
    until(beginning, || async {
        let listed = server.admin().instance_event_list(id, &Default::default()).await;
        let told = listed.unwrap().items;
        told.iter()
            .any(|event| event.text.starts_with(beginning))
            .then_some(())
    })
    .await;
}

async fn one_that_takes_too_long_is_told_to_stop_and_tried_again_once_it_has(server: TestServer) {
    let web = server.agent("web-1").await;
    let more = json!({"timeout_seconds": 60, "retries": {"count": 1, "delay_seconds": 30}});
    let step = call(&server, json!([command("work", &["work"])]), more).await;
    let id = started(&server, &["web-1"], json!([step, command("last", &["last"])])).await;
    let order = next(&web).await;
    web.start(&order).await;
    server.clock.advance_seconds(61);
    until("the order to stop", || async {
        let answer = web.beat().await.unwrap();
        answer.cancel.contains(&order.attempt_id).then_some(())
    })
    .await;
    let run = until_begun(&server, id, "call", 1).await;
    assert_eq!(run.outcome, None, "its job has not stopped yet");
    let first = run.child_id.unwrap();
    web.finish(&order, Ended::Cancelled).await;
    let ended = until_state(&server, first, InstanceState::Cancelled).await;
    assert_eq!(
        ended.instance.reason,
        Some(format!("Step call of instance {id} took too long"))
    );
    until_told(&server, id, "Waits until").await;
    server.clock.advance_seconds(31);
    runs(&web, "", 0).await;
    runs(&web, "", 0).await;
    let detail = until_state(&server, id, InstanceState::Completed).await;
    assert_eq!(told(&detail), ["call ok", "last ok"]);
    let run = &detail.runs[0];
    assert_eq!((run.attempt, run.reason.as_deref()), (2, None));
    let second = run.child_id.unwrap();
    assert_ne!(second, first);
    assert_eq!(show(&server, second).await.instance.parent_id, Some(id));
}

async fn one_that_takes_too_long_fails_its_step_which_says_so(server: TestServer) {
    let web = server.agent("web-1").await;
    let inner = json!([{"id": "rest", "type": "delay", "hours": 1}]);
    let step = call(
        &server,
        inner,
        json!({"timeout_seconds": 60, "on_failure": "last"}),
    )
    .await;
    let id = started(
        &server,
        &["web-1"],
        json!([step, command("last", &["last", "{{step_call.status}}"])]),
    )
    .await;
    let child = until_begun(&server, id, "call", 1).await.child_id.unwrap();
    until_state(&server, child, InstanceState::Paused).await;
    server.clock.advance_seconds(59);
    assert_eq!(show(&server, child).await.instance.state, InstanceState::Paused);
    server.clock.advance_seconds(2);
    until_state(&server, child, InstanceState::Cancelled).await;
    runs(&web, "", 0).await;
    let detail = until_state(&server, id, InstanceState::Completed).await;
    assert_eq!(told(&detail), ["call failed", "last ok"]);
    assert_eq!(
        detail.runs[0].reason,
        Some(format!(
            "It took too long: instance {child} was told to stop, and is cancelled"
        ))
    );
}

async fn one_that_fails_is_tried_again_with_another_instance(server: TestServer) {
    let web = server.agent("web-1").await;
    let more = json!({"retries": {"count": 2, "delay_seconds": 0}});
    let step = call(&server, json!([command("work", &["work"])]), more).await;
    let id = started(&server, &["web-1"], json!([step])).await;
    for _ in 0..3 {
        runs(&web, "", 1).await;
    }
    let detail = until_state(&server, id, InstanceState::Failed).await;
    assert_eq!(told(&detail), ["call failed"]);
    let run = &detail.runs[0];
    assert_eq!(run.attempt, 3);
    assert_eq!(
        run.reason,
        Some(format!("Instance {} is failed", run.child_id.unwrap()))
    );
    let of_inner = server
        .admin()
        .instance_list(&Default::default())
        .await
        .unwrap()
        .items;
    let children = of_inner.iter().filter(|one| one.parent_id == Some(id));
    assert_eq!(children.count(), 3);
}

async fn one_that_was_done_in_time_has_no_deadline_any_more(server: TestServer) {
    let web = server.agent("web-1").await;
    let step = call(
        &server,
        json!([command("work", &["work"])]),
        json!({"timeout_seconds": 60}),
    )
    .await;
    let rest = json!({"id": "rest", "type": "delay", "minutes": 5});
    let id = started(&server, &["web-1"], json!([step, rest])).await;
    runs(&web, "", 0).await;
    until_state(&server, id, InstanceState::Paused).await;
    let later = server.clock.now().plus(Duration::from_secs(120));
    let due = server.read(tx!(tx => due::due(tx, later, 10).await)).await;
    assert_eq!(due.timers, [], "only the rest is waited for, and longer");
}

async fn an_action_takes_the_time_of_its_step(server: TestServer) {
    let (web, admin) = (server.agent("web-1").await, server.admin());
    let action: ActionCreate = serde_json::from_value(json!({"name": "look", "definition": {
        "work": {"kind": "job", "job": {"type": "service_control", "payload": {"service": "nginx", "action": "status"}}},
        "targets": {"agents": ["web-1"]}, "timeout_seconds": 300,
    }}))
    .unwrap();
    let made = admin.action_create(&action, &key()).await.unwrap().action.id;
    admin
        .action_deploy(made, &ActionDeploy::default(), &key())
        .await
        .unwrap();
    let steps = json!([
        {"id": "own", "type": "action", "action": "look"},
        {"id": "short", "type": "action", "action": "look", "timeout_seconds": 42},
    ]);
    let id = started(&server, &["web-1"], steps).await;
    assert_eq!(runs(&web, "", 0).await.timeout_seconds, 300);
    assert_eq!(runs(&web, "", 0).await.timeout_seconds, 42);
    until_state(&server, id, InstanceState::Completed).await;
}

/// So many instances that a step of this one started, which have ended.
async fn brood(server: &TestServer, parent: InstanceId, workflow: WorkflowId, count: u32) {
    let now = server.clock.now();
    server
        .write(tx!(tx => {
            let row = instances::find(tx, parent).await?.ok_or(postern_store::Error::NotFound)?;
            for _ in 0..count {
                let new = NewInstance {
                    place: row.place(),
                    workflow_id: workflow,
                    version: 1,
                    workflow: "inner".into(),
                    machine: "{}".into(),
                    definition: "{}".into(),
                    digest: "none".into(),
                    inputs: "{}".into(),
                    hosts: None,
                    secret: None,
                    starter: UserId(1),
                    token: None,
                    started_by: "user:1".into(),
                    parent: Some((parent, 1)),
                    depth: 2,
                    retry_of: None,
                    schedule: None,
                    triggered_by: None,
                };
                let id = instances::create(tx, new, now).await?;
                let moved = Moved {
                    state: InstanceState::Completed,
                    machine: "{}".into(),
                    reason: None,
                    ended: Some(now),
                    events: Vec::new(),
                };
                instances::save(tx, id, moved, now).await?;
            }
            Ok(())
        }))
        .await;
}

async fn so_many_are_started_below_one_and_no_more(server: TestServer) {
    let yes = json!({"steps": [{"id": "yes", "type": "conditional", "condition": "1 == 1", "on_true": "completed", "on_false": "failed"}]});
    let inner = published(&server.admin(), "inner", yes).await;
    let steps = json!([
        {"id": "wait", "type": "delay", "minutes": 1},
        {"id": "call", "type": "workflow", "workflow": "inner"},
        {"id": "more", "type": "workflow", "workflow": "inner", "retries": {"count": 3}},
    ]);
    let id = started(&server, &["web-1"], steps).await;
    until_state(&server, id, InstanceState::Paused).await;
    for count in [333, 333, 333] {
        brood(&server, id, inner, count).await;
    }
    server.clock.advance_seconds(61);
    let detail = until_state(&server, id, InstanceState::Failed).await;
    assert_eq!(told(&detail), ["wait ok", "call ok", "more failed"]);
    let reason = detail.runs[2].reason.as_deref().unwrap();
    assert!(
        reason.contains(&format!(
            "Instance {id} and those below it have started 1000 instances"
        )),
        "{reason}"
    );
}

async fn those_that_started_others_are_counted_with_them(server: TestServer) {
    let admin = server.admin();
    let rest = json!({"steps": [{"id": "rest", "type": "delay", "hours": 1}]});
    let inner = published(&admin, "inner", rest).await;
    let middle = json!({"steps": [{"id": "wait", "type": "delay", "minutes": 1}, {"id": "call", "type": "workflow", "workflow": "inner"}]});
    published(&admin, "middle", middle).await;
    let outer = json!({"steps": [{"id": "call", "type": "workflow", "workflow": "middle"}]});
    let outer = published(&admin, "outer", outer).await;
    let id = admin
        .instance_create(outer, &InstanceCreate::default(), &key())
        .await
        .unwrap()
        .id;
    let child = until_begun(&server, id, "call", 1).await.child_id.unwrap();
    until_state(&server, child, InstanceState::Paused).await;
    // With the one in the middle these are all that there may be.
    for count in [333, 333, 333] {
        brood(&server, id, inner, count).await;
    }
    server.clock.advance_seconds(61);
    let detail = until_state(&server, child, InstanceState::Failed).await;
    let reason = detail.runs[1].reason.as_deref().unwrap();
    assert!(
        reason.contains(&format!(
            "Instance {id} and those below it have started 1000 instances"
        )),
        "{reason}"
    );
    until_state(&server, id, InstanceState::Failed).await;
}

async fn an_end_and_a_cancel_of_its_parent_at_the_same_moment_do_not_wait_for_each_other(server: TestServer) {
    let admin = server.admin();
    let rest = json!([{"id": "rest", "type": "delay", "hours": 1}]);
    let step = call(&server, rest, json!({})).await;
    let cancel = InstanceCancel {
        reason: String::new(),
    };
    for _ in 0..10 {
        let id = started(&server, &["web-1"], json!([step])).await;
        let child = until_begun(&server, id, "call", 1).await.child_id.unwrap();
        until_state(&server, child, InstanceState::Paused).await;
        let (one, other) = tokio::join!(
            admin.instance_cancel(child, &cancel),
            admin.instance_cancel(id, &cancel),
        );
        for error in [one.err(), other.err()].into_iter().flatten() {
            let problem = error.problem().expect("the server's word");
            assert_eq!(problem.status, 409, "{problem:?}");
        }
        until("both to end", || async {
            let ended = show(&server, child).await.instance.state.is_final()
                && show(&server, id).await.instance.state.is_final();
            ended.then_some(())
        })
        .await;
    }
    assert_eq!(server.metric("postern_background_errors_total").await, 0.0);
}

async fn a_workflow_starts_another_and_waits_for_it(server: TestServer) {
    let web = server.agent("web-1").await;
    let admin = server.admin();
    let child = json!({"inputs": [{"name": "what", "type": "string", "required": true}], "steps": [command("inner", &["inner", "{{inputs.what}}"])]});
    published(&admin, "child", child).await;
    let steps = |what: &str| {
        json!([
            command("scan", &["scan"]),
            {"id": "call", "type": "workflow", "workflow": "child", "inputs": {"what": what}, "on_failure": "last"},
            command("last", &["last", "{{step_call.status}}"]),
        ])
    };
    for (code, status) in [(0, "succeeded"), (1, "failed")] {
        let id = started(&server, &["web-1"], steps("{{step_scan.stdout}}!")).await;
        runs(&web, "found", 0).await;
        let order = runs(&web, "", code).await;
        assert_eq!(argv_of(&order), ["inner", "found!"]);
        let order = runs(&web, "", 0).await;
        assert_eq!(argv_of(&order), ["last", status]);
        let detail = until_state(&server, id, InstanceState::Completed).await;
        let child = show(&server, detail.runs[1].child_id.unwrap()).await;
        assert_eq!(child.instance.parent_id, Some(id));
    }
    // A cancelled one cancels what it started.
    let id = started(&server, &["web-1"], steps("x")).await;
    runs(&web, "", 0).await;
    let order = next(&web).await;
    web.start(&order).await;
    admin
        .instance_cancel(
            id,
            &InstanceCancel {
                reason: String::new(),
            },
        )
        .await
        .unwrap();
    web.beat().await.unwrap();
    web.finish(&order, Ended::Cancelled).await;
    let detail = until_state(&server, id, InstanceState::Cancelled).await;
    until_state(
        &server,
        detail.runs[1].child_id.unwrap(),
        InstanceState::Cancelled,
    )
    .await;
}

async fn workflows_do_not_start_each_other_without_end(server: TestServer) {
    let admin = server.admin();
    published(
        &admin,
        "again",
        json!({"steps": [{"id": "wait", "type": "delay", "seconds": 1}]}),
    )
    .await;
    let listed = admin.workflow_list(&Default::default()).await.unwrap();
    let id = listed.items[0].id;
    let update = serde_json::from_value(
        json!({"definition": {"steps": [{"id": "call", "type": "workflow", "workflow": "again"}]}}),
    )
    .unwrap();
    admin.workflow_update(id, &update).await.unwrap();
    admin
        .workflow_publish(id, &serde_json::from_value(json!({})).unwrap(), &key())
        .await
        .unwrap();
    let made = admin
        .instance_create(id, &InstanceCreate::default(), &key())
        .await
        .unwrap();
    until_state(&server, made.id, InstanceState::Failed).await;
    let all = admin.instance_list(&Default::default()).await.unwrap().items;
    assert_eq!(all.len(), 5);
    let deepest = show(&server, all[0].id).await;
    assert!(
        deepest.runs[0]
            .reason
            .as_ref()
            .unwrap()
            .contains("at most 5 deep"),
        "{deepest:?}"
    );
}
