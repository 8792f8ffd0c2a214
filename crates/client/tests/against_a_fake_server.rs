//! The client against a fake server on plain HTTP that answers as the contract says, or as it must not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    future::IntoFuture as _,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Response, StatusCode},
};
use bytes::Bytes;
use postern_api::{
    ListRequest,
    agents::{AgentCreate, AgentUpdate},
    executions::ArchiveFormat,
    identity::SessionCreate,
    jobs::StreamName,
};
use postern_client::{Client, Credentials, Error, IdempotencyKey, JobEvent, Secret, Trust};
use postern_domain::{AgentId, ExecutionId, JobId};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What the fake was asked, in order.
#[derive(Debug, Clone)]
struct Asked {
    line: String,
    headers: HeaderMap,
}

impl Asked {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

type Answer = (u16, &'static [(&'static str, &'static str)], String);
type Script = Box<dyn Fn(usize, &str) -> Answer + Send + Sync>;

#[derive(Clone)]
struct Fake {
    asked: Arc<Mutex<Vec<Asked>>>,
    script: Arc<Script>,
    url: String,
}

impl Fake {
    /// `script` gets the number of the request, from 0, and `METHOD /path?query`.
    async fn start(script: impl Fn(usize, &str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::serve(listener, script)
    }

    fn serve(listener: TcpListener, script: impl Fn(usize, &str) -> Answer + Send + Sync + 'static) -> Self {
        let fake = Self {
            asked: Arc::default(),
            script: Arc::new(Box::new(script)),
            url: format!("http://{}", listener.local_addr().unwrap()),
        };
        let router = Router::new().fallback(answer).with_state(fake.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        fake
    }

    fn client(&self, credentials: &Credentials) -> Client {
        Client::new(&self.url, credentials, &Trust::System).unwrap()
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(State(fake): State<Fake>, request: Request) -> Response<Body> {
    let line = format!("{} {}", request.method(), request.uri());
    let number = {
        let mut asked = fake.asked.lock().unwrap();
        asked.push(Asked {
            line: line.clone(),
            headers: request.headers().clone(),
        });
        asked.len() - 1
    };
    let (status, headers, body) = (fake.script)(number, &line);
    let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Body::from(body)).unwrap()
}

fn agent(id: i64) -> Value {
    json!({
        "id": id, "name": format!("web{id}"), "organization_id": 1, "organization": "default",
        "department_id": null, "department": null, "labels": {}, "active": true, "health": "running",
        "connection": "connected", "credential": "live", "credential_expires_at": null,
        "enrollment_expires_at": null, "created_at": "2026-11-22T09:30:00Z", "last_seen_at": null,
        "version": null, "hostname": null, "os": null, "arch": null, "languages": [], "root": null, "slots": 4,
    })
}

fn enrollment() -> String {
    json!({
        "agent": agent(1), "enrollment_token": "t", "expires_at": "2026-11-22T10:30:00Z",
        "docker_command": "d", "install_command": "i", "run_command": "r",
    })
    .to_string()
}

fn new_agent() -> AgentCreate {
    AgentCreate {
        name: "web1".into(),
        organization_id: None,
        department_id: None,
        labels: Default::default(),
    }
}

#[tokio::test]
async fn a_creation_is_repeated_under_the_same_key_until_it_is_answered() {
    let fake = Fake::start(|number, _| match number {
        0 => (503, &[], "restarting".into()),
        1 => (502, &[], "<html>".into()),
        _ => (201, &[], enrollment()),
    })
    .await;
    let key = IdempotencyKey::random();
    let created = fake
        .client(&Credentials::None)
        .agent_create(&new_agent(), &key)
        .await
        .unwrap();
    assert_eq!(created.agent.id, AgentId(1));
    let asked = fake.asked();
    assert_eq!(asked.len(), 3);
    for request in asked {
        assert_eq!(request.line, "POST /api/v1/agents");
        assert_eq!(request.header("idempotency-key"), key.as_str());
        assert_eq!(request.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn a_cut_connection_is_survived_by_a_creation() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        drop(listener.accept().await.unwrap());
        Fake::serve(listener, |_, _| (201, &[], enrollment()))
    });
    let client = Client::new(&url, &Credentials::None, &Trust::System).unwrap();
    let created = client.agent_create(&new_agent(), &IdempotencyKey::random()).await;
    assert_eq!(created.unwrap().enrollment_token, "t");
    assert_eq!(serving.await.unwrap().asked().len(), 1);
}

#[tokio::test]
async fn a_change_is_tried_once() {
    let fake = Fake::start(|_, _| (503, &[], String::new())).await;
    let client = fake.client(&Credentials::None);
    let error = client
        .agent_update(AgentId(7), &AgentUpdate::default())
        .await
        .unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(client.job_cancel(JobId(9)).await.is_err());
    let lines: Vec<String> = fake.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(lines, ["PATCH /api/v1/agents/7", "POST /api/v1/jobs/9/cancel"]);
}

#[tokio::test]
async fn a_refusal_is_a_problem_and_anything_else_is_not_postern() {
    let problem = json!({
        "type": "/docs/errors#conflict", "title": "Conflict", "status": 409, "code": "conflict",
        "detail": "the name is taken: choose another", "errors": [{"field": "name", "message": "is taken"}],
    });
    let fake = Fake::start(move |number, _| match number {
        0 => (
            409,
            &[("content-type", "application/problem+json")],
            problem.to_string(),
        ),
        1 => (404, &[], "<html>not found</html>".into()),
        2 => (200, &[], "{}".into()),
        _ => (302, &[("location", "http://elsewhere/")], String::new()),
    })
    .await;
    let client = fake.client(&Credentials::None);
    let refused = client
        .agent_create(&new_agent(), &IdempotencyKey::random())
        .await
        .unwrap_err();
    assert_eq!(refused.problem().unwrap().errors[0].field, "name");
    assert_eq!(refused.to_string(), "the name is taken: choose another");
    for status in [404, 200, 302] {
        let error = client.agent_show(AgentId(1)).await.unwrap_err();
        assert!(matches!(error, Error::Decode { .. }), "{error}");
        assert_eq!(error.status(), Some(status));
    }
}

#[tokio::test]
async fn nobody_there_is_a_transport_error_that_names_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::new(&url, &Credentials::None, &Trust::System).unwrap();
    let error = client
        .agent_delete(AgentId(1), postern_client::Revoke::No)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Transport { .. }) && error.is_transient());
    assert!(error.to_string().contains(&url), "{error}");
}

#[tokio::test]
async fn a_sign_in_gives_the_credentials_of_its_session() {
    let session = json!({
        "user": {"id": 1, "tenant_id": 1, "username": "admin", "display_name": "", "active": true,
                 "created_at": "2026-11-22T09:30:00Z", "last_sign_in_at": null, "bindings": []},
        "permissions": ["jobs.view"], "csrf_token": "c5rf", "expires_at": "2026-11-22T21:30:00Z",
    });
    let fake = Fake::start(move |number, _| match number {
        0 => (
            201,
            &[
                ("set-cookie", "other=1; Path=/"),
                (
                    "set-cookie",
                    "__Host-postern_session=s3cret; Path=/; Secure; HttpOnly; SameSite=Strict",
                ),
            ],
            session.to_string(),
        ),
        _ => (204, &[], String::new()),
    })
    .await;
    let anonymous = fake.client(&Credentials::None);
    let request = SessionCreate {
        username: "admin".into(),
        password: "p".into(),
    };
    let signed_in = anonymous.session_create(&request).await.unwrap();
    assert!(!format!("{signed_in:?}").contains("s3cret"));
    let client = anonymous.with_credentials(&signed_in.credentials).unwrap();
    client.session_delete().await.unwrap();
    let asked = fake.asked();
    assert_eq!(asked[0].header("cookie"), "");
    assert_eq!(asked[1].header("cookie"), "__Host-postern_session=s3cret");
    assert_eq!(asked[1].header("x-csrf-token"), "c5rf");
}

#[tokio::test]
async fn lists_are_read_page_by_page_up_to_the_limit() {
    let fake = Fake::start(|_, line| {
        let (ids, next) = if line.contains("cursor=b") {
            ([3, 4], "c")
        } else {
            ([1, 2], "b")
        };
        let items: Vec<Value> = ids.into_iter().map(agent).collect();
        (200, &[], json!({"items": items, "next_cursor": next}).to_string())
    })
    .await;
    let client = fake.client(&Credentials::Token(Secret::new("pst_x")));
    let request = ListRequest {
        search: Some("a b&c".into()),
        filter: vec![("label".into(), "env=prod".into())],
        ..ListRequest::default()
    };
    let page = client.agent_list_all(&request, 4).await.unwrap();
    assert_eq!(page.items.len(), 4);
    assert_eq!(page.next_cursor.as_deref(), Some("c"));
    let asked = fake.asked();
    assert_eq!(asked[0].header("authorization"), "Bearer pst_x");
    assert_eq!(
        asked[0].line,
        "GET /api/v1/agents?limit=4&search=a+b%26c&filter=label%3Aenv%3Dprod"
    );
    assert_eq!(asked.len(), 2);
}

#[tokio::test]
async fn events_of_a_job_come_in_order_and_end() {
    let fake = Fake::start(|_, _| {
        let output =
            json!({"attempt": 1, "stream": "stdout", "segment": {"offset": 0, "bytes": 3, "text": "hi\n"}});
        let body = format!(
            ": hello\n\nevent: news\ndata: 1\n\nevent: output\ndata: {output}\n\nevent: end\ndata: {{}}\n\n"
        );
        (200, &[("content-type", "text/event-stream")], body)
    })
    .await;
    let mut events = fake
        .client(&Credentials::None)
        .job_events(JobId(42))
        .await
        .unwrap();
    let Some(JobEvent::Output(output)) = events.next().await.unwrap() else {
        panic!("output comes first");
    };
    assert_eq!(
        (output.stream, output.segment.text.as_str()),
        (StreamName::Stdout, "hi\n")
    );
    assert_eq!(events.next().await.unwrap(), Some(JobEvent::End));
    assert_eq!(events.next().await.unwrap(), None);
    assert_eq!(fake.asked()[0].header("accept"), "text/event-stream");
}

/// Bytes of what `sending` sends at a time.
const PIECE: usize = 1024 * 1024;

/// A server that answers everything with so many pieces, and breaks off behind them if there is an error to do so with.
/// Counts what it was asked.
async fn sending(pieces: usize, broken: Option<io::ErrorKind>) -> (Client, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let answer = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        let whole = std::iter::repeat_n(Bytes::from(vec![0_u8; PIECE]), pieces).map(Ok);
        let end = broken.map(|kind| Err(io::Error::from(kind)));
        let body = Body::from_stream(futures_util::stream::iter(whole.chain(end)));
        std::future::ready(Response::new(body))
    };
    tokio::spawn(axum::serve(listener, Router::new().fallback(answer)).into_future());
    let client = Client::new(&url, &Credentials::None, &Trust::System).unwrap();
    (client, asked)
}

#[tokio::test]
async fn a_download_has_no_bound_and_comes_piece_by_piece() {
    /// More than an answer that is read into memory may have.
    const PIECES: usize = 257;
    let (client, _) = sending(PIECES, None).await;
    let mut download = client
        .execution_download(ExecutionId(7), ArchiveFormat::Zip)
        .await
        .unwrap();
    let mut bytes = 0;
    while let Some(piece) = download.next().await.unwrap() {
        assert!(piece.len() <= PIECE, "{} bytes at once", piece.len());
        bytes += piece.len();
    }
    assert_eq!(bytes, PIECES * PIECE);
}

#[tokio::test]
async fn a_download_that_breaks_off_is_an_error_and_not_begun_again() {
    let (client, asked) = sending(3, Some(io::ErrorKind::BrokenPipe)).await;
    let mut download = client
        .execution_download(ExecutionId(7), ArchiveFormat::Json)
        .await
        .unwrap();
    let mut bytes = 0;
    let error = loop {
        match download.next().await {
            Ok(Some(piece)) => bytes += piece.len(),
            Ok(None) => panic!("it looks whole after {bytes} bytes"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Transport { .. }), "{error}");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_download_is_asked_for_again_until_it_begins() {
    let fake = Fake::start(|number, _| match number {
        0 => (503, &[], "restarting".into()),
        _ => (200, &[], "[]".into()),
    })
    .await;
    let mut download = fake
        .client(&Credentials::None)
        .execution_download(ExecutionId(7), ArchiveFormat::Json)
        .await
        .unwrap();
    assert_eq!(download.next().await.unwrap().unwrap(), "[]");
    assert!(download.next().await.unwrap().is_none());
    let lines: Vec<String> = fake.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(lines, ["GET /api/v1/executions/7/download/json"; 2]);
}
