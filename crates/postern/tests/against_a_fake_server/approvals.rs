//! Approvals: shown and confirmed before they are answered.

use serde_json::{Value, json};

use crate::Fake;

fn approval(state: &str) -> String {
    json!({
        "id": 5, "instance_id": 9, "workflow": "rollout", "organization_id": null, "department_id": null,
        "type": "one_of_many", "state": state, "title": "Restart web1?", "description": "Its load is 3.",
        "started_by": "user:2 (ben)", "opened_at": "2026-11-22T09:30:00Z", "deadline": "2026-11-23T09:30:00Z",
        "ended_at": null, "needed": 1, "people": [], "may_answer": true, "work_sha256": "ab12",
        "allow_self_approval": false, "run_for": [2],
        "work": [{"step": "go", "type": "command", "summary": "systemctl restart nginx\u{1b}[2J",
                  "hosts": [{"id": 7, "name": "web1"}]}],
    })
    .to_string()
}

#[tokio::test]
async fn an_approval_is_answered_once_it_was_shown_and_confirmed() {
    let fake = Fake::start(|_, line| match line {
        "GET /api/v1/approvals/5" => (200, approval("open")),
        "POST /api/v1/approvals/5/answer" => (200, approval("approved")),
        other => panic!("{other}"),
    })
    .await;
    for verb in ["approve", "reject"] {
        let asked = fake.run(&["approval", verb, "5"]).await;
        assert!(asked.code == 2 && asked.stderr.contains("--yes"), "{asked:?}");
        for shown in [
            "Restart web1?",
            "Its load is 3.",
            "systemctl restart nginx",
            "on web1",
        ] {
            assert!(asked.stdout.contains(shown), "{shown}: {asked:?}");
        }
        assert!(!asked.stdout.contains('\u{1b}'), "{asked:?}");
    }
    let answers = || -> Vec<String> {
        let all = fake.asked().into_iter();
        all.filter(|line| line.starts_with("POST")).collect()
    };
    assert!(answers().is_empty());

    let given = fake.run(&["approval", "approve", "5", "--yes"]).await;
    assert!(
        given.code == 0 && given.stdout.ends_with("approval 5 is approved\n"),
        "{given:?}"
    );
    assert!(
        answers()[0].contains(r#""decision":"approve","work_sha256":"ab12""#),
        "{:?}",
        answers()
    );
    let json = fake.run(&["approval", "approve", "5", "--yes", "--json"]).await;
    let answer: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(answer["state"], "approved");

    let before = fake.asked().len();
    let named = fake
        .run(&["approval", "reject", "5", "--work-sha256", "cd34"])
        .await;
    assert_eq!(named.code, 0, "{named:?}");
    assert_eq!(
        fake.asked().len(),
        before + 1,
        "whoever names the digest has seen it"
    );
    assert!(answers()[2].contains(r#""decision":"reject","work_sha256":"cd34""#));
}
