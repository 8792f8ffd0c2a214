//! What a transaction promises: all or nothing, whatever the operation does and whoever shares the commit.

use std::time::Duration;

use futures_util::future::join_all;
use postern_domain::{InstanceId, TenantId};
use postern_store::{Error, Store, identity, jobs, system, tx, workflows::instances};

use crate::{
    database::TestDatabase,
    world::{NOW, World, at},
};

async fn tenants(db: &TestDatabase) -> i64 {
    db.count("tenants").await
}

async fn a_refused_write_leaves_nothing(db: TestDatabase) {
    let refused = db
        .write(tx!(tx => {
            identity::tenant_create(tx, "a", NOW).await?;
            identity::tenant_create(tx, "b", NOW).await?;
            Err::<(), _>(Error::NotFound)
        }))
        .await;
    assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
    assert_eq!(tenants(&db).await, 0);
}

async fn a_failed_statement_cannot_be_passed_over(db: TestDatabase) {
    World::new(&db).await;
    // PostgreSQL would answer COMMIT with success and keep nothing.
    let swallowed = db
        .write(tx!(tx => {
            identity::tenant_create(tx, "lost", NOW).await?;
            let taken = identity::tenant_create(tx, "default", NOW).await;
            assert!(matches!(taken, Err(Error::Duplicate(_))), "{taken:?}");
            let after = identity::tenant_exists(tx, TenantId(1)).await;
            assert!(matches!(after, Err(Error::Aborted)), "{after:?}");
            Ok(())
        }))
        .await;
    assert!(matches!(swallowed, Err(Error::Aborted)), "{swallowed:?}");
    assert_eq!(tenants(&db).await, 1);
}

/// On PostgreSQL its failure comes to light with the statement behind it, or with the commit.
async fn a_statement_that_nobody_waits_for_cannot_fail_unseen(db: TestDatabase) {
    let no_such = InstanceId(999);
    let at_the_end = db
        .write(tx!(tx => {
            identity::tenant_create(tx, "a", NOW).await?;
            instances::timer_set(tx, no_such, 1, NOW).await
        }))
        .await;
    assert!(matches!(at_the_end, Err(Error::Statement(_))), "{at_the_end:?}");
    let before_another = db
        .write(tx!(tx => {
            instances::timer_set(tx, no_such, 1, NOW).await?;
            identity::tenant_create(tx, "b", NOW).await
        }))
        .await;
    assert!(
        matches!(before_another, Err(Error::Statement(_))),
        "{before_another:?}"
    );
    let before_a_new_one = db
        .write(tx!(tx => {
            instances::timer_set(tx, no_such, 1, NOW).await?;
            jobs::counts(tx).await
        }))
        .await;
    assert!(
        matches!(&before_a_new_one, Err(Error::Statement(why)) if why.to_lowercase().contains("foreign key")),
        "{before_a_new_one:?}"
    );
    let passed_over = db
        .write(tx!(tx => {
            identity::tenant_create(tx, "c", NOW).await?;
            let _ = instances::timer_set(tx, no_such, 1, NOW).await;
            Ok(())
        }))
        .await;
    assert!(passed_over.is_err(), "{passed_over:?}");
    assert_eq!(tenants(&db).await, 0);
    // What nobody waited for is there once the transaction is.
    World::new(&db).await;
    assert_eq!(tenants(&db).await, 1);
}

async fn a_panic_leaves_nothing_and_others_untouched(db: TestDatabase) {
    let writes = (0..40).map(|number| {
        let db = db.clone();
        async move {
            db.write(tx!(tx => {
                identity::tenant_create(tx, &format!("tenant {number}"), NOW).await?;
                assert!(number % 4 != 0, "a panic that the test wants");
                Ok(())
            }))
            .await
        }
    });
    for (number, result) in join_all(writes).await.into_iter().enumerate() {
        match number % 4 {
            0 => assert!(matches!(result, Err(Error::Panicked)), "{result:?}"),
            _ => result.unwrap(),
        }
    }
    assert_eq!(tenants(&db).await, 30);
    let read: Result<(), Error> = db.read(tx!(_tx => panic!("a panic that the test wants"))).await;
    assert!(matches!(read, Err(Error::Panicked)), "{read:?}");
    let scan: Result<(), Error> = db.scan(tx!(_tx => panic!("a panic that the test wants"))).await;
    assert!(matches!(scan, Err(Error::Panicked)), "{scan:?}");
    db.read(tx!(tx => system::ping(tx).await)).await.unwrap();
}

async fn combined_writes_stand_or_fall_alone(db: TestDatabase) {
    let writes = (0..200).map(|number| {
        let db = db.clone();
        async move {
            db.write(tx!(tx => {
                identity::tenant_create(tx, &format!("try {number}"), NOW).await?;
                // Every fifth wants a name that another one has.
                let name = if number % 5 == 0 { "taken".to_owned() } else { format!("kept {number}") };
                identity::tenant_create(tx, &name, NOW).await
            }))
            .await
        }
    });
    let results = join_all(writes).await;
    let kept = results.iter().filter(|result| result.is_ok()).count();
    let refused = results
        .iter()
        .filter(|result| matches!(result, Err(Error::Duplicate(_))))
        .count();
    assert_eq!((kept, refused), (161, 39));
    assert_eq!(
        tenants(&db).await,
        2 * 161,
        "each kept one wrote two rows, each refused one none"
    );
}

/// Lets an operation wait for the test, from inside of its transaction.
struct Pause {
    inside: tokio::sync::oneshot::Sender<()>,
    go_on: std::sync::mpsc::Receiver<()>,
}

impl Pause {
    fn new() -> (
        Self,
        tokio::sync::oneshot::Receiver<()>,
        std::sync::mpsc::Sender<()>,
    ) {
        let ((inside, is_inside), (go, go_on)) =
            (tokio::sync::oneshot::channel(), std::sync::mpsc::channel());
        (Self { inside, go_on }, is_inside, go)
    }

    fn here(self) {
        let _ = self.inside.send(());
        tokio::task::block_in_place(|| self.go_on.recv_timeout(Duration::from_secs(20)))
            .expect("the test goes on");
    }
}

async fn readers_see_only_what_was_committed(db: TestDatabase) {
    World::new(&db).await;
    let (pause, is_inside, go) = Pause::new();
    let writer = tokio::spawn({
        let db = db.clone();
        async move {
            db.write(tx!(tx => {
                identity::tenant_create(tx, "half", NOW).await?;
                pause.here();
                identity::tenant_create(tx, "whole", NOW).await
            }))
            .await
        }
    });
    is_inside.await.unwrap();
    let seen = db
        .read(tx!(tx => identity::tenant_exists(tx, TenantId(2)).await))
        .await;
    assert!(!seen.unwrap());
    assert_eq!(tenants(&db).await, 1);
    go.send(()).unwrap();
    writer.await.unwrap().unwrap();
    assert_eq!(tenants(&db).await, 3);
}

async fn a_read_is_one_snapshot(db: TestDatabase) {
    let world = World::new(&db).await;
    let (pause, is_inside, go) = Pause::new();
    let reader = tokio::spawn({
        let db = db.clone();
        async move {
            db.read(tx!(tx => {
                let before = identity::organization_first(tx, world.tenant).await?;
                pause.here();
                Ok((before, identity::organization_first(tx, world.tenant).await?))
            }))
            .await
        }
    });
    is_inside.await.unwrap();
    let id = world.organization;
    db.write(tx!(tx => identity::organization_update(tx, id, "changed", true).await))
        .await
        .unwrap();
    go.send(()).unwrap();
    let (before, after) = reader.await.unwrap().unwrap();
    assert_eq!(before, after);
    assert_eq!(db.raw("SELECT name FROM organizations").await, [["changed"]]);
}

async fn a_read_cannot_write(db: TestDatabase) {
    let written = db
        .read(tx!(tx => identity::tenant_create(tx, "from a read", NOW).await))
        .await;
    assert!(matches!(written, Err(Error::Statement(_))), "{written:?}");
    let written = db
        .look::<_, Error, _>(tx!(tx => identity::tenant_create(tx, "from a look", NOW).await))
        .await;
    assert!(matches!(written, Err(Error::Statement(_))), "{written:?}");
    assert_eq!(tenants(&db).await, 0);
    db.look::<_, Error, _>(tx!(tx => system::ping(tx).await))
        .await
        .unwrap();
    db.read(tx!(tx => system::ping(tx).await)).await.unwrap();
}

async fn waiting_inside_a_transaction_is_refused_where_it_would_stop_everyone(db: TestDatabase) {
    let waited = db
        .write(tx!(tx => {
            identity::tenant_create(tx, "waits", NOW).await?;
            tokio::task::yield_now().await;
            Ok(())
        }))
        .await;
    if db.is_postgres() {
        waited.unwrap();
    } else {
        assert!(matches!(waited, Err(Error::WaitedInTransaction)), "{waited:?}");
        assert_eq!(tenants(&db).await, 0, "what it did before it waited is undone");
    }
    db.write(tx!(tx => identity::tenant_create(tx, "next", NOW).await))
        .await
        .unwrap();
}

async fn closing_keeps_what_was_answered(db: TestDatabase) {
    let url = db.url.clone();
    let second = Store::open(&url).await.unwrap();
    let writes = (0..50).map(|number| {
        let store = second.clone();
        async move {
            store
                .write::<_, Error, _>(
                    tx!(tx => identity::tenant_create(tx, &format!("t{number}"), NOW).await),
                )
                .await
                .unwrap();
        }
    });
    join_all(writes).await;
    drop(second);
    assert_eq!(tenants(&db).await, 50);
    let again = Store::open(&url).await.unwrap();
    again
        .scan::<_, Error, _>(tx!(tx => jobs::counts(tx).await))
        .await
        .unwrap();
}

async fn a_caller_that_leaves_leaves_no_half_write(db: TestDatabase) {
    for number in 0..30 {
        let db = db.clone();
        let task = tokio::spawn(async move {
            db.write(tx!(tx => {
                identity::tenant_create(tx, &format!("one {number}"), NOW).await?;
                identity::tenant_create(tx, &format!("two {number}"), at(1)).await
            }))
            .await
        });
        for _ in 0..number % 7 {
            tokio::task::yield_now().await;
        }
        task.abort();
        let _ = task.await;
    }
    db.write(tx!(tx => identity::tenant_create(tx, "last", NOW).await))
        .await
        .unwrap();
    let ones = db
        .raw("SELECT substr(name, 5) FROM tenants WHERE name LIKE 'one %' ORDER BY 1")
        .await;
    let twos = db
        .raw("SELECT substr(name, 5) FROM tenants WHERE name LIKE 'two %' ORDER BY 1")
        .await;
    assert_eq!(ones, twos);
}

on_both_engines!(
    a_refused_write_leaves_nothing,
    a_failed_statement_cannot_be_passed_over,
    a_statement_that_nobody_waits_for_cannot_fail_unseen,
    a_panic_leaves_nothing_and_others_untouched,
    combined_writes_stand_or_fall_alone,
    readers_see_only_what_was_committed,
    a_read_is_one_snapshot,
    a_read_cannot_write,
    waiting_inside_a_transaction_is_refused_where_it_would_stop_everyone,
    closing_keeps_what_was_answered,
    a_caller_that_leaves_leaves_no_half_write,
);
