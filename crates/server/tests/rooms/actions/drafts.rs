//! Drafts, what is deployed of them, and how an old version comes back.

use postern_api::{
    ListRequest,
    actions::{ActionClone, ActionRestore, ActionRun, ActionUpdate},
};
use postern_domain::{UserId, permission::Permission};
use postern_protocol::payload::JobPayload;
use postern_testkit::{TestServer, key};
use serde_json::json;

use super::{deploy, deployed, edit, of_script, restart, run, saved, script};
use crate::{no, on_both_databases, refused};

on_both_databases! {
    a_draft_runs_only_once_it_is_deployed,
    what_runs_stays_as_it_was_deployed_while_the_draft_changes,
    an_edit_of_an_older_draft_is_refused,
    old_versions_come_back_as_the_draft,
    one_that_cannot_run_is_renamed_all_the_same,
}

async fn a_draft_runs_only_once_it_is_deployed(server: TestServer) {
    let agent = server.agent("web-1").await;
    let admin = server.admin();
    let action = saved(&server, restart()).await.action;
    assert_eq!(
        (action.version, action.draft_differs, action.may_run),
        (None, true, true)
    );
    let given = json!({"what": "restart"});
    assert_eq!(
        refused(run(&admin, action.id, given.clone()).await),
        no(409, "not_deployed")
    );

    let draft: ActionRun = serde_json::from_value(json!({"parameters": given, "draft": true})).unwrap();
    let tried = admin.action_run(action.id, &draft, &key()).await.unwrap();
    let origin = admin.execution_show(tried.execution_id).await.unwrap().action;
    assert_eq!(
        origin.map(|origin| (origin.id, origin.version)),
        Some((action.id, None))
    );
    agent.run(0).await;

    let detail = deploy(&admin, action.id).await.unwrap();
    assert_eq!(
        (detail.action.version, detail.action.draft_differs),
        (Some(1), false)
    );
    assert_eq!(
        refused(deploy(&admin, action.id).await),
        no(409, "nothing_to_deploy")
    );
    let made = run(&admin, action.id, given).await.unwrap();
    agent.run(0).await;
    let execution = admin.execution_show(made.execution_id).await.unwrap();
    let origin = execution.action.unwrap();
    assert_eq!((origin.id, origin.version), (action.id, Some(1)));
    assert_eq!(execution.summary, "restart: restart nginx");
    let of_it = ListRequest {
        filter: vec![("action".into(), action.id.to_string())],
        ..Default::default()
    };
    let listed = admin.execution_list(&of_it).await.unwrap().items;
    assert_eq!(
        listed.iter().map(|execution| execution.id).collect::<Vec<_>>(),
        [made.execution_id, tried.execution_id]
    );
}

async fn what_runs_stays_as_it_was_deployed_while_the_draft_changes(server: TestServer) {
    let agent = server.agent("web-1").await;
    let admin = server.admin();
    let id = deployed(&server, restart()).await;
    let mut other = restart();
    other["work"]["job"]["payload"]["service"] = json!("php-fpm");
    let detail = edit(&admin, id, other).await.unwrap();
    assert_eq!(
        (detail.action.version, detail.action.draft_differs),
        (Some(1), true)
    );
    run(&admin, id, json!({"what": "status"})).await.unwrap();
    let JobPayload::ServiceControl(sent) = agent.run(0).await.work else {
        panic!("a service")
    };
    assert_eq!(sent.service, "nginx");
}

async fn an_edit_of_an_older_draft_is_refused(server: TestServer) {
    let admin = server.admin();
    let detail = saved(&server, restart()).await;
    let edit = |description: &str| ActionUpdate {
        description: Some(description.into()),
        definition: Some(
            serde_json::from_value({
                let mut definition = restart();
                definition["timeout_seconds"] = json!(description.len());
                definition
            })
            .unwrap(),
        ),
        based_on: Some(detail.draft_sha256.clone()),
        ..Default::default()
    };
    let id = detail.action.id;
    admin.action_update(id, &edit("mine")).await.unwrap();
    assert_eq!(
        refused(admin.action_update(id, &edit("hers")).await),
        no(409, "newer_draft")
    );
}

async fn old_versions_come_back_as_the_draft(server: TestServer) {
    server.agent("web-1").await;
    let admin = server.admin();
    let id = deployed(&server, restart()).await;
    let mut slow = restart();
    slow["timeout_seconds"] = json!(9);
    edit(&admin, id, slow).await.unwrap();
    deploy(&admin, id).await.unwrap();
    let restored = admin
        .action_restore(id, &ActionRestore { version: 1 })
        .await
        .unwrap();
    assert_eq!(
        (restored.draft.timeout_seconds, restored.action.version),
        (None, Some(2))
    );
    assert!(restored.action.draft_differs);
    let as_deployed = admin
        .action_restore(id, &ActionRestore { version: 2 })
        .await
        .unwrap();
    // By the names of its hosts, as it was written; so it says what runs.
    assert_eq!(as_deployed.draft.targets.agents, ["web-1"]);
    assert!(!as_deployed.action.draft_differs);
    let gone = admin.action_restore(id, &ActionRestore { version: 3 }).await;
    assert_eq!(refused(gone), no(404, "not_found"));
    let versions = admin
        .action_version_list(id, &ListRequest::default())
        .await
        .unwrap()
        .items;
    assert_eq!(
        versions.iter().map(|version| version.version).collect::<Vec<_>>(),
        [2, 1]
    );
    assert_eq!(
        admin
            .action_version_show(id, 2)
            .await
            .unwrap()
            .definition
            .timeout_seconds,
        Some(9)
    );
    let copy = ActionClone { name: "copy".into() };
    let copy = admin.action_clone(id, &copy, &key()).await.unwrap();
    assert_eq!((copy.action.version, copy.draft), (None, as_deployed.draft));
}

async fn one_that_cannot_run_is_renamed_all_the_same(server: TestServer) {
    server.agent("web-1").await;
    let needed = script(&server, "clean").await;
    let id = saved(&server, of_script(needed, json!({}))).await.action.id;
    // For whoever may see no scripts there is none.
    let jobs = [Permission::JobsView, Permission::JobsManage];
    let limited = server.client(&server.token(UserId(1), Some(&jobs)).await);
    let renamed = ActionUpdate {
        name: Some("old".into()),
        ..Default::default()
    };
    let update = limited.action_update(id, &renamed).await.unwrap();
    assert_eq!(update.action.name, "old");
    let again = edit(&limited, id, of_script(needed, json!({"path": "/"}))).await;
    assert_eq!(refused(again), no(404, "not_found"));
}
