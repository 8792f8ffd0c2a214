//! The program as a whole, against a fake server on plain HTTP that answers as the contract says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    future::IntoFuture as _,
    path::Path,
    process::{Output, Stdio},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{Response, StatusCode},
};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpListener, process::Command};

type Answer = (u16, String);
type Script = Box<dyn Fn(usize, &str) -> Answer + Send + Sync>;

#[derive(Clone)]
struct Fake {
    /// `METHOD /path?query` with the body behind it.
    asked: Arc<Mutex<Vec<String>>>,
    script: Arc<Script>,
    url: String,
}

impl Fake {
    /// `script` gets how often the same line came before, and the line `METHOD /path?query`.
    async fn start(script: impl Fn(usize, &str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Self {
            asked: Arc::default(),
            script: Arc::new(Box::new(script)),
            url: format!("http://{}", listener.local_addr().unwrap()),
        };
        let router = Router::new().fallback(answer).with_state(fake.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        fake
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    async fn run(&self, arguments: &[&str]) -> Run {
        let folder = tempfile::tempdir().unwrap();
        let environment = [("POSTERN_URL", self.url.as_str()), ("POSTERN_TOKEN", "pst_test")];
        run(arguments, folder.path(), &environment, "").await
    }
}

async fn answer(State(fake): State<Fake>, request: Request) -> Response<Body> {
    let line = format!("{} {}", request.method(), request.uri());
    let body = to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let before = {
        let mut asked = fake.asked.lock().unwrap();
        let before = asked
            .iter()
            .filter(|earlier| earlier.starts_with(&format!("{line}\n")))
            .count();
        asked.push(format!("{line}\n{}", String::from_utf8_lossy(&body)));
        before
    };
    let (status, body) = (fake.script)(before, &line);
    Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header("set-cookie", "__Host-postern_session=s3cret; Path=/")
        .body(Body::from(body))
        .unwrap()
}

#[derive(Debug)]
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

async fn run(arguments: &[&str], folder: &Path, environment: &[(&str, &str)], stdin: &str) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_postern"))
        .args(arguments)
        .env_clear()
        .env("POSTERN_CONFIG_DIR", folder)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(stdin.as_bytes())
        .await
        .unwrap();
    child.wait_with_output().await.unwrap().into()
}

fn problem(status: u16, detail: &str) -> Answer {
    let body =
        json!({"type": "/docs/errors#x", "title": "X", "status": status, "code": "x", "detail": detail});
    (status, body.to_string())
}

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

fn approval(state: &str) -> String {
    json!({
        "id": 5, "instance_id": 9, "workflow": "rollout", "organization_id": null, "department_id": null,
        "type": "one_of_many", "state": state, "title": "Restart web1?", "description": "Its load is 3.",
        "started_by": "user:2 (ben)", "opened_at": "2026-11-22T09:30:00Z", "deadline": "2026-11-23T09:30:00Z",
        "ended_at": null, "needed": 1, "people": [], "may_answer": true, "work_sha256": "ab12",
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

#[tokio::test]
async fn a_schedule_is_shown_with_what_it_names_and_its_next_ticks() {
    let fake = Fake::start(|_, line| match line {
        "GET /api/v1/schedules/7" => {
            let schedule = json!({
                "id": 7, "name": "nightly", "description": "", "organization_id": null, "department_id": null,
                "definition": {
                    "cron": "30 2 * * *", "max_runs": 3, "targets": {"selector": "env=prod"},
                    "work": {"kind": "script", "script_id": 4}, "blackout": {"calendar_id": 6, "tick": "wait"},
                },
                "cron_text": "At 02:30", "paused": false, "runs": 1, "next_at": "2026-11-23T02:30:00Z",
                "waiting": null, "last_execution_id": null, "last_instance_id": null, "secrets": [], "owner": "anna",
                "created_at": "2026-11-22T09:30:00Z", "created_by": "anna",
                "updated_at": "2026-11-22T09:30:00Z", "updated_by": "anna",
            });
            (200, schedule.to_string())
        }
        "GET /api/v1/scripts/4" => problem(404, "there is no such script"),
        "GET /api/v1/calendars/6" => {
            let calendar = json!({
                "id": 6, "name": "holidays", "description": "", "organization_id": null, "department_id": null,
                "zone": "UTC", "entries": [], "blackout_until": null, "used_by": [],
                "created_at": "2026-11-22T09:30:00Z", "created_by": "anna",
            });
            (200, calendar.to_string())
        }
        "POST /api/v1/schedules/preview" => {
            let ticks = ["2026-11-23T02:30:00Z", "2026-11-24T02:30:00Z", "2026-11-25T02:30:00Z"];
            (200, json!({"text": "At 02:30", "ticks": ticks}).to_string())
        }
        other => panic!("{other}"),
    })
    .await;
    let run = fake.run(&["schedule", "show", "7"]).await;
    assert_eq!(run.code, 0, "{run:?}");
    for said in [
        "script 4, its newest version",
        "calendar holidays (6)",
        "1 of 3",
        "2026-11-23 02:30:00 UTC",
        "2026-11-24 02:30:00 UTC",
    ] {
        assert!(run.stdout.contains(said), "{said}: {}", run.stdout);
    }
    assert!(
        !run.stdout.contains("2026-11-25 02:30:00 UTC"),
        "it runs twice more: {}",
        run.stdout
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
async fn the_schema_of_workflows_needs_no_server_and_no_login() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(&["workflow", "schema"], folder.path(), &[], "").await;
    assert_eq!(run.code, 0, "{run:?}");
    let schema: Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(schema["properties"]["steps"].is_object(), "{schema}");
}
