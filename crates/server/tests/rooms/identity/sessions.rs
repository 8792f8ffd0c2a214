//! Signing in and out, and what ends a session.

use postern_api::{
    audit::AuditRecord,
    identity::{PasswordChange, TokenCreate, UserUpdate},
};
use postern_domain::{
    TenantId,
    permission::{Permission, Role, Scope},
};
use postern_testkit::client::{Credentials, SESSION_COOKIE, Secret};
use postern_testkit::{Answer, TestServer, key};
use reqwest::Method;
use serde_json::json;

use super::{PASSWORD, session, sign_in, user};
use crate::{filtered, no, refused};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_begins_with_the_password_and_ends_with_signing_out() {
    let server = TestServer::start().await;
    user(&server, "anna", &[(Role::Auditor, Scope::Tenant(TenantId(1)))]).await;
    let signed_in = sign_in(&server, "anna", PASSWORD).await.unwrap();
    let permissions = [
        Permission::JobsView,
        Permission::ScriptsView,
        Permission::WorkflowsView,
        Permission::AgentsView,
        Permission::AuditView,
    ];
    assert_eq!(signed_in.session.permissions, permissions);
    let anna = server.connect(&signed_in.credentials);
    let shown = anna.session_show().await.unwrap();
    assert_eq!(
        (shown.user.username.as_str(), &shown.csrf_token),
        ("anna", &signed_in.session.csrf_token)
    );
    assert_eq!(
        shown
            .user
            .last_sign_in_at
            .map(postern_domain::Timestamp::as_micros),
        Some(shown.expires_at.as_micros() - 12 * 3_600_000_000)
    );
    anna.session_delete().await.unwrap();
    assert_eq!(refused(anna.session_show().await), no(401, "session_ended"));
    let nobody = server.connect(&Credentials::None);
    assert_eq!(refused(nobody.session_show().await), no(401, "not_signed_in"));
    assert_eq!(
        refused(server.admin().session_delete().await),
        no(409, "no_session")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cookie_is_for_this_site_and_no_script() {
    let server = TestServer::start().await;
    let body = json!({"username": "admin", "password": server.admin_password()}).to_string();
    let sign_in = server
        .wire()
        .request(Method::POST, "/api/v1/session")
        .header("content-type", "application/json");
    let answer = Answer::of(sign_in.body(body)).await;
    assert_eq!(answer.status, 201);
    let cookie = answer.header("set-cookie");
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; Secure; HttpOnly; SameSite=Strict");
    let secret = pair.strip_prefix(&format!("{SESSION_COOKIE}=")).unwrap();
    assert!(
        secret.len() >= 43 && !answer.text().contains(secret),
        "the secret is in the cookie alone"
    );
    let csrf = answer
        .json::<postern_api::identity::Session>()
        .csrf_token
        .unwrap();

    let change = |csrf: Option<String>| {
        let mut request = server
            .wire()
            .request(Method::POST, "/api/v1/organizations")
            .header("cookie", format!("other=1; {pair}"))
            .header("content-type", "application/json")
            .body(r#"{"name":"second"}"#);
        if let Some(csrf) = csrf {
            request = request.header("x-csrf-token", csrf);
        }
        Answer::of(request)
    };
    for wrong in [
        None,
        Some(String::new()),
        Some("0".repeat(64)),
        Some(csrf.to_uppercase()),
    ] {
        let answer = change(wrong).await;
        assert_eq!((answer.status, answer.code()), no(403, "csrf_token_missing"));
    }
    assert_eq!(change(Some(csrf)).await.status, 201);
    let read = server
        .wire()
        .request(Method::GET, "/api/v1/session")
        .header("cookie", pair);
    assert_eq!(Answer::of(read).await.status, 200, "reading needs no token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_wrong_sign_in_looks_the_same() {
    let server = TestServer::start().await;
    let anna = user(&server, "anna", &[]).await;
    user(&server, "berta", &[]).await;
    let off = UserUpdate {
        active: Some(false),
        ..Default::default()
    };
    server.admin().user_update(anna.id, &off).await.unwrap();
    for (name, password) in [
        ("anna", PASSWORD),
        ("berta", "wrong"),
        ("berta", ""),
        ("nobody", PASSWORD),
        ("", ""),
    ] {
        assert_eq!(
            refused(sign_in(&server, name, password).await),
            no(401, "wrong_credentials"),
            "{name}"
        );
    }
    sign_in(&server, "berta", PASSWORD).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tries_are_limited_per_name() {
    let server = TestServer::start().await;
    user(&server, "anna", &[]).await;
    let mut tries = 0;
    let problem = loop {
        let error = sign_in(&server, "anna", "wrong").await.unwrap_err();
        let problem = error.problem().unwrap().clone();
        if problem.status == 429 {
            break problem;
        }
        tries += 1;
        assert!(tries <= 15, "no limit");
    };
    assert!((10..=15).contains(&tries), "{tries}");
    assert_eq!(problem.code, "rate_limited");
    assert!(
        problem
            .retry_after_seconds
            .is_some_and(|seconds| (1..=7).contains(&seconds))
    );
    assert_eq!(
        refused(sign_in(&server, "anna", PASSWORD).await),
        no(429, "rate_limited"),
        "the right one too"
    );
    assert_eq!(
        refused(sign_in(&server, "ANNA", PASSWORD).await),
        no(429, "rate_limited")
    );
    let password = server.admin_password();
    sign_in(&server, "admin", password)
        .await
        .expect("somebody else's tries lock nobody out");
    let filter = filtered(&[("action", "session_create"), ("outcome", "refused")]);
    let records = server.admin().audit_list(&filter).await.unwrap().items;
    let limited = |record: &&AuditRecord| record.reason.as_deref() == Some("Too many tries with passwords");
    assert_eq!(
        records.iter().filter(limited).count(),
        1,
        "one a minute: {records:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_switching_off_and_deleting_end_sessions_and_tokens() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let anna = user(&server, "anna", &[]).await;
    let first = session(&server, "anna").await;
    let token = server.client(&server.token(anna.id, None).await);
    let password = UserUpdate {
        password: Some("another good password".into()),
        ..Default::default()
    };
    admin.user_update(anna.id, &password).await.unwrap();
    assert_eq!(refused(first.session_show().await), no(401, "session_ended"));
    token.session_show().await.expect("a token has no password");
    assert_eq!(
        refused(sign_in(&server, "anna", PASSWORD).await),
        no(401, "wrong_credentials")
    );
    let second = sign_in(&server, "anna", "another good password").await.unwrap();
    let second = server.connect(&second.credentials);
    let switch = |active| UserUpdate {
        active: Some(active),
        ..Default::default()
    };
    admin.user_update(anna.id, &switch(false)).await.unwrap();
    assert_eq!(refused(second.session_show().await), no(401, "session_ended"));
    assert_eq!(refused(token.session_show().await), no(401, "token_invalid"));
    admin.user_update(anna.id, &switch(true)).await.unwrap();
    assert_eq!(
        refused(second.session_show().await),
        no(401, "session_ended"),
        "it does not come back"
    );
    token.session_show().await.unwrap();
    admin.user_delete(anna.id).await.unwrap();
    assert_eq!(refused(token.session_show().await), no(401, "token_invalid"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ones_own_password_is_changed_by_who_knows_it() {
    let server = TestServer::start().await;
    user(&server, "anna", &[(Role::Auditor, Scope::Tenant(TenantId(1)))]).await;
    let anna = session(&server, "anna").await;
    let change = |current: &str, new: &str| PasswordChange {
        current_password: current.into(),
        new_password: new.into(),
    };
    let new = "quite another password";
    for (request, field) in [
        (change(PASSWORD, "short"), "new_password"),
        (change("not the password", new), "current_password"),
    ] {
        let refusal = anna.password_change(&request).await.unwrap_err();
        let problem = refusal.problem().expect("a problem document");
        assert_eq!(
            (problem.status, problem.errors[0].field.as_str()),
            (422, field),
            "{problem:?}"
        );
    }
    anna.session_show().await.expect("nothing has changed yet");

    let elsewhere = session(&server, "anna").await;
    let token = TokenCreate {
        name: "ci".into(),
        permissions: None,
        expires_in_days: Some(1),
    };
    let token = anna.token_create(&token, &key()).await.unwrap();
    anna.password_change(&change(PASSWORD, new)).await.unwrap();
    for ended in [&anna, &elsewhere] {
        assert_eq!(refused(ended.session_show().await), no(401, "session_ended"));
    }
    let program = server.connect(&Credentials::Token(Secret::new(token.secret.as_str())));
    program.session_show().await.expect("API tokens stay");
    assert_eq!(
        refused(sign_in(&server, "anna", PASSWORD).await),
        no(401, "wrong_credentials")
    );
    sign_in(&server, "anna", new).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_after_twelve_hours() {
    let server = TestServer::start().await;
    let password = server.admin_password();
    let admin = server.connect(&sign_in(&server, "admin", password).await.unwrap().credentials);
    server.clock.advance_seconds(12 * 3600 - 1);
    admin.session_show().await.unwrap();
    server.clock.advance_seconds(1);
    assert_eq!(refused(admin.session_show().await), no(401, "session_ended"));
}
