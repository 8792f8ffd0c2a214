//! Joining: each way a token can be wrong has its own code.

use std::time::Duration;

use postern_api::audit::AuditOutcome;
use postern_domain::agent::CredentialState;
use postern_protocol::{enrollment::EnrollmentToken, keys::SigningKey, messages::EnrollRequest};
use postern_server::clock::Clock as _;
use postern_testkit::{SimAgent, TestServer, facts, key};

use super::code;
use crate::{actions_on, filtered, no, on_both_databases};

on_both_databases! {
    a_token_lets_one_agent_join,
    a_token_used_by_another_key_is_used_up,
    an_enrolment_whose_answer_was_lost_is_repeated_with_the_same_key,
    a_token_of_an_hour_ago_has_expired,
    a_token_that_was_revoked_or_replaced_is_refused,
    an_unknown_token_is_refused,
    a_malformed_token_is_refused,
    bad_enrolment_requests_are_refused_and_use_nothing_up,
}

async fn a_token_lets_one_agent_join(server: TestServer) {
    let (made, token) = server.new_agent("web-1").await;
    assert_eq!((made.credential, made.version), (CredentialState::None, None));
    assert_eq!(
        made.enrollment_expires_at,
        Some(server.clock.now().plus(Duration::from_secs(3600)))
    );
    let agent = server.join(&token).await;
    assert_eq!((agent.id(), agent.name()), (made.id, "web-1"));
    let shown = server.admin().agent_show(made.id).await.unwrap();
    assert_eq!(
        (shown.credential, shown.enrollment_expires_at),
        (CredentialState::Live, None)
    );
    let year = server.clock.now().plus(Duration::from_secs(365 * 86_400));
    assert_eq!(shown.credential_expires_at, Some(year));
    assert_eq!(shown.os.as_deref(), Some("Debian GNU/Linux 13"));
    assert_eq!(
        (shown.languages, shown.root),
        (vec!["bash".to_owned(), "python".to_owned()], Some(true))
    );
    assert_eq!(
        actions_on(&server.admin(), &format!("agent:{}", made.id)).await,
        ["agent_create", "agent_enroll"]
    );
}

async fn a_token_used_by_another_key_is_used_up(server: TestServer) {
    let (_, token) = server.new_agent("web-1").await;
    let agent = server.join(&token).await;
    assert_eq!(
        code(SimAgent::enroll(&server, &token).await),
        no(403, "enrollment_token_used")
    );
    assert_eq!(
        code(SimAgent::enroll(&server, &token).await),
        no(403, "enrollment_token_used")
    );
    agent
        .beat()
        .await
        .expect("the one that joined is not touched by it");
    let filter = filtered(&[("action", "agent_enroll")]);
    let records = server.admin().audit_list(&filter).await.unwrap().items;
    let outcomes: Vec<_> = records.iter().map(|record| record.outcome).collect();
    let expected = [AuditOutcome::Refused, AuditOutcome::Done];
    assert_eq!(
        outcomes, expected,
        "one record a minute, however often it is tried"
    );
}

async fn an_enrolment_whose_answer_was_lost_is_repeated_with_the_same_key(server: TestServer) {
    let (_, token) = server.new_agent("web-1").await;
    let key = SigningKey::generate().unwrap();
    let again = || SimAgent::enroll_with(&server, &token, SigningKey::from_pkcs8(key.as_pkcs8()).unwrap());
    again().await.unwrap();
    let agent = again()
        .await
        .expect("nobody else has the key, and the credential was never used");
    server.clock.advance_seconds(1);
    agent.beat().await.unwrap();
    server.heard(&agent).await;
    // From now on the same disk elsewhere must not get in with it.
    assert_eq!(code(again().await), no(403, "enrollment_token_used"));
    agent.beat().await.unwrap();
}

async fn a_token_of_an_hour_ago_has_expired(server: TestServer) {
    let (made, token) = server.new_agent("web-1").await;
    server.clock.advance_seconds(3600);
    assert_eq!(
        code(SimAgent::enroll(&server, &token).await),
        no(403, "enrollment_token_expired")
    );
    let fresh = server
        .admin()
        .enrollment_token_create(made.id, &key())
        .await
        .unwrap();
    server.clock.advance_seconds(3599);
    server.join(&fresh.enrollment_token).await;
}

async fn a_token_that_was_revoked_or_replaced_is_refused(server: TestServer) {
    let admin = server.admin();
    let (made, first) = server.new_agent("web-1").await;
    let second = admin
        .enrollment_token_create(made.id, &key())
        .await
        .unwrap()
        .enrollment_token;
    assert_eq!(
        code(SimAgent::enroll(&server, &first).await),
        no(403, "enrollment_token_revoked")
    );
    admin.agent_revoke(made.id).await.unwrap();
    assert_eq!(
        code(SimAgent::enroll(&server, &second).await),
        no(403, "enrollment_token_revoked")
    );
    let third = admin
        .enrollment_token_create(made.id, &key())
        .await
        .unwrap()
        .enrollment_token;
    server.join(&third).await;
}

async fn an_unknown_token_is_refused(server: TestServer) {
    let (made, token) = server.new_agent("web-1").await;
    let mut other: EnrollmentToken = token.parse().unwrap();
    other.secret[0] ^= 1;
    let unknown = no(403, "enrollment_token_unknown");
    assert_eq!(
        code(SimAgent::enroll(&server, &other.reveal()).await),
        unknown,
        "another secret"
    );
    let mut other: EnrollmentToken = token.parse().unwrap();
    other.id += 1;
    assert_eq!(
        code(SimAgent::enroll(&server, &other.reveal()).await),
        unknown,
        "another number"
    );
    server
        .admin()
        .agent_delete(made.id, postern_testkit::client::Revoke::No)
        .await
        .unwrap();
    assert_eq!(
        code(SimAgent::enroll(&server, &token).await),
        unknown,
        "its agent was deleted"
    );
}

async fn a_malformed_token_is_refused(server: TestServer) {
    let (_, token) = server.new_agent("web-1").await;
    for text in [
        "",
        "hello",
        &token[..token.len() - 2],
        &format!("{token}AAAA"),
        &token.replace("pet1_", "pet9_"),
    ] {
        assert_eq!(
            code(SimAgent::enroll(&server, text).await),
            no(400, "enrollment_token_malformed"),
            "{text}"
        );
    }
    server.join(&format!("  {token}\n")).await;
}

async fn bad_enrolment_requests_are_refused_and_use_nothing_up(server: TestServer) {
    let (_, token) = server.new_agent("web-1").await;
    let good = EnrollRequest {
        protocol: 1,
        token: token.clone(),
        facts: facts(),
    };
    let key = SigningKey::generate().unwrap();
    for version in [0, 2, u32::MAX] {
        let body = serde_json::to_vec(&EnrollRequest {
            protocol: version,
            ..good.clone()
        })
        .unwrap();
        let answer = SimAgent::enroll_raw(&server, &key, body).await;
        assert_eq!((answer.status, answer.code()), no(400, "version_unsupported"));
    }
    for (body, status) in [
        ("", 400),
        ("{", 400),
        ("[]", 422),
        ("{}", 422),
        (r#"{"protocol":"1","token":"x","facts":{}}"#, 422),
        (r#"{"protocol":-1,"token":"x","facts":{}}"#, 422),
    ] {
        let answer = SimAgent::enroll_raw(&server, &key, body.into()).await;
        assert_eq!(answer.status, status, "{body} → {}", answer.text());
        answer.code();
    }
    let body = serde_json::to_vec(&good).unwrap();
    let path = postern_protocol::path::ENROLL;
    let bare = server
        .wire()
        .request(reqwest::Method::POST, path)
        .body(body.clone());
    let answer = postern_testkit::Answer::of(bare).await;
    assert_eq!(
        (answer.status, answer.code()),
        no(401, "proof_invalid"),
        "no proof of the key"
    );
    let wordy = facts();
    let wordy = postern_protocol::messages::HostFacts {
        os: "a\u{7}\n".repeat(10_000),
        slots: 0,
        ..wordy
    };
    let body = serde_json::to_vec(&EnrollRequest { facts: wordy, ..good }).unwrap();
    let answer = SimAgent::enroll_raw(&server, &key, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let shown = server
        .admin()
        .agent_list(&Default::default())
        .await
        .unwrap()
        .items
        .remove(0);
    let os = shown.os.unwrap();
    assert!(os.len() <= 256 && os.chars().all(|c| c == 'a'), "{os}");
    assert_eq!(shown.slots, 1);
}
