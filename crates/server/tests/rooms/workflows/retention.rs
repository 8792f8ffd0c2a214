//! How long instances are kept.

use std::time::Duration;

use postern_api::workflows::InstanceAgain;
use postern_domain::{InstanceId, workflow::engine::InstanceState};
use postern_server::clock::Clock as _;
use postern_testkit::{TestServer, key, until};
use serde_json::json;

use super::{command, published, runs, started, until_begun, until_state};
use crate::{filtered, on_both_databases};

on_both_databases! {
    old_instances_go_with_what_they_left_unless_one_that_is_kept_leads_to_them,
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
