//! What becomes of a tick: one child, at its time, or a reason why there is none.

use std::time::Duration;

use postern_api::{
    ListRequest,
    schedules::{ScheduleCreate, ScheduleUpdate, TickFate},
};
use postern_domain::Timestamp;
use postern_server::clock::Clock as _;
use postern_store::{schedules as stored, tx};
use postern_testkit::{TestServer, key, until};
use serde_json::json;

use super::{SOON, fates, pass, saved, ticks, with};
use crate::on_both_databases;

on_both_databases! {
    a_tick_has_one_child_and_the_next_is_known,
    a_clock_set_back_and_forward_by_an_hour_neither_doubles_nor_loses_a_tick,
    ticks_that_no_server_saw_are_skipped_or_make_one_run,
    an_unfinished_child_keeps_the_next_one_waiting_or_out,
    a_schedule_ends_by_itself,
    a_tick_that_made_no_child_is_not_the_last_run,
    a_tick_that_waits_gives_way_to_one_that_is_due_and_is_on_record,
    a_paused_one_begins_nothing_until_it_is_resumed,
    run_now_counts_as_no_tick,
    an_older_child_that_still_runs_counts_for_the_overlap,
    what_became_of_old_ticks_is_forgotten_but_the_last,
    what_fails_inside_the_server_is_given_up_after_three_tries,
}

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

async fn a_tick_that_waits_gives_way_to_one_that_is_due_and_is_on_record(server: TestServer) {
    server.agent("web-1").await;
    let schedule = saved(&server, json!({})).await;
    let (id, now) = (schedule.id, server.clock.now());
    let waited = now.minus(Duration::from_secs(600));
    let moved = stored::Moved {
        runs: 0,
        next: Some(now),
        waiting: Some(waited),
        execution: None,
        instance: None,
    };
    server.write(tx!(tx => stored::moved(tx, id, &moved).await)).await;
    let found = until("both are decided", || async {
        let found = ticks(&server, &schedule).await;
        (found.len() == 2).then_some(found)
    })
    .await;
    assert_eq!(fates(&found), [TickFate::Replaced, TickFate::Ran]);
    assert_eq!((found[1].at, found[0].at), (waited, now));
    let reason = found[1].reason.as_deref().unwrap_or_default();
    assert!(reason.contains("later tick was due"), "{reason}");
    let shown = server.admin().schedule_show(id).await.unwrap();
    assert_eq!((shown.runs, shown.waiting), (1, None));
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

/// The clock starts at a full minute, so that ticks are where the tests say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_tick_lies_ahead() {
    let server = TestServer::start().await;
    server.agent("web-1").await;
    let now: Timestamp = server.clock.now();
    let next = saved(&server, json!({})).await.next_at.unwrap();
    assert!(next > now && next.since(now) <= Duration::from_secs(600));
}
