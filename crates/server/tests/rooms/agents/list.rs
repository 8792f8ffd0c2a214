//! Finding agents: search, filters, sorting, pages.

use postern_api::{ListRequest, agents::AgentCreate};
use postern_testkit::client::Client;
use postern_testkit::{SimAgent, TestServer, key};

use crate::{filtered, wrong_field};

async fn names(admin: &Client, request: &ListRequest) -> String {
    let page = admin.agent_list(request).await.unwrap();
    page.items
        .into_iter()
        .map(|agent| agent.name)
        .collect::<Vec<_>>()
        .join(" ")
}

/// `a` runs, `b` is silent, `c` is new, `d` was never seen, `e` is revoked, `f` is locked.
async fn six_agents(server: &TestServer) {
    let admin = server.admin();
    let tenant = server.default_tenant().await;
    let second = server.organization(tenant.id, "second").await;
    let make = async |name: &str, env: &str| -> String {
        let request = AgentCreate {
            name: name.into(),
            organization_id: (name == "d").then_some(second),
            department_id: (name == "a").then_some(tenant.department),
            labels: [
                ("env".to_owned(), env.to_owned()),
                ("name".to_owned(), name.to_owned()),
            ]
            .into(),
        };
        admin
            .agent_create(&request, &key())
            .await
            .unwrap()
            .enrollment_token
    };
    let silent = make("b", "prod").await;
    server.join(&silent).await;
    make("d", "test").await;
    server.clock.advance_seconds(100);
    let revoked = server.join(&make("e", "prod").await).await;
    admin.agent_revoke(revoked.id()).await.unwrap();
    let locked = server.join(&make("f", "prod").await).await;
    lock(&locked).await;
    let running = make("a", "prod").await;
    server.clock.advance_seconds(1);
    server.join(&running).await;
    make("c", "test").await;
}

async fn lock(agent: &SimAgent) {
    let copy = agent.copied_disk();
    agent.beat().await.unwrap();
    copy.beat().await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_column_is_a_filter() {
    let server = TestServer::start().await;
    six_agents(&server).await;
    let admin = server.admin();
    let off = postern_api::agents::AgentUpdate {
        active: Some(false),
        ..Default::default()
    };
    let found = admin.agent_list(&filtered(&[("name", "d")])).await.unwrap();
    admin.agent_update(found.items[0].id, &off).await.unwrap();
    let cases: [(&[(&str, &str)], &str); 24] = [
        (&[], "a b c d e f"),
        (&[("name", "a,c,nobody")], "a c"),
        (&[("organization", "second")], "d"),
        (&[("organization", "second,default")], "a b c d e f"),
        (&[("department", "web")], "a"),
        (&[("active", "false")], "d"),
        (&[("active", "true"), ("organization", "second")], ""),
        (&[("health", "running")], "a e f"),
        (&[("health", "in_progress")], "c"),
        (&[("health", "heartbeat_failed")], "b d"),
        (&[("connection", "connected")], "a e f"),
        (&[("connection", "pending")], "c d"),
        (&[("connection", "disconnected")], "b"),
        (&[("connection", "pending"), ("health", "heartbeat_failed")], "d"),
        (&[("connection", "pending"), ("health", "running")], ""),
        (
            &[
                ("health", "running"),
                ("connection", "pending"),
                ("health", "in_progress"),
            ],
            "",
        ),
        (&[("credential", "live")], "a b"),
        (&[("credential", "none")], "c d"),
        (&[("credential", "revoked,locked")], "e f"),
        (&[("credential", "expired")], ""),
        (&[("version", "0.1.0")], "a b e f"),
        (&[("os", "Debian GNU/Linux 13")], "a b e f"),
        (&[("label", "env=test")], "c d"),
        (&[("label", "env=prod"), ("label", "name=a")], "a"),
    ];
    for (pairs, expected) in cases {
        assert_eq!(names(&admin, &filtered(pairs)).await, expected, "{pairs:?}");
    }
    for pair in [
        ("health", "fine"),
        ("credential", "good"),
        ("active", "yes"),
        ("label", "env"),
        ("id", "1"),
    ] {
        assert_eq!(
            wrong_field(admin.agent_list(&filtered(&[pair])).await),
            "filter",
            "{pair:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_searched_sorted_and_paged() {
    let server = TestServer::start().await;
    six_agents(&server).await;
    let admin = server.admin();
    for name in ["web_1", "web%2", "Web.3"]
        .iter()
        .filter(|name| !name.contains('%'))
    {
        server.new_agent(name).await;
    }
    let search = |text: &str| ListRequest {
        search: Some(text.into()),
        ..Default::default()
    };
    assert_eq!(names(&admin, &search("web")).await, "Web.3 web_1");
    assert_eq!(
        names(&admin, &search("B_")).await,
        "web_1",
        "wildcards are plain characters"
    );
    assert_eq!(names(&admin, &search("%")).await, "");
    for (sort, first, last) in [
        ("name", "Web.3", "web_1"),
        ("-name", "web_1", "Web.3"),
        ("created_at", "b", "Web.3"),
        ("-last_seen_at", "a", "c"),
    ] {
        let all = names(
            &admin,
            &ListRequest {
                sort: Some(sort.into()),
                ..Default::default()
            },
        )
        .await;
        let mut words = all.split(' ');
        assert_eq!(words.next(), Some(first), "{sort}: {all}");
        if sort != "-last_seen_at" {
            assert_eq!(words.next_back(), Some(last), "{sort}: {all}");
        }
        // Page by page the same, with equal keys among them.
        let mut request = ListRequest {
            sort: Some(sort.into()),
            limit: Some(1),
            ..Default::default()
        };
        let mut paged = Vec::new();
        loop {
            let page = admin.agent_list(&request).await.unwrap();
            paged.extend(page.items.into_iter().map(|agent| agent.name));
            assert!(paged.len() <= 8, "{paged:?}");
            match page.next_cursor {
                Some(cursor) => request.cursor = Some(cursor),
                None => break,
            }
        }
        assert_eq!(paged.join(" "), all, "{sort}");
    }
}
