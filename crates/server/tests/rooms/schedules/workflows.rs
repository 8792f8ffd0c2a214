//! Schedules that start workflows.

use postern_api::{
    schedules::{ScheduleCreate, ScheduleUpdate, TickFate},
    workflows::InstanceCreate,
};
use postern_domain::workflow::engine::InstanceState;
use postern_testkit::{TestServer, key, until};
use serde_json::{Value, json};

use super::{SOON, fates, pass, ticks};
use crate::{
    no, on_both_databases, refused,
    workflows::{published, until_state},
    wrong_field,
};

on_both_databases! {
    a_schedule_starts_a_workflow_with_its_inputs,
}

async fn a_schedule_starts_a_workflow_with_its_inputs(server: TestServer) {
    let admin = server.admin();
    let definition = json!({
        "inputs": [{"name": "minutes", "type": "integer", "required": true},
                   {"name": "token", "type": "secret", "required": true}],
        "steps": [{"id": "wait", "type": "delay", "minutes": 15}],
    });
    let id = published(&admin, "waits", definition).await;
    let work = json!({"kind": "workflow", "workflow_id": id, "inputs": {"minutes": 15}});
    let schedule = |changes: Value| {
        let mut definition = json!({"cron": "*/10 * * * *", "work": work.clone()});
        for (name, value) in changes.as_object().unwrap() {
            definition[name] = value.clone();
        }
        let secrets = json!({"token": "s3cr3t"});
        serde_json::from_value(json!({"name": "often", "definition": definition, "secrets": secrets}))
            .unwrap()
    };
    for (changes, field) in [
        (json!({"priority": "high"}), "definition.priority"),
        (json!({"timeout_seconds": 5}), "definition.timeout_seconds"),
        (
            json!({"work": {"kind": "workflow", "workflow_id": id, "inputs": {"minutes": "soon"}}}),
            "inputs.minutes",
        ),
        (
            json!({"work": {"kind": "workflow", "workflow_id": id, "inputs": {"minutes": 1, "token": "x"}}}),
            "inputs.token",
        ),
    ] {
        let request: ScheduleCreate = schedule(changes);
        assert_eq!(wrong_field(admin.schedule_create(&request, &key()).await), field);
    }
    let request: ScheduleCreate = schedule(json!({}));
    let saved = admin.schedule_create(&request, &key()).await.unwrap();
    assert_eq!(saved.secrets, ["token"]);
    // Other times, and hosts that take the place of the workflow's own; the secret stays with the same work and hosts.
    let agent = server.agent("web-1").await;
    let mut definition = saved.definition.clone();
    definition.cron = "*/10 * * * 1-7".into();
    let later = ScheduleUpdate {
        definition: Some(definition.clone()),
        ..Default::default()
    };
    let changed = admin.schedule_update(saved.id, &later).await.unwrap();
    assert_eq!(changed.secrets, ["token"]);
    definition.targets.agents = vec!["web-1".into()];
    let elsewhere = ScheduleUpdate {
        definition: Some(definition),
        secrets: Some(request.secrets.clone()),
        ..Default::default()
    };
    let changed = admin.schedule_update(saved.id, &elsewhere).await.unwrap();
    assert_eq!(changed.definition.targets.agents, ["web-1"]);
    assert_eq!(
        refused(
            admin
                .agent_delete(agent.id(), postern_testkit::client::Revoke::Yes)
                .await
        ),
        no(409, "agent_in_use")
    );
    pass(&server, &saved, SOON).await;
    let found = ticks(&server, &saved).await;
    assert_eq!(
        (fates(&found), found[0].execution_id),
        (vec![TickFate::Ran], None)
    );
    let first = found[0].instance_id.unwrap();
    let detail = until_state(&server, first, InstanceState::Paused).await;
    assert!(
        detail
            .instance
            .started_by
            .starts_with(&format!("schedule:{} (often) for user:1", saved.id)),
        "{}",
        detail.instance.started_by
    );
    assert_eq!(detail.inputs["minutes"].0, json!(15));
    let events = admin
        .instance_event_list(first, &Default::default())
        .await
        .unwrap();
    let cause = serde_json::to_value(&events.items[0].cause).unwrap();
    assert_eq!(cause, json!({"kind": "schedule", "schedule_id": saved.id}));
    // It still waits when the next tick comes.
    pass(&server, &saved, SOON).await;
    assert_eq!(
        fates(&ticks(&server, &saved).await),
        [TickFate::Ran, TickFate::Overlap]
    );
    server.clock.advance_seconds(6 * 60);
    until_state(&server, first, InstanceState::Completed).await;
    pass(&server, &saved, SOON).await;
    let last = ticks(&server, &saved).await.remove(0);
    assert_eq!(last.fate, TickFate::Ran);
    let shown = admin.schedule_show(saved.id).await.unwrap();
    assert_eq!(
        (shown.last_instance_id, shown.last_execution_id),
        (last.instance_id, None)
    );
    let now = admin.schedule_run(saved.id, &key()).await.unwrap();
    assert_eq!((now.execution_id, now.jobs.len()), (None, 0));
    until_state(&server, now.instance_id.unwrap(), InstanceState::Paused).await;
    let alone = admin.instance_create(id, &by_hand(), &key()).await.unwrap().id;
    let of_schedule = crate::filtered(&[("schedule", &saved.id.to_string())]);
    let listed = admin.instance_list(&of_schedule).await.unwrap().items;
    let listed: Vec<_> = listed.into_iter().map(|instance| Some(instance.id)).collect();
    assert_eq!(listed, [now.instance_id, last.instance_id, Some(first)]);
    server.clock.advance_seconds(16 * 60);
    until_state(&server, alone, InstanceState::Completed).await;
    until_state(&server, now.instance_id.unwrap(), InstanceState::Completed).await;
    admin.schedule_update(saved.id, &pause()).await.unwrap();
    until_state(&server, last.instance_id.unwrap(), InstanceState::Completed).await;
    let refusal = until("nothing to run", || async {
        let refusal = refused(admin.workflow_delete(id).await);
        (refusal.1 != "workflow_running").then_some(refusal)
    })
    .await;
    assert_eq!(refusal, no(409, "workflow_in_use"));
    admin.schedule_delete(saved.id).await.unwrap();
    admin.workflow_delete(id).await.unwrap();
}

fn by_hand() -> InstanceCreate {
    serde_json::from_value(json!({"inputs": {"minutes": 15}, "secrets": {"token": "s3cr3t"}})).unwrap()
}

fn pause() -> ScheduleUpdate {
    ScheduleUpdate {
        paused: Some(true),
        ..Default::default()
    }
}
