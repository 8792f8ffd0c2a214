//! Schedules through HTTP: spec 4.

mod calendars;
mod edits;
mod rights;
mod run_now;
mod workflows;

use std::time::Duration;

use postern_api::{
    ListRequest,
    schedules::{
        CalendarCreate, CronPreview, Schedule, ScheduleCreate, ScheduleTick, ScheduleUpdate, TickFate,
    },
};
use postern_domain::{
    Timestamp,
    permission::{Role, Scope},
};
use postern_server::clock::Clock as _;
use postern_store::{schedules as stored, tx};
use postern_testkit::{TestServer, key, until};
use serde_json::{Value, json};

use crate::{on_both_databases, refused};

on_both_databases! {
    a_tick_has_one_child_and_the_next_is_known,
    a_clock_set_back_and_forward_by_an_hour_neither_doubles_nor_loses_a_tick,
    ticks_that_no_server_saw_are_skipped_or_make_one_run,
    an_unfinished_child_keeps_the_next_one_waiting_or_out,
    a_schedule_ends_by_itself,
    a_tick_that_made_no_child_is_not_the_last_run,
    a_tick_that_waits_outlives_a_last_run_that_was_refused,
    a_paused_one_begins_nothing_until_it_is_resumed,
    nothing_begins_in_a_blackout,
    it_runs_with_the_rights_its_owner_has_then,
    what_cannot_run_is_refused_when_it_is_saved,
    run_now_counts_as_no_tick,
    an_older_child_that_still_runs_counts_for_the_overlap,
    what_became_of_old_ticks_is_forgotten_but_the_last,
    what_fails_inside_the_server_is_given_up_after_three_tries,
    the_audit_keeps_the_digest_of_what_it_does,
    a_calendar_in_use_stays,
    an_agent_that_a_schedule_names_stays,
}

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

async fn a_tick_has_one_child_and_the_next_is_known(server: TestServer) {
    let agent = server.agent("web-1").await;
    let schedule = saved(&server, json!({})).await;
    assert_eq!((schedule.runs, schedule.cron_text.is_empty()), (0, false));
    let first = schedule.next_at.unwrap();
    pass(&server, &schedule, SOON).await;
    let found = ticks(&server, &schedule).await;
    assert_eq!((fates(&found), found[0].at), (vec![TickFate::Ran], first));
    agent.run(0).await;
    let execution = server
        .admin()
        .execution_show(found[0].execution_id.unwrap())
        .await
        .unwrap();
    assert_eq!(execution.schedule_id, Some(schedule.id));
    assert!(
        execution
            .created_by
            .starts_with(&format!("schedule:{} (often) for user:1", schedule.id))
    );
    let shown = server.admin().schedule_show(schedule.id).await.unwrap();
    assert_eq!(
        (shown.runs, shown.next_at),
        (1, Some(first.plus(Duration::from_secs(600))))
    );
    let jobs = ListRequest {
        filter: vec![("schedule".into(), schedule.id.to_string())],
        ..Default::default()
    };
    assert_eq!(server.admin().job_list(&jobs).await.unwrap().items.len(), 1);
}

async fn a_clock_set_back_and_forward_by_an_hour_neither_doubles_nor_loses_a_tick(server: TestServer) {
    let _agent = server.agent("web-1").await;
    let schedule = saved(&server, json!({"overlap": "allow", "missed": "run_once"})).await;
    pass(&server, &schedule, SOON).await;
    let after = server.clock.now();
    server.clock.set(after.minus(Duration::from_secs(3600)));
    // A second one shows that every tick of that hour was looked at.
    let marker = ScheduleCreate {
        name: "marker".into(),
        ..with(json!({"overlap": "allow"}))
    };
    let marker = server.admin().schedule_create(&marker, &key()).await.unwrap();
    for _ in 0..5 {
        pass(&server, &marker, SOON).await;
    }
    assert_eq!(ticks(&server, &schedule).await.len(), 1);
    server.clock.set(after.plus(Duration::from_secs(3600)));
    until("the missed ticks make one run", || async {
        (ticks(&server, &schedule).await.len() == 3).then_some(())
    })
    .await;
    let found = ticks(&server, &schedule).await;
    assert_eq!(fates(&found), [TickFate::Ran, TickFate::Missed, TickFate::Ran]);
    let counted: u32 = found.iter().map(|tick| tick.ticks).sum();
    assert_eq!(counted, 7, "the first, and the six of the hour");
}

async fn ticks_that_no_server_saw_are_skipped_or_make_one_run(mut server: TestServer) {
    server.agent("web-1").await;
    let skip = saved(&server, json!({})).await;
    let once = ScheduleCreate {
        name: "once".into(),
        ..with(json!({"missed": "run_once"}))
    };
    let once = server.admin().schedule_create(&once, &key()).await.unwrap();
    // Stopped, and started again when four ticks have passed, the last of them five minutes ago.
    let first = skip.next_at.unwrap().since(server.clock.now());
    server.restart_after(first + Duration::from_secs(35 * 60)).await;
    until("both are decided", || async {
        let both = [
            ticks(&server, &skip).await.len(),
            ticks(&server, &once).await.len(),
        ];
        both.iter().all(|count| *count > 0).then_some(())
    })
    .await;
    assert_eq!(fates(&ticks(&server, &skip).await), [TickFate::Missed]);
    assert_eq!(
        fates(&ticks(&server, &once).await),
        [TickFate::Missed, TickFate::Ran]
    );
}

async fn an_unfinished_child_keeps_the_next_one_waiting_or_out(server: TestServer) {
    let agent = server.agent("web-1").await;
    let skip = saved(&server, json!({})).await;
    pass(&server, &skip, SOON).await;
    pass(&server, &skip, SOON).await;
    assert_eq!(
        fates(&ticks(&server, &skip).await),
        [TickFate::Ran, TickFate::Overlap]
    );
    server.admin().schedule_delete(skip.id).await.unwrap();
    agent.run(0).await;
    let queue = saved(&server, json!({"overlap": "queue"})).await;
    pass(&server, &queue, SOON).await;
    let second = server
        .admin()
        .schedule_show(queue.id)
        .await
        .unwrap()
        .next_at
        .unwrap();
    server.clock.advance(second.since(server.clock.now()) + SOON);
    until("the second tick waits", || async {
        let shown = server.admin().schedule_show(queue.id).await.unwrap();
        (shown.waiting == Some(second)).then_some(())
    })
    .await;
    let shown = server.admin().schedule_show(queue.id).await.unwrap();
    let reason = shown.waiting_reason.unwrap_or_default();
    assert!(reason.contains("not finished"), "{reason}");
    agent.run(0).await;
    until("it runs when the first has finished", || async {
        (fates(&ticks(&server, &queue).await) == [TickFate::Ran, TickFate::Ran]).then_some(())
    })
    .await;
}

async fn a_schedule_ends_by_itself(server: TestServer) {
    server.agent("web-1").await;
    let twice = saved(&server, json!({"max_runs": 2, "overlap": "allow"})).await;
    pass(&server, &twice, SOON).await;
    pass(&server, &twice, SOON).await;
    let shown = server.admin().schedule_show(twice.id).await.unwrap();
    assert_eq!((shown.runs, shown.next_at), (2, None));
}

async fn a_tick_that_made_no_child_is_not_the_last_run(server: TestServer) {
    let gone = server.agent("web-1").await;
    let admin = server.admin();
    let once = saved(&server, json!({"max_runs": 1, "targets": {"all": true}})).await;
    admin
        .agent_delete(gone.id(), postern_testkit::client::Revoke::Yes)
        .await
        .unwrap();
    pass(&server, &once, SOON).await;
    assert_eq!(fates(&ticks(&server, &once).await), [TickFate::Failed]);
    let shown = admin.schedule_show(once.id).await.unwrap();
    let second = once.next_at.unwrap().plus(Duration::from_secs(600));
    assert_eq!((shown.runs, shown.next_at), (0, Some(second)));
    server.agent("web-2").await;
    pass(&server, &once, SOON).await;
    assert_eq!(
        fates(&ticks(&server, &once).await),
        [TickFate::Failed, TickFate::Ran]
    );
    let shown = admin.schedule_show(once.id).await.unwrap();
    assert_eq!((shown.runs, shown.next_at), (1, None));
}

/// It was to give way to the last run.
async fn a_tick_that_waits_outlives_a_last_run_that_was_refused(server: TestServer) {
    let gone = server.agent("web-1").await;
    let once = saved(&server, json!({"max_runs": 1, "targets": {"all": true}})).await;
    server
        .admin()
        .agent_delete(gone.id(), postern_testkit::client::Revoke::Yes)
        .await
        .unwrap();
    let (id, now) = (once.id, server.clock.now());
    let moved = stored::Moved {
        runs: 0,
        next: Some(now),
        waiting: Some(now.minus(Duration::from_secs(600))),
        execution: None,
        instance: None,
    };
    server.write(tx!(tx => stored::moved(tx, id, &moved).await)).await;
    let found = until("both are decided", || async {
        let found = ticks(&server, &once).await;
        (found.len() == 2).then_some(found)
    })
    .await;
    assert_eq!(fates(&found), [TickFate::Failed, TickFate::Failed]);
}

async fn a_paused_one_begins_nothing_until_it_is_resumed(server: TestServer) {
    server.agent("web-1").await;
    let schedule = saved(&server, json!({})).await;
    let marker = ScheduleCreate {
        name: "marker".into(),
        ..with(json!({}))
    };
    let marker = server.admin().schedule_create(&marker, &key()).await.unwrap();
    let paused = |paused| ScheduleUpdate {
        paused: Some(paused),
        ..Default::default()
    };
    let shown = server
        .admin()
        .schedule_update(schedule.id, &paused(true))
        .await
        .unwrap();
    assert_eq!((shown.paused, shown.next_at), (true, None));
    pass(&server, &marker, SOON).await;
    assert!(ticks(&server, &schedule).await.is_empty());
    let shown = server
        .admin()
        .schedule_update(schedule.id, &paused(false))
        .await
        .unwrap();
    assert!(
        shown.next_at > Some(server.clock.now()),
        "what was missed while it was paused is not made up"
    );
    pass(&server, &schedule, SOON).await;
    assert_eq!(fates(&ticks(&server, &schedule).await), [TickFate::Ran]);
}

/// A calendar that is dark today and for as long as a test moves the clock.
async fn dark_today(server: &TestServer) -> CalendarCreate {
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

async fn it_runs_with_the_rights_its_owner_has_then(server: TestServer) {
    server.agent("web-1").await;
    let tenant = server.default_tenant().await.id;
    let person = server
        .person(tenant, &[(Role::Operator, Scope::Tenant(tenant))])
        .await;
    let theirs = server.client(&person.token);
    let schedule = theirs.schedule_create(&with(json!({})), &key()).await.unwrap();
    server.admin().user_delete(person.id).await.unwrap();
    pass(&server, &schedule, SOON).await;
    let found = ticks(&server, &schedule).await;
    assert_eq!(fates(&found), [TickFate::Failed]);
    assert!(
        found[0]
            .reason
            .as_deref()
            .is_some_and(|reason| reason.contains("gone or switched off")),
        "{found:?}"
    );
    // Whoever saves what it does takes it over.
    let update = ScheduleUpdate {
        definition: Some(schedule.definition.clone()),
        ..Default::default()
    };
    server
        .admin()
        .schedule_update(schedule.id, &update)
        .await
        .unwrap();
    pass(&server, &schedule, SOON).await;
    assert_eq!(
        fates(&ticks(&server, &schedule).await),
        [TickFate::Failed, TickFate::Ran]
    );
}

async fn what_cannot_run_is_refused_when_it_is_saved(server: TestServer) {
    server.agent("web-1").await;
    let password = json!({"kind": "job", "job": {"type": "user_control", "payload": {"action": "reset_password", "user": "anna"}}});
    for (changes, field) in [
        (json!({"cron": "* * * *"}), "definition.cron"),
        (json!({"cron": "0 0 31 2 *"}), "definition.cron"),
        (json!({"zone": "Mars/Olympus"}), "definition.zone"),
        (json!({"max_runs": 0}), "definition.max_runs"),
        (json!({"ends_at": "2020-01-01T00:00:00Z"}), "definition.ends_at"),
        (json!({"targets": {"agents": ["nobody"]}}), "targets.agents"),
        (
            json!({"blackout": {"calendar_id": 9, "tick": "skip"}}),
            "definition.blackout.calendar_id",
        ),
        (json!({"work": password}), "secrets.password"),
    ] {
        let error = server
            .admin()
            .schedule_create(&with(changes), &key())
            .await
            .unwrap_err();
        assert_eq!(error.problem().unwrap().errors[0].field, field);
    }
    let preview = |cron: &str| CronPreview {
        cron: cron.into(),
        zone: "Europe/Brussels".into(),
    };
    let shown = server.admin().cron_preview(&preview("30 2 * * *")).await.unwrap();
    assert_eq!(shown.ticks.len(), 5);
    assert_eq!(
        refused(server.admin().cron_preview(&preview("nonsense")).await).0,
        422
    );
}

async fn run_now_counts_as_no_tick(server: TestServer) {
    let agent = server.agent("web-1").await;
    let schedule = saved(&server, json!({"max_runs": 5})).await;
    server.admin().schedule_run(schedule.id, &key()).await.unwrap();
    agent.run(0).await;
    let shown = server.admin().schedule_show(schedule.id).await.unwrap();
    assert_eq!((shown.runs, shown.next_at), (0, schedule.next_at));
    assert_eq!(fates(&ticks(&server, &schedule).await), [TickFate::RunNow]);
}

/// *Run now* made a newer one, which is over already.
async fn an_older_child_that_still_runs_counts_for_the_overlap(server: TestServer) {
    let agent = server.agent("web-1").await;
    let schedule = saved(&server, json!({})).await;
    pass(&server, &schedule, SOON).await;
    let order = agent.order().await;
    agent.start(&order).await;
    let now = server.admin().schedule_run(schedule.id, &key()).await.unwrap();
    server.admin().job_cancel(now.jobs[0].id).await.unwrap();
    pass(&server, &schedule, SOON).await;
    assert_eq!(
        fates(&ticks(&server, &schedule).await),
        [TickFate::Ran, TickFate::RunNow, TickFate::Overlap]
    );
}

async fn what_became_of_old_ticks_is_forgotten_but_the_last(mut server: TestServer) {
    server.agent("web-1").await;
    let today = server.clock.now();
    server.clock.set(today.minus(Duration::from_secs(9 * 24 * 3600)));
    let schedule = saved(&server, json!({"overlap": "allow", "max_runs": 3})).await;
    for _ in 0..3 {
        pass(&server, &schedule, SOON).await;
    }
    let newest = ticks(&server, &schedule).await[0].at;
    server.retain_jobs_days(8);
    server.restart_after(today.since(server.clock.now())).await;
    let found = until("the older ones are gone", || async {
        let found = ticks(&server, &schedule).await;
        (found.len() == 1).then_some(found)
    })
    .await;
    assert_eq!(found[0].at, newest);
    let record = crate::filtered(&[("action", "schedule_ticks_expire")]);
    assert_eq!(server.admin().audit_list(&record).await.unwrap().items.len(), 1);
}

async fn what_fails_inside_the_server_is_given_up_after_three_tries(server: TestServer) {
    server.agent("web-1").await;
    let schedule = saved(&server, json!({})).await;
    let (id, due, now) = (schedule.id, schedule.next_at.unwrap(), server.clock.now());
    // As no server wrote it.
    server
        .write(tx!(tx => {
            let saved = stored::Saved {
                name: "often".into(),
                description: String::new(),
                definition: "nonsense".into(),
                secret: None,
                calendar: None,
                owner: postern_domain::UserId(1),
                token: None,
                paused: false,
                next: Some(due),
                waiting: None,
            };
            stored::update(tx, id, saved, "user:1", now).await
        }))
        .await;
    server.clock.advance(due.since(now) + SOON);
    let found = until("it is given up", || async {
        let found = ticks(&server, &schedule).await;
        (!found.is_empty()).then_some(found)
    })
    .await;
    assert_eq!((fates(&found), found[0].at), (vec![TickFate::Failed], due));
    let reason = found[0].reason.as_deref().unwrap_or_default();
    assert!(reason.contains("3 times"), "{reason}");
    let row = server.read(tx!(tx => stored::find(tx, id).await)).await.unwrap();
    assert_eq!((row.next, row.failures), (None, 0));
}

async fn the_audit_keeps_the_digest_of_what_it_does(server: TestServer) {
    server.agent("web-1").await;
    let text = "echo 'what it does in full'";
    let script = json!({"type": "script", "payload": {"language": "bash", "content": text}});
    let schedule = saved(&server, json!({"work": {"kind": "job", "job": script}})).await;
    let update = ScheduleUpdate {
        description: Some("told".into()),
        ..Default::default()
    };
    server
        .admin()
        .schedule_update(schedule.id, &update)
        .await
        .unwrap();
    server.admin().schedule_delete(schedule.id).await.unwrap();
    let of_it = crate::filtered(&[("object", &format!("schedule:{}", schedule.id))]);
    let records = server.admin().audit_list(&of_it).await.unwrap().items;
    assert_eq!(records.len(), 3);
    for record in records {
        let told = serde_json::to_string(&record).unwrap();
        assert!(!told.contains("in full"), "{told}");
        assert!(told.contains("sha256") && told.contains("often"), "{told}");
    }
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

async fn an_agent_that_a_schedule_names_stays(server: TestServer) {
    let agent = server.agent("web-1").await;
    let admin = server.admin();
    let schedule = saved(&server, json!({})).await;
    let delete = async || {
        admin
            .agent_delete(agent.id(), postern_testkit::client::Revoke::Yes)
            .await
    };
    let error = delete().await.unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!((problem.status, problem.code.as_str()), (409, "agent_in_use"));
    assert!(
        problem
            .detail
            .contains(&format!("schedule often ({})", schedule.id)),
        "{}",
        problem.detail
    );
    // By label nobody is named.
    let all: ScheduleUpdate = serde_json::from_value(json!({
        "definition": serde_json::to_value(with(json!({"targets": {"all": true}})).definition).unwrap(),
    }))
    .unwrap();
    admin.schedule_update(schedule.id, &all).await.unwrap();
    delete().await.unwrap();
}

/// The clock starts at a full minute, so that ticks are where the tests say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_tick_lies_ahead() {
    let server = TestServer::start().await;
    server.agent("web-1").await;
    let now: Timestamp = server.clock.now();
    let next = saved(&server, json!({})).await.next_at.unwrap();
    assert!(next > now && next.since(now) <= Duration::from_secs(600));
}
