//! Answers that are ready before their request has come whole, over HTTP/2.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, future::ready, stream};
use postern_testkit::{Answer, LIMIT, TestServer};
use reqwest::{Body, Method, RequestBuilder, Version};

use crate::no;

const PIECE: usize = 16 * 1024;
const MIB: usize = 1024 * 1024;

/// Pieces that are made as they are taken, and how many were. More than 256 KiB is not taken before the server reads.
fn pieces(
    count: usize,
) -> (
    impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    Arc<AtomicUsize>,
) {
    let made = Arc::new(AtomicUsize::new(0));
    let counted = made.clone();
    let piece = move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(Bytes::from_static(&[b' '; PIECE]))
    };
    (stream::iter((0..count).map(piece)), made)
}

fn post(server: &TestServer, path: &str) -> RequestBuilder {
    let request = server.wire().request(Method::POST, path);
    request.header("content-type", "application/json")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_goes_only_when_its_request_has_come() {
    let server = TestServer::start().await;
    let admin = server.admin_token();
    for (path, token, status, code) in [
        ("/api/v1/nothing", admin, 404, "not_found"),
        ("/api/v1/jobs", "pst_wrong", 401, "token_invalid"),
        ("/api/v1/jobs", admin, 422, "invalid_request"),
        ("/api/v1/jobs/9/cancel", admin, 404, "not_found"),
        ("/api/v1/jobs/9", admin, 405, "method_not_allowed"),
        ("/agent/v1/nothing", admin, 404, "not_found"),
    ] {
        let (body, made) = pieces(MIB / PIECE);
        let request = post(&server, path)
            .bearer_auth(token)
            .header("idempotency-key", "short")
            .body(Body::wrap_stream(body))
            .timeout(LIMIT);
        let response = request.send().await.unwrap();
        assert_eq!(response.version(), Version::HTTP_2);
        assert_eq!(made.load(Ordering::SeqCst), MIB / PIECE, "{path}");
        let problem: postern_api::Problem = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        assert_eq!((problem.status, problem.code), no(status, code), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_is_read_for_it_than_a_request_may_have() {
    let server = TestServer::start().await;
    let (body, made) = pieces(usize::MAX);
    let request = post(&server, "/api/v1/nothing").body(Body::wrap_stream(body));
    assert_eq!(Answer::of(request).await.status, 404);
    let made = made.load(Ordering::SeqCst) * PIECE;
    assert!((4 * MIB..5 * MIB).contains(&made), "{made} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_announced_as_longer_is_not_waited_for() {
    let server = TestServer::start().await;
    let (body, made) = pieces(5 * MIB / PIECE);
    let request = post(&server, "/api/v1/nothing")
        .header("content-length", 5 * MIB)
        .body(Body::wrap_stream(body));
    assert_eq!(Answer::of(request).await.status, 404);
    let made = made.load(Ordering::SeqCst) * PIECE;
    assert!(made < MIB, "{made} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_never_ends_gets_its_refusal() {
    let server = TestServer::start().await;
    let begun = stream::once(ready(Ok::<_, std::io::Error>(Bytes::from_static(b"{"))));
    let body = Body::wrap_stream(begun.chain(stream::pending()));
    let answer = Answer::of(post(&server, "/api/v1/nothing").body(body)).await;
    assert_eq!((answer.status, answer.code()), no(404, "not_found"));
}
