//! Killed at every named point, one after the other: servers and agents with a small load.
//!
//! The points of the programs are listed here by hand; a test reads the sources and fails when one is missing.

mod workflows;

use std::{collections::BTreeSet, fs, path::Path};

use postern_api::jobs::JobCreate;
use postern_domain::{
    JobId,
    job::JobState,
    rollout::{Amount, Rolling},
};

use crate::support::{Agent, Database, Door, Engine, Home, Ledger, Server, judge, shell, wait_for};
use crate::{notify, schedules};

const OF_THE_SERVER: [&str; 11] = [
    "after-enrolled",
    "after-execution-advanced",
    "after-heartbeats-written",
    "after-hand-out",
    "after-job-changed",
    "after-job-created",
    "after-output-written",
    "after-result-written",
    "after-sealed",
    "before-hand-out",
    "before-result-written",
];
const OF_THE_AGENT: [&str; 7] = [
    "after-acknowledged",
    "after-order-written",
    "after-result-sent",
    "after-shim-spawned",
    "after-started",
    "before-result-sent",
    "before-started",
];
const OF_THE_SHIM: [&str; 4] = [
    "shim-after-child",
    "shim-after-exit-written",
    "shim-before-child",
    "shim-before-exit-written",
];
const JOBS: usize = 6;

#[test]
fn every_point_in_the_sources_is_tried() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = BTreeSet::new();
    for folder in ["server/src", "agent/src"] {
        collect_points(&crates.join(folder), &mut found);
    }
    let tried = [
        OF_THE_SERVER.as_slice(),
        &OF_THE_AGENT,
        &OF_THE_SHIM,
        &schedules::POINTS,
        &workflows::POINTS,
        &notify::POINTS,
    ]
    .concat();
    let tried: BTreeSet<String> = tried.into_iter().map(str::to_owned).collect();
    assert_eq!(found, tried);
}

fn collect_points(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            collect_points(&entry.path(), found);
            continue;
        }
        let text = fs::read_to_string(entry.path()).unwrap();
        let points = text.split("hit(\"").skip(1);
        found.extend(points.map(|rest| rest.split('"').next().unwrap().to_owned()));
    }
}

#[test]
fn a_server_killed_at_any_point_on_sqlite_loses_nothing() {
    servers_die(Engine::Sqlite);
}

#[test]
fn a_server_killed_at_any_point_on_postgres_loses_nothing() {
    servers_die(Engine::Postgres);
}

/// Small load: two agents, some jobs, one of them cancelled, while the server dies at the point and is started
/// again without it.
fn servers_die(engine: Engine) {
    let home = Home::new();
    let database = Database::new(engine, "failpoints");
    let server = Server::new(home.path(), "server").database(database.url.as_deref());
    server.start();
    let door = Door::open(&server);
    let agents = ["one", "two"].map(|name| door.agent(home.path(), name, &server.url()));
    let ledger = Ledger::new(home.path());
    let mut jobs: Vec<JobId> = Vec::new();
    let mut late = Vec::new();
    for point in OF_THE_SERVER {
        server.kill();
        server.launch(&[("POSTERN_FAILPOINT", point)]);
        std::thread::scope(|scope| {
            let watch = scope.spawn(|| {
                // Dead by its own hand, and started again at once.
                server.wait(&format!("the server to die at {point}"));
                server.start();
            });
            let created = (0..JOBS).map(|number| {
                let agent = ["one", "two"][number % 2];
                door.run(&ledger.job(0.3, &[agent])).id
            });
            jobs.extend(created);
            jobs.extend(door.run_all(&rolling(&ledger)).into_iter().map(|job| job.id));
            late.push(join_late(&door, &home, &server, point));
            cancel_one(&door);
            watch.join().unwrap();
        });
        wait_for(&format!("every job after {point} to end"), || {
            door.jobs_in("queued,pending,running").is_empty().then_some(())
        });
    }
    let verdict = judge(&door, &ledger, &jobs, &BTreeSet::new());
    assert_eq!((verdict.finished, verdict.unknown), (jobs.len(), 0));
    wait_for("every journal to be empty", || {
        agents.iter().all(Agent::is_empty).then_some(())
    });
    println!(
        "{engine:?}: {} jobs over {} points of the server",
        jobs.len(),
        OF_THE_SERVER.len()
    );
}

/// One agent after the other.
fn rolling(ledger: &Ledger) -> JobCreate {
    JobCreate {
        rolling: Some(Rolling {
            batch: Amount::Hosts(1),
            pause_seconds: 0,
            stop_after: None,
        }),
        ..ledger.job(0.1, &["one", "two"])
    }
}

/// An agent that joins while the server dies: its token is taken once, and it is in.
fn join_late(door: &Door, home: &Home, server: &Server, point: &str) -> Agent {
    let name = format!("late-{point}");
    let agent = door.agent(home.path(), &name, &server.url());
    wait_for(&format!("{name} to be seen"), || {
        let row = door.agent_row(&name);
        (row.connection == postern_domain::agent::Connection::Connected).then_some(())
    });
    agent
}

/// A job that is stopped while the server dies is cancelled all the same.
fn cancel_one(door: &Door) {
    let job = door.run(&shell("sleep 300", "one"));
    door.wait_for_state(job.id, JobState::Running);
    wait_for("the cancel to be taken", || {
        match door.once(door.client.job_cancel(job.id)) {
            Ok(_) => Some(()),
            // Asked again after its answer was lost: it may have ended meanwhile.
            Err(error) if error.status() == Some(409) => Some(()),
            Err(error) if error.is_transient() => None,
            Err(error) => panic!("{error}"),
        }
    });
    door.wait_for_state(job.id, JobState::Cancelled);
}

#[test]
fn an_agent_killed_at_any_point_loses_nothing() {
    let home = Home::new();
    let server = Server::started(home.path());
    let door = Door::open(&server);
    let ledger = Ledger::new(home.path());
    let (mut agents, mut jobs) = (Vec::new(), Vec::new());
    for point in OF_THE_AGENT {
        let (agent, created) = run_armed(&door, &home, &server, &ledger, point);
        jobs.extend(created);
        wait_for(&format!("the agent to die at {point}"), || {
            fired(&agent, point).then_some(())
        });
        agent.wait();
        agent.start();
        agents.push(agent);
    }
    wait_for("every job to end", || {
        door.jobs_in("queued,pending,running").is_empty().then_some(())
    });
    wait_for("every journal to be empty", || {
        agents.iter().all(Agent::is_empty).then_some(())
    });
    let verdict = judge(&door, &ledger, &jobs, &BTreeSet::new());
    assert_eq!(
        (verdict.finished, verdict.unknown),
        (jobs.len(), 0),
        "an agent's death alone never leaves an attempt unknown"
    );
}

#[test]
fn a_shim_killed_at_any_point_leaves_its_attempt_unknown_or_its_end_written() {
    let home = Home::new();
    let server = Server::started(home.path());
    let door = Door::open(&server);
    let ledger = Ledger::new(home.path());
    for point in OF_THE_SHIM {
        let (agent, created) = run_armed(&door, &home, &server, &ledger, point);
        wait_for(&format!("a shim to die at {point}"), || {
            fired(&agent, point).then_some(())
        });
        wait_for("every job to end", || {
            door.jobs_in("queued,pending,running").is_empty().then_some(())
        });
        let unknown: BTreeSet<i64> = created
            .iter()
            .map(|id| door.job(*id))
            .filter(|detail| detail.job.state == JobState::Unknown)
            .map(|detail| detail.attempts[0].id.0)
            .collect();
        // The point fires once: one shim of all dies there.
        let expected = usize::from(point != "shim-after-exit-written");
        assert_eq!(unknown.len(), expected, "{point}");
        wait_for("the journal to be empty", || agent.is_empty().then_some(()));
        let text = fs::read_to_string(home.join("ledger")).unwrap();
        let verdict = judge(&door, &ledger, &created, &unknown);
        assert_eq!(verdict.finished + verdict.unknown, created.len(), "{text}");
        fs::remove_file(home.join("ledger")).unwrap();
    }
}

/// A new agent that is to die at the point, with some jobs.
fn run_armed(door: &Door, home: &Home, server: &Server, ledger: &Ledger, point: &str) -> (Agent, Vec<JobId>) {
    let name = format!("agent-{point}");
    let enrollment = door.agent_create(&name);
    let agent = Agent::new(home.path(), &name, &server.url(), &enrollment.enrollment_token)
        .environment("POSTERN_AGENT_FAILPOINT", point);
    agent.start();
    let jobs = (0..JOBS)
        .map(|_| door.run(&ledger.job(0.3, &[&name])).id)
        .collect();
    (agent, jobs)
}

fn fired(agent: &Agent, point: &str) -> bool {
    agent.data.join(format!("failpoint-{point}-fired")).exists()
}
