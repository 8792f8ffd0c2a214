//! Users, bindings, sessions, API tokens.

use postern_domain::{
    DepartmentId, OrganizationId, TenantId, TokenId, UserId,
    permission::{Reach, Role, Scope},
};
use postern_store::{Cursor, Error, Tx, identity, tx};

use crate::{
    database::TestDatabase,
    world::{DIRECTIONS, NOW, World, ascending, at, everywhere, page, walk},
};

async fn a_user_is_found_and_changed(db: TestDatabase) {
    let world = World::new(&db).await;
    let id = world.user("ada").await;
    let (found, named, other) = db
        .read(tx!(tx => Ok((
            identity::user_find(tx, id).await?.unwrap(),
            identity::user_by_name(tx, "ada").await?,
            identity::user_by_name(tx, "ADA").await?,
        ))))
        .await
        .unwrap();
    assert_eq!(
        (found.id, found.tenant_id, found.display_name.as_str()),
        (id, world.tenant, "ADA")
    );
    assert_eq!(
        (found.active, found.created, found.last_sign_in),
        (true, NOW, None)
    );
    assert_eq!((named.as_ref(), other), (Some(&found), None), "names are exact");

    db.write(tx!(tx => {
        update(tx, id, ("Ada L.", false, "other hash")).await?;
        identity::user_signed_in(tx, id, at(5)).await
    }))
    .await
    .unwrap();
    let changed = db
        .read(tx!(tx => identity::user_find(tx, id).await))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((changed.display_name.as_str(), changed.active), ("Ada L.", false));
    assert_eq!(
        (found.email.as_deref(), changed.email.as_deref()),
        (None, Some("ada@example.org"))
    );
    assert_eq!(
        (changed.password_hash.as_str(), changed.last_sign_in),
        ("other hash", Some(at(5)))
    );
}

async fn update(
    tx: &mut Tx<'_>,
    id: UserId,
    (display_name, active, password_hash): (&str, bool, &str),
) -> Result<(), Error> {
    let found = identity::user_find(tx, id).await?.unwrap();
    let user = identity::User {
        display_name: display_name.into(),
        email: Some("ada@example.org".into()),
        active,
        password_hash: password_hash.into(),
        ..found
    };
    identity::user_update(tx, &user).await
}

async fn a_password_is_changed_only_where_it_is_still_the_one_that_was_checked(db: TestDatabase) {
    let world = World::new(&db).await;
    let id = world.user("ada").await;
    let change = async |from: &'static str, to: &'static str| {
        db.write(tx!(tx => identity::password_change(tx, id, from, to).await))
            .await
            .unwrap()
    };
    db.write(tx!(tx => update(tx, id, ("Ada", true, "first")).await))
        .await
        .unwrap();
    assert!(!change("not the first", "second").await);
    assert!(change("first", "second").await);
    assert!(!change("first", "third").await, "it was changed meanwhile");
    db.write(tx!(tx => update(tx, id, ("Ada", false, "second")).await))
        .await
        .unwrap();
    assert!(!change("second", "third").await, "switched off meanwhile");
}

async fn a_username_is_taken_in_the_whole_cluster(db: TestDatabase) {
    let (world, other) = (World::new(&db).await, World::named(&db, "other").await);
    world.user("ada").await;
    let user = identity::NewUser {
        tenant: other.tenant,
        username: "ada".into(),
        display_name: String::new(),
        email: None,
        password_hash: String::new(),
    };
    let taken = db
        .write(tx!(tx => identity::user_create(tx, user, NOW).await))
        .await;
    assert!(matches!(taken, Err(Error::Duplicate(_))), "{taken:?}");
    assert_eq!(
        db.read(tx!(tx => identity::user_count(tx).await)).await.unwrap(),
        1
    );
}

async fn a_deleted_user_leaves_nothing(db: TestDatabase) {
    let world = World::new(&db).await;
    let (gone, stays) = (world.user("gone").await, world.user("stays").await);
    for user in [gone, stays] {
        db.write(tx!(tx => {
            identity::binding_create(tx, user, Role::Operator, Scope::Cluster).await?;
            identity::session_create(tx, &format!("s{user}"), user, NOW, at(9)).await?;
            identity::token_create(tx, new_token(user, "t"), NOW).await
        }))
        .await
        .unwrap();
    }
    db.write(tx!(tx => identity::user_delete(tx, gone).await))
        .await
        .unwrap();
    for table in ["users", "bindings", "sessions", "tokens"] {
        assert_eq!(db.count(table).await, 1, "{table}");
    }
    assert!(
        db.read(tx!(tx => identity::user_find(tx, gone).await))
            .await
            .unwrap()
            .is_none()
    );
}

async fn users_are_searched_by_literal_text(db: TestDatabase) {
    let world = World::new(&db).await;
    for name in ["Anna", "100%", "a_b", "back\\slash", "Jörg", "o'hara"] {
        world.user(name).await;
    }
    let search = async |text: &str| {
        let filter = identity::UserFilter {
            search: Some(text.to_owned()),
            active: None,
        };
        let rows = db
            .read(tx!(tx => identity::user_list(tx, &everywhere(), &filter, &page(10)).await))
            .await
            .unwrap();
        rows.into_iter().map(|row| row.username).collect::<Vec<_>>()
    };
    for (text, expected) in [
        ("%", vec!["100%"]),
        ("_", vec!["a_b"]),
        ("\\", vec!["back\\slash"]),
        ("aNN", vec!["Anna"]),
        ("'", vec!["o'hara"]),
        // Other letters than A to Z are exact: in the username and in the display name, which is in capitals.
        ("jör", vec!["Jörg"]),
        ("JÖR", vec!["Jörg"]),
        ("ö", vec!["Jörg"]),
        ("nobody", vec![]),
        ("", vec!["100%", "Anna", "Jörg", "a_b", "back\\slash", "o'hara"]),
    ] {
        assert_eq!(search(text).await, expected, "{text:?}");
    }
}

async fn users_are_listed_within_reach_and_by_activity(db: TestDatabase) {
    let (world, other) = (World::new(&db).await, World::named(&db, "other").await);
    let (a, b, c) = (
        world.user("a").await,
        world.user("b").await,
        other.user("c").await,
    );
    db.write(tx!(tx => update(tx, b, ("B", false, "hash")).await))
        .await
        .unwrap();
    let list = async |reach: Reach, active: Option<bool>| {
        let filter = identity::UserFilter { search: None, active };
        let rows = db
            .read(tx!(tx => identity::user_list(tx, &reach, &filter, &page(10)).await))
            .await
            .unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    let tenant = |id: TenantId| Reach {
        tenants: vec![id],
        ..Reach::default()
    };
    assert_eq!(list(everywhere(), None).await, [a, b, c]);
    assert_eq!(list(tenant(world.tenant), None).await, [a, b]);
    assert_eq!(list(tenant(world.tenant), Some(true)).await, [a]);
    assert_eq!(list(tenant(world.tenant), Some(false)).await, [b]);
    let narrow = Reach {
        organizations: vec![world.organization],
        ..Reach::default()
    };
    assert_eq!(list(narrow, None).await, [], "users belong to no organization");
    assert_eq!(list(Reach::default(), None).await, []);
}

async fn users_are_paged_both_ways(db: TestDatabase) {
    let world = World::new(&db).await;
    let mut names = vec!["Z", "a", "ab", "b", "ä"];
    for name in &names {
        world.user(name).await;
    }
    names.sort_unstable();
    for direction in DIRECTIONS {
        let rows = walk(
            2,
            direction,
            |row: &identity::User| Cursor {
                key: row.username.clone(),
                id: row.id.0,
            },
            async |query| {
                let filter = identity::UserFilter::default();
                db.read(tx!(tx => identity::user_list(tx, &everywhere(), &filter, &query).await))
                    .await
                    .unwrap()
            },
        )
        .await;
        let rows: Vec<_> = ascending(direction, rows)
            .into_iter()
            .map(|row| row.username)
            .collect();
        assert_eq!(rows, names, "{direction:?}, in the order of the bytes");
    }
}

async fn a_binding_keeps_role_and_scope(db: TestDatabase) {
    let world = World::new(&db).await;
    let (user, other) = (world.user("a").await, world.user("b").await);
    let wanted = [
        (Role::SiteAdministrator, Scope::Cluster),
        (Role::TenantOwner, Scope::Tenant(TenantId(1))),
        (Role::Operator, Scope::Organization(OrganizationId(2))),
        (Role::Operator, Scope::Department(DepartmentId(2))),
    ];
    for (role, scope) in wanted {
        db.write(tx!(tx => identity::binding_create(tx, user, role, scope).await))
            .await
            .unwrap();
    }
    let (role, scope) = wanted[2];
    let taken = db
        .write(tx!(tx => identity::binding_create(tx, user, role, scope).await))
        .await;
    assert!(matches!(taken, Err(Error::Duplicate(_))), "{taken:?}");
    let theirs = db
        .write(tx!(tx => identity::binding_create(tx, other, role, scope).await))
        .await
        .unwrap();

    let list = async |users: Vec<UserId>| {
        db.read(tx!(tx => identity::binding_list(tx, &users).await))
            .await
            .unwrap()
    };
    let bindings = list(vec![user]).await;
    let found: Vec<_> = bindings
        .iter()
        .map(|row| (row.role, row.scope().unwrap()))
        .collect();
    assert_eq!(found, wanted);
    assert_eq!(list(vec![user, other]).await.len(), 5);
    assert_eq!(list(vec![]).await, []);
    db.write(tx!(tx => identity::binding_delete(tx, theirs).await))
        .await
        .unwrap();
    assert_eq!(list(vec![other]).await, []);
}

async fn a_session_holds_until_its_end(db: TestDatabase) {
    let world = World::new(&db).await;
    let user = world.user("a").await;
    db.write(tx!(tx => {
        for (hash, expires) in [("one", at(10)), ("two", at(20)), ("three", at(30))] {
            identity::session_create(tx, hash, user, NOW, expires).await?;
        }
        Ok(())
    }))
    .await
    .unwrap();
    let find = async |hash: &'static str, now| {
        db.read(tx!(tx => identity::session_find(tx, hash, now).await))
            .await
            .unwrap()
    };
    assert_eq!(find("one", at(9)).await, Some((user, at(10))));
    assert_eq!(find("one", at(10)).await, None);
    assert_eq!(find("none", at(0)).await, None);
    let taken = db
        .write(tx!(tx => identity::session_create(tx, "one", user, NOW, at(1)).await))
        .await;
    assert!(matches!(taken, Err(Error::Duplicate(_))), "{taken:?}");

    assert_eq!(
        db.write(tx!(tx => identity::expired_forget(tx, at(10)).await))
            .await
            .unwrap(),
        1
    );
    db.write(tx!(tx => identity::session_delete(tx, "two").await))
        .await
        .unwrap();
    assert_eq!(find("two", at(0)).await, None);
    assert_eq!(find("three", at(0)).await, Some((user, at(30))));
    assert_eq!(
        db.write(tx!(tx => identity::sessions_end(tx, user).await))
            .await
            .unwrap(),
        1
    );
    assert_eq!(db.count("sessions").await, 0);
}

fn new_token(user: UserId, name: &str) -> identity::NewToken {
    identity::NewToken {
        user,
        name: name.to_owned(),
        hash: format!("hash of {name} of {user}"),
        permissions: Some("[\"jobs.view\"]".into()),
        expires: at(10),
    }
}

async fn a_token_is_found_by_its_hash_until_its_end(db: TestDatabase) {
    let world = World::new(&db).await;
    let user = world.user("ada").await;
    let token = new_token(user, "ci");
    let hash = token.hash.clone();
    let twin = token.clone();
    let id = db
        .write(tx!(tx => identity::token_create(tx, token, NOW).await))
        .await
        .unwrap();
    let taken = db
        .write(tx!(tx => identity::token_create(tx, twin, NOW).await))
        .await;
    assert!(matches!(taken, Err(Error::Duplicate(_))), "{taken:?}");
    let by_hash = async |now| {
        let hash = hash.clone();
        db.read(tx!(tx => identity::token_by_hash(tx, &hash, now).await))
            .await
            .unwrap()
    };
    let found = by_hash(at(9)).await.unwrap();
    assert_eq!(
        (found.id, found.user_id, found.username.as_str()),
        (id, user, "ada")
    );
    assert_eq!((found.tenant_id, found.name.as_str()), (world.tenant, "ci"));
    assert_eq!(found.permissions.as_deref(), Some("[\"jobs.view\"]"));
    assert_eq!(
        (found.created, found.expires, found.last_used),
        (NOW, at(10), None)
    );
    assert_eq!(by_hash(at(10)).await, None);

    db.write(tx!(tx => identity::token_used(tx, id, at(3)).await))
        .await
        .unwrap();
    let found = db
        .read(tx!(tx => identity::token_find(tx, id).await))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.last_used, Some(at(3)));
    db.write(tx!(tx => identity::token_delete(tx, id).await))
        .await
        .unwrap();
    assert_eq!(
        db.read(tx!(tx => identity::token_find(tx, id).await))
            .await
            .unwrap(),
        None
    );
}

async fn tokens_are_listed_for_their_owner_and_for_who_manages_users(db: TestDatabase) {
    let (world, other) = (World::new(&db).await, World::named(&db, "other").await);
    let (ada, bob, eve) = (
        world.user("ada").await,
        world.user("bob").await,
        other.user("eve").await,
    );
    let mut ids = Vec::new();
    for (user, name) in [(ada, "1"), (bob, "2"), (eve, "3"), (ada, "4")] {
        let token = new_token(user, name);
        ids.push(
            db.write(tx!(tx => identity::token_create(tx, token, NOW).await))
                .await
                .unwrap(),
        );
    }
    let list = async |own: UserId, reach: Reach| {
        walk(
            1,
            postern_store::SortDirection::Descending,
            |row: &identity::Token| Cursor {
                key: String::new(),
                id: row.id.0,
            },
            async |query| {
                let reach = reach.clone();
                db.read(tx!(tx => identity::token_list(tx, own, &reach, None, &query).await))
                    .await
                    .unwrap()
            },
        )
        .await
        .into_iter()
        .map(|row| row.id)
        .collect::<Vec<TokenId>>()
    };
    assert_eq!(list(ada, Reach::default()).await, [ids[3], ids[0]]);
    let tenant = Reach {
        tenants: vec![world.tenant],
        ..Reach::default()
    };
    assert_eq!(list(eve, tenant).await, [ids[3], ids[2], ids[1], ids[0]]);
    assert_eq!(list(bob, everywhere()).await.len(), 4);
    let found = db
        .read(tx!(tx => identity::token_list(tx, bob, &everywhere(), Some("AD"), &page(10)).await))
        .await
        .unwrap();
    assert_eq!(found.len(), 2, "both are ada's");
}

on_both_engines!(
    a_user_is_found_and_changed,
    a_password_is_changed_only_where_it_is_still_the_one_that_was_checked,
    a_username_is_taken_in_the_whole_cluster,
    a_deleted_user_leaves_nothing,
    users_are_searched_by_literal_text,
    users_are_listed_within_reach_and_by_activity,
    users_are_paged_both_ways,
    a_binding_keeps_role_and_scope,
    a_session_holds_until_its_end,
    a_token_is_found_by_its_hash_until_its_end,
    tokens_are_listed_for_their_owner_and_for_who_manages_users,
);
