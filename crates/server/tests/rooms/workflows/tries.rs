//! Tries of a step after its first: the same agents, by way of the same groups as these are by then, with the same keys.

use postern_api::{jobs::Job, scripts::ScriptCreate};
use postern_domain::{
    CalendarId, GroupId, InstanceId, JobId, Timestamp, job::WaitReason, workflow::engine::InstanceState,
};
use postern_server::clock::Clock as _;
use postern_testkit::{
    TestServer,
    client::{Client, Revoke},
    key, until,
};
use serde_json::{Value, json};

use super::{argv_of, command, next, runs, show, started, told, until_state};
use crate::{filtered, on_both_databases};

on_both_databases! {
    another_try_goes_by_the_blackouts_of_its_group,
    a_group_that_got_its_calendar_meanwhile_is_asked_by_another_try,
    another_try_has_the_key_of_its_group,
    another_try_has_the_key_of_a_group_that_its_host_left_though_its_job_was_deleted,
    another_try_is_for_the_agent_that_failed_whatever_it_is_called,
    a_host_that_is_gone_is_told_by_its_name,
    what_was_kept_of_an_earlier_try_goes,
}

/// Tried once more, a minute after it failed.
fn tried(mut step: Value) -> Value {
    step["retries"] = json!({"count": 1, "delay_seconds": 60});
    step
}

async fn until_waiting(server: &TestServer, id: InstanceId) {
    until("the wait before the next try", || async {
        let events = server.admin().instance_event_list(id, &Default::default()).await;
        let mut events = events.unwrap().items.into_iter();
        events
            .any(|event| event.text.starts_with("Waits until"))
            .then_some(())
    })
    .await;
}

/// The only job that the first step has in this try.
async fn job(server: &TestServer, id: InstanceId, attempt: u32) -> Job {
    let execution = until("the jobs of the try", || async {
        let run = show(server, id).await.runs.into_iter().next()?;
        run.execution_id.filter(|_| run.attempt == attempt)
    })
    .await;
    let of_it = filtered(&[("execution", &execution.to_string())]);
    let mut jobs = server.admin().job_list(&of_it).await.unwrap().items;
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    jobs.remove(0)
}

async fn waits(server: &TestServer, job: &Job) -> Option<WaitReason> {
    let job = server.admin().job_show(job.id).await.unwrap().job;
    job.waits.map(|wait| wait.reason)
}

/// A calendar's blackout, so many days from now on.
fn days(server: &TestServer, from: i64) -> Value {
    let day = |ahead: i64| {
        let now = server.clock.now().as_micros();
        let text = Timestamp::from_micros(now + ahead * 24 * 3_600_000_000).to_string();
        text[..10].to_owned()
    };
    json!([{"kind": "dates", "from": day(from), "to": day(from + 2)}])
}

async fn group(admin: &Client, more: Value) -> GroupId {
    let mut group = json!({"name": "webs", "targets": {"agents": ["web-1"]}});
    for (field, value) in more.as_object().unwrap() {
        group[field] = value.clone();
    }
    let group = serde_json::from_value(group).unwrap();
    admin.group_create(&group, &key()).await.unwrap().id
}

async fn group_changes(admin: &Client, id: GroupId, change: Value) {
    let change = serde_json::from_value(change).unwrap();
    admin.group_update(id, &change).await.unwrap();
}

async fn calendar(server: &TestServer, from: i64) -> CalendarId {
    let calendar = json!({"name": "quiet", "entries": days(server, from)});
    let calendar = serde_json::from_value(calendar).unwrap();
    server
        .admin()
        .calendar_create(&calendar, &key())
        .await
        .unwrap()
        .id
}

/// A script of which one runs at a time in a group.
async fn deployment(admin: &Client) {
    let script: ScriptCreate = serde_json::from_value(json!({
        "name": "deploy", "kind": "script", "language": "bash",
        "definition": {"content": "exit 0", "concurrency": {"key": "deploy", "per": "group"}},
    }))
    .unwrap();
    admin.script_create(&script, &key()).await.unwrap();
}

async fn another_try_goes_by_the_blackouts_of_its_group(server: TestServer) {
    let (web, admin) = (server.agent("web-1").await, server.admin());
    let calendar = calendar(&server, 30).await;
    let blackout = json!({"blackout": {"calendar_id": calendar, "jobs": "wait"}});
    group(&admin, blackout).await;
    let mut step = tried(command("go", &["go"]));
    step["hosts"] = json!({"groups": ["webs"]});
    let id = started(&server, &["web-1"], json!([step])).await;
    runs(&web, "", 1).await;
    until_waiting(&server, id).await;
    let change = async |from: i64| {
        let update = serde_json::from_value(json!({"entries": days(&server, from)})).unwrap();
        admin.calendar_update(calendar, &update).await.unwrap();
    };
    change(0).await;
    server.clock.advance_seconds(61);
    let second = job(&server, id, 2).await;
    assert!(web.orders().await.is_empty(), "the group has a blackout");
    assert_eq!(waits(&server, &second).await, Some(WaitReason::MaintenanceWindow));
    change(30).await;
    runs(&web, "", 0).await;
    until_state(&server, id, InstanceState::Completed).await;
}

async fn a_group_that_got_its_calendar_meanwhile_is_asked_by_another_try(server: TestServer) {
    let (web, admin) = (server.agent("web-1").await, server.admin());
    let webs = group(&admin, json!({})).await;
    let mut step = tried(command("go", &["go"]));
    step["hosts"] = json!({"groups": ["webs"]});
    let id = started(&server, &["web-1"], json!([step])).await;
    runs(&web, "", 1).await;
    until_waiting(&server, id).await;
    let calendar = calendar(&server, 0).await;
    let blackout = json!({"blackout": {"calendar_id": calendar, "jobs": "wait"}});
    group_changes(&admin, webs, blackout).await;
    server.clock.advance_seconds(61);
    let second = job(&server, id, 2).await;
    assert!(web.orders().await.is_empty(), "the group has a blackout");
    assert_eq!(waits(&server, &second).await, Some(WaitReason::MaintenanceWindow));
    let none = json!({"blackout": {"calendar_id": 0, "jobs": "wait"}});
    group_changes(&admin, webs, none).await;
    runs(&web, "", 0).await;
    until_state(&server, id, InstanceState::Completed).await;
}

async fn another_try_has_the_key_of_its_group(server: TestServer) {
    let (web, admin) = (server.agent("web-1").await, server.admin());
    group(&admin, json!({})).await;
    deployment(&admin).await;
    let step = json!({"id": "go", "type": "script", "script": "deploy", "hosts": {"groups": ["webs"]}});
    let id = started(&server, &["web-1"], json!([tried(step.clone())])).await;
    runs(&web, "", 1).await;
    until_waiting(&server, id).await;
    server.clock.advance_seconds(61);
    let order = next(&web).await;
    let other = started(&server, &["web-1"], json!([step])).await;
    let held_up = job(&server, other, 1).await;
    assert!(web.orders().await.is_empty(), "the key is taken");
    server.heard(&web).await;
    assert_eq!(waits(&server, &held_up).await, Some(WaitReason::Concurrency));
    web.start(&order).await;
    web.exit(&order, 0).await;
    until_state(&server, id, InstanceState::Completed).await;
    runs(&web, "", 0).await;
    until_state(&server, other, InstanceState::Completed).await;
}

async fn another_try_has_the_key_of_a_group_that_its_host_left_though_its_job_was_deleted(
    server: TestServer,
) {
    let (web, db, admin) = (
        server.agent("web-1").await,
        server.agent("db-1").await,
        server.admin(),
    );
    let webs = group(&admin, json!({})).await;
    deployment(&admin).await;
    let step = json!({"id": "go", "type": "script", "script": "deploy", "hosts": {"groups": ["webs"]}});
    let id = started(&server, &["web-1"], json!([tried(step.clone())])).await;
    let order = runs(&web, "", 1).await;
    until_waiting(&server, id).await;
    admin.job_delete(JobId(order.job_id)).await.unwrap();
    group_changes(&admin, webs, json!({"targets": {"agents": ["db-1"]}})).await;
    server.clock.advance_seconds(61);
    let order = next(&web).await;
    let other = started(&server, &["web-1"], json!([step])).await;
    let held_up = job(&server, other, 1).await;
    assert_eq!(held_up.agent_id, db.id());
    assert!(db.orders().await.is_empty(), "the key is taken");
    server.heard(&db).await;
    assert_eq!(waits(&server, &held_up).await, Some(WaitReason::Concurrency));
    web.start(&order).await;
    web.exit(&order, 0).await;
    until_state(&server, id, InstanceState::Completed).await;
    runs(&db, "", 0).await;
    until_state(&server, other, InstanceState::Completed).await;
}

async fn another_try_is_for_the_agent_that_failed_whatever_it_is_called(server: TestServer) {
    let (web, db) = (server.agent("web-1").await, server.agent("db-1").await);
    let steps = json!([
        tried(command("try", &["try"])),
        {"id": "use", "type": "command", "argv": ["use", "{{step_try.hosts.web-old.stdout}}"], "hosts": {"agents": ["db-1"]}},
    ]);
    let id = started(&server, &["web-1", "db-1"], steps).await;
    runs(&web, "first", 1).await;
    runs(&db, "", 0).await;
    until_waiting(&server, id).await;
    let renamed = postern_api::agents::AgentUpdate {
        name: Some("web-old".into()),
        ..Default::default()
    };
    server.admin().agent_update(web.id(), &renamed).await.unwrap();
    let taken = server.agent("web-1").await;
    server.clock.advance_seconds(61);
    runs(&web, "second", 0).await;
    assert!(taken.orders().await.is_empty(), "it has not failed");
    // What it left the first time counts no longer, though that was under another name.
    let order = runs(&db, "", 0).await;
    assert_eq!(argv_of(&order), ["use", "second"]);
    let detail = until_state(&server, id, InstanceState::Completed).await;
    assert_eq!(told(&detail), ["try ok", "use ok"]);
}

async fn a_host_that_is_gone_is_told_by_its_name(server: TestServer) {
    let web = server.agent("web-1").await;
    let id = started(&server, &["web-1"], json!([tried(command("go", &["go"]))])).await;
    runs(&web, "", 1).await;
    until_waiting(&server, id).await;
    server.admin().agent_delete(web.id(), Revoke::Yes).await.unwrap();
    server.clock.advance_seconds(61);
    let detail = until_state(&server, id, InstanceState::Failed).await;
    let reason = detail.runs[0].reason.clone().unwrap_or_default();
    assert!(
        reason.starts_with("hosts: agent \"web-1\" is to be tried again, and is not there any more"),
        "{reason}"
    );
}

async fn what_was_kept_of_an_earlier_try_goes(mut server: TestServer) {
    let web = server.agent("web-1").await;
    let id = started(&server, &["web-1"], json!([tried(command("go", &["go"]))])).await;
    let order = runs(&web, "", 1).await;
    until_waiting(&server, id).await;
    // How it ended is kept, as the step has not; and the next try waits for another job.
    server.admin().job_delete(JobId(order.job_id)).await.unwrap();
    server.clock.advance_seconds(61);
    runs(&web, "", 0).await;
    let detail = until_state(&server, id, InstanceState::Completed).await;
    // A server clears away when it starts, and every minute.
    server.restart().await;
    until("the execution of the first try to go", || async {
        let left = server.admin().execution_list(&Default::default()).await.unwrap();
        let left: Vec<_> = left.items.into_iter().map(|execution| execution.id).collect();
        (left == Vec::from_iter(detail.runs[0].execution_id)).then_some(())
    })
    .await;
}
