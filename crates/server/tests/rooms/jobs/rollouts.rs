//! Rolling executions, and what of an execution is carried into the next one.

use postern_api::{
    executions::{ExecutionRerun, RerunHosts},
    groups::GroupCreate,
    jobs::{Concurrency, ConcurrencyScope, JobCreate, JobsCreated},
    targets::Targets,
};
use postern_domain::{
    ExecutionId, JobId,
    job::{JobState, WaitReason},
    rollout::{Amount, Rolling},
};
use postern_testkit::{SimAgent, TestServer, argv, key, on, until};

use super::{agents, show, state, until_state, waits};
use crate::{on_both_databases, wrong_field};

on_both_databases! {
    the_last_of_very_many_goes_on_while_the_others_wait,
    a_retry_after_the_stop_is_not_cancelled,
    nothing_is_said_to_be_stopped_when_nothing_was,
    a_key_per_group_holds_and_is_kept_by_a_rerun,
    a_key_is_shown_whole,
    hosts_of_two_tenants_are_no_execution,
    a_batch_begins_when_the_one_before_is_over,
    too_many_failures_cancel_what_has_not_begun,
    a_canary_goes_first_and_alone,
    cancelling_leaves_no_batch_to_come,
}

async fn rolling(server: &TestServer, names: &[&str], batch: u32, stop_after: Option<u32>) -> JobsCreated {
    let request = JobCreate {
        rolling: Some(Rolling {
            batch: Amount::Hosts(batch),
            pause_seconds: 0,
            stop_after: stop_after.map(Amount::Hosts),
        }),
        ..on(names, argv(&["x"]))
    };
    server.admin().job_create(&request, &key()).await.unwrap()
}

async fn until_released(server: &TestServer, id: JobId) {
    until("the batch begins", || async {
        (waits(server, id).await != Some(WaitReason::Batch)).then_some(())
    })
    .await;
}

async fn until_finished(server: &TestServer, id: ExecutionId) {
    until("the execution is finished", || async {
        let execution = server.admin().execution_show(id).await.unwrap();
        execution.finished.then_some(())
    })
    .await;
}

/// Whatever was to be done for executions that are older has been done.
async fn a_round_passes(server: &TestServer, first: &SimAgent, names: &[&str; 2]) {
    let made = rolling(server, names, 1, None).await;
    first.run(0).await;
    until_released(server, made.jobs[1].id).await;
}

async fn the_last_of_very_many_goes_on_while_the_others_wait(server: TestServer) {
    let hosts = agents(&server, ["a-1", "a-2", "b-1", "b-2"]).await;
    for _ in 0..101 {
        rolling(&server, &["a-1", "a-2"], 1, None).await;
    }
    a_round_passes(&server, &hosts[2], &["b-1", "b-2"]).await;
}

async fn a_retry_after_the_stop_is_not_cancelled(server: TestServer) {
    let hosts = agents(&server, ["a-1", "a-2", "a-3", "a-4", "b-1", "b-2"]).await;
    let made = rolling(&server, &["a-1", "a-2", "a-3", "a-4"], 3, Some(1)).await;
    let runs_on = hosts[2].order().await;
    hosts[2].start(&runs_on).await;
    let fails_too = hosts[1].order().await;
    hosts[1].start(&fails_too).await;
    hosts[0].run(1).await;
    hosts[1].exit(&fails_too, 1).await;
    until_state(&server, made.jobs[3].id, JobState::Cancelled).await;
    server.admin().job_retry(made.jobs[0].id).await.unwrap();
    a_round_passes(&server, &hosts[4], &["b-1", "b-2"]).await;
    assert_eq!(state(&server, made.jobs[0].id).await, JobState::Queued);
    hosts[0].run(0).await;
    assert_eq!(state(&server, made.jobs[0].id).await, JobState::Completed);
}

async fn nothing_is_said_to_be_stopped_when_nothing_was(server: TestServer) {
    let hosts = agents(&server, ["a-1", "a-2", "a-3", "a-4", "b-1", "b-2"]).await;
    let made = rolling(&server, &["a-1", "a-2", "a-3", "a-4"], 2, Some(1)).await;
    hosts[0].run(0).await;
    hosts[1].run(0).await;
    until("the second batch begins", || async {
        let wait = show(&server, made.jobs[3].id).await.job.waits;
        (wait.map(|wait| wait.reason) != Some(WaitReason::Batch)).then_some(())
    })
    .await;
    let last = hosts[3].order().await;
    hosts[3].start(&last).await;
    hosts[2].run(1).await;
    a_round_passes(&server, &hosts[4], &["b-1", "b-2"]).await;
    let execution = server.admin().execution_show(made.execution_id).await.unwrap();
    assert_eq!(execution.rolling.unwrap().stopped, None);
}

fn keyed(targets: Targets, word: &str, per: ConcurrencyScope) -> JobCreate {
    JobCreate {
        concurrency: Some(Concurrency {
            key: word.into(),
            per,
        }),
        targets,
        ..on(&[], argv(&["x"]))
    }
}

async fn a_key_per_group_holds_and_is_kept_by_a_rerun(server: TestServer) {
    let hosts = agents(&server, ["a-1", "a-2"]).await;
    let admin = server.admin();
    let group = GroupCreate {
        name: "both".into(),
        description: String::new(),
        organization_id: None,
        department_id: None,
        targets: postern_testkit::targets(&["a-1", "a-2"]),
        blackout: None,
    };
    admin.group_create(&group, &key()).await.unwrap();
    let targets = Targets {
        groups: vec!["both".into()],
        ..Default::default()
    };
    let request = keyed(targets, "backup", ConcurrencyScope::Group);
    let made = admin.job_create(&request, &key()).await.unwrap();
    let one_at_a_time = async || {
        let order = hosts[0].order().await;
        assert!(hosts[1].orders().await.is_empty(), "the first one has the key");
        hosts[0].start(&order).await;
        hosts[0].exit(&order, 1).await;
        hosts[1].run(1).await;
    };
    one_at_a_time().await;
    for hosts in [RerunHosts::Failed, RerunHosts::All] {
        let again = ExecutionRerun { hosts };
        admin
            .execution_rerun(made.execution_id, &again, &key())
            .await
            .unwrap();
        one_at_a_time().await;
    }
}

async fn a_key_is_shown_whole(server: TestServer) {
    let hosts = agents(&server, ["a-1"]).await;
    let targets = postern_testkit::targets(&["a-1"]);
    let request = keyed(targets, "backup/data: /srv", ConcurrencyScope::Host);
    let admin = server.admin();
    admin.job_create(&request, &key()).await.unwrap();
    let second = admin.job_create(&request, &key()).await.unwrap();
    hosts[0].order().await;
    server.heard(&hosts[0]).await;
    let wait = show(&server, second.jobs[0].id).await.job.waits.unwrap();
    assert!(wait.text.contains("\"backup/data: /srv\""), "{}", wait.text);
}

async fn hosts_of_two_tenants_are_no_execution(server: TestServer) {
    agents(&server, ["a-1"]).await;
    let other = server.tenant("other").await;
    let agent = postern_api::agents::AgentCreate {
        name: "a-2".into(),
        organization_id: Some(other.organization),
        department_id: None,
        labels: Default::default(),
    };
    server.admin().agent_create(&agent, &key()).await.unwrap();
    let all = JobCreate {
        targets: Targets {
            all: true,
            ..Default::default()
        },
        ..on(&[], argv(&["x"]))
    };
    assert_eq!(
        wrong_field(server.admin().job_create(&all, &key()).await),
        "targets"
    );
}

async fn a_batch_begins_when_the_one_before_is_over(server: TestServer) {
    let [one, two, three] = agents(&server, ["a-1", "a-2", "a-3"]).await;
    let made = rolling(&server, &["a-1", "a-2", "a-3"], 2, None).await;
    let last = made.jobs[2].id;
    assert_eq!(waits(&server, last).await, Some(WaitReason::Batch));
    one.run(0).await;
    assert!(three.orders().await.is_empty(), "the second host is not done");
    two.run(1).await;
    until_released(&server, last).await;
    three.run(0).await;
    until_finished(&server, made.execution_id).await;
    let execution = server.admin().execution_show(made.execution_id).await.unwrap();
    assert_eq!(
        (
            execution.hosts,
            execution.count(JobState::Completed),
            execution.count(JobState::Failed)
        ),
        (3, 2, 1)
    );
    let stands = execution.rolling.unwrap();
    assert_eq!((stands.batches, stands.begun, stands.stopped), (2, 2, None));
}

async fn too_many_failures_cancel_what_has_not_begun(server: TestServer) {
    let [one, two, three] = agents(&server, ["a-1", "a-2", "a-3"]).await;
    let made = rolling(&server, &["a-1", "a-2", "a-3"], 1, Some(1)).await;
    one.run(7).await;
    let job = until_state(&server, made.jobs[1].id, JobState::Cancelled).await;
    let reason = "Not started: the execution stopped after 1 of 3 hosts failed";
    assert_eq!(job.reason.as_deref(), Some(reason));
    until_state(&server, made.jobs[2].id, JobState::Cancelled).await;
    assert!(two.orders().await.is_empty() && three.orders().await.is_empty());
    let execution = server.admin().execution_show(made.execution_id).await.unwrap();
    assert_eq!(execution.rolling.unwrap().stopped.as_deref(), Some(reason));
}

async fn a_canary_goes_first_and_alone(server: TestServer) {
    let [_one, two, _three] = agents(&server, ["a-1", "a-2", "a-3"]).await;
    let labels = postern_api::agents::AgentUpdate {
        labels: Some([("canary".to_owned(), "yes".to_owned())].into()),
        ..Default::default()
    };
    server.admin().agent_update(two.id(), &labels).await.unwrap();
    let made = rolling(&server, &["a-1", "a-2", "a-3"], 5, None).await;
    let batch = async |name: &str| {
        let job = made.jobs.iter().find(|job| job.agent == name).unwrap();
        show(&server, job.id).await.job.batch
    };
    assert_eq!(
        (batch("a-1").await, batch("a-2").await, batch("a-3").await),
        (2, 1, 2)
    );
}

async fn cancelling_leaves_no_batch_to_come(server: TestServer) {
    let [one, two] = agents(&server, ["a-1", "a-2"]).await;
    let made = rolling(&server, &["a-1", "a-2"], 1, None).await;
    let order = one.order().await;
    one.start(&order).await;
    let changed = server.admin().execution_cancel(made.execution_id).await.unwrap();
    assert_eq!(changed.changed, 2);
    assert_eq!(state(&server, made.jobs[1].id).await, JobState::Cancelled);
    one.finish(&order, postern_protocol::messages::Outcome::Cancelled)
        .await;
    until_finished(&server, made.execution_id).await;
    assert!(two.orders().await.is_empty());
    assert_eq!(
        server
            .admin()
            .execution_cancel(made.execution_id)
            .await
            .unwrap()
            .changed,
        0
    );
}
