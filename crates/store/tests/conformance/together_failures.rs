//! Operations that share a transaction while PostgreSQL is away, or refuses what they ask.

use postern_store::{Error, identity, system, tx};
use tokio::{sync::mpsc, time::timeout};
use tokio_postgres::NoTls;

use crate::{
    database::TestDatabase,
    planner::hearing,
    postgres_failures::{Proxy, Way},
    together::{LIMIT, creates, operation, together, transactions},
    world::{NOW, World},
};

/// A database that is away is found so once, and not by each after the other.
async fn a_database_that_is_away_is_asked_once_for_all(db: TestDatabase) {
    let proxy = Proxy::before(&db).await;
    let through = TestDatabase::open(proxy.url.clone()).await;
    proxy.way.send(Way::Cut).unwrap();
    let asked = async |count: i64| {
        let before = proxy.connections();
        let operations = (0..count).map(|_| operation(tx!(tx => system::ping(tx).await)));
        for result in together(&through, operations.collect()).await {
            assert!(matches!(result, Err(Error::Unreachable(_))), "{result:?}");
        }
        proxy.connections() - before
    };
    // Those that it has from before are broken: the first ones find them so.
    let of_one = async {
        loop {
            match asked(1).await {
                0 => {}
                connections => return connections,
            }
        }
    };
    let of_one = timeout(LIMIT, of_one).await.expect("it is away");
    assert_eq!(asked(10).await, of_one);
}

/// Makes PostgreSQL refuse all that is asked over sets of one text, as it refuses a form that it does not know.
const REFUSE: &str = "CREATE FUNCTION unnest(TEXT[]) RETURNS BOOLEAN LANGUAGE sql AS 'SELECT TRUE'";

async fn a_form_that_is_refused_is_not_tried_again(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web-1").await;
    db.raw(REFUSE).await;
    let mut counts = Vec::new();
    for time in ["first", "second"] {
        let operations = (0..4).map(|number| creates(agent, format!("{time} {number}")));
        for result in together(&db, operations.collect()).await {
            result.unwrap();
        }
        counts.push(transactions(&db, "jobs").await);
    }
    // Each by itself, for all of them came to nothing; then all in one.
    assert_eq!(counts, [Some(4), Some(4 + 1)]);
}

/// Somebody has the table while the form is to be learned.
async fn what_is_about_the_moment_says_nothing_of_a_form(db: TestDatabase) {
    let (begins, mut begun) = mpsc::unbounded_channel();
    let tenants = |time: &'static str, count: usize| -> Vec<_> {
        let all = (0..count).map(|number| {
            let begins = begins.clone();
            operation(tx!(tx => {
                let _ = begins.send(());
                system::ping(tx).await?;
                identity::tenant_create(tx, &format!("{time} {number}"), NOW).await
            }))
        });
        all.collect()
    };
    // By itself: the statement is known from now on, and no form of it.
    together(&db, tenants("before", 1)).await.remove(0).unwrap();
    begun.recv().await.unwrap();

    let (keeper, connection) = tokio_postgres::connect(&db.url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let keep = "BEGIN; LOCK TABLE tenants IN ACCESS EXCLUSIVE MODE";
    keeper.batch_execute(keep).await.unwrap();
    let keeping = async {
        // All of them together, each by itself, and one that waits as long as it takes.
        for number in 0..4 + 4 + 1 {
            let next = timeout(LIMIT, begun.recv()).await;
            assert_eq!(next, Ok(Some(())), "{number}");
        }
        keeper.batch_execute("COMMIT").await.unwrap();
    };
    let (results, ()) = tokio::join!(together(&db, tenants("meanwhile", 4)), keeping);
    for result in results {
        result.unwrap();
    }

    let (results, told) = hearing(together(&db, tenants("after", 4))).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let is_form = |sql: &String| sql.starts_with("INSERT INTO tenants") && sql.contains("unnest(");
    assert!(told.iter().any(is_form), "{told:?}");
}

on_postgres_alone!(
    a_database_that_is_away_is_asked_once_for_all,
    a_form_that_is_refused_is_not_tried_again,
    what_is_about_the_moment_says_nothing_of_a_form,
);
