//! Tenants, organizations, departments.

use postern_domain::{OrganizationId, TenantId, permission::Reach};
use postern_store::{Cursor, Error, identity, tx};

use crate::{
    database::TestDatabase,
    world::{DIRECTIONS, NOW, World, ascending, everywhere, page, walk},
};

async fn a_tenant_is_there_once(db: TestDatabase) {
    let world = World::new(&db).await;
    let tenant = world.tenant;
    let again = db
        .write(tx!(tx => identity::tenant_create(tx, "default", NOW).await))
        .await;
    assert!(matches!(again, Err(Error::Duplicate(_))), "{again:?}");
    let found = db
        .read(tx!(tx => Ok((
            identity::tenant_exists(tx, tenant).await?,
            identity::tenant_exists(tx, TenantId(tenant.0 + 1)).await?,
        ))))
        .await
        .unwrap();
    assert_eq!(found, (true, false));
}

async fn an_organization_is_found_and_changed(db: TestDatabase) {
    let world = World::new(&db).await;
    let (tenant, first) = (world.tenant, world.organization);
    let second = world.organization("berlin").await;
    let (found, oldest, none) = db
        .read(tx!(tx => Ok((
            identity::organization_find(tx, second).await?.unwrap(),
            identity::organization_first(tx, tenant).await?.unwrap(),
            identity::organization_find(tx, OrganizationId(999)).await?,
        ))))
        .await
        .unwrap();
    assert_eq!(
        (found.id, found.tenant_id, found.name.as_str()),
        (second, tenant, "berlin")
    );
    assert!(found.renew_credentials, "on unless switched off");
    assert_eq!(oldest.id, first);
    assert_eq!(none, None);
    let empty = db
        .read(tx!(tx => identity::organization_first(tx, TenantId(999)).await))
        .await;
    assert_eq!(empty.unwrap(), None);

    db.write(tx!(tx => identity::organization_update(tx, second, "bonn", false).await))
        .await
        .unwrap();
    let found = db
        .read(tx!(tx => identity::organization_find(tx, second).await))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.name.as_str(), found.renew_credentials), ("bonn", false));
}

async fn an_organizations_name_is_taken_within_its_tenant_only(db: TestDatabase) {
    let world = World::new(&db).await;
    let (tenant, other) = (world.tenant, World::named(&db, "other").await);
    let taken = db
        .write(tx!(tx => identity::organization_create(tx, tenant, "default", NOW).await))
        .await;
    assert!(matches!(taken, Err(Error::Duplicate(_))), "{taken:?}");
    let second = world.organization("second").await;
    let renamed = db
        .write(tx!(tx => identity::organization_update(tx, second, "default", true).await))
        .await;
    assert!(matches!(renamed, Err(Error::Duplicate(_))), "{renamed:?}");
    other.organization("default").await;
}

async fn organizations_are_listed_within_reach(db: TestDatabase) {
    let (a, b, c) = (
        World::new(&db).await,
        World::named(&db, "b").await,
        World::named(&db, "c").await,
    );
    let list = async |own: TenantId, reach: Reach| {
        let rows = db
            .read(tx!(tx => identity::organization_list(tx, own, &reach, None, &page(10)).await))
            .await
            .unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(
        list(a.tenant, everywhere()).await,
        [b.organization, c.organization, a.organization]
    );
    assert_eq!(
        list(a.tenant, Reach::default()).await,
        [a.organization],
        "one's own, to pick from"
    );
    let reach = Reach {
        tenants: vec![c.tenant],
        ..Reach::default()
    };
    assert_eq!(list(a.tenant, reach).await, [c.organization, a.organization]);
}

async fn organizations_are_searched_by_their_and_their_departments_names(db: TestDatabase) {
    let world = World::new(&db).await;
    let plant = world.organization("Plant").await;
    world.department("Paint_shop").await;
    let find = async |search: &'static str| {
        let rows = db
            .read(tx!(tx => {
                identity::organization_list(tx, TenantId(0), &everywhere(), Some(search), &page(10)).await
            }))
            .await
            .unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(find("pLAN").await, [plant]);
    assert_eq!(
        find("t_s").await,
        [world.organization],
        "a department's name, literally"
    );
    assert!(find("%").await.is_empty());
}

async fn organizations_with_equal_names_are_paged_without_loss(db: TestDatabase) {
    let mut made = Vec::new();
    for name in ["t1", "t2", "t3"] {
        let world = World::named(&db, name).await;
        made.push(("Same".to_owned(), world.organization("Same").await));
        made.push((name.to_owned(), world.organization));
    }
    made.sort();
    for direction in DIRECTIONS {
        let rows = walk(
            2,
            direction,
            |row: &identity::Organization| Cursor {
                key: row.name.clone(),
                id: row.id.0,
            },
            async |query| {
                db.read(tx!(tx => identity::organization_list(tx, TenantId(0), &everywhere(), None, &query).await))
                    .await
                    .unwrap()
            },
        )
        .await;
        let rows: Vec<_> = ascending(direction, rows)
            .into_iter()
            .map(|row| (row.name, row.id))
            .collect();
        assert_eq!(rows, made, "{direction:?}");
    }
}

async fn departments_belong_to_an_organization(db: TestDatabase) {
    let world = World::new(&db).await;
    let (sales, it) = (world.department("sales").await, world.department("it").await);
    let organization = world.organization;
    let found = db
        .read(tx!(tx => identity::department_find(tx, it).await))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.tenant_id, found.organization_id, found.name.as_str()),
        (world.tenant, organization, "it")
    );
    let list = async |organizations: Vec<OrganizationId>| {
        let rows = db
            .read(tx!(tx => identity::department_list(tx, &organizations).await))
            .await
            .unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(list(vec![organization]).await, [it, sales], "by name");
    assert_eq!(list(vec![OrganizationId(999)]).await, []);
    assert_eq!(list(vec![]).await, []);
    let taken = db
        .write(tx!(tx => {
            let organization = identity::organization_find(tx, organization).await?.unwrap();
            identity::department_create(tx, &organization, "it").await
        }))
        .await;
    assert!(matches!(taken, Err(Error::Duplicate(_))), "{taken:?}");
}

on_both_engines!(
    a_tenant_is_there_once,
    an_organization_is_found_and_changed,
    an_organizations_name_is_taken_within_its_tenant_only,
    organizations_are_listed_within_reach,
    organizations_are_searched_by_their_and_their_departments_names,
    organizations_with_equal_names_are_paged_without_loss,
    departments_belong_to_an_organization,
);
