//! How long instances are kept, and their removal.

use std::time::Duration;

use postern_api::workflows::{InstanceAgain, InstanceCreate};
use postern_domain::{
    InstanceId, TenantId, UserId, WorkflowId,
    approval::Decision,
    permission::{Place, Role, Scope},
    workflow::engine::InstanceState,
};
use postern_server::clock::Clock as _;
use postern_store::{
    tx,
    workflows::instances::{self, Moved, NewInstance},
};
use postern_testkit::{TestServer, key, until};
use serde_json::json;

use super::{answer, approver, command, published, runs, started, until_begun, until_state};
use crate::{filtered, no, on_both_databases, refused};

on_both_databases! {
    old_instances_go_with_what_they_left_unless_one_that_is_kept_leads_to_them,
    a_deleted_workflow_is_gone_at_once_and_its_instances_a_few_at_a_time,
    what_a_step_waited_for_stays_until_its_instance_has_ended,
    questions_of_a_deleted_workflow_are_gone_at_once,
    instances_that_hinder_a_removal_are_named,
}

async fn retried(server: &TestServer, id: InstanceId) -> InstanceId {
    let request = InstanceAgain::default();
    server
        .admin()
        .instance_retry(id, &request, &key())
        .await
        .unwrap()
        .id
}

async fn old_instances_go_with_what_they_left_unless_one_that_is_kept_leads_to_them(mut server: TestServer) {
    let web = server.agent("web-1").await;
    let today = server.clock.now();
    server.clock.set(today.minus(Duration::from_secs(9 * 24 * 3600)));

    // Failed, and tried again with success.
    let first = started(&server, &["web-1"], json!([command("look", &["look"])])).await;
    runs(&web, "", 1).await;
    until_state(&server, first, InstanceState::Failed).await;
    let again = retried(&server, first).await;
    runs(&web, "", 0).await;
    until_state(&server, again, InstanceState::Completed).await;
    // One whose step started another.
    let steps = json!({"steps": [command("look", &["look"])]});
    published(&server.admin(), "inner", steps).await;
    let outer = started(
        &server,
        &["web-1"],
        json!([{"id": "inner", "type": "workflow", "workflow": "inner"}]),
    )
    .await;
    runs(&web, "", 0).await;
    until_state(&server, outer, InstanceState::Completed).await;
    let inner = until_begun(&server, outer, "inner", 1).await.child_id.unwrap();
    // Failed, and its retry still waits.
    let kept = started(
        &server,
        &["web-1"],
        json!([{"id": "wait", "type": "delay", "minutes": 20000}, command("look", &["look"])]),
    )
    .await;
    let cancel = serde_json::from_value(json!({"reason": "later"})).unwrap();
    until_state(&server, kept, InstanceState::Paused).await;
    server.admin().instance_cancel(kept, &cancel).await.unwrap();
    let waits = retried(&server, kept).await;
    until_state(&server, waits, InstanceState::Paused).await;

    server.retain_jobs_days(8);
    server.restart_after(today.since(server.clock.now())).await;
    for gone in [first, again, outer, inner] {
        until("old instances are gone", || async {
            server.admin().instance_show(gone).await.is_err().then_some(())
        })
        .await;
    }
    for stays in [kept, waits] {
        server.admin().instance_show(stays).await.unwrap();
    }
    let records = server
        .admin()
        .audit_list(&filtered(&[("action", "instances_expire")]))
        .await
        .unwrap()
        .items;
    let told: Vec<InstanceId> = records
        .iter()
        .flat_map(|record| {
            let after = record.after.clone().unwrap();
            serde_json::from_value::<Vec<InstanceId>>(after["instances"].clone()).unwrap()
        })
        .collect();
    for gone in [first, again, outer, inner] {
        assert!(told.contains(&gone), "{told:?}");
    }
    assert_eq!(told.len(), 4);
}

/// So many instances of a workflow that have ended.
async fn ended(server: &TestServer, tenant: TenantId, workflow: WorkflowId, count: u32) -> Vec<InstanceId> {
    let now = server.clock.now();
    let place = Place::tenant(tenant);
    server
        .write(tx!(tx => {
            let mut made = Vec::new();
            for _ in 0..count {
                let new = NewInstance {
                    place,
                    workflow_id: workflow,
                    version: 1,
                    workflow: "many".into(),
                    machine: "{}".into(),
                    definition: r#"{"steps":[]}"#.into(),
                    digest: "none".into(),
                    inputs: "{}".into(),
                    hosts: None,
                    secret: None,
                    starter: UserId(1),
                    token: None,
                    started_by: "user:1".into(),
                    parent: None,
                    depth: 1,
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
                made.push(id);
            }
            Ok(made)
        }))
        .await
}

async fn is_there(server: &TestServer, id: InstanceId) -> bool {
    server
        .read(tx!(tx => Ok(instances::find(tx, id).await?.is_some())))
        .await
}

async fn until_gone(server: &TestServer, id: InstanceId) {
    until("an instance to be removed", || async {
        (!is_there(server, id).await).then_some(())
    })
    .await;
}

async fn a_deleted_workflow_is_gone_at_once_and_its_instances_a_few_at_a_time(server: TestServer) {
    let admin = server.admin();
    let steps = json!({"steps": [command("look", &["look"])]});
    let id = published(&admin, "many", steps.clone()).await;
    let tenant = server.default_tenant().await.id;
    let all = ended(&server, tenant, id, 45).await;
    admin.instance_show(all[0]).await.unwrap();
    admin.workflow_delete(id).await.unwrap();
    assert_eq!(refused(admin.workflow_show(id).await), no(404, "not_found"));
    for instance in &all {
        assert_eq!(
            refused(admin.instance_show(*instance).await),
            no(404, "not_found")
        );
    }
    let listed = admin.instance_list(&Default::default()).await.unwrap().items;
    assert!(listed.is_empty(), "{listed:?}");
    assert_ne!(published(&admin, "many", steps).await, id, "its name is free");
    for instance in &all {
        until_gone(&server, *instance).await;
    }
    // It stands in the trail of the tenant itself.
    let auditor = server
        .person(tenant, &[(Role::Auditor, Scope::Tenant(tenant))])
        .await;
    let records = auditor
        .client
        .audit_list(&filtered(&[("action", "workflows_clear")]))
        .await
        .unwrap()
        .items;
    let removed: Vec<u64> = records
        .iter()
        .map(|record| {
            assert_eq!(record.object, format!("workflow:{id}"));
            record.after.as_ref().unwrap()["removed"].as_u64().unwrap()
        })
        .collect();
    assert!(removed.iter().all(|count| *count <= 20), "{removed:?}");
    assert_eq!(removed.iter().sum::<u64>(), 45);
}

async fn what_a_step_waited_for_stays_until_its_instance_has_ended(server: TestServer) {
    let admin = server.admin();
    let yes = json!({"id": "yes", "type": "conditional", "condition": "1 == 1", "on_true": "completed", "on_false": "failed"});
    let inner = published(&admin, "inner", json!({"steps": [yes]})).await;
    let rest = json!({"id": "rest", "type": "delay", "minutes": 1});
    let call = json!({"id": "call", "type": "workflow", "workflow": "inner"});
    let outer = published(&admin, "outer", json!({"steps": [call, rest]})).await;
    let made = admin
        .instance_create(outer, &InstanceCreate::default(), &key())
        .await
        .unwrap()
        .id;
    let child = until_begun(&server, made, "call", 1).await.child_id.unwrap();
    until_state(&server, made, InstanceState::Paused).await;
    // A newer version does not start it any more, so it may be deleted.
    let update = serde_json::from_value(json!({"definition": {"steps": [rest]}})).unwrap();
    admin.workflow_update(outer, &update).await.unwrap();
    let publish = serde_json::from_value(json!({})).unwrap();
    admin.workflow_publish(outer, &publish, &key()).await.unwrap();
    admin.workflow_delete(inner).await.unwrap();
    // Another one that is deleted behind it is gone: it was looked at.
    let other = published(&admin, "other", json!({"steps": [rest]})).await;
    let tenant = server.default_tenant().await.id;
    let gone = ended(&server, tenant, other, 1).await[0];
    admin.workflow_delete(other).await.unwrap();
    until_gone(&server, gone).await;
    assert!(is_there(&server, child).await, "its parent has not ended");
    server.clock.advance_seconds(61);
    until_state(&server, made, InstanceState::Completed).await;
    until_gone(&server, child).await;
}

async fn questions_of_a_deleted_workflow_are_gone_at_once(server: TestServer) {
    let (admin, tenant) = (server.admin(), server.default_tenant().await.id);
    let person = approver(&server, tenant).await;
    let ask = json!({"id": "ask", "type": "approval", "title": "Go on?", "approval_type": "singular",
                     "approvers": [format!("user:{}", person.id)]});
    let inner = published(&admin, "inner", json!({"steps": [ask]})).await;
    let rest = json!({"id": "rest", "type": "delay", "hours": 1});
    let call = json!({"id": "call", "type": "workflow", "workflow": "inner"});
    let outer = published(&admin, "outer", json!({"steps": [call, rest]})).await;
    let create = InstanceCreate::default();
    let made = admin.instance_create(outer, &create, &key()).await.unwrap().id;
    let child = until_begun(&server, made, "call", 1).await.child_id.unwrap();
    let question = until_begun(&server, child, "ask", 1).await.approval_id.unwrap();
    answer(&person.client, question, Decision::Approve).await.unwrap();
    until_begun(&server, made, "rest", 1).await;
    let update = serde_json::from_value(json!({"definition": {"steps": [rest]}})).unwrap();
    admin.workflow_update(outer, &update).await.unwrap();
    let publish = serde_json::from_value(json!({})).unwrap();
    admin.workflow_publish(outer, &publish, &key()).await.unwrap();
    let listed = async || admin.approval_list(&Default::default()).await.unwrap().items;
    assert_eq!(listed().await.len(), 1);
    admin.workflow_delete(inner).await.unwrap();
    assert!(is_there(&server, child).await, "its parent has not ended");
    assert!(listed().await.is_empty());
    assert_eq!(refused(admin.approval_show(question).await), no(404, "not_found"));
    assert_eq!(
        refused(answer(&person.client, question, Decision::Reject).await),
        no(404, "not_found")
    );
}

async fn instances_that_hinder_a_removal_are_named(server: TestServer) {
    let admin = server.admin();
    let rest = json!({"steps": [{"id": "rest", "type": "delay", "hours": 1}]});
    let id = published(&admin, "slow", rest).await;
    let mut open = Vec::new();
    for _ in 0..6 {
        let made = admin
            .instance_create(id, &InstanceCreate::default(), &key())
            .await;
        open.push(made.unwrap().id);
    }
    let refusal = async || {
        let error = admin.workflow_delete(id).await.expect_err("they run");
        error.problem().unwrap().detail.clone()
    };
    let [a, b, c, d, e, f] = open[..] else {
        panic!("{open:?}")
    };
    let detail = refusal().await;
    assert!(
        detail.contains(&format!("have not ended: {a}, {b}, {c}, {d}, {e} and more.")),
        "{detail}"
    );
    let cancel = serde_json::from_value(json!({})).unwrap();
    for instance in [a, b, c, d, e] {
        admin.instance_cancel(instance, &cancel).await.unwrap();
        until_state(&server, instance, InstanceState::Cancelled).await;
    }
    let detail = refusal().await;
    assert!(detail.contains(&format!("have not ended: {f}. ")), "{detail}");
}
