//! Attempts of jobs: followed to their ends, which stay as they were told.

use postern_domain::{AgentId, AttemptId, job::JobState};
use postern_store::{jobs, tx};

use crate::{
    database::TestDatabase,
    jobs::find,
    world::{NOW, World, at, order},
};

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

async fn an_attempt_that_never_started_has_no_start(db: TestDatabase) {
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let mut handed = Vec::new();
    for _ in 0..2 {
        let job = world.job(agent).await;
        let id = world.hand_out(job).await;
        db.write(tx!(tx => jobs::attempt_started(tx, id, at(1)).await))
            .await
            .unwrap();
        handed.push((job, id));
    }
    let (_, first) = handed[0];
    db.write(tx!(tx => jobs::attempt_never_started(tx, first).await))
        .await
        .unwrap();
    for ((job, _), started) in handed.into_iter().zip([None, Some(at(1))]) {
        let attempts = db.read(tx!(tx => jobs::attempts(tx, job).await)).await.unwrap();
        assert_eq!(attempts[0].started, started);
    }
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
    an_attempt_keeps_that_its_end_was_asked_for,
    an_attempt_is_followed_to_its_end,
    an_attempt_that_never_started_has_no_start,
    an_end_that_the_agent_told_stays,
    attempts_whose_end_is_still_to_be_told_are_found,
);
