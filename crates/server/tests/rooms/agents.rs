//! Agents for operators: creating, finding, watching, deleting.

mod list;
mod places;
mod removal;

use postern_api::agents::{Agent, AgentCreate, AgentUpdate};
use postern_domain::{
    DepartmentId, OrganizationId,
    agent::{Connection, CredentialState, Health},
};
use postern_server::clock::Clock as _;
use postern_testkit::client::{IdempotencyKey, Revoke};
use postern_testkit::{TestServer, argv, key, on};

use crate::{actions_on, no, refused, wrong_field};

fn named(name: &str) -> AgentCreate {
    AgentCreate {
        name: name.into(),
        organization_id: None,
        department_id: None,
        labels: Default::default(),
    }
}

/// Which of these texts stand anywhere in the SQLite files, the write-ahead log included.
pub(crate) fn database_contains(server: &TestServer, texts: &[&str]) -> Vec<String> {
    let mut bytes = Vec::new();
    for file in std::fs::read_dir(server.data()).unwrap() {
        let file = file.unwrap();
        if file.file_name().to_string_lossy().starts_with("postern.db") {
            bytes.extend(std::fs::read(file.path()).unwrap());
        }
    }
    assert!(bytes.len() > 100_000, "the database was read");
    let within = |text: &&&str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    texts
        .iter()
        .filter(within)
        .map(|text| (*text).to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_is_created_shown_changed_and_deleted() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let tenant = server.default_tenant().await;
    let second = server.organization(tenant.id, "second").await;
    let request = AgentCreate {
        department_id: Some(tenant.department),
        labels: [("env".to_owned(), "prod".to_owned())].into(),
        ..named("web-1")
    };
    let made = admin.agent_create(&request, &key()).await.unwrap().agent;
    assert_eq!(
        (&*made.organization, made.department.as_deref(), made.active),
        ("default", Some("web"), true)
    );
    assert_eq!(admin.agent_show(made.id).await.unwrap(), made);
    let update = AgentUpdate {
        name: Some("web-2".into()),
        labels: Some([("env".to_owned(), "test".to_owned())].into()),
        active: Some(false),
        ..Default::default()
    };
    let changed = admin.agent_update(made.id, &update).await.unwrap();
    assert_eq!(
        (&*changed.name, &*changed.labels["env"], changed.active),
        ("web-2", "test", false)
    );
    assert_eq!(
        changed.department_id,
        Some(tenant.department),
        "absent fields stay"
    );
    let moved = AgentUpdate {
        organization_id: Some(second),
        ..Default::default()
    };
    let moved = admin.agent_update(made.id, &moved).await.unwrap();
    assert_eq!((&*moved.organization, moved.department_id), ("second", None));
    let none = AgentUpdate {
        department_id: Some(DepartmentId(0)),
        ..Default::default()
    };
    assert_eq!(admin.agent_update(made.id, &none).await.unwrap().department, None);
    admin.agent_delete(made.id, Revoke::No).await.unwrap();
    assert_eq!(refused(admin.agent_show(made.id).await), no(404, "not_found"));
    let actions = actions_on(&admin, &format!("agent:{}", made.id)).await;
    assert_eq!(
        actions,
        [
            "agent_create",
            "agent_update",
            "agent_update",
            "agent_update",
            "agent_delete"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agents_request_has_bounds() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let tenant = server.default_tenant().await;
    let other = server.tenant("elsewhere").await;
    let labels = |count: usize| (0..count).map(|n| (format!("k{n}"), "v".to_owned())).collect();
    let label = |key: &str, value: &str| AgentCreate {
        labels: [(key.into(), value.into())].into(),
        ..named("a")
    };
    for (request, field) in [
        (named(""), "name"),
        (named("42"), "name"),
        (named("a b"), "name"),
        (named("a;rm"), "name"),
        (named(&"x".repeat(101)), "name"),
        (
            AgentCreate {
                labels: labels(65),
                ..named("a")
            },
            "labels",
        ),
        (label("bad key", ""), "labels"),
        (label("k", &"v".repeat(256)), "labels"),
        (label("k", "a\nb"), "labels"),
        (
            AgentCreate {
                organization_id: Some(OrganizationId(999)),
                ..named("a")
            },
            "organization_id",
        ),
        (
            AgentCreate {
                department_id: Some(DepartmentId(999)),
                ..named("a")
            },
            "organization_id",
        ),
        (
            AgentCreate {
                organization_id: Some(tenant.organization),
                department_id: Some(other.department),
                ..named("a")
            },
            "department_id",
        ),
    ] {
        assert_eq!(
            wrong_field(admin.agent_create(&request, &key()).await),
            field,
            "{request:?}"
        );
    }
    admin
        .agent_create(
            &AgentCreate {
                labels: labels(64),
                ..named(&"\u{e4}".repeat(100))
            },
            &key(),
        )
        .await
        .unwrap();
    let first = admin.agent_create(&named("a"), &key()).await.unwrap().agent;
    assert_eq!(
        refused(admin.agent_create(&named("a"), &key()).await),
        no(409, "name_taken")
    );
    let second = admin.agent_create(&named("b"), &key()).await.unwrap().agent;
    let rename = AgentUpdate {
        name: Some("a".into()),
        ..Default::default()
    };
    assert_eq!(
        refused(admin.agent_update(second.id, &rename).await),
        no(409, "name_taken")
    );
    let away = AgentUpdate {
        organization_id: Some(other.organization),
        ..Default::default()
    };
    assert_eq!(
        wrong_field(admin.agent_update(first.id, &away).await),
        "organization_id"
    );
    let elsewhere = AgentCreate {
        organization_id: Some(other.organization),
        ..named("a")
    };
    admin
        .agent_create(&elsewhere, &key())
        .await
        .expect("names are unique in a tenant");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_and_connection_follow_the_table() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let (made, token) = server.new_agent("web-1").await;
    let status = async || {
        let agent: Agent = admin.agent_show(made.id).await.unwrap();
        (agent.health, agent.connection)
    };
    assert_eq!(status().await, (Health::InProgress, Connection::Pending));
    server.clock.advance_seconds(59);
    assert_eq!(status().await, (Health::InProgress, Connection::Pending));
    server.clock.advance_seconds(1);
    assert_eq!(status().await, (Health::HeartbeatFailed, Connection::Pending));
    let agent = server.join(&token).await;
    assert_eq!(
        status().await,
        (Health::Running, Connection::Connected),
        "joining is being seen"
    );
    server.clock.advance_seconds(45);
    assert_eq!(status().await, (Health::Running, Connection::Connected));
    server.clock.advance_seconds(1);
    assert_eq!(
        status().await,
        (Health::HeartbeatFailed, Connection::Disconnected)
    );
    agent.beat().await.unwrap();
    server.heard(&agent).await;
    assert_eq!(status().await, (Health::Running, Connection::Connected));
    assert_eq!(
        admin.agent_show(made.id).await.unwrap().last_seen_at,
        Some(server.clock.now())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_agent_is_deleted_only_with_its_credential() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let agent = server.agent("web-1").await;
    let job = admin
        .job_create(&on(&["web-1"], argv(&["true"])), &key())
        .await
        .unwrap()
        .jobs[0]
        .id;
    assert_eq!(
        refused(admin.agent_delete(agent.id(), Revoke::No).await),
        no(409, "credential_live")
    );
    let copy = agent.copied_disk();
    agent.beat().await.unwrap();
    copy.beat().await.unwrap_err();
    assert_eq!(
        admin.agent_show(agent.id()).await.unwrap().credential,
        CredentialState::Locked
    );
    assert_eq!(
        refused(admin.agent_delete(agent.id(), Revoke::No).await),
        no(409, "credential_live"),
        "locked is live twice"
    );
    admin.agent_delete(agent.id(), Revoke::Yes).await.unwrap();
    assert_eq!(
        refused(admin.job_show(job).await),
        no(404, "not_found"),
        "its jobs go with it"
    );

    let revoked = server.agent("web-2").await;
    admin.agent_revoke(revoked.id()).await.unwrap();
    assert_eq!(
        refused(admin.agent_revoke(revoked.id()).await),
        no(409, "nothing_to_revoke")
    );
    admin.agent_delete(revoked.id(), Revoke::No).await.unwrap();
    let (never_started, _) = server.new_agent("web-3").await;
    admin
        .agent_revoke(never_started.id)
        .await
        .expect("its waiting token");
    admin.agent_delete(never_started.id, Revoke::No).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_to_start_it_are_complete_and_shown_once() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let intent = IdempotencyKey::new("one intent of one person");
    let made = admin.agent_create(&named("web-1"), &intent).await.unwrap();
    let text = format!(
        "{}\n\n{}\n\n{}",
        made.docker_command, made.install_command, made.run_command
    );
    let (before, rest) = text.split_once("sha256//").unwrap();
    let pin = &rest[..44];
    assert!(before.ends_with("--pinnedpubkey '"));
    let masked = text
        .replace(&made.enrollment_token, "TOKEN")
        .replace(server.wire().url(), "SERVER")
        .replace(pin, "PIN")
        .replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::assert_snapshot!(masked, @r"
    docker run -d --name postern-agent-web-1 --restart unless-stopped -v postern-agent-web-1:/var/lib/postern-agent -e POSTERN_AGENT_SERVER=SERVER -e POSTERN_AGENT_TOKEN=TOKEN postern/agent:VERSION

    curl -fsSk --pinnedpubkey 'sha256//PIN' SERVER/agent/install.sh | POSTERN_AGENT_TOKEN=TOKEN sh -s -- SERVER 'sha256//PIN'

    postern-agent run --server SERVER --token TOKEN --data /var/lib/postern-agent
    ");

    assert_eq!(
        admin.agent_create(&named("web-1"), &intent).await.unwrap(),
        made,
        "repeated, the same secret"
    );
    let secret = made.enrollment_token.as_str();
    let shown = serde_json::to_string(&admin.agent_show(made.agent.id).await.unwrap()).unwrap();
    assert!(!shown.contains(secret));
    let token: postern_protocol::enrollment::EnrollmentToken = secret.parse().unwrap();
    let raw = String::from_utf8_lossy(&*token.secret).into_owned();
    assert_eq!(
        database_contains(&server, &[secret, &secret[60..], &raw, intent.as_str()]),
        Vec::<String>::new()
    );

    let script = server.wire().get("/agent/install.sh").await;
    assert_eq!(
        (script.status, script.header("content-type")),
        (200, "text/x-shellscript")
    );
    assert!(script.text().starts_with("#!/bin/sh"));
    assert_eq!(
        server.wire().get("/agent/postern-agent").await.text(),
        "the agent program"
    );
    let ca = server.wire().get("/agent/ca.pem").await.text();
    assert!(ca.starts_with("-----BEGIN CERTIFICATE-----"));
    let der = der_of(&ca);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
    assert_eq!(digest.as_ref(), token.ca_sha256, "the token names this CA");
}

/// The bytes of a PEM text.
fn der_of(pem: &str) -> Vec<u8> {
    use base64::Engine as _;
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}
