//! Blackouts of host groups: jobs that are made by way of a group wait for the end, or are cancelled, and say so.

use std::time::Duration;

use postern_api::{
    executions::{ExecutionRerun, RerunHosts},
    groups::{BlackoutJobs, Group, GroupBlackout, GroupCreate, GroupUpdate},
    jobs::{JobCreate, JobsCreated},
    schedules::Calendar,
    targets::Targets,
};
use postern_domain::{
    CalendarId, Timestamp,
    job::{JobState, WaitReason},
};
use postern_server::clock::Clock as _;
use postern_testkit::{SimAgent, TestServer, argv, key, on, targets};
use serde_json::json;

use super::{show, state, until_state, waits};
use crate::{on_both_databases, refused, wrong_field};

on_both_databases! {
    a_job_of_a_group_waits_for_the_end_and_begins_then,
    a_job_of_a_group_is_cancelled_where_that_is_wanted,
    a_blackout_that_begins_keeps_what_was_made_before,
    without_the_group_and_after_its_change_nothing_waits,
    what_is_run_again_goes_by_the_same_blackouts,
    a_calendar_of_a_group_stays_and_says_by_whom_it_is_used,
}

const MINUTE: Duration = Duration::from_secs(60);

/// A calendar with one hour of blackout a day, which begins so many minutes from now.
async fn hour(server: &TestServer, begins_in_minutes: i64) -> Calendar {
    let at = |minutes: i64| {
        let now = server.clock.now().as_micros();
        let text = Timestamp::from_micros(now + minutes * 60_000_000).to_string();
        text[11..16].to_owned()
    };
    let days = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    let (from, to) = (at(begins_in_minutes), at(begins_in_minutes + 60));
    let calendar = json!({
        "name": "quiet-hour", "entries": [{"kind": "weekly", "days": days, "from": from, "to": to}],
    });
    let calendar = serde_json::from_value(calendar).unwrap();
    server.admin().calendar_create(&calendar, &key()).await.unwrap()
}

async fn group(server: &TestServer, calendar: &Calendar, jobs: BlackoutJobs) -> Group {
    let group = GroupCreate {
        name: "webs".into(),
        description: String::new(),
        organization_id: None,
        department_id: None,
        targets: targets(&["a-1", "a-2"]),
        blackout: Some(GroupBlackout {
            calendar_id: calendar.id,
            jobs,
        }),
    };
    server.admin().group_create(&group, &key()).await.unwrap()
}

fn of_group() -> JobCreate {
    JobCreate {
        targets: Targets {
            groups: vec!["webs".into()],
            ..Default::default()
        },
        ..on(&[], argv(&["x"]))
    }
}

async fn agents(server: &TestServer) -> [SimAgent; 2] {
    [server.agent("a-1").await, server.agent("a-2").await]
}

async fn created(server: &TestServer, request: &JobCreate) -> JobsCreated {
    server.admin().job_create(request, &key()).await.unwrap()
}

async fn a_job_of_a_group_waits_for_the_end_and_begins_then(server: TestServer) {
    let [one, two] = agents(&server).await;
    let calendar = hour(&server, -10).await;
    let end = calendar.blackout_until.unwrap();
    group(&server, &calendar, BlackoutJobs::Wait).await;
    let preview = server.admin().job_preview(&of_group()).await.unwrap();
    let problem = preview.hosts[0].problem.clone().unwrap_or_default();
    assert!(
        problem.contains("\"quiet-hour\"") && problem.contains("waits"),
        "{problem}"
    );
    let made = created(&server, &of_group()).await;
    assert!(one.orders().await.is_empty(), "nothing begins");
    let wait = show(&server, made.jobs[0].id).await.job.waits.unwrap();
    assert_eq!(
        (wait.reason, wait.until),
        (WaitReason::MaintenanceWindow, Some(end))
    );
    for part in ["\"webs\"", "\"quiet-hour\"", &end.to_string()] {
        assert!(wait.text.contains(part), "{}", wait.text);
    }
    let listed = server.admin().job_list(&Default::default()).await.unwrap().items;
    assert!(
        listed.iter().all(|job| job.waits.as_ref() == Some(&wait)),
        "{listed:?}"
    );
    // Waiting for its end is not being left lying.
    server.clock.set(end.minus(Duration::from_secs(1)));
    for agent in [&one, &two] {
        assert!(agent.orders().await.is_empty());
        server.heard(agent).await;
    }
    server.clock.set(end);
    one.run(0).await;
    assert_eq!(state(&server, made.jobs[0].id).await, JobState::Completed);
    // The other one has half an hour from now on.
    server.clock.set(end.plus(MINUTE * 30));
    // A round of the clock passes: a heartbeat is written by one that comes after it.
    one.beat().await.unwrap();
    server.heard(&one).await;
    assert_eq!(state(&server, made.jobs[1].id).await, JobState::Queued);
    server.clock.set(end.plus(MINUTE * 31));
    let job = until_state(&server, made.jobs[1].id, JobState::Failed).await;
    assert_eq!(job.reason.as_deref(), Some("Agent did not pick up job"));
}

async fn a_job_of_a_group_is_cancelled_where_that_is_wanted(server: TestServer) {
    let [one, _two] = agents(&server).await;
    let calendar = hour(&server, -10).await;
    group(&server, &calendar, BlackoutJobs::Skip).await;
    let made = created(&server, &of_group()).await;
    for job in &made.jobs {
        let job = until_state(&server, job.id, JobState::Cancelled).await;
        let reason = job.reason.unwrap_or_default();
        assert!(
            reason.starts_with("Not started: Host group \"webs\" has a blackout until"),
            "{reason}"
        );
    }
    assert!(one.orders().await.is_empty());
    // In another hour they run.
    server.clock.set(calendar.blackout_until.unwrap());
    let made = created(&server, &of_group()).await;
    one.run(0).await;
    assert_eq!(state(&server, made.jobs[0].id).await, JobState::Completed);
}

async fn a_blackout_that_begins_keeps_what_was_made_before(server: TestServer) {
    let [one, _two] = agents(&server).await;
    let calendar = hour(&server, 10).await;
    assert_eq!(calendar.blackout_until, None);
    group(&server, &calendar, BlackoutJobs::Wait).await;
    let made = created(&server, &of_group()).await;
    assert_eq!(waits(&server, made.jobs[0].id).await, None);
    server.clock.advance(MINUTE * 11);
    assert!(one.orders().await.is_empty());
    assert_eq!(
        waits(&server, made.jobs[0].id).await,
        Some(WaitReason::MaintenanceWindow)
    );
    server.clock.advance(MINUTE * 60);
    one.run(0).await;
    assert_eq!(state(&server, made.jobs[0].id).await, JobState::Completed);
}

async fn without_the_group_and_after_its_change_nothing_waits(server: TestServer) {
    let [one, two] = agents(&server).await;
    let calendar = hour(&server, -10).await;
    let webs = group(&server, &calendar, BlackoutJobs::Wait).await;
    // Whoever names a host means it.
    created(&server, &on(&["a-1"], argv(&["x"]))).await;
    one.run(0).await;
    created(&server, &of_group()).await;
    assert!(one.orders().await.is_empty());
    let described = GroupUpdate {
        description: Some("all of them".into()),
        ..Default::default()
    };
    let shown = server.admin().group_update(webs.id, &described).await.unwrap();
    assert_eq!(shown.blackout, webs.blackout);
    assert!(one.orders().await.is_empty());
    let none = GroupUpdate {
        blackout: Some(GroupBlackout {
            calendar_id: CalendarId(0),
            jobs: BlackoutJobs::Wait,
        }),
        ..Default::default()
    };
    server.clock.advance(MINUTE * 35);
    let shown = server.admin().group_update(webs.id, &none).await.unwrap();
    assert_eq!(shown.blackout, None);
    one.run(0).await;
    two.run(0).await;
    let unknown = GroupUpdate {
        blackout: Some(GroupBlackout {
            calendar_id: CalendarId(99),
            jobs: BlackoutJobs::Wait,
        }),
        ..Default::default()
    };
    let unknown = server.admin().group_update(webs.id, &unknown).await;
    assert_eq!(wrong_field(unknown), "blackout.calendar_id");
}

async fn what_is_run_again_goes_by_the_same_blackouts(server: TestServer) {
    let [one, two] = agents(&server).await;
    let calendar = hour(&server, 10).await;
    group(&server, &calendar, BlackoutJobs::Wait).await;
    let made = created(&server, &of_group()).await;
    one.run(1).await;
    two.run(1).await;
    server.clock.advance(MINUTE * 11);
    let all = ExecutionRerun {
        hosts: RerunHosts::All,
    };
    let again = server
        .admin()
        .execution_rerun(made.execution_id, &all, &key())
        .await
        .unwrap();
    server.admin().job_retry(made.jobs[0].id).await.unwrap();
    for id in [again.jobs[0].id, made.jobs[0].id] {
        assert_eq!(waits(&server, id).await, Some(WaitReason::MaintenanceWindow));
    }
    assert!(one.orders().await.is_empty());
}

async fn a_calendar_of_a_group_stays_and_says_by_whom_it_is_used(server: TestServer) {
    agents(&server).await;
    let admin = server.admin();
    let calendar = hour(&server, -10).await;
    let webs = group(&server, &calendar, BlackoutJobs::Wait).await;
    let shown = admin.calendar_show(calendar.id).await.unwrap();
    assert_eq!(shown.used_by, ["host group webs"]);
    assert_eq!(
        refused(admin.calendar_delete(calendar.id).await),
        (409, "calendar_in_use".into())
    );
    admin.group_delete(webs.id).await.unwrap();
    admin.calendar_delete(calendar.id).await.unwrap();
}
