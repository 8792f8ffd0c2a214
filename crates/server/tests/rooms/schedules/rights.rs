//! On whose account a schedule runs, and who may make it run.

use postern_api::schedules::{ScheduleUpdate, TickFate};
use postern_domain::permission::{Permission, Role, Scope};
use postern_store::{identity, tx};
use postern_testkit::{TestServer, key};
use serde_json::json;

use super::{SOON, fates, pass, saved, ticks, with};
use crate::{on_both_databases, refused};

on_both_databases! {
    it_fails_when_its_owner_has_lost_the_role,
    a_limited_token_lends_no_more_than_it_has_and_no_longer,
    run_now_needs_the_right_on_every_host,
    a_value_that_became_secret_is_not_sent_in_clear,
    names_beyond_ones_reach_are_not_told,
    it_runs_with_the_rights_its_owner_has_then,
}

fn reason(ticks: &[postern_api::schedules::ScheduleTick]) -> &str {
    ticks[0].reason.as_deref().unwrap_or_default()
}

async fn it_fails_when_its_owner_has_lost_the_role(server: TestServer) {
    server.agent("web-1").await;
    let tenant = server.default_tenant().await.id;
    let person = server
        .person(tenant, &[(Role::Operator, Scope::Tenant(tenant))])
        .await;
    let request = with(json!({"overlap": "allow"}));
    let schedule = person.client.schedule_create(&request, &key()).await.unwrap();
    pass(&server, &schedule, SOON).await;
    assert_eq!(fates(&ticks(&server, &schedule).await), [TickFate::Ran]);
    let user = person.id;
    server
        .write(tx!(tx => {
            for binding in identity::binding_list(tx, &[user]).await? {
                identity::binding_delete(tx, binding.id).await?;
            }
            Ok(())
        }))
        .await;
    pass(&server, &schedule, SOON).await;
    let found = ticks(&server, &schedule).await;
    assert_eq!(fates(&found), [TickFate::Ran, TickFate::Failed]);
    assert!(reason(&found).contains("targets"), "{found:?}");
}

async fn a_limited_token_lends_no_more_than_it_has_and_no_longer(server: TestServer) {
    server.agent("web-1").await;
    let only = [Permission::JobsView, Permission::JobsManage];
    let secret = server.token(postern_domain::UserId(1), Some(&only)).await;
    let client = server.client(&secret);
    let request = with(json!({"overlap": "allow"}));
    let schedule = client.schedule_create(&request, &key()).await.unwrap();
    pass(&server, &schedule, SOON).await;
    assert_eq!(fates(&ticks(&server, &schedule).await), [TickFate::Ran]);
    let tokens = server
        .admin()
        .token_list(&Default::default())
        .await
        .unwrap()
        .items;
    let limited = tokens.iter().find(|token| token.permissions.is_some()).unwrap();
    server.admin().token_delete(limited.id).await.unwrap();
    pass(&server, &schedule, SOON).await;
    let found = ticks(&server, &schedule).await;
    assert_eq!(fates(&found), [TickFate::Ran, TickFate::Failed]);
    assert!(reason(&found).contains("API token"), "{found:?}");
    // Saved again by somebody with all of their rights, it goes on.
    let update: ScheduleUpdate = serde_json::from_value(json!({"definition": request.definition})).unwrap();
    server
        .admin()
        .schedule_update(schedule.id, &update)
        .await
        .unwrap();
    pass(&server, &schedule, SOON).await;
    assert_eq!(
        fates(&ticks(&server, &schedule).await).last(),
        Some(&TickFate::Ran)
    );
}

async fn run_now_needs_the_right_on_every_host(server: TestServer) {
    let agent = server.agent("web-1").await;
    let tenant = server.default_tenant().await;
    let other = server.organization(tenant.id, "other").await;
    let moved = postern_api::agents::AgentUpdate {
        organization_id: Some(other),
        ..Default::default()
    };
    server.admin().agent_update(agent.id(), &moved).await.unwrap();
    let mut request = serde_json::to_value(with(json!({}))).unwrap();
    request["organization_id"] = json!(tenant.organization);
    let request = serde_json::from_value(request).unwrap();
    let schedule = server.admin().schedule_create(&request, &key()).await.unwrap();
    let near = Scope::Organization(tenant.organization);
    let person = server.person(tenant.id, &[(Role::Operator, near)]).await;
    let error = person.client.schedule_run(schedule.id, &key()).await.unwrap_err();
    let problem = error.problem().unwrap().clone();
    assert_eq!((problem.status, &*problem.code), (403, "hosts_out_of_reach"));
    assert!(!problem.detail.contains("web-1"), "{}", problem.detail);
    assert!(ticks(&server, &schedule).await.is_empty());
    let far = [
        (Role::Operator, near),
        (Role::Operator, Scope::Organization(other)),
    ];
    let person = server.person(tenant.id, &far).await;
    let made = person.client.schedule_run(schedule.id, &key()).await.unwrap();
    assert_eq!(made.jobs.len(), 1);
}

async fn a_value_that_became_secret_is_not_sent_in_clear(server: TestServer) {
    server.agent("web-1").await;
    let admin = server.admin();
    let definition = |kind: &str| json!({"content": "true", "parameters": [{"name": "token", "type": kind, "required": false}]});
    let script =
        json!({"kind": "script", "name": "s", "language": "bash", "definition": definition("string")});
    let script = serde_json::from_value(script).unwrap();
    let script = admin.script_create(&script, &key()).await.unwrap().script;
    let work = json!({"kind": "script", "script_id": script.id, "parameters": {"token": "in clear"}});
    let schedule = saved(&server, json!({"work": work, "overlap": "allow"})).await;
    let update = serde_json::from_value(json!({"definition": definition("secret")})).unwrap();
    admin.script_update(script.id, &update).await.unwrap();
    pass(&server, &schedule, SOON).await;
    let found = ticks(&server, &schedule).await;
    assert_eq!(fates(&found), [TickFate::Failed]);
    assert!(reason(&found).contains("is secret"), "{found:?}");
    let now = admin.schedule_run(schedule.id, &key()).await;
    assert_eq!(refused(now).0, 422);
}

async fn names_beyond_ones_reach_are_not_told(server: TestServer) {
    let agent = server.agent("web-1").await;
    let far = server.agent("hidden-1").await;
    let admin = server.admin();
    let tenant = server.default_tenant().await;
    let other = server.organization(tenant.id, "other").await;
    let moved = postern_api::agents::AgentUpdate {
        organization_id: Some(other),
        ..Default::default()
    };
    admin.agent_update(far.id(), &moved).await.unwrap();
    // A schedule of the whole tenant, which a person of one organization does not see.
    let calendar = json!({
        "name": "c", "organization_id": tenant.organization,
        "entries": [{"kind": "dates", "from": "2020-01-01", "to": "2020-01-01"}],
    });
    let calendar = serde_json::from_value(calendar).unwrap();
    let calendar = admin.calendar_create(&calendar, &key()).await.unwrap();
    let changes = json!({
        "targets": {"agents": ["web-1", "hidden-1"]}, "overlap": "allow",
        "blackout": {"calendar_id": calendar.id, "tick": "skip"},
    });
    let schedule = saved(&server, changes).await;
    pass(&server, &schedule, SOON).await;
    let near = Scope::Organization(tenant.organization);
    let person = server.person(tenant.id, &[(Role::Administrator, near)]).await;
    let shown = person.client.calendar_show(calendar.id).await.unwrap();
    assert_eq!(shown.used_by, ["1 more that you may not see"]);
    let error = person.client.calendar_delete(calendar.id).await.unwrap_err();
    assert!(!error.problem().unwrap().detail.contains("often"), "{error:?}");
    let gone = postern_testkit::client::Revoke::Yes;
    let error = person.client.agent_delete(agent.id(), gone).await.unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!(&*problem.code, "agent_in_use");
    assert!(
        problem.detail.contains("1 more") && !problem.detail.contains("often"),
        "{}",
        problem.detail
    );
    let execution = ticks(&server, &schedule).await[0].execution_id.unwrap();
    let shown = person.client.execution_show(execution).await.unwrap();
    assert_eq!(shown.targets.agents, ["web-1", &*far.id().to_string()]);
}

async fn it_runs_with_the_rights_its_owner_has_then(server: TestServer) {
    server.agent("web-1").await;
    let tenant = server.default_tenant().await.id;
    let person = server
        .person(tenant, &[(Role::Operator, Scope::Tenant(tenant))])
        .await;
    let theirs = server.client(&person.token);
    let schedule = theirs.schedule_create(&with(json!({})), &key()).await.unwrap();
    server.admin().user_delete(person.id).await.unwrap();
    pass(&server, &schedule, SOON).await;
    let found = ticks(&server, &schedule).await;
    assert_eq!(fates(&found), [TickFate::Failed]);
    assert!(
        found[0]
            .reason
            .as_deref()
            .is_some_and(|reason| reason.contains("gone or switched off")),
        "{found:?}"
    );
    // Whoever saves what it does takes it over.
    let update = ScheduleUpdate {
        definition: Some(schedule.definition.clone()),
        ..Default::default()
    };
    server
        .admin()
        .schedule_update(schedule.id, &update)
        .await
        .unwrap();
    pass(&server, &schedule, SOON).await;
    assert_eq!(
        fates(&ticks(&server, &schedule).await),
        [TickFate::Failed, TickFate::Ran]
    );
}
