//! Schedules and what became of their ticks.

use postern_domain::{ExecutionId, ScheduleId, Timestamp, UserId};
use postern_store::{
    jobs::executions,
    schedules::{self, Moved, Saved, Tick},
    tx,
};

use crate::{
    database::TestDatabase,
    world::{NOW, World, at, new_jobs, page},
};

fn saved(name: &str, next: Option<Timestamp>, waiting: Option<Timestamp>) -> Saved {
    Saved {
        name: name.into(),
        description: String::new(),
        definition: "{}".into(),
        secret: None,
        calendar: None,
        owner: UserId(1),
        token: None,
        paused: false,
        next,
        waiting,
    }
}

async fn schedule(world: &World, name: &str, next: Option<Timestamp>) -> ScheduleId {
    let (place, saved) = (world.place(), saved(name, next, None));
    world
        .db
        .write(tx!(tx => schedules::create(tx, place, saved, "user:1", NOW).await))
        .await
        .unwrap()
}

async fn keep(world: &World, id: ScheduleId, seconds: i64, fate: &str) {
    let tick = Tick {
        at: at(seconds),
        fate: fate.into(),
        ticks: 1,
        execution_id: None,
        instance_id: None,
        reason: None,
        decided: NOW,
    };
    world
        .db
        .write(tx!(tx => schedules::tick_keep(tx, id, &tick).await))
        .await
        .unwrap();
}

async fn those_with_something_due_come_once_and_by_pages(db: TestDatabase) {
    let world = World::new(&db).await;
    let both = schedule(&world, "both", Some(at(0))).await;
    let waits = schedule(&world, "waits", None).await;
    let later = schedule(&world, "later", Some(at(60))).await;
    for (id, name, next) in [(both, "both", Some(at(0))), (waits, "waits", None)] {
        let saved = saved(name, next, Some(at(-60)));
        db.write(tx!(tx => schedules::update(tx, id, saved, "user:1", NOW).await))
            .await
            .unwrap();
    }
    let due = async |now, after: i64, limit| {
        db.read(tx!(tx => schedules::due(tx, at(now), ScheduleId(after), limit).await))
            .await
            .unwrap()
    };
    assert_eq!(due(0, 0, 10).await, [both, waits]);
    assert_eq!(due(60, 0, 10).await, [both, waits, later]);
    assert_eq!(due(60, 0, 2).await, [both, waits]);
    assert_eq!(due(60, waits.0, 2).await, [later]);
}

async fn the_latest_tick_is_known_and_stays(db: TestDatabase) {
    let world = World::new(&db).await;
    let (id, other) = (
        schedule(&world, "a", None).await,
        schedule(&world, "b", None).await,
    );
    for seconds in [0, 60, 120] {
        keep(&world, id, seconds, "ran").await;
    }
    keep(&world, id, 150, "run_now").await;
    keep(&world, other, 10, "missed").await;
    let newest = db.read(tx!(tx => schedules::newest_tick(tx, id).await)).await;
    assert_eq!(newest.unwrap(), Some(at(120)));
    let free = db
        .read(tx!(tx => schedules::free_moment(tx, id, at(150)).await))
        .await;
    assert_eq!(free.unwrap().as_micros(), at(150).as_micros() + 1);
    let remove = async |limit| {
        db.write(tx!(tx => schedules::ticks_remove(tx, at(1000), limit).await))
            .await
            .unwrap()
    };
    assert_eq!((remove(1).await, remove(10).await, remove(10).await), (1, 1, 0));
    let left = async |id| {
        let rows = db
            .read(tx!(tx => schedules::ticks(tx, id, &page(10)).await))
            .await
            .unwrap();
        rows.into_iter().map(|tick| tick.at).collect::<Vec<_>>()
    };
    assert_eq!(
        (left(id).await, left(other).await),
        (vec![at(120), at(150)], vec![at(10)])
    );
}

async fn failures_are_counted_until_something_became_of_it(db: TestDatabase) {
    let world = World::new(&db).await;
    let id = schedule(&world, "a", Some(at(0))).await;
    for expected in 1..=2 {
        let count = db.write(tx!(tx => schedules::failed(tx, id).await)).await;
        assert_eq!(count.unwrap(), expected);
    }
    let moved = Moved {
        runs: 1,
        next: None,
        waiting: None,
        execution: None,
        instance: None,
    };
    db.write(tx!(tx => schedules::moved(tx, id, &moved).await))
        .await
        .unwrap();
    let row = db
        .read(tx!(tx => schedules::find(tx, id).await))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((row.failures, row.runs), (0, 1));
    let gone = db
        .write(tx!(tx => schedules::failed(tx, ScheduleId(99)).await))
        .await;
    assert_eq!(gone.unwrap(), 0);
}

async fn any_child_that_is_not_over_counts(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let id = schedule(&world, "a", None).await;
    let new = executions::NewExecution {
        tenant: world.tenant,
        kind: "command",
        summary: "true".into(),
        created_by: "user:1".into(),
        targets: "{}".into(),
        rolling: None,
        concurrency: None,
        batches: 1,
        origin: executions::Origin {
            schedule: Some(id),
            ..Default::default()
        },
    };
    let mut children: Vec<ExecutionId> = Vec::new();
    for _ in 0..2 {
        let new = new.clone();
        let made = db.write(tx!(tx => executions::create(tx, &new, NOW).await)).await;
        children.push(made.unwrap());
    }
    let open = async || {
        let row = db.read(tx!(tx => schedules::find(tx, id).await)).await.unwrap();
        row.unwrap().child_open
    };
    assert!(!open().await);
    let older = jobs_of(&world, agent, children[0]).await;
    assert!(open().await, "queued");
    world.hand_out(older).await;
    assert!(open().await, "in its agent's hands");
    db.write(tx!(tx => postern_store::jobs::delete(tx, older).await))
        .await
        .unwrap();
    assert!(!open().await);
}

async fn jobs_of(
    world: &World,
    agent: postern_domain::AgentId,
    execution: ExecutionId,
) -> postern_domain::JobId {
    let new = postern_store::jobs::NewJobs {
        execution,
        ..new_jobs("true")
    };
    world.job_like(agent, new).await
}

on_both_engines!(
    those_with_something_due_come_once_and_by_pages,
    the_latest_tick_is_known_and_stays,
    failures_are_counted_until_something_became_of_it,
    any_child_that_is_not_over_counts,
);
