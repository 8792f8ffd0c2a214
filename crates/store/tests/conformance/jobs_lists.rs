//! Lists of jobs.

use postern_domain::{
    JobId,
    job::{JobState, Priority},
    permission::{Place, Reach},
};
use postern_store::{Cursor, jobs, tx};

use crate::{
    database::TestDatabase,
    world::{DIRECTIONS, World, ascending, everywhere, labels, new_jobs, page, walk},
};

async fn ids(db: &TestDatabase, reach: &Reach, filter: jobs::Filter) -> Vec<JobId> {
    let reach = reach.clone();
    let rows = db
        .read(tx!(tx => jobs::list(tx, &reach, &filter, &page(50)).await))
        .await
        .unwrap();
    rows.into_iter().map(|row| row.id).collect()
}

async fn every_filter_picks_its_jobs(db: TestDatabase) {
    let world = World::new(&db).await;
    let berlin = world.organization("berlin").await;
    let web = world.agent("Web_1").await;
    let mail = world
        .agent_at(Place::organization(world.tenant, berlin), "mail", labels([]))
        .await;
    let a = world
        .job_like(
            web,
            jobs::NewJobs {
                priority: Priority::Critical,
                ..new_jobs("df -h | grep 100%")
            },
        )
        .await;
    let b = world
        .job_like(
            mail,
            jobs::NewJobs {
                kind: "script",
                ..new_jobs("Back\\slash Übung")
            },
        )
        .await;
    let c = world.job(web).await;
    db.raw(&format!("UPDATE jobs SET state = 'failed' WHERE id = {c}"))
        .await;
    let none = jobs::Filter::default;
    let texts = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect::<Vec<_>>();
    let search = |text: &str| jobs::Filter {
        search: Some(text.to_owned()),
        ..none()
    };
    let table = [
        (none(), vec![a, b, c]),
        (search("%"), vec![a]),
        (search("_"), vec![a, c]),
        (search("back\\"), vec![b]),
        (search("Übung"), vec![b]),
        (search("MAIL"), vec![b]),
        (
            jobs::Filter {
                states: vec![JobState::Failed, JobState::Running],
                ..none()
            },
            vec![c],
        ),
        (
            jobs::Filter {
                kinds: texts(&["script"]),
                ..none()
            },
            vec![b],
        ),
        (
            jobs::Filter {
                priorities: vec![Priority::Critical],
                ..none()
            },
            vec![a],
        ),
        (
            jobs::Filter {
                priorities: vec![Priority::Critical, Priority::Normal],
                ..none()
            },
            vec![a, b, c],
        ),
        (
            jobs::Filter {
                agent_names: texts(&["Web_1", "x", "y"]),
                ..none()
            },
            vec![a, c],
        ),
        (
            jobs::Filter {
                agent_ids: vec![mail.0, 999],
                ..none()
            },
            vec![b],
        ),
        (
            jobs::Filter {
                organizations: texts(&["berlin", "x", "y"]),
                ..none()
            },
            vec![b],
        ),
        (
            jobs::Filter {
                states: vec![JobState::Queued],
                agent_ids: vec![web.0],
                ..none()
            },
            vec![a],
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

async fn jobs_are_listed_where_they_were_made(db: TestDatabase) {
    let (world, other) = (World::new(&db).await, World::named(&db, "other").await);
    let department = world.department("it").await;
    let berlin = world.organization("berlin").await;
    let mut made = Vec::new();
    for (name, place) in [
        (
            "a",
            Place {
                department: Some(department),
                ..world.place()
            },
        ),
        ("b", world.place()),
        ("c", Place::organization(world.tenant, berlin)),
        ("d", other.place()),
    ] {
        let agent = world.agent_at(place, name, labels([])).await;
        made.push(world.job(agent).await);
    }
    let table = [
        (everywhere(), made.clone()),
        (
            Reach {
                tenants: vec![world.tenant],
                ..Reach::default()
            },
            made[..3].to_vec(),
        ),
        (
            Reach {
                organizations: vec![world.organization],
                ..Reach::default()
            },
            made[..2].to_vec(),
        ),
        (
            Reach {
                departments: vec![department],
                ..Reach::default()
            },
            made[..1].to_vec(),
        ),
        (
            Reach {
                tenants: vec![other.tenant],
                departments: vec![department],
                ..Reach::default()
            },
            vec![made[0], made[3]],
        ),
        (Reach::default(), vec![]),
    ];
    for (reach, expected) in table {
        assert_eq!(
            ids(&db, &reach, jobs::Filter::default()).await,
            expected,
            "{reach:?}"
        );
    }
    db.raw(&format!(
        "UPDATE agents SET organization_id = {berlin} WHERE name = 'b'"
    ))
    .await;
    let reach = Reach {
        organizations: vec![berlin],
        ..Reach::default()
    };
    assert_eq!(
        ids(&db, &reach, jobs::Filter::default()).await,
        [made[2]],
        "the agent moved, its job did not"
    );
}

async fn jobs_are_paged_both_ways(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(world.job(agent).await);
    }
    for direction in DIRECTIONS {
        for limit in [1, 3, 7, 50] {
            let rows = walk(
                limit,
                direction,
                |job: &jobs::Job| Cursor {
                    key: String::new(),
                    id: job.id.0,
                },
                async |query| {
                    let filter = jobs::Filter::default();
                    db.read(tx!(tx => jobs::list(tx, &everywhere(), &filter, &query).await))
                        .await
                        .unwrap()
                },
            )
            .await;
            let rows: Vec<_> = ascending(direction, rows).into_iter().map(|job| job.id).collect();
            assert_eq!(rows, made, "{direction:?} by {limit}");
        }
    }
}

on_both_engines!(
    every_filter_picks_its_jobs,
    jobs_are_listed_where_they_were_made,
    jobs_are_paged_both_ways
);
