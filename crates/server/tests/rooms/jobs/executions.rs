//! Whole executions: bulk changes, keys, hosts, files.

use postern_api::{
    ListRequest,
    executions::{ArchiveFormat, ExecutionRerun, RerunHosts},
    groups::GroupCreate,
    jobs::{Concurrency, ConcurrencyScope, JobCreate},
    targets::Targets,
};
use postern_domain::job::{JobState, WaitReason};
use postern_protocol::payload::{JobPayload, Language, Script};
use postern_testkit::{TestServer, argv, key, on, until};

use super::{agents, show, state};
use crate::{on_both_databases, refused};

on_both_databases! {
    what_failed_is_tried_again_or_run_anew,
    jobs_with_one_key_wait_for_each_other,
    a_key_holds_where_it_was_asked_to,
    a_preview_shows_every_host_and_makes_nothing,
    hosts_are_the_sum_of_names_groups_and_places,
    an_execution_is_downloaded_as_json_and_zip,
    downloads_that_nobody_reads_keep_no_more_than_their_places,
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
    let file = archive.by_name(&name).unwrap();
    let written = file.last_modified().unwrap().to_string();
    let text = std::io::read_to_string(file).unwrap();
    let ended = admin.job_show(made.jobs[0].id).await.unwrap().job.finished_at;
    let ended = ended.unwrap().to_string().replace('T', " ");
    // It counts by two seconds.
    assert_eq!(written[..17], ended[..17], "{written}");
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
