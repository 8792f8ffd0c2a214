//! Changes of one calendar at the same time: one begins where the other has ended.

use std::time::Duration;

use postern_api::schedules::{Calendar, CalendarUpdate};
use postern_domain::{CalendarId, Timestamp};
use postern_server::clock::Clock as _;
use postern_store::{schedules::calendars, tx};
use postern_testkit::{Database, TestServer, key, until};
use serde_json::json;
use tokio_postgres::Client;

const HOUR: Duration = Duration::from_secs(3600);

/// Dark from now on for an hour, each day.
async fn hour(server: &TestServer, name: &str) -> Calendar {
    let at = |time: Timestamp| time.to_string()[11..16].to_owned();
    let (from, to) = (at(server.clock.now()), at(server.clock.now().plus(HOUR)));
    let days = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    let entry = json!({"kind": "weekly", "days": days, "from": from, "to": to});
    let calendar = serde_json::from_value(json!({"name": name, "entries": [entry]})).unwrap();
    server.admin().calendar_create(&calendar, &key()).await.unwrap()
}

async fn until_somebody_waits(client: &Client) {
    let waiting =
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until("somebody waits for the row", || async {
        (!client.query(waiting, &[]).await.unwrap().is_empty()).then_some(())
    })
    .await;
}

async fn dark_until(server: &TestServer, id: CalendarId) -> Option<Timestamp> {
    let found = server.read(tx!(tx => calendars::find(tx, id).await)).await;
    found.unwrap().dark_until
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_keeps_what_another_has_just_written() {
    let server = TestServer::on(Database::Postgres).await;
    let (admin, client) = (server.admin(), server.postgres_client().await);
    let id = hour(&server, "quiet").await.id;
    let other = format!("BEGIN; UPDATE calendars SET description = 'of the bank' WHERE id = {id}");
    client.batch_execute(&other).await.unwrap();
    let edit = tokio::spawn({
        let admin = admin.clone();
        let renamed = CalendarUpdate {
            name: Some("silent".into()),
            ..CalendarUpdate::default()
        };
        async move { admin.calendar_update(id, &renamed).await }
    });
    until_somebody_waits(&client).await;
    client.batch_execute("COMMIT").await.unwrap();
    let edited = edit.await.unwrap().unwrap();
    assert_eq!((&*edited.name, &*edited.description), ("silent", "of the bank"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_next_blackout_by_rules_that_were_changed_is_not_written() {
    let server = TestServer::on(Database::Postgres).await;
    let client = server.postgres_client().await;
    let (first, second) = (hour(&server, "first").await.id, hour(&server, "second").await.id);
    let begin = server.clock.now();
    let far = begin.plus(HOUR * 24 * 365);
    let other = format!(
        "BEGIN; UPDATE calendars SET dark_from_us = {0}, dark_until_us = {0} WHERE id = {first}",
        far.as_micros()
    );
    client.batch_execute(&other).await.unwrap();
    server.clock.set(begin.plus(HOUR * 2));
    until_somebody_waits(&client).await;
    client.batch_execute("COMMIT").await.unwrap();
    // It is looked at after the first one.
    until("the next blackout of the second is found", || async {
        let found = dark_until(&server, second).await;
        (found > Some(server.clock.now())).then_some(())
    })
    .await;
    assert_eq!(dark_until(&server, first).await, Some(far));
}
