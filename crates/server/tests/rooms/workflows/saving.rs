//! Definitions: saved, checked, published, changed, deleted.

use postern_api::{
    ListRequest,
    workflows::{
        InstanceCreate, WorkflowCheck, WorkflowClone, WorkflowCreate, WorkflowPublish, WorkflowRestore,
        WorkflowUpdate,
    },
};
use postern_domain::{
    permission::{Role, Scope},
    workflow::{Severity, engine::InstanceState},
};
use postern_testkit::{TestServer, key};
use serde_json::json;

use super::{command, create, published, runs, saved, until_state};
use crate::{no, on_both_databases, refused, wrong_field};

on_both_databases! {
    a_draft_runs_only_once_it_is_published,
    what_is_wrong_is_told_at_its_place,
    yaml_is_kept_as_it_was_written,
    versions_are_kept_and_come_back_as_the_draft,
    an_edit_of_an_older_draft_is_refused,
    names_of_what_a_step_uses_must_be_there,
    what_a_workflow_uses_stays,
    a_workflow_that_runs_is_not_deleted,
    others_see_nothing_of_it,
    a_creation_that_is_repeated_makes_one,
}

async fn a_draft_runs_only_once_it_is_published(server: TestServer) {
    let web = server.agent("web-1").await;
    let admin = server.admin();
    let definition = json!({"hosts": {"agents": ["web-1"]}, "steps": [command("a", &["a"])]});
    let made = saved(&admin, "deploy", definition).await.unwrap();
    let id = made.workflow.id;
    assert_eq!(
        (
            made.workflow.version,
            made.workflow.draft_differs,
            made.workflow.steps
        ),
        (None, true, 1)
    );
    let start = async |draft: bool| {
        let request = InstanceCreate {
            draft,
            ..Default::default()
        };
        admin.instance_create(id, &request, &key()).await
    };
    assert_eq!(refused(start(false).await), no(409, "not_published"));
    let tried = start(true).await.unwrap();
    assert_eq!(tried.version, 0);
    runs(&web, "", 0).await;
    until_state(&server, tried.id, InstanceState::Completed).await;
    let published = admin
        .workflow_publish(id, &WorkflowPublish::default(), &key())
        .await
        .unwrap();
    assert_eq!(
        (published.workflow.version, published.workflow.draft_differs),
        (Some(1), false)
    );
    assert_eq!(
        refused(
            admin
                .workflow_publish(id, &WorkflowPublish::default(), &key())
                .await
        ),
        no(409, "nothing_to_publish")
    );
    assert_eq!(start(false).await.unwrap().version, 1);
}

async fn what_is_wrong_is_told_at_its_place(server: TestServer) {
    let admin = server.admin();
    for (steps, field) in [
        (
            json!([{"id": "a", "type": "comand", "argv": ["x"]}]),
            "definition.steps[0].type",
        ),
        (
            json!([{"id": "a", "type": "command", "argv": ["x"], "on_success": "b"}]),
            "definition.steps[0].on_success",
        ),
        (
            json!([{"id": "a", "type": "command", "argv": ["{{step_b.stdout}}"]}]),
            "definition.steps[0].argv[0]",
        ),
        (
            json!([{"id": "a", "type": "pam_checkout"}]),
            "definition.steps[0].type",
        ),
        (
            json!([{"id": "a", "type": "notify", "to": ["sms:1"], "title": "T"}]),
            "definition.steps[0].to[0]",
        ),
        (
            json!([{"id": "a", "type": "command", "argv": ["x"], "hosts": {}}]),
            "definition.steps[0].hosts",
        ),
        (json!({"a": 1}), "definition.steps"),
    ] {
        assert_eq!(
            wrong_field(saved(&admin, "wrong", json!({"steps": steps})).await),
            field
        );
    }
    let both: WorkflowCreate =
        serde_json::from_value(json!({"name": "x", "definition": {}, "source": ""})).unwrap();
    assert_eq!(wrong_field(admin.workflow_create(&both, &key()).await), "source");
    let none: WorkflowCreate = serde_json::from_value(json!({"name": "x"})).unwrap();
    assert_eq!(
        wrong_field(admin.workflow_create(&none, &key()).await),
        "definition"
    );
    let torn: WorkflowCreate = serde_json::from_value(json!({"name": "x", "source": "steps: ["})).unwrap();
    assert_eq!(wrong_field(admin.workflow_create(&torn, &key()).await), "source");
    let long = "x".repeat(512 * 1024 + 1);
    for (field, given) in [
        ("source", json!(long)),
        ("definition", json!({"description": long})),
    ] {
        let create: WorkflowCreate = serde_json::from_value(json!({"name": "x", field: given})).unwrap();
        assert_eq!(wrong_field(admin.workflow_create(&create, &key()).await), field);
        let check: WorkflowCheck = serde_json::from_value(json!({field: given})).unwrap();
        assert_eq!(wrong_field(admin.workflow_check(&check).await), field);
    }
    assert_eq!(
        wrong_field(saved(&admin, "7", json!({"steps": [command("a", &["a"])]})).await),
        "name"
    );

    let check = WorkflowCheck {
        definition: Some(
            json!({"steps": [command("a", &["a"]), {"id": "b", "type": "delay", "hours": 1, "on_success": "b"},
                                          {"id": "c", "type": "conditional", "condition": "1 = 2", "on_true": "a", "on_false": "a"}]}),
        ),
        source: None,
    };
    let checked = admin.workflow_check(&check).await.unwrap();
    let told: Vec<_> = checked
        .problems
        .iter()
        .map(|one| (one.severity, one.pointer.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (Severity::Error, "/steps/2/condition"),
            (Severity::Warning, "/steps/2")
        ]
    );
    assert_eq!(checked.problems[0].span, Some((2..3).into()));
    assert_eq!(checked.problems[0].step.as_deref(), Some("c"));
    let error = saved(
        &admin,
        "wrong",
        json!({"steps": [{"id": "look", "type": "command"}]}),
    )
    .await
    .expect_err("it has no command");
    let told = &error.problem().unwrap().errors[0];
    assert_eq!(told.field, "definition.steps[0].command");
    assert!(told.message.starts_with("step \"look\": "), "{}", told.message);
    assert!(
        admin
            .workflow_list(&ListRequest::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

async fn yaml_is_kept_as_it_was_written(server: TestServer) {
    let admin = server.admin();
    let source =
        "# what it is for\nsteps:\n  - id: a   # the first\n    type: delay\n    config: {minutes: 5}\n";
    let request: WorkflowCreate =
        serde_json::from_value(json!({"name": "commented", "source": source})).unwrap();
    let made = admin.workflow_create(&request, &key()).await.unwrap();
    assert_eq!(made.draft_source.as_deref(), Some(source));
    let normal = json!({"steps": [{"id": "a", "type": "delay", "minutes": 5}]});
    assert_eq!(serde_json::to_value(&made.draft).unwrap(), normal);
    let published = admin
        .workflow_publish(made.workflow.id, &WorkflowPublish::default(), &key())
        .await
        .unwrap();
    assert_eq!(published.published.unwrap().source.as_deref(), Some(source));
    // From JSON it has no comments to keep.
    let update = WorkflowUpdate {
        definition: Some(normal),
        ..Default::default()
    };
    let updated = admin.workflow_update(made.workflow.id, &update).await.unwrap();
    assert_eq!(updated.draft_source, None);
    assert!(updated.workflow.draft_differs, "in its comments");
}

async fn versions_are_kept_and_come_back_as_the_draft(server: TestServer) {
    let admin = server.admin();
    server.agent("x").await;
    let steps = |word: &str| json!({"hosts": {"agents": ["x"]}, "steps": [command("a", &[word])]});
    let id = published(&admin, "kept", steps("one")).await;
    let update = WorkflowUpdate {
        definition: Some(steps("two")),
        ..Default::default()
    };
    admin.workflow_update(id, &update).await.unwrap();
    let message = WorkflowPublish {
        message: "better".into(),
        ..Default::default()
    };
    admin.workflow_publish(id, &message, &key()).await.unwrap();
    let versions = admin
        .workflow_version_list(id, &ListRequest::default())
        .await
        .unwrap()
        .items;
    let told: Vec<_> = versions
        .iter()
        .map(|version| (version.version, version.message.as_str()))
        .collect();
    assert_eq!(told, [(2, "better"), (1, "")]);
    let restored = admin
        .workflow_restore(id, &WorkflowRestore { version: 1 })
        .await
        .unwrap();
    assert_eq!(serde_json::to_value(&restored.draft).unwrap(), steps("one"));
    assert_eq!(restored.workflow.version, Some(2), "what runs stays");
    assert_eq!(
        refused(admin.workflow_restore(id, &WorkflowRestore { version: 9 }).await),
        no(404, "not_found")
    );
    assert_eq!(
        refused(admin.workflow_version_show(id, 9).await),
        no(404, "not_found")
    );
    let copy = admin
        .workflow_clone(id, &WorkflowClone { name: "copy".into() }, &key())
        .await
        .unwrap();
    assert_eq!((copy.workflow.version, &copy.draft), (None, &restored.draft));
    assert_eq!(
        refused(
            admin
                .workflow_clone(id, &WorkflowClone { name: "copy".into() }, &key())
                .await
        ),
        no(409, "name_taken")
    );
}

async fn an_edit_of_an_older_draft_is_refused(server: TestServer) {
    let admin = server.admin();
    let made = saved(&admin, "shared", json!({"steps": [command("a", &["a"])]}))
        .await
        .unwrap();
    let edit = |word: &str| WorkflowUpdate {
        definition: Some(json!({"steps": [command("a", &[word])]})),
        based_on: Some(made.draft_sha256.clone()),
        ..Default::default()
    };
    admin.workflow_update(made.workflow.id, &edit("b")).await.unwrap();
    assert_eq!(
        refused(admin.workflow_update(made.workflow.id, &edit("c")).await),
        no(409, "newer_draft")
    );
    // Comments count as well.
    let with = |comment: &str, based_on: Option<String>| WorkflowUpdate {
        source: Some(format!("# {comment}\nsteps: [{{id: a, type: delay, hours: 1}}]")),
        based_on,
        ..Default::default()
    };
    let first = admin
        .workflow_update(made.workflow.id, &with("one", None))
        .await
        .unwrap();
    let based_on = Some(first.draft_sha256);
    let second = with("two", based_on.clone());
    admin.workflow_update(made.workflow.id, &second).await.unwrap();
    let late = admin
        .workflow_update(made.workflow.id, &with("three", based_on))
        .await;
    assert_eq!(refused(late), no(409, "newer_draft"));
    // What was looked at is what is published.
    let id = made.workflow.id;
    let publish = |based_on: String| WorkflowPublish {
        based_on: Some(based_on),
        ..Default::default()
    };
    let unseen = admin
        .workflow_publish(id, &publish(made.draft_sha256.clone()), &key())
        .await;
    assert_eq!(refused(unseen), no(409, "newer_draft"));
    let newest = admin.workflow_show(id).await.unwrap().draft_sha256;
    let published = admin
        .workflow_publish(id, &publish(newest), &key())
        .await
        .unwrap();
    assert_eq!(published.workflow.version, Some(1));
}

async fn names_of_what_a_step_uses_must_be_there(server: TestServer) {
    let admin = server.admin();
    for (step, field) in [
        (
            json!({"id": "a", "type": "script", "script": "gone"}),
            "draft.steps[0].script",
        ),
        (
            json!({"id": "a", "type": "script", "script_id": 99}),
            "draft.steps[0].script_id",
        ),
        (
            json!({"id": "a", "type": "action", "action": "gone"}),
            "draft.steps[0].action",
        ),
        (
            json!({"id": "a", "type": "workflow", "workflow": "gone"}),
            "draft.steps[0].workflow",
        ),
    ] {
        let name = format!("flow-{}", key().as_str().to_lowercase());
        let made = saved(&admin, &name, json!({"steps": [step]})).await.unwrap();
        assert_eq!(
            wrong_field(
                admin
                    .workflow_publish(made.workflow.id, &WorkflowPublish::default(), &key())
                    .await
            ),
            field
        );
    }
}

async fn what_a_workflow_uses_stays(server: TestServer) {
    let admin = server.admin();
    let script: postern_api::scripts::ScriptCreate = serde_json::from_value(
        json!({"name": "look", "language": "bash", "definition": {"content": "true"}}),
    )
    .unwrap();
    let script = admin.script_create(&script, &key()).await.unwrap().script.id;
    let inner = published(
        &admin,
        "inner",
        json!({"steps": [{"id": "look", "type": "script", "script": "look"}]}),
    )
    .await;
    let outer = published(
        &admin,
        "outer",
        json!({"steps": [{"id": "call", "type": "workflow", "workflow_id": inner}]}),
    )
    .await;
    let renamed = postern_api::workflows::WorkflowUpdate {
        name: Some("inside".into()),
        ..Default::default()
    };
    admin.workflow_update(inner, &renamed).await.unwrap();
    let refusal = admin.script_delete(script).await.expect_err("it is used");
    let problem = refusal.problem().unwrap();
    assert_eq!(problem.code, "script_in_use");
    assert!(problem.detail.contains("workflow inside"), "{}", problem.detail);
    assert_eq!(
        refused(admin.workflow_delete(inner).await),
        no(409, "workflow_in_use")
    );
    admin.workflow_delete(outer).await.unwrap();
    admin.workflow_delete(inner).await.unwrap();
    admin.script_delete(script).await.unwrap();
}

async fn a_workflow_that_runs_is_not_deleted(server: TestServer) {
    let admin = server.admin();
    let id = published(
        &admin,
        "slow",
        json!({"steps": [{"id": "wait", "type": "delay", "hours": 1}]}),
    )
    .await;
    let made = admin
        .instance_create(id, &InstanceCreate::default(), &key())
        .await
        .unwrap();
    assert_eq!(
        refused(admin.workflow_delete(id).await),
        no(409, "workflow_running")
    );
    admin
        .instance_cancel(made.id, &serde_json::from_value(json!({})).unwrap())
        .await
        .unwrap();
    until_state(&server, made.id, InstanceState::Cancelled).await;
    admin.workflow_delete(id).await.unwrap();
    assert_eq!(refused(admin.workflow_show(id).await), no(404, "not_found"));
    assert_eq!(refused(admin.instance_show(made.id).await), no(404, "not_found"));
}

async fn others_see_nothing_of_it(server: TestServer) {
    let admin = server.admin();
    let id = published(
        &admin,
        "ours",
        json!({"steps": [{"id": "wait", "type": "delay", "hours": 1}]}),
    )
    .await;
    let made = admin
        .instance_create(id, &InstanceCreate::default(), &key())
        .await
        .unwrap();
    let elsewhere = server.tenant("elsewhere").await.id;
    let stranger = server
        .person(elsewhere, &[(Role::TenantOwner, Scope::Tenant(elsewhere))])
        .await
        .client;
    assert_eq!(refused(stranger.workflow_show(id).await), no(404, "not_found"));
    assert_eq!(
        refused(stranger.instance_show(made.id).await),
        no(404, "not_found")
    );
    assert_eq!(
        refused(
            stranger
                .instance_create(id, &InstanceCreate::default(), &key())
                .await
        ),
        no(404, "not_found")
    );
    assert!(
        stranger
            .instance_list(&ListRequest::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    let tenant = server.default_tenant().await.id;
    let auditor = server
        .person(tenant, &[(Role::Auditor, Scope::Tenant(tenant))])
        .await
        .client;
    assert!(auditor.workflow_show(id).await.is_ok());
    assert_eq!(
        refused(
            auditor
                .instance_create(id, &InstanceCreate::default(), &key())
                .await
        ),
        no(403, "permission_missing")
    );
    let cancel = serde_json::from_value(json!({})).unwrap();
    assert_eq!(
        refused(auditor.instance_cancel(made.id, &cancel).await),
        no(403, "permission_missing")
    );
}

async fn a_creation_that_is_repeated_makes_one(server: TestServer) {
    let admin = server.admin();
    let id = published(
        &admin,
        "once",
        json!({"steps": [{"id": "wait", "type": "delay", "hours": 1}]}),
    )
    .await;
    let intent = key();
    let first = admin
        .instance_create(id, &InstanceCreate::default(), &intent)
        .await
        .unwrap();
    let again = admin
        .instance_create(id, &InstanceCreate::default(), &intent)
        .await
        .unwrap();
    assert_eq!(first.id, again.id);
    assert_eq!(
        admin
            .instance_list(&ListRequest::default())
            .await
            .unwrap()
            .items
            .len(),
        1
    );
    let request = create("twice", json!({"steps": [command("a", &["a"])]}));
    let intent = key();
    let first = admin.workflow_create(&request, &intent).await.unwrap();
    assert_eq!(
        admin
            .workflow_create(&request, &intent)
            .await
            .unwrap()
            .workflow
            .id,
        first.workflow.id
    );
}
