//! What every command keeps to: exit codes, JSON for programs, text for people, and who is signed in.

use serde_json::{Value, json};

use crate::{Fake, problem, run};

fn agent(id: i64, name: &str) -> Value {
    json!({
        "id": id, "name": name, "organization_id": 1, "organization": "default",
        "department_id": null, "department": null, "labels": {"env": "prod"}, "active": true,
        "health": "running", "connection": "connected", "credential": "live",
        "credential_expires_at": null, "enrollment_expires_at": null,
        "created_at": "2026-11-22T09:30:00Z", "last_seen_at": null, "version": "0.1.0\u{1b}[2J",
        "hostname": null, "os": null, "arch": null, "languages": [], "root": null, "slots": 4,
    })
}

#[tokio::test]
async fn refusals_have_their_exit_codes_and_say_what_next() {
    let fake = Fake::start(|_, line| match line {
        "GET /api/v1/jobs/1" => problem(404, "there is no such job"),
        "POST /api/v1/jobs/1/cancel" => problem(409, "cannot cancel a job that is completed"),
        "GET /api/v1/agents?limit=50" => problem(401, "the token has ended"),
        "POST /api/v1/jobs" => problem(422, "no agent has these labels"),
        "GET /api/v1/agents?limit=500&search=web" => {
            let items = [agent(1, "web"), agent(2, "web"), agent(3, "web3")];
            (200, json!({"items": items}).to_string())
        }
        "GET /api/v1/agents?limit=500&search=we" => (200, json!({"items": [agent(1, "web")]}).to_string()),
        other => panic!("{other}"),
    })
    .await;
    let table: [(&[&str], i32, &str); 8] = [
        (&["job", "show", "1"], 4, "error: there is no such job"),
        (
            &["job", "cancel", "1"],
            1,
            "cannot cancel a job that is completed",
        ),
        (&["agent", "list"], 3, "postern login"),
        (
            &["agent", "show", "web"],
            2,
            "ids 1 (organization default), 2 (organization default)",
        ),
        (&["agent", "show", "we"], 4, "postern agent list"),
        (&["job", "delete", "1"], 2, "Confirm with --yes"),
        (
            &["job", "run", "--label", "a=b", "--", "true"],
            1,
            "no agent has these labels",
        ),
        (
            &["job", "run", "--label", "a=b", "--wait", "--", "true"],
            125,
            "no agent has these labels",
        ),
    ];
    for (arguments, code, text) in table {
        let run = fake.run(arguments).await;
        assert_eq!(run.code, code, "{arguments:?}: {run:?}");
        assert!(run.stderr.contains(text), "{arguments:?}: {run:?}");
    }
    assert!(!fake.asked().iter().any(|line| line.starts_with("DELETE")));
}

#[tokio::test]
async fn a_new_agents_json_has_what_a_script_needs_at_the_top() {
    let fake = Fake::start(|_, line| {
        assert_eq!(line, "POST /api/v1/agents");
        let body = json!({
            "agent": agent(7, "web1"), "enrollment_token": "t", "expires_at": "2026-11-22T10:30:00Z",
            "docker_command": "d", "install_command": "i", "run_command": "r",
        });
        (201, body.to_string())
    })
    .await;
    let run = fake
        .run(&["agent", "create", "web1", "--label", "env=prod", "--json"])
        .await;
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&answer["id"], &answer["name"]), (&json!(7), &json!("web1")));
    for key in [
        "enrollment_token",
        "expires_at",
        "docker_command",
        "install_command",
        "run_command",
    ] {
        assert!(answer[key].is_string(), "{key}: {answer}");
    }
    assert_eq!(answer["agent"]["labels"]["env"], "prod");
}

#[tokio::test]
async fn a_list_is_the_apis_json_for_programs_and_harmless_text_for_people() {
    let fake = Fake::start(|_, _| (200, json!({"items": [agent(7, "web1")]}).to_string())).await;
    let run = fake.run(&["agent", "list", "--json"]).await;
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(answer["items"][0]["version"], "0.1.0\u{1b}[2J");
    let run = fake
        .run(&["agent", "list", "--label", "env=prod", "--health", "running"])
        .await;
    assert_eq!(run.code, 0);
    assert!(
        run.stdout.contains("web1") && !run.stdout.contains('\u{1b}'),
        "{run:?}"
    );
    let asked = fake.asked().pop().unwrap();
    assert!(
        asked.contains("filter=health%3Arunning&filter=label%3Aenv%3Dprod"),
        "{asked}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_answer_that_cannot_be_written_is_a_failure() {
    let fake = Fake::start(|_, _| (200, json!({"items": [agent(7, "web1")]}).to_string())).await;
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["agent", "list"][..], &["agent", "list", "--json"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_postern"))
            .args(arguments)
            .env_clear()
            .env("POSTERN_CONFIG_DIR", folder.path())
            .env("POSTERN_URL", &fake.url)
            .env("POSTERN_TOKEN", "pst_test")
            .stdout(full)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .await
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {told}");
        assert!(told.contains("cannot write standard output: "), "{told}");
    }
}

#[tokio::test]
async fn a_live_agent_is_not_deleted_and_the_option_that_does_is_named() {
    let fake = Fake::start(|_, line| match line {
        "GET /api/v1/agents/7" => (200, agent(7, "web1").to_string()),
        line if line.starts_with("DELETE /api/v1/agents/7") => {
            let body = json!({
                "type": "/docs/errors#credential_live", "title": "Conflict", "status": 409, "code": "credential_live",
                "detail": "Revoke it first, or delete with revoke=true to do both.",
            });
            (409, body.to_string())
        }
        other => panic!("{other}"),
    })
    .await;
    let run = fake.run(&["agent", "delete", "7", "--yes"]).await;
    assert!(
        run.code == 1 && run.stderr.contains("delete with --revoke") && !run.stderr.contains("revoke=true"),
        "{run:?}"
    );
}

#[tokio::test]
async fn signing_in_stores_a_token_and_signing_out_ends_it() {
    let user = json!({
        "id": 1, "tenant_id": 1, "username": "anna", "display_name": "", "active": true,
        "created_at": "2026-11-22T09:30:00Z", "last_sign_in_at": null, "bindings": [],
    });
    let session = json!({
        "user": user, "permissions": [], "csrf_token": "c5rf", "expires_at": "2026-11-22T21:30:00Z",
    });
    let token = json!({
        "token": {"id": 5, "name": "host", "user_id": 1, "username": "anna", "permissions": null,
                  "created_at": "2026-11-22T09:30:00Z", "expires_at": "2027-02-20T09:30:00Z",
                  "last_used_at": null},
        "secret": "pst_made",
    });
    let fake = Fake::start(move |_, line| match line {
        "POST /api/v1/session" => (201, session.to_string()),
        "GET /api/v1/session" => (200, session.to_string()),
        "POST /api/v1/tokens" => (201, token.to_string()),
        "DELETE /api/v1/session" | "DELETE /api/v1/tokens/5" => (204, String::new()),
        other => panic!("{other}"),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["login", &fake.url, "--user", "anna", "--password-stdin"];
    let signed_in = run(&arguments, folder.path(), &[], "correct horse\n").await;
    assert_eq!(signed_in.code, 0, "{signed_in:?}");
    assert!(fake.asked()[0].contains(r#""password":"correct horse""#));
    let stored = std::fs::read_to_string(folder.path().join("login.toml")).unwrap();
    assert!(
        stored.contains("pst_made") && !stored.contains("correct horse"),
        "{stored}"
    );
    assert!(!signed_in.stdout.contains("pst_made"));

    let shown = run(&["session"], folder.path(), &[], "").await;
    assert!(shown.stdout.contains("anna"), "{shown:?}");
    let signed_out = run(&["logout"], folder.path(), &[], "").await;
    assert_eq!(signed_out.code, 0, "{signed_out:?}");
    assert!(
        fake.asked()
            .iter()
            .any(|line| line.starts_with("DELETE /api/v1/tokens/5"))
    );
    assert_eq!(run(&["session"], folder.path(), &[], "").await.code, 3);
}

#[tokio::test]
async fn without_a_terminal_nothing_waits_for_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(&["login", "https://127.0.0.1:1"], folder.path(), &[], "").await;
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("--password-stdin"), "{run:?}");
}

#[tokio::test]
async fn the_schema_of_workflows_needs_no_server_and_no_login() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(&["workflow", "schema"], folder.path(), &[], "").await;
    assert_eq!(run.code, 0, "{run:?}");
    let schema: Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(schema["properties"]["steps"].is_object(), "{schema}");
}
