//! Who may run and change an action, and what nobody gets by changing it.

use postern_api::{
    actions::{ActionClone, ActionRestore, ActionRun},
    executions::{ExecutionRerun, RerunHosts},
    jobs::JobsCreated,
    schedules::ScheduleCreate,
};
use postern_domain::{
    ActionId,
    permission::{Role, Scope},
};
use postern_testkit::{TestServer, client::Client, key};
use serde_json::{Value, json};

use super::{create, deploy, deployed, edit, field, restart, run};
use crate::{no, on_both_databases, refused};

on_both_databases! {
    only_those_who_are_named_may_run_it,
    secrets_that_are_kept_go_nowhere_new,
}

async fn only_those_who_are_named_may_run_it(server: TestServer) {
    let agent = server.agent("web-1").await;
    let tenant = server.default_tenant().await;
    let at = Scope::Tenant(tenant.id);
    let operator = server.person(tenant.id, &[(Role::Operator, at)]).await;
    let named = server.person(tenant.id, &[(Role::Operator, at)]).await;
    let watcher = server.person(tenant.id, &[(Role::Auditor, at)]).await;
    let chief = server.person(tenant.id, &[(Role::Administrator, at)]).await;
    let mut definition = restart();
    definition["runners"] = json!(["role:administrator", "role:auditor", format!("user:{}", named.id)]);
    let id = deployed(&server, definition).await;
    let given = || json!({"what": "status"});
    let operators = server.client(&operator.token);
    let error = refused(run(&operators, id, given()).await);
    assert_eq!(error, no(403, "not_a_runner"));
    assert!(!operators.action_show(id).await.unwrap().action.may_run);
    for runner in [&named, &chief] {
        run(&server.client(&runner.token), id, given()).await.unwrap();
        agent.run(0).await;
    }
    // Being named gives nobody the right to run jobs.
    let watchers = server.client(&watcher.token);
    assert_eq!(
        refused(run(&watchers, id, given()).await),
        no(403, "permission_missing")
    );
    // Nor does it with a schedule.
    let schedule: ScheduleCreate = serde_json::from_value(json!({
        "name": "t", "definition": {"cron": "0 2 * * *",
            "work": {"kind": "action", "action_id": id, "parameters": given()}},
    }))
    .unwrap();
    assert_eq!(
        refused(operators.schedule_create(&schedule, &key()).await),
        no(403, "not_a_runner")
    );
    let runners = server.client(&named.token);
    let made = run(&runners, id, given()).await.unwrap();
    agent.run(1).await;
    only_runners_repeat(&operators, &runners, &made).await;
    let draft: ActionRun = serde_json::from_value(json!({"parameters": given(), "draft": true})).unwrap();
    let tried = runners.action_run(id, &draft, &key()).await.unwrap();
    agent.run(1).await;
    only_runners_repeat(&operators, &runners, &tried).await;
    let owner = server.person(tenant.id, &[(Role::TenantOwner, at)]).await;
    only_runners_and_owners_change(&operators, &server.client(&owner.token), id).await;
    // It is for everybody now.
    run(&operators, id, given()).await.unwrap();
    assert!(operators.job_show(made.jobs[0].id).await.unwrap().may_repeat);
    operators.job_retry(made.jobs[0].id).await.unwrap();
}

async fn only_runners_repeat(operators: &Client, runners: &Client, failed: &JobsCreated) {
    let (execution, job) = (failed.execution_id, failed.jobs[0].id);
    let again = ExecutionRerun {
        hosts: RerunHosts::All,
    };
    let not_theirs = no(403, "not_a_runner");
    for (client, theirs) in [(operators, false), (runners, true)] {
        assert_eq!(client.job_show(job).await.unwrap().may_repeat, theirs);
        let shown = client.execution_show(execution).await.unwrap();
        assert_eq!(shown.may_repeat, Some(theirs));
    }
    assert_eq!(refused(operators.job_retry(job).await), not_theirs);
    assert_eq!(refused(operators.execution_retry(execution).await), not_theirs);
    assert_eq!(
        refused(operators.execution_rerun(execution, &again, &key()).await),
        not_theirs
    );
    // A rerun is the action's as much as the first run was.
    let rerun = runners.execution_rerun(execution, &again, &key()).await.unwrap();
    let second = rerun.execution_id;
    assert_eq!(
        refused(operators.execution_rerun(second, &again, &key()).await),
        not_theirs
    );
    // What only ends it is for everybody who may manage its jobs.
    let ended = operators.execution_cancel(second).await.unwrap();
    assert_eq!(ended.changed, 1);
}

async fn only_runners_and_owners_change(operators: &Client, owners: &Client, id: ActionId) {
    let not_theirs = no(403, "not_a_runner");
    let copy = ActionClone { name: "mine".into() };
    assert_eq!(refused(edit(operators, id, restart()).await), not_theirs);
    assert_eq!(
        refused(operators.action_clone(id, &copy, &key()).await),
        not_theirs
    );
    let old = ActionRestore { version: 1 };
    assert_eq!(refused(operators.action_restore(id, &old).await), not_theirs);
    assert_eq!(refused(operators.action_delete(id).await), not_theirs);

    let given = json!({"what": "status"});
    assert_eq!(refused(run(owners, id, given).await), not_theirs);
    edit(owners, id, restart()).await.unwrap();
    // What is deployed still names its runners.
    assert_eq!(refused(deploy(operators, id).await), not_theirs);
    deploy(owners, id).await.unwrap();
    // So does the version that would come back with its secrets.
    assert_eq!(refused(operators.action_restore(id, &old).await), not_theirs);
}

fn request_with_token(url: &str) -> Value {
    json!({
        "work": {"kind": "job", "job": {"type": "http_request",
            "payload": {"method": "GET", "url": url, "secret_headers": {"authorization": "token"}}}},
        "targets": {"agents": ["web-1"]},
    })
}

async fn secrets_that_are_kept_go_nowhere_new(server: TestServer) {
    let agent = server.agent("web-1").await;
    let admin = server.admin();
    let mut request = create("call", request_with_token("https://api.example.com/"));
    request.secrets = serde_json::from_value(json!({"token": "s3cret"})).unwrap();
    let detail = admin.action_create(&request, &key()).await.unwrap();
    let id = detail.action.id;
    let tenant = server.default_tenant().await;
    let operator = server
        .person(tenant.id, &[(Role::Operator, Scope::Tenant(tenant.id))])
        .await;
    let operators = server.client(&operator.token);
    let elsewhere = edit(&operators, id, request_with_token("https://evil.example.com/")).await;
    let (name, message) = field(elsewhere);
    assert_eq!(name, "secrets");
    assert!(message.contains("again"), "{message}");

    // What does not move them is changed without giving them again.
    let mut limited = request_with_token("https://api.example.com/");
    limited["timeout_seconds"] = json!(9);
    edit(&operators, id, limited).await.unwrap();
    deploy(&operators, id).await.unwrap();
    run(&operators, id, json!({})).await.unwrap();
    let order = agent.run(0).await;
    assert_eq!(agent.secrets(&order)["token"].as_str(), "s3cret");
}
