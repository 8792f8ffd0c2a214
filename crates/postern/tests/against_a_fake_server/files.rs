//! What is saved from files: which file a refusal is about, and what was saved before it.

use serde_json::{Value, json};

use crate::{Fake, problem};

fn script(name: &str) -> String {
    json!({
        "id": 4, "kind": "script", "name": name, "description": "", "language": "bash", "version": 1,
        "organization_id": null, "department_id": null, "created_at": "2026-11-22T09:30:00Z", "created_by": "anna",
        "updated_at": "2026-11-22T09:30:00Z", "updated_by": "anna", "sha256": "aa", "used_by": [],
        "definition": {
            "content": "true\n", "parameters": [{"name": "n", "type": "integer", "default": 7}, {"name": "tok", "type": "secret"}],
        },
    })
    .to_string()
}

fn nothing() -> (u16, String) {
    (200, json!({"items": []}).to_string())
}

#[tokio::test]
async fn a_folder_that_is_refused_halfway_says_which_file_it_was_and_what_is_saved() {
    let fake = Fake::start(|before, line| match (before, line) {
        (_, line) if line.starts_with("GET /api/v1/scripts?") => nothing(),
        (0 | 2, "POST /api/v1/scripts") => (201, script("a")),
        (_, "POST /api/v1/scripts") => problem(403, "you may not save here"),
        other => panic!("{other:?}"),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.sh", "b.sh", "c.sh"] {
        std::fs::write(folder.path().join(name), "true\n").unwrap();
    }
    let apply = ["script", "apply", "-f", folder.path().to_str().unwrap()];
    let run = fake.run(&apply).await;
    assert_eq!((run.code, run.stdout.as_str()), (1, "a: created\n"), "{run:?}");
    assert!(
        run.stderr
            .contains("b.sh: you may not save here (saved before it: 1 file)"),
        "{run:?}"
    );
    let run = fake.run(&[&apply[..], &["--json"]].concat()).await;
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (run.code, &answer[0]["outcome"], answer.as_array().unwrap().len()),
        (1, &json!("created"), 1),
        "{run:?}"
    );
    assert!(answer[0]["file"].as_str().unwrap().ends_with("a.sh"), "{answer}");
}

#[tokio::test]
async fn a_folder_with_a_bad_file_sends_nothing() {
    let fake = Fake::start(|_, line| panic!("{line}")).await;
    let folder = tempfile::tempdir().unwrap();
    let bad = "# ---\n# timeout_seconds: 0\n# ---\ntrue\n";
    for (name, text) in [("a.sh", "true\n"), ("b.sh", bad)] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    for dry in [&[][..], &["--dry-run"][..]] {
        let apply = ["script", "apply", "-f", folder.path().to_str().unwrap()];
        let run = fake.run(&[&apply[..], dry].concat()).await;
        assert!(
            run.code == 2 && run.stderr.contains("b.sh: timeout_seconds: must be 1 to 604800"),
            "{run:?}"
        );
    }
    assert!(fake.asked().is_empty(), "{:?}", fake.asked());
}

#[tokio::test]
async fn a_draft_that_cannot_be_deployed_is_said_to_be_saved() {
    let definition = json!({
        "work": {"kind": "job", "job": {"type": "command", "payload": {"argv": ["true"]}}},
        "targets": {"agents": ["gone"]},
    });
    let detail = json!({
        "id": 12, "name": "restart", "description": "", "organization_id": null, "department_id": null,
        "type": "command", "version": null, "draft_differs": true, "may_run": true,
        "created_at": "2026-11-22T09:30:00Z", "created_by": "anna",
        "updated_at": "2026-11-22T09:30:00Z", "updated_by": "anna",
        "draft": definition, "draft_sha256": "aa", "draft_secrets": [], "draft_asks": [], "deployed": null,
        "asks": [], "used_by": [],
    })
    .to_string();
    let fake = Fake::start(move |_, line| match line {
        line if line.starts_with("GET /api/v1/actions?") => nothing(),
        "POST /api/v1/actions" => (201, detail.clone()),
        "POST /api/v1/actions/12/deploy" => problem(422, "targets: match no agent"),
        other => panic!("{other}"),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("restart.json");
    std::fs::write(
        &file,
        json!({"name": "restart", "definition": definition}).to_string(),
    )
    .unwrap();
    let apply = ["action", "apply", "--deploy", "-f", file.to_str().unwrap()];
    let run = fake.run(&apply).await;
    assert!(
        run.code == 1
            && run
                .stderr
                .contains("restart.json: targets: match no agent (the draft is saved, not deployed)"),
        "{run:?}"
    );
}

#[tokio::test]
async fn what_is_applied_from_a_file_belongs_to_an_organization_that_is_named() {
    let fake = Fake::start(|_, line| match line {
        line if line.starts_with("GET /api/v1/organizations?") => {
            let organization =
                json!({"id": 3, "tenant_id": 1, "name": "north", "renew_credentials": true, "departments": []});
            (200, json!({"items": [organization]}).to_string())
        }
        line if line.starts_with("GET /api/v1/") => nothing(),
        line if line.starts_with("POST /api/v1/") => problem(422, "seen"),
        other => panic!("{other}"),
    })
    .await;
    let work = json!({"kind": "job", "job": {"type": "command", "payload": {"argv": ["true"]}}});
    let folder = tempfile::tempdir().unwrap();
    for (room, definition) in [
        (
            "schedule",
            json!({"cron": "0 0 * * *", "work": work, "targets": {"all": true}}),
        ),
        ("action", json!({"work": work, "targets": {"all": true}})),
    ] {
        let file = folder.path().join(room);
        std::fs::write(&file, json!({"name": "a", "definition": definition}).to_string()).unwrap();
        let apply = [
            room,
            "apply",
            "--organization",
            "north",
            "-f",
            file.to_str().unwrap(),
        ];
        let run = fake.run(&apply).await;
        assert!(run.stderr.contains("seen"), "{run:?}");
        let asked = fake.asked().pop().unwrap();
        assert!(
            asked.starts_with("POST") && asked.contains("\"organization_id\":3"),
            "{asked}"
        );
    }
}

#[tokio::test]
async fn a_secret_parameter_in_the_open_is_refused_before_it_is_sent() {
    let fake = Fake::start(|_, line| match line {
        "GET /api/v1/scripts/4" => (200, script("a")),
        other => panic!("{other}"),
    })
    .await;
    for (given, code, said) in [
        (&["--param", "tok=clear", "--wait"][..], 125, "--secret tok=@FILE"),
        (&["--param", "n="][..], 2, "--param n: is empty"),
    ] {
        let run = fake
            .run(&[&["script", "run", "4", "--agent", "web1"][..], given].concat())
            .await;
        assert!(run.code == code && run.stderr.contains(said), "{run:?}");
    }
    assert!(fake.asked().iter().all(|line| line.starts_with("GET")));
}
