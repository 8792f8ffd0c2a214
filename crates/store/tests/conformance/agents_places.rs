//! Organizations and departments by name or id, and the agents that lie in them.

use postern_domain::{
    AgentId,
    permission::{Place, Reach},
};
use postern_store::{
    agents::{self, PlaceKind, Wanted},
    tx,
};

use crate::{
    database::TestDatabase,
    world::{World, everywhere, labels},
};

async fn ids(db: &TestDatabase, kind: PlaceKind, reach: &Reach, names: &[&str]) -> Vec<i64> {
    let reach = reach.clone();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let found = db
        .read(tx!(tx => agents::places_named(tx, kind, &reach, &names).await))
        .await
        .unwrap();
    found.into_iter().map(|place| place.id).collect()
}

async fn places_are_found_by_name_or_id(db: TestDatabase) {
    let world = World::new(&db).await;
    let (it, web) = (world.department("it").await, world.department("web").await);
    let berlin = world.organization("berlin").await;
    let (own, organization) = (world.organization.0, PlaceKind::Organization);
    let all = everywhere();
    assert!(ids(&db, organization, &all, &[]).await.is_empty());
    let unknown = ["nowhere", "-1"];
    assert!(ids(&db, organization, &all, &unknown).await.is_empty());
    assert_eq!(
        ids(&db, organization, &all, &["default"]).await,
        [own],
        "once, however many departments it has"
    );
    let id = own.to_string();
    assert_eq!(
        ids(&db, organization, &all, &["berlin", &id, "default"]).await,
        [own, berlin.0]
    );
    let department = PlaceKind::Department;
    let id = web.to_string();
    assert_eq!(ids(&db, department, &all, &["it", &id]).await, [it.0, web.0]);
    let names = vec!["it".to_owned()];
    let found = db
        .read(tx!(tx => agents::places_named(tx, department, &everywhere(), &names).await))
        .await
        .unwrap();
    assert_eq!(
        (found[0].organization_id, found[0].name.as_str()),
        (world.organization, "it")
    );
}

async fn places_are_found_within_reach(db: TestDatabase) {
    let world = World::new(&db).await;
    let other = World::named(&db, "other").await;
    let (it, web) = (world.department("it").await, world.department("web").await);
    let theirs = other.department("it").await;
    let berlin = world.organization("berlin").await;
    let organizations = ["default", "berlin", "other"];
    let (own, berlin) = (world.organization.0, berlin.0);
    for (reach, of_organizations, of_departments) in [
        (
            Reach {
                tenants: vec![world.tenant],
                ..Reach::default()
            },
            vec![own, berlin],
            vec![it.0, web.0],
        ),
        (
            Reach {
                organizations: vec![other.organization],
                ..Reach::default()
            },
            vec![other.organization.0],
            vec![theirs.0],
        ),
        (
            Reach {
                departments: vec![web],
                ..Reach::default()
            },
            vec![own],
            vec![web.0],
        ),
        (Reach::default(), vec![], vec![]),
    ] {
        let mut found = ids(&db, PlaceKind::Organization, &reach, &organizations).await;
        found.sort_unstable();
        let mut expected = of_organizations;
        expected.sort_unstable();
        assert_eq!(found, expected, "{reach:?}");
        let found = ids(&db, PlaceKind::Department, &reach, &["it", "web"]).await;
        assert_eq!(found, of_departments, "{reach:?}");
    }
}

async fn places_mean_the_agents_in_them(db: TestDatabase) {
    let world = World::new(&db).await;
    let it = world.department("it").await;
    let berlin = world.organization("berlin").await;
    let within = Place {
        department: Some(it),
        ..world.place()
    };
    let a = world.agent_at(within, "a", labels([("env", "prod")])).await;
    let b = world.agent("b").await;
    let there = Place::organization(world.tenant, berlin);
    let c = world.agent_at(there, "c", labels([("env", "prod")])).await;
    let targets = async |wanted: Wanted| {
        let found = db
            .read(tx!(tx => agents::targets(tx, &everywhere(), &[wanted], 9).await))
            .await
            .unwrap();
        found
            .into_iter()
            .map(|target| target.id)
            .collect::<Vec<AgentId>>()
    };
    let own = Wanted {
        organizations: vec![world.organization],
        ..Wanted::default()
    };
    assert_eq!(targets(own).await, [a, b]);
    let both = Wanted {
        organizations: vec![world.organization, berlin],
        selector: "env=prod".parse().unwrap(),
        ..Wanted::default()
    };
    assert_eq!(targets(both).await, [a, c]);
    let department = Wanted {
        departments: vec![it],
        names: vec!["c".into()],
        ..Wanted::default()
    };
    assert_eq!(targets(department).await, [a, c]);
    let neither = Wanted {
        organizations: vec![berlin],
        departments: vec![it],
        ..Wanted::default()
    };
    assert_eq!(targets(neither).await, []);
}

on_both_engines!(
    places_are_found_by_name_or_id,
    places_are_found_within_reach,
    places_mean_the_agents_in_them,
);
