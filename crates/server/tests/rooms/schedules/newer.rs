//! Edits at the same time: the later one is refused, and told who made the other. What the clock does is no edit.

use postern_api::{
    groups::{Group, GroupUpdate},
    schedules::{CalendarUpdate, ScheduleUpdate},
};
use postern_domain::{
    Timestamp,
    permission::{Role, Scope},
};
use postern_testkit::{Person, TestServer, client::Error, key};
use serde_json::json;

use super::{SOON, calendars::dark_today, pass, saved};
use crate::on_both_databases;

on_both_databases! {
    an_edit_of_a_schedule_that_somebody_changed_is_refused,
    what_the_clock_does_with_a_schedule_refuses_no_edit,
    an_edit_of_a_host_group_that_somebody_changed_is_refused,
    an_edit_of_a_calendar_that_somebody_changed_is_refused,
}

/// What the later one is told.
#[track_caller]
fn told<T: std::fmt::Debug>(result: Result<T, Error>, code: &str) -> String {
    let error = result.expect_err("a refusal");
    let problem = error.problem().unwrap_or_else(|| panic!("{error:?}"));
    assert_eq!((problem.status, &*problem.code), (409, code), "{problem:?}");
    problem.detail.clone()
}

async fn somebody(server: &TestServer) -> Person {
    let tenant = server.default_tenant().await.id;
    server
        .person(tenant, &[(Role::Operator, Scope::Tenant(tenant))])
        .await
}

async fn an_edit_of_a_schedule_that_somebody_changed_is_refused(server: TestServer) {
    server.agent("web-1").await;
    let (admin, other) = (server.admin(), somebody(&server).await);
    let read = saved(&server, json!({})).await;
    let edit = |description: &str, based_on: Option<Timestamp>| ScheduleUpdate {
        description: Some(description.to_owned()),
        based_on,
        ..ScheduleUpdate::default()
    };
    let first = edit("first", Some(read.updated_at));
    let first = other.client.schedule_update(read.id, &first).await.unwrap();
    let late = edit("late", Some(read.updated_at));
    let said = told(admin.schedule_update(read.id, &late).await, "newer_schedule");
    assert!(said.contains(&other.name), "{said}");
    let shown = admin.schedule_show(read.id).await.unwrap();
    assert_eq!(shown.description, "first");
    // Loaded again, and of who does not say what the edit began with.
    let again = edit("late", Some(first.updated_at));
    let again = admin.schedule_update(read.id, &again).await.unwrap();
    assert_eq!(again.description, "late");
    let blind = edit("blind", None);
    let blind = admin.schedule_update(read.id, &blind).await.unwrap();
    assert_eq!(blind.description, "blind");
}

async fn what_the_clock_does_with_a_schedule_refuses_no_edit(server: TestServer) {
    server.agent("web-1").await;
    let admin = server.admin();
    let read = saved(&server, json!({"overlap": "allow"})).await;
    pass(&server, &read, SOON).await;
    admin.schedule_run(read.id, &key()).await.unwrap();
    let edit = ScheduleUpdate {
        description: Some("after a tick".into()),
        based_on: Some(read.updated_at),
        ..ScheduleUpdate::default()
    };
    let shown = admin.schedule_update(read.id, &edit).await.unwrap();
    assert_eq!((&*shown.description, shown.runs), ("after a tick", 1));
}

async fn an_edit_of_a_host_group_that_somebody_changed_is_refused(server: TestServer) {
    let agent = server.agent("web-1").await;
    let (admin, other) = (server.admin(), somebody(&server).await);
    let group = json!({"name": "webs", "targets": {"agents": ["web-1"]}});
    let group = serde_json::from_value(group).unwrap();
    let read = admin.group_create(&group, &key()).await.unwrap();
    let edit = |description: &str, read: &Group| GroupUpdate {
        description: Some(description.to_owned()),
        based_on: Some(read.sha256.clone()),
        ..GroupUpdate::default()
    };
    // Another name of a host that it names is no edit of the group.
    let renamed = postern_api::agents::AgentUpdate {
        name: Some("web-one".into()),
        ..Default::default()
    };
    admin.agent_update(agent.id(), &renamed).await.unwrap();
    let first = edit("first", &read);
    let first = other.client.group_update(read.id, &first).await.unwrap();
    let late = admin.group_update(read.id, &edit("late", &read)).await;
    let said = told(late, "newer_group");
    assert!(said.contains(&other.name), "{said}");
    assert_eq!(admin.group_show(read.id).await.unwrap(), first);
    let again = admin.group_update(read.id, &edit("late", &first)).await.unwrap();
    assert_eq!(again.description, "late");
}

async fn an_edit_of_a_calendar_that_somebody_changed_is_refused(server: TestServer) {
    let (admin, other) = (server.admin(), somebody(&server).await);
    let read = dark_today(&server).await;
    let read = admin.calendar_create(&read, &key()).await.unwrap();
    let edit = |zone: &str, based_on: &str| CalendarUpdate {
        zone: Some(zone.to_owned()),
        based_on: Some(based_on.to_owned()),
        ..CalendarUpdate::default()
    };
    let first = edit("Europe/Brussels", &read.sha256);
    let first = other.client.calendar_update(read.id, &first).await.unwrap();
    let late = edit("Asia/Kolkata", &read.sha256);
    let said = told(admin.calendar_update(read.id, &late).await, "newer_calendar");
    assert!(said.contains(&other.name), "{said}");
    let again = edit("Asia/Kolkata", &first.sha256);
    let again = admin.calendar_update(read.id, &again).await.unwrap();
    assert_eq!(again.zone, "Asia/Kolkata");
}
