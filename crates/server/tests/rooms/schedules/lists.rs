//! The list of schedules with its filters, and the ticks of a time to come.

use postern_api::{
    ListRequest,
    schedules::{CronPreview, Schedule, ScheduleCreate},
};
use postern_domain::{
    ScheduleId, Timestamp,
    permission::{Role, Scope},
};
use postern_server::clock::Clock as _;
use postern_store::{
    schedules::{self as stored, Moved},
    tx,
};
use postern_testkit::{TestServer, client::Client, key};
use serde_json::{Value, json};

use super::{calendars::dark_today, with};
use crate::{filtered, on_both_databases, workflows::published, wrong_field};

on_both_databases! {
    schedules_are_found_by_state_kind_name_and_owner,
    a_filtered_list_goes_on_where_its_page_ended,
    a_preview_of_a_time_has_every_tick_of_it,
}

async fn made(client: &Client, name: &str, changes: Value) -> Schedule {
    let request = ScheduleCreate {
        name: name.into(),
        ..with(changes)
    };
    client.schedule_create(&request, &key()).await.unwrap()
}

async fn stands(server: &TestServer, id: ScheduleId, next: Option<Timestamp>, waiting: Option<Timestamp>) {
    let moved = Moved {
        runs: 0,
        next,
        waiting,
        execution: None,
        instance: None,
    };
    server.write(tx!(tx => stored::moved(tx, id, &moved).await)).await;
}

async fn names(server: &TestServer, list: &ListRequest) -> Vec<String> {
    let page = server.admin().schedule_list(list).await.unwrap();
    page.items.into_iter().map(|schedule| schedule.name).collect()
}

async fn schedules_are_found_by_state_kind_name_and_owner(server: TestServer) {
    server.agent("web-1").await;
    let (admin, tenant) = (server.admin(), server.default_tenant().await.id);
    let other = server
        .person(tenant, &[(Role::Operator, Scope::Tenant(tenant))])
        .await;
    made(&other.client, "active", json!({})).await;
    let script =
        json!({"kind": "script", "name": "s", "language": "bash", "definition": {"content": "true"}});
    let script = serde_json::from_value(script).unwrap();
    let script = admin.script_create(&script, &key()).await.unwrap().script.id;
    let script = json!({"work": {"kind": "script", "script_id": script}});
    let paused = ScheduleCreate {
        name: "paused".into(),
        paused: Some(true),
        ..with(script)
    };
    admin.schedule_create(&paused, &key()).await.unwrap();
    let steps = json!({"steps": [{"id": "wait", "type": "delay", "minutes": 15}]});
    let workflow = published(&admin, "waits", steps).await;
    let workflow = json!({"work": {"kind": "workflow", "workflow_id": workflow}, "targets": {}});
    let ended = made(&admin, "ended", workflow).await;
    stands(&server, ended.id, None, None).await;
    let calendar = dark_today(&server).await;
    let calendar = admin.calendar_create(&calendar, &key()).await.unwrap();
    let rule = json!({"blackout": {"calendar_id": calendar.id, "tick": "wait"}});
    let waiting = made(&admin, "waiting", rule).await;
    stands(&server, waiting.id, waiting.next_at, Some(server.clock.now())).await;

    let found = async |pairs: &[(&str, &str)]| names(&server, &filtered(pairs)).await;
    for state in ["active", "ended", "paused", "waiting"] {
        assert_eq!(found(&[("state", state)]).await, [state]);
    }
    assert_eq!(found(&[("state", "paused,ended")]).await, ["ended", "paused"]);
    assert_eq!(found(&[("kind", "job")]).await, ["active", "waiting"]);
    assert_eq!(found(&[("kind", "script,workflow")]).await, ["ended", "paused"]);
    assert!(found(&[("kind", "action")]).await.is_empty());
    assert_eq!(found(&[("name", "ended")]).await, ["ended"]);
    assert_eq!(found(&[("owner", &*other.name)]).await, ["active"]);
    assert_eq!(found(&[("kind", "job"), ("state", "waiting")]).await, ["waiting"]);
    for unknown in [("state", "asleep"), ("kind", "batch"), ("zone", "UTC")] {
        let list = filtered(&[unknown]);
        assert_eq!(wrong_field(admin.schedule_list(&list).await), "filter");
    }
}

async fn a_filtered_list_goes_on_where_its_page_ended(server: TestServer) {
    server.agent("web-1").await;
    let admin = server.admin();
    for (name, paused) in [("a", false), ("b", true), ("c", false), ("d", true), ("e", false)] {
        let request = ScheduleCreate {
            name: name.into(),
            paused: Some(paused),
            ..with(json!({}))
        };
        admin.schedule_create(&request, &key()).await.unwrap();
    }
    let mut list = ListRequest {
        limit: Some(1),
        ..filtered(&[("state", "active")])
    };
    let mut found = Vec::new();
    loop {
        let page = admin.schedule_list(&list).await.unwrap();
        found.extend(page.items.into_iter().map(|schedule| schedule.name));
        list.cursor = page.next_cursor;
        if list.cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, ["a", "c", "e"]);
}

async fn a_preview_of_a_time_has_every_tick_of_it(server: TestServer) {
    let admin = server.admin();
    let begin: Timestamp = "2026-11-30T23:00:00Z".parse().unwrap();
    let preview = async |cron: &str, until: &str| {
        let request = CronPreview {
            cron: cron.to_owned(),
            zone: "Europe/Brussels".into(),
            from: Some(begin),
            until: Some(until.parse().unwrap()),
        };
        admin.cron_preview(&request).await
    };
    let month = "2026-12-31T23:00:00Z";
    let daily = preview("0 0 * * *", month).await.unwrap();
    assert_eq!((daily.ticks.len(), daily.more), (31, false));
    assert_eq!(daily.ticks[0], begin, "a tick at the first moment belongs to it");
    let often = preview("* * * * *", month).await.unwrap();
    assert_eq!((often.ticks.len(), often.more), (2000, true));
    assert!(preview("0 0 * * *", "2027-01-31T23:00:00Z").await.is_ok());
    for until in ["2027-01-31T23:00:01Z", "2026-11-30T23:00:00Z"] {
        assert_eq!(wrong_field(preview("0 0 * * *", until).await), "until");
    }
}
