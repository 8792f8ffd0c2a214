//! Agents that are deleted: gone at once for whoever looks, from the database a few jobs at a time.

use postern_domain::{
    AgentId, ExecutionId, JobId,
    job::Priority,
    permission::{Reach, Role, Scope},
};
use postern_server::clock::Clock as _;
use postern_store::{
    agents::{self, Wanted, removal},
    jobs::{self, Host, NewJobs},
    tx,
};
use postern_testkit::{Database, TestServer, argv, client::Revoke, key, on, until};
use serde_json::json;

use crate::{actions_on, filtered, no, on_both_databases, refused};

on_both_databases! {
    a_deleted_agent_is_gone_at_once_and_its_jobs_a_few_at_a_time,
    of_two_deletions_at_once_one_finds_nothing,
    an_execution_leaves_out_the_hosts_that_were_deleted,
}

/// More than end in one transaction, and more than are removed in one.
const JOBS: usize = 450;

/// Queued jobs of an agent.
async fn queued(server: &TestServer, agent: AgentId) -> Vec<JobId> {
    let now = server.clock.now();
    let new = NewJobs {
        kind: "command",
        payload: r#"{"type":"command","payload":{"argv":["true"]}}"#.into(),
        payload_digest: "d".into(),
        summary: "true".into(),
        priority: Priority::Normal,
        timeout_seconds: 300,
        not_before: None,
        created_by: "user:1".into(),
        execution: ExecutionId(999),
        secret: None,
        script: None,
        schedule: None,
        instance: None,
    };
    let made = server
        .write(tx!(tx => {
            let everywhere = Reach { everywhere: true, ..Reach::default() };
            let wanted = Wanted { ids: vec![agent.0], ..Wanted::default() };
            let found = agents::targets(tx, &everywhere, &[wanted], 1).await?;
            let host = |target| Host { target, batch: 1, concurrency_key: None };
            let hosts: Vec<Host> = found.into_iter().cycle().take(JOBS).map(host).collect();
            jobs::create(tx, &new, &hosts, now).await
        }))
        .await;
    made.into_iter().map(|(job, _)| job).collect()
}

async fn until_removed(server: &TestServer) {
    until("the agent to be removed", || async {
        let left = server
            .read(tx!(tx => removal::deleted(tx, AgentId(0)).await))
            .await;
        left.is_none().then_some(())
    })
    .await;
}

async fn a_deleted_agent_is_gone_at_once_and_its_jobs_a_few_at_a_time(server: TestServer) {
    let admin = server.admin();
    let (agent, _) = server.new_agent("web-1").await;
    let made = queued(&server, agent.id).await;
    assert_eq!(made.len(), JOBS);
    admin.job_show(made[0]).await.unwrap();
    admin.agent_delete(agent.id, Revoke::Yes).await.unwrap();
    assert_eq!(refused(admin.agent_show(agent.id).await), no(404, "not_found"));
    for id in [made[0], made[JOBS - 1]] {
        assert_eq!(refused(admin.job_show(id).await), no(404, "not_found"));
        assert_eq!(refused(admin.job_cancel(id).await), no(404, "not_found"));
        assert_eq!(refused(admin.job_delete(id).await), no(404, "not_found"));
    }
    let listed = admin.job_list(&Default::default()).await.unwrap().items;
    assert!(listed.is_empty(), "{listed:?}");
    let (again, _) = server.new_agent("web-1").await;
    assert_ne!(again.id, agent.id, "its name is free");
    until_removed(&server).await;
    let left = server
        .read(tx!(tx => removal::jobs_of(tx, agent.id, 1).await))
        .await;
    assert_eq!(left, []);

    // All of them ended first: the first ones on the account of who deleted the agent.
    let ended = async |id: JobId| {
        let object = format!("job:{id}");
        let records = admin
            .audit_list(&filtered(&[("object", &object), ("outcome", "done")]))
            .await
            .unwrap()
            .items;
        let [record] = &records[..] else {
            panic!("{records:?}");
        };
        assert_eq!(
            (&*record.action, record.reason.as_deref()),
            ("job_finish", Some("Its agent was deleted"))
        );
        record.actor.clone()
    };
    assert!(ended(made[0]).await.starts_with("user:"));
    assert_eq!(ended(made[JOBS - 1]).await, "system");
    // On record where the agent was: not only for those who see everything.
    let tenant = server.default_tenant().await.id;
    let auditor = server
        .person(tenant, &[(Role::Auditor, Scope::Tenant(tenant))])
        .await;
    let records = auditor
        .client
        .audit_list(&filtered(&[("action", "agents_clear")]))
        .await
        .unwrap()
        .items;
    let removed: Vec<usize> = records
        .iter()
        .map(|record| {
            assert_eq!(record.object, format!("agent:{}", agent.id));
            let after = record.after.as_ref().unwrap();
            let jobs = after["jobs"].as_array().unwrap().len();
            assert_eq!(after["removed"], jobs);
            jobs
        })
        .collect();
    assert!(removed.iter().all(|count| *count <= 200), "{removed:?}");
    assert_eq!(removed.iter().sum::<usize>(), JOBS);
}

async fn of_two_deletions_at_once_one_finds_nothing(server: TestServer) {
    let (agent, _) = server.new_agent("web-1").await;
    let (one, other) = (server.admin(), server.admin());
    let (one, other) = tokio::join!(
        one.agent_delete(agent.id, Revoke::Yes),
        other.agent_delete(agent.id, Revoke::Yes)
    );
    let lost = if one.is_ok() { other } else { one };
    assert_eq!(refused(lost), no(404, "not_found"));
    let object = format!("agent:{}", agent.id);
    let done = filtered(&[
        ("object", &object),
        ("outcome", "done"),
        ("action", "agent_delete"),
    ]);
    let records = server.admin().audit_list(&done).await.unwrap().items;
    assert_eq!(records.len(), 1, "{records:?}");
}

async fn an_execution_leaves_out_the_hosts_that_were_deleted(server: TestServer) {
    let admin = server.admin();
    let (web, db) = (server.agent("web-1").await, server.agent("db-1").await);
    let made = admin
        .job_create(&on(&["web-1", "db-1"], argv(&["true"])), &key())
        .await
        .unwrap();
    web.order().await;
    admin.agent_delete(web.id(), Revoke::Yes).await.unwrap();
    let shown = admin.execution_show(made.execution_id).await.unwrap();
    assert_eq!((shown.hosts, &shown.counts["queued"]), (1, &1));
    db.run(0).await;
    until_removed(&server).await;
    let shown = admin.execution_show(made.execution_id).await.unwrap();
    assert_eq!((shown.hosts, &shown.counts["completed"]), (1, &1));
}

/// Its result is written at the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_ends_by_itself_is_not_ended_by_the_deletion() {
    let server = TestServer::on(Database::Postgres).await;
    let admin = server.admin();
    let agent = server.agent("web-1").await;
    let id = admin
        .job_create(&on(&["web-1"], argv(&["true"])), &key())
        .await
        .unwrap()
        .jobs[0]
        .id;
    agent.order().await;
    let client = server.postgres_client().await;
    let end = format!("BEGIN; UPDATE jobs SET state = 'completed', finished_us = 1 WHERE id = {id}");
    client.batch_execute(&end).await.unwrap();
    let deletion = tokio::spawn({
        let (admin, agent) = (server.admin(), agent.id());
        async move { admin.agent_delete(agent, Revoke::Yes).await }
    });
    let waiting = "SELECT 1 FROM pg_stat_activity a WHERE pg_backend_pid() = ANY (pg_blocking_pids(a.pid))";
    until("the deletion waits", || async {
        (!client.query(waiting, &[]).await.unwrap().is_empty()).then_some(())
    })
    .await;
    client.batch_execute("COMMIT").await.unwrap();
    deletion.await.unwrap().unwrap();
    let actions = actions_on(&admin, &format!("job:{id}")).await;
    assert!(!actions.contains(&"job_finish".to_owned()), "{actions:?}");
    let records = admin
        .audit_list(&filtered(&[("action", "agent_delete")]))
        .await
        .unwrap()
        .items;
    assert_eq!(records[0].after, Some(json!({"jobs_ended": 0})));
}
