//! Schedules through HTTP: spec 4.

mod calendars;
mod edits;
mod lists;
mod newer;
mod rights;
mod run_now;
mod saving;
mod ticks;
mod workflows;

use std::time::Duration;

use postern_api::{
    ListRequest,
    schedules::{Schedule, ScheduleCreate, ScheduleTick, TickFate},
};
use postern_server::clock::Clock as _;
use postern_testkit::{TestServer, key, until};
use serde_json::{Value, json};

fn every_ten_minutes() -> Value {
    json!({
        "cron": "*/10 * * * *", "targets": {"agents": ["web-1"]},
        "work": {"kind": "job", "job": {"type": "command", "payload": {"argv": ["true"]}}},
    })
}

fn with(changes: Value) -> ScheduleCreate {
    let mut definition = every_ten_minutes();
    for (name, value) in changes.as_object().unwrap() {
        definition[name] = value.clone();
    }
    serde_json::from_value(json!({"name": "often", "definition": definition})).unwrap()
}

async fn saved(server: &TestServer, changes: Value) -> Schedule {
    server
        .admin()
        .schedule_create(&with(changes), &key())
        .await
        .unwrap()
}

async fn ticks(server: &TestServer, schedule: &Schedule) -> Vec<ScheduleTick> {
    let list = ListRequest::default();
    server
        .admin()
        .schedule_tick_list(schedule.id, &list)
        .await
        .unwrap()
        .items
}

fn fates(ticks: &[ScheduleTick]) -> Vec<TickFate> {
    ticks.iter().rev().map(|tick| tick.fate).collect()
}

/// To a moment after the next tick; returns when something became of it.
async fn pass(server: &TestServer, schedule: &Schedule, after: Duration) {
    let known = ticks(server, schedule).await.len();
    let next = server
        .admin()
        .schedule_show(schedule.id)
        .await
        .unwrap()
        .next_at
        .unwrap();
    server.clock.advance(next.since(server.clock.now()) + after);
    until("something became of the tick", || async {
        (ticks(server, schedule).await.len() > known).then_some(())
    })
    .await;
}

const SOON: Duration = Duration::from_secs(5);
