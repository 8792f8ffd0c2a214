//! Instances of workflows: what waits for them, how many there are, and their removal.

use futures_util::future::{BoxFuture, join_all};
use postern_domain::{InstanceId, UserId, WorkflowId, workflow::engine::InstanceState};
use postern_store::{
    Error, Tx, tx,
    workflows::{
        self, Saved,
        instances::{self, Moved, NewInstance},
        removal,
    },
};

use crate::{
    database::TestDatabase,
    world::{NOW, World, at, everywhere, page},
};

pub(crate) async fn workflow(world: &World, name: &str) -> WorkflowId {
    let (place, saved) = (
        world.place(),
        Saved {
            name: name.into(),
            description: String::new(),
            draft: "{}".into(),
            digest: "d".into(),
            source: None,
        },
    );
    world
        .db
        .write(tx!(tx => workflows::create(tx, place, saved, "user:1", NOW).await))
        .await
        .unwrap()
}

pub(crate) fn new_instance(world: &World, workflow: WorkflowId, parent: Option<InstanceId>) -> NewInstance {
    NewInstance {
        place: world.place(),
        workflow_id: workflow,
        version: 1,
        workflow: "w".into(),
        machine: "{}".into(),
        definition: "{}".into(),
        digest: "d".into(),
        inputs: "{}".into(),
        hosts: None,
        secret: None,
        starter: UserId(1),
        token: None,
        started_by: "user:1".into(),
        parent: parent.map(|id| (id, 1)),
        depth: 1,
        retry_of: None,
        schedule: None,
        triggered_by: None,
    }
}

pub(crate) async fn instance(world: &World, workflow: WorkflowId, parent: Option<InstanceId>) -> InstanceId {
    let new = new_instance(world, workflow, parent);
    world
        .db
        .write(tx!(tx => instances::create(tx, new, NOW).await))
        .await
        .unwrap()
}

pub(crate) async fn end(world: &World, id: InstanceId) {
    let moved = Moved {
        state: InstanceState::Completed,
        machine: "{}".into(),
        reason: None,
        ended: Some(NOW),
        events: vec!["{}".into()],
    };
    world
        .db
        .write(tx!(tx => instances::save(tx, id, moved, NOW).await))
        .await
        .unwrap();
}

async fn delete(world: &World, id: WorkflowId) {
    world
        .db
        .write(tx!(tx => workflows::delete(tx, id, NOW).await))
        .await
        .unwrap();
}

async fn deleted(world: &World) -> Option<WorkflowId> {
    let found = world
        .db
        .read(tx!(tx => removal::deleted(tx, WorkflowId(0)).await))
        .await
        .unwrap();
    found.map(|(id, tenant)| {
        assert_eq!(tenant, world.tenant);
        id
    })
}

async fn remove(world: &World, id: WorkflowId, limit: u32) -> Vec<InstanceId> {
    world
        .db
        .write(tx!(tx => removal::remove_deleted(tx, id, limit).await))
        .await
        .unwrap()
}

async fn a_timer_is_taken_once_and_only_for_the_time_it_has(db: TestDatabase) {
    let world = World::new(&db).await;
    let id = instance(&world, workflow(&world, "w").await, None).await;
    let set = async |seconds| {
        db.write(tx!(tx => instances::timer_set(tx, id, 1, at(seconds)).await))
            .await
            .unwrap();
    };
    let take = async |seconds| {
        db.write(tx!(tx => instances::timer_take(tx, id, 1, at(seconds)).await))
            .await
            .unwrap()
    };
    set(10).await;
    // Somebody else was there first, and the run waits for its next try.
    set(70).await;
    assert!(!take(10).await);
    assert!(take(70).await);
    assert!(!take(70).await);
}

async fn all_below_one_are_counted_however_deep(db: TestDatabase) {
    let world = World::new(&db).await;
    let workflow = workflow(&world, "w").await;
    let root = instance(&world, workflow, None).await;
    let child = instance(&world, workflow, Some(root)).await;
    let deepest = instance(&world, workflow, Some(child)).await;
    instance(&world, workflow, None).await;
    end(&world, child).await;
    let has_room = async |id, most| {
        db.read(tx!(tx => instances::has_room_below(tx, id, most).await))
            .await
            .unwrap()
    };
    assert_eq!((has_room(root, 2).await, has_room(root, 3).await), (false, true));
    assert_eq!(
        (has_room(child, 0).await, has_room(child, 1).await),
        (false, true)
    );
    let find = async |id| {
        db.read(tx!(tx => instances::find(tx, id).await))
            .await
            .unwrap()
            .unwrap()
    };
    assert_eq!(find(root).await.root_id, None);
    assert_eq!(find(child).await.root_id, Some(root));
    assert_eq!(find(deepest).await.root_id, Some(root));
    let parent = async |id| {
        db.read(tx!(tx => instances::parent_of(tx, id).await))
            .await
            .unwrap()
    };
    assert_eq!(parent(root).await, None);
    assert_eq!(parent(deepest).await, Some((child, 1)));
}

/// Makes it where its root has not three below it yet.
fn one_more(
    root: InstanceId,
    new: NewInstance,
) -> impl for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<bool, Error>> + Clone + Send + 'static {
    tx!(tx => {
        let has_room = instances::has_room_below(tx, root, 3).await?;
        if has_room {
            instances::create(tx, new, NOW).await?;
        }
        Ok(has_room)
    })
}

async fn of_many_at_the_same_moment_no_more_are_made_than_there_is_room_for(db: TestDatabase) {
    let world = World::new(&db).await;
    let workflow = workflow(&world, "w").await;
    let (one, other) = (
        instance(&world, workflow, None).await,
        instance(&world, workflow, None).await,
    );
    let new = |root| one_more(root, new_instance(&world, workflow, Some(root)));
    let alone = join_all((0..8).map(|_| db.write(new(one)))).await;
    let made: Vec<bool> = alone.into_iter().map(Result::unwrap).collect();
    assert_eq!(made.iter().filter(|made| **made).count(), 3, "{made:?}");
    let mut made = Vec::new();
    db.write_together(
        (0..8).map(|_| new(other)).collect(),
        |_, result: Result<bool, Error>| {
            made.push(result.unwrap());
        },
    )
    .await;
    assert_eq!(made.iter().filter(|made| **made).count(), 3, "{made:?}");
    assert_eq!(db.count("instances").await, 8);
}

async fn a_deleted_workflow_is_gone_and_its_instances_go_a_few_at_a_time(db: TestDatabase) {
    let world = World::new(&db).await;
    let (id, other) = (workflow(&world, "w").await, workflow(&world, "other").await);
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(instance(&world, id, None).await);
    }
    let kept = instance(&world, other, None).await;
    end(&world, kept).await;
    let open = async |limit| {
        db.read(tx!(tx => instances::open_of(tx, id, limit).await))
            .await
            .unwrap()
    };
    assert_eq!(open(2).await, all[..2]);
    for instance in &all {
        end(&world, *instance).await;
    }
    assert_eq!(open(2).await, []);
    assert_eq!(deleted(&world).await, None);
    delete(&world, id).await;

    let listed = async || {
        let filter = instances::Filter::default();
        db.read(tx!(tx => instances::list(tx, &everywhere(), &filter, &page(10)).await))
            .await
            .unwrap()
            .into_iter()
            .map(|row| row.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(listed().await, [kept]);
    let tenant = world.tenant;
    let found = db
        .read(tx!(tx => {
            let by_name = workflows::by_name(tx, tenant, "w").await?.is_some();
            let by_id = workflows::find(tx, id).await?.is_some() || workflows::find_to_start(tx, id).await?.is_some();
            let all = workflows::list(tx, &everywhere(), &workflows::Filter::default(), &page(10)).await?;
            Ok((by_name, by_id, all.len(), workflows::is_deleted(tx, id).await?, workflows::is_deleted(tx, other).await?))
        }))
        .await
        .unwrap();
    assert_eq!(found, (false, false, 1, true, false));
    let again = workflow(&world, "w").await;
    assert_ne!(again, id, "its name is free");

    assert_eq!(deleted(&world).await, Some(id));
    assert_eq!(remove(&world, id, 3).await, all[..3]);
    assert_eq!(deleted(&world).await, Some(id));
    assert_eq!(remove(&world, id, 3).await, all[3..]);
    assert_eq!(deleted(&world).await, None);
    let rows = db.raw(&format!("SELECT id FROM workflows WHERE id = {id}")).await;
    assert_eq!(rows, Vec::<Vec<String>>::new(), "it went with the last of them");
    assert_eq!(listed().await, [kept]);
}

async fn a_deleted_workflow_without_instances_goes_at_once(db: TestDatabase) {
    let world = World::new(&db).await;
    let id = workflow(&world, "w").await;
    delete(&world, id).await;
    assert_eq!(deleted(&world).await, Some(id));
    assert_eq!(remove(&world, id, 3).await, []);
    assert_eq!(deleted(&world).await, None);
}

async fn what_another_may_have_to_hear_of_stays(db: TestDatabase) {
    let world = World::new(&db).await;
    let (outer, inner) = (workflow(&world, "outer").await, workflow(&world, "inner").await);
    let parent = instance(&world, outer, None).await;
    let child = instance(&world, inner, Some(parent)).await;
    end(&world, child).await;
    delete(&world, inner).await;
    assert_eq!(deleted(&world).await, None);
    assert_eq!(remove(&world, inner, 3).await, []);
    assert!(find(&db, child).await, "its parent has not ended");
    end(&world, parent).await;
    assert_eq!(deleted(&world).await, Some(inner));
    assert_eq!(remove(&world, inner, 3).await, [child]);
    assert!(find(&db, parent).await);
}

async fn run_for(db: &TestDatabase, id: InstanceId) -> Vec<i64> {
    let found = db
        .read(tx!(tx => instances::run_for(tx, id).await))
        .await
        .unwrap();
    found.into_iter().map(|user| user.0).collect()
}

async fn it_runs_for_all_who_began_what_it_tries_again_or_what_started_it(db: TestDatabase) {
    let world = World::new(&db).await;
    let workflow = workflow(&world, "w").await;
    let made = async |starter, triggered_by, retry_of, parent| {
        let new = NewInstance {
            starter: UserId(starter),
            triggered_by,
            retry_of,
            ..new_instance(&world, workflow, parent)
        };
        db.write(tx!(tx => instances::create(tx, new, NOW).await))
            .await
            .unwrap()
    };
    let first = made(5, Some(UserId(9)), None, None).await;
    let second = made(7, None, Some(first), None).await;
    let third = made(3, None, Some(second), None).await;
    let child = made(3, None, None, Some(third)).await;
    let below = made(3, None, None, Some(child)).await;
    let other = made(4, None, None, None).await;
    assert_eq!(run_for(&db, first).await, [5, 9]);
    assert_eq!(run_for(&db, second).await, [5, 7, 9]);
    for id in [third, child, below] {
        assert_eq!(run_for(&db, id).await, [3, 5, 7, 9]);
    }
    assert_eq!(run_for(&db, other).await, [4]);
}

async fn find(db: &TestDatabase, id: InstanceId) -> bool {
    db.read(tx!(tx => Ok(instances::find(tx, id).await?.is_some())))
        .await
        .unwrap()
}

on_both_engines!(
    a_timer_is_taken_once_and_only_for_the_time_it_has,
    all_below_one_are_counted_however_deep,
    of_many_at_the_same_moment_no_more_are_made_than_there_is_room_for,
    a_deleted_workflow_is_gone_and_its_instances_go_a_few_at_a_time,
    a_deleted_workflow_without_instances_goes_at_once,
    what_another_may_have_to_hear_of_stays,
    it_runs_for_all_who_began_what_it_tries_again_or_what_started_it,
);
