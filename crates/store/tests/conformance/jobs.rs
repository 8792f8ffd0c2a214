//! One job's life: made, in hand, ended, deleted.

use futures_util::future::join_all;
use postern_domain::{
    AgentId, AttemptId, ExecutionId, InstanceId, JobId,
    job::{self, JobState, Priority},
};
use postern_store::{
    Error, agents,
    jobs::{self, executions},
    outputs, tx,
    workflows::ends,
};

use crate::{
    database::TestDatabase,
    instances,
    world::{NOW, World, at, at_once, everywhere, new_jobs, order},
};

async fn find(db: &TestDatabase, id: JobId) -> jobs::Job {
    db.read(tx!(tx => jobs::find(tx, id).await))
        .await
        .unwrap()
        .expect("the job is there")
}

async fn jobs_for_many_agents_share_a_payload_and_keep_the_order(db: TestDatabase) {
    let world = World::new(&db).await;
    let mut made = Vec::new();
    for number in 0..290 {
        made.push(world.agent(&format!("agent {number}")).await);
    }
    let created = db
        .write(tx!(tx => {
            let wanted = agents::Wanted { all: true, ..Default::default() };
            let mut targets = agents::targets(tx, &everywhere(), &[wanted], 1000).await?;
            targets.reverse();
            let hosts: Vec<jobs::Host> = targets.into_iter().map(at_once).collect();
            jobs::create(tx, &new_jobs("true"), &hosts, NOW).await
        }))
        .await
        .unwrap();
    made.reverse();
    assert_eq!(created.iter().map(|pair| pair.1).collect::<Vec<_>>(), made);
    assert!(created.is_sorted_by_key(|pair| pair.0));
    assert_eq!(db.count("payloads").await, 1);
    let none = db
        .write(tx!(tx => jobs::create(tx, &new_jobs("none"), &[], NOW).await))
        .await
        .unwrap();
    assert_eq!(none, []);
}

async fn a_job_is_found_as_it_was_made(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let new = jobs::NewJobs {
        priority: Priority::High,
        not_before: Some(at(60)),
        ..new_jobs("true")
    };
    let id = world.job_like(agent, new).await;
    let found = find(&db, id).await;
    assert_eq!(
        (found.id, found.agent_id, found.agent.as_str()),
        (id, agent, "web")
    );
    assert_eq!(
        (found.place(), found.kind.as_str(), found.summary.as_str()),
        (world.place(), "command", "true")
    );
    let payload = async |id: JobId| db.read(tx!(tx => jobs::payload(tx, id).await)).await;
    assert_eq!(payload(id).await.unwrap(), "true");
    assert!(matches!(payload(JobId(999)).await, Err(Error::NotFound)));
    assert_eq!(
        (found.state, jobs::priority_of(found.priority)),
        (JobState::Queued, Priority::High)
    );
    assert_eq!(
        (found.timeout_seconds, found.attempt, found.attempt_id),
        (300, 1, None)
    );
    assert_eq!(
        (found.not_before, found.due, found.created),
        (Some(at(60)), at(60), NOW)
    );
    assert_eq!(
        (found.created_by.as_str(), found.cancel_requested),
        ("user:1", false)
    );
    assert_eq!(
        (
            found.agent_active,
            found.agent_seen,
            found.agent_slots,
            found.agent_busy
        ),
        (true, None, 10, 0)
    );
    let past = world
        .job_like(
            agent,
            jobs::NewJobs {
                not_before: Some(at(-60)),
                ..new_jobs("true")
            },
        )
        .await;
    assert_eq!(find(&db, past).await.due, NOW, "not due before it was there");
    assert_eq!(
        db.read(tx!(tx => jobs::find(tx, JobId(999)).await))
            .await
            .unwrap(),
        None
    );
    for priority in Priority::ALL {
        assert_eq!(jobs::priority_of(jobs::priority_number(*priority)), *priority);
    }
}

async fn what_the_rules_decide_is_saved(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let id = world.job(agent).await;
    let attempt = world.hand_out(id).await;
    world.seen(agent, at(3)).await;
    let (machine, seen) = db
        .write(tx!(tx => {
            let machine = jobs::machine(tx, id).await?.ok_or(Error::NotFound)?;
            let seen = jobs::agent_seen(tx, &machine).await?;
            Ok((machine, seen))
        }))
        .await
        .unwrap();
    assert_eq!(
        (machine.id, machine.agent_id, machine.attempt_id),
        (id, agent, Some(attempt))
    );
    assert_eq!((machine.place(), seen), (world.place(), Some(at(3))));
    let started = job::step(
        &machine.job(),
        job::Event::Started {
            attempt: 1,
            at: at(1),
        },
        at(2),
    )
    .unwrap()
    .0;
    let finished = job::Event::Finished {
        attempt: 1,
        outcome: job::Outcome::Exited(-7),
    };
    let ended = job::step(&started, finished, at(4)).unwrap().0;
    let next = ended.clone();
    db.write(tx!(tx => {
        let machine = jobs::machine(tx, id).await?.expect("the job is there");
        jobs::save(tx, &machine, &next, Some(at(4))).await
    }))
    .await
    .unwrap();
    let found = find(&db, id).await;
    assert_eq!(
        (found.state, found.exit_code, found.reason.as_deref()),
        (JobState::Failed, Some(-7), Some("Exit code -7"))
    );
    assert_eq!(
        (found.started, found.finished, found.agent_seen),
        (Some(at(1)), Some(at(4)), Some(at(3)))
    );
    let machine = db
        .read(tx!(tx => jobs::machine(tx, id).await))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(machine.job(), ended, "what was saved is what is loaded");
    assert_eq!(
        db.read(tx!(tx => jobs::machine(tx, JobId(999)).await))
            .await
            .unwrap(),
        None
    );
}

async fn an_attempt_is_followed_to_its_end(db: TestDatabase) {
    let world = World::new(&db).await;
    let (agent, other) = (world.agent("web").await, world.agent("other").await);
    let job = world.job(agent).await;
    let id = world.hand_out(job).await;
    let active = async || db.read(tx!(tx => jobs::active(tx, agent).await)).await.unwrap();
    let first = active().await.remove(0);
    assert_eq!(
        (first.job_id, first.attempt_id, first.state),
        (job, id, JobState::Pending)
    );
    assert_eq!(first.fence, 41);
    assert_eq!(
        (first.checkin_number, first.cancel_requested, first.started),
        (7, false, None)
    );
    assert_eq!(find(&db, job).await.agent_busy, 1);

    db.write(tx!(tx => {
        jobs::handed_again(tx, id, u64::MAX).await?;
        jobs::attempt_started(tx, id, at(1)).await
    }))
    .await
    .unwrap();
    let again = active().await.remove(0);
    assert_eq!((again.checkin_number, again.started), (u64::MAX, Some(at(1))));

    let end = jobs::AttemptEnd {
        state: JobState::Failed,
        started: None,
        finished: at(9),
        exit_code: Some(3),
        reason: Some("because\0of".into()),
        duration_us: Some(8_000_000),
        result: Some("{}".into()),
    };
    let late = jobs::AttemptEnd {
        state: JobState::Completed,
        started: Some(at(2)),
        finished: at(15),
        exit_code: Some(0),
        reason: None,
        duration_us: Some(13_000_000),
        result: Some("[]".into()),
    };
    let later = jobs::AttemptEnd {
        state: JobState::Unknown,
        ..late.clone()
    };
    db.write(tx!(tx => {
        jobs::attempt_ended(tx, id, &end, None).await?;
        jobs::attempt_late(tx, id, &late, at(20)).await?;
        jobs::attempt_late(tx, id, &later, at(30)).await
    }))
    .await
    .unwrap();
    let attempts = db.read(tx!(tx => jobs::attempts(tx, job).await)).await.unwrap();
    let [attempt] = attempts.as_slice() else {
        panic!("one attempt: {attempts:?}")
    };
    assert_eq!(
        (attempt.id, attempt.job_id, attempt.number, attempt.state),
        (id, job, 1, JobState::Failed)
    );
    assert_eq!(
        (attempt.handed, attempt.started, attempt.finished),
        (NOW, Some(at(1)), Some(at(9)))
    );
    assert_eq!(
        (attempt.exit_code, attempt.reason.as_deref()),
        (Some(3), Some("because\u{fffd}of"))
    );
    assert_eq!(
        (attempt.duration_us, attempt.stdout_bytes, attempt.stderr_bytes),
        (Some(8_000_000), 0, 0)
    );
    assert_eq!(
        (attempt.late_state, attempt.late_exit_code, attempt.late),
        (Some(JobState::Completed), Some(0), Some(at(20)))
    );
    assert_eq!(
        (attempt.late_reason.as_deref(), attempt.late_result.as_deref()),
        (None, Some("[]"))
    );
    assert_eq!(
        (
            attempt.late_started,
            attempt.late_finished,
            attempt.late_duration_us
        ),
        (Some(at(2)), Some(at(15)), Some(13_000_000))
    );
    assert_eq!(
        (attempt.result.as_deref(), attempt.reported),
        (Some("{}"), Some(at(20)))
    );
    let of = async |agent: AgentId| {
        db.write(tx!(tx => jobs::reported(tx, id, agent).await))
            .await
            .unwrap()
    };
    let (found, machine) = of(agent).await.unwrap();
    assert_eq!((&found, machine.id), (attempt, attempt.job_id));
    assert_eq!(of(other).await, None, "another agent's attempt is not there");
}

async fn an_end_that_the_agent_told_stays(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let job = world.job(agent).await;
    let id = world.hand_out(job).await;
    let told = jobs::AttemptEnd {
        state: JobState::Unknown,
        started: Some(at(1)),
        finished: at(9),
        exit_code: None,
        reason: Some("the host went down".into()),
        duration_us: None,
        result: None,
    };
    let again = jobs::AttemptEnd {
        state: JobState::Completed,
        exit_code: Some(0),
        ..told.clone()
    };
    db.write(tx!(tx => {
        jobs::attempt_ended(tx, id, &told, Some(at(10))).await?;
        jobs::attempt_late(tx, id, &again, at(20)).await
    }))
    .await
    .unwrap();
    let attempt = db
        .read(tx!(tx => jobs::attempts(tx, job).await))
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        (attempt.state, attempt.reported, attempt.late_state, attempt.late),
        (JobState::Unknown, Some(at(10)), None, None)
    );
}

async fn attempts_whose_end_is_still_to_be_told_are_found(db: TestDatabase) {
    let world = World::new(&db).await;
    let (agent, other) = (world.agent("web").await, world.agent("other").await);
    let mut attempts = Vec::new();
    for agent in [agent, agent, agent, agent, other] {
        let job = world.job(agent).await;
        attempts.push(world.hand_out(job).await);
    }
    for (id, state, reported) in [
        (attempts[1], "running", "NULL"),
        (attempts[2], "unknown", "NULL"),
        (attempts[3], "unknown", "7"),
    ] {
        let change =
            format!("UPDATE attempts SET state = '{state}', reported_us = {reported} WHERE id = {id}");
        db.raw(&change).await;
    }
    // An agent may claim any number of attempts; SQLite takes 32,766 values in one statement.
    let claimed: Vec<_> = attempts
        .iter()
        .copied()
        .chain((1000..41_000).map(AttemptId))
        .collect();
    let mut open = db
        .read(tx!(tx => jobs::attempts_unreported(tx, agent, &claimed).await))
        .await
        .unwrap();
    open.sort();
    assert_eq!(open, attempts[..3], "whatever the server made of them");
    assert_eq!(
        db.read(tx!(tx => jobs::attempts_unreported(tx, agent, &[]).await))
            .await
            .unwrap(),
        []
    );
}

async fn a_deleted_job_takes_attempts_output_and_payload_with_it(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let (first, second) = (world.job(agent).await, world.job(agent).await);
    let attempt = world.hand_out(first).await;
    db.write(tx!(tx => {
        let piece = outputs::Piece { start: 0, data: b"x".to_vec() };
        outputs::append(tx, attempt, outputs::Stream::Stderr, piece).await
    }))
    .await
    .unwrap();
    let delete = async |id: JobId| db.write(tx!(tx => jobs::delete(tx, id).await)).await;
    delete(first).await.unwrap();
    for (table, rows) in [("jobs", 1), ("attempts", 0), ("outputs", 0), ("payloads", 1)] {
        assert_eq!(db.count(table).await, rows, "{table}");
    }
    let again = delete(first).await;
    assert!(matches!(again, Err(Error::NotFound)), "{again:?}");
    delete(second).await.unwrap();
    assert_eq!(db.count("payloads").await, 0, "no other job has it");
}

async fn a_payload_may_come_and_go_at_the_same_time(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    // A few at a time: the last job of the payload goes while the next one is made, again and again.
    let rounds = (0..3).map(|_| {
        let world = world.clone();
        async move {
            for _ in 0..100 {
                let job = world.job(agent).await;
                world
                    .db
                    .write(tx!(tx => jobs::delete(tx, job).await))
                    .await
                    .unwrap();
            }
        }
    });
    join_all(rounds).await;
    assert_eq!((db.count("jobs").await, db.count("payloads").await), (0, 0));
}

async fn jobs_are_counted_by_state(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    assert_eq!(
        db.scan::<_, Error, _>(tx!(tx => jobs::counts(tx).await))
            .await
            .unwrap(),
        []
    );
    for state in ["queued", "queued", "pending", "running", "completed"] {
        let id = world.job(agent).await;
        db.raw(&format!("UPDATE jobs SET state = '{state}' WHERE id = {id}"))
            .await;
    }
    let mut counts = db
        .scan::<_, Error, _>(tx!(tx => jobs::counts(tx).await))
        .await
        .unwrap();
    counts.sort();
    assert_eq!(
        counts,
        [
            (JobState::Queued, 2),
            (JobState::Pending, 1),
            (JobState::Running, 1)
        ]
    );
}

async fn jobs_that_ended_long_ago_are_removed_with_what_only_they_had(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("worker").await;
    let (old, other, open) = (
        world.job_like(agent, new_jobs("old")).await,
        world.job_like(agent, new_jobs("shared")).await,
        world.job_like(agent, new_jobs("shared")).await,
    );
    let ended = |id: JobId| {
        db.write(tx!(tx => {
            let found = jobs::machine(tx, id).await?.expect("the job is there");
            let next = postern_domain::job::Job { state: JobState::Completed, ..found.job() };
            jobs::save(tx, &found, &next, Some(NOW)).await
        }))
    };
    ended(old).await.unwrap();
    ended(other).await.unwrap();
    let before = db
        .read(tx!(tx => jobs::ended_before(tx, NOW, 9).await))
        .await
        .unwrap();
    assert_eq!(before, [], "not before its end");
    let found = db
        .read(tx!(tx => jobs::ended_before(tx, at(1), 9).await))
        .await
        .unwrap();
    assert_eq!(found, [old, other]);
    let limited = db
        .read(tx!(tx => jobs::ended_before(tx, at(1), 1).await))
        .await
        .unwrap();
    assert_eq!(limited, [old]);
    let ids = [old, other, open];
    let removed = db
        .write(tx!(tx => jobs::remove_ended(tx, &ids).await))
        .await
        .unwrap();
    assert_eq!(removed, [old, other], "what is not at its end stays");
    let payload = db.read(tx!(tx => jobs::payload(tx, open).await)).await.unwrap();
    assert_eq!(payload, "shared");
}

/// A job of this step, on this host.
/// One job of a step on each of two hosts.
async fn step_jobs(world: &World, (instance, execution): (InstanceId, ExecutionId)) -> [JobId; 2] {
    let (one, other) = (world.agent("gone").await, world.agent("tried again").await);
    let new = jobs::NewJobs {
        execution,
        instance: Some(instance),
        ..new_jobs("true")
    };
    let created = world
        .db
        .write(tx!(tx => {
            let wanted = agents::Wanted { ids: vec![one.0, other.0], ..Default::default() };
            let targets = agents::targets(tx, &everywhere(), &[wanted], 2).await?;
            let hosts: Vec<jobs::Host> = targets.into_iter().map(at_once).collect();
            jobs::create(tx, &new, &hosts, NOW).await
        }))
        .await
        .unwrap();
    [one, other].map(|agent| created.iter().find(|(_, at)| *at == agent).unwrap().0)
}

async fn ends_are_kept_of_jobs_that_are_removed_and_of_no_others(db: TestDatabase) {
    let world = World::new(&db).await;
    let workflow = instances::workflow(&world, "w").await;
    let instance = instances::instance(&world, workflow, None).await;
    let new = executions::NewExecution {
        tenant: world.tenant,
        kind: "command",
        summary: "true".into(),
        created_by: "user:1".into(),
        targets: "{}".into(),
        rolling: None,
        concurrency: None,
        batches: 1,
        origin: executions::Origin {
            instance: Some(instance),
            ..Default::default()
        },
    };
    let execution = db
        .write(tx!(tx => executions::create(tx, &new, NOW).await))
        .await
        .unwrap();
    db.raw(&format!(
        "INSERT INTO step_runs (instance_id, run, step, cause, execution_id, began_us)
         VALUES ({instance}, 1, 'check', '{{}}', {execution}, 0)"
    ))
    .await;
    let [gone, again] = step_jobs(&world, (instance, execution)).await;
    db.raw(&format!("UPDATE jobs SET state = 'failed' WHERE id = {gone}"))
        .await;
    let ids = [gone, again];
    let removed = db
        .write(tx!(tx => jobs::remove_ended(tx, &ids).await))
        .await
        .unwrap();
    assert_eq!(removed, [gone]);
    let told = db
        .read(tx!(tx => ends::ends_of(tx, execution).await))
        .await
        .unwrap();
    let told: Vec<_> = told
        .iter()
        .map(|end| (end.job_id, end.state, end.is_kept()))
        .collect();
    assert_eq!(
        told,
        [(gone, JobState::Failed, true), (again, JobState::Queued, false)]
    );
    let none = db
        .write(tx!(tx => jobs::remove_ended(tx, &[again]).await))
        .await
        .unwrap();
    assert_eq!(none, []);
    assert_eq!(db.count("job_ends").await, 1);
}

async fn an_attempt_keeps_that_its_end_was_asked_for(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let job = world.job(agent).await;
    let first = world.hand_out(job).await;
    db.write(tx!(tx => jobs::attempt_cancel_requested(tx, first).await))
        .await
        .unwrap();
    db.raw(&format!("UPDATE jobs SET state = 'queued' WHERE id = {job}"))
        .await;
    let second = db
        .write(tx!(tx => jobs::hand_out(tx, job, order(2), NOW).await))
        .await
        .unwrap();
    let attempts = db.read(tx!(tx => jobs::attempts(tx, job).await)).await.unwrap();
    let asked: Vec<_> = attempts
        .iter()
        .map(|attempt| (attempt.id, attempt.cancel_requested))
        .collect();
    assert_eq!(asked, [(first, true), (second, false)]);
}

on_both_engines!(
    jobs_that_ended_long_ago_are_removed_with_what_only_they_had,
    ends_are_kept_of_jobs_that_are_removed_and_of_no_others,
    an_attempt_keeps_that_its_end_was_asked_for,
    jobs_for_many_agents_share_a_payload_and_keep_the_order,
    a_job_is_found_as_it_was_made,
    what_the_rules_decide_is_saved,
    an_attempt_is_followed_to_its_end,
    an_end_that_the_agent_told_stays,
    attempts_whose_end_is_still_to_be_told_are_found,
    a_deleted_job_takes_attempts_output_and_payload_with_it,
    a_payload_may_come_and_go_at_the_same_time,
    jobs_are_counted_by_state,
);
