//! Check-ins: their form, their bounds, and which of two is answered.

use std::time::Instant;

use postern_protocol::{
    limits::HELD_ATTEMPTS,
    messages::{HeldAttempt, Phase},
    path,
};
use postern_testkit::{Answer, TestServer, argv, key, on};

use super::code;
use crate::{no, on_both_databases};

on_both_databases! {
    an_unsupported_protocol_version_is_refused,
    wrong_bodies_are_refused_and_unknown_fields_are_not,
    a_body_beyond_the_bound_is_not_read,
    what_an_agent_holds_is_bounded,
    a_newer_check_in_takes_the_place_of_an_older,
    a_poll_is_answered_when_the_server_stops,
    an_open_poll_gets_a_new_job_at_once,
}

async fn an_unsupported_protocol_version_is_refused(server: TestServer) {
    let agent = server.agent("web-1").await;
    for version in [0, 2] {
        let mut request = agent.hasty();
        request.protocol = version;
        assert_eq!(
            code(agent.send_checkin(&request).await),
            no(400, "version_unsupported")
        );
    }
    agent.beat().await.unwrap();
}

async fn wrong_bodies_are_refused_and_unknown_fields_are_not(server: TestServer) {
    let agent = server.agent("web-1").await;
    let good = serde_json::to_value(agent.hasty()).unwrap();
    let with = |field: &str, value: serde_json::Value| {
        let mut changed = good.clone();
        changed[field] = value;
        changed.to_string()
    };
    for (body, status) in [
        (String::new(), 400),
        ("{".into(), 400),
        ("\u{feff}{}".into(), 400),
        ("null".into(), 422),
        (with("number", (-1).into()), 422),
        (with("number", "1".into()), 422),
        (with("slots", (-4).into()), 422),
        (with("held", "none".into()), 422),
        (
            with("held", serde_json::json!([{"attempt_id": 1, "phase": "lost"}])),
            422,
        ),
        (with("facts", serde_json::json!({"os": 1})), 422),
        (with("invented", serde_json::json!({"by": "a newer agent"})), 200),
    ] {
        let answer = agent.send(path::CHECKIN, body.clone().into_bytes()).await;
        assert_eq!(answer.status, status, "{body} → {}", answer.text());
    }
    // The second is JSON, with a number that is none of those it may be.
    for (bytes, status) in [
        (&b"\xff\xfe"[..], 400),
        (b"{\"protocol\":1,\"number\":1e400}", 422),
    ] {
        assert_eq!(agent.send(path::CHECKIN, bytes.to_vec()).await.status, status);
    }
    for path in [
        "/agent/v1/attempts/x/output",
        "/agent/v1/attempts/99999999999999999999/result",
    ] {
        let answer = agent.send(path, b"{}".to_vec()).await;
        assert_eq!((answer.status, answer.code()), no(400, "path_invalid"));
    }
    let answer = server.wire().get(path::CHECKIN).await;
    assert_eq!((answer.status, answer.code()), no(405, "method_not_allowed"));
    agent.beat().await.unwrap();
}

async fn a_body_beyond_the_bound_is_not_read(server: TestServer) {
    let agent = server.agent("web-1").await;
    let mut request = serde_json::to_vec(&agent.hasty()).unwrap();
    request.resize(postern_protocol::limits::AGENT_BODY_BYTES, b' ');
    assert_eq!(
        agent.send(path::CHECKIN, request.clone()).await.status,
        200,
        "at the bound"
    );
    request.push(b' ');
    let answer = agent.send(path::CHECKIN, request.clone()).await;
    assert_eq!((answer.status, answer.code()), no(413, "too_large"));
    // Whoever is not let in is not read either, however much they send.
    let anonymous = server
        .wire()
        .request(reqwest::Method::POST, path::CHECKIN)
        .body(request);
    assert_eq!(Answer::of(anonymous).await.status, 401);
}

async fn what_an_agent_holds_is_bounded(server: TestServer) {
    let agent = server.agent("web-1").await;
    let held = |count: usize| -> Vec<HeldAttempt> {
        let one = |id| HeldAttempt {
            attempt_id: id,
            phase: Phase::Finished,
            started_us: Some(i64::MIN),
        };
        (1..=i64::try_from(count).unwrap()).map(one).collect()
    };
    let mut request = agent.checkin_request();
    request.held = held(HELD_ATTEMPTS);
    assert_eq!(
        agent.send_checkin(&request).await.unwrap().acknowledged.len(),
        HELD_ATTEMPTS
    );
    let mut request = agent.checkin_request();
    request.held = held(HELD_ATTEMPTS + 1);
    assert_eq!(
        code(agent.send_checkin(&request).await),
        no(422, "invalid_request")
    );
    server
        .admin()
        .job_create(&on(&["web-1"], argv(&["x"])), &key())
        .await
        .unwrap();
    let mut request = agent.hasty();
    request.slots = 0;
    assert_eq!(
        agent.send_checkin(&request).await.unwrap().orders.len(),
        1,
        "at least one slot"
    );
}

async fn a_newer_check_in_takes_the_place_of_an_older(server: TestServer) {
    let agent = server.agent("web-1").await;
    let older = agent.open_poll(&server).await;
    let newer = agent.open_poll(&server).await;
    let empty = older.await.unwrap().unwrap();
    assert!(empty.orders.is_empty() && empty.cancel.is_empty() && empty.acknowledged.is_empty());
    server
        .admin()
        .job_create(&on(&["web-1"], argv(&["x"])), &key())
        .await
        .unwrap();
    assert_eq!(newer.await.unwrap().unwrap().orders.len(), 1);
}

async fn a_poll_is_answered_when_the_server_stops(server: TestServer) {
    let agent = server.agent("web-1").await;
    let poll = agent.open_poll(&server).await;
    let asked = Instant::now();
    let stopping = server.stop();
    let answer = poll.await.unwrap().expect("an answer, not a broken connection");
    assert!(answer.orders.is_empty());
    stopping.await.unwrap();
    assert!(asked.elapsed().as_secs() < 10, "{:?}", asked.elapsed());
}

async fn an_open_poll_gets_a_new_job_at_once(server: TestServer) {
    let agent = server.agent("web-1").await;
    let poll = agent.open_poll(&server).await;
    let asked = Instant::now();
    server
        .admin()
        .job_create(&on(&["web-1"], argv(&["x"])), &key())
        .await
        .unwrap();
    assert_eq!(poll.await.unwrap().unwrap().orders.len(), 1);
    assert!(asked.elapsed().as_secs() < 5, "{:?}", asked.elapsed());
}
