//! Calendars: nothing begins while they are dark, they stay while somebody goes by them, and of changes at the same
//! time one begins where the other has ended.

use std::time::Duration;

use postern_api::schedules::{Calendar, CalendarCreate, CalendarUpdate, ScheduleCreate, TickFate};
use postern_domain::{CalendarId, Timestamp};
use postern_server::clock::Clock as _;
use postern_store::{schedules::calendars, tx};
use postern_testkit::{Database, TestServer, key, until};
use serde_json::json;
use tokio_postgres::Client;

use super::{SOON, fates, pass, saved, ticks, with};
use crate::{on_both_databases, refused};

on_both_databases! {
    nothing_begins_in_a_blackout,
    a_calendar_in_use_stays,
}

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

/// A calendar that is dark today and for as long as a test moves the clock.
pub(super) async fn dark_today(server: &TestServer) -> CalendarCreate {
    let day = |ahead: u64| {
        let time = server.clock.now().plus(Duration::from_secs(ahead * 24 * 3600));
        time.to_string()[..10].to_owned()
    };
    serde_json::from_value(json!({
        "name": "today", "entries": [{"kind": "dates", "from": day(0), "to": day(2)}],
    }))
    .unwrap()
}

async fn nothing_begins_in_a_blackout(server: TestServer) {
    server.agent("web-1").await;
    let calendar = dark_today(&server).await;
    let calendar = server.admin().calendar_create(&calendar, &key()).await.unwrap();
    assert!(calendar.blackout_until > Some(server.clock.now()));
    let rule = |tick: &str| json!({"blackout": {"calendar_id": calendar.id, "tick": tick}});
    let skip = saved(&server, rule("skip")).await;
    pass(&server, &skip, SOON).await;
    let found = ticks(&server, &skip).await;
    assert_eq!(fates(&found), [TickFate::Blackout]);
    assert!(
        found[0]
            .reason
            .as_deref()
            .is_some_and(|reason| reason.contains("\"today\" has a blackout until"))
    );
    let wait = ScheduleCreate {
        name: "patient".into(),
        ..with(json!({"cron": "*/10 * * * *", "blackout": {"calendar_id": calendar.id, "tick": "wait"}}))
    };
    let wait = server.admin().schedule_create(&wait, &key()).await.unwrap();
    let due = wait.next_at.unwrap();
    server.clock.advance(due.since(server.clock.now()) + SOON);
    let shown = until("the tick waits", || async {
        let shown = server.admin().schedule_show(wait.id).await.unwrap();
        (shown.waiting == Some(due)).then_some(shown)
    })
    .await;
    let reason = shown.waiting_reason.unwrap_or_default();
    assert!(reason.contains("\"today\" has a blackout until"), "{reason}");
    // It runs when the blackout is over.
    let over = server.admin().calendar_show(calendar.id).await.unwrap();
    server
        .clock
        .set(over.blackout_until.unwrap().plus(Duration::from_secs(300)));
    until("the tick runs", || async {
        let found = ticks(&server, &wait).await;
        let of_it = found.iter().find(|tick| tick.at == due);
        of_it.is_some_and(|tick| tick.fate == TickFate::Ran).then_some(())
    })
    .await;
    let shown = server.admin().schedule_show(wait.id).await.unwrap();
    assert_eq!((shown.waiting, shown.waiting_reason), (None, None));
}

async fn a_calendar_in_use_stays(server: TestServer) {
    server.agent("web-1").await;
    let admin = server.admin();
    let calendar = dark_today(&server).await;
    let calendar = admin.calendar_create(&calendar, &key()).await.unwrap();
    let rule = json!({"blackout": {"calendar_id": calendar.id, "tick": "skip"}});
    let schedule = saved(&server, rule).await;
    assert_eq!(admin.calendar_show(calendar.id).await.unwrap().used_by, ["often"]);
    assert_eq!(
        refused(admin.calendar_delete(calendar.id).await),
        (409, "calendar_in_use".into())
    );
    admin.schedule_delete(schedule.id).await.unwrap();
    admin.calendar_delete(calendar.id).await.unwrap();
}
