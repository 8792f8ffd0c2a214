//! The audit trail: written with the change, sealed into a chain, and proof against changes afterwards.

use futures_util::future::join_all;
use postern_domain::{TenantId, permission::Reach};
use postern_store::{
    Cursor, Error,
    audit::{self, Entry, Filter, Record, SEAL_BATCH},
    system, tx,
};

use crate::{
    database::TestDatabase,
    world::{DIRECTIONS, ascending, at, everywhere, page, walk},
};

fn entry(number: i64) -> Entry {
    Entry {
        tenant: Some(TenantId(1)),
        at: at(number),
        actor: "user:1".into(),
        token_id: Some(7),
        action: "job.cancel",
        object: format!("job:{number}"),
        refused: false,
        before: Some("{\"state\":\"queued\"}".into()),
        after: Some("{\"state\":\"cancelled\"}".into()),
        reason: None,
        address: Some("192.0.2.1".into()),
    }
}

async fn append(db: &TestDatabase, entries: Vec<Entry>) {
    db.write(tx!(tx => audit::append(tx, entries).await))
        .await
        .unwrap();
}

async fn seal(db: &TestDatabase) -> u64 {
    db.write(tx!(tx => audit::seal(tx).await)).await.unwrap()
}

async fn cluster(db: &TestDatabase) {
    db.write(tx!(tx => system::cluster_name(tx, "cluster").await))
        .await
        .unwrap();
}

/// Follows the chain from its start. Says where it breaks.
async fn verify(db: &TestDatabase) -> Result<i64, String> {
    let (head, head_hash, _) = db.read(tx!(tx => audit::head(tx).await)).await.unwrap();
    let (mut chain, mut hash) = (0, String::new());
    loop {
        let records = db
            .read(tx!(tx => audit::sealed_after(tx, chain, 700).await))
            .await
            .unwrap();
        if records.is_empty() {
            break;
        }
        for record in records {
            if record.chain != Some(chain + 1) {
                return Err(format!("place {} is missing", chain + 1));
            }
            chain += 1;
            hash = audit::link(&hash, chain, &record);
            if record.hash.as_ref() != Some(&hash) {
                return Err(format!("record {} was changed", record.id));
            }
        }
    }
    if (chain, &hash) == (head, &head_hash) {
        Ok(chain)
    } else {
        Err("the newest records are missing".into())
    }
}

async fn records_are_found_as_they_were_written(db: TestDatabase) {
    let refused = Entry {
        tenant: None,
        token_id: None,
        refused: true,
        before: None,
        after: None,
        reason: Some("not allowed".into()),
        address: None,
        ..entry(2)
    };
    append(&db, vec![entry(1), refused]).await;
    let list = db
        .read(tx!(tx => audit::list(tx, &everywhere(), &Filter::default(), &page(5)).await))
        .await
        .unwrap();
    let [done, refused] = list.as_slice() else {
        panic!("two records: {list:?}")
    };
    assert_eq!(
        (done.tenant_id, done.at, done.actor.as_str()),
        (Some(TenantId(1)), at(1), "user:1")
    );
    assert_eq!(
        (done.token_id, done.action.as_str(), done.object.as_str()),
        (Some(7), "job.cancel", "job:1")
    );
    assert_eq!(
        (done.outcome.as_str(), done.before.as_deref()),
        ("done", Some("{\"state\":\"queued\"}"))
    );
    assert_eq!(
        (done.after.as_deref(), done.reason.as_deref()),
        (Some("{\"state\":\"cancelled\"}"), None)
    );
    assert_eq!(
        (done.address.as_deref(), done.chain, &done.hash),
        (Some("192.0.2.1"), None, &None)
    );
    assert_eq!(
        (refused.outcome.as_str(), refused.reason.as_deref()),
        ("refused", Some("not allowed"))
    );
    assert_eq!(
        (refused.tenant_id, refused.token_id, refused.address.as_deref()),
        (None, None, None)
    );
}

async fn a_record_goes_with_its_change(db: TestDatabase) {
    let refused = db
        .write(tx!(tx => {
            audit::append(tx, vec![entry(1)]).await?;
            Err::<(), _>(Error::NotFound)
        }))
        .await;
    assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
    assert_eq!(db.count("audit").await, 0);
    append(&db, vec![]).await;
}

async fn every_filter_picks_its_records(db: TestDatabase) {
    let reason = |text: &str| Some(text.to_owned());
    append(
        &db,
        vec![
            Entry {
                actor: "user:5 (Ada)".into(),
                reason: reason("100% sure"),
                ..entry(1)
            },
            Entry {
                action: "agent.delete",
                object: "agent:9".into(),
                tenant: Some(TenantId(2)),
                ..entry(2)
            },
            Entry {
                refused: true,
                tenant: None,
                reason: reason("a\\b"),
                ..entry(3)
            },
        ],
    )
    .await;
    let list = async |reach: Reach, filter: Filter| -> Vec<i64> {
        let rows = db
            .read(tx!(tx => audit::list(tx, &reach, &filter, &page(9)).await))
            .await
            .unwrap();
        rows.iter()
            .map(|row| (row.at.as_micros() - at(0).as_micros()) / 1_000_000)
            .collect()
    };
    let texts = |value: &str| vec![value.to_owned(), "none".to_owned()];
    let search = |text: &str| Filter {
        search: Some(text.to_owned()),
        ..Filter::default()
    };
    let table = [
        (Filter::default(), vec![1, 2, 3]),
        (
            Filter {
                actor: texts("user:5"),
                ..Filter::default()
            },
            vec![1],
        ),
        (
            Filter {
                actor: texts("user:5 (Ada)"),
                ..Filter::default()
            },
            vec![1],
        ),
        (
            Filter {
                actor: texts("USER:5"),
                ..Filter::default()
            },
            vec![],
        ),
        (
            Filter {
                actor: texts("user:_"),
                ..Filter::default()
            },
            vec![],
        ),
        (
            Filter {
                actor: texts("user:"),
                ..Filter::default()
            },
            vec![],
        ),
        (
            Filter {
                action: texts("agent.delete"),
                ..Filter::default()
            },
            vec![2],
        ),
        (
            Filter {
                object: texts("job:3"),
                ..Filter::default()
            },
            vec![3],
        ),
        (
            Filter {
                outcome: texts("refused"),
                ..Filter::default()
            },
            vec![3],
        ),
        (
            Filter {
                outcome: texts("done"),
                action: texts("job.cancel"),
                ..Filter::default()
            },
            vec![1],
        ),
        (search("ADA"), vec![1]),
        (search("AGENT:"), vec![2]),
        (search("JOB.c"), vec![1, 3]),
        (search("%"), vec![1]),
        (search("_"), vec![]),
        (search("\\"), vec![3]),
    ];
    for (filter, expected) in table {
        assert_eq!(list(everywhere(), filter.clone()).await, expected, "{filter:?}");
    }
    let tenants = |ids: &[i64]| Reach {
        tenants: ids.iter().copied().map(TenantId).collect(),
        ..Reach::default()
    };
    assert_eq!(list(tenants(&[2]), Filter::default()).await, [2]);
    assert_eq!(
        list(tenants(&[1, 2]), Filter::default()).await,
        [1, 2],
        "what belongs to no tenant is the cluster's"
    );
    assert_eq!(list(Reach::default(), Filter::default()).await, Vec::<i64>::new());
}

async fn records_are_paged_both_ways(db: TestDatabase) {
    append(&db, (0..7).map(|_| entry(1)).collect()).await;
    for direction in DIRECTIONS {
        let rows = walk(
            3,
            direction,
            |record: &Record| Cursor {
                key: String::new(),
                id: record.id.0,
            },
            async |query| {
                db.read(tx!(tx => audit::list(tx, &everywhere(), &Filter::default(), &query).await))
                    .await
                    .unwrap()
            },
        )
        .await;
        let ids: Vec<_> = ascending(direction, rows).into_iter().map(|row| row.id).collect();
        assert!(ids.len() == 7 && ids.is_sorted(), "{ids:?}");
    }
}

async fn the_chain_grows_batch_by_batch(db: TestDatabase) {
    let missing = db.write(tx!(tx => audit::seal(tx).await)).await;
    assert!(
        matches!(missing, Err(Error::NotFound)),
        "before the first start: {missing:?}"
    );
    cluster(&db).await;
    assert_eq!(seal(&db).await, 0);
    let head = db.read(tx!(tx => audit::head(tx).await)).await.unwrap();
    assert_eq!(head, (0, String::new(), None));

    let rows = 2 * i64::from(SEAL_BATCH) + 100;
    append(&db, (0..rows).map(|number| entry(rows - number)).collect()).await;
    let oldest = db.read(tx!(tx => audit::head(tx).await)).await.unwrap().2;
    assert_eq!(oldest, Some(at(1)), "the oldest by time waits longest");
    assert_eq!(
        [seal(&db).await, seal(&db).await, seal(&db).await, seal(&db).await],
        [1024, 1024, 100, 0]
    );
    assert_eq!(verify(&db).await, Ok(rows));
    let order = db.raw("SELECT count(*) FROM audit WHERE chain <> id").await;
    assert_eq!(order, [["0"]], "in the order of writing");
    let head = db.read(tx!(tx => audit::head(tx).await)).await.unwrap();
    assert_eq!((head.0, head.1.len(), head.2), (rows, 64, None));
    let page = db
        .read(tx!(tx => audit::sealed_after(tx, 5, 2).await))
        .await
        .unwrap();
    assert_eq!(
        page.iter().map(|record| record.chain).collect::<Vec<_>>(),
        [Some(6), Some(7)]
    );
}

async fn several_sealers_make_one_chain(db: TestDatabase) {
    cluster(&db).await;
    let work = (0..24).map(|number| {
        let db = db.clone();
        async move {
            append(&db, (0..50).map(|row| entry(number * 100 + row)).collect()).await;
            seal(&db).await
        }
    });
    let sealed: u64 = join_all(work).await.into_iter().sum();
    let rest = seal(&db).await;
    assert_eq!((sealed + rest, verify(&db).await), (24 * 50, Ok(24 * 50)));
}

async fn a_change_afterwards_is_noticed(db: TestDatabase) {
    cluster(&db).await;
    append(&db, (1..=9).map(entry).collect()).await;
    seal(&db).await;
    for (column, value) in [
        ("tenant_id", "2"),
        ("tenant_id", "NULL"),
        ("at_us", "1"),
        ("actor", "'user:2'"),
        ("token_id", "8"),
        ("action", "'job.retry'"),
        ("object", "'job:1'"),
        ("outcome", "'refused'"),
        ("before", "NULL"),
        ("after", "'{}'"),
        ("reason", "'because'"),
        ("address", "'192.0.2.9'"),
        ("hash", "'00'"),
        ("chain", "99"),
        ("chain", "NULL"),
    ] {
        let kept = db.raw(&format!("SELECT {column} FROM audit WHERE id = 5")).await[0][0].clone();
        db.raw(&format!("UPDATE audit SET {column} = {value} WHERE id = 5"))
            .await;
        assert!(verify(&db).await.is_err(), "{column} = {value}");
        let back = match (kept.as_str(), kept.parse::<i64>()) {
            ("-", _) => "NULL".to_owned(),
            (_, Ok(number)) if column.ends_with("_id") || ["at_us", "chain"].contains(&column) => {
                number.to_string()
            }
            (text, _) => format!("'{text}'"),
        };
        db.raw(&format!("UPDATE audit SET {column} = {back} WHERE id = 5"))
            .await;
        assert_eq!(verify(&db).await, Ok(9), "{column} put back");
    }
    db.raw("UPDATE audit SET chain = 99 WHERE id = 3; UPDATE audit SET chain = 3 WHERE id = 4; UPDATE audit SET chain = 4 WHERE id = 3")
        .await;
    assert!(verify(&db).await.is_err(), "two changed places");
    db.raw("UPDATE audit SET chain = 99 WHERE id = 3; UPDATE audit SET chain = 4 WHERE id = 4; UPDATE audit SET chain = 3 WHERE id = 3")
        .await;
    assert_eq!(verify(&db).await, Ok(9));
    db.raw("DELETE FROM audit WHERE id = 9").await;
    assert_eq!(verify(&db).await, Err("the newest records are missing".into()));
}

on_both_engines!(
    records_are_found_as_they_were_written,
    a_record_goes_with_its_change,
    every_filter_picks_its_records,
    records_are_paged_both_ways,
    the_chain_grows_batch_by_batch,
    several_sealers_make_one_chain,
    a_change_afterwards_is_noticed,
);
