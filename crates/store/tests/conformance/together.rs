//! Operations that share a transaction where the database gains by it: each gets what it would have got alone.

use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use postern_domain::{ExecutionId, InstanceId, JobId, TenantId, workflow::engine::InstanceState};
use postern_store::{
    Error, Gathered, Tx, agents, audit, identity,
    jobs::{self, executions},
    outbox, system, tx,
    workflows::{
        due, ends,
        instances::{self, Moved},
        step_runs::{self, StepRun},
    },
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::{
    database::TestDatabase,
    instances::{instance, workflow},
    world::{NOW, World, at, at_once, everywhere, new_jobs, order},
};

/// Tells the compiler what it is.
const fn operation<T, F>(operation: F) -> F
where
    F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, Error>> + Clone,
{
    operation
}

/// Results in the order of the operations.
async fn together<T, F>(db: &TestDatabase, operations: Vec<F>) -> Vec<Result<T, Error>>
where
    T: Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, Error>> + Clone + Send + 'static,
{
    let mut results: Vec<_> = operations.iter().map(|_| None).collect();
    let answer = |number: usize, result| {
        let before = results[number].replace(result);
        assert!(before.is_none(), "{number} is answered once");
    };
    db.write_together(operations, answer).await;
    results.into_iter().map(Option::unwrap).collect()
}

/// Transactions of PostgreSQL that the rows of a table are from; SQLite tells of none.
async fn transactions(db: &TestDatabase, table: &str) -> Option<usize> {
    if !db.is_postgres() {
        return None;
    }
    let rows = db.raw(&format!("SELECT DISTINCT xmin::text FROM {table}")).await;
    Some(rows.len())
}

async fn each_gets_what_is_its_own(db: TestDatabase) {
    let world = World::new(&db).await;
    let names: Vec<String> = (0..30).map(|number| format!("host-{number}")).collect();
    let mut agents = Vec::new();
    for name in &names {
        agents.push(world.agent(name).await);
    }
    let operations = agents.iter().map(|&agent| {
        operation(tx!(tx => {
            let wanted = agents::Wanted { ids: vec![agent.0], ..Default::default() };
            let targets = agents::targets(tx, &everywhere(), &[wanted], 1).await?;
            let hosts: Vec<jobs::Host> = targets.into_iter().map(at_once).collect();
            // Half of them do the same.
            let what = format!("work {}", agent.0 % 2 * agent.0);
            let made = jobs::create(tx, &new_jobs(&what), &hosts, NOW).await?;
            let job = made.first().ok_or(Error::NotFound)?.0;
            // A way of its own, in between.
            if agent.0 % 3 == 0 {
                system::ping(tx).await?;
            }
            let entry = audit::Entry::by_system(NOW, "job_create", format!("job:{job}"));
            audit::append(tx, vec![entry]).await?;
            let attempt = jobs::hand_out(tx, job, order(1), NOW).await?;
            let machine = jobs::machine(tx, job).await?.ok_or(Error::NotFound)?;
            Ok((job, machine.agent_id, machine.attempt_id == Some(attempt), hosts[0].target.name.clone()))
        }))
    });
    let results = together(&db, operations.collect()).await;
    let mut seen = Vec::new();
    for ((agent, name), result) in agents.iter().zip(&names).zip(results) {
        let (job, of, handed, host) = result.unwrap();
        assert_eq!((of, handed, host.as_str()), (*agent, true, name.as_str()));
        let payload = db.read(tx!(tx => jobs::payload(tx, job).await)).await.unwrap();
        assert_eq!(payload, format!("work {}", agent.0 % 2 * agent.0));
        seen.push(job);
    }
    seen.dedup();
    assert_eq!(seen.len(), 30);
    assert_eq!((db.count("audit").await, db.count("payloads").await), (30, 16));
    for table in ["jobs", "attempts", "audit"] {
        assert!(
            transactions(&db, table).await.is_none_or(|count| count == 1),
            "{table}"
        );
    }
}

async fn one_that_fails_takes_nothing_from_the_others(db: TestDatabase) {
    let operations = (0..20).map(|number| {
        operation(tx!(tx => {
            identity::tenant_create(tx, &format!("first {number}"), NOW).await?;
            match number {
                3 => return Err(Error::NotFound),
                7 => identity::tenant_create(tx, "first 7", NOW).await?,
                11 => panic!("a panic that the test wants"),
                // Nobody waits for this one, and it fails.
                13 => {
                    instances::timer_set(tx, InstanceId(999), 1, NOW).await?;
                    TenantId(0)
                }
                _ => identity::tenant_create(tx, &format!("second {number}"), NOW).await?,
            };
            Ok(number)
        }))
    });
    let results = together(&db, operations.collect()).await;
    for (number, result) in results.into_iter().enumerate() {
        match number {
            3 => assert!(matches!(result, Err(Error::NotFound)), "{result:?}"),
            7 => assert!(matches!(result, Err(Error::Duplicate(_))), "{result:?}"),
            11 => assert!(matches!(result, Err(Error::Panicked)), "{result:?}"),
            13 => assert!(matches!(result, Err(Error::Statement(_))), "{result:?}"),
            _ => assert_eq!(result.unwrap(), number),
        }
    }
    assert_eq!(db.count("tenants").await, 2 * 16);
}

/// Adds a letter to what it finds.
fn letter(
    id: InstanceId,
    letter: char,
) -> impl for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<(), Error>> + Clone + Send + 'static {
    tx!(tx => {
        let found = instances::find(tx, id).await?.ok_or(Error::NotFound)?;
        let moved = Moved {
            state: InstanceState::Running,
            machine: format!("{}{letter}", found.machine),
            reason: None,
            ended: None,
            events: vec![format!("\"{letter}\"")],
        };
        instances::save(tx, id, moved, NOW).await
    })
}

/// A lock does not keep those from each other who share a transaction.
async fn no_change_of_the_same_row_is_lost(db: TestDatabase) {
    let world = World::new(&db).await;
    let workflow = workflow(&world, "w").await;
    let (same, other) = (
        instance(&world, workflow, None).await,
        instance(&world, workflow, None).await,
    );
    let operations = vec![
        letter(same, 'a'),
        letter(other, 'b'),
        letter(same, 'c'),
        letter(same, 'd'),
    ];
    for result in together(&db, operations).await {
        result.unwrap();
    }
    let found = db
        .read(tx!(tx => instances::find(tx, same).await))
        .await
        .unwrap()
        .unwrap();
    let mut letters: Vec<char> = found.machine.trim_start_matches("{}").chars().collect();
    letters.sort_unstable();
    assert_eq!((letters, found.events), (vec!['a', 'c', 'd'], 3));
}

/// One that meets another is done by itself; the rest still share a transaction.
async fn one_that_meets_another_leaves_the_rest_together(db: TestDatabase) {
    let world = World::new(&db).await;
    let workflow = workflow(&world, "w").await;
    let mut operations = Vec::new();
    for _ in 0..10 {
        operations.push(letter(instance(&world, workflow, None).await, 'a'));
    }
    operations.push(operations[4].clone());
    for result in together(&db, operations).await {
        result.unwrap();
    }
    assert_eq!(db.count("instance_events").await, 11);
    let count = transactions(&db, "instance_events").await;
    assert!(count.is_none_or(|count| count == 2), "{count:?}");
}

async fn of_one_key_one_job_is_handed_out(db: TestDatabase) {
    let world = World::new(&db).await;
    let mut operations = Vec::new();
    for number in 0..6 {
        let agent = world.agent(&format!("host-{number}")).await;
        let job = world.job(agent).await;
        operations.push(operation(tx!(tx => {
            jobs::intake(tx, agent, NOW, 10).await?;
            jobs::hold(tx, "key", job).await
        })));
    }
    let held = together(&db, operations).await;
    assert_eq!(held.into_iter().filter(|held| *held.as_ref().unwrap()).count(), 1);
}

async fn what_is_handed_out_to_one_agent_twice_is_its_own_once(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web-1").await;
    for _ in 0..4 {
        world.job(agent).await;
    }
    let claim = operation(tx!(tx => {
        let (intake, _, queued) = jobs::intake(tx, agent, NOW, 3).await?.ok_or(Error::NotFound)?;
        let mut fence = intake.fence;
        for job in &queued {
            fence += 1;
            jobs::hand_out(tx, job.id, jobs::HandOut { fence, ..order(1) }, NOW).await?;
        }
        jobs::fence_set(tx, agent, fence).await?;
        Ok(queued.len())
    }));
    let mut counts: Vec<usize> = together(&db, vec![claim, claim])
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 3]);
    let fences = db
        .raw("SELECT count(DISTINCT fence), max(fence) FROM attempts")
        .await;
    assert_eq!(fences[0][0], "4");
}

/// All that a turn of an instance asks for, in one transaction: a statement that cannot be shared would leave each alone.
async fn turns_of_instances_share_a_transaction(db: TestDatabase) {
    let world = World::new(&db).await;
    let workflow = workflow(&world, "w").await;
    let user = world.user("maria").await;
    let mut operations = Vec::new();
    for number in 0..8 {
        let name = format!("host-{number}");
        let (id, tenant) = (instance(&world, workflow, None).await, world.tenant);
        world.agent(&name).await;
        operations.push(operation(tx!(tx => {
            instances::find(tx, id).await?.ok_or(Error::NotFound)?;
            identity::user_with_bindings(tx, user).await?.ok_or(Error::NotFound)?;
            let wanted = agents::Wanted { names: vec![name.clone()], ..Default::default() };
            let targets = agents::targets(tx, &everywhere(), &[wanted], 1).await?;
            let hosts: Vec<jobs::Host> = targets.into_iter().map(at_once).collect();
            let new = executions::NewExecution {
                tenant,
                kind: "command",
                summary: name.clone(),
                created_by: "user:1".into(),
                targets: "{}".into(),
                rolling: None,
                concurrency: None,
                batches: 1,
                origin: executions::Origin { instance: Some(id), ..Default::default() },
            };
            let execution = executions::create(tx, &new, NOW).await?;
            let made = jobs::NewJobs { execution, instance: Some(id), ..new_jobs(&name) };
            let job = jobs::create(tx, &made, &hosts, NOW).await?[0].0;
            let run = StepRun { execution_id: Some(execution), ..StepRun::began(1, "s".into(), "{}".into(), NOW) };
            step_runs::save(tx, id, vec![run]).await?;
            instances::timer_set(tx, id, 1, NOW).await?;
            let found = step_runs::find(tx, id, 1).await?.ok_or(Error::NotFound)?;
            step_runs::results(tx, id, &["s"]).await?;
            instances::timer_forget(tx, id, 1).await?;
            let ends = ends::ends_of(tx, execution).await?;
            let moved = Moved {
                state: InstanceState::Running,
                machine: "{}".into(),
                reason: None,
                ended: None,
                events: vec!["{}".into(), "{}".into()],
            };
            instances::save(tx, id, moved, NOW).await?;
            outbox::add(tx, outbox::Kind::JobEnded, execution.0, NOW).await?;
            Ok((found.execution_id == Some(execution), ends.len(), ends[0].job_id == job, ends[0].name == name))
        })));
    }
    for result in together(&db, operations).await {
        assert_eq!(result.unwrap(), (true, 1, true, true));
    }
    for table in [
        "executions",
        "jobs",
        "step_runs",
        "instance_events",
        "execution_places",
    ] {
        let count = transactions(&db, table).await;
        assert!(count.is_none_or(|count| count == 1), "{table}: {count:?}");
    }
    let due = db.read(tx!(tx => due::due(tx, NOW, 100).await)).await.unwrap();
    let ended = due
        .news
        .into_iter()
        .filter(|news| news.kind == outbox::Kind::JobEnded);
    let operations = ended.map(|news| {
        operation(tx!(tx => {
            let execution = ExecutionId(news.object);
            let ended = due::take_jobs_ended(tx, &[news.id], execution).await?.ok_or(Error::NotFound)?;
            let found = ended.instance.ok_or(Error::NotFound)?;
            let run = ended.run.ok_or(Error::NotFound)?;
            audit::append(tx, vec![audit::Entry::by_system(NOW, "instance_finish", format!("instance:{}", found.id))]).await?;
            Ok((Some(found.id) == news.instance, run.execution_id == Some(execution), ended.open))
        }))
    });
    let results = together(&db, operations.collect()).await;
    assert_eq!(results.len(), 8);
    for result in results {
        assert_eq!(result.unwrap(), (true, true, true));
    }
    let count = transactions(&db, "audit").await;
    assert!(count.is_none_or(|count| count == 1), "{count:?}");
    assert_eq!(db.count("outbox").await, 8, "those of the beginnings");
}

async fn news_are_taken_once(db: TestDatabase) {
    let world = World::new(&db).await;
    let workflow = workflow(&world, "w").await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(instance(&world, workflow, None).await);
    }
    let news = db
        .read(tx!(tx => due::due(tx, NOW, 10).await))
        .await
        .unwrap()
        .news;
    assert_eq!(
        news.iter().map(|news| news.object).collect::<Vec<_>>(),
        made.iter().map(|id| id.0).collect::<Vec<_>>()
    );
    // Each twice.
    let operations = news.iter().chain(&news).map(|news| {
        let id = news.id;
        operation(tx!(tx => outbox::take(tx, id).await))
    });
    let taken: Vec<bool> = together(&db, operations.collect())
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    for number in 0..5 {
        assert!(taken[number] ^ taken[number + 5], "{taken:?}");
    }
    assert_eq!(db.count("outbox").await, 0);
}

/// Somebody who keeps rows does not hinder what has nothing to do with them.
async fn rows_that_somebody_keeps_hinder_only_their_own(db: TestDatabase) {
    let world = World::new(&db).await;
    let workflow = workflow(&world, "w").await;
    let mut all = Vec::new();
    for _ in 0..12 {
        all.push(instance(&world, workflow, None).await);
    }
    let kept = all[..6].to_vec();
    let ((inside, is_inside), (go, go_on)) = (oneshot::channel(), oneshot::channel::<()>());
    let keeper = tokio::spawn({
        let db = db.clone();
        async move {
            db.write(tx!(tx => {
                for id in kept {
                    instances::find(tx, id).await?;
                }
                let _ = inside.send(());
                let _ = go_on.await;
                Ok(())
            }))
            .await
        }
    });
    is_inside.await.unwrap();
    let (sender, mut answered) = mpsc::unbounded_channel();
    let doing = tokio::spawn({
        let (db, operations) = (db.clone(), all.iter().map(|id| letter(*id, 'x')).collect());
        async move {
            let answer = |number: usize, result: Result<(), Error>| {
                result.unwrap();
                sender.send(number).unwrap();
            };
            db.write_together(operations, answer).await;
        }
    });
    let mut done = Vec::new();
    while done.len() < 6 {
        let next = timeout(Duration::from_secs(10), answered.recv()).await;
        done.push(next.expect("nobody waits for the others").unwrap());
    }
    done.sort_unstable();
    assert_eq!(done, [6, 7, 8, 9, 10, 11]);
    go.send(()).unwrap();
    keeper.await.unwrap().unwrap();
    let mut last = Vec::new();
    while last.len() < 6 {
        last.push(answered.recv().await.unwrap());
    }
    last.sort_unstable();
    assert_eq!(last, [0, 1, 2, 3, 4, 5]);
    doing.await.unwrap();
}

async fn what_only_looks_cannot_write(db: TestDatabase) {
    World::new(&db).await;
    let operations: Vec<_> = (0..3)
        .map(|number| {
            operation(tx!(tx => {
                if number == 1 {
                    identity::tenant_create(tx, "from a look", NOW).await?;
                }
                identity::tenant_exists(tx, TenantId(1)).await
            }))
        })
        .collect();
    let mut results = Vec::new();
    db.look_together(operations, |number, result: Result<bool, Error>| {
        results.push((number, result));
    })
    .await;
    results.sort_by_key(|(number, _)| *number);
    let [(_, first), (_, second), (_, third)] = <[_; 3]>::try_from(results).unwrap();
    assert!(first.unwrap() && third.unwrap());
    assert!(matches!(second, Err(Error::Statement(_))), "{second:?}");
    assert_eq!(db.count("tenants").await, 1);
}

async fn what_comes_from_many_sides_is_answered_to_each(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web-1").await;
    let mut jobs = Vec::new();
    for _ in 0..100 {
        jobs.push(world.job(agent).await);
    }
    let (writes, looks) = (Gathered::writes(&db), Gathered::looks(&db));
    let hand_out = async |job: JobId| {
        let run = writes.run(job.0, tx!(tx => jobs::hand_out(tx, job, order(1), at(1)).await));
        (job, run.await.unwrap())
    };
    for (job, attempt) in join_all(jobs.iter().map(|job| hand_out(*job))).await {
        let look = looks.run(job.0, tx!(tx => jobs::attempts(tx, job).await));
        let found: Result<Vec<jobs::Attempt>, Error> = look.await;
        assert_eq!(found.unwrap()[0].id, attempt);
    }
    let again: Result<_, Error> = writes
        .run(1, tx!(tx => jobs::hand_out(tx, jobs[0], order(2), at(1)).await))
        .await;
    assert!(
        matches!(again, Err(Error::NotFound)),
        "it is queued no more: {again:?}"
    );
}

on_both_engines!(
    each_gets_what_is_its_own,
    one_that_fails_takes_nothing_from_the_others,
    no_change_of_the_same_row_is_lost,
    one_that_meets_another_leaves_the_rest_together,
    of_one_key_one_job_is_handed_out,
    what_is_handed_out_to_one_agent_twice_is_its_own_once,
    turns_of_instances_share_a_transaction,
    news_are_taken_once,
    what_only_looks_cannot_write,
    what_comes_from_many_sides_is_answered_to_each,
);

mod alone {
    use super::rows_that_somebody_keeps_hinder_only_their_own;

    on_postgres_alone!(rows_that_somebody_keeps_hinder_only_their_own);
}
