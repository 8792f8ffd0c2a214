//! Whole executions: bulk changes, keys, hosts, files.

use postern_api::{
    ListRequest,
    executions::{ArchiveFormat, ExecutionRerun, RerunHosts},
    groups::GroupCreate,
    jobs::{Concurrency, ConcurrencyScope, JobCreate},
    targets::Targets,
};
use postern_domain::{
    ExecutionId,
    job::{JobState, WaitReason},
};
use postern_protocol::payload::{JobPayload, Language, Script};
use postern_testkit::{TestServer, argv, key, on, until};

use super::{agents, downloaded, show, state};
use crate::{on_both_databases, refused};

on_both_databases! {
    what_failed_is_tried_again_or_run_anew,
    executions_are_found_by_how_they_stand,
    jobs_with_one_key_wait_for_each_other,
    a_key_holds_where_it_was_asked_to,
    a_preview_shows_every_host_and_makes_nothing,
    hosts_are_the_sum_of_names_groups_and_places,
    an_execution_is_downloaded_as_json_and_zip,
    downloads_that_nobody_reads_keep_no_more_than_their_places,
}

/// The hosts of an execution that runs another one again.
async fn rerun(
    server: &TestServer,
    id: ExecutionId,
    hosts: RerunHosts,
) -> Result<Vec<String>, (u16, String)> {
    let again = server
        .admin()
        .execution_rerun(id, &ExecutionRerun { hosts }, &key())
        .await;
    match again {
        Ok(made) => {
            let shown = server.admin().execution_show(made.execution_id).await.unwrap();
            assert_eq!(shown.rerun_of, Some(id));
            Ok(made.jobs.into_iter().map(|job| job.agent).collect())
        }
        Err(error) => Err(refused::<()>(Err(error))),
    }
}

async fn what_failed_is_tried_again_or_run_anew(server: TestServer) {
    let [one, two, _three] = agents(&server, ["a-1", "a-2", "a-3"]).await;
    let admin = server.admin();
    let made = admin
        .job_create(&on(&["a-1", "a-2", "a-3"], argv(&["x"])), &key())
        .await
        .unwrap();
    let id = made.execution_id;
    one.run(0).await;
    two.run(1).await;
    admin.job_cancel(made.jobs[2].id).await.unwrap();
    assert_eq!(admin.execution_retry(id).await.unwrap().changed, 1);
    assert_eq!(
        state(&server, made.jobs[2].id).await,
        JobState::Cancelled,
        "what a person cancelled is not tried again with what failed"
    );
    two.run(1).await;
    assert_eq!(show(&server, made.jobs[1].id).await.job.attempt, 2);
    for (hosts, expected) in [
        (RerunHosts::Failed, vec!["a-2"]),
        (RerunHosts::Unfinished, vec!["a-2", "a-3"]),
        (RerunHosts::All, vec!["a-1", "a-2", "a-3"]),
    ] {
        assert_eq!(rerun(&server, id, hosts).await.unwrap(), expected, "{hosts:?}");
    }
    // What counts is the newest attempt.
    assert_eq!(admin.execution_retry(id).await.unwrap().changed, 1);
    until("a-2 has completed it", || async {
        for order in two.orders().await {
            two.start(&order).await;
            two.exit(&order, 0).await;
        }
        (state(&server, made.jobs[1].id).await == JobState::Completed).then_some(())
    })
    .await;
    let nothing = (409, "nothing_to_rerun".to_owned());
    assert_eq!(rerun(&server, id, RerunHosts::Failed).await.unwrap_err(), nothing);
    assert_eq!(rerun(&server, id, RerunHosts::Unfinished).await.unwrap(), ["a-3"]);
}

async fn executions_are_found_by_how_they_stand(server: TestServer) {
    let [one, two] = agents(&server, ["a-1", "a-2"]).await;
    let admin = server.admin();
    let run = async || {
        let request = on(&["a-1", "a-2"], argv(&["x"]));
        server.admin().job_create(&request, &key()).await.unwrap()
    };
    let completed = run().await.execution_id;
    one.run(0).await;
    two.run(0).await;
    let failed = run().await.execution_id;
    one.run(3).await;
    two.run(0).await;
    let cancelled = run().await;
    one.run(0).await;
    admin.job_cancel(cancelled.jobs[1].id).await.unwrap();
    let cancelled = cancelled.execution_id;
    let both = run().await.execution_id;
    one.run(1).await;
    for (outcome, expected) in [
        ("running", vec![both]),
        ("failed", vec![both, failed]),
        ("cancelled", vec![cancelled]),
        ("completed", vec![completed]),
        ("completed,failed", vec![both, failed, completed]),
    ] {
        let request = ListRequest {
            filter: vec![("outcome".into(), outcome.into())],
            ..ListRequest::default()
        };
        let page = admin.execution_list(&request).await.unwrap();
        let found: Vec<_> = page.items.iter().map(|execution| execution.id).collect();
        assert_eq!(found, expected, "{outcome}");
    }
    let odd = ListRequest {
        filter: vec![("outcome".into(), "odd".into())],
        ..ListRequest::default()
    };
    assert_eq!(refused(admin.execution_list(&odd).await).0, 422);
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
    let json = downloaded(&server, made.execution_id, ArchiveFormat::Json).await;
    let list: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(list[0]["job"]["exit_code"], 3);
    assert_eq!(list[0]["output"]["stdout"]["segments"][0]["text"], "hello");
    let bytes = downloaded(&server, made.execution_id, ArchiveFormat::Zip).await;
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
