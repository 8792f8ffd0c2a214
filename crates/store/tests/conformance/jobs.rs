//! One job's life: made, in hand, ended, deleted.

use postern_domain::{
    JobId,
    job::{self, JobState, Priority},
};
use postern_store::{Error, agents, jobs, tx};

use crate::{
    database::TestDatabase,
    world::{NOW, World, at, at_once, everywhere, new_jobs},
};

pub(super) async fn find(db: &TestDatabase, id: JobId) -> jobs::Job {
    db.read(tx!(tx => jobs::find(tx, id).await))
        .await
        .unwrap()
        .expect("the job is there")
}

async fn jobs_for_many_agents_share_a_payload_and_keep_the_order(db: TestDatabase) {
    let world = World::new(&db).await;
    let mut made = Vec::new();
    for number in 0..290 {
        made.push(world.agent(&format!("agent {number}")).await);
    }
    let created = db
        .write(tx!(tx => {
            let wanted = agents::Wanted { all: true, ..Default::default() };
            let mut targets = agents::targets(tx, &everywhere(), &[wanted], 1000).await?;
            targets.reverse();
            let hosts: Vec<jobs::Host> = targets.into_iter().map(at_once).collect();
            jobs::create(tx, &new_jobs("true"), &hosts, NOW).await
        }))
        .await
        .unwrap();
    made.reverse();
    assert_eq!(created.iter().map(|pair| pair.1).collect::<Vec<_>>(), made);
    assert!(created.is_sorted_by_key(|pair| pair.0));
    assert_eq!(db.count("payloads").await, 1);
    let none = db
        .write(tx!(tx => jobs::create(tx, &new_jobs("none"), &[], NOW).await))
        .await
        .unwrap();
    assert_eq!(none, []);
}

async fn a_job_is_found_as_it_was_made(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let new = jobs::NewJobs {
        priority: Priority::High,
        not_before: Some(at(60)),
        ..new_jobs("true")
    };
    let id = world.job_like(agent, new).await;
    let found = find(&db, id).await;
    assert_eq!(
        (found.id, found.agent_id, found.agent.as_str()),
        (id, agent, "web")
    );
    assert_eq!(
        (found.place(), found.kind.as_str(), found.summary.as_str()),
        (world.place(), "command", "true")
    );
    let payload = async |id: JobId| db.read(tx!(tx => jobs::payload(tx, id).await)).await;
    assert_eq!(payload(id).await.unwrap(), "true");
    assert!(matches!(payload(JobId(999)).await, Err(Error::NotFound)));
    assert_eq!(
        (found.state, jobs::priority_of(found.priority)),
        (JobState::Queued, Priority::High)
    );
    assert_eq!(
        (found.timeout_seconds, found.attempt, found.attempt_id),
        (300, 1, None)
    );
    assert_eq!(
        (found.not_before, found.due, found.created),
        (Some(at(60)), at(60), NOW)
    );
    assert_eq!(
        (found.created_by.as_str(), found.cancel_requested),
        ("user:1", false)
    );
    assert_eq!(
        (
            found.agent_active,
            found.agent_seen,
            found.agent_slots,
            found.agent_busy
        ),
        (true, None, 10, 0)
    );
    let past = world
        .job_like(
            agent,
            jobs::NewJobs {
                not_before: Some(at(-60)),
                ..new_jobs("true")
            },
        )
        .await;
    assert_eq!(find(&db, past).await.due, NOW, "not due before it was there");
    assert_eq!(
        db.read(tx!(tx => jobs::find(tx, JobId(999)).await))
            .await
            .unwrap(),
        None
    );
    for priority in Priority::ALL {
        assert_eq!(jobs::priority_of(jobs::priority_number(*priority)), *priority);
    }
}

async fn what_the_rules_decide_is_saved(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let id = world.job(agent).await;
    let attempt = world.hand_out(id).await;
    world.seen(agent, at(3)).await;
    let (machine, seen) = db
        .write(tx!(tx => {
            let machine = jobs::machine(tx, id).await?.ok_or(Error::NotFound)?;
            let seen = jobs::agent_seen(tx, &machine).await?;
            Ok((machine, seen))
        }))
        .await
        .unwrap();
    assert_eq!(
        (machine.id, machine.agent_id, machine.attempt_id),
        (id, agent, Some(attempt))
    );
    assert_eq!((machine.place(), seen), (world.place(), Some(at(3))));
    let started = job::step(
        &machine.job(),
        job::Event::Started {
            attempt: 1,
            at: at(1),
        },
        at(2),
    )
    .unwrap()
    .0;
    let finished = job::Event::Finished {
        attempt: 1,
        outcome: job::Outcome::Exited(-7),
    };
    let ended = job::step(&started, finished, at(4)).unwrap().0;
    let next = ended.clone();
    db.write(tx!(tx => {
        let machine = jobs::machine(tx, id).await?.expect("the job is there");
        jobs::save(tx, &machine, &next, Some(at(4))).await
    }))
    .await
    .unwrap();
    let found = find(&db, id).await;
    assert_eq!(
        (found.state, found.exit_code, found.reason.as_deref()),
        (JobState::Failed, Some(-7), Some("Exit code -7"))
    );
    assert_eq!(
        (found.started, found.finished, found.agent_seen),
        (Some(at(1)), Some(at(4)), Some(at(3)))
    );
    let machine = db
        .read(tx!(tx => jobs::machine(tx, id).await))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(machine.job(), ended, "what was saved is what is loaded");
    assert_eq!(
        db.read(tx!(tx => jobs::machine(tx, JobId(999)).await))
            .await
            .unwrap(),
        None
    );
}

async fn jobs_are_counted_by_state(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    assert_eq!(
        db.scan::<_, Error, _>(tx!(tx => jobs::counts(tx).await))
            .await
            .unwrap(),
        []
    );
    for state in ["queued", "queued", "pending", "running", "completed"] {
        let id = world.job(agent).await;
        db.raw(&format!("UPDATE jobs SET state = '{state}' WHERE id = {id}"))
            .await;
    }
    let mut counts = db
        .scan::<_, Error, _>(tx!(tx => jobs::counts(tx).await))
        .await
        .unwrap();
    counts.sort();
    assert_eq!(
        counts,
        [
            (JobState::Queued, 2),
            (JobState::Pending, 1),
            (JobState::Running, 1)
        ]
    );
}

on_both_engines!(
    jobs_for_many_agents_share_a_payload_and_keep_the_order,
    a_job_is_found_as_it_was_made,
    what_the_rules_decide_is_saved,
    jobs_are_counted_by_state,
);
