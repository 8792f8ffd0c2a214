//! Turns of instances and news of what their jobs came to, as the server does them: all that they ask for can be shared.

use futures_util::future::BoxFuture;
use postern_domain::{ExecutionId, workflow::engine::InstanceState};
use postern_store::{
    Error, Tx, agents, audit, identity,
    jobs::{self, executions},
    outbox, tx,
    workflows::{
        due, ends,
        instances::{self, Moved},
        step_runs::{self, StepRun},
    },
};

use crate::{
    database::TestDatabase,
    instances::{instance, workflow},
    together::{operation, together, transactions},
    world::{NOW, World, at_once, everywhere, new_jobs},
};

/// All that a turn of an instance asks for: whether it found the execution of its step, its one job and its host again.
pub(crate) async fn turns(
    world: World,
) -> Vec<impl for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<bool, Error>> + Clone + Send + 'static> {
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
            let is_its_own = ends.len() == 1 && ends[0].job_id == job && ends[0].name == name;
            Ok(is_its_own && found.execution_id == Some(execution))
        })));
    }
    operations
}

/// What follows on the news that jobs have ended: whether each found its instance, its step and its job, which is open.
pub(crate) async fn news_of_ends(
    db: TestDatabase,
) -> Vec<impl for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<bool, Error>> + Clone + Send + 'static> {
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
            Ok(Some(found.id) == news.instance && run.execution_id == Some(execution) && ended.open)
        }))
    });
    operations.collect()
}

/// In one transaction: a statement that cannot be shared would leave each alone.
async fn turns_of_instances_share_a_transaction(db: TestDatabase) {
    let world = World::new(&db).await;
    for result in together(&db, turns(world).await).await {
        assert!(result.unwrap());
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
}

async fn what_follows_on_ends_of_jobs_shares_a_transaction(db: TestDatabase) {
    let world = World::new(&db).await;
    for result in together(&db, turns(world).await).await {
        result.unwrap();
    }
    let results = together(&db, news_of_ends(db.clone()).await).await;
    assert_eq!(results.len(), 8);
    for result in results {
        assert!(result.unwrap());
    }
    let count = transactions(&db, "audit").await;
    assert!(count.is_none_or(|count| count == 1), "{count:?}");
    assert_eq!(db.count("outbox").await, 8, "those of the beginnings");
}

on_both_engines!(
    turns_of_instances_share_a_transaction,
    what_follows_on_ends_of_jobs_shares_a_transaction,
);
