//! The cluster's own rows, kept answers, migrations, and word between servers.

use std::time::Duration;

use futures_util::future::join_all;
use postern_store::{Error, Store, idempotency, system, tx};

use crate::{
    database::TestDatabase,
    world::{NOW, World, at},
};

async fn the_first_name_and_secret_count(db: TestDatabase) {
    let names = (0..8).map(|number| {
        let db = db.clone();
        async move {
            db.write(tx!(tx => system::cluster_name(tx, &format!("name {number}")).await))
                .await
                .unwrap()
        }
    });
    let names = join_all(names).await;
    assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
    let keep = |number: u8| {
        let db = db.clone();
        async move {
            db.write(tx!(tx => system::secret_keep(tx, "ca", vec![number; 3], NOW).await))
                .await
                .unwrap()
        }
    };
    let secrets = join_all((0..8).map(keep)).await;
    assert!(secrets.iter().all(|secret| *secret == secrets[0]), "{secrets:?}");
    let (found, none) = db
        .read(tx!(tx => Ok((system::secret_find(tx, "ca").await?, system::secret_find(tx, "none").await?))))
        .await
        .unwrap();
    assert_eq!((found.as_ref(), none), (secrets.first(), None));
    db.read(tx!(tx => system::ping(tx).await)).await.unwrap();
}

async fn an_answer_is_kept_once_and_forgotten_in_time(db: TestDatabase) {
    let kept = |text: &str| idempotency::Kept {
        request_hash: text.to_owned(),
        sealed: vec![0, 1, 255],
    };
    let keep = async |caller: &'static str, key: &'static str, now| {
        let kept = kept("request");
        db.write(tx!(tx => idempotency::keep(tx, caller, key, kept, now).await))
            .await
    };
    keep("user:1", "key", at(1)).await.unwrap();
    keep("user:2", "key", at(2)).await.unwrap();
    keep("user:1", "other", at(3)).await.unwrap();
    let again = keep("user:1", "key", at(4)).await;
    assert!(matches!(again, Err(Error::Duplicate(_))), "{again:?}");
    let find = async |caller: &'static str, key: &'static str| {
        db.read(tx!(tx => idempotency::find(tx, caller, key).await))
            .await
            .unwrap()
    };
    assert_eq!(find("user:1", "key").await, Some(kept("request")));
    assert_eq!(find("user:3", "key").await, None);
    let forgotten = db
        .write(tx!(tx => idempotency::forget_before(tx, at(3)).await))
        .await;
    assert_eq!((forgotten.unwrap(), find("user:2", "key").await), (2, None));
    assert_eq!(find("user:1", "other").await, Some(kept("request")));
}

async fn the_same_creation_twice_at_once_happens_once(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let creations = (0..10).map(|_| {
        let world = world.clone();
        async move {
            let made = world.job(agent).await;
            let kept = idempotency::Kept {
                request_hash: "r".into(),
                sealed: vec![],
            };
            world
                .db
                .write(tx!(tx => {
                    if idempotency::find(tx, "user:1", "key").await?.is_some() {
                        return Ok(None);
                    }
                    system::secret_keep(tx, &format!("made {made}"), vec![], NOW).await?;
                    idempotency::keep(tx, "user:1", "key", kept, NOW).await?;
                    Ok(Some(made))
                }))
                .await
        }
    });
    let results = join_all(creations).await;
    let made = results
        .iter()
        .filter(|result| matches!(result, Ok(Some(_))))
        .count();
    let others = results
        .iter()
        .filter(|result| matches!(result, Ok(None) | Err(Error::Duplicate(_))))
        .count();
    assert_eq!((made, others), (1, 9), "{results:?}");
    assert_eq!(db.count("secrets").await, 1);
}

async fn opening_again_changes_nothing(db: TestDatabase) {
    World::new(&db).await;
    let before = db.raw("SELECT name, digest FROM migrations ORDER BY name").await;
    for opened in join_all((0..4).map(|_| Store::open(&db.url))).await {
        opened.unwrap();
    }
    assert_eq!(
        db.raw("SELECT name, digest FROM migrations ORDER BY name").await,
        before
    );
    assert_eq!(db.count("tenants").await, 1);
}

async fn an_empty_database_may_be_opened_by_several_at_once(db: TestDatabase) {
    let url = if db.is_postgres() {
        let schema = db.raw("SELECT current_schema()").await[0][0].clone();
        db.raw(&format!("DROP SCHEMA {schema} CASCADE; CREATE SCHEMA {schema}"))
            .await;
        db.url.clone()
    } else {
        format!("{}.fresh", db.url)
    };
    for opened in join_all((0..4).map(|_| Store::open(&url))).await {
        opened.unwrap();
    }
}

async fn a_database_of_another_program_is_refused(db: TestDatabase) {
    db.raw("INSERT INTO migrations (name, digest) VALUES ('9999_later', 'x')")
        .await;
    let newer = Store::open(&db.url).await;
    let Err(Error::Migration { name, problem }) = newer else {
        panic!("{newer:?}")
    };
    assert_eq!(
        (name.as_str(), problem.as_str()),
        ("9999_later", "was applied by a newer version: start that version")
    );

    db.raw("DELETE FROM migrations WHERE name = '9999_later'; UPDATE migrations SET digest = 'other'")
        .await;
    let other = Store::open(&db.url).await;
    let Err(Error::Migration { name, problem }) = other else {
        panic!("{other:?}")
    };
    assert_eq!(name, "0001_initial");
    assert!(problem.starts_with("was applied in another form"), "{problem}");
}

async fn only_the_two_kinds_of_url_are_known(_: TestDatabase) {
    for url in ["", "mysql://x", "postern.db", "SQLITE://x"] {
        let opened = Store::open(url).await;
        assert!(matches!(opened, Err(Error::Url)), "{url}: {opened:?}");
    }
    let nowhere = Store::open("sqlite:///nowhere/at/all/postern.db").await;
    assert!(matches!(nowhere, Err(Error::Unreachable(_))), "{nowhere:?}");
    let closed = Store::open("postgres://postern@127.0.0.1:1/postern").await;
    assert!(matches!(closed, Err(Error::Unreachable(_))), "{closed:?}");
}

async fn servers_hear_each_other(db: TestDatabase) {
    // A name that must be quoted, and a second channel that must not be heard.
    let channel = "Wake \"up\"";
    let heard = db.listen(channel).await.unwrap();
    db.write(tx!(tx => system::notify(tx, "other", "not for us").await))
        .await
        .unwrap();
    let undone = db
        .write(tx!(tx => {
            system::notify(tx, channel, "undone").await?;
            Err::<(), _>(Error::NotFound)
        }))
        .await;
    assert!(undone.is_err());
    for text in ["agent 1", "agent 2"] {
        db.write(tx!(tx => system::notify(tx, channel, text).await))
            .await
            .unwrap();
    }
    let Some(mut heard) = heard else {
        assert!(!db.is_postgres(), "SQLite has one server");
        return;
    };
    for expected in ["agent 1", "agent 2"] {
        let text = tokio::time::timeout(Duration::from_secs(10), heard.recv())
            .await
            .expect("a message in time");
        assert_eq!(text.as_deref(), Some(expected));
    }
}

on_both_engines!(
    the_first_name_and_secret_count,
    an_answer_is_kept_once_and_forgotten_in_time,
    the_same_creation_twice_at_once_happens_once,
    opening_again_changes_nothing,
    an_empty_database_may_be_opened_by_several_at_once,
    a_database_of_another_program_is_refused,
    only_the_two_kinds_of_url_are_known,
    servers_hear_each_other,
);
