//! Operations that share a transaction and would change the same rows, or rows that somebody else keeps.

use futures_util::future::BoxFuture;
use postern_domain::{InstanceId, workflow::engine::InstanceState};
use postern_store::{
    Error, Tx, jobs, outbox, tx,
    workflows::{
        due,
        instances::{self, Moved},
    },
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::{
    database::TestDatabase,
    instances::{instance, workflow},
    together::{LIMIT, creates, operation, together, transactions},
    world::{NOW, World, order},
};

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

/// Of two transactions that store the same one waits for the other, and never each for the other.
async fn payloads_are_stored_in_one_order(db: TestDatabase) {
    let world = World::new(&db).await;
    let mut operations = Vec::new();
    for number in 0..8 {
        let agent = world.agent(&format!("host-{number}")).await;
        operations.push(creates(agent, format!("work {number}")));
    }
    for result in together(&db, operations).await {
        result.unwrap();
    }
    assert_eq!(transactions(&db, "payloads").await, Some(1));
    let digests = db.raw("SELECT digest FROM payloads ORDER BY id").await;
    assert_eq!(digests.len(), 8);
    assert!(digests.is_sorted(), "{digests:?}");
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
        let next = timeout(LIMIT, answered.recv()).await;
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

/// A change that nobody waits for may find its row kept, too: it gives way, and waits in a transaction of its own.
async fn a_change_at_the_end_waits_for_a_row_that_somebody_keeps(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web-1").await;
    let ((inside, is_inside), (go, go_on)) = (oneshot::channel(), oneshot::channel::<()>());
    let keeper = tokio::spawn({
        let db = db.clone();
        async move {
            db.write(tx!(tx => {
                jobs::intake(tx, agent, NOW, 1).await?;
                let _ = inside.send(());
                let _ = go_on.await;
                Ok(())
            }))
            .await
        }
    });
    is_inside.await.unwrap();
    let (begins, mut begun) = mpsc::unbounded_channel();
    let change = operation(tx!(tx => {
        let _ = begins.send(());
        jobs::fence_set(tx, agent, 7).await
    }));
    let doing = tokio::spawn({
        let db = db.clone();
        async move { together(&db, vec![change]).await }
    });
    for time in ["at first", "again"] {
        assert_eq!(timeout(LIMIT, begun.recv()).await, Ok(Some(())), "{time}");
    }
    go.send(()).unwrap();
    keeper.await.unwrap().unwrap();
    doing.await.unwrap().remove(0).unwrap();
    let fence = db.raw("SELECT fence FROM agents").await;
    assert_eq!(fence, [["7"]]);
}

on_both_engines!(
    no_change_of_the_same_row_is_lost,
    one_that_meets_another_leaves_the_rest_together,
    of_one_key_one_job_is_handed_out,
    what_is_handed_out_to_one_agent_twice_is_its_own_once,
    news_are_taken_once,
);

mod alone {
    use super::{
        a_change_at_the_end_waits_for_a_row_that_somebody_keeps, payloads_are_stored_in_one_order,
        rows_that_somebody_keeps_hinder_only_their_own,
    };

    on_postgres_alone!(
        payloads_are_stored_in_one_order,
        rows_that_somebody_keeps_hinder_only_their_own,
        a_change_at_the_end_waits_for_a_row_that_somebody_keeps,
    );
}
