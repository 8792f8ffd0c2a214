//! One agent's life: made, enrolled, seen, revoked.

use postern_domain::{
    AgentId, OrganizationId, agent::CredentialState, clone_guard::CloneGuard, permission::Place,
};
use postern_store::{Error, agents, tx};

use crate::{
    database::TestDatabase,
    world::{NOW, World, at, labels},
};

async fn find(db: &TestDatabase, id: AgentId) -> agents::Agent {
    db.read(tx!(tx => agents::find(tx, id).await))
        .await
        .unwrap()
        .expect("the agent is there")
}

async fn an_agent_is_found_as_it_was_made(db: TestDatabase) {
    let world = World::new(&db).await;
    let department = world.department("it").await;
    let place = Place {
        department: Some(department),
        ..world.place()
    };
    let id = world
        .agent_at(place, "web-1", labels([("env", "prod"), ("tier", "")]))
        .await;
    let found = find(&db, id).await;
    assert_eq!((found.id, found.place()), (id, place));
    assert_eq!(
        (found.organization.as_str(), found.department.as_deref()),
        ("default", Some("it"))
    );
    assert_eq!(
        (found.name.as_str(), found.labels.as_str()),
        ("web-1", r#"{"env":"prod","tier":""}"#)
    );
    assert_eq!(
        (found.active, found.slots, found.created, found.last_seen),
        (true, 10, NOW, None)
    );
    assert_eq!(
        (found.languages.as_str(), found.root, &found.version),
        ("[]", None, &None)
    );
    assert_eq!(found.credential().state(NOW), CredentialState::None);
    assert_eq!(found.guard(), CloneGuard::default());
    assert!(found.renew_credentials);
    assert_eq!(
        db.read(tx!(tx => agents::find(tx, AgentId(id.0 + 1)).await))
            .await
            .unwrap(),
        None
    );
}

async fn an_agents_name_is_taken_within_its_tenant_only(db: TestDatabase) {
    let (world, other) = (World::new(&db).await, World::named(&db, "other").await);
    world.agent("web").await;
    other.agent("web").await;
    let second = world.agent("second").await;
    let twin = agents::NewAgent {
        place: world.place(),
        name: "web".into(),
        labels: labels([("a", "b")]),
        slots: 1,
    };
    let taken = db.write(tx!(tx => agents::create(tx, twin, NOW).await)).await;
    assert!(matches!(taken, Err(Error::Duplicate(_))), "{taken:?}");
    assert_eq!(db.count("agent_labels").await, 0, "nothing of the refused agent");
    let wanted = properties(&world, "web");
    let taken = db
        .write(tx!(tx => agents::update(tx, second, &wanted).await))
        .await;
    assert!(matches!(taken, Err(Error::Duplicate(_))), "{taken:?}");
}

fn properties(world: &World, name: &str) -> agents::Properties {
    agents::Properties {
        name: name.to_owned(),
        organization: world.organization,
        department: None,
        labels: labels([]),
        active: true,
    }
}

async fn a_change_replaces_labels_and_place(db: TestDatabase) {
    let world = World::new(&db).await;
    let id = world
        .agent_at(world.place(), "old", labels([("a", "1"), ("b", "2")]))
        .await;
    let organization = world.organization("berlin").await;
    let wanted = agents::Properties {
        name: "new".into(),
        organization,
        department: None,
        labels: labels([("b", "3"), ("c", "ü")]),
        active: false,
    };
    let change = wanted.clone();
    db.write(tx!(tx => agents::update(tx, id, &change).await))
        .await
        .unwrap();
    let found = find(&db, id).await;
    assert_eq!(
        (found.name.as_str(), found.organization_id, found.active),
        ("new", organization, false)
    );
    assert_eq!(found.labels, r#"{"b":"3","c":"ü"}"#);
    let rows = db.raw("SELECT name, value FROM agent_labels ORDER BY name").await;
    assert_eq!(rows, [["b", "3"], ["c", "ü"]]);

    let nowhere = agents::Properties {
        organization: OrganizationId(999),
        ..wanted
    };
    let refused = db.write(tx!(tx => agents::update(tx, id, &nowhere).await)).await;
    assert!(matches!(refused, Err(Error::Statement(_))), "{refused:?}");
    assert_eq!(
        db.count("agent_labels").await,
        2,
        "the refused change left the labels"
    );
}

async fn facts_are_kept_even_with_hostile_text(db: TestDatabase) {
    let world = World::new(&db).await;
    let id = world.agent("web").await;
    let facts = agents::Facts {
        version: "1.2.3".into(),
        hostname: "nul\0 and \u{202e} and '; DROP TABLE agents; --".into(),
        os: "linux".into(),
        arch: "x86_64".into(),
        languages: "[\"bash\"]".into(),
        root: true,
        slots: 3,
        sealing_key: Some("k".into()),
    };
    db.write(tx!(tx => agents::facts_update(tx, id, facts).await))
        .await
        .unwrap();
    let found = find(&db, id).await;
    let hostname = "nul\u{fffd} and \u{202e} and '; DROP TABLE agents; --";
    assert_eq!(
        found.hostname.as_deref(),
        Some(hostname),
        "NUL is the one character that cannot be kept"
    );
    assert_eq!(
        (found.version.as_deref(), found.os.as_deref()),
        (Some("1.2.3"), Some("linux"))
    );
    assert_eq!(
        (found.arch.as_deref(), found.languages.as_str()),
        (Some("x86_64"), "[\"bash\"]")
    );
    assert_eq!((found.root, found.slots), (Some(true), 3));
}

async fn only_the_newest_enrollment_token_waits(db: TestDatabase) {
    let world = World::new(&db).await;
    let id = world.agent("web").await;
    let (first, second) = db
        .write(tx!(tx => Ok((
            agents::enrollment_token_create(tx, id, "h1", at(1), at(100)).await?,
            agents::enrollment_token_create(tx, id, "h2", at(2), at(200)).await?,
        ))))
        .await
        .unwrap();
    let find_token = async |token: i64| {
        // In a read it takes no lock, on either engine.
        db.read(tx!(tx => agents::enrollment_token_find(tx, token).await))
            .await
            .unwrap()
    };
    let old = find_token(first).await.unwrap();
    assert_eq!(
        (old.agent_id, old.hash.as_str(), old.expires),
        (id, "h1", at(100))
    );
    assert_eq!((old.used, old.revoked), (None, Some(at(2))));
    let new = find_token(second).await.unwrap();
    assert_eq!((new.used, new.revoked), (None, None));
    assert_eq!(find(&db, id).await.enrollment_expires, Some(at(200)));
    assert_eq!(find_token(999).await, None);

    db.write(tx!(tx => {
        let found = agents::enrollment_token_find(tx, second).await?.ok_or(Error::NotFound)?;
        agents::enrollment_token_used(tx, found.id, at(3)).await?;
        agents::credential_revoke(tx, id, at(4)).await
    }))
    .await
    .unwrap();
    let used = find_token(second).await.unwrap();
    assert_eq!(
        (used.used, used.revoked),
        (Some(at(3)), None),
        "a used token is not revoked afterwards"
    );
    assert_eq!(find(&db, id).await.enrollment_expires, None);
}

async fn revoking_takes_back_a_token_that_waits(db: TestDatabase) {
    let world = World::new(&db).await;
    let id = world.agent("web").await;
    let token = db
        .write(tx!(tx => {
            let token = agents::enrollment_token_create(tx, id, "h", NOW, at(100)).await?;
            agents::credential_revoke(tx, id, at(4)).await?;
            Ok(token)
        }))
        .await
        .unwrap();
    let token = db
        .read(tx!(tx => agents::enrollment_token_find(tx, token).await))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(token.revoked, Some(at(4)));
}

async fn a_credential_lives_and_is_shut_out(db: TestDatabase) {
    let world = World::new(&db).await;
    let id = world.agent("web").await;
    let joined = agents::Joined {
        key_thumbprint: "thumb".into(),
        jti: "jti-1".into(),
        expires: at(1000),
    };
    let again = joined.clone();
    db.write(tx!(tx => agents::joined(tx, id, joined, at(1)).await))
        .await
        .unwrap();
    let found = find(&db, id).await;
    assert_eq!(
        (found.key_thumbprint.as_deref(), found.credential_jti.as_deref()),
        (Some("thumb"), Some("jti-1"))
    );
    assert_eq!(
        (found.credential_expires, found.last_seen),
        (Some(at(1000)), Some(at(1)))
    );
    assert_eq!(found.credential().state(at(1)), CredentialState::Live);

    db.write(tx!(tx => agents::credential_renewed(tx, id, "jti-2", "jti-1", at(2000)).await))
        .await
        .unwrap();
    let renewed = find(&db, id).await;
    assert_eq!(
        (renewed.credential_jti.as_deref(), renewed.credential_expires),
        (Some("jti-2"), Some(at(2000)))
    );
    let before = async || {
        db.raw(&format!(
            "SELECT credential_jti_before FROM agents WHERE id = {id}"
        ))
        .await
    };
    assert_eq!(before().await, [["jti-1"]], "good until the new one was used");
    db.write(tx!(tx => agents::credential_taken_up(tx, id, "jti-1").await))
        .await
        .unwrap();
    assert_eq!(before().await, [["jti-1"]]);
    db.write(tx!(tx => agents::credential_taken_up(tx, id, "jti-2").await))
        .await
        .unwrap();
    assert_eq!(before().await, [["-"]]);

    db.write(tx!(tx => {
        agents::heartbeats(tx, vec![(id, at(5), CloneGuard { highest: 9, seen: 1, since: at(4) })]).await?;
        agents::lock(tx, id, at(6)).await?;
        agents::lock(tx, id, at(7)).await
    }))
    .await
    .unwrap();
    let found = find(&db, id).await;
    assert_eq!(found.locked, Some(at(6)), "the first lock counts");
    assert_eq!(found.credential().state(at(7)), CredentialState::Locked);

    db.write(tx!(tx => agents::credential_revoke(tx, id, at(8)).await))
        .await
        .unwrap();
    assert_eq!(
        find(&db, id).await.credential().state(at(8)),
        CredentialState::Revoked
    );

    db.write(tx!(tx => agents::joined(tx, id, again, at(9)).await))
        .await
        .unwrap();
    let found = find(&db, id).await;
    assert_eq!((found.locked, found.credential_revoked), (None, None));
    assert_eq!(
        found.guard(),
        CloneGuard::default(),
        "a new credential starts to count anew"
    );
}

async fn agents_shut_out_since_a_moment_are_told(db: TestDatabase) {
    let world = World::new(&db).await;
    let (locked, revoked, _) = (
        world.agent("a").await,
        world.agent("b").await,
        world.agent("c").await,
    );
    db.write(tx!(tx => {
        agents::lock(tx, locked, at(5)).await?;
        agents::credential_revoke(tx, revoked, at(6)).await
    }))
    .await
    .unwrap();
    for (since, expected) in [
        (at(5), vec![locked, revoked]),
        (at(6), vec![revoked]),
        (at(7), vec![]),
    ] {
        let mut found = db
            .read(tx!(tx => agents::shut_out_since(tx, since).await))
            .await
            .unwrap();
        found.sort();
        assert_eq!(found, expected, "since {since}");
    }
}

async fn heartbeats_of_many_agents_are_written_at_once(db: TestDatabase) {
    let world = World::new(&db).await;
    // More than one statement's worth of ids, and more than SQLite takes values in one statement.
    db.raw(&format!(
        "INSERT INTO agents (tenant_id, organization_id, name, labels, created_us, slots)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
         SELECT {}, {}, 'agent-' || i, '{{}}', 0, 1 FROM n",
        world.tenant, world.organization
    ))
    .await;
    let rows = db.raw("SELECT id FROM agents ORDER BY id DESC").await;
    let ids: Vec<AgentId> = rows.iter().map(|row| AgentId(row[0].parse().unwrap())).collect();
    let beats: Vec<_> = ids
        .iter()
        .map(|id| {
            (
                *id,
                at(id.0),
                CloneGuard {
                    highest: id.0.unsigned_abs(),
                    seen: u64::MAX,
                    since: at(id.0 + 1),
                },
            )
        })
        .collect();
    let asked = ids.clone();
    let guards = db
        .write(tx!(tx => {
            agents::heartbeats(tx, beats).await?;
            agents::guards(tx, &asked).await
        }))
        .await
        .unwrap();
    assert_eq!(guards.len(), ids.len());
    assert!(guards.is_sorted_by_key(|guard| guard.id));
    assert!(
        guards
            .iter()
            .all(|guard| guard.highest == guard.id.0.unsigned_abs()
                && guard.seen == u64::MAX
                && guard.since == at(guard.id.0 + 1))
    );
    assert_eq!(find(&db, ids[0]).await.last_seen, Some(at(ids[0].0)));
    assert_eq!(
        db.read(tx!(tx => agents::guards(tx, &[]).await)).await.unwrap(),
        []
    );
}

async fn the_last_heartbeat_of_an_agent_counts(db: TestDatabase) {
    let world = World::new(&db).await;
    let (a, b) = (world.agent("a").await, world.agent("b").await);
    let guard = |highest| CloneGuard {
        highest,
        seen: 1,
        since: at(0),
    };
    let beats = vec![(a, at(1), guard(1)), (b, at(2), guard(2)), (a, at(3), guard(3))];
    db.write(tx!(tx => agents::heartbeats(tx, beats).await))
        .await
        .unwrap();
    let found = find(&db, a).await;
    assert_eq!((found.last_seen, found.guard_highest), (Some(at(3)), 3));
    assert_eq!(find(&db, b).await.last_seen, Some(at(2)));
    db.write(tx!(tx => agents::heartbeats(tx, vec![]).await))
        .await
        .unwrap();
}

on_both_engines!(
    an_agent_is_found_as_it_was_made,
    an_agents_name_is_taken_within_its_tenant_only,
    a_change_replaces_labels_and_place,
    facts_are_kept_even_with_hostile_text,
    only_the_newest_enrollment_token_waits,
    revoking_takes_back_a_token_that_waits,
    a_credential_lives_and_is_shut_out,
    agents_shut_out_since_a_moment_are_told,
    heartbeats_of_many_agents_are_written_at_once,
    the_last_heartbeat_of_an_agent_counts,
);
