//! Actions with their drafts and versions, and what uses what.

use postern_domain::{ActionId, ScriptId, UserId, permission::Reach};
use postern_store::{
    Error, ListQuery, SortDirection,
    jobs::Secret,
    scripts::{
        self, Linking,
        actions::{self, Filter, NewVersion, Saved},
    },
    tx,
    uses::{self, Used, User},
};

use crate::{
    database::TestDatabase,
    world::{NOW, World, at, everywhere, page},
};

fn saved(name: &str, draft: &str) -> Saved {
    Saved {
        name: name.into(),
        description: "does".into(),
        draft: draft.into(),
        digest: format!("digest of {draft}"),
        secret: Some(Secret {
            place: format!("place of {draft}"),
            sealed: vec![0, 1, 255],
        }),
    }
}

async fn action(world: &World, name: &str) -> ActionId {
    let (place, saved) = (world.place(), saved(name, "one"));
    world
        .db
        .write(tx!(tx => actions::create(tx, place, saved, "user:1", NOW).await))
        .await
        .unwrap()
}

async fn found(db: &TestDatabase, id: ActionId) -> Option<actions::Action> {
    db.read(tx!(tx => actions::find(tx, id).await)).await.unwrap()
}

async fn deploy(db: &TestDatabase, id: ActionId, definition: &'static str) -> u32 {
    db.write(tx!(tx => {
        let action = actions::find(tx, id).await?.ok_or(Error::NotFound)?;
        let new = NewVersion {
            definition: definition.into(),
            message: "why".into(),
            deployer: UserId(7),
        };
        actions::deploy(tx, &action, new, "user:7", at(5)).await
    }))
    .await
    .unwrap()
}

async fn a_version_keeps_what_was_deployed_while_the_draft_changes(db: TestDatabase) {
    let world = World::new(&db).await;
    let id = action(&world, "restart").await;
    let made = found(&db, id).await.unwrap();
    assert_eq!(
        (made.place(), made.version, made.deployed.as_deref()),
        (world.place(), None, None)
    );
    assert_eq!(deploy(&db, id, "one by id").await, 1);
    let new = saved("reload", "two");
    db.write(tx!(tx => actions::update(tx, id, new, "user:2", at(9)).await))
        .await
        .unwrap();
    let changed = found(&db, id).await.unwrap();
    assert_eq!(
        (
            changed.name.as_str(),
            changed.draft.as_str(),
            changed.version,
            changed.updated,
            changed.updated_by.as_str()
        ),
        ("reload", "two", Some(1), at(9), "user:2")
    );
    assert_eq!(
        (changed.deployed.as_deref(), changed.deployed_digest.as_deref()),
        (Some("one by id"), Some("digest of one"))
    );
    let version = db
        .read(tx!(tx => actions::version(tx, id, 1).await))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (
            version.definition.as_str(),
            version.message.as_str(),
            version.deployer_id,
            version.created
        ),
        ("one by id", "why", UserId(7), at(5))
    );
    let secret = version.secret().unwrap();
    assert_eq!(
        (secret.place.as_str(), secret.sealed),
        ("place of one", vec![0, 1, 255])
    );
    assert_eq!(deploy(&db, id, "two by id").await, 2);
    let newest_first = ListQuery {
        direction: SortDirection::Descending,
        ..page(10)
    };
    let versions = db
        .read(tx!(tx => actions::versions(tx, id, &newest_first).await))
        .await
        .unwrap();
    assert_eq!(
        versions.iter().map(|version| version.version).collect::<Vec<_>>(),
        [2, 1]
    );
    assert_eq!(
        db.read(tx!(tx => actions::version(tx, id, 3).await))
            .await
            .unwrap(),
        None
    );
}

async fn a_name_is_taken_once_and_deleting_takes_the_versions(db: TestDatabase) {
    let world = World::new(&db).await;
    let id = action(&world, "restart").await;
    let (place, again) = (world.place(), saved("restart", "other"));
    let taken = db
        .write(tx!(tx => actions::create(tx, place, again, "user:1", NOW).await))
        .await;
    assert!(matches!(taken, Err(Error::Duplicate(_))), "{taken:?}");
    deploy(&db, id, "one").await;
    db.write(tx!(tx => actions::delete(tx, id).await)).await.unwrap();
    assert_eq!(found(&db, id).await, None);
    assert_eq!(
        db.read(tx!(tx => actions::version(tx, id, 1).await))
            .await
            .unwrap(),
        None
    );
}

async fn lists_end_at_the_callers_reach(db: TestDatabase) {
    let world = World::new(&db).await;
    let other = World::named(&db, "other").await;
    for name in ["restart", "reload", "report"] {
        action(&world, name).await;
    }
    action(&other, "restart").await;
    let names = async |reach: Reach, filter: Filter| -> Vec<String> {
        let by_name = page(10);
        let rows = db
            .read(tx!(tx => actions::list(tx, &reach, &filter, &by_name).await))
            .await;
        rows.unwrap().into_iter().map(|row| row.name).collect()
    };
    let own = || Reach {
        tenants: vec![world.tenant],
        ..Default::default()
    };
    assert_eq!(
        names(own(), Filter::default()).await,
        ["reload", "report", "restart"]
    );
    assert_eq!(names(everywhere(), Filter::default()).await.len(), 4);
    assert_eq!(names(Reach::default(), Filter::default()).await.len(), 0);
    let search = Filter {
        search: Some("REL".into()),
        ..Default::default()
    };
    assert_eq!(names(own(), search).await, ["reload"]);
    let exact = Filter {
        names: vec!["restart".into()],
        ..Default::default()
    };
    assert_eq!(names(own(), exact).await, ["restart"]);
}

async fn an_action_that_uses_a_script_is_told_with_its_place(db: TestDatabase) {
    let world = World::new(&db).await;
    let id = action(&world, "restart").await;
    let user = User {
        kind: "action",
        id: id.0,
        name: "restart",
    };
    let script = ScriptId(5);
    db.write(tx!(tx => uses::set(tx, user, &[(Used::Script, script.0), (Used::Agent, 5)]).await))
        .await
        .unwrap();
    let of = async |used: Used| db.read(tx!(tx => uses::of(tx, used, 5).await)).await.unwrap();
    for used in [Used::Script, Used::Agent] {
        let users = of(used).await;
        assert_eq!(
            (users[0].kind.as_str(), users[0].place()),
            ("action", Some(world.place()))
        );
    }
    assert_eq!(of(Used::Group).await, []);
    assert_eq!(of(Used::Action).await, []);
}

async fn scripts_that_link_a_library_are_told_by_their_versions(db: TestDatabase) {
    let world = World::new(&db).await;
    let place = world.place();
    let new = move |kind: &'static str, name: &str| scripts::NewScript {
        place,
        kind,
        name: name.into(),
        description: String::new(),
        language: "bash",
    };
    let version = |libraries: Vec<ScriptId>| scripts::NewVersion {
        content: "true".into(),
        definition: "{}".into(),
        digest: "d".into(),
        message: String::new(),
        libraries,
    };
    let (library, other, script) = (
        new("library", "log"),
        new("library", "net"),
        new("script", "main"),
    );
    let (plain, linking) = (version(Vec::new()), version);
    let (log, net, main) = db
        .write(tx!(tx => {
            let log = scripts::create(tx, &library, &plain, "user:1", NOW).await?;
            let net = scripts::create(tx, &other, &plain, "user:1", NOW).await?;
            let main = scripts::create(tx, &script, &linking(vec![net, log]), "user:1", NOW).await?;
            Ok((log, net, main))
        }))
        .await
        .unwrap();
    let users = async |linking| {
        db.read(tx!(tx => scripts::used_by(tx, log, linking).await))
            .await
            .unwrap()
    };
    let now = users(Linking::Now).await;
    assert_eq!(
        (now[0].kind.as_str(), now[0].id, now[0].place()),
        ("script", main.0, Some(place))
    );
    let without = version(Vec::new());
    db.write(tx!(tx => scripts::version_add(tx, main, 2, &without, "user:1", NOW).await))
        .await
        .unwrap();
    assert_eq!(users(Linking::Now).await, []);
    assert_eq!(
        users(Linking::Ever).await,
        now,
        "its first version can still be run"
    );
    let linked = async |number| {
        let found = db.read(tx!(tx => scripts::linked(tx, main, number).await)).await;
        let found = found.unwrap().into_iter();
        found
            .map(|(position, library)| (position, library.id, library.name))
            .collect::<Vec<_>>()
    };
    let second = (1, log, "log".to_owned());
    assert_eq!(linked(1).await, [(0, net, "net".to_owned()), second.clone()]);
    assert_eq!(linked(2).await, []);
    // As it is where the first one was gone before older versions kept their links.
    db.raw(&format!("DELETE FROM script_links WHERE library_id = {net}"))
        .await;
    assert_eq!(linked(1).await, [second], "at its own place");
    let removed = db
        .write(tx!(tx => {
            scripts::delete(tx, main).await?;
            scripts::delete(tx, log).await
        }))
        .await;
    removed.expect("nothing links it any more");
}

on_both_engines!(
    a_version_keeps_what_was_deployed_while_the_draft_changes,
    a_name_is_taken_once_and_deleting_takes_the_versions,
    lists_end_at_the_callers_reach,
    an_action_that_uses_a_script_is_told_with_its_place,
    scripts_that_link_a_library_are_told_by_their_versions,
);
