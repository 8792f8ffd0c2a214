//! Runs of steps: what they left, and the ends of removed jobs that they wait for.

use postern_domain::{ExecutionId, InstanceId, JobId};
use postern_store::{
    jobs::{self, executions},
    tx,
    workflows::{
        ends, removal,
        step_runs::{self, StepRun},
    },
};

use crate::{
    database::TestDatabase,
    instances::{end, instance, workflow},
    world::{NOW, World, at, new_jobs},
};

const ENDED: Option<&str> = Some("\"succeeded\"");

fn run(number: u32, step: &str, outcome: Option<&str>, result: Option<&str>) -> StepRun {
    StepRun {
        outcome: outcome.map(Into::into),
        result: result.map(Into::into),
        ..StepRun::began(number, step.into(), "{}".into(), NOW)
    }
}

async fn save(db: &TestDatabase, id: InstanceId, runs: Vec<StepRun>) {
    db.write(tx!(tx => step_runs::save(tx, id, runs).await))
        .await
        .unwrap();
}

async fn of_each_step_the_newest_result_is_read(db: TestDatabase) {
    let world = World::new(&db).await;
    let workflow = workflow(&world, "w").await;
    let (id, other) = (
        instance(&world, workflow, None).await,
        instance(&world, workflow, None).await,
    );
    let runs = vec![
        run(1, "look", ENDED, Some("looked")),
        run(2, "round", ENDED, Some("first")),
        run(3, "round", ENDED, Some("second")),
        // Given up: it left nothing.
        run(4, "round", ENDED, None),
        // Between two tries.
        run(5, "round", None, Some("half")),
        run(6, "more", ENDED, Some("not asked for")),
    ];
    save(&db, id, runs).await;
    save(
        &db,
        other,
        vec![run(9, "round", ENDED, Some("of another instance"))],
    )
    .await;
    let results = async |steps: &'static [&'static str]| {
        db.read(tx!(tx => step_runs::results(tx, id, steps).await))
            .await
            .unwrap()
    };
    let mut found = results(&["round", "look", "never"]).await;
    found.sort();
    let text = |text: &str| text.to_owned();
    assert_eq!(
        found,
        [
            (1, text("look"), text("looked")),
            (3, text("round"), text("second"))
        ]
    );
    assert!(results(&[]).await.is_empty());

    let (listed, open) = db
        .read(tx!(tx => Ok((step_runs::list(tx, id).await?, step_runs::open(tx, id).await?))))
        .await
        .unwrap();
    let numbers: Vec<u32> = listed.iter().map(|run| run.run).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    assert_eq!((&*listed[2].step, listed[2].outcome.as_deref()), ("round", ENDED));
    assert_eq!(open, [run(5, "round", None, Some("half"))]);
}

/// An execution with one job that has ended, made by an instance's step.
async fn execution(world: &World, instance: InstanceId) -> (ExecutionId, JobId) {
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
    let execution = world
        .db
        .write(tx!(tx => executions::create(tx, &new, NOW).await))
        .await
        .unwrap();
    let new = jobs::NewJobs {
        execution,
        instance: Some(instance),
        ..new_jobs("true")
    };
    let agent = world.agent(&format!("agent {execution}")).await;
    let job = world.job_like(agent, new).await;
    world
        .db
        .raw(&format!("UPDATE jobs SET state = 'failed' WHERE id = {job}"))
        .await;
    (execution, job)
}

async fn ends_that_nobody_will_hear_of_are_found(db: TestDatabase) {
    let world = World::new(&db).await;
    let workflow = workflow(&world, "w").await;
    let id = instance(&world, workflow, None).await;
    let (waits, first) = execution(&world, id).await;
    let (heard, second) = execution(&world, id).await;
    let (tried, third) = execution(&world, id).await;
    let runs = |of_tried: ExecutionId, of_heard: Option<&str>| {
        [(1, waits, None), (2, heard, of_heard), (3, of_tried, None)]
            .map(|(number, execution, outcome)| StepRun {
                execution_id: Some(execution),
                ..run(number, "s", outcome, None)
            })
            .to_vec()
    };
    save(&db, id, runs(tried, None)).await;
    let removed = db
        .write(tx!(tx => jobs::remove_ended(tx, &[first, second, third]).await))
        .await
        .unwrap();
    assert_eq!(removed, [first, second, third]);
    assert_eq!(db.count("job_ends").await, 3);
    let unheard = async |limit: u32| {
        let mut found = db.read(tx!(tx => ends::unheard(tx, limit).await)).await.unwrap();
        found.sort_unstable();
        found
    };
    assert_eq!(unheard(10).await, []);

    // The step heard the last news of one while its job was removed, and tried the other again.
    save(&db, id, runs(ExecutionId(999), ENDED)).await;
    assert_eq!(unheard(1).await.len(), 1);
    assert_eq!(unheard(10).await, [heard, tried]);
    for execution in [heard, tried] {
        db.write(tx!(tx => ends::forget(tx, execution).await))
            .await
            .unwrap();
    }
    assert_eq!(unheard(10).await, []);
    assert_eq!((db.count("job_ends").await, db.count("executions").await), (1, 1));

    end(&world, id).await;
    db.write(tx!(tx => removal::remove_ended(tx, at(1), 10).await))
        .await
        .unwrap();
    assert_eq!(unheard(10).await, [waits], "its instance is gone");
}

on_both_engines!(
    of_each_step_the_newest_result_is_read,
    ends_that_nobody_will_hear_of_are_found,
);
