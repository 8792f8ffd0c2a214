//! Jobs: followed to their ends, narrowed down, and prepared.

use serde_json::{Value, json};

use crate::{Answer, Fake};

fn created(agents: &[(i64, &str)]) -> Answer {
    let jobs: Vec<Value> = agents
        .iter()
        .map(|(id, agent)| json!({"id": id, "agent_id": id, "agent": agent, "state": "queued"}))
        .collect();
    (201, json!({"execution_id": 1, "jobs": jobs}).to_string())
}

fn state(id: i64, agent: &str, state: &str, exit_code: Option<i32>) -> String {
    let job = json!({
        "id": id, "type": "command", "payload": {"argv": ["true"]}, "summary": "true", "agent_id": id,
        "agent": agent, "organization_id": 1, "execution_id": 1, "batch": 1, "state": state, "priority": "normal", "timeout_seconds": 300,
        "not_before": null, "created_at": "2026-11-22T09:30:00Z", "created_by": "anna", "attempt": 1,
        "cancel_requested": false, "started_at": null, "finished_at": null, "exit_code": exit_code,
        "reason": exit_code.map(|code| format!("Exit code {code}")), "waits": null,
    });
    format!("event: state\ndata: {job}\n\n")
}

/// Queued, and why.
fn waiting(id: i64, agent: &str, reason: &str, text: &str) -> String {
    let wait = json!({"reason": reason, "text": text, "job_id": null});
    state(id, agent, "queued", None).replace("\"waits\":null", &format!("\"waits\":{wait}"))
}

fn output(stream: &str, offset: usize, text: &str) -> String {
    let segment = json!({"offset": offset, "bytes": text.len(), "text": text});
    let event = json!({"attempt": 1, "stream": stream, "segment": segment});
    format!("event: output\ndata: {event}\n\n")
}

const END: &str = "event: end\ndata: {}\n\n";

fn kept(text: &str) -> Value {
    let segments = if text.is_empty() {
        json!([])
    } else {
        json!([{"offset": 0, "bytes": text.len(), "text": text}])
    };
    json!({"segments": segments, "total_bytes": text.len(), "cut_bytes": 0})
}

#[tokio::test]
async fn waiting_for_one_job_gives_its_output_and_its_exit_code() {
    for (word, code, expected) in [
        ("completed", Some(0), 0),
        ("failed", Some(3), 3),
        ("failed", None, 125),
        ("timeout", None, 124),
        ("unknown", None, 125),
        ("cancelled", None, 125),
    ] {
        let fake = Fake::start(move |_, line| match line {
            "POST /api/v1/jobs" => created(&[(42, "web1")]),
            "GET /api/v1/jobs/42/events" => (200, state(42, "web1", word, code) + END),
            "GET /api/v1/jobs/42/output?attempt=1" => {
                let body =
                    json!({"attempt": 1, "stdout": kept("out\n"), "stderr": kept("err\n"), "complete": true});
                (200, body.to_string())
            }
            "GET /api/v1/jobs/42/output/stdout?attempt=1" => (200, "out\u{1b}[2J\n".into()),
            "GET /api/v1/jobs/42/output/stderr?attempt=1" => (200, "err\n".into()),
            other => panic!("{other}"),
        })
        .await;
        let run = fake
            .run(&["job", "run", "--agent", "web1", "--wait", "--", "echo", "a b"])
            .await;
        assert_eq!(run.code, expected, "{word} {code:?}: {run:?}");
        assert_eq!(run.stdout, "out\u{1b}[2J\n", "raw when no terminal listens");
        assert!(run.stderr.starts_with("err\n"), "{run:?}");
        let asked = fake.asked();
        assert!(
            asked[0].contains(r#""payload":{"argv":["echo","a b"],"shell":false}"#),
            "{asked:?}"
        );
    }
}

#[tokio::test]
async fn following_goes_on_after_a_restart_of_the_server_and_repeats_nothing() {
    let fake = Fake::start(|before, line| match (before, line) {
        (_, "POST /api/v1/jobs") => created(&[(42, "web1")]),
        (0, _) => (
            200,
            state(42, "web1", "running", None)
                + &output("stdout", 0, "one\ntw")
                + &output("stderr", 0, "oops\n"),
        ),
        (1, _) => (503, "restarting".into()),
        _ => (
            200,
            state(42, "web1", "running", None)
                + &output("stdout", 0, "one\ntwo\nthr")
                + &output("stderr", 0, "oops\n")
                + &output("stdout", 11, "ee\n")
                + &state(42, "web1", "failed", Some(7))
                + END,
        ),
    })
    .await;
    let run = fake
        .run(&["job", "run", "--agent", "web1", "--follow", "--", "x"])
        .await;
    assert_eq!(run.code, 7, "{run:?}");
    assert_eq!(run.stdout, "one\ntwo\nthree\n");
    assert!(
        run.stderr.starts_with("oops\n") && run.stderr.matches("oops").count() == 1,
        "{run:?}"
    );
}

#[tokio::test]
async fn several_jobs_are_told_apart_and_all_must_complete() {
    let fake = Fake::start(|_, line| match line {
        "POST /api/v1/jobs" => created(&[(1, "web1"), (2, "database")]),
        "GET /api/v1/jobs/1/events" => (
            200,
            output("stdout", 0, "a\nb\rdatabase | forged\n") + &state(1, "web1", "completed", Some(0)) + END,
        ),
        "GET /api/v1/jobs/2/events" => (
            200,
            output("stdout", 0, "no end") + &state(2, "database", "failed", Some(9)) + END,
        ),
        other => panic!("{other}"),
    })
    .await;
    let run = fake.run(&["job", "run", "--all", "--follow", "--", "x"]).await;
    assert_eq!(run.code, 1, "{run:?}");
    for line in [
        "web1     | a\n",
        "web1     | bdatabase | forged\n",
        "database | no end\n",
    ] {
        assert!(run.stdout.contains(line), "{line:?} in {run:?}");
    }
    assert!(run.stdout.contains("Exit code 9"), "{run:?}");
}

#[tokio::test]
async fn a_variable_of_a_command_is_sent_as_it_was_written_and_a_bad_one_never() {
    let fake = Fake::start(|_, line| match line {
        "POST /api/v1/jobs" => created(&[(42, "web1")]),
        other => panic!("{other}"),
    })
    .await;
    let run = |variable: &'static str| {
        let fake = &fake;
        async move {
            let arguments = ["job", "run", "--agent", "web1", "--env", variable, "--", "env"];
            fake.run(&arguments).await
        }
    };
    for (variable, named) in [
        ("LEVEL", "'LEVEL'"),
        ("=1", "'=1'"),
        ("LD_PRELOAD=/tmp/x.so", "environment.LD_PRELOAD"),
    ] {
        let refused = run(variable).await;
        assert!(
            refused.code == 2 && refused.stderr.contains(named),
            "{variable}: {refused:?}"
        );
    }
    assert!(fake.asked().is_empty(), "{:?}", fake.asked());
    let sent = run("LEVEL=a=b c").await;
    assert_eq!(sent.code, 0, "{sent:?}");
    let asked = fake.asked();
    assert!(
        asked[0].contains(r#""environment":{"LEVEL":"a=b c"}"#),
        "{asked:?}"
    );
}

#[tokio::test]
async fn executions_are_narrowed_down_by_the_name_of_an_action_or_by_an_id_that_is_gone() {
    let fake = Fake::start(|_, line| match line {
        "GET /api/v1/actions?limit=500&filter=name%3Arestart" => {
            let action = json!({
                "id": 12, "name": "restart", "description": "", "organization_id": null, "department_id": null,
                "type": "command", "version": 1, "draft_differs": false, "may_run": true,
                "created_at": "2026-11-22T09:30:00Z", "created_by": "anna",
                "updated_at": "2026-11-22T09:30:00Z", "updated_by": "anna",
            });
            (200, json!({"items": [action]}).to_string())
        }
        line if line.starts_with("GET /api/v1/actions?") => (200, json!({"items": []}).to_string()),
        line if line.starts_with("GET /api/v1/executions?") => (200, json!({"items": []}).to_string()),
        other => panic!("{other}"),
    })
    .await;
    for (named, filter) in [
        ("restart", "filter=action%3A12"),
        ("4711", "filter=action%3A4711"),
    ] {
        let run = fake.run(&["execution", "list", "--action", named]).await;
        assert_eq!(run.code, 0, "{run:?}");
        let asked = fake.asked().pop().unwrap();
        assert!(asked.contains(filter), "{named}: {asked}");
    }
    let run = fake.run(&["execution", "list", "--action", "nobody"]).await;
    assert!(
        run.code == 4 && run.stderr.contains("postern action list"),
        "{run:?}"
    );
}

#[tokio::test]
async fn a_dry_run_prints_what_a_policy_wants() {
    let fake = Fake::start(|_, line| {
        assert_eq!(line, "POST /api/v1/jobs/preview");
        let preview = json!({
            "summary": "bash", "payload_sha256": "aa", "content_sha256": "bb17", "batches": 1, "hosts": [],
        });
        (200, preview.to_string())
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("check.sh");
    std::fs::write(&script, "echo hi\n").unwrap();
    let script = script.to_str().unwrap();
    let dry = ["job", "run", "--agent", "web1", "--script", script, "--dry-run"];
    let run = fake.run(&dry).await;
    assert!(
        run.code == 0 && run.stderr.contains("as a policy names it: bb17"),
        "{run:?}"
    );
}

#[tokio::test]
async fn a_drawn_password_is_printed_once_it_holds() {
    for (word, code, expected, stdout) in [("completed", Some(0), 0, "drawn-7\n"), ("failed", None, 125, "")]
    {
        let fake = Fake::start(move |_, line| match line {
            "POST /api/v1/jobs" => {
                let job = json!({"id": 42, "agent_id": 7, "agent": "web1", "state": "queued"});
                let body = json!({"execution_id": 1, "jobs": [job], "generated_password": "drawn-7"});
                (201, body.to_string())
            }
            "GET /api/v1/jobs/42/events" => (200, state(42, "web1", word, code) + END),
            "GET /api/v1/jobs/42/output?attempt=1" => {
                let body = json!({"attempt": 1, "stdout": kept(""), "stderr": kept(""), "complete": true});
                (200, body.to_string())
            }
            other => panic!("{other}"),
        })
        .await;
        let reset = ["job", "user", "reset-password", "anna", "--agent", "web1"];
        let run = fake.run(&[&reset[..], &["--wait"]].concat()).await;
        assert_eq!((run.code, run.stdout.as_str()), (expected, stdout), "{run:?}");
        // A wait that breaks off must not lose it.
        assert!(
            run.stderr.contains("does not hold where the job fails: drawn-7"),
            "{run:?}"
        );
        let at_once = fake.run(&reset).await;
        assert!(
            at_once.stdout.starts_with("drawn-7\n")
                && at_once.stderr.contains("only where the job completes"),
            "{at_once:?}"
        );
    }
}

#[tokio::test]
async fn why_jobs_wait_is_told_without_a_terminal_and_of_several() {
    const OFF: &str = "The agent is switched off (inactive)";
    let fake = Fake::start(|_, line| match line {
        "POST /api/v1/jobs" => created(&[(1, "web1"), (2, "web2")]),
        "GET /api/v1/jobs/1/events" => (
            200,
            waiting(1, "web1", "agent_inactive", OFF) + &state(1, "web1", "completed", Some(0)) + END,
        ),
        "GET /api/v1/jobs/2/events" => (
            200,
            waiting(2, "web2", "batch", "Its batch has not begun")
                + &state(2, "web2", "completed", Some(0))
                + END,
        ),
        line if line.starts_with("GET /api/v1/jobs?") => {
            let event = waiting(1, "web1", "agent_inactive", OFF);
            let job = event.lines().nth(1).unwrap().strip_prefix("data: ").unwrap();
            (200, format!("{{\"items\":[{job}]}}"))
        }
        other => panic!("{other}"),
    })
    .await;
    let run = fake.run(&["job", "run", "--all", "--wait", "--", "true"]).await;
    assert_eq!(run.code, 0, "{run:?}");
    assert!(
        run.stderr.contains(&format!("job 1 on web1 waits: {OFF}")),
        "{run:?}"
    );
    assert!(!run.stderr.contains("batch"), "they were asked for: {run:?}");
    let list = fake.run(&["job", "list"]).await;
    assert!(
        list.stdout.contains("WAITS") && list.stdout.contains(OFF),
        "{list:?}"
    );
}
