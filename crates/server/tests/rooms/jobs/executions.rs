//! Whole executions: batches, bulk changes, keys, secrets, files.

use postern_api::{
    ListRequest,
    executions::{ArchiveFormat, ExecutionRerun, RerunHosts},
    groups::GroupCreate,
    jobs::{Concurrency, ConcurrencyScope, JobCreate, JobsCreated},
    secret::SecretText,
    targets::Targets,
};
use postern_domain::{
    ExecutionId, JobId,
    job::{JobState, WaitReason},
    rollout::{Amount, Rolling},
};
use postern_protocol::{
    limits::PARAMETER_BYTES,
    payload::{JobPayload, Language, Script, UserAction, UserControl},
};
use postern_store::tx;
use postern_testkit::{SimAgent, TestServer, argv, key, on, until};

use super::{show, state, until_state};
use crate::{dump::dump, on_both_databases, refused};

on_both_databases! {
    a_batch_begins_when_the_one_before_is_over,
    too_many_failures_cancel_what_has_not_begun,
    a_canary_goes_first_and_alone,
    cancelling_leaves_no_batch_to_come,
    what_failed_is_tried_again_or_run_anew,
    jobs_with_one_key_wait_for_each_other,
    a_key_holds_where_it_was_asked_to,
    a_preview_shows_every_host_and_makes_nothing,
    hosts_are_the_sum_of_names_groups_and_places,
    an_execution_is_downloaded_as_json_and_zip,
    downloads_that_nobody_reads_keep_no_more_than_their_places,
    a_secret_reaches_its_agent_and_stands_nowhere_in_clear,
    secrets_that_do_not_fit_the_work_are_refused,
    secrets_are_bounded_together,
    a_password_nobody_gave_is_shown_once,
}

async fn agents<const N: usize>(server: &TestServer, names: [&str; N]) -> [SimAgent; N] {
    let mut made = Vec::new();
    for name in names {
        made.push(server.agent(name).await);
    }
    made.try_into().unwrap_or_else(|_| unreachable!())
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

async fn waits(server: &TestServer, id: JobId) -> Option<WaitReason> {
    show(server, id).await.job.waits.map(|wait| wait.reason)
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

async fn what_failed_is_tried_again_or_run_anew(server: TestServer) {
    let [one, two] = agents(&server, ["a-1", "a-2"]).await;
    let admin = server.admin();
    let made = admin
        .job_create(&on(&["a-1", "a-2"], argv(&["x"])), &key())
        .await
        .unwrap();
    let failed = ExecutionRerun {
        hosts: RerunHosts::Failed,
    };
    one.run(0).await;
    two.run(1).await;
    assert_eq!(admin.execution_retry(made.execution_id).await.unwrap().changed, 1);
    two.run(1).await;
    assert_eq!(show(&server, made.jobs[1].id).await.job.attempt, 2);
    let again = admin
        .execution_rerun(made.execution_id, &failed, &key())
        .await
        .unwrap();
    assert_eq!(
        again
            .jobs
            .iter()
            .map(|job| job.agent.as_str())
            .collect::<Vec<_>>(),
        ["a-2"]
    );
    two.run(0).await;
    let execution = admin.execution_show(again.execution_id).await.unwrap();
    assert_eq!(execution.rerun_of, Some(made.execution_id));
    let nothing = admin.execution_rerun(again.execution_id, &failed, &key()).await;
    assert_eq!(refused(nothing), (409, "nothing_to_rerun".into()));
}

fn keyed(names: &[&str], per: ConcurrencyScope) -> JobCreate {
    JobCreate {
        concurrency: Some(Concurrency {
            key: "backup".into(),
            per,
        }),
        ..on(names, argv(&["x"]))
    }
}

async fn jobs_with_one_key_wait_for_each_other(server: TestServer) {
    let [one, two] = agents(&server, ["a-1", "a-2"]).await;
    let request = keyed(&["a-1", "a-2"], ConcurrencyScope::Tenant);
    let made = server.admin().job_create(&request, &key()).await.unwrap();
    let (first, second) = (made.jobs[0].id, made.jobs[1].id);
    let order = one.order().await;
    assert!(two.orders().await.is_empty());
    server.heard(&two).await;
    let wait = show(&server, second).await.job.waits.unwrap();
    assert_eq!((wait.reason, wait.job_id), (WaitReason::Concurrency, Some(first)));
    assert!(
        wait.text.contains(&format!("job {first} has \"backup\"")),
        "{}",
        wait.text
    );
    // Waiting for the key is not being left lying: 31 minutes do no harm.
    for _ in 0..31 {
        server.clock.advance_seconds(60);
        one.beat().await.unwrap();
        two.beat().await.unwrap();
    }
    assert_eq!(state(&server, second).await, JobState::Queued);
    one.start(&order).await;
    one.exit(&order, 0).await;
    two.run(0).await;
    assert_eq!(state(&server, second).await, JobState::Completed);
}

async fn a_key_holds_where_it_was_asked_to(server: TestServer) {
    let [one, two] = agents(&server, ["a-1", "a-2"]).await;
    let admin = server.admin();
    let per_host = keyed(&["a-1", "a-2"], ConcurrencyScope::Host);
    admin.job_create(&per_host, &key()).await.unwrap();
    admin.job_create(&per_host, &key()).await.unwrap();
    assert_eq!((one.orders().await.len(), two.orders().await.len()), (1, 1));
    let no_group = admin
        .job_create(&keyed(&["a-1"], ConcurrencyScope::Group), &key())
        .await;
    assert_eq!(refused(no_group).0, 422);
}

async fn a_preview_shows_every_host_and_makes_nothing(server: TestServer) {
    let [one] = agents(&server, ["a-1"]).await;
    server.new_agent("a-2").await;
    server.heard(&one).await;
    let admin = server.admin();
    let script = JobPayload::Script(Script::new(Language::Powershell, "1"));
    let preview = admin.job_preview(&on(&["a-1", "a-2"], script)).await.unwrap();
    let problems: Vec<_> = preview
        .hosts
        .iter()
        .map(|host| host.problem.clone().unwrap_or_default())
        .collect();
    assert!(
        problems[0].contains("no interpreter for powershell"),
        "{problems:?}"
    );
    assert!(problems[1].contains("not connected"), "{problems:?}");
    assert!(
        admin
            .job_list(&ListRequest::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    let wrong = admin.job_preview(&on(&["nobody"], argv(&["x"]))).await;
    assert_eq!(refused(wrong).0, 422);
}

async fn hosts_are_the_sum_of_names_groups_and_places(server: TestServer) {
    let [_one, two, _three] = agents(&server, ["a-1", "a-2", "a-3"]).await;
    let admin = server.admin();
    let labels = postern_api::agents::AgentUpdate {
        labels: Some([("env".to_owned(), "prod".to_owned())].into()),
        ..Default::default()
    };
    admin.agent_update(two.id(), &labels).await.unwrap();
    let selected = |selector: &str| Targets {
        selector: Some(selector.parse().unwrap()),
        ..Default::default()
    };
    let group = GroupCreate {
        name: "prod".into(),
        description: String::new(),
        organization_id: None,
        department_id: None,
        targets: selected("env=prod"),
        blackout: None,
    };
    admin.group_create(&group, &key()).await.unwrap();
    let hosts = async |targets: Targets| {
        let preview = server.admin().target_preview(&targets).await.unwrap();
        preview
            .hosts
            .iter()
            .map(|host| host.agent.clone())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let names = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    assert_eq!(hosts(selected("!env")).await, "a-1 a-3");
    assert_eq!(
        hosts(Targets {
            groups: names(&["prod"]),
            ..Default::default()
        })
        .await,
        "a-2"
    );
    let sum = Targets {
        groups: names(&["prod"]),
        agents: names(&["a-3"]),
        ..Default::default()
    };
    assert_eq!(hosts(sum).await, "a-2 a-3");
    let place = Targets {
        organizations: names(&["default"]),
        ..selected("env!=prod")
    };
    assert_eq!(hosts(place).await, "a-1 a-3");
    for wrong in [
        Targets {
            groups: names(&["nobody"]),
            ..Default::default()
        },
        Targets {
            all: true,
            ..selected("env")
        },
        Targets::default(),
    ] {
        assert_eq!(refused(admin.target_preview(&wrong).await).0, 422, "{wrong:?}");
    }
}

async fn an_execution_is_downloaded_as_json_and_zip(server: TestServer) {
    let [one] = agents(&server, ["a-1"]).await;
    let made = server
        .admin()
        .job_create(&on(&["a-1"], argv(&["x"])), &key())
        .await
        .unwrap();
    let order = one.order().await;
    let stdout = postern_protocol::messages::Stream::Stdout;
    one.print(&order, &[(stdout, 0, b"hello"), (stdout, 20, b"far")])
        .await;
    one.exit(&order, 3).await;
    let admin = server.admin();
    let json = admin
        .execution_download(made.execution_id, ArchiveFormat::Json)
        .await
        .unwrap();
    let list: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(list[0]["job"]["exit_code"], 3);
    assert_eq!(list[0]["output"]["stdout"]["segments"][0]["text"], "hello");
    let bytes = admin
        .execution_download(made.execution_id, ArchiveFormat::Zip)
        .await
        .unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let name = format!("a-1-{}/stdout.txt", made.jobs[0].id);
    let text = std::io::read_to_string(archive.by_name(&name).unwrap()).unwrap();
    assert_eq!(archive.len(), 3);
    assert_eq!(text, "hello\n[15 bytes were not kept]\nfar");
}

async fn downloads_that_nobody_reads_keep_no_more_than_their_places(server: TestServer) {
    /// As many as the server allows.
    const PLACES: usize = 8;
    let [one] = agents(&server, ["a-1"]).await;
    let request = on(&["a-1"], argv(&["x"]));
    let made = server.admin().job_create(&request, &key()).await.unwrap();
    let order = one.order().await;
    // Six characters each in JSON: more than any buffer on the way takes.
    let text = vec![1u8; 64 * 1024];
    for stream in [
        postern_protocol::messages::Stream::Stdout,
        postern_protocol::messages::Stream::Stderr,
    ] {
        let pieces = (0..8).map(|part| (stream, part * 64 * 1024, text.as_slice()));
        one.print(&order, &pieces.collect::<Vec<_>>()).await;
    }
    one.exit(&order, 0).await;
    let path = format!("/api/v1/executions/{}/download/json", made.execution_id);
    let ask = async || {
        let request = server
            .wire()
            .request(reqwest::Method::GET, &path)
            .bearer_auth(server.admin_token());
        request.send().await.unwrap()
    };
    let mut unread = Vec::new();
    for _ in 0..PLACES {
        let answer = ask().await;
        assert_eq!(answer.status(), 200);
        unread.push(answer);
    }
    let refused = ask().await;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    unread.clear();
    until("a place is free again", || async {
        (ask().await.status() == 200).then_some(())
    })
    .await;
}

const CANARY: &str = "c4n4ry-5ecret";

fn secret_script(server_secret: &str) -> JobCreate {
    let script = Script {
        secrets: vec!["token".into()],
        ..Script::new(Language::Bash, "true")
    };
    JobCreate {
        secrets: [("token".to_owned(), SecretText::new(server_secret))].into(),
        ..on(&["a-1"], JobPayload::Script(script))
    }
}

async fn a_secret_reaches_its_agent_and_stands_nowhere_in_clear(server: TestServer) {
    let [one] = agents(&server, ["a-1"]).await;
    let admin = server.admin();
    let intent = key();
    let made = admin.job_create(&secret_script(CANARY), &intent).await.unwrap();
    assert_eq!(
        admin
            .job_create(&secret_script(CANARY), &intent)
            .await
            .unwrap()
            .jobs[0]
            .id,
        made.jobs[0].id
    );
    let order = one.order().await;
    assert_eq!(one.secrets(&order)["token"].as_str(), CANARY);
    one.start(&order).await;
    one.exit(&order, 1).await;
    // Another attempt is sealed anew.
    admin.job_retry(made.jobs[0].id).await.unwrap();
    let second = one.order().await;
    assert_eq!(one.secrets(&second)["token"].as_str(), CANARY);
    assert_ne!(second.secrets, order.secrets);
    for path in [
        "/api/v1/jobs",
        "/api/v1/audit",
        &format!("/api/v1/jobs/{}", made.jobs[0].id),
    ] {
        let request = server
            .wire()
            .request(reqwest::Method::GET, path)
            .bearer_auth(server.admin_token());
        let text = postern_testkit::Answer::of(request).await.text();
        assert!(!text.contains(CANARY), "{path}");
    }
    let everything = dump(&server).await;
    assert!(everything.contains("a-1"), "the dump holds what is stored");
    assert!(!everything.contains(CANARY));
    one.start(&second).await;
    one.exit(&second, 0).await;
    server.clock.advance_seconds(61);
    server
        .write(tx!(tx => postern_store::jobs::secrets_sweep(tx).await))
        .await;
    let all = ExecutionRerun {
        hosts: RerunHosts::All,
    };
    let gone = admin.execution_rerun(made.execution_id, &all, &key()).await;
    assert_eq!(refused(gone), (409, "secrets_gone".into()));
}

async fn secrets_that_do_not_fit_the_work_are_refused(server: TestServer) {
    agents(&server, ["a-1"]).await;
    let admin = server.admin();
    let without = JobCreate {
        secrets: Default::default(),
        ..secret_script("x")
    };
    let unknown = JobCreate {
        secrets: [("token".to_owned(), SecretText::new("x"))].into(),
        ..on(&["a-1"], argv(&["x"]))
    };
    for wrong in [without, unknown, secret_script(""), secret_script("a\0b")] {
        let error = admin.job_create(&wrong, &key()).await.unwrap_err();
        let problem = error.problem().unwrap();
        assert_eq!(
            (problem.status, problem.errors[0].field.as_str()),
            (422, "secrets.token")
        );
    }
    // It was made, and never told a key.
    server.new_agent("a-2").await;
    let request = JobCreate {
        targets: postern_testkit::targets(&["a-2"]),
        ..secret_script("x")
    };
    let error = admin.job_create(&request, &key()).await.unwrap_err();
    assert!(
        error.problem().unwrap().errors[0].message.contains("\"a-2\""),
        "{error:?}"
    );
    assert!(
        admin
            .job_list(&ListRequest::default())
            .await
            .unwrap()
            .items
            .is_empty(),
        "no job exists"
    );
}

async fn secrets_are_bounded_together(server: TestServer) {
    agents(&server, ["a-1"]).await;
    let with = |last: usize| {
        let lengths = [
            PARAMETER_BYTES,
            PARAMETER_BYTES,
            PARAMETER_BYTES,
            PARAMETER_BYTES - 1,
            last,
        ];
        let names: Vec<String> = (0..lengths.len()).map(|number| format!("s{number}")).collect();
        let values = lengths.map(|length| SecretText::new("x".repeat(length)));
        let script = Script {
            secrets: names.clone(),
            ..Script::new(Language::Bash, "true")
        };
        JobCreate {
            secrets: names.into_iter().zip(values).collect(),
            ..on(&["a-1"], JobPayload::Script(script))
        }
    };
    let admin = server.admin();
    admin.job_create(&with(1), &key()).await.unwrap();
    let error = admin.job_create(&with(2), &key()).await.unwrap_err();
    assert_eq!(error.problem().unwrap().errors[0].field, "secrets");
}

async fn a_password_nobody_gave_is_shown_once(server: TestServer) {
    let [one] = agents(&server, ["a-1"]).await;
    let work = JobPayload::UserControl(UserControl {
        action: UserAction::ResetPassword,
        user: "anna".into(),
        full_name: None,
        home: None,
        shell: None,
        groups: Vec::new(),
        system: false,
        set_password: false,
        remove_home: false,
        force: false,
    });
    let made = server
        .admin()
        .job_create(&on(&["a-1"], work), &key())
        .await
        .unwrap();
    let drawn = made.generated_password.unwrap();
    assert!(drawn.reveal().len() >= 20);
    let order = one.order().await;
    assert_eq!(one.secrets(&order)["password"].as_str(), drawn.reveal());
    assert!(!dump(&server).await.contains(drawn.reveal()));
}
