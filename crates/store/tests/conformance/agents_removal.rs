//! Agents that are deleted: gone at once for whoever looks, from the database a few jobs at a time.

use std::time::Duration;

use postern_domain::{
    AgentId, ExecutionId, GroupId, JobId,
    job::{Event, JobState, step},
};
use postern_store::{
    Error,
    agents::{
        self,
        groups::{self, GroupText},
        removal,
    },
    jobs::{self, executions},
    outputs, tx,
    uses::{self, Use, Used, User},
};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    database::TestDatabase,
    world::{NOW, World, at, at_once, everywhere, labels, new_jobs, page, queued},
};

async fn delete(db: &TestDatabase, agent: AgentId) {
    db.write(tx!(tx => agents::delete(tx, agent, at(5)).await))
        .await
        .unwrap();
}

async fn a_deleted_agent_is_gone_at_once_and_its_name_is_free(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    world.seen(agent, NOW).await;
    let job = world.job(agent).await;
    let token = db
        .write(tx!(tx => agents::enrollment_token_create(tx, agent, "h", NOW, at(9)).await))
        .await
        .unwrap();
    let execution = ExecutionId(1);
    let seen = async || {
        db.read(tx!(tx => {
            let all = [agents::Wanted { all: true, ..Default::default() }];
            let by_name = (&page(50), agents::SortKey::Name);
            let listed = agents::list(tx, &everywhere(), &agents::Filter::default(), by_name, NOW).await?;
            let jobs_listed = jobs::list(tx, &everywhere(), &jobs::Filter::default(), &page(50)).await?;
            let due = jobs::agents_with_due_work(tx, NOW).await?;
            Ok([
                usize::from(agents::find(tx, agent).await?.is_some()),
                listed.len(),
                agents::targets(tx, &everywhere(), &all, 10).await?.len(),
                usize::from(agents::enrollment_token_find(tx, token).await?.is_some()),
                usize::from(jobs::find(tx, job).await?.is_some()),
                jobs_listed.len(),
                due.len(),
                usize::from(jobs::intake(tx, agent, NOW, 1).await?.is_some()),
                executions::counts(tx, &everywhere(), &[execution]).await?.len(),
                executions::jobs_in(tx, &everywhere(), execution, JobState::ALL).await?.len(),
                usize::from(executions::tally(tx, execution).await?.total == 1),
            ])
        }))
        .await
        .unwrap()
    };
    assert_eq!(seen().await, [1; 11]);
    delete(&db, agent).await;
    assert_eq!(seen().await, [0; 11]);
    let shut_out = db.read(tx!(tx => agents::shut_out_since(tx, at(5)).await)).await;
    assert_eq!(shut_out.unwrap(), [agent], "other servers hear of it");
    assert_ne!(world.agent("web").await, agent);
}

async fn what_a_deleted_agent_left_goes_a_few_jobs_at_a_time(db: TestDatabase) {
    let world = World::new(&db).await;
    let gone = world.agent_at(world.place(), "gone", labels([("a", "b")])).await;
    let stays = world.agent("stays").await;
    let first = world.job_like(gone, new_jobs("only here")).await;
    let mut shared = Vec::new();
    for agent in [gone, stays] {
        shared.push(world.job_like(agent, new_jobs("shared")).await);
    }
    let attempt = world.hand_out(first).await;
    db.write(tx!(tx => {
        agents::enrollment_token_create(tx, gone, "h", NOW, at(9)).await?;
        let piece = outputs::Piece { start: 0, data: b"x".to_vec() };
        outputs::append(tx, attempt, outputs::Stream::Stdout, piece).await
    }))
    .await
    .unwrap();
    db.raw(&format!(
        "UPDATE jobs SET state = 'completed', finished_us = 1 WHERE agent_id = {gone}"
    ))
    .await;
    let deleted = async || {
        db.read(tx!(tx => removal::deleted(tx, AgentId(0)).await))
            .await
            .unwrap()
    };
    assert_eq!(deleted().await, None);
    delete(&db, gone).await;
    assert_eq!(deleted().await, Some((gone, world.tenant)));
    let behind = db
        .read(tx!(tx => removal::deleted(tx, gone).await))
        .await
        .unwrap();
    assert_eq!(behind, None, "one that cannot be removed is passed over");
    let remove = async |limit| {
        db.write(tx!(tx => {
            let found = removal::jobs_of(tx, gone, limit).await?;
            removal::remove(tx, gone, &found).await
        }))
        .await
        .unwrap()
    };
    assert_eq!(remove(1).await, [first], "the oldest");
    assert_eq!(db.count("agents").await, 2, "it has another one");
    assert_eq!(remove(10).await, shared[..1]);
    assert_eq!(deleted().await, None);
    let left = [("agents", 1), ("jobs", 1), ("payloads", 1)];
    let empty = ["attempts", "outputs", "enrollment_tokens", "agent_labels"].map(|table| (table, 0));
    for (table, rows) in left.into_iter().chain(empty) {
        assert_eq!(db.count(table).await, rows, "{table}");
    }
    let jobs = db
        .read(tx!(tx => queued(tx, stays, NOW, 10).await))
        .await
        .unwrap();
    assert_eq!(jobs[0].payload, "shared");
}

async fn an_agent_that_was_not_deleted_is_not_removed(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("idle").await;
    db.write(tx!(tx => removal::remove(tx, agent, &[]).await))
        .await
        .unwrap();
    assert_eq!(db.count("agents").await, 1);
}

async fn a_deleted_agent_stays_until_its_last_job_has_ended(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let other = world.agent("other").await;
    let (handed, waits) = (world.job(agent).await, world.job(agent).await);
    world.hand_out(handed).await;
    world.job(other).await;
    let open = async |limit| {
        db.read(tx!(tx => jobs::open_at(tx, agent, limit).await))
            .await
            .unwrap()
    };
    assert_eq!(open(10).await, [handed, waits]);
    assert_eq!(open(1).await.len(), 1, "no more than asked for");
    delete(&db, agent).await;
    let remove = async || {
        db.write(tx!(tx => removal::remove(tx, agent, &[handed, waits]).await))
            .await
            .unwrap()
    };
    assert_eq!(remove().await, []);
    assert_eq!(db.count("agents").await, 2);
    db.write(tx!(tx => {
        for id in [handed, waits] {
            let machine = jobs::machine(tx, id).await?.ok_or(Error::NotFound)?;
            let next = step(&machine.job(), Event::AgentDeleted, NOW).expect("an open job").0;
            jobs::save(tx, &machine, &next, Some(NOW)).await?;
        }
        Ok(())
    }))
    .await
    .unwrap();
    assert_eq!(open(10).await, []);
    assert_eq!(remove().await, [handed, waits]);
    assert_eq!(db.count("agents").await, 1);
}

// ---- between writers

const USER: User<'_> = User {
    kind: "schedule",
    id: 7,
    name: "nightly",
};

/// Until so many transactions wait for another one.
async fn until_waiting(db: &TestDatabase, transactions: usize) {
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE application_name = current_setting('application_name') AND wait_event_type = 'Lock'";
    let all_wait = async {
        while db.raw(waiting).await[0][0] != transactions.to_string() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), all_wait)
        .await
        .expect("the others wait");
}

/// Whether a job was made: the agent was there.
async fn job_made(db: TestDatabase, agent: AgentId) -> bool {
    db.write(tx!(tx => {
        let wanted = agents::Wanted { ids: vec![agent.0], ..Default::default() };
        let targets = agents::targets(tx, &everywhere(), &[wanted], 1).await?;
        let hosts: Vec<jobs::Host> = targets.into_iter().map(at_once).collect();
        Ok(!jobs::create(tx, &new_jobs("true"), &hosts, NOW).await?.is_empty())
    }))
    .await
    .unwrap()
}

/// Whether something names the agent from now on: it was there.
async fn agent_named(db: TestDatabase, agent: AgentId) -> bool {
    db.write(tx!(tx => {
        let wanted = agents::Wanted { ids: vec![agent.0], ..Default::default() };
        let targets = agents::targets(tx, &everywhere(), &[wanted], 1).await?;
        let used: Vec<_> = targets.iter().map(|target| (Used::Agent, target.id.0)).collect();
        uses::set(tx, USER, &used).await?;
        Ok(!used.is_empty())
    }))
    .await
    .unwrap()
}

/// What hindered the deletion. `None`: it was gone.
type Hindered = Option<(Vec<Use>, Vec<JobId>)>;

/// Deletes the agent unless something hinders it. Waits for the test where it keeps it, if it is to.
fn agent_deleted(
    db: &TestDatabase,
    agent: AgentId,
    pause: Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>,
) -> JoinHandle<Hindered> {
    let db = db.clone();
    tokio::spawn(async move {
        db.write(tx!(tx => {
            if agents::find_to_delete(tx, agent).await?.is_none() {
                return Ok(None);
            }
            if let Some((kept, go_on)) = pause {
                let _ = kept.send(());
                let _ = go_on.await;
            }
            let users = uses::of(tx, Used::Agent, agent.0).await?;
            let open = jobs::open_at(tx, agent, 10).await?;
            if users.is_empty() && open.is_empty() {
                agents::delete(tx, agent, NOW).await?;
            }
            Ok(Some((users, open)))
        }))
        .await
        .unwrap()
    })
}

async fn nothing_begins_to_refer_to_an_agent_that_is_being_deleted(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let (kept, is_kept) = oneshot::channel();
    let (go, go_on) = oneshot::channel();
    let deleter = agent_deleted(&db, agent, Some((kept, go_on)));
    is_kept.await.unwrap();
    let second = agent_deleted(&db, agent, None);
    let made = tokio::spawn(job_made(db.clone(), agent));
    let named = tokio::spawn(agent_named(db.clone(), agent));
    until_waiting(&db, 3).await;
    go.send(()).unwrap();
    assert_eq!(deleter.await.unwrap(), Some((vec![], vec![])));
    assert_eq!(second.await.unwrap(), None, "it is gone");
    assert_eq!((made.await.unwrap(), named.await.unwrap()), (false, false));
    assert_eq!((db.count("jobs").await, db.count("uses").await), (0, 0));
}

async fn an_agent_that_something_begins_to_refer_to_is_deleted_with_its_knowledge(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let (found, is_found) = oneshot::channel();
    let (go, go_on) = oneshot::channel::<()>();
    let maker = tokio::spawn({
        let db = db.clone();
        async move {
            db.write(tx!(tx => {
                let wanted = agents::Wanted { ids: vec![agent.0], ..Default::default() };
                let targets = agents::targets(tx, &everywhere(), &[wanted], 1).await?;
                let _ = found.send(());
                let _ = go_on.await;
                let hosts: Vec<jobs::Host> = targets.into_iter().map(at_once).collect();
                uses::set(tx, USER, &[(Used::Agent, agent.0)]).await?;
                jobs::create(tx, &new_jobs("true"), &hosts, NOW).await
            }))
            .await
            .unwrap()
        }
    });
    is_found.await.unwrap();
    let deleter = agent_deleted(&db, agent, None);
    until_waiting(&db, 1).await;
    go.send(()).unwrap();
    let job = maker.await.unwrap()[0].0;
    let (users, open) = deleter.await.unwrap().expect("it was there");
    assert_eq!((users.len(), open), (1, vec![job]));
}

fn group_text(targets: &str) -> GroupText {
    GroupText {
        name: "webs".into(),
        description: String::new(),
        targets: targets.into(),
        blackout: None,
    }
}

async fn group_made(world: &World) -> GroupId {
    let (place, text) = (world.place(), group_text("{}"));
    world
        .db
        .write(tx!(tx => groups::create(tx, place, &text, "user:1", NOW).await))
        .await
        .unwrap()
}

/// Whether something names the group from now on: it was there.
async fn group_named(db: TestDatabase, group: GroupId) -> bool {
    db.write(tx!(tx => {
        let found = groups::named(tx, &everywhere(), &[group.to_string()]).await?;
        let used: Vec<_> = found.iter().map(|group| (Used::Group, group.id.0)).collect();
        uses::set(tx, USER, &used).await?;
        Ok(!used.is_empty())
    }))
    .await
    .unwrap()
}

async fn nothing_begins_to_name_a_group_that_is_being_deleted(db: TestDatabase) {
    let group = group_made(&World::new(&db).await).await;
    let (kept, is_kept) = oneshot::channel();
    let (go, go_on) = oneshot::channel::<()>();
    let deleter = tokio::spawn({
        let db = db.clone();
        async move {
            db.write(tx!(tx => {
                groups::find_to_delete(tx, group).await?.ok_or(Error::NotFound)?;
                let _ = kept.send(());
                let _ = go_on.await;
                let users = uses::of(tx, Used::Group, group.0).await?;
                groups::delete(tx, group).await?;
                Ok(users)
            }))
            .await
        }
    });
    is_kept.await.unwrap();
    let named = tokio::spawn(group_named(db.clone(), group));
    until_waiting(&db, 1).await;
    go.send(()).unwrap();
    assert_eq!(deleter.await.unwrap().unwrap(), []);
    assert!(!named.await.unwrap());
    assert_eq!(db.count("uses").await, 0);
}

async fn two_edits_of_a_group_come_one_after_the_other(db: TestDatabase) {
    let group = group_made(&World::new(&db).await).await;
    let (kept, is_kept) = oneshot::channel();
    let (go, go_on) = oneshot::channel::<()>();
    let first = tokio::spawn({
        let (db, text) = (db.clone(), group_text("first"));
        async move {
            db.write(tx!(tx => {
                groups::find(tx, group).await?;
                let _ = kept.send(());
                let _ = go_on.await;
                groups::update(tx, group, &text).await
            }))
            .await
        }
    });
    is_kept.await.unwrap();
    let second = tokio::spawn({
        let db = db.clone();
        async move { db.write(tx!(tx => groups::find(tx, group).await)).await }
    });
    // To be named is not to be edited.
    assert!(group_named(db.clone(), group).await);
    until_waiting(&db, 1).await;
    go.send(()).unwrap();
    first.await.unwrap().unwrap();
    let found = second.await.unwrap().unwrap().expect("it is there");
    assert_eq!(found.targets, "first");
}

on_both_engines!(
    a_deleted_agent_is_gone_at_once_and_its_name_is_free,
    what_a_deleted_agent_left_goes_a_few_jobs_at_a_time,
    an_agent_that_was_not_deleted_is_not_removed,
    a_deleted_agent_stays_until_its_last_job_has_ended,
);

/// SQLite has one writer: nobody can come between.
mod between_writers {
    use super::{
        an_agent_that_something_begins_to_refer_to_is_deleted_with_its_knowledge,
        nothing_begins_to_name_a_group_that_is_being_deleted,
        nothing_begins_to_refer_to_an_agent_that_is_being_deleted,
        two_edits_of_a_group_come_one_after_the_other,
    };

    on_postgres_alone!(
        nothing_begins_to_refer_to_an_agent_that_is_being_deleted,
        an_agent_that_something_begins_to_refer_to_is_deleted_with_its_knowledge,
        nothing_begins_to_name_a_group_that_is_being_deleted,
        two_edits_of_a_group_come_one_after_the_other,
    );
}
