//! Saving schedules: what is refused, kept on record, and kept in the database.

use postern_api::schedules::{CronPreview, ScheduleUpdate};
use postern_testkit::{TestServer, key};
use serde_json::json;

use super::{saved, with};
use crate::{on_both_databases, refused};

on_both_databases! {
    what_cannot_run_is_refused_when_it_is_saved,
    the_audit_keeps_the_digest_of_what_it_does,
    an_agent_that_a_schedule_names_stays,
}

async fn what_cannot_run_is_refused_when_it_is_saved(server: TestServer) {
    server.agent("web-1").await;
    let password = json!({"kind": "job", "job": {"type": "user_control", "payload": {"action": "reset_password", "user": "anna"}}});
    for (changes, field) in [
        (json!({"cron": "* * * *"}), "definition.cron"),
        (json!({"cron": "0 0 31 2 *"}), "definition.cron"),
        (json!({"zone": "Mars/Olympus"}), "definition.zone"),
        (json!({"max_runs": 0}), "definition.max_runs"),
        (json!({"ends_at": "2020-01-01T00:00:00Z"}), "definition.ends_at"),
        (json!({"targets": {"agents": ["nobody"]}}), "targets.agents"),
        (
            json!({"blackout": {"calendar_id": 9, "tick": "skip"}}),
            "definition.blackout.calendar_id",
        ),
        (json!({"work": password}), "secrets.password"),
    ] {
        let error = server
            .admin()
            .schedule_create(&with(changes), &key())
            .await
            .unwrap_err();
        assert_eq!(error.problem().unwrap().errors[0].field, field);
    }
    let preview = |cron: &str| CronPreview {
        cron: cron.into(),
        zone: "Europe/Brussels".into(),
        from: None,
        until: None,
    };
    let shown = server.admin().cron_preview(&preview("30 2 * * *")).await.unwrap();
    assert_eq!(shown.ticks.len(), 5);
    assert_eq!(
        refused(server.admin().cron_preview(&preview("nonsense")).await).0,
        422
    );
}

async fn the_audit_keeps_the_digest_of_what_it_does(server: TestServer) {
    server.agent("web-1").await;
    let text = "echo 'what it does in full'";
    let script = json!({"type": "script", "payload": {"language": "bash", "content": text}});
    let schedule = saved(&server, json!({"work": {"kind": "job", "job": script}})).await;
    let update = ScheduleUpdate {
        description: Some("told".into()),
        ..Default::default()
    };
    server
        .admin()
        .schedule_update(schedule.id, &update)
        .await
        .unwrap();
    server.admin().schedule_delete(schedule.id).await.unwrap();
    let of_it = crate::filtered(&[("object", &format!("schedule:{}", schedule.id))]);
    let records = server.admin().audit_list(&of_it).await.unwrap().items;
    assert_eq!(records.len(), 3);
    for record in records {
        let told = serde_json::to_string(&record).unwrap();
        assert!(!told.contains("in full"), "{told}");
        assert!(told.contains("sha256") && told.contains("often"), "{told}");
    }
}

async fn an_agent_that_a_schedule_names_stays(server: TestServer) {
    let agent = server.agent("web-1").await;
    let admin = server.admin();
    let schedule = saved(&server, json!({})).await;
    let delete = async || {
        admin
            .agent_delete(agent.id(), postern_testkit::client::Revoke::Yes)
            .await
    };
    let error = delete().await.unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!((problem.status, problem.code.as_str()), (409, "agent_in_use"));
    assert!(
        problem
            .detail
            .contains(&format!("schedule often ({})", schedule.id)),
        "{}",
        problem.detail
    );
    // By label nobody is named.
    let all: ScheduleUpdate = serde_json::from_value(json!({
        "definition": serde_json::to_value(with(json!({"targets": {"all": true}})).definition).unwrap(),
    }))
    .unwrap();
    admin.schedule_update(schedule.id, &all).await.unwrap();
    delete().await.unwrap();
}
