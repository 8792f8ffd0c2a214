//! The audit trail: its chain, and finding things in it.

use postern_api::{ListRequest, audit::AuditVerification};
use postern_domain::permission::{Role, Scope};
use postern_testkit::{TestServer, argv, key, on, until};

use crate::{filtered, wrong_field};

/// Several records, all of them in the chain.
async fn sealed(server: &TestServer) -> AuditVerification {
    server.new_agent("web-1").await;
    for _ in 0..5 {
        server
            .admin()
            .job_create(&on(&["web-1"], argv(&["true"])), &key())
            .await
            .unwrap();
    }
    let admin = server.admin();
    let records = i64::try_from(
        admin
            .audit_list_all(&ListRequest::default(), 100)
            .await
            .unwrap()
            .items
            .len(),
    )
    .unwrap();
    until("every record is sealed", || async {
        let found = admin.audit_verify().await.unwrap();
        assert!(found.intact, "{found:?}");
        (found.checked == records).then_some(found)
    })
    .await
}

fn tamper(server: &TestServer, sql: &str) {
    let database = rusqlite::Connection::open(server.database_file()).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    assert_ne!(database.execute(sql, []).unwrap(), 0, "{sql}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_untouched_trail_is_intact_and_its_head_is_the_newest_hash() {
    let server = TestServer::start().await;
    let verified = sealed(&server).await;
    let newest = server
        .admin()
        .audit_list(&ListRequest::default())
        .await
        .unwrap()
        .items
        .remove(0);
    assert_eq!(verified.head.as_deref(), Some(&*newest.hash));
    assert_eq!(newest.hash.len(), 64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_done_to_the_table_shows() {
    let cases = [
        (
            "UPDATE audit SET actor = 'user:9 (eve)' WHERE chain = 3",
            Some(3),
            "content",
        ),
        (
            "UPDATE audit SET after = '{}' WHERE chain = 3",
            Some(3),
            "content",
        ),
        (
            "UPDATE audit SET outcome = 'refused' WHERE chain = 3",
            Some(3),
            "content",
        ),
        (
            "UPDATE audit SET at_us = at_us - 1 WHERE chain = 3",
            Some(3),
            "content",
        ),
        (
            "UPDATE audit SET tenant_id = NULL WHERE chain = 3",
            Some(3),
            "content",
        ),
        ("UPDATE audit SET hash = 'ff' WHERE chain = 3", Some(3), "content"),
        ("DELETE FROM audit WHERE chain = 3", Some(4), "missing"),
        (
            "DELETE FROM audit WHERE chain >= 3",
            None,
            "newest records are missing",
        ),
        (
            "UPDATE audit SET chain = CASE chain WHEN 3 THEN -4 ELSE -3 END WHERE chain IN (3, 4)",
            Some(5),
            "missing",
        ),
    ];
    let server = TestServer::start().await;
    let whole = sealed(&server).await;
    let database = rusqlite::Connection::open(server.database_file()).unwrap();
    database
        .execute("CREATE TABLE kept AS SELECT * FROM audit", [])
        .unwrap();
    for (sql, id, problem) in cases {
        tamper(&server, sql);
        let found = server.admin().audit_verify().await.unwrap();
        let broken = found.broken.unwrap_or_else(|| panic!("not noticed: {sql}"));
        assert!(
            !found.intact && broken.problem.contains(problem),
            "{sql}: {broken:?}"
        );
        if let Some(id) = id {
            assert_eq!(broken.id.0, id, "{sql}");
        }
        tamper(&server, "DELETE FROM audit");
        tamper(&server, "INSERT INTO audit SELECT * FROM kept");
        assert_eq!(
            server.admin().audit_verify().await.unwrap(),
            whole,
            "as before {sql}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_found_by_who_what_and_how_it_ended() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let tenant = server.default_tenant().await;
    let auditor = server
        .person(tenant.id, &[(Role::Auditor, Scope::Tenant(tenant.id))])
        .await;
    let (agent, _) = server.new_agent("web-1").await;
    let job = admin
        .job_create(&on(&["web-1"], argv(&["true"])), &key())
        .await
        .unwrap()
        .jobs[0]
        .id;
    admin.job_cancel(job).await.unwrap();
    admin.job_cancel(job).await.unwrap_err();
    auditor.client.job_cancel(job).await.unwrap_err();
    let count = async |request: ListRequest| auditor.client.audit_list(&request).await.unwrap().items.len();
    let of_job = format!("job:{job}");
    let cases: [(&[(&str, &str)], usize); 8] = [
        (&[("object", &of_job)], 4),
        (&[("object", &of_job), ("outcome", "refused")], 2),
        (&[("action", "job_cancel"), ("outcome", "done")], 1),
        (&[("action", "job_create,agent_create")], 2),
        (&[("actor", "user:1")], 4),
        (&[("actor", "user:1 (admin)"), ("action", "job_cancel")], 2),
        (&[("actor", "user")], 0),
        (&[("actor", &format!("user:{}", auditor.id))], 1),
    ];
    for (pairs, expected) in cases {
        assert_eq!(count(filtered(pairs)).await, expected, "{pairs:?}");
    }
    let search = |text: &str| ListRequest {
        search: Some(text.into()),
        ..Default::default()
    };
    assert_eq!(count(search(&format!("agent:{}", agent.id))).await, 1);
    assert_eq!(
        count(search("cannot cancel a job that is cancelled")).await,
        1,
        "the reason is searched too"
    );
    assert_eq!(
        wrong_field(admin.audit_list(&filtered(&[("color", "red")])).await),
        "filter"
    );
    let page = ListRequest {
        limit: Some(2),
        ..Default::default()
    };
    let first = admin.audit_list(&page).await.unwrap();
    let rest = ListRequest {
        cursor: first.next_cursor.clone(),
        limit: Some(500),
        ..Default::default()
    };
    let rest = admin.audit_list(&rest).await.unwrap().items;
    assert!(first.items[1].id > rest[0].id, "newest first, and none twice");
    let cancelled = &auditor
        .client
        .audit_list(&filtered(&[("action", "job_cancel"), ("outcome", "done")]))
        .await
        .unwrap()
        .items[0];
    assert_eq!(cancelled.before.as_ref().unwrap()["state"], "queued");
    assert_eq!(cancelled.after.as_ref().unwrap()["state"], "cancelled");
}
