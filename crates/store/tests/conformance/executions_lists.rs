//! Lists of executions.

use postern_domain::{
    ExecutionId, JobId, OrganizationId, ScheduleId, ScriptId, TenantId,
    job::JobState,
    permission::{Place, Reach},
};
use postern_store::{
    Cursor, agents,
    jobs::{
        self,
        executions::{self, Outcome},
    },
    tx,
};

use crate::{
    database::TestDatabase,
    planner::{NUMBER, fill},
    world::{DIRECTIONS, NOW, World, ascending, at_once, everywhere, labels, new_jobs, page, walk},
};

/// An execution of `summary` by `creator` on these agents.
async fn execution(
    world: &World,
    summary: &str,
    creator: &str,
    origin: executions::Origin,
    agents: &[i64],
) -> (ExecutionId, Vec<JobId>) {
    let new = executions::NewExecution {
        tenant: world.tenant,
        kind: "command",
        summary: summary.into(),
        created_by: creator.into(),
        targets: "{}".into(),
        rolling: None,
        concurrency: None,
        batches: 1,
        origin,
    };
    let wanted = agents::Wanted {
        ids: agents.to_vec(),
        ..Default::default()
    };
    let jobs = new_jobs(summary);
    world
        .db
        .write(tx!(tx => {
            let id = executions::create(tx, &new, NOW).await?;
            let targets = agents::targets(tx, &everywhere(), &[wanted], 10).await?;
            let hosts: Vec<_> = targets.into_iter().map(at_once).collect();
            let jobs = jobs::NewJobs { execution: id, ..jobs };
            let created = jobs::create(tx, &jobs, &hosts, NOW).await?;
            Ok((id, created.into_iter().map(|(job, _)| job).collect()))
        }))
        .await
        .unwrap()
}

async fn ids(db: &TestDatabase, reach: &Reach, filter: executions::Filter) -> Vec<ExecutionId> {
    let reach = reach.clone();
    let rows = db
        .read(tx!(tx => executions::list(tx, &reach, &filter, &page(50)).await))
        .await
        .unwrap();
    rows.into_iter().map(|row| row.id).collect()
}

async fn every_filter_picks_its_executions(db: TestDatabase) {
    let world = World::new(&db).await;
    let web = world.agent("web").await.0;
    let origin = |script: i64, schedule: i64| executions::Origin {
        script: Some((ScriptId(script), 1)).filter(|(id, _)| id.0 > 0),
        schedule: Some(ScheduleId(schedule)).filter(|id| id.0 > 0),
        ..Default::default()
    };
    let (a, _) = execution(&world, "Backup 50%", "user:1 (anna)", origin(7, 0), &[web]).await;
    let (b, _) = execution(&world, "restore", "user:2 (Backupper)", origin(7, 8), &[web]).await;
    let (c, _) = execution(&world, "restore", "user:1 (anna)", origin(0, 8), &[web]).await;
    let none = executions::Filter::default;
    let search = |text: &str| executions::Filter {
        search: Some(text.into()),
        ..none()
    };
    let table = [
        (none(), vec![a, b, c]),
        (search("backup"), vec![a, b]),
        (search("ANNA"), vec![a, c]),
        (search("50%"), vec![a]),
        (search("nobody"), vec![]),
        (
            executions::Filter {
                scripts: vec![7],
                ..none()
            },
            vec![a, b],
        ),
        (
            executions::Filter {
                schedules: vec![8, 9],
                ..none()
            },
            vec![b, c],
        ),
        (
            executions::Filter {
                scripts: vec![7],
                schedules: vec![8],
                ..none()
            },
            vec![b],
        ),
        (
            executions::Filter {
                kinds: vec!["command".into()],
                ..search("restore")
            },
            vec![b, c],
        ),
        (
            executions::Filter {
                kinds: vec!["script".into()],
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

async fn who_sees_one_of_its_jobs_sees_an_execution(db: TestDatabase) {
    let world = World::new(&db).await;
    let berlin = world.organization("berlin").await;
    let it = world.department("it").await;
    let place = |department| Place {
        department,
        ..world.place()
    };
    let here = world.agent_at(place(None), "here", labels([])).await.0;
    let office = world.agent_at(place(Some(it)), "office", labels([])).await.0;
    let there = world
        .agent_at(Place::organization(world.tenant, berlin), "there", labels([]))
        .await
        .0;
    let origin = executions::Origin::default;
    let (a, _) = execution(&world, "a", "x", origin(), &[here, office]).await;
    let (b, in_b) = execution(&world, "b", "x", origin(), &[here, there]).await;
    let (c, _) = execution(&world, "c", "x", origin(), &[there]).await;
    let (organization, berlin) = (
        Reach {
            organizations: vec![world.organization],
            ..Reach::default()
        },
        Reach {
            organizations: vec![berlin],
            ..Reach::default()
        },
    );
    let department = Reach {
        departments: vec![it],
        ..Reach::default()
    };
    let both = Reach {
        tenants: vec![world.tenant],
        departments: vec![it],
        ..Reach::default()
    };
    let very_many = Reach {
        organizations: (1000..1070)
            .map(OrganizationId)
            .chain(berlin.organizations.clone())
            .collect(),
        ..Reach::default()
    };
    for (reach, expected) in [
        (&very_many, vec![b, c]),
        (&organization, vec![a, b]),
        (&berlin, vec![b, c]),
        (&department, vec![a]),
        (&both, vec![a, b, c]),
        (&Reach::default(), vec![]),
    ] {
        assert_eq!(
            ids(&db, reach, executions::Filter::default()).await,
            expected,
            "{reach:?}"
        );
        let by_kind = executions::Filter {
            kinds: vec!["command".into()],
            ..Default::default()
        };
        assert_eq!(ids(&db, reach, by_kind).await, expected, "{reach:?}");
    }
    let gone = in_b[1];
    db.write(tx!(tx => jobs::delete(tx, gone).await)).await.unwrap();
    assert_eq!(
        ids(&db, &berlin, executions::Filter::default()).await,
        [c],
        "its job there was deleted"
    );
}

/// An execution whose jobs, on one agent each, are in these states.
async fn in_states<const N: usize>(world: &World, agents: [i64; N], states: [JobState; N]) -> ExecutionId {
    let (id, jobs) = execution(world, "true", "x", executions::Origin::default(), &agents).await;
    for (job, state) in jobs.into_iter().zip(states) {
        world
            .db
            .raw(&format!("UPDATE jobs SET state = '{state}' WHERE id = {job}"))
            .await;
    }
    id
}

fn standing(outcomes: &[Outcome]) -> executions::Filter {
    executions::Filter {
        outcomes: outcomes.to_vec(),
        ..Default::default()
    }
}

async fn an_outcome_goes_by_the_states_of_the_jobs(db: TestDatabase) {
    use JobState::{Cancelled, Completed, Failed, Pending, Queued, Running, Timeout, Unknown};
    let world = World::new(&db).await;
    let berlin = world.organization("berlin").await;
    let here = world.agent("here").await.0;
    let there = world
        .agent_at(Place::organization(world.tenant, berlin), "there", labels([]))
        .await
        .0;
    let make = async |states: [JobState; 2]| in_states(&world, [here, there], states).await;
    let completed = make([Completed, Completed]).await;
    let failing = make([Failed, Running]).await;
    let cancelled = make([Completed, Cancelled]).await;
    let timeout = make([Completed, Timeout]).await;
    let unknown = make([Unknown, Cancelled]).await;
    let queued = make([Queued, Queued]).await;
    let pending = make([Completed, Pending]).await;
    let of_berlin = Reach {
        organizations: vec![berlin],
        ..Reach::default()
    };
    let all = [completed, failing, cancelled, timeout, unknown, queued, pending];
    for (reach, outcomes, expected) in [
        (everywhere(), vec![], all.to_vec()),
        (
            everywhere(),
            vec![Outcome::Running],
            vec![failing, queued, pending],
        ),
        (
            everywhere(),
            vec![Outcome::Failed],
            vec![failing, timeout, unknown],
        ),
        (everywhere(), vec![Outcome::Cancelled], vec![cancelled, unknown]),
        (everywhere(), vec![Outcome::Completed], vec![completed]),
        (
            everywhere(),
            vec![Outcome::Completed, Outcome::Cancelled],
            vec![completed, cancelled, unknown],
        ),
        // What goes on at hosts that are out of sight is not told.
        (of_berlin.clone(), vec![Outcome::Failed], vec![timeout]),
        (of_berlin.clone(), vec![Outcome::Completed], vec![completed]),
        (
            of_berlin.clone(),
            vec![Outcome::Running],
            vec![failing, queued, pending],
        ),
    ] {
        assert_eq!(
            ids(&db, &reach, standing(&outcomes)).await,
            expected,
            "{outcomes:?}"
        );
        let other_kind = executions::Filter {
            kinds: vec!["script".into()],
            ..standing(&outcomes)
        };
        assert!(ids(&db, &reach, other_kind).await.is_empty(), "{outcomes:?}");
        let no_text = executions::Filter {
            search: Some("nobody".into()),
            ..standing(&outcomes)
        };
        assert!(ids(&db, &reach, no_text).await.is_empty(), "{outcomes:?}");
    }
}

async fn an_outcome_of_very_many_jobs_is_found_page_by_page(db: TestDatabase) {
    fill(&db).await;
    db.raw("UPDATE jobs SET state = 'failed'").await;
    let tenant = Reach {
        tenants: vec![TenantId(NUMBER)],
        ..Reach::default()
    };
    let expected: Vec<ExecutionId> = (0..=50).map(ExecutionId).collect();
    for reach in [everywhere(), tenant] {
        let found = ids(&db, &reach, standing(&[Outcome::Failed])).await;
        assert_eq!(found, expected, "those before have no jobs");
        let running = ids(&db, &reach, standing(&[Outcome::Running])).await;
        assert!(running.is_empty(), "{running:?}");
    }
}

async fn executions_are_paged_both_ways(db: TestDatabase) {
    let world = World::new(&db).await;
    let web = world.agent("web").await.0;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(
            execution(&world, "true", "x", executions::Origin::default(), &[web])
                .await
                .0,
        );
    }
    let here = Reach {
        tenants: vec![world.tenant],
        organizations: vec![world.organization],
        ..Reach::default()
    };
    let queued = || vec![Outcome::Running];
    for (reach, outcomes) in [
        (everywhere(), vec![]),
        (here.clone(), vec![]),
        (everywhere(), queued()),
        (here, queued()),
    ] {
        for direction in DIRECTIONS {
            for limit in [1, 2, 50] {
                let rows = walk(
                    limit,
                    direction,
                    |row: &executions::Execution| Cursor {
                        key: String::new(),
                        id: row.id.0,
                    },
                    async |query| {
                        let (reach, filter) = (reach.clone(), standing(&outcomes));
                        db.read(tx!(tx => executions::list(tx, &reach, &filter, &query).await))
                            .await
                            .unwrap()
                    },
                )
                .await;
                let rows: Vec<_> = ascending(direction, rows).into_iter().map(|row| row.id).collect();
                assert_eq!(rows, made, "{reach:?} {outcomes:?} {direction:?} by {limit}");
            }
        }
    }
}

on_both_engines!(
    every_filter_picks_its_executions,
    who_sees_one_of_its_jobs_sees_an_execution,
    an_outcome_goes_by_the_states_of_the_jobs,
    an_outcome_of_very_many_jobs_is_found_page_by_page,
    executions_are_paged_both_ways
);
