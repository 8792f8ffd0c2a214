//! Secrets of jobs: bounded, sealed to one agent, and in clear nowhere.

use postern_api::{
    ListRequest,
    executions::{ExecutionRerun, RerunHosts},
    jobs::JobCreate,
    secret::SecretText,
};
use postern_protocol::{
    limits::PARAMETER_BYTES,
    payload::{JobPayload, Language, Script, UserAction, UserControl},
};
use postern_store::tx;
use postern_testkit::{TestServer, argv, key, on};

use super::agents;
use crate::{dump::dump, on_both_databases, refused};

on_both_databases! {
    a_secret_reaches_its_agent_and_stands_nowhere_in_clear,
    secrets_that_do_not_fit_the_work_are_refused,
    secrets_are_bounded_together,
    a_password_nobody_gave_is_shown_once,
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
    let error = admin.job_create(&unknown, &key()).await.unwrap_err();
    let detail = &error.problem().unwrap().detail;
    assert!(
        detail.contains("a job of type command takes no secrets; run a script"),
        "{detail}"
    );
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
