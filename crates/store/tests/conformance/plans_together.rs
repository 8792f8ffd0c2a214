//! What several ask at once goes by keys as well, whatever the tables held when it was planned: its plan is kept.

use std::collections::BTreeSet;

use postern_domain::{
    AgentId, AttemptId, ExecutionId,
    job::{self, JobState},
};
use postern_store::{Error, audit, jobs, outputs, tx};

use crate::{
    database::TestDatabase,
    planner::{NUMBER, fill, hearing},
    together::{operation, together},
    together_turns::{news_of_ends, turns},
    world::{NOW, World, new_jobs, order},
};

/// As the transactions of several have it.
const SETTINGS: &str = "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan";

/// Tables that grow with what is done. Those that have grown, and those that are still small.
const GROWING: [&str; 12] = [
    "attempts",
    "audit",
    "execution_places",
    "executions",
    "instance_events",
    "instances",
    "job_ends",
    "jobs",
    "outbox",
    "outputs",
    "payloads",
    "step_runs",
];

/// Whether a step of a plan reads a table that grows from end to end: past its indexes, or through one without a key. `after` is
/// the line that follows.
fn reads_all(step: &str, after: &str) -> bool {
    let Some((scan, rest)) = step.split_once(" on ") else {
        return false;
    };
    let grows = rest
        .split_whitespace()
        .next()
        .is_some_and(|table| GROWING.contains(&table));
    let by_index = scan.contains("Index Scan ") || scan.contains("Index Only Scan ");
    grows && (scan.ends_with("Seq Scan") || by_index && !after.contains("Index Cond:"))
}

/// Those of these statements that are over sets of values.
fn over_sets(told: Vec<String>) -> BTreeSet<String> {
    let over: BTreeSet<String> = told.into_iter().filter(|sql| sql.contains("unnest(")).collect();
    assert!(!over.is_empty(), "some of it was asked at once");
    over
}

async fn go_by_keys(db: &TestDatabase, statements: BTreeSet<String>) {
    for sql in statements {
        let values = (1..)
            .take_while(|number| sql.contains(&format!("${number}")))
            .count();
        let values = vec!["NULL"; values].join(", ");
        let explain = format!("{SETTINGS}; PREPARE p AS {sql}; EXPLAIN EXECUTE p({values})");
        let rows = db.raw(&explain).await.into_iter();
        let plan: Vec<String> = rows.filter_map(|mut row| row.pop()).collect();
        let after = plan.iter().skip(1).map(String::as_str).chain([""]);
        let found: Vec<_> = plan
            .iter()
            .zip(after)
            .filter(|(step, after)| reads_all(step, after))
            .collect();
        assert!(found.is_empty(), "{sql}: {found:?} in\n{}", plan.join("\n"));
    }
}

/// A database with much in it, in which what is made from now on has ids of its own.
async fn filled(db: &TestDatabase) -> World {
    fill(db).await;
    db.raw(
        "SELECT setval(pg_get_serial_sequence(name, 'id'), 100000)
         FROM unnest(ARRAY['audit', 'executions', 'instances', 'jobs']) AS name",
    )
    .await;
    World::new(db).await
}

async fn turns_of_instances_go_by_keys(db: TestDatabase) {
    let world = filled(&db).await;
    let turns = turns(world).await;
    let (done, told) = hearing(together(&db, turns)).await;
    assert!(done.iter().all(|found| matches!(found, Ok(true))), "{done:?}");
    go_by_keys(&db, over_sets(told)).await;
    let news = news_of_ends(db.clone()).await;
    let (done, told) = hearing(together(&db, news)).await;
    assert!(done.iter().all(|found| matches!(found, Ok(true))), "{done:?}");
    go_by_keys(&db, over_sets(told)).await;
}

async fn looks_go_by_keys(db: TestDatabase) {
    filled(&db).await;
    let look = |agent: i64| {
        operation(tx!(tx => {
            let agent = AgentId(agent);
            jobs::at_agent(tx, agent, NOW, 1).await?;
            jobs::attempts_unreported(tx, agent, &[AttemptId(NUMBER)]).await
        }))
    };
    let mut done = Vec::new();
    let answer = |_, result: Result<Vec<AttemptId>, Error>| done.push(result);
    let looks = db.look_together((1..=8).map(look).collect(), answer);
    let ((), told) = hearing(looks).await;
    assert!(done.len() == 8 && done.iter().all(Result::is_ok), "{done:?}");
    go_by_keys(&db, over_sets(told)).await;
}

async fn hand_outs_and_results_go_by_keys(db: TestDatabase) {
    let world = filled(&db).await;
    let (mut hand_outs, mut agents) = (Vec::new(), Vec::new());
    for number in 0..8 {
        let agent = world.agent(&format!("host-{number}")).await;
        let new = jobs::NewJobs {
            execution: ExecutionId(100_000 + number),
            ..new_jobs("true")
        };
        let job = world.job_like(agent, new).await;
        agents.push(agent);
        hand_outs.push(operation(tx!(tx => {
            jobs::intake(tx, agent, NOW, 1).await?;
            let attempt = jobs::hand_out(tx, job, order(1), NOW).await?;
            jobs::fence_set(tx, agent, 1).await?;
            Ok(attempt)
        })));
    }
    let (attempts, told) = hearing(together(&db, hand_outs)).await;
    let attempts: Vec<AttemptId> = attempts.into_iter().map(Result::unwrap).collect();
    go_by_keys(&db, over_sets(told)).await;

    let results = agents.into_iter().zip(attempts).map(|(agent, id)| {
        operation(tx!(tx => {
            let (_, machine) = jobs::reported(tx, id, agent).await?.ok_or(Error::NotFound)?;
            let piece = outputs::Piece { start: 0, data: b"done".to_vec() };
            outputs::append(tx, id, outputs::Stream::Stdout, piece).await?;
            let end = jobs::AttemptEnd {
                state: JobState::Completed,
                started: Some(NOW),
                finished: NOW,
                exit_code: Some(0),
                reason: None,
                duration_us: None,
                result: None,
            };
            let next = job::Job { state: JobState::Completed, ..machine.job() };
            jobs::save(tx, &machine, &next, Some(NOW)).await?;
            jobs::attempt_ended(tx, id, &end, Some(NOW)).await?;
            let entry = audit::Entry::by_system(NOW, "job_finish", format!("job:{}", machine.id));
            audit::append(tx, vec![entry]).await
        }))
    });
    let (done, told) = hearing(together(&db, results.collect())).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    go_by_keys(&db, over_sets(told)).await;
}

on_postgres_alone!(
    turns_of_instances_go_by_keys,
    looks_go_by_keys,
    hand_outs_and_results_go_by_keys,
);
