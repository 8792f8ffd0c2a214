//! Approvals: what they showed of each step, and which of them a step goes by.

use postern_domain::{ApprovalId, InstanceId, UserId, approval::ApprovalState};
use postern_store::{
    approvals::{self, NewApproval},
    tx,
    workflows::step_runs::{self, StepRun},
};

use crate::{
    database::TestDatabase,
    instances::{instance, workflow},
    world::{NOW, World, at},
};

/// A question that showed this, by step, and ended so.
async fn asked(
    world: &World,
    instance: InstanceId,
    work: &[(&str, &str)],
    state: ApprovalState,
) -> ApprovalId {
    let new = NewApproval {
        place: world.place(),
        instance,
        run: 1,
        workflow: "w".into(),
        starter: UserId(1),
        kind: "singular".into(),
        title: "Go on?".into(),
        description: None,
        work: work
            .iter()
            .map(|(step, work)| ((*step).to_owned(), (*work).to_owned()))
            .collect(),
        digest: "d".into(),
        deadline: at(60),
        remind_every: None,
        people: Vec::new(),
    };
    world
        .db
        .write(tx!(tx => {
            let id = approvals::open(tx, new, NOW).await?;
            approvals::ended(tx, id, state, NOW).await?;
            Ok(id)
        }))
        .await
        .unwrap()
}

async fn approved(
    db: &TestDatabase,
    instance: InstanceId,
    step: &'static str,
) -> Option<(ApprovalId, String)> {
    db.read(tx!(tx => approvals::approved(tx, instance, step).await))
        .await
        .unwrap()
}

/// The step that the children of an instance were started by.
async fn calls(db: &TestDatabase, instance: InstanceId, step: &str) {
    let run = StepRun::began(1, step.into(), "{}".into(), NOW);
    db.write(tx!(tx => step_runs::save(tx, instance, vec![run]).await))
        .await
        .unwrap();
}

async fn tries_again(db: &TestDatabase, instance: InstanceId, first: InstanceId) {
    let sql = format!("UPDATE instances SET retry_of = {first} WHERE id = {instance}");
    db.raw(&sql).await;
}

async fn a_step_goes_by_the_newest_approval_that_was_given_and_showed_it(db: TestDatabase) {
    use ApprovalState::{Approved, Rejected};
    let world = World::new(&db).await;
    let workflow = workflow(&world, "w").await;
    let first = instance(&world, workflow, None).await;
    asked(&world, first, &[("go", "1")], Approved).await;
    let second = asked(&world, first, &[("go", "2"), ("a", "3")], Approved).await;
    asked(&world, first, &[("go", "4")], Rejected).await;
    let last = asked(&world, first, &[("a", "5")], Approved).await;
    assert_eq!(approved(&db, first, "go").await, Some((second, "2".into())));
    assert_eq!(approved(&db, first, "a").await, Some((last, "5".into())));
    assert_eq!(approved(&db, first, "b").await, None);

    let again = instance(&world, workflow, None).await;
    assert_eq!(approved(&db, again, "go").await, None);
    tries_again(&db, again, first).await;
    assert_eq!(approved(&db, again, "go").await, Some((second, "2".into())));
    let newer = asked(&world, again, &[("go", "6")], Approved).await;
    assert_eq!(approved(&db, again, "go").await, Some((newer, "6".into())));
    assert_eq!(approved(&db, first, "go").await, Some((second, "2".into())));
}

async fn a_step_goes_by_the_nearest_instance_that_showed_it(db: TestDatabase) {
    use ApprovalState::Approved;
    let world = World::new(&db).await;
    let workflow = workflow(&world, "w").await;
    let outer = instance(&world, workflow, None).await;
    let middle = instance(&world, workflow, Some(outer)).await;
    let inner = instance(&world, workflow, Some(middle)).await;
    calls(&db, outer, "call").await;
    calls(&db, middle, "more").await;
    let shown = [("go", "outer"), ("call/go", "middle"), ("call/more/go", "inner")];
    let above = asked(&world, outer, &shown, Approved).await;
    for (instance, expected) in [(outer, "outer"), (middle, "middle"), (inner, "inner")] {
        assert_eq!(
            approved(&db, instance, "go").await,
            Some((above, expected.into()))
        );
    }
    assert_eq!(approved(&db, inner, "call/more/go").await, None);
    let between = asked(&world, middle, &[("more/go", "between")], Approved).await;
    assert_eq!(
        approved(&db, inner, "go").await,
        Some((between, "between".into()))
    );
    let own = asked(&world, inner, &[("go", "own")], Approved).await;
    assert_eq!(approved(&db, inner, "go").await, Some((own, "own".into())));

    let again = instance(&world, workflow, None).await;
    tries_again(&db, again, outer).await;
    calls(&db, again, "call").await;
    let child = instance(&world, workflow, Some(again)).await;
    assert_eq!(approved(&db, child, "go").await, Some((above, "middle".into())));
}

async fn all_that_was_shown_is_told_in_its_order(db: TestDatabase) {
    let world = World::new(&db).await;
    let workflow = workflow(&world, "w").await;
    let id = instance(&world, workflow, None).await;
    let shown = [("z", "1"), ("a", "2"), ("a/z", "3")];
    let some = asked(&world, id, &shown, ApprovalState::Approved).await;
    let none = asked(&world, id, &[], ApprovalState::Approved).await;
    for (id, expected) in [(some, "[1,2,3]"), (none, "[]")] {
        let told = db.read(tx!(tx => approvals::work(tx, id).await)).await.unwrap();
        assert_eq!(told, expected);
    }
}

on_both_engines!(
    a_step_goes_by_the_newest_approval_that_was_given_and_showed_it,
    a_step_goes_by_the_nearest_instance_that_showed_it,
    all_that_was_shown_is_told_in_its_order,
);
