//! The statements that run all the time find their rows by an index, however many jobs there are.

use postern_domain::{
    AgentId, AttemptId, ExecutionId, InstanceId, JobId, ScheduleId, TenantId,
    job::{JobState, Priority},
    permission::Reach,
};
use postern_store::{
    Cursor, ListQuery, SortDirection,
    agents::{self, removal},
    audit,
    jobs::{
        self,
        executions::{self, Outcome},
    },
    outputs, schedules, tx,
    workflows::{due, ends, step_runs},
};

use crate::{
    database::TestDatabase,
    planner::{NUMBER, fill, plan},
    world::{NOW, everywhere, labels, page},
};

/// Runs an operation's statements past the planner; none of their steps may be one of these.
macro_rules! without {
    ($unwanted:expr, $db:ident, $tx:ident => $body:expr) => {{
        let plan = plan(&$db, tx!($tx => $body.map(|_| ()))).await;
        let found: Vec<_> = plan.iter().filter(|step| $unwanted(step)).collect();
        assert!(found.is_empty(), "{}: {found:?} in\n{}", stringify!($body), plan.join("\n"));
    }};
}

/// Reads one of the tables that grow from end to end.
fn reads_all(step: &str) -> bool {
    const TABLES: [&str; 14] = [
        "jobs",
        "j",
        "attempts",
        "t",
        "outputs",
        "audit",
        "payloads",
        "p",
        "agent_labels",
        "l",
        "executions",
        "e",
        "schedules",
        "s",
    ];
    let scan = step.strip_prefix("SCAN ").unwrap_or_default();
    !step.contains("INDEX")
        && TABLES
            .iter()
            .any(|table| scan == *table || step.contains(&format!("Seq Scan on {table} ")))
}

fn reads_all_agents(step: &str) -> bool {
    !step.contains("INDEX") && (step == "SCAN agents" || step.contains("Seq Scan on agents "))
}

fn reads_or_sorts_all(step: &str) -> bool {
    reads_all(step) || step.contains("TEMP B-TREE FOR ORDER BY") || step.contains("Sort  (")
}

/// Goes through the jobs of a tenant.
fn by_tenant(step: &str) -> bool {
    reads_all(step) || step.contains("jobs_by_tenant") || step.contains("jobs_by_state (")
}

/// Reads all, or sorts what an index gives in order. In the order of its ids SQLite reads no more of a table than
/// the page.
fn reads_more_than_a_page(step: &str) -> bool {
    let by_id = ["SCAN j", "SCAN e", "SCAN audit"].contains(&step);
    reads_or_sorts_all(step) && !by_id
}

async fn statements_that_run_all_the_time_use_indexes(db: TestDatabase) {
    fill(&db).await;
    let agent = AgentId(NUMBER);
    let many: Vec<_> = (1..40).map(AttemptId).collect();
    without!(reads_all, db, tx => jobs::active(tx, agent).await);
    without!(reads_all, db, tx => jobs::at_agent(tx, agent, NOW, 10).await);
    without!(reads_all, db, tx => jobs::intake(tx, agent, NOW, 10).await);
    without!(reads_all, db, tx => jobs::open_at(tx, agent, 10).await);
    without!(reads_all, db, tx => removal::jobs_of(tx, agent, 10).await);
    without!(reads_all_agents, db, tx => removal::deleted(tx, AgentId(0)).await);
    without!(reads_all, db, tx => jobs::reported(tx, AttemptId(NUMBER), agent).await);
    without!(reads_all, db, tx => due::due(tx, NOW, 100).await);
    without!(reads_all, db, tx => due::take_jobs_ended(tx, &[NUMBER], ExecutionId(NUMBER)).await);
    without!(reads_all, db, tx => ends::ends_of(tx, ExecutionId(NUMBER)).await);
    without!(reads_all, db, tx => jobs::attempts_unreported(tx, agent, &many).await);
    without!(reads_all, db, tx => jobs::agents_with_due_work(tx, NOW).await);
    without!(reads_all, db, tx => jobs::overdue(tx, NOW, 100).await);
    without!(reads_all, db, tx => jobs::counts(tx).await);
    without!(reads_all, db, tx => jobs::find(tx, JobId(NUMBER)).await);
    without!(reads_all, db, tx => jobs::machine(tx, JobId(NUMBER)).await);
    without!(reads_all, db, tx => jobs::attempts(tx, JobId(NUMBER)).await);
    without!(reads_all, db, tx => outputs::read(tx, AttemptId(NUMBER), outputs::Stream::Stdout, 1).await);
    let execution = ExecutionId(NUMBER);
    without!(reads_all, db, tx => executions::open(tx, NOW, ExecutionId(0), 100).await);
    without!(reads_all, db, tx => executions::rolling(tx, execution).await);
    without!(reads_all, db, tx => executions::tally(tx, execution).await);
    without!(reads_all, db, tx => executions::counts(tx, &everywhere(), &[execution]).await);
    without!(reads_all, db, tx => executions::jobs_in(tx, &everywhere(), execution, JobState::ALL).await);
    without!(reads_or_sorts_all, db, tx => jobs::ended_before(tx, NOW, 100).await);
    without!(reads_all, db, tx => schedules::due(tx, NOW, ScheduleId(0), 100).await);
    without!(reads_all, db, tx => schedules::find(tx, ScheduleId(NUMBER)).await);
    without!(reads_all, db, tx => schedules::newest_tick(tx, ScheduleId(NUMBER)).await);
    without!(reads_all, db, tx => jobs::begin_now(tx, postern_domain::GroupId(NUMBER), NOW, 100).await);
    without!(reads_all, db, tx => jobs::groups_of(tx, &[JobId(NUMBER)]).await);
    without!(reads_all, db, tx => audit::head(tx).await);
    without!(reads_all, db, tx => audit::sealed_after(tx, 100, 10).await);
    let by_label = agents::Filter {
        labels: labels([("name", "x")]),
        ..Default::default()
    };
    let sort = agents::SortKey::Name;
    without!(reads_all, db, tx => agents::list(tx, &everywhere(), &by_label, (&page(50), sort), NOW).await);
    // Where an agent has fewer jobs than a page, sorting them is as well.
    let by_agent = jobs::Filter {
        agent_ids: vec![NUMBER],
        ..Default::default()
    };
    without!(reads_all, db, tx => jobs::list(tx, &everywhere(), &by_agent, &page(50)).await);
    let by_name = jobs::Filter {
        agent_names: vec!["x".into()],
        ..Default::default()
    };
    without!(reads_all, db, tx => jobs::list(tx, &everywhere(), &by_name, &page(50)).await);
    // An execution's jobs are found by it, not among all of the tenant's.
    let of_tenant = Reach {
        tenants: vec![TenantId(NUMBER)],
        ..Reach::default()
    };
    let (one, other) = (of_tenant.clone(), of_tenant.clone());
    let by_execution = jobs::Filter {
        executions: vec![NUMBER],
        ..Default::default()
    };
    without!(by_tenant, db, tx => jobs::list(tx, &one, &by_execution, &page(50)).await);
    without!(by_tenant, db, tx => executions::counts(tx, &other, &[execution]).await);
    without!(by_tenant, db, tx => executions::jobs_in(tx, &of_tenant, execution, JobState::ALL).await);
}

/// Where each execution is to be asked for its own jobs, however few are in a state.
fn goes_by_state(step: &str) -> bool {
    reads_more_than_a_page(step) || step.contains("jobs_by_state")
}

async fn executions_are_found_by_how_they_stand(db: TestDatabase) {
    fill(&db).await;
    let tenant = Reach {
        tenants: vec![TenantId(NUMBER)],
        ..Reach::default()
    };
    for reach in [everywhere(), tenant] {
        for outcome in [Outcome::Running, Outcome::Failed, Outcome::Cancelled] {
            let whose = reach.clone();
            let filter = executions::Filter {
                outcomes: vec![outcome],
                ..Default::default()
            };
            without!(reads_all, db, tx => executions::list(tx, &whose, &filter, &page(50)).await);
        }
        let completed = executions::Filter {
            outcomes: vec![Outcome::Completed],
            ..Default::default()
        };
        without!(goes_by_state, db, tx => executions::list(tx, &reach, &completed, &page(50)).await);
    }
}

async fn the_newest_result_of_a_step_is_found_among_all_of_a_loop(db: TestDatabase) {
    fill(&db).await;
    let (id, steps) = (InstanceId(NUMBER), ["step 1", "step 2"]);
    let plan = plan(
        &db,
        tx!(tx => step_runs::results(tx, id, &steps).await.map(|_| ())),
    )
    .await;
    let text = plan.join("\n");
    assert!(text.contains("step_runs_by_step"), "{text}");
    let all = |step: &&String| step.starts_with("SCAN") || step.contains("Seq Scan");
    assert_eq!(plan.iter().find(all), None, "{text}");
}

async fn a_page_of_a_list_reads_a_page(db: TestDatabase) {
    fill(&db).await;
    let tenant = Reach {
        tenants: vec![TenantId(NUMBER)],
        ..Reach::default()
    };
    for direction in [SortDirection::Ascending, SortDirection::Descending] {
        for cursor in [
            None,
            Some(Cursor {
                key: "0".into(),
                id: NUMBER,
            }),
        ] {
            let query = ListQuery {
                limit: 50,
                direction,
                cursor,
            };
            for reach in [everywhere(), tenant.clone()] {
                let (all, reach, query) = (jobs::Filter::default(), reach.clone(), query.clone());
                let (trail, also, again) = (audit::Filter::default(), reach.clone(), query.clone());
                let (runs, whose, once) = (executions::Filter::default(), reach.clone(), query.clone());
                without!(reads_more_than_a_page, db, tx => executions::list(tx, &whose, &runs, &once).await);
                without!(reads_more_than_a_page, db, tx => jobs::list(tx, &reach, &all, &query).await);
                without!(reads_more_than_a_page, db, tx => audit::list(tx, &also, &trail, &again).await);
            }
            let of_object = audit::Filter {
                object: vec!["x".into()],
                ..Default::default()
            };
            without!(reads_more_than_a_page, db, tx => audit::list(tx, &everywhere(), &of_object, &query).await);
        }
    }
}

/// SQLite is told by which index to go. PostgreSQL knows its numbers, and must not read all.
async fn each_filter_of_jobs_goes_by_its_own_index(db: TestDatabase) {
    fill(&db).await;
    let none = jobs::Filter::default;
    let number = || vec![NUMBER];
    let table = [
        (none(), "jobs_by_time"),
        (
            jobs::Filter {
                states: vec![JobState::Failed],
                ..none()
            },
            "jobs_by_state (state>? AND state<?)",
        ),
        (
            jobs::Filter {
                kinds: vec!["script".into()],
                ..none()
            },
            "jobs_by_type (type>? AND type<?)",
        ),
        (
            jobs::Filter {
                priorities: vec![Priority::High],
                ..none()
            },
            "jobs_by_priority (priority>? AND priority<?)",
        ),
        (
            jobs::Filter {
                agent_ids: number(),
                ..none()
            },
            "jobs_by_agent (agent_id>? AND agent_id<?)",
        ),
        (
            jobs::Filter {
                organizations: vec!["o".into()],
                ..none()
            },
            "jobs_by_organization (organization_id>? AND organization_id<?)",
        ),
        (
            jobs::Filter {
                executions: number(),
                ..none()
            },
            "jobs_by_execution (execution_id>? AND execution_id<?)",
        ),
        (
            jobs::Filter {
                scripts: number(),
                ..none()
            },
            "jobs_by_script (script_id>? AND script_id<?)",
        ),
        (
            jobs::Filter {
                schedules: number(),
                ..none()
            },
            "jobs_by_schedule (schedule_id>? AND schedule_id<?)",
        ),
        (
            jobs::Filter {
                search: Some("x4711".into()),
                ..none()
            },
            "jobs_by_payload (payload_id>? AND payload_id<?)",
        ),
        (
            jobs::Filter {
                search: Some("agent 77".into()),
                ..none()
            },
            "jobs_by_agent (agent_id>? AND agent_id<?)",
        ),
        (
            jobs::Filter {
                search: Some("agent".into()),
                ..none()
            },
            "jobs_by_time",
        ),
        (
            jobs::Filter {
                created_from: Some(NOW),
                ..none()
            },
            "jobs_by_time (created_us>?)",
        ),
        (
            jobs::Filter {
                created_before: Some(NOW),
                ..none()
            },
            "jobs_by_time (created_us<?)",
        ),
        // No job failed, so this leads, and the other is looked at by the way.
        (
            jobs::Filter {
                kinds: vec!["command".into()],
                states: vec![JobState::Failed],
                created_from: Some(NOW),
                ..none()
            },
            "jobs_by_state ((state,created_us)>(?,?)",
        ),
    ];
    for (filter, index) in table {
        for direction in [SortDirection::Ascending, SortDirection::Descending] {
            let query = ListQuery {
                limit: 50,
                direction,
                cursor: None,
            };
            let (wanted, name) = (filter.clone(), format!("{filter:?}"));
            let plan = plan(
                &db,
                tx!(tx => jobs::list(tx, &everywhere(), &wanted, &query).await.map(|_| ())),
            )
            .await;
            let text = plan.join("\n");
            // Payloads are searched text by text: there is one for many jobs. And the newest jobs, of which all
            // there are here are so many.
            let newest = index == "jobs_by_time" && filter.search.is_some();
            let found = plan
                .iter()
                .find(|step| reads_all(step) && !step.contains("payloads") && !newest);
            assert_eq!(found, None, "{name}:\n{text}");
            assert!(
                db.is_postgres() || text.contains(index),
                "{name}, not by {index}:\n{text}"
            );
        }
    }
}

on_both_engines!(
    statements_that_run_all_the_time_use_indexes,
    the_newest_result_of_a_step_is_found_among_all_of_a_loop,
    a_page_of_a_list_reads_a_page,
    executions_are_found_by_how_they_stand,
    each_filter_of_jobs_goes_by_its_own_index
);
