//! Creating jobs: targets, bounds, repetition.

use std::collections::BTreeMap;

use postern_api::{ListRequest, agents::AgentCreate, jobs::JobCreate, targets::Targets};
use postern_domain::{JobId, job::Priority};
use postern_protocol::{
    limits::{COMMAND_ARGUMENTS, COMMAND_BYTES, PARAMETER_BYTES, PARAMETERS, SCRIPT_BYTES},
    payload::{Command, JobPayload, Language, Script},
};
use postern_testkit::client::IdempotencyKey;
use postern_testkit::{Answer, TestServer, argv, key, on, script, targets};

use super::create;
use crate::{filtered, no, on_both_databases, refused, wrong_field};

on_both_databases! {
    hosts_are_named_by_name_by_id_by_label_or_all,
    every_named_host_must_be_there,
    bounds_hold_at_the_bound_and_beyond_it,
    parameters_are_checked_before_any_job_exists,
    what_is_not_known_is_refused,
    the_same_creation_twice_happens_once,
    the_list_is_searched_filtered_sorted_and_paged,
}

async fn labelled(server: &TestServer, name: &str, labels: &[(&str, &str)]) -> i64 {
    let labels = labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let request = AgentCreate {
        name: name.into(),
        organization_id: None,
        department_id: None,
        labels,
    };
    server
        .admin()
        .agent_create(&request, &key())
        .await
        .unwrap()
        .agent
        .id
        .0
}

async fn hosts_are_named_by_name_by_id_by_label_or_all(server: TestServer) {
    let a = labelled(&server, "a", &[("env", "prod"), ("role", "web")]).await;
    labelled(&server, "b", &[("env", "prod")]).await;
    labelled(&server, "c", &[("env", "test")]).await;
    let hosts = async |targets: Targets| -> String {
        let request = JobCreate {
            targets,
            ..on(&[], argv(&["true"]))
        };
        let made = server.admin().job_create(&request, &key()).await.unwrap();
        made.jobs
            .into_iter()
            .map(|job| job.agent)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let labels = |pairs: &[(&str, &str)]| Targets {
        labels: pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        ..Targets::default()
    };
    assert_eq!(hosts(targets(&["b"])).await, "b");
    assert_eq!(hosts(targets(&[&a.to_string()])).await, "a");
    assert_eq!(
        hosts(targets(&[&a.to_string(), "a", "a"])).await,
        "a",
        "one job per host"
    );
    assert_eq!(hosts(labels(&[("env", "prod")])).await, "a b");
    assert_eq!(hosts(labels(&[("env", "prod"), ("role", "web")])).await, "a");
    assert_eq!(
        hosts(Targets {
            agents: vec!["c".into()],
            ..labels(&[("role", "web")])
        })
        .await,
        "a c"
    );
    assert_eq!(
        hosts(Targets {
            all: true,
            ..Targets::default()
        })
        .await,
        "a b c"
    );
}

async fn every_named_host_must_be_there(server: TestServer) {
    server.new_agent("web-1").await;
    let admin = server.admin();
    let cases = [
        (targets(&["web-1", "nobody"]), "targets.agents"),
        (targets(&["999"]), "targets.agents"),
        (targets(&["99999999999999999999"]), "targets.agents"),
        (targets(&["-1"]), "targets.agents"),
        (targets(&[]), "targets"),
        (
            Targets {
                labels: BTreeMap::from([("env".into(), "none".into())]),
                ..Targets::default()
            },
            "targets",
        ),
        (
            Targets {
                labels: BTreeMap::from([("b a d".into(), String::new())]),
                ..Targets::default()
            },
            "targets.labels",
        ),
        (
            Targets {
                all: true,
                ..targets(&["web-1"])
            },
            "targets",
        ),
        (
            Targets {
                agents: (0..1001).map(|n| format!("h{n}")).collect(),
                ..Targets::default()
            },
            "targets.agents",
        ),
    ];
    for (targets, field) in cases {
        let request = JobCreate {
            targets: targets.clone(),
            ..on(&[], argv(&["true"]))
        };
        assert_eq!(
            wrong_field(admin.job_create(&request, &key()).await),
            field,
            "{targets:?}"
        );
    }
    assert!(
        admin
            .job_list(&ListRequest::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

fn shell(text: &str) -> JobPayload {
    JobPayload::Command(Command {
        argv: vec![text.into()],
        shell: true,
        ..Default::default()
    })
}

fn with_parameters(parameters: &[(&str, &str)]) -> JobPayload {
    JobPayload::Script(Script {
        parameters: parameters
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
        ..Script::new(Language::Bash, "true")
    })
}

async fn bounds_hold_at_the_bound_and_beyond_it(server: TestServer) {
    server.new_agent("web-1").await;
    let admin = server.admin();
    let words = |count: usize| {
        JobPayload::Command(Command {
            argv: vec!["a".into(); count],
            shell: false,
            ..Default::default()
        })
    };
    let work = |work: JobPayload| on(&["web-1"], work);
    let timeout = |seconds| JobCreate {
        timeout_seconds: Some(seconds),
        ..work(argv(&["a"]))
    };
    let many = |count: usize| -> JobPayload {
        let names: Vec<_> = (0..count).map(|n| format!("p{n}")).collect();
        with_parameters(&names.iter().map(|name| (&**name, "")).collect::<Vec<_>>())
    };
    let good = [
        timeout(1),
        timeout(604_800),
        work(words(COMMAND_ARGUMENTS)),
        work(argv(&[&"x".repeat(COMMAND_BYTES)])),
        work(script(&"\u{1}".repeat(SCRIPT_BYTES / 2))),
        work(script(&"x".repeat(SCRIPT_BYTES))),
        work(with_parameters(&[("p", &"x".repeat(PARAMETER_BYTES))])),
        work(many(PARAMETERS)),
        work(shell("echo $HOME | wc -c")),
    ];
    for request in &good {
        admin
            .job_create(request, &key())
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", request.work.summary()));
    }
    let bad = [
        (timeout(0), "timeout_seconds"),
        (timeout(604_801), "timeout_seconds"),
        (work(argv(&[])), "payload.argv"),
        (work(argv(&[" "])), "payload.argv"),
        (work(words(COMMAND_ARGUMENTS + 1)), "payload.argv"),
        (work(argv(&[&"x".repeat(COMMAND_BYTES + 1)])), "payload.argv"),
        (work(argv(&["a", "b\0c"])), "payload.argv[1]"),
        (work(script(&"x".repeat(SCRIPT_BYTES + 1))), "payload.content"),
        (work(script("")), "payload.content"),
        (
            work(with_parameters(&[("p", &"x".repeat(PARAMETER_BYTES + 1))])),
            "payload.parameters.p",
        ),
        (work(many(PARAMETERS + 1)), "payload.parameters"),
    ];
    for (request, field) in &bad {
        assert_eq!(
            wrong_field(admin.job_create(request, &key()).await),
            *field,
            "{}",
            request.work.summary()
        );
    }
    let two = JobPayload::Command(Command {
        argv: vec!["a".into(), "b".into()],
        shell: true,
        ..Default::default()
    });
    assert_eq!(
        wrong_field(admin.job_create(&work(two), &key()).await),
        "payload.argv"
    );
}

async fn parameters_are_checked_before_any_job_exists(server: TestServer) {
    server.new_agent("web-1").await;
    let admin = server.admin();
    for name in ["", "9lives", "a-b", "a b", "PATH=x", "\u{fc}"] {
        let request = on(&["web-1"], with_parameters(&[(name, "v")]));
        let field = wrong_field(admin.job_create(&request, &key()).await);
        assert_eq!(field, format!("payload.parameters.{name}"));
    }
    let twice = on(
        &["web-1"],
        with_parameters(&[("threshold", "1"), ("Threshold", "2")]),
    );
    assert!(wrong_field(admin.job_create(&twice, &key()).await).starts_with("payload.parameters."));
    assert!(
        admin
            .job_list(&ListRequest::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

async fn what_is_not_known_is_refused(server: TestServer) {
    server.new_agent("web-1").await;
    let post = |body: &'static str| {
        let request = server
            .wire()
            .request(reqwest::Method::POST, "/api/v1/jobs")
            .bearer_auth(server.admin_token());
        Answer::of(request.header("content-type", "application/json").body(body))
    };
    for (body, status) in [
        (
            r#"{"type":"command","payload":{"argv":["a"]},"targets":{"agents":["web-1"]}}"#,
            201,
        ),
        (r#"{"type":"reboot","payload":{},"targets":{"all":true}}"#, 422),
        (
            r#"{"type":"command","payload":{"argv":["a"],"sudo":true},"targets":{"all":true}}"#,
            422,
        ),
        (
            r#"{"type":"command","payload":{"argv":["a"]},"targets":{"all":true,"everyone":true}}"#,
            422,
        ),
        (
            r#"{"type":"command","payload":{"argv":["a"]},"targets":{"all":true},"timeout":5}"#,
            422,
        ),
        (
            r#"{"type":"command","payload":{"argv":"a"},"targets":{"all":true}}"#,
            422,
        ),
        (
            r#"{"type":"script","payload":{"language":"perl","content":"1"},"targets":{"all":true}}"#,
            422,
        ),
        (
            r#"{"type":"command","payload":{"argv":["a"]},"targets":{"all":true},"timeout_seconds":-1}"#,
            422,
        ),
        (
            r#"{"type":"command","payload":{"argv":["a"]},"targets":{"all":true},"not_before":"soon"}"#,
            422,
        ),
        (
            r#"{"type":"command","payload":{"argv":["a"]},"targets":{"all":true},"priority":"urgent"}"#,
            422,
        ),
        (r#"{"type":"command","payload":{"argv":["a"]}}"#, 422),
        (r#"[]"#, 422),
        (r#"{"type":"#, 400),
    ] {
        let answer = post(body).await;
        assert_eq!(answer.status, status, "{body} → {}", answer.text());
        if status != 201 {
            answer.code();
        }
    }
}

async fn the_same_creation_twice_happens_once(server: TestServer) {
    server.new_agent("web-1").await;
    let admin = server.admin();
    let intent = key();
    let request = on(&["web-1"], argv(&["true"]));
    let first = admin.job_create(&request, &intent).await.unwrap();
    assert_eq!(admin.job_create(&request, &intent).await.unwrap(), first);
    let other = on(&["web-1"], argv(&["false"]));
    assert_eq!(
        refused(admin.job_create(&other, &intent).await),
        no(409, "idempotency_key_reused")
    );
    assert_eq!(
        wrong_field(admin.job_create(&request, &IdempotencyKey::new("short")).await),
        "Idempotency-Key"
    );
    let parallel: Vec<_> = (0..6)
        .map(|_| {
            let (admin, request, intent) = (
                server.admin(),
                request.clone(),
                IdempotencyKey::new("the same intent"),
            );
            tokio::spawn(async move { admin.job_create(&request, &intent).await })
        })
        .collect();
    let mut made = Vec::new();
    for call in parallel {
        match call.await.unwrap() {
            Ok(created) => made.push(created.jobs[0].id),
            Err(error) => assert_eq!(error.problem().unwrap().code, "idempotency_key_in_use"),
        }
    }
    assert!(!made.is_empty());
    assert!(made.iter().all(|id| *id == made[0]), "{made:?}");
    assert_eq!(
        admin.job_list(&ListRequest::default()).await.unwrap().items.len(),
        2
    );
    // The key is the caller's: another's is another.
    let person = server.person(
        postern_domain::TenantId(1),
        &[(
            postern_domain::permission::Role::Operator,
            postern_domain::permission::Scope::Tenant(postern_domain::TenantId(1)),
        )],
    );
    let theirs = person.await.client.job_create(&request, &intent).await.unwrap();
    assert_ne!(theirs.jobs[0].id, first.jobs[0].id);
}

async fn the_list_is_searched_filtered_sorted_and_paged(server: TestServer) {
    let web = server.agent("web-1").await;
    server.new_agent("db-1").await;
    let admin = server.admin();
    let done = create(&server, &on(&["web-1"], argv(&["uptime"]))).await;
    web.run(0).await;
    let high = create(
        &server,
        &JobCreate {
            priority: Some(Priority::High),
            ..on(&["db-1"], argv(&["df", "-h"]))
        },
    )
    .await;
    let last = create(&server, &on(&["db-1"], script("#!/bin/bash\nreboot 100%_sure"))).await;
    let ids = async |request: ListRequest| -> Vec<JobId> {
        admin
            .job_list(&request)
            .await
            .unwrap()
            .items
            .iter()
            .map(|job| job.id)
            .collect()
    };
    let search = |text: &str| ListRequest {
        search: Some(text.into()),
        ..ListRequest::default()
    };
    assert_eq!(
        ids(ListRequest::default()).await,
        [last, high, done],
        "newest first"
    );
    assert_eq!(ids(search("UPTIME")).await, [done]);
    assert_eq!(ids(search("db-")).await, [last, high]);
    assert_eq!(ids(search("100%_")).await, [last]);
    assert_eq!(ids(search("%")).await, [last], "wildcards are plain characters");
    type Pairs<'a> = &'a [(&'a str, &'a str)];
    let cases: [(Pairs<'_>, Vec<JobId>); 8] = [
        (&[("state", "queued")], vec![last, high]),
        (&[("state", "completed,failed")], vec![done]),
        (&[("type", "script")], vec![last]),
        (&[("priority", "high,critical")], vec![high]),
        (&[("agent", "web-1")], vec![done]),
        (&[("agent", &web.id().to_string())], vec![done]),
        (
            &[
                ("organization", "default"),
                ("state", "queued"),
                ("type", "command"),
            ],
            vec![high],
        ),
        (&[("organization", "other")], vec![]),
    ];
    for (pairs, expected) in cases {
        assert_eq!(ids(filtered(pairs)).await, expected, "{pairs:?}");
    }
    let oldest = ListRequest {
        sort: Some("created_at".into()),
        limit: Some(2),
        ..ListRequest::default()
    };
    let page = admin.job_list(&oldest).await.unwrap();
    let rest = ListRequest {
        cursor: page.next_cursor.clone(),
        ..oldest
    };
    let page: Vec<_> = page.items.iter().map(|job| job.id).collect();
    assert_eq!((page, ids(rest).await), (vec![done, high], vec![last]));
    for pairs in [
        ("state", "lost"),
        ("type", "reboot"),
        ("priority", "low"),
        ("color", "red"),
    ] {
        assert_eq!(wrong_field(admin.job_list(&filtered(&[pairs])).await), "filter");
    }
    let cursor = ListRequest {
        cursor: Some("zz".into()),
        ..ListRequest::default()
    };
    assert_eq!(refused(admin.job_list(&cursor).await), no(400, "cursor_invalid"));
}
