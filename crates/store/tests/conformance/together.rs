//! Operations that share a transaction where the database gains by it: each gets what it would have got alone.

use std::{sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, join_all};
use postern_domain::{AgentId, InstanceId, JobId, TenantId};
use postern_store::{Error, Gathered, Tx, agents, audit, identity, jobs, system, tx, workflows::instances};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use crate::{
    database::TestDatabase,
    world::{NOW, World, at, at_once, everywhere, new_jobs, order},
};

/// Shorter than the deadline of a transaction.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// Tells the compiler what it is.
pub(crate) const fn operation<T, F>(operation: F) -> F
where
    F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, Error>> + Clone,
{
    operation
}

/// Results in the order of the operations.
pub(crate) async fn together<T, F>(db: &TestDatabase, operations: Vec<F>) -> Vec<Result<T, Error>>
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
pub(crate) async fn transactions(db: &TestDatabase, table: &str) -> Option<usize> {
    if !db.is_postgres() {
        return None;
    }
    let rows = db.raw(&format!("SELECT DISTINCT xmin::text FROM {table}")).await;
    Some(rows.len())
}

/// Makes a job of an agent that does this.
pub(crate) fn creates(
    agent: AgentId,
    payload: String,
) -> impl for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<JobId, Error>> + Clone + Send + 'static {
    tx!(tx => {
        let wanted = agents::Wanted { ids: vec![agent.0], ..Default::default() };
        let targets = agents::targets(tx, &everywhere(), &[wanted], 1).await?;
        let hosts: Vec<jobs::Host> = targets.into_iter().map(at_once).collect();
        let made = jobs::create(tx, &new_jobs(&payload), &hosts, NOW).await?;
        Ok(made.first().ok_or(Error::NotFound)?.0)
    })
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

/// What has begun is done, whether or not anybody still waits for it.
async fn what_has_begun_is_done_when_its_caller_goes_away(db: TestDatabase) {
    let writes = Arc::new(Gathered::<TenantId, Error>::writes(&db));
    let (inside, mut is_inside) = mpsc::unbounded_channel();
    let (go, go_on) = watch::channel(false);
    let caller = tokio::spawn({
        let writes = writes.clone();
        async move {
            let run = writes.run(
                1,
                tx!(tx => {
                    let made = identity::tenant_create(tx, "begun", NOW).await?;
                    let _ = inside.send(());
                    let _ = go_on.clone().wait_for(|go| *go).await;
                    Ok(made)
                }),
            );
            run.await
        }
    });
    assert_eq!(timeout(LIMIT, is_inside.recv()).await, Ok(Some(())));
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    go.send_replace(true);
    // It is over when nobody can say any more that it has begun.
    assert_eq!(timeout(LIMIT, is_inside.recv()).await, Ok(None));
    assert_eq!(db.count("tenants").await, 1);
}

on_both_engines!(
    each_gets_what_is_its_own,
    one_that_fails_takes_nothing_from_the_others,
    what_only_looks_cannot_write,
    what_comes_from_many_sides_is_answered_to_each,
);

mod alone {
    use super::what_has_begun_is_done_when_its_caller_goes_away;

    on_postgres_alone!(what_has_begun_is_done_when_its_caller_goes_away);
}
