//! The program as a whole, against a fake server on plain HTTP that answers as the contract says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod approvals;
mod every_command;
mod executions;
mod files;
mod jobs;
mod schedules;

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
use serde_json::json;
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
