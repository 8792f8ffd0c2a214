//! Who waits for whom on PostgreSQL, where several write at once. SQLite has one writer.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use postern_domain::{ActionId, ScriptId, UserId, WorkflowId};
use postern_store::{
    Error, Tx,
    scripts::{self, actions},
    tx,
    uses::{self, Used, User},
    workflows::{self, instances},
};
use tokio::{
    sync::{Barrier, oneshot},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    database::TestDatabase,
    instances::{instance, new_instance, workflow},
    world::{NOW, World},
};

/// Shorter than the deadline of a transaction.
const LIMIT: Duration = Duration::from_secs(10);

/// What others run and name.
#[derive(Debug, Clone, Copy)]
enum Named {
    Script(ScriptId),
    Action(ActionId),
    Workflow(WorkflowId),
}

impl Named {
    /// Whether it is there.
    async fn to_run(self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        Ok(match self {
            Self::Script(id) => scripts::find_to_run(tx, id).await?.is_some(),
            Self::Action(id) => actions::find_to_run(tx, id).await?.is_some(),
            Self::Workflow(id) => workflows::find_to_start(tx, id).await?.is_some(),
        })
    }

    /// Whether it is there.
    async fn to_delete(self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        Ok(match self {
            Self::Script(id) => scripts::find_to_delete(tx, id).await?.is_some(),
            Self::Action(id) => actions::find_to_delete(tx, id).await?.is_some(),
            Self::Workflow(id) => workflows::find_to_delete(tx, id).await?.is_some(),
        })
    }

    async fn delete(self, tx: &mut Tx<'_>) -> Result<(), Error> {
        match self {
            Self::Script(id) => scripts::delete(tx, id).await,
            Self::Action(id) => actions::delete(tx, id).await,
            Self::Workflow(id) => workflows::delete(tx, id, NOW).await,
        }
    }

    const fn used(self) -> (Used, i64) {
        match self {
            Self::Script(id) => (Used::Script, id.0),
            Self::Action(id) => (Used::Action, id.0),
            Self::Workflow(id) => (Used::Workflow, id.0),
        }
    }

    /// Where the statement that waits for it reads.
    const fn table(self) -> &'static str {
        match self {
            Self::Script(_) => "FROM scripts s",
            Self::Action(_) => "FROM actions a",
            Self::Workflow(_) => "FROM workflows w",
        }
    }
}

fn version() -> scripts::NewVersion {
    scripts::NewVersion {
        content: "true".into(),
        definition: "{}".into(),
        digest: "d".into(),
        message: String::new(),
        libraries: Vec::new(),
    }
}

/// A script, an action and a workflow of this name.
async fn three(world: &World, name: &'static str) -> (ScriptId, ActionId, WorkflowId) {
    let place = world.place();
    let script = scripts::NewScript {
        place,
        kind: "script",
        name: name.into(),
        description: String::new(),
        language: "bash",
    };
    let action = actions::Saved {
        name: name.into(),
        description: String::new(),
        draft: "{}".into(),
        digest: "d".into(),
        secret: None,
    };
    let workflow = workflows::Saved {
        name: name.into(),
        description: String::new(),
        draft: "{}".into(),
        digest: "d".into(),
        source: None,
    };
    world
        .db
        .write(tx!(tx => {
            let script = scripts::create(tx, &script, &version(), "user:1", NOW).await?;
            let action = actions::create(tx, place, action, "user:1", NOW).await?;
            let workflow = workflows::create(tx, place, workflow, "user:1", NOW).await?;
            Ok((script, action, workflow))
        }))
        .await
        .unwrap()
}

async fn each(world: &World, name: &'static str) -> [Named; 3] {
    let (script, action, workflow) = three(world, name).await;
    [
        Named::Script(script),
        Named::Action(action),
        Named::Workflow(workflow),
    ]
}

async fn deploy(tx: &mut Tx<'_>, id: ActionId) -> Result<(), Error> {
    let action = actions::find(tx, id).await?.ok_or(Error::NotFound)?;
    let new = actions::NewVersion {
        definition: "deployed".into(),
        message: String::new(),
        deployer: UserId(1),
    };
    actions::deploy(tx, &action, new, "user:1", NOW).await.map(|_| ())
}

async fn publish(tx: &mut Tx<'_>, id: WorkflowId) -> Result<(), Error> {
    let workflow = workflows::find(tx, id).await?.ok_or(Error::NotFound)?;
    workflows::publish(tx, &workflow, "{}", "", "user:1", NOW)
        .await
        .map(|_| ())
}

/// A transaction that stops in its middle until the test lets it go on.
struct Held {
    task: JoinHandle<Result<(), Error>>,
    go: oneshot::Sender<()>,
}

impl Held {
    async fn between<B, A>(db: &TestDatabase, before: B, after: A) -> Self
    where
        B: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<(), Error>> + Send + 'static,
        A: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<(), Error>> + Send + 'static,
    {
        let (inside, is_inside) = oneshot::channel();
        let (go, go_on) = oneshot::channel::<()>();
        let db = db.clone();
        let task = tokio::spawn(async move {
            db.write(tx!(tx => {
                before(tx).await?;
                let _ = inside.send(());
                let _ = go_on.await;
                after(tx).await
            }))
            .await
        });
        is_inside.await.expect("it comes so far");
        Self { task, go }
    }

    async fn go_on(self) {
        self.go.send(()).expect("it waits");
        self.task.await.unwrap().unwrap();
    }
}

/// Until a statement with this text waits for a lock.
async fn until_waiting(db: &TestDatabase, text: &str) {
    let sql = format!(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
         AND query LIKE '%{text}%'"
    );
    let waits = async {
        while db.raw(&sql).await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, waits).await.expect("somebody waits");
}

async fn two_run_the_same_in_either_order_and_both_end(db: TestDatabase) {
    let world = World::new(&db).await;
    let (ones, others) = (each(&world, "one").await, each(&world, "other").await);
    for (one, other) in ones.into_iter().zip(others) {
        for [first, second] in [[one, other], [one, one]] {
            // Each has its first one before any asks for its second.
            let met = Arc::new(Barrier::new(2));
            let run = |first: Named, second: Named| {
                let (db, met) = (db.clone(), met.clone());
                async move {
                    db.write(tx!(tx => {
                        let before = first.to_run(tx).await?;
                        met.wait().await;
                        Ok((before, second.to_run(tx).await?))
                    }))
                    .await
                }
            };
            let both = async { tokio::join!(run(first, second), run(second, first)) };
            let both = timeout(LIMIT, both).await.expect("nobody waits");
            assert!(
                matches!(both, (Ok((true, true)), Ok((true, true)))),
                "{first:?}, {second:?}: {both:?}"
            );
        }
    }
}

async fn what_runs_is_edited_meanwhile_and_keeps_its_version(db: TestDatabase) {
    let world = World::new(&db).await;
    let (script, action, workflow) = three(&world, "one").await;
    let running = Held::between(
        &db,
        tx!(tx => {
            for named in [Named::Script(script), Named::Action(action), Named::Workflow(workflow)] {
                assert!(named.to_run(tx).await?);
            }
            Ok(())
        }),
        tx!(tx => {
            assert!(scripts::version(tx, script, 1).await?.is_some());
            Ok(())
        }),
    )
    .await;
    let edits = db.write(tx!(tx => {
        scripts::find(tx, script).await?;
        scripts::version_add(tx, script, 2, &version(), "user:1", NOW).await?;
        deploy(tx, action).await?;
        publish(tx, workflow).await
    }));
    timeout(LIMIT, edits).await.expect("nobody waits").unwrap();
    running.go_on().await;
}

async fn whoever_deletes_waits_for_those_who_name_it_and_sees_that(db: TestDatabase) {
    let world = World::new(&db).await;
    for named in each(&world, "one").await {
        let user = User {
            kind: "schedule",
            id: 1,
            name: "nightly",
        };
        let naming = Held::between(
            &db,
            tx!(tx => {
                assert!(named.to_run(tx).await?);
                Ok(())
            }),
            tx!(tx => uses::set(tx, user, &[named.used()]).await),
        )
        .await;
        let deletion = tokio::spawn({
            let db = db.clone();
            async move {
                db.write(tx!(tx => {
                    assert!(named.to_delete(tx).await?);
                    let (used, id) = named.used();
                    Ok(uses::of(tx, used, id).await?.len())
                }))
                .await
            }
        });
        until_waiting(&db, named.table()).await;
        naming.go_on().await;
        assert_eq!(deletion.await.unwrap().unwrap(), 1, "{named:?} is in use");
    }
}

async fn what_is_being_deleted_is_gone_for_whoever_wants_to_run_it(db: TestDatabase) {
    let world = World::new(&db).await;
    for named in each(&world, "one").await {
        let deletion = Held::between(
            &db,
            tx!(tx => {
                assert!(named.to_delete(tx).await?);
                Ok(())
            }),
            tx!(tx => named.delete(tx).await),
        )
        .await;
        let run = tokio::spawn({
            let db = db.clone();
            async move { db.write(tx!(tx => named.to_run(tx).await)).await }
        });
        until_waiting(&db, named.table()).await;
        deletion.go_on().await;
        assert!(!run.await.unwrap().unwrap(), "{named:?} is gone");
    }
}

/// A statement that waited for a row has it as it is now, and all else as it was when the statement began.
async fn what_was_waited_for_is_found_with_its_newest_version(db: TestDatabase) {
    let world = World::new(&db).await;
    let (_, action, workflow) = three(&world, "one").await;
    let making = Held::between(
        &db,
        tx!(tx => {
            deploy(tx, action).await?;
            publish(tx, workflow).await
        }),
        tx!(_tx => Ok(())),
    )
    .await;
    let (of_action, of_workflow) = (db.clone(), db.clone());
    let action =
        tokio::spawn(async move { of_action.write(tx!(tx => actions::find(tx, action).await)).await });
    let workflow = tokio::spawn(async move {
        of_workflow
            .write(tx!(tx => workflows::find(tx, workflow).await))
            .await
    });
    until_waiting(&db, "FROM actions a").await;
    until_waiting(&db, "FROM workflows w").await;
    making.go_on().await;
    let action = action.await.unwrap().unwrap().unwrap();
    assert_eq!(
        (
            action.version,
            action.deployed.as_deref(),
            action.deployed_digest.as_deref()
        ),
        (Some(1), Some("deployed"), Some("d"))
    );
    let workflow = workflow.await.unwrap().unwrap().unwrap();
    assert_eq!(
        (workflow.version, workflow.published_digest.as_deref()),
        (Some(1), Some("d"))
    );
}

/// The last place below one that began with all of them.
async fn whoever_takes_the_last_place_is_waited_for_and_counted(db: TestDatabase) {
    let world = World::new(&db).await;
    let workflow = workflow(&world, "one").await;
    let root = instance(&world, workflow, None).await;
    let new = new_instance(&world, workflow, Some(root));
    let first = Held::between(
        &db,
        tx!(tx => {
            assert!(instances::has_room_below(tx, root, 1).await?);
            Ok(())
        }),
        tx!(tx => instances::create(tx, new, NOW).await.map(|_| ())),
    )
    .await;
    let second = tokio::spawn({
        let db = db.clone();
        async move {
            db.write(tx!(tx => instances::has_room_below(tx, root, 1).await))
                .await
        }
    });
    until_waiting(&db, "FROM pg_advisory_xact_lock(CAST").await;
    first.go_on().await;
    assert!(!second.await.unwrap().unwrap(), "the place is taken");
}

on_postgres_alone!(
    two_run_the_same_in_either_order_and_both_end,
    what_runs_is_edited_meanwhile_and_keeps_its_version,
    whoever_deletes_waits_for_those_who_name_it_and_sees_that,
    what_is_being_deleted_is_gone_for_whoever_wants_to_run_it,
    what_was_waited_for_is_found_with_its_newest_version,
    whoever_takes_the_last_place_is_waited_for_and_counted,
);
