//! Changes of a schedule: no tick is lost by one, none comes twice, and nothing is given away.

use std::time::Duration;

use postern_api::schedules::{Schedule, ScheduleTick, ScheduleUpdate, TickFate};
use postern_domain::{
    ScheduleId,
    permission::{Role, Scope},
};
use postern_server::clock::Clock as _;
use postern_store::{
    schedules::{self as stored, Moved},
    tx,
};
use postern_testkit::{TestServer, key, until};
use serde_json::{Value, json};

use super::{SOON, fates, pass, saved, ticks, with};
use crate::{no, on_both_databases, refused, wrong_field};

on_both_databases! {
    an_edit_after_the_clock_went_back_repeats_no_tick_and_stalls_none,
    an_edit_between_a_tick_and_its_round_keeps_the_tick,
    an_edit_keeps_a_tick_that_waits_and_new_times_drop_it_on_record,
    a_tick_that_is_decided_already_is_passed,
    other_work_needs_its_secrets_again,
    a_schedule_that_cannot_run_is_paused_and_named_all_the_same,
    a_schedule_at_its_end_is_not_resumed,
    other_names_of_its_hosts_and_groups_change_nothing,
}

const TEN_MINUTES: Duration = Duration::from_secs(600);

async fn edited(server: &TestServer, schedule: &Schedule, changes: Value) -> Schedule {
    let update: ScheduleUpdate = serde_json::from_value(changes).unwrap();
    server
        .admin()
        .schedule_update(schedule.id, &update)
        .await
        .unwrap()
}

fn defined(changes: Value) -> Value {
    json!({"definition": serde_json::to_value(with(changes).definition).unwrap()})
}

async fn until_fates(server: &TestServer, schedule: &Schedule, wanted: &[TickFate]) -> Vec<ScheduleTick> {
    until(&format!("the ticks are {wanted:?}"), || async {
        let found = ticks(server, schedule).await;
        (fates(&found) == wanted).then_some(found)
    })
    .await
}

async fn an_edit_after_the_clock_went_back_repeats_no_tick_and_stalls_none(server: TestServer) {
    let _agent = server.agent("web-1").await;
    let schedule = saved(&server, json!({"overlap": "allow"})).await;
    pass(&server, &schedule, SOON).await;
    let ran = ticks(&server, &schedule).await[0].at;
    server
        .clock
        .set(server.clock.now().minus(Duration::from_secs(3600)));
    let shown = edited(&server, &schedule, json!({"description": "another"})).await;
    assert_eq!(shown.next_at, Some(ran.plus(TEN_MINUTES)));
    let often = defined(json!({"overlap": "allow", "cron": "*/5 * * * *"}));
    let shown = edited(&server, &schedule, often).await;
    assert_eq!(shown.next_at, Some(ran.plus(TEN_MINUTES / 2)));
    pass(&server, &schedule, SOON).await;
    let found = ticks(&server, &schedule).await;
    assert_eq!(fates(&found), [TickFate::Ran, TickFate::Ran]);
    assert_eq!(found[0].at, ran.plus(TEN_MINUTES / 2));
}

async fn an_edit_between_a_tick_and_its_round_keeps_the_tick(server: TestServer) {
    let _agent = server.agent("web-1").await;
    let schedule = saved(&server, json!({"overlap": "allow"})).await;
    let due = schedule.next_at.unwrap();
    server.clock.advance(due.since(server.clock.now()) + SOON);
    edited(&server, &schedule, json!({"description": "another"})).await;
    let found = until_fates(&server, &schedule, &[TickFate::Ran]).await;
    assert_eq!(found[0].at, due);
    // With other times it is not run by them, but on record.
    let due = due.plus(TEN_MINUTES);
    server.clock.set(due.plus(SOON));
    edited(
        &server,
        &schedule,
        defined(json!({"overlap": "allow", "cron": "7 * * * *"})),
    )
    .await;
    until("the second tick is in the list", || async {
        let found = ticks(&server, &schedule).await;
        (found[0].at == due && found.len() == 2).then_some(())
    })
    .await;
}

async fn an_edit_keeps_a_tick_that_waits_and_new_times_drop_it_on_record(server: TestServer) {
    let agent = server.agent("web-1").await;
    let schedule = saved(&server, json!({"overlap": "queue"})).await;
    pass(&server, &schedule, SOON).await;
    let waits = async || {
        let due = server.admin().schedule_show(schedule.id).await.unwrap();
        let due = due.next_at.unwrap();
        server.clock.advance(due.since(server.clock.now()) + SOON);
        until("the tick waits", || async {
            let shown = server.admin().schedule_show(schedule.id).await.unwrap();
            (shown.waiting == Some(due)).then_some(due)
        })
        .await
    };
    let second = waits().await;
    let shown = edited(&server, &schedule, json!({"description": "another"})).await;
    assert_eq!(shown.waiting, Some(second));
    agent.run(0).await;
    until_fates(&server, &schedule, &[TickFate::Ran, TickFate::Ran]).await;
    let third = waits().await;
    let shown = edited(
        &server,
        &schedule,
        defined(json!({"overlap": "queue", "cron": "7 * * * *"})),
    )
    .await;
    assert_eq!(shown.waiting, None);
    let found = ticks(&server, &schedule).await;
    assert_eq!((found[0].at, found[0].fate), (third, TickFate::Replaced));
    let reason = found[0].reason.as_deref().unwrap_or_default();
    assert!(reason.contains("changed"), "{reason}");
}

async fn a_tick_that_is_decided_already_is_passed(server: TestServer) {
    let _agent = server.agent("web-1").await;
    let schedule = saved(&server, json!({"overlap": "allow"})).await;
    pass(&server, &schedule, SOON).await;
    let ran = ticks(&server, &schedule).await[0].at;
    let (id, moved) = (
        schedule.id,
        Moved {
            runs: 1,
            next: Some(ran),
            waiting: None,
            execution: None,
            instance: None,
        },
    );
    server.write(tx!(tx => stored::moved(tx, id, &moved).await)).await;
    until("the next tick lies ahead again", || async {
        let shown = server.admin().schedule_show(id).await.unwrap();
        (shown.next_at == Some(ran.plus(TEN_MINUTES))).then_some(())
    })
    .await;
    assert_eq!(fates(&ticks(&server, &schedule).await), [TickFate::Ran]);
    pass(&server, &schedule, SOON).await;
    assert_eq!(
        fates(&ticks(&server, &schedule).await),
        [TickFate::Ran, TickFate::Ran]
    );
}

fn secret_work(content: &str) -> Value {
    json!({"work": {"kind": "job", "job": {"type": "script", "payload": {
        "language": "bash", "content": content, "secrets": ["token"],
    }}}})
}

async fn other_work_needs_its_secrets_again(server: TestServer) {
    let agent = server.agent("web-1").await;
    server.agent("web-2").await;
    let mut request = serde_json::to_value(with(secret_work("true"))).unwrap();
    request["secrets"] = json!({"token": "c4n4ry"});
    let request = serde_json::from_value(request).unwrap();
    let schedule = server.admin().schedule_create(&request, &key()).await.unwrap();
    let tenant = server.default_tenant().await.id;
    let person = server
        .person(tenant, &[(Role::Operator, Scope::Tenant(tenant))])
        .await;
    let change = async |changes: Value| {
        let update: ScheduleUpdate = serde_json::from_value(changes).unwrap();
        person.client.schedule_update(schedule.id, &update).await
    };
    let stolen = defined(secret_work("echo $PARAM_TOKEN | base64"));
    assert_eq!(wrong_field(change(stolen.clone()).await), "secrets.token");
    let mut elsewhere = secret_work("true");
    elsewhere["targets"] = json!({"agents": ["web-2"]});
    assert_eq!(wrong_field(change(defined(elsewhere)).await), "secrets.token");
    // What says the same keeps them, at other times too.
    let mut later = secret_work("true");
    later["cron"] = json!("*/20 * * * *");
    change(defined(later)).await.unwrap();
    change(json!({"paused": true})).await.unwrap();
    change(json!({"paused": false})).await.unwrap();
    let mut own = stolen;
    own["secrets"] = json!({"token": "theirs"});
    pass(&server, &schedule, SOON).await;
    let order = agent.order().await;
    assert_eq!(agent.secrets(&order)["token"].as_str(), "c4n4ry");
    change(own).await.unwrap();
}

async fn a_schedule_that_cannot_run_is_paused_and_named_all_the_same(server: TestServer) {
    let agent = server.agent("web-1").await;
    let script =
        json!({"kind": "script", "name": "s", "language": "bash", "definition": {"content": "true"}});
    let script = serde_json::from_value(script).unwrap();
    let script = server
        .admin()
        .script_create(&script, &key())
        .await
        .unwrap()
        .script;
    let work = json!({"work": {"kind": "script", "script_id": script.id}, "targets": {"all": true}});
    let schedule = saved(&server, work).await;
    // No host is left for it.
    let gone = postern_testkit::client::Revoke::Yes;
    server.admin().agent_delete(agent.id(), gone).await.unwrap();
    let tenant = server.default_tenant().await.id;
    let person = server
        .person(tenant, &[(Role::Operator, Scope::Tenant(tenant))])
        .await;
    let change = async |changes: Value| {
        let update: ScheduleUpdate = serde_json::from_value(changes).unwrap();
        person.client.schedule_update(schedule.id, &update).await.unwrap()
    };
    let shown = change(json!({"paused": true})).await;
    assert!(shown.paused);
    assert_eq!(shown.owner, schedule.owner, "it stays whose it was");
    assert_eq!(change(json!({"name": "other"})).await.name, "other");
    assert_eq!(change(json!({"description": "why"})).await.owner, schedule.owner);
    assert!(!change(json!({"paused": false})).await.paused);
}

async fn a_schedule_at_its_end_is_not_resumed(server: TestServer) {
    let _agent = server.agent("web-1").await;
    let change = async |id: ScheduleId, changes: Value| {
        let update: ScheduleUpdate = serde_json::from_value(changes).unwrap();
        server.admin().schedule_update(id, &update).await
    };
    let resume = json!({"paused": false});
    let once = saved(&server, json!({"max_runs": 1})).await;
    pass(&server, &once, SOON).await;
    assert_eq!(
        refused(change(once.id, resume.clone()).await),
        no(409, "schedule_ended")
    );
    let named = change(once.id, json!({"name": "once", "paused": false}))
        .await
        .unwrap();
    assert_eq!((&*named.name, named.next_at), ("once", None), "it was not paused");
    let more = change(once.id, defined(json!({"max_runs": 2}))).await.unwrap();
    assert!(more.next_at.is_some());
    change(once.id, resume.clone()).await.unwrap();

    let end = server.clock.now().plus(Duration::from_secs(1200));
    let until = saved(&server, json!({"ends_at": end})).await;
    change(until.id, json!({"paused": true})).await.unwrap();
    server.clock.set(end.plus(SOON));
    let error = change(until.id, resume).await.unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!(&*problem.code, "schedule_ended");
    assert!(
        problem.detail.contains(&format!("ends_at ({end}) is over")),
        "{}",
        problem.detail
    );
    let shown = server.admin().schedule_show(until.id).await.unwrap();
    assert!(shown.paused, "as it was");
}

async fn other_names_of_its_hosts_and_groups_change_nothing(server: TestServer) {
    let agent = server.agent("web-1").await;
    let admin = server.admin();
    let group = json!({"name": "webs", "targets": {"agents": ["web-1"]}});
    let group = serde_json::from_value(group).unwrap();
    let group = admin.group_create(&group, &key()).await.unwrap();
    let targets = json!({"targets": {"agents": ["web-1"], "groups": ["webs"]}, "overlap": "allow"});
    let schedule = saved(&server, targets).await;
    assert_eq!(schedule.definition.targets.agents, ["web-1"], "shown by name");
    let renamed = postern_api::agents::AgentUpdate {
        name: Some("web-one".into()),
        ..Default::default()
    };
    admin.agent_update(agent.id(), &renamed).await.unwrap();
    let renamed = postern_api::groups::GroupUpdate {
        name: Some("all-webs".into()),
        ..Default::default()
    };
    let shown = admin.group_update(group.id, &renamed).await.unwrap();
    assert_eq!(shown.targets.agents, ["web-one"]);
    pass(&server, &schedule, SOON).await;
    let found = ticks(&server, &schedule).await;
    assert_eq!(fates(&found), [TickFate::Ran], "{found:?}");
    let shown = admin.schedule_show(schedule.id).await.unwrap().definition.targets;
    assert_eq!((&*shown.agents[0], &*shown.groups[0]), ("web-one", "all-webs"));
    let execution = found[0].execution_id.unwrap();
    let asked = admin.execution_show(execution).await.unwrap().targets;
    assert_eq!((&*asked.agents[0], &*asked.groups[0]), ("web-one", "all-webs"));
    // What is named stays.
    let error = admin.group_delete(group.id).await.unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!((problem.status, &*problem.code), (409, "group_in_use"));
    assert!(problem.detail.contains("schedule often"), "{}", problem.detail);
    let all = defined(json!({"targets": {"all": true}}));
    edited(&server, &schedule, all).await;
    let delete = async || {
        let gone = postern_testkit::client::Revoke::Yes;
        admin.agent_delete(agent.id(), gone).await
    };
    let error = delete().await.unwrap_err();
    assert!(
        error.problem().unwrap().detail.contains("group all-webs"),
        "{error:?}"
    );
    admin.group_delete(group.id).await.unwrap();
    delete().await.unwrap();
}
