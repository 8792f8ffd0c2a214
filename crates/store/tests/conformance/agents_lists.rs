//! Lists of agents, and which agents a job is for.

use postern_domain::{
    AgentId,
    agent::{Connection, CredentialState, Health, status},
    permission::{Place, Reach},
};
use postern_store::{Cursor, agents, tx};

use crate::{
    database::TestDatabase,
    world::{DIRECTIONS, NOW, World, ascending, at, everywhere, labels, page, walk},
};

async fn ids(db: &TestDatabase, reach: &Reach, filter: agents::Filter) -> Vec<AgentId> {
    let reach = reach.clone();
    let by_name = agents::SortKey::Name;
    let rows = db
        .read(tx!(tx => agents::list(tx, &reach, &filter, (&page(50), by_name), NOW).await))
        .await
        .unwrap();
    rows.into_iter().map(|row| row.id).collect()
}

async fn every_filter_picks_its_agents(db: TestDatabase) {
    let world = World::new(&db).await;
    let department = world.department("it").await;
    let berlin = world.organization("berlin").await;
    let a = world
        .agent_at(
            Place {
                department: Some(department),
                ..world.place()
            },
            "a-100%",
            labels([("env", "prod"), ("os", "linux")]),
        )
        .await;
    let b = world
        .agent_at(
            Place::organization(world.tenant, berlin),
            "b_x",
            labels([("env", "prod")]),
        )
        .await;
    let c = world
        .agent_at(world.place(), "C\\x", labels([("env", "test")]))
        .await;
    for (id, version, os) in [(a, "1.0", "linux"), (b, "2.0", "windows")] {
        let facts = agents::Facts {
            version: version.into(),
            hostname: "h".into(),
            os: os.into(),
            arch: "x".into(),
            languages: "[]".into(),
            root: false,
            slots: 1,
            sealing_key: Some("k".into()),
        };
        db.write(tx!(tx => agents::facts_update(tx, id, facts).await))
            .await
            .unwrap();
    }
    db.raw(&format!("UPDATE agents SET active = FALSE WHERE id = {b}"))
        .await;
    let none = agents::Filter::default;
    let texts = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect::<Vec<_>>();
    let table = [
        (none(), vec![c, a, b]),
        (
            agents::Filter {
                search: Some("%".into()),
                ..none()
            },
            vec![a],
        ),
        (
            agents::Filter {
                search: Some("_".into()),
                ..none()
            },
            vec![b],
        ),
        (
            agents::Filter {
                search: Some("c\\".into()),
                ..none()
            },
            vec![c],
        ),
        (
            agents::Filter {
                search: Some("B_X".into()),
                ..none()
            },
            vec![b],
        ),
        (
            agents::Filter {
                names: texts(&["b_x", "C\\x", "nobody"]),
                ..none()
            },
            vec![c, b],
        ),
        (
            agents::Filter {
                organizations: texts(&["berlin"]),
                ..none()
            },
            vec![b],
        ),
        (
            agents::Filter {
                departments: texts(&["it"]),
                ..none()
            },
            vec![a],
        ),
        (
            agents::Filter {
                active: Some(true),
                ..none()
            },
            vec![c, a],
        ),
        (
            agents::Filter {
                active: Some(false),
                ..none()
            },
            vec![b],
        ),
        (
            agents::Filter {
                versions: texts(&["1.0", "3.0"]),
                ..none()
            },
            vec![a],
        ),
        (
            agents::Filter {
                os: texts(&["windows"]),
                ..none()
            },
            vec![b],
        ),
        (
            agents::Filter {
                labels: labels([("env", "prod")]),
                ..none()
            },
            vec![a, b],
        ),
        (
            agents::Filter {
                labels: labels([("env", "prod"), ("os", "linux")]),
                ..none()
            },
            vec![a],
        ),
        (
            agents::Filter {
                labels: labels([("env", "PROD")]),
                ..none()
            },
            vec![],
        ),
        (
            agents::Filter {
                search: Some("x".into()),
                active: Some(true),
                ..none()
            },
            vec![c],
        ),
    ];
    for (filter, expected) in table {
        assert_eq!(
            ids(&db, &everywhere(), filter.clone()).await,
            expected,
            "{filter:?}"
        );
    }
}

async fn agents_are_listed_within_reach(db: TestDatabase) {
    let (world, other) = (World::new(&db).await, World::named(&db, "other").await);
    let department = world.department("it").await;
    let berlin = world.organization("berlin").await;
    let a = world
        .agent_at(
            Place {
                department: Some(department),
                ..world.place()
            },
            "a",
            labels([]),
        )
        .await;
    let b = world.agent("b").await;
    let c = world
        .agent_at(Place::organization(world.tenant, berlin), "c", labels([]))
        .await;
    let d = other.agent("d").await;
    let table = [
        (everywhere(), vec![a, b, c, d]),
        (
            Reach {
                tenants: vec![world.tenant],
                ..Reach::default()
            },
            vec![a, b, c],
        ),
        (
            Reach {
                organizations: vec![world.organization],
                ..Reach::default()
            },
            vec![a, b],
        ),
        (
            Reach {
                departments: vec![department],
                ..Reach::default()
            },
            vec![a],
        ),
        (
            Reach {
                tenants: vec![other.tenant],
                organizations: vec![berlin],
                departments: vec![department],
                ..Reach::default()
            },
            vec![a, c, d],
        ),
        (Reach::default(), vec![]),
    ];
    for (reach, expected) in table {
        assert_eq!(
            ids(&db, &reach, agents::Filter::default()).await,
            expected,
            "list within {reach:?}"
        );
        let wanted = agents::Wanted {
            all: true,
            ..Default::default()
        };
        let limits = reach.clone();
        let targets = db
            .read(tx!(tx => agents::targets(tx, &limits, &[wanted], 50).await))
            .await
            .unwrap();
        let targets: Vec<_> = targets.into_iter().map(|target| target.id).collect();
        assert_eq!(targets, expected, "targets within {reach:?}");
    }
}

async fn the_status_filter_agrees_with_the_rules(db: TestDatabase) {
    use agents::Status;
    let world = World::new(&db).await;
    let mut agents = Vec::new();
    for (index, created) in [-61, -60, -59, 0].into_iter().enumerate() {
        for (number, seen) in [None, Some(-46), Some(-45), Some(0), Some(10)]
            .into_iter()
            .enumerate()
        {
            let id = world.agent(&format!("{index}-{number}")).await;
            let seen_us = seen.map_or("NULL".into(), |seconds| at(seconds).as_micros().to_string());
            let created_us = at(created).as_micros();
            db.raw(&format!(
                "UPDATE agents SET created_us = {created_us}, last_seen_us = {seen_us} WHERE id = {id}"
            ))
            .await;
            agents.push((id, status(at(created), seen.map(at), NOW)));
        }
    }
    let table = [
        (Status::InProgress, (Health::InProgress, Connection::Pending)),
        (Status::NeverSeen, (Health::HeartbeatFailed, Connection::Pending)),
        (Status::Running, (Health::Running, Connection::Connected)),
        (
            Status::Silent,
            (Health::HeartbeatFailed, Connection::Disconnected),
        ),
    ];
    let mut total = 0;
    for (filter, derived) in table {
        let expected: Vec<_> = agents
            .iter()
            .filter(|agent| agent.1 == derived)
            .map(|agent| agent.0)
            .collect();
        assert!(!expected.is_empty());
        total += expected.len();
        let wanted = agents::Filter {
            status: vec![filter],
            ..Default::default()
        };
        assert_eq!(ids(&db, &everywhere(), wanted).await, expected, "{filter:?}");
    }
    assert_eq!(total, agents.len(), "each agent has one status");
    let two = agents::Filter {
        status: vec![Status::Running, Status::Silent],
        ..Default::default()
    };
    assert_eq!(ids(&db, &everywhere(), two).await.len(), 16);
}

async fn the_credential_filter_agrees_with_the_rules(db: TestDatabase) {
    let world = World::new(&db).await;
    let time = |set: Option<i64>| set.map_or("NULL".into(), |seconds| at(seconds).as_micros().to_string());
    let mut agents = Vec::new();
    for (number, expires) in [None, Some(-1), Some(0), Some(1)].into_iter().enumerate() {
        for revoked in [None, Some(-5)] {
            for locked in [None, Some(-6)] {
                let id = world
                    .agent(&format!("{number}-{}-{}", revoked.is_some(), locked.is_some()))
                    .await;
                db.raw(&format!(
                    "UPDATE agents SET credential_expires_us = {}, credential_revoked_us = {}, locked_us = {} WHERE id = {id}",
                    time(expires), time(revoked), time(locked),
                ))
                .await;
                let found = db
                    .read(tx!(tx => agents::find(tx, id).await))
                    .await
                    .unwrap()
                    .unwrap();
                agents.push((id, found.credential().state(NOW)));
            }
        }
    }
    use CredentialState::{Expired, Live, Locked, None as Never, Revoked};
    for states in [
        vec![Never],
        vec![Live],
        vec![Expired],
        vec![Revoked],
        vec![Locked],
        vec![Live, Locked],
    ] {
        let mut expected: Vec<_> = agents
            .iter()
            .filter(|agent| states.contains(&agent.1))
            .map(|agent| agent.0)
            .collect();
        expected.sort();
        let filter = agents::Filter {
            credentials: states.clone(),
            ..Default::default()
        };
        let mut found = ids(&db, &everywhere(), filter).await;
        found.sort();
        assert_eq!(found, expected, "{states:?}");
        assert!(!found.is_empty());
    }
}

async fn every_order_is_paged_without_loss_over_equal_keys(db: TestDatabase) {
    let world = World::new(&db).await;
    for number in 0..7 {
        let id = world.agent(&format!("agent {}", number % 4 * 10 + number)).await;
        let (created, seen) = (
            number / 3,
            if number < 3 {
                "NULL".into()
            } else {
                (number / 5).to_string()
            },
        );
        db.raw(&format!(
            "UPDATE agents SET created_us = {created}, last_seen_us = {seen} WHERE id = {id}"
        ))
        .await;
    }
    for sort in [
        agents::SortKey::Name,
        agents::SortKey::Created,
        agents::SortKey::LastSeen,
    ] {
        for direction in DIRECTIONS {
            let rows = walk(
                2,
                direction,
                |agent: &agents::Agent| Cursor {
                    key: sort.of(agent),
                    id: agent.id.0,
                },
                async |query| {
                    let filter = agents::Filter::default();
                    db.read(tx!(tx => agents::list(tx, &everywhere(), &filter, (&query, sort), NOW).await))
                        .await
                        .unwrap()
                },
            )
            .await;
            let keys: Vec<_> = ascending(direction, rows)
                .iter()
                .map(|agent| match sort {
                    agents::SortKey::Name => (0, agent.name.clone(), agent.id),
                    _ => (sort.of(agent).parse::<i64>().unwrap(), String::new(), agent.id),
                })
                .collect();
            assert_eq!(keys.len(), 7, "{sort:?} {direction:?}");
            assert!(
                keys.is_sorted() && keys.windows(2).all(|pair| pair[0] != pair[1]),
                "{sort:?} {keys:?}"
            );
        }
    }
    let junk = postern_store::ListQuery {
        cursor: Some(Cursor {
            key: "x".into(),
            id: 1,
        }),
        ..page(1)
    };
    let created = agents::SortKey::Created;
    let refused = db
        .read(tx!(tx => agents::list(tx, &everywhere(), &agents::Filter::default(), (&junk, created), NOW).await))
        .await;
    assert!(
        matches!(refused, Err(postern_store::Error::Cursor)),
        "{refused:?}"
    );
}

async fn a_selector_means_the_sum_of_its_parts(db: TestDatabase) {
    let world = World::new(&db).await;
    let mut made = Vec::new();
    for (name, env) in [("a", "prod"), ("b", "prod"), ("c", "test"), ("d", "test")] {
        let pairs = labels([("env", env), ("name", name)]);
        made.push(world.agent_at(world.place(), name, pairs).await);
    }
    let targets = async |wanted: agents::Wanted, limit: u32| {
        let found = db
            .read(tx!(tx => agents::targets(tx, &everywhere(), &[wanted], limit).await))
            .await
            .unwrap();
        found.into_iter().map(|target| target.id).collect::<Vec<_>>()
    };
    let none = agents::Wanted::default;
    assert_eq!(targets(none(), 9).await, [], "no word is not all");
    assert_eq!(targets(agents::Wanted { all: true, ..none() }, 9).await, made);
    assert_eq!(
        targets(agents::Wanted { all: true, ..none() }, 2).await.len(),
        3,
        "one more than the limit"
    );
    assert_eq!(
        targets(
            agents::Wanted {
                ids: vec![made[1].0, 999],
                ..none()
            },
            9
        )
        .await,
        [made[1]]
    );
    let both = agents::Wanted {
        selector: "env=prod,name=b".parse().unwrap(),
        ..none()
    };
    assert_eq!(targets(both, 9).await, [made[1]], "every label");
    let sum = agents::Wanted {
        ids: vec![made[3].0],
        names: vec!["c".into(), "C".into()],
        selector: "env=prod".parse().unwrap(),
        ..none()
    };
    assert_eq!(targets(sum, 9).await, made);
    let other = |text: &str| agents::Wanted {
        selector: text.parse().unwrap(),
        ..none()
    };
    for (text, expected) in [
        ("env in (prod,test),name notin (a,d)", vec![made[1], made[2]]),
        ("env!=prod", vec![made[2], made[3]]),
        ("name,!zone", made.clone()),
        ("zone", vec![]),
    ] {
        assert_eq!(targets(other(text), 9).await, expected, "{text}");
    }
    let one = agents::Wanted {
        names: vec!["a".into()],
        ..none()
    };
    let target = db
        .read(tx!(tx => agents::targets(tx, &everywhere(), &[one], 1).await))
        .await
        .unwrap()
        .remove(0);
    assert_eq!((target.place(), target.name.as_str()), (world.place(), "a"));
}

on_both_engines!(
    every_filter_picks_its_agents,
    agents_are_listed_within_reach,
    the_status_filter_agrees_with_the_rules,
    the_credential_filter_agrees_with_the_rules,
    every_order_is_paged_without_loss_over_equal_keys,
    a_selector_means_the_sum_of_its_parts,
);
