//! What waits, who gets it, and what time ends.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use postern_domain::{
    AgentId, JobId, Timestamp,
    job::{Effect, Event, JobState, Priority, step},
};
use postern_store::{Error, jobs, tx};

use crate::{
    database::TestDatabase,
    world::{NOW, World, at, new_jobs, order, queued},
};

async fn queued_jobs_come_by_priority_and_age_when_they_are_due(db: TestDatabase) {
    let world = World::new(&db).await;
    let (agent, other) = (world.agent("web").await, world.agent("other").await);
    let like = |priority, not_before: Option<i64>| jobs::NewJobs {
        priority,
        not_before: not_before.map(at),
        ..new_jobs("true")
    };
    let normal = world.job_like(agent, like(Priority::Normal, None)).await;
    let later = world.job_like(agent, like(Priority::Critical, Some(60))).await;
    let high = world.job_like(agent, like(Priority::High, None)).await;
    let normal_too = world.job_like(agent, like(Priority::Normal, Some(0))).await;
    let running = world.job(agent).await;
    world.hand_out(running).await;
    world.job(other).await;
    let ids = async |now, limit| {
        let rows = db
            .write(tx!(tx => queued(tx, agent, now, limit).await))
            .await
            .unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(NOW, 10).await, [high, normal, normal_too]);
    assert_eq!(ids(at(60), 10).await, [later, high, normal, normal_too]);
    assert_eq!(ids(NOW, 2).await, [high, normal]);
    let row = db
        .read(tx!(tx => queued(tx, agent, at(60), 1).await))
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        (row.not_before, row.due, row.attempt, row.timeout_seconds),
        (Some(at(60)), at(60), 1, 300)
    );
    assert_eq!((row.priority, row.payload.as_str()), (0, "true"));
}

async fn the_intake_of_an_agent_counts_its_fences(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let intake = db
        .write(tx!(tx => {
            jobs::fence_set(tx, agent, 41).await?;
            jobs::intake(tx, agent, NOW, 1).await
        }))
        .await
        .unwrap()
        .unwrap()
        .0;
    assert_eq!((intake.active, intake.slots, intake.fence), (true, 10, 41));
    assert_eq!(
        db.read(tx!(tx => jobs::intake(tx, AgentId(999), NOW, 1).await))
            .await
            .unwrap(),
        None
    );
}

async fn a_job_that_is_not_queued_is_not_handed_out(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let job = world.job(agent).await;
    for state in ["pending", "running", "completed", "cancelled"] {
        db.raw(&format!("UPDATE jobs SET state = '{state}' WHERE id = {job}"))
            .await;
        let refused = db
            .write(tx!(tx => jobs::hand_out(tx, job, order(2), NOW).await))
            .await;
        assert!(matches!(refused, Err(Error::NotFound)), "{state}: {refused:?}");
    }
    assert_eq!(db.count("attempts").await, 0);
    let missing = db
        .write(tx!(tx => jobs::hand_out(tx, JobId(999), order(1), NOW).await))
        .await;
    assert!(matches!(missing, Err(Error::NotFound)), "{missing:?}");
}

/// As a server does: lock the agent, look, hand out.
async fn claim(db: &TestDatabase, agent: AgentId, limit: u32) -> Result<Vec<JobId>, Error> {
    db.write(tx!(tx => {
        let (intake, _, queued) = jobs::intake(tx, agent, NOW, limit).await?.ok_or(Error::NotFound)?;
        let mut handed = Vec::new();
        for row in queued {
            jobs::hand_out(tx, row.id, order(row.attempt), NOW).await?;
            handed.push(row.id);
        }
        jobs::fence_set(tx, agent, intake.fence + 1).await?;
        Ok(handed)
    }))
    .await
}

async fn two_claimants_get_each_job_once(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let mut made = Vec::new();
    for _ in 0..40 {
        made.push(world.job(agent).await);
    }
    let claims = (0..20).map(|_| {
        let db = db.clone();
        async move { claim(&db, agent, 3).await.unwrap() }
    });
    let mut handed: Vec<_> = join_all(claims).await.into_iter().flatten().collect();
    handed.sort();
    assert_eq!(handed, made, "all of them, each once");
    assert_eq!(db.count("attempts").await, 40);
    assert_eq!(db.raw("SELECT fence FROM agents").await, [["20"]]);
}

async fn a_job_that_is_being_cancelled_is_not_handed_out(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let (cancelled, free) = (world.job(agent).await, world.job(agent).await);
    let (locked, is_locked) = tokio::sync::oneshot::channel();
    let (go, go_on) = tokio::sync::oneshot::channel::<()>();
    let canceller = tokio::spawn({
        let db = db.clone();
        async move {
            db.write(tx!(tx => {
                let machine = jobs::machine(tx, cancelled).await?.ok_or(Error::NotFound)?;
                let _ = locked.send(());
                let _ = go_on.await;
                let next = step(&machine.job(), Event::CancelRequested, NOW).expect("a queued job").0;
                jobs::save(tx, &machine, &next, Some(NOW)).await
            }))
            .await
        }
    });
    is_locked.await.unwrap();
    assert_eq!(claim(&db, agent, 10).await.unwrap(), [free]);
    go.send(()).unwrap();
    canceller.await.unwrap().unwrap();
    assert_eq!(claim(&db, agent, 10).await.unwrap(), []);
    assert_eq!(
        db.raw(&format!("SELECT state FROM jobs WHERE id = {cancelled}"))
            .await,
        [["cancelled"]]
    );
}

async fn a_job_may_be_made_while_its_agent_is_served(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let (locked, is_locked) = tokio::sync::oneshot::channel();
    let (go, go_on) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn({
        let db = db.clone();
        async move {
            db.write(tx!(tx => {
                jobs::intake(tx, agent, NOW, 1).await?;
                let _ = locked.send(());
                let _ = go_on.await;
                Ok(())
            }))
            .await
        }
    });
    is_locked.await.unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(5), world.job(agent))
        .await
        .expect("nobody waits");
    go.send(()).unwrap();
    server.await.unwrap().unwrap();
}

async fn due_work_is_told_for_agents_that_could_take_it(db: TestDatabase) {
    let world = World::new(&db).await;
    let mut expected = Vec::new();
    for (name, seen, active, not_before, due) in [
        ("ready", Some(0), true, None, true),
        ("just seen", Some(-45), true, Some(0), true),
        ("silent", Some(-46), true, None, false),
        ("never seen", None, true, None, false),
        ("switched off", Some(0), false, None, false),
        ("later", Some(0), true, Some(1), false),
    ] {
        let agent = world.agent(name).await;
        world
            .job_like(
                agent,
                jobs::NewJobs {
                    not_before: not_before.map(at),
                    ..new_jobs("true")
                },
            )
            .await;
        if let Some(seen) = seen {
            world.seen(agent, at(seen)).await;
        }
        db.raw(&format!("UPDATE agents SET active = {active} WHERE id = {agent}"))
            .await;
        expected.extend(due.then_some(agent));
    }
    let idle = world.agent("idle").await;
    world.seen(idle, NOW).await;
    let mut found = db
        .read(tx!(tx => jobs::agents_with_due_work(tx, NOW).await))
        .await
        .unwrap();
    found.sort();
    assert_eq!(found, expected);
}

/// Every mix of state, agent and age, against the rules themselves.
async fn overdue_agrees_with_the_rules(db: TestDatabase) {
    let world = World::new(&db).await;
    let ages = [
        None,
        Some(0),
        Some(-200),
        Some(-201),
        Some(-1800),
        Some(-1801),
        Some(-2000),
        Some(-2001),
    ];
    let mut expected = BTreeSet::new();
    let mut all = Vec::new();
    for (number, seen) in ages.into_iter().enumerate() {
        let agent = world.agent(&format!("agent {number}")).await;
        if let Some(seen) = seen {
            world.seen(agent, at(seen)).await;
        }
        for due in ages.into_iter().flatten() {
            for (state, started, handed) in [
                (JobState::Queued, None, None),
                (JobState::Pending, None, None),
                // Given to an agent that was away until now: no heartbeat of it is written yet.
                (JobState::Pending, None, Some(0)),
                (JobState::Pending, None, Some(-2001)),
                (JobState::Running, Some(0), None),
                (JobState::Running, Some(-201), None),
                (JobState::Running, Some(-201), Some(-200)),
                (JobState::Running, Some(-201), Some(-201)),
                (JobState::Running, None, None),
                (JobState::Failed, Some(-5000), None),
            ] {
                all.push((agent, due, state, started, handed));
            }
        }
    }
    for (agent, due, state, started, handed) in all {
        let id = world
            .job_like(
                agent,
                jobs::NewJobs {
                    timeout_seconds: 100,
                    ..new_jobs("true")
                },
            )
            .await;
        if let Some(seconds) = handed {
            let attempt = world.hand_out(id).await;
            let handed_us = at(seconds).as_micros();
            db.raw(&format!(
                "UPDATE attempts SET handed_us = {handed_us} WHERE id = {attempt}"
            ))
            .await;
        }
        let started_us = started.map_or("NULL".into(), |seconds| at(seconds).as_micros().to_string());
        let due_us = at(due).as_micros();
        db.raw(&format!(
            "UPDATE jobs SET state = '{state}', due_us = {due_us}, started_us = {started_us} WHERE id = {id}"
        ))
        .await;
        let (machine, agent_seen) = db
            .read(tx!(tx => {
                let machine = jobs::machine(tx, id).await?.ok_or(Error::NotFound)?;
                let seen = jobs::agent_seen(tx, &machine).await?;
                Ok((machine, seen))
            }))
            .await
            .unwrap();
        let tick = Event::Tick { agent_seen };
        if step(&machine.job(), tick, NOW).unwrap().1 != Effect::Nothing {
            expected.insert(id);
        }
    }
    let overdue = async |now: Timestamp, limit| {
        db.read(tx!(tx => jobs::overdue(tx, now, limit).await))
            .await
            .unwrap()
    };
    let found: BTreeSet<_> = overdue(NOW, 10_000).await.into_iter().collect();
    assert_eq!(found, expected);
    assert!(
        found.len() > 50,
        "the table has something to find: {}",
        found.len()
    );
    assert_eq!(overdue(NOW, 5).await.len(), 5);
    assert_eq!(overdue(at(-100_000), 5).await, []);
}

on_both_engines!(
    queued_jobs_come_by_priority_and_age_when_they_are_due,
    the_intake_of_an_agent_counts_its_fences,
    a_job_that_is_not_queued_is_not_handed_out,
    two_claimants_get_each_job_once,
    due_work_is_told_for_agents_that_could_take_it,
    overdue_agrees_with_the_rules,
);

/// SQLite has one writer: nobody can come between.
mod between_writers {
    use super::{
        a_job_may_be_made_while_its_agent_is_served, a_job_that_is_being_cancelled_is_not_handed_out,
    };

    on_postgres_alone!(
        a_job_that_is_being_cancelled_is_not_handed_out,
        a_job_may_be_made_while_its_agent_is_served,
    );
}
