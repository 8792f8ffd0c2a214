//! What an action needs, and what needs an action, stays.

use postern_api::{actions::ActionUpdate, schedules::ScheduleCreate};
use postern_protocol::payload::JobPayload;
use postern_testkit::{TestServer, client::Revoke, key};
use serde_json::{Value, json};

use super::{deployed, field, of_script, restart, saved, script};
use crate::{no, on_both_databases, refused};

on_both_databases! {
    an_agent_and_a_script_that_an_action_needs_stay,
    what_a_draft_names_stays_until_it_names_something_else,
    an_action_that_a_schedule_runs_stays,
}

async fn an_agent_and_a_script_that_an_action_needs_stay(server: TestServer) {
    let agent = server.agent("web-1").await;
    let admin = server.admin();
    let needed = script(&server, "clean").await;
    let id = deployed(&server, of_script(needed, json!({}))).await;
    let detail = admin.script_show(needed).await.unwrap();
    assert_eq!(
        (&*detail.used_by[0].kind, &*detail.used_by[0].name),
        ("action", "restart")
    );
    assert_eq!(
        refused(admin.script_delete(needed).await),
        no(409, "script_in_use")
    );
    let renamed = ActionUpdate {
        name: Some("clean-up".into()),
        ..Default::default()
    };
    admin.action_update(id, &renamed).await.unwrap();
    let error = admin.agent_delete(agent.id(), Revoke::Yes).await.unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!((problem.status, &*problem.code), (409, "agent_in_use"));
    assert!(
        problem.detail.contains(&format!("action clean-up ({id})")),
        "{}",
        problem.detail
    );
    admin.action_delete(id).await.unwrap();
    admin.script_delete(needed).await.unwrap();
    admin.agent_delete(agent.id(), Revoke::Yes).await.unwrap();
}

async fn what_a_draft_names_stays_until_it_names_something_else(server: TestServer) {
    let admin = server.admin();
    let (first, _) = server.new_agent("web-1").await;
    let (second, _) = server.new_agent("web-2").await;
    let action = saved(&server, restart()).await.action;
    let delete = async |id| admin.agent_delete(id, Revoke::Yes).await;
    assert_eq!(refused(delete(first.id).await), no(409, "agent_in_use"));
    let on = |agents: Value| -> ActionUpdate {
        let mut definition = restart();
        definition["targets"] = json!({"agents": agents});
        serde_json::from_value(json!({"definition": definition})).unwrap()
    };
    // A draft may name what is not there yet.
    admin
        .action_update(action.id, &on(json!(["web-2", "web-9"])))
        .await
        .unwrap();
    delete(first.id).await.unwrap();
    assert_eq!(refused(delete(second.id).await), no(409, "agent_in_use"));
    admin.action_delete(action.id).await.unwrap();
    delete(second.id).await.unwrap();
}

async fn an_action_that_a_schedule_runs_stays(server: TestServer) {
    let agent = server.agent("web-1").await;
    let admin = server.admin();
    let id = deployed(&server, restart()).await;
    let schedule = |changes: Value| -> ScheduleCreate {
        let mut definition = json!({
            "cron": "0 2 * * *", "work": {"kind": "action", "action_id": id, "parameters": {"what": "restart"}},
        });
        for (name, value) in changes.as_object().unwrap() {
            definition[name] = value.clone();
        }
        serde_json::from_value(json!({"name": "nightly", "definition": definition})).unwrap()
    };
    for (changes, name) in [
        (json!({"targets": {"all": true}}), "definition.targets"),
        (json!({"priority": "high"}), "definition.priority"),
        (json!({"timeout_seconds": 5}), "definition.timeout_seconds"),
        (
            json!({"work": {"kind": "action", "action_id": id}}),
            "parameters.what",
        ),
    ] {
        assert_eq!(
            field(admin.schedule_create(&schedule(changes), &key()).await).0,
            name
        );
    }
    let made = admin.schedule_create(&schedule(json!({})), &key()).await.unwrap();
    admin.schedule_run(made.id, &key()).await.unwrap();
    let JobPayload::ServiceControl(sent) = agent.run(0).await.work else {
        panic!("a service")
    };
    assert_eq!(sent.service, "nginx");
    assert_eq!(refused(admin.action_delete(id).await), no(409, "action_in_use"));
    assert_eq!(admin.action_show(id).await.unwrap().used_by[0].name, "nightly");
    admin.schedule_delete(made.id).await.unwrap();
    admin.action_delete(id).await.unwrap();
}
