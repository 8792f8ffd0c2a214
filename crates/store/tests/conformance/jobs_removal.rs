//! Jobs that are removed, and what goes and what stays with them.

use futures_util::future::join_all;
use postern_domain::{
    ExecutionId, InstanceId, JobId,
    job::{Job, JobState},
};
use postern_store::{
    Error, agents,
    jobs::{self, executions},
    outputs, tx,
    workflows::ends,
};

use crate::{
    database::TestDatabase,
    instances,
    world::{NOW, World, at, at_once, everywhere, new_jobs},
};

async fn a_deleted_job_takes_attempts_output_and_payload_with_it(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let (first, second) = (world.job(agent).await, world.job(agent).await);
    let attempt = world.hand_out(first).await;
    db.write(tx!(tx => {
        let piece = outputs::Piece { start: 0, data: b"x".to_vec() };
        outputs::append(tx, attempt, outputs::Stream::Stderr, piece).await
    }))
    .await
    .unwrap();
    let delete = async |id: JobId| db.write(tx!(tx => jobs::delete(tx, id).await)).await;
    delete(first).await.unwrap();
    for (table, rows) in [("jobs", 1), ("attempts", 0), ("outputs", 0), ("payloads", 1)] {
        assert_eq!(db.count(table).await, rows, "{table}");
    }
    let again = delete(first).await;
    assert!(matches!(again, Err(Error::NotFound)), "{again:?}");
    delete(second).await.unwrap();
    assert_eq!(db.count("payloads").await, 0, "no other job has it");
}

async fn a_payload_may_come_and_go_at_the_same_time(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    // A few at a time: the last job of the payload goes while the next one is made, again and again.
    let rounds = (0..3).map(|_| {
        let world = world.clone();
        async move {
            for _ in 0..100 {
                let job = world.job(agent).await;
                world
                    .db
                    .write(tx!(tx => jobs::delete(tx, job).await))
                    .await
                    .unwrap();
            }
        }
    });
    join_all(rounds).await;
    assert_eq!((db.count("jobs").await, db.count("payloads").await), (0, 0));
}

async fn jobs_that_ended_long_ago_are_removed_with_what_only_they_had(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("worker").await;
    let (old, other, open) = (
        world.job_like(agent, new_jobs("old")).await,
        world.job_like(agent, new_jobs("shared")).await,
        world.job_like(agent, new_jobs("shared")).await,
    );
    let ended = |id: JobId| {
        db.write(tx!(tx => {
            let found = jobs::machine(tx, id).await?.expect("the job is there");
            let next = Job { state: JobState::Completed, ..found.job() };
            jobs::save(tx, &found, &next, Some(NOW)).await
        }))
    };
    ended(old).await.unwrap();
    ended(other).await.unwrap();
    let before = db
        .read(tx!(tx => jobs::ended_before(tx, NOW, 9).await))
        .await
        .unwrap();
    assert_eq!(before, [], "not before its end");
    let found = db
        .read(tx!(tx => jobs::ended_before(tx, at(1), 9).await))
        .await
        .unwrap();
    assert_eq!(found, [old, other]);
    let limited = db
        .read(tx!(tx => jobs::ended_before(tx, at(1), 1).await))
        .await
        .unwrap();
    assert_eq!(limited, [old]);
    let ids = [old, other, open];
    let removed = db
        .write(tx!(tx => jobs::remove_ended(tx, &ids).await))
        .await
        .unwrap();
    assert_eq!(removed, [old, other], "what is not at its end stays");
    let payload = db.read(tx!(tx => jobs::payload(tx, open).await)).await.unwrap();
    assert_eq!(payload, "shared");
}

/// A job of this step, on this host.
/// One job of a step on each of two hosts.
async fn step_jobs(world: &World, (instance, execution): (InstanceId, ExecutionId)) -> [JobId; 2] {
    let (one, other) = (world.agent("gone").await, world.agent("tried again").await);
    let new = jobs::NewJobs {
        execution,
        instance: Some(instance),
        ..new_jobs("true")
    };
    let created = world
        .db
        .write(tx!(tx => {
            let wanted = agents::Wanted { ids: vec![one.0, other.0], ..Default::default() };
            let targets = agents::targets(tx, &everywhere(), &[wanted], 2).await?;
            let hosts: Vec<jobs::Host> = targets.into_iter().map(at_once).collect();
            jobs::create(tx, &new, &hosts, NOW).await
        }))
        .await
        .unwrap();
    [one, other].map(|agent| created.iter().find(|(_, at)| *at == agent).unwrap().0)
}

async fn ends_are_kept_of_jobs_that_are_removed_and_of_no_others(db: TestDatabase) {
    let world = World::new(&db).await;
    let workflow = instances::workflow(&world, "w").await;
    let instance = instances::instance(&world, workflow, None).await;
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
            instance: Some(instance),
            ..Default::default()
        },
    };
    let execution = db
        .write(tx!(tx => executions::create(tx, &new, NOW).await))
        .await
        .unwrap();
    db.raw(&format!(
        "INSERT INTO step_runs (instance_id, run, step, cause, execution_id, began_us)
         VALUES ({instance}, 1, 'check', '{{}}', {execution}, 0)"
    ))
    .await;
    let [gone, again] = step_jobs(&world, (instance, execution)).await;
    db.raw(&format!("UPDATE jobs SET state = 'failed' WHERE id = {gone}"))
        .await;
    let ids = [gone, again];
    let removed = db
        .write(tx!(tx => jobs::remove_ended(tx, &ids).await))
        .await
        .unwrap();
    assert_eq!(removed, [gone]);
    let told = db
        .read(tx!(tx => ends::ends_of(tx, execution).await))
        .await
        .unwrap();
    let told: Vec<_> = told
        .iter()
        .map(|end| (end.job_id, end.state, end.is_kept()))
        .collect();
    assert_eq!(
        told,
        [(gone, JobState::Failed, true), (again, JobState::Queued, false)]
    );
    let none = db
        .write(tx!(tx => jobs::remove_ended(tx, &[again]).await))
        .await
        .unwrap();
    assert_eq!(none, []);
    assert_eq!(db.count("job_ends").await, 1);
}

on_both_engines!(
    jobs_that_ended_long_ago_are_removed_with_what_only_they_had,
    ends_are_kept_of_jobs_that_are_removed_and_of_no_others,
    a_deleted_job_takes_attempts_output_and_payload_with_it,
    a_payload_may_come_and_go_at_the_same_time,
);
