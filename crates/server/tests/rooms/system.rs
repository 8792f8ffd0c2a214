//! What every answer has, whatever was asked.

use postern_domain::{
    TenantId,
    permission::{Permission, Role, Scope},
};
use postern_testkit::{Answer, TestServer, argv, key, on};
use reqwest::Method;

use crate::no;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_readiness_and_metrics() {
    let server = TestServer::start().await;
    let agent = server.agent("web-1").await;
    assert_eq!(server.wire().get("/healthz").await.status, 200);
    assert_eq!(server.wire().get("/readyz").await.status, 200);
    let answer = server.wire().get("/metrics").await;
    assert_eq!((answer.status, answer.code()), no(401, "not_signed_in"));
    let metrics =
        |token: String| Answer::of(server.wire().request(Method::GET, "/metrics").bearer_auth(token));
    let tenant = server
        .person(TenantId(1), &[(Role::TenantOwner, Scope::Tenant(TenantId(1)))])
        .await;
    let answer = metrics(tenant.token).await;
    assert_eq!(
        (answer.status, answer.code()),
        no(403, "permission_missing"),
        "it tells of every tenant"
    );
    let support = server
        .person(TenantId(1), &[(Role::CustomerSupport, Scope::Cluster)])
        .await;
    assert_eq!(
        metrics(server.token(support.id, Some(&[Permission::AuditView])).await)
            .await
            .status,
        403
    );
    let answer = metrics(support.token).await;
    assert_eq!(answer.status, 200);
    let text = answer.text();
    assert!(
        text.contains("postern_http_requests_total{operation=\"agent_create\",status=\"201\"} 1"),
        "{text}"
    );
    assert!(text.ends_with("# EOF\n"));
    assert_eq!(server.metric("postern_panics_total").await, 0.0);
    let poll = agent.open_poll(&server).await;
    assert_eq!(server.metric("postern_agent_polls").await, 1.0);
    poll.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_a_problem_document() {
    let server = TestServer::start().await;
    for path in [
        "/api/v1/nothing",
        "/api/v2/agents",
        "/api/",
        "/agent/v1/nothing",
        "/api/v1/agents/1/2/3",
    ] {
        let answer = server.wire().get(path).await;
        assert_eq!((answer.status, answer.code()), no(404, "not_found"), "{path}");
    }
    for (method, path) in [
        (Method::PUT, "/api/v1/agents"),
        (Method::DELETE, "/api/v1/jobs"),
        (Method::PATCH, "/healthz"),
        (Method::GET, "/agent/v1/enroll"),
        (Method::POST, "/some/page"),
    ] {
        let answer = Answer::of(server.wire().request(method.clone(), path)).await;
        assert_eq!(
            (answer.status, answer.code()),
            no(405, "method_not_allowed"),
            "{method} {path}"
        );
        assert!(
            path == "/some/page" || !answer.header("allow").is_empty(),
            "{method} {path}"
        );
        assert!(
            path.starts_with("/agent/v1/") || answer.header("x-content-type-options") == "nosniff",
            "{method} {path}"
        );
    }
    for path in [
        "/api/v1/agents/abc",
        "/api/v1/jobs/1.5",
        "/api/v1/jobs/99999999999999999999/output",
    ] {
        let answer = Answer::of(
            server
                .wire()
                .request(Method::GET, path)
                .bearer_auth(server.admin_token()),
        )
        .await;
        assert_eq!((answer.status, answer.code()), no(400, "path_invalid"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_bodies_are_refused() {
    let server = TestServer::start().await;
    let post = |kind: Option<&'static str>, body: Vec<u8>| {
        let mut request = server
            .wire()
            .request(Method::POST, "/api/v1/agents")
            .bearer_auth(server.admin_token());
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        Answer::of(request.body(body))
    };
    const JSON: Option<&str> = Some("application/json");
    let nested = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000)).into_bytes();
    for (kind, body, status, code) in [
        (None, b"{}".to_vec(), 400, "not_json"),
        (Some("text/plain"), b"{}".to_vec(), 400, "not_json"),
        (
            Some("application/x-www-form-urlencoded"),
            b"name=a".to_vec(),
            400,
            "not_json",
        ),
        (JSON, b"".to_vec(), 400, "json_syntax"),
        (JSON, b"{\"name\":".to_vec(), 400, "json_syntax"),
        (JSON, b"{\"name\":\"a\"} x".to_vec(), 400, "json_syntax"),
        (JSON, b"{\"name\":\"\xff\"}".to_vec(), 400, "json_syntax"),
        (JSON, b"{}".to_vec(), 422, "invalid_request"),
        (JSON, b"{\"name\":5}".to_vec(), 422, "invalid_request"),
        (
            JSON,
            b"{\"name\":\"a\",\"nmae\":1}".to_vec(),
            422,
            "invalid_request",
        ),
        (
            JSON,
            b"{\"name\":\"a\",\"name\":\"b\"}".to_vec(),
            422,
            "invalid_request",
        ),
        (JSON, nested, 422, "invalid_request"),
        (JSON, vec![b' '; 4 * 1024 * 1024 + 1], 413, "too_large"),
    ] {
        let length = body.len();
        let answer = post(kind, body).await;
        assert_eq!(
            (answer.status, answer.code()),
            no(status, code),
            "{kind:?}, {length} bytes"
        );
    }
    let mut largest = b"{\"name\":\"a\"}".to_vec();
    largest.resize(4 * 1024 * 1024, b' ');
    assert_eq!(
        post(Some("Application/JSON; charset=utf-8"), largest)
            .await
            .status,
        201
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_another_shape_is_refused_for_the_field() {
    let server = TestServer::start().await;
    let job = |work: &str, more: &str| format!("{{{work}, \"targets\": {{\"all\": true}}{more}}}");
    let command = r#""type": "command", "payload": {"argv": ["true"]}"#;
    for (body, field, message) in [
        (
            job(command, r#", "rolling": {"batch": 5}"#),
            "rolling.batch",
            "has another shape than it takes: compare it with the OpenAPI document",
        ),
        (
            job(command, r#", "timeout_seconds": "1""#),
            "timeout_seconds",
            "invalid type: string \"1\", expected u32",
        ),
        (
            job(r#""payload": {"argv": ["a", 1]}, "type": "command""#, ""),
            "payload.argv[1]",
            "invalid type: integer `1`, expected a string",
        ),
        (
            job(r#""type": "command", "payload": {}"#, ""),
            "payload",
            "missing field `argv`",
        ),
        (job(command, r#", "more": 1"#), "body", "unknown field `more`"),
        ("[]".to_owned(), "body", "invalid"),
    ] {
        let request = server
            .wire()
            .request(Method::POST, "/api/v1/jobs")
            .bearer_auth(server.admin_token())
            .header("content-type", "application/json");
        let answer = Answer::of(request.body(body.clone())).await;
        assert_eq!(
            (answer.status, answer.code()),
            no(422, "invalid_request"),
            "{body}"
        );
        let problem: postern_api::Problem = answer.json();
        assert_eq!(problem.errors[0].field, field, "{body}");
        assert!(
            problem.errors[0].message.starts_with(message) && !problem.detail.contains("column"),
            "{problem:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_part_of_an_address_is_named() {
    let server = TestServer::start().await;
    for (path, detail) in [
        (
            "/api/v1/jobs/7/output/foo",
            "The address has `foo` where it takes `stdout` or `stderr`.",
        ),
        (
            "/api/v1/executions/7/download/tar",
            "The address has `tar` where it takes `zip` or `json`.",
        ),
        (
            "/api/v1/jobs/abc/output/stdout",
            "The address has \"abc\" where it takes a number. Take ids and versions from the lists.",
        ),
        (
            "/api/v1/jobs/abc",
            "The address has \"abc\" where it takes a number. Take ids and versions from the lists.",
        ),
    ] {
        let request = server
            .wire()
            .request(Method::GET, path)
            .bearer_auth(server.admin_token());
        let answer = Answer::of(request).await;
        assert_eq!((answer.status, answer.code()), no(400, "path_invalid"), "{path}");
        assert_eq!(answer.json::<postern_api::Problem>().detail, detail);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_queries_are_refused() {
    let server = TestServer::start().await;
    let long = format!("search={}", "x".repeat(801));
    let many_filters = vec!["filter=name:a"; 21].join("&");
    let many_values = format!("filter=name:{}", vec!["a"; 51].join(","));
    for query in [
        "limit=0",
        "limit=501",
        "limit=-1",
        "limit=ten",
        "page=2",
        "sort=colour",
        "filter=name",
        "filter=colour:red",
        "filter=label:noequals",
        "filter=active:maybe",
        "search=%00",
        &long,
        &many_filters,
        &many_values,
    ] {
        let request = server
            .wire()
            .request(Method::GET, &format!("/api/v1/agents?{query}"));
        let answer = Answer::of(request.bearer_auth(server.admin_token())).await;
        assert_eq!(
            (answer.status, answer.code()),
            no(422, "invalid_request"),
            "{query}"
        );
    }
    for cursor in ["x", "00", "ff", "2d313a"] {
        let request = server.wire().request(
            Method::GET,
            &format!("/api/v1/agents?sort=created_at&cursor={cursor}"),
        );
        let answer = Answer::of(request.bearer_auth(server.admin_token())).await;
        assert_eq!(
            (answer.status, answer.code()),
            no(400, "cursor_invalid"),
            "{cursor}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_tells_browsers_to_be_careful() {
    let server = TestServer::start().await;
    for path in [
        "/",
        "/api/v1/session",
        "/api/v1/openapi.json",
        "/agent/install.sh",
        "/healthz",
        "/assets/none.js",
    ] {
        let answer = server.wire().get(path).await;
        let policy = answer.header("content-security-policy");
        for part in [
            "default-src 'self'",
            "object-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        let scripts = policy
            .split(';')
            .find(|part| part.trim().starts_with("script-src"))
            .unwrap_or_default();
        assert!(!scripts.contains("unsafe"), "{path}: {scripts}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), value, "{path}");
        }
        assert!(
            answer.header("strict-transport-security").starts_with("max-age="),
            "{path}"
        );
    }
    for path in ["/api/v1/session", "/agent/ca.pem"] {
        let answer = server.wire().get(path).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
    assert_eq!(server.wire().get("/assets/none.js").await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_texts_are_compressed_and_streams_are_not() {
    let server = TestServer::start().await;
    server.agent("web-1").await;
    let made = server
        .admin()
        .job_create(&on(&["web-1"], argv(&["x"])), &key())
        .await
        .unwrap();
    let events = format!("/api/v1/jobs/{}/events", made.jobs[0].id);
    let asked = async |path: &str| {
        let request = server
            .wire()
            .request(Method::GET, path)
            .bearer_auth(server.admin_token())
            .header("accept-encoding", "gzip");
        let response = request.send().await.unwrap();
        let coding = response.headers().get("content-encoding");
        (
            response.status().as_u16(),
            coding.map(|coding| coding.to_str().unwrap().to_owned()),
        )
    };
    assert_eq!(asked("/api/v1/openapi.json").await, (200, Some("gzip".into())));
    assert_eq!(asked("/healthz").await, (200, None), "a few bytes");
    assert_eq!(asked(&events).await, (200, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_says_nothing_does_not_keep_it_from_stopping() {
    let server = TestServer::start().await;
    let silent = server.wire().silent().await;
    server.stop().await.unwrap();
    drop(silent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_starts_again_on_its_data_with_the_same_keys_and_people() {
    let mut server = TestServer::start().await;
    let agent = server.agent("web-1").await;
    let ca = server.wire().get("/agent/ca.pem").await.text();
    server.restart().await;
    assert_eq!(server.wire().get("/agent/ca.pem").await.text(), ca);
    server.admin().session_show().await.expect("tokens hold");
    agent.beat().await.expect("credentials hold, and the order key");
}
