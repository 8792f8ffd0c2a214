//! Lists of jobs.

use postern_domain::{
    ExecutionId, JobId, ScheduleId, ScriptId,
    job::{JobState, Priority},
    permission::{Place, Reach},
};
use postern_store::{Cursor, ListQuery, SortDirection, jobs, tx};

use crate::{
    database::TestDatabase,
    world::{DIRECTIONS, NOW, World, ascending, at, everywhere, labels, new_jobs, page, walk},
};

async fn ids(db: &TestDatabase, reach: &Reach, filter: jobs::Filter) -> Vec<JobId> {
    let reach = reach.clone();
    let rows = db
        .read(tx!(tx => jobs::list(tx, &reach, &filter, &page(50)).await))
        .await
        .unwrap();
    rows.into_iter().map(|row| row.id).collect()
}

fn place(job: &jobs::Job) -> Cursor {
    Cursor {
        key: job.created.as_micros().to_string(),
        id: job.id.0,
    }
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
        (
            jobs::Filter {
                search: Some("e".into()),
                agent_ids: vec![web.0],
                organizations: texts(&["default"]),
                kinds: texts(&["command"]),
                ..none()
            },
            vec![a, c],
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
    for (name, expected) in [("berlin", vec![made[2]]), ("default", vec![])] {
        let filter = jobs::Filter {
            organizations: vec![name.into()],
            ..Default::default()
        };
        assert_eq!(ids(&db, &reach, filter).await, expected, "filtered by {name}");
    }
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
            let rows = walk(limit, direction, place, async |query| {
                let filter = jobs::Filter::default();
                db.read(tx!(tx => jobs::list(tx, &everywhere(), &filter, &query).await))
                    .await
                    .unwrap()
            })
            .await;
            let rows: Vec<_> = ascending(direction, rows).into_iter().map(|job| job.id).collect();
            assert_eq!(rows, made, "{direction:?} by {limit}");
        }
    }
}

async fn jobs_are_found_by_what_they_came_from(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let from = |execution, script, schedule| jobs::NewJobs {
        execution: ExecutionId(execution),
        script: Some(script).filter(|id| *id > 0).map(ScriptId),
        schedule: Some(schedule).filter(|id| *id > 0).map(ScheduleId),
        ..new_jobs("true")
    };
    let a = world.job_like(agent, from(1, 7, 0)).await;
    let b = world.job_like(agent, from(2, 7, 8)).await;
    let c = world.job_like(agent, from(2, 0, 8)).await;
    let none = jobs::Filter::default;
    let table = [
        (
            jobs::Filter {
                executions: vec![2],
                ..none()
            },
            vec![b, c],
        ),
        (
            jobs::Filter {
                executions: vec![1, 2, 3],
                ..none()
            },
            vec![a, b, c],
        ),
        (
            jobs::Filter {
                scripts: vec![7],
                ..none()
            },
            vec![a, b],
        ),
        (
            jobs::Filter {
                schedules: vec![8, 9],
                ..none()
            },
            vec![b, c],
        ),
        (
            jobs::Filter {
                scripts: vec![7],
                schedules: vec![8],
                ..none()
            },
            vec![b],
        ),
        (
            jobs::Filter {
                executions: vec![3],
                ..none()
            },
            vec![],
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

async fn jobs_are_listed_by_the_time_they_were_made(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let mut made = Vec::new();
    for seconds in [30, 10, 20, 10, 40] {
        let id = world.job(agent).await;
        let time = at(seconds).as_micros();
        db.raw(&format!("UPDATE jobs SET created_us = {time} WHERE id = {id}"))
            .await;
        made.push(id);
    }
    let all = [made[1], made[3], made[2], made[0], made[4]];
    let between = |from: Option<i64>, before: Option<i64>| jobs::Filter {
        created_from: from.map(at),
        created_before: before.map(at),
        states: vec![JobState::Queued],
        ..Default::default()
    };
    let table = [
        (between(None, None), &all[..]),
        (between(Some(20), None), &all[2..]),
        (between(None, Some(20)), &all[..2]),
        (between(Some(10), Some(40)), &all[..4]),
        (between(Some(41), None), &[]),
    ];
    for (filter, expected) in table {
        for direction in DIRECTIONS {
            for limit in [1, 2, 50] {
                let rows = walk(limit, direction, place, async |query| {
                    let filter = filter.clone();
                    db.read(tx!(tx => jobs::list(tx, &everywhere(), &filter, &query).await))
                        .await
                        .unwrap()
                })
                .await;
                let rows: Vec<_> = ascending(direction, rows).into_iter().map(|job| job.id).collect();
                assert_eq!(rows, expected, "{filter:?} {direction:?} by {limit}");
            }
        }
    }
}

/// A cursor is good for other bounds than those it came with.
async fn a_cursor_outside_of_the_bounds_ends_or_begins_there(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let id = world.job(agent).await;
    for (seconds, direction, expected) in [
        (-1, SortDirection::Ascending, vec![id]),
        (1, SortDirection::Ascending, vec![]),
        (1, SortDirection::Descending, vec![id]),
        (-1, SortDirection::Descending, vec![]),
    ] {
        let filter = jobs::Filter {
            created_from: Some(NOW),
            created_before: Some(at(1)),
            ..Default::default()
        };
        let cursor = Some(Cursor {
            key: at(seconds).as_micros().to_string(),
            id: 0,
        });
        let query = ListQuery {
            limit: 5,
            cursor,
            direction,
        };
        let rows = db
            .read(tx!(tx => jobs::list(tx, &everywhere(), &filter, &query).await))
            .await
            .unwrap();
        let rows: Vec<_> = rows.into_iter().map(|job| job.id).collect();
        assert_eq!(rows, expected, "{seconds} {direction:?}");
    }
}

async fn a_search_that_finds_very_many_texts_misses_none(db: TestDatabase) {
    let world = World::new(&db).await;
    let (web, other) = (world.agent("web").await, world.agent("Task force").await);
    let mut made = Vec::new();
    for number in 0..70 {
        made.push(world.job_like(web, new_jobs(&format!("Task {number}"))).await);
    }
    made.push(world.job_like(other, new_jobs("true")).await);
    world.job(web).await;
    let by_word = jobs::Filter {
        search: Some("task".into()),
        ..Default::default()
    };
    let with_another = jobs::Filter {
        kinds: vec!["command".into()],
        ..by_word.clone()
    };
    for filter in [by_word, with_another] {
        for (direction, limit) in [(DIRECTIONS[0], 9), (DIRECTIONS[1], 9), (DIRECTIONS[1], 500)] {
            let rows = walk(limit, direction, place, async |query| {
                let filter = filter.clone();
                db.read(tx!(tx => jobs::list(tx, &everywhere(), &filter, &query).await))
                    .await
                    .unwrap()
            })
            .await;
            let rows: Vec<_> = ascending(direction, rows).into_iter().map(|job| job.id).collect();
            assert_eq!(rows, made, "{filter:?} {direction:?} by {limit}");
        }
    }
}

async fn the_same_payload_under_two_names_is_found_by_each(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let named = |summary: &str| jobs::NewJobs {
        summary: summary.into(),
        ..new_jobs("true")
    };
    let a = world.job_like(agent, named("backup (version 1)")).await;
    let b = world.job_like(agent, named("restore (version 2)")).await;
    for (text, expected) in [("backup", vec![a]), ("restore", vec![b]), ("version", vec![a, b])] {
        let filter = jobs::Filter {
            search: Some(text.into()),
            ..Default::default()
        };
        assert_eq!(ids(&db, &everywhere(), filter).await, expected, "{text}");
    }
}

on_both_engines!(
    every_filter_picks_its_jobs,
    jobs_are_found_by_what_they_came_from,
    jobs_are_listed_where_they_were_made,
    jobs_are_listed_by_the_time_they_were_made,
    jobs_are_paged_both_ways,
    a_cursor_outside_of_the_bounds_ends_or_begins_there,
    a_search_that_finds_very_many_texts_misses_none,
    the_same_payload_under_two_names_is_found_by_each
);
