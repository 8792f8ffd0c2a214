//! Calendars, the host groups that go by them, and the jobs that wait for the end of a blackout.

use postern_domain::{CalendarId, GroupId, JobId, calendar::Blackout};
use postern_store::{
    agents::groups::{self, GroupText},
    jobs::{self, Over},
    schedules::calendars,
    tx,
    uses::{self, Used},
};

use crate::{
    database::TestDatabase,
    world::{NOW, World, at, queued},
};

async fn calendar(world: &World, dark: Option<(i64, i64)>) -> CalendarId {
    let (place, saved) = (
        world.place(),
        calendars::Saved {
            name: "quiet".into(),
            description: String::new(),
            zone: "UTC".into(),
            entries: "[]".into(),
            blackout: dark.map(|(from, until)| Blackout {
                from: at(from),
                until: at(until),
            }),
        },
    );
    world
        .db
        .write(tx!(tx => calendars::create(tx, place, &saved, "user:1", NOW).await))
        .await
        .unwrap()
}

async fn group(world: &World, calendar: CalendarId, jobs: &'static str) -> GroupId {
    let text = GroupText {
        name: format!("group {jobs}"),
        description: String::new(),
        targets: "{}".into(),
        blackout: Some((calendar, jobs)),
    };
    let place = world.place();
    world
        .db
        .write(tx!(tx => groups::create(tx, place, &text, "user:1", NOW).await))
        .await
        .unwrap()
}

async fn by_way_of(world: &World, job: JobId, group: GroupId) {
    world
        .db
        .write(tx!(tx => jobs::groups_keep(tx, &[(job, group)]).await))
        .await
        .unwrap();
}

async fn a_job_is_kept_back_from_the_begin_of_a_blackout_to_its_end(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    world.seen(agent, at(80)).await;
    let (kept, free) = (world.job(agent).await, world.job(agent).await);
    let group = group(&world, calendar(&world, Some((50, 90))).await, "wait").await;
    by_way_of(&world, kept, group).await;
    for (now, expected) in [
        (49, vec![kept, free]),
        (50, vec![free]),
        (89, vec![free]),
        (90, vec![kept, free]),
    ] {
        let rows = db.read(tx!(tx => queued(tx, agent, at(now), 10).await)).await;
        let ids: Vec<JobId> = rows.unwrap().into_iter().map(|row| row.id).collect();
        assert_eq!(ids, expected, "{now}");
        let dark = db.read(tx!(tx => groups::dark(tx, at(now)).await)).await.unwrap();
        assert_eq!(dark.len(), usize::from((50..90).contains(&now)), "{now}");
    }
    let dark = db
        .read(tx!(tx => groups::dark(tx, at(50)).await))
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        (dark.group_id, dark.until, dark.jobs.as_str()),
        (group, at(90), "wait")
    );
    assert_eq!(
        (dark.group.as_str(), dark.calendar.as_str()),
        ("group wait", "quiet")
    );
    let of = db.read(tx!(tx => jobs::groups_of(tx, &[free, kept]).await)).await;
    assert_eq!(of.unwrap(), [(kept, group)]);
}

async fn waiting_for_the_end_is_not_being_left_lying(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let job = world.job(agent).await;
    let calendar = calendar(&world, Some((0, 7200))).await;
    let group = group(&world, calendar, "wait").await;
    by_way_of(&world, job, group).await;
    let overdue = async |now| {
        db.read(tx!(tx => jobs::overdue(tx, at(now), 10).await))
            .await
            .unwrap()
    };
    // In it, and half an hour from its end on, whether or not somebody has looked since.
    for now in [3600, 7199, 7200, 8999] {
        assert_eq!(overdue(now).await, [], "{now}");
    }
    let freed = db
        .write(tx!(tx => jobs::blackout_over(tx, Over::Calendar(calendar), at(7200)).await))
        .await
        .unwrap();
    assert_eq!(freed, [agent]);
    assert_eq!(overdue(9000).await, []);
    assert_eq!(overdue(9001).await, [job]);
    let again = db
        .write(tx!(tx => jobs::blackout_over(tx, Over::Group(group), at(7200)).await))
        .await
        .unwrap();
    assert_eq!(again, [], "it counts from there already");
}

async fn a_calendar_is_outdated_when_its_blackout_is_over(db: TestDatabase) {
    let world = World::new(&db).await;
    let id = calendar(&world, Some((0, 60))).await;
    let outdated = async |now| {
        let found = db.read(tx!(tx => calendars::outdated(tx, at(now)).await)).await;
        found.unwrap()
    };
    assert_eq!((outdated(59).await, outdated(60).await), (Vec::new(), vec![id]));
    let still = async |now| {
        let found = db
            .write(tx!(tx => calendars::find_outdated(tx, id, at(now)).await))
            .await;
        found.unwrap().map(|calendar| calendar.dark_until)
    };
    assert_eq!((still(59).await, still(60).await), (None, Some(Some(at(60)))));
    db.write(tx!(tx => calendars::blackout_set(tx, id, None).await))
        .await
        .unwrap();
    assert_eq!(outdated(1_000_000).await, [], "there is none to come");
    assert_eq!(still(1_000_000).await, None);
    let group = group(&world, id, "skip").await;
    let users = db
        .read(tx!(tx => calendars::used_by(tx, id).await))
        .await
        .unwrap();
    assert_eq!(
        (users[0].kind.as_str(), users[0].name.as_str()),
        ("host group", "group skip")
    );
    assert_eq!(users[0].place(), world.place());
    assert!(
        db.write(tx!(tx => calendars::delete(tx, id).await))
            .await
            .is_err()
    );
    db.write(tx!(tx => groups::delete(tx, group).await))
        .await
        .unwrap();
    db.write(tx!(tx => calendars::delete(tx, id).await))
        .await
        .unwrap();
}

async fn jobs_that_would_begin_are_found_by_their_group(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let group = group(&world, calendar(&world, Some((0, 60))).await, "skip").await;
    let mut made = Vec::new();
    for not_before in [None, Some(30)] {
        let new = jobs::NewJobs {
            not_before: not_before.map(at),
            ..crate::world::new_jobs("true")
        };
        made.push(world.job_like(agent, new).await);
    }
    let other = world.job(agent).await;
    for job in &made {
        by_way_of(&world, *job, group).await;
    }
    let begin = async |now| {
        db.read(tx!(tx => jobs::begin_now(tx, group, at(now), 10).await))
            .await
            .unwrap()
    };
    assert_eq!(begin(10).await, made[..1]);
    assert_eq!(begin(30).await, made);
    assert!(!made.contains(&other));
    // With the job goes what it came by.
    let first = made[0];
    db.write(tx!(tx => jobs::delete(tx, first).await)).await.unwrap();
    let left = db.read(tx!(tx => jobs::groups_of(tx, &[first]).await)).await;
    assert_eq!(left.unwrap(), []);
}

async fn what_uses_agents_and_groups_is_told_with_its_place(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let group = group(&world, calendar(&world, None).await, "wait").await;
    let user = uses::User {
        kind: "group",
        id: group.0,
        name: "group wait",
    };
    db.write(tx!(tx => uses::set(tx, user, &[(Used::Agent, agent.0)]).await))
        .await
        .unwrap();
    let renamed = uses::User {
        name: "others",
        ..user
    };
    db.write(tx!(tx => uses::renamed(tx, renamed).await))
        .await
        .unwrap();
    let users = db
        .read(tx!(tx => uses::of(tx, Used::Agent, agent.0).await))
        .await
        .unwrap();
    assert_eq!(
        (users[0].kind.as_str(), users[0].name.as_str(), users[0].place()),
        ("group", "others", Some(world.place()))
    );
    let schedule = uses::User {
        kind: "schedule",
        id: 7,
        name: "gone",
    };
    db.write(tx!(tx => uses::set(tx, schedule, &[(Used::Group, group.0)]).await))
        .await
        .unwrap();
    let users = db
        .read(tx!(tx => uses::of(tx, Used::Group, group.0).await))
        .await
        .unwrap();
    assert_eq!((users[0].name.as_str(), users[0].place()), ("gone", None));
    db.write(tx!(tx => uses::set(tx, schedule, &[]).await))
        .await
        .unwrap();
    let users = db.read(tx!(tx => uses::of(tx, Used::Group, group.0).await)).await;
    assert_eq!(users.unwrap(), []);
}

on_both_engines!(
    a_job_is_kept_back_from_the_begin_of_a_blackout_to_its_end,
    waiting_for_the_end_is_not_being_left_lying,
    a_calendar_is_outdated_when_its_blackout_is_over,
    jobs_that_would_begin_are_found_by_their_group,
    what_uses_agents_and_groups_is_told_with_its_place,
);
