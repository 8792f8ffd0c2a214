//! Credentials: stolen, forged, copied, revoked, renewed, expired.

use std::time::{Duration, Instant};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use postern_api::identity::OrganizationUpdate;
use postern_domain::{OrganizationId, agent::CredentialState};
use postern_protocol::{
    keys::SigningKey,
    messages::{CheckinAnswer, CheckinRequest},
    path,
};
use postern_server::clock::Clock as _;
use postern_testkit::client::Revoke;
use postern_testkit::{SimAgent, TestServer, argv, key, on, until};
use serde_json::{Value, json};

use super::code;
use crate::{actions_on, no, on_both_databases};

on_both_databases! {
    a_stolen_credential_without_its_key_is_refused,
    a_proof_is_good_for_one_request_to_one_path_at_one_time,
    revocation_ends_an_open_poll_within_five_seconds,
    a_repeated_number_locks_both_copies_and_a_new_token_lets_the_right_one_back,
    numbers_are_remembered_over_a_restart,
    what_a_killed_agent_sent_last_comes_late_to_nothing_and_locks_nobody,
    a_renewal_ends_the_credential_before_it_once_the_new_one_is_used,
    a_credential_ends_after_365_days,
    a_deleted_agent_is_told_so,
    joining_anew_ends_the_credential_before,
    the_organization_says_whether_agents_renew,
}

async fn a_stolen_credential_without_its_key_is_refused(server: TestServer) {
    let agent = server.agent("web-1").await;
    let thief = SigningKey::generate().unwrap();
    let now = server.clock.now().as_seconds();
    let body = || serde_json::to_vec(&agent.hasty()).unwrap();
    let stolen = agent.proof_by(&thief, path::CHECKIN, &agent.credential(), now);
    let answer = agent
        .send_with(path::CHECKIN, &agent.credential(), &stolen, body())
        .await;
    assert_eq!((answer.status, answer.code()), no(401, "proof_invalid"));
    for proof in ["", "x", "a.b.c", &agent.credential()] {
        let answer = agent
            .send_with(path::CHECKIN, &agent.credential(), proof, body())
            .await;
        assert_eq!(
            (answer.status, answer.code()),
            no(401, "proof_invalid"),
            "{proof}"
        );
    }
    let other = server.agent("web-2").await;
    let answer = agent
        .send_with(
            path::CHECKIN,
            &other.credential(),
            &agent.proof(path::CHECKIN, now),
            body(),
        )
        .await;
    assert_eq!(
        (answer.status, answer.code()),
        no(401, "proof_invalid"),
        "another agent's credential"
    );
    for scheme in ["Bearer", "Basic", ""] {
        let request = server
            .wire()
            .request(reqwest::Method::POST, path::CHECKIN)
            .header("authorization", format!("{scheme} {}", agent.credential()))
            .header("dpop", agent.proof(path::CHECKIN, now));
        let answer = postern_testkit::Answer::of(request.body(body())).await;
        assert_eq!(
            (answer.status, answer.code()),
            no(401, "credential_invalid"),
            "{scheme}"
        );
    }
    agent.beat().await.expect("the right one goes on");
}

async fn a_proof_is_good_for_one_request_to_one_path_at_one_time(server: TestServer) {
    let agent = server.agent("web-1").await;
    let now = server.clock.now().as_seconds();
    let send = async |proof: &str| {
        let body = serde_json::to_vec(&agent.hasty()).unwrap();
        agent
            .send_with(path::CHECKIN, &agent.credential(), proof, body)
            .await
    };
    let proof = agent.proof(path::CHECKIN, now);
    assert_eq!(send(&proof).await.status, 200);
    let replayed = send(&proof).await;
    assert_eq!((replayed.status, replayed.code()), no(401, "proof_invalid"));
    let elsewhere = send(&agent.proof(path::RENEW, now)).await;
    assert_eq!((elsewhere.status, elsewhere.code()), no(401, "proof_invalid"));
    for drift in [-60, 60] {
        assert_eq!(
            send(&agent.proof(path::CHECKIN, now + drift)).await.status,
            200,
            "{drift}"
        );
    }
    for drift in [-61, 61, -86_400, 86_400] {
        let answer = send(&agent.proof(path::CHECKIN, now + drift)).await;
        assert_eq!((answer.status, answer.code()), no(401, "proof_clock"), "{drift}");
        let told: postern_api::Problem = answer.json();
        assert_eq!(
            told.server_time_us,
            Some(server.clock.now().as_micros()),
            "the right time is told"
        );
    }
}

async fn revocation_ends_an_open_poll_within_five_seconds(server: TestServer) {
    let agent = server.agent("web-1").await;
    let poll = agent.open_poll(&server).await;
    let asked = Instant::now();
    let revoked = server.admin().agent_revoke(agent.id()).await.unwrap();
    assert_eq!(revoked.credential, CredentialState::Revoked);
    assert_eq!(code(poll.await.unwrap()), no(401, "credential_revoked"));
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert_eq!(code(agent.beat().await), no(401, "credential_revoked"));
    assert_eq!(code(agent.renew().await), no(401, "credential_revoked"));
}

async fn a_repeated_number_locks_both_copies_and_a_new_token_lets_the_right_one_back(server: TestServer) {
    let agent = server.agent("web-1").await;
    let copy = agent.copied_disk();
    let poll = agent.open_poll(&server).await;
    assert_eq!(
        code(copy.beat().await),
        no(403, "agent_locked"),
        "the number of the open poll"
    );
    assert_eq!(code(poll.await.unwrap()), no(403, "agent_locked"));
    assert_eq!(code(agent.beat().await), no(403, "agent_locked"));
    assert_eq!(code(agent.renew().await), no(403, "agent_locked"));
    let admin = server.admin();
    let shown = admin.agent_show(agent.id()).await.unwrap();
    assert_eq!(shown.credential, CredentialState::Locked);
    let token = admin
        .enrollment_token_create(agent.id(), &key())
        .await
        .unwrap()
        .enrollment_token;
    let right = SimAgent::enroll_with(&server, &token, SigningKey::generate().unwrap())
        .await
        .unwrap();
    right.beat().await.unwrap();
    assert_eq!(
        code(copy.beat().await),
        no(401, "credential_replaced"),
        "the copy stays out"
    );
    let actions = actions_on(&admin, &format!("agent:{}", agent.id())).await;
    assert_eq!(
        actions,
        [
            "agent_create",
            "agent_enroll",
            "agent_lock",
            "enrollment_token_create",
            "agent_enroll"
        ]
    );
}

async fn numbers_are_remembered_over_a_restart(mut server: TestServer) {
    let agent = server.agent("web-1").await;
    let copy = agent.copied_disk();
    for _ in 0..3 {
        agent.beat().await.unwrap();
    }
    server.restart().await;
    agent.beat().await.expect("a number that is not used yet");
    assert_eq!(code(copy.beat().await), no(403, "agent_locked"));
}

async fn what_a_killed_agent_sent_last_comes_late_to_nothing_and_locks_nobody(server: TestServer) {
    let agent = server.agent("web-1").await;
    agent.beat().await.unwrap();
    let last = agent.hasty();
    let proof = agent.proof(path::CHECKIN, server.clock.now().as_seconds());
    let send = async |request: &CheckinRequest, proof: &str| {
        let body = serde_json::to_vec(request).unwrap();
        agent
            .send_with(path::CHECKIN, &agent.credential(), proof, body)
            .await
    };
    agent.restart();
    server.clock.advance(Duration::from_secs(2));
    agent.beat().await.unwrap();
    let made = server
        .admin()
        .job_create(&on(&["web-1"], argv(&["x"])), &key())
        .await
        .unwrap();

    let late = send(&last, &proof).await;
    assert_eq!(late.status, 200, "{}", late.text());
    assert!(
        late.json::<CheckinAnswer>().orders.is_empty(),
        "the job is for who lives"
    );
    assert_eq!(agent.order().await.job_id, made.jobs[0].id.0);

    server.clock.advance(Duration::from_secs(6));
    let again = agent.proof(path::CHECKIN, server.clock.now().as_seconds());
    let copy = send(&last, &again).await;
    assert_eq!(
        (copy.status, copy.code()),
        no(403, "agent_locked"),
        "made after the process ended"
    );
    assert_eq!(code(agent.beat().await), no(403, "agent_locked"));
}

async fn a_renewal_ends_the_credential_before_it_once_the_new_one_is_used(server: TestServer) {
    let agent = server.agent("web-1").await;
    server.clock.advance(Duration::from_secs(340 * 86_400));
    let before = agent.copied_disk();
    before
        .renew()
        .await
        .expect("a first renewal whose answer was lost");
    agent.renew().await.expect("the credential before still counts");
    let old = agent.copied_disk();
    agent.beat().await.unwrap();
    let expires = server
        .admin()
        .agent_show(agent.id())
        .await
        .unwrap()
        .credential_expires_at;
    assert_eq!(
        expires,
        Some(server.clock.now().plus(Duration::from_secs(365 * 86_400)))
    );
    assert_eq!(
        code(before.beat().await),
        no(401, "credential_replaced"),
        "the one whose answer was lost"
    );
    assert_ne!(before.credential(), old.credential());
}

async fn a_credential_ends_after_365_days(server: TestServer) {
    let agent = server.agent("web-1").await;
    server.clock.advance(Duration::from_secs(365 * 86_400 - 1));
    agent.beat().await.unwrap();
    server.clock.advance_seconds(1);
    assert_eq!(code(agent.beat().await), no(401, "credential_expired"));
    assert_eq!(code(agent.renew().await), no(401, "credential_expired"));
    let shown = server.admin().agent_show(agent.id()).await.unwrap();
    assert_eq!(shown.credential, CredentialState::Expired);
    server
        .admin()
        .agent_delete(agent.id(), Revoke::No)
        .await
        .expect("an expired one may go");
}

async fn a_deleted_agent_is_told_so(server: TestServer) {
    let agent = server.agent("web-1").await;
    let poll = agent.open_poll(&server).await;
    server
        .admin()
        .agent_delete(agent.id(), Revoke::Yes)
        .await
        .unwrap();
    assert_eq!(code(poll.await.unwrap()), no(401, "agent_deleted"));
    assert_eq!(code(agent.beat().await), no(401, "agent_deleted"));
}

async fn joining_anew_ends_the_credential_before(server: TestServer) {
    let old = server.agent("web-1").await;
    let poll = old.open_poll(&server).await;
    let token = server
        .admin()
        .enrollment_token_create(old.id(), &key())
        .await
        .unwrap()
        .enrollment_token;
    old.beat().await.expect("making a token changes nothing yet");
    poll.await.unwrap().unwrap();
    let poll = old.open_poll(&server).await;
    let new = server.join(&token).await;
    assert_eq!(code(poll.await.unwrap()), no(401, "credential_replaced"));
    new.beat().await.unwrap();
}

async fn the_organization_says_whether_agents_renew(server: TestServer) {
    let agent = server.agent("web-1").await;
    let off = OrganizationUpdate {
        renew_credentials: Some(false),
        ..Default::default()
    };
    server
        .admin()
        .organization_update(OrganizationId(1), &off)
        .await
        .unwrap();
    let settings = until("the agent is told", || async {
        server.clock.advance_seconds(3);
        agent
            .beat()
            .await
            .unwrap()
            .settings
            .filter(|settings| !settings.renew_credential)
    });
    settings.await;
    assert_eq!(code(agent.renew().await), no(409, "renewal_off"));
}

// ---- forged with the server's own key, so that only what is named is wrong

fn forge(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes())))
}

/// Opens the server's credential key with the master key beside the database.
fn servers_key(server: &TestServer) -> SigningKey {
    let master = std::fs::read_to_string(server.data().join("master.key")).unwrap();
    let master =
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &STANDARD.decode(master.trim()).unwrap()).unwrap());
    let database = rusqlite::Connection::open(server.database_file()).unwrap();
    let sql = "SELECT sealed FROM secrets WHERE name = 'credential_key'";
    let sealed: Vec<u8> = database.query_row(sql, [], |row| row.get(0)).unwrap();
    let (nonce, rest) = sealed.split_at(NONCE_LEN);
    let mut plain = rest.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(nonce).unwrap();
    SigningKey::from_pkcs8(
        master
            .open_in_place(nonce, Aad::from(b"credential_key"), &mut plain)
            .unwrap(),
    )
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_with_one_thing_wrong_is_refused() {
    let server = TestServer::start().await;
    let agent = server.agent("web-1").await;
    let real = servers_key(&server);
    let credential = agent.credential();
    let mut parts = credential
        .split('.')
        .map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let good_header: Value = serde_json::from_slice(&parts.next().unwrap()).unwrap();
    let good: Value = serde_json::from_slice(&parts.next().unwrap()).unwrap();
    let now = server.clock.now().as_seconds();
    let try_with = async |token: String| {
        let body = serde_json::to_vec(&agent.hasty()).unwrap();
        let proof = agent.proof_by(&agent.key(), path::CHECKIN, &token, now);
        agent.send_with(path::CHECKIN, &token, &proof, body).await
    };
    let same = forge(&real, &good_header, &good);
    assert_eq!(
        try_with(same).await.status,
        200,
        "what is forged without a fault is a credential"
    );

    let mut forged: Vec<(String, String)> = Vec::new();
    for alg in ["none", "None", "NONE", "HS256", "RS256", "ES256", ""] {
        let header = json!({"alg": alg, "typ": "postern-agent+jwt"});
        forged.push((format!("alg {alg}"), forge(&real, &header, &good)));
        let token = forge(&real, &header, &good);
        let (unsigned, _) = token.rsplit_once('.').unwrap();
        forged.push((format!("alg {alg}, no signature"), format!("{unsigned}.")));
    }
    for typ in [json!("JWT"), json!("dpop+jwt"), Value::Null, json!(1)] {
        forged.push((
            format!("typ {typ}"),
            forge(&real, &json!({"alg": "EdDSA", "typ": typ}), &good),
        ));
    }
    for claim in ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf"] {
        let mut missing = good.clone();
        missing.as_object_mut().unwrap().remove(claim);
        forged.push((format!("{claim} missing"), forge(&real, &good_header, &missing)));
        for wrong in [
            json!({}),
            json!(null),
            json!([1]),
            json!("9999999999.5"),
            json!(true),
        ] {
            let mut mistyped = good.clone();
            mistyped[claim] = wrong.clone();
            forged.push((
                format!("{claim} = {wrong}"),
                forge(&real, &good_header, &mistyped),
            ));
        }
    }
    for (claim, value) in [
        ("exp", json!(good["exp"].to_string())),
        ("exp", json!(-1)),
        ("aud", json!("postern-unprotect")),
        ("iss", json!("postern:another-cluster")),
        ("nbf", json!(now + 3600)),
        ("sub", json!("agent:0")),
        ("sub", json!("agent:-1")),
        ("sub", json!("user:1")),
    ] {
        let mut wrong = good.clone();
        wrong[claim] = value.clone();
        forged.push((format!("{claim} = {value}"), forge(&real, &good_header, &wrong)));
    }
    forged.push((
        "another key".into(),
        forge(&SigningKey::generate().unwrap(), &good_header, &good),
    ));
    forged.push(("nothing".into(), String::new()));
    forged.push(("very long".into(), "a".repeat(10_000)));
    for (why, token) in forged {
        let answer = try_with(token).await;
        assert_eq!(answer.status, 401, "{why}: {}", answer.text());
        assert!(
            ["credential_invalid", "credential_replaced"].contains(&&*answer.code()),
            "{why}: {}",
            answer.text()
        );
    }
    let mut expired = good.clone();
    expired["exp"] = json!(now);
    assert_eq!(
        try_with(forge(&real, &good_header, &expired)).await.code(),
        "credential_expired"
    );
    let mut gone = good.clone();
    gone["sub"] = json!("agent:999");
    assert_eq!(
        try_with(forge(&real, &good_header, &gone)).await.code(),
        "agent_deleted"
    );
    agent.beat().await.expect("the right one goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_of_another_cluster_is_refused() {
    let (here, there) = (TestServer::start().await, TestServer::start().await);
    let (agent, other) = (here.agent("web-1").await, there.agent("web-1").await);
    let proof = other.proof(path::CHECKIN, here.clock.now().as_seconds());
    let body = serde_json::to_vec(&agent.hasty()).unwrap();
    let answer = agent
        .send_with(path::CHECKIN, &other.credential(), &proof, body)
        .await;
    assert_eq!((answer.status, answer.code()), no(401, "credential_invalid"));
}
