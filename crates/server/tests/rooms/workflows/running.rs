//! Instances: what runs, and what becomes of it.

use postern_api::{
    agents::AgentUpdate,
    scripts::ScriptCreate,
    workflows::{InstanceCancel, InstanceCreate},
};
use postern_domain::{
    UserId,
    permission::{Permission, Role, Scope},
    workflow::engine::InstanceState,
};
use postern_protocol::{
    messages::{Outcome as Ended, Stream},
    payload::JobPayload,
};
use postern_testkit::{TestServer, key, until};
use serde_json::{Value, json};

use super::{argv_of, command, next, published, runs, show, started, told, until_begun, until_state};
use crate::{no, on_both_databases, refused};

on_both_databases! {
    the_examples_of_the_specification_take_each_branch,
    several_hosts_have_the_first_text_and_the_first_bad_exit_code,
    only_hosts_that_failed_are_tried_again,
    branches_run_at_the_same_time_and_join,
    a_delay_waits_for_the_clock_and_survives_a_restart,
    a_cancelled_instance_ends_when_its_jobs_have_stopped,
    an_instance_keeps_its_version,
    a_starter_who_is_gone_starts_nothing_more,
    an_instance_says_what_its_jobs_wait_for,
}

/// As spec 5 writes them, word for word, and the steps that they name.
fn examples() -> Value {
    let three = include_str!("examples.json");
    let three: Vec<Value> = serde_json::from_str(three).unwrap();
    let [health_check, approve_deploy, check_result] = three.try_into().unwrap();
    json!([
        {"id": "scan", "type": "command", "command": "scan --all", "continue_on": "all", "on_failure": "check_result"},
        check_result,
        health_check,
        {"id": "rollback", "type": "command", "argv": ["rollback"], "on_success": "failed"},
        {"id": "notify_failure", "type": "command", "argv": ["tell", "{{step_health_check.stdout}}"], "on_success": "approve_deploy"},
        approve_deploy,
        {"id": "deploy_step", "type": "command", "argv": ["deploy"], "on_success": "completed"},
    ])
}

async fn the_examples_of_the_specification_take_each_branch(server: TestServer) {
    let (web, db) = (server.agent("web-1").await, server.agent("db-1").await);
    let admin = server.admin();
    for number in 1..=42 {
        let script: ScriptCreate = serde_json::from_value(json!({
            "name": format!("script-{number}"), "kind": "script", "language": "bash",
            "definition": {"content": "exit 0", "parameters": [{"name": "threshold", "type": "integer"}]},
        }))
        .unwrap();
        admin.script_create(&script, &key()).await.unwrap();
    }
    let tenant = server.default_tenant().await.id;
    let other = server
        .person(tenant, &[(Role::Administrator, Scope::Tenant(tenant))])
        .await;
    // The examples name `user:5`, who may not answer here.
    let mut last = other.id;
    while last < UserId(5) {
        let auditor = [(Role::Auditor, Scope::Tenant(tenant))];
        last = server.person(tenant, &auditor).await.id;
    }
    let hosts = ["web-1", "db-1"];
    let both = async |stdout: &str, code: i32| {
        runs(&web, stdout, code).await;
        runs(&db, stdout, 0).await;
    };

    // The scan and the check succeed: it deploys.
    let id = started(&server, &hosts, examples()).await;
    both("", 0).await;
    let order = next(&web).await;
    let JobPayload::Script(script) = &order.work else {
        panic!("{order:?}")
    };
    assert_eq!(script.parameters["threshold"], "90");
    web.start(&order).await;
    web.exit(&order, 0).await;
    runs(&db, "", 0).await;
    both("", 0).await;
    let detail = until_state(&server, id, InstanceState::Completed).await;
    assert_eq!(
        told(&detail),
        ["scan ok", "check_result ok", "health_check ok", "deploy_step ok"]
    );

    // The scan fails: it rolls back.
    let id = started(&server, &hosts, examples()).await;
    both("", 3).await;
    both("", 0).await;
    let detail = until_state(&server, id, InstanceState::Failed).await;
    assert_eq!(told(&detail), ["scan failed", "check_result ok", "rollback ok"]);
    assert_eq!(
        detail.instance.reason.as_deref(),
        Some("Step rollback led to failed")
    );

    // The health check fails, and somebody approves or rejects.
    for (decision, state, end) in [
        ("approve", InstanceState::Completed, "deploy_step ok"),
        ("reject", InstanceState::Cancelled, "approve_deploy failed"),
    ] {
        let id = started(&server, &hosts, examples()).await;
        both("", 0).await;
        both("90 % full\n", 1).await;
        let order = runs(&web, "", 0).await;
        assert_eq!(argv_of(&order), ["tell", "90 % full"]);
        runs(&db, "", 0).await;
        let ask = until_begun(&server, id, "approve_deploy", 1)
            .await
            .approval_id
            .unwrap();
        until_state(&server, id, InstanceState::Paused).await;
        let answer = serde_json::from_value(json!({"decision": decision})).unwrap();
        other.client.approval_answer(ask, &answer).await.unwrap();
        if decision == "approve" {
            both("", 0).await;
        }
        let detail = until_state(&server, id, state).await;
        assert_eq!(told(&detail).last().unwrap(), end);
    }
}

async fn several_hosts_have_the_first_text_and_the_first_bad_exit_code(server: TestServer) {
    let (a, b) = (server.agent("a").await, server.agent("b.example.com").await);
    let steps = json!([
        {"id": "scan", "type": "command", "argv": ["scan"], "continue_on": "any"},
        {"id": "use", "type": "command", "hosts": {"agents": ["a"]}, "argv": ["use", "{{step_scan.stdout}}", "{{step_scan.exit_code}}",
         "{{step_scan.hosts[\"b.example.com\"].stdout}}", "{{step_scan.hosts.a.json.n}}", "{{step_scan.hosts.a.status}}"]},
    ]);
    let id = started(&server, &["b.example.com", "a"], steps).await;
    runs(&b, "from b", 4).await;
    runs(&a, "{\"n\": 1.5}", 0).await;
    let order = runs(&a, "", 0).await;
    assert_eq!(
        argv_of(&order),
        ["use", "{\"n\": 1.5}", "4", "from b", "1.5", "completed"]
    );
    let detail = until_state(&server, id, InstanceState::Completed).await;
    assert_eq!(
        detail.runs[0].reason.as_deref(),
        Some("b.example.com: Exit code 4")
    );
}

async fn only_hosts_that_failed_are_tried_again(server: TestServer) {
    let (a, b) = (server.agent("a").await, server.agent("b").await);
    let steps = json!([
        {"id": "try", "type": "command", "argv": ["try"], "retries": {"count": 1, "delay_seconds": 60}},
        command("use", &["use", "{{step_try.hosts.a.stdout}}", "{{step_try.hosts.b.stdout}}"]),
    ]);
    let id = started(&server, &["a", "b"], steps).await;
    runs(&a, "first of a", 0).await;
    runs(&b, "first of b", 1).await;
    until("the wait before the next try", || async {
        let events = server
            .admin()
            .instance_event_list(id, &Default::default())
            .await
            .unwrap();
        events
            .items
            .iter()
            .any(|event| event.text.starts_with("Waits until"))
            .then_some(())
    })
    .await;
    server.clock.advance_seconds(61);
    let again = next(&b).await;
    assert!(a.orders().await.is_empty());
    b.print(&again, &[(Stream::Stdout, 0, b"second of b".as_slice())])
        .await;
    b.exit(&again, 0).await;
    let order = runs(&a, "", 0).await;
    assert_eq!(argv_of(&order), ["use", "first of a", "second of b"]);
    runs(&b, "", 0).await;
    let detail = until_state(&server, id, InstanceState::Completed).await;
    assert_eq!(detail.runs[0].attempt, 2);
}

async fn branches_run_at_the_same_time_and_join(server: TestServer) {
    let (a, b) = (server.agent("a").await, server.agent("b").await);
    let on = |host: &str, id: &str| json!({"id": id, "type": "command", "argv": [id], "hosts": {"agents": [host]}});
    let steps = |mode: &str| {
        json!([
            {"id": "both", "type": "parallel", "on_branch_failure": mode, "branches": [[on("a", "left"), on("a", "more")], [on("b", "right")]]},
            on("a", "last"),
        ])
    };
    let id = started(&server, &["a"], steps("wait")).await;
    let (left, right) = (next(&a).await, next(&b).await);
    for (agent, order) in [(&b, &right), (&a, &left)] {
        agent.start(order).await;
        agent.exit(order, 0).await;
    }
    runs(&a, "", 0).await;
    runs(&a, "", 0).await;
    let detail = until_state(&server, id, InstanceState::Completed).await;
    assert_eq!(
        told(&detail),
        ["both ok", "left ok", "right ok", "more ok", "last ok"]
    );

    // One fails: the job of the other is told to stop.
    let id = started(&server, &["a"], steps("cancel")).await;
    let left = next(&a).await;
    a.start(&left).await;
    runs(&b, "", 1).await;
    until("the order to stop", || async {
        let answer = a.beat().await.unwrap();
        answer.cancel.contains(&left.attempt_id).then_some(())
    })
    .await;
    a.finish(&left, Ended::Cancelled).await;
    let detail = until_state(&server, id, InstanceState::Failed).await;
    assert_eq!(told(&detail), ["both failed", "left cancelled", "right failed"]);
}

async fn a_delay_waits_for_the_clock_and_survives_a_restart(mut server: TestServer) {
    let web = server.agent("web-1").await;
    let steps = json!([{"id": "wait", "type": "delay", "minutes": 10}, command("last", &["last"])]);
    let id = started(&server, &["web-1"], steps).await;
    until_state(&server, id, InstanceState::Paused).await;
    server.clock.advance_seconds(9 * 60);
    assert_eq!(show(&server, id).await.instance.current, ["wait"]);
    server.restart().await;
    server.clock.advance_seconds(61);
    runs(&web, "", 0).await;
    let detail = until_state(&server, id, InstanceState::Completed).await;
    assert_eq!(told(&detail), ["wait ok", "last ok"]);
}

async fn a_cancelled_instance_ends_when_its_jobs_have_stopped(server: TestServer) {
    let web = server.agent("web-1").await;
    let id = started(
        &server,
        &["web-1"],
        json!([command("a", &["a"]), command("b", &["b"])]),
    )
    .await;
    let order = next(&web).await;
    web.start(&order).await;
    let request = InstanceCancel {
        reason: "wrong host".into(),
    };
    let instance = server.admin().instance_cancel(id, &request).await.unwrap();
    assert_eq!(instance.state, InstanceState::Running, "its job still runs");
    let answer = web.beat().await.unwrap();
    assert!(answer.cancel.contains(&order.attempt_id), "{answer:?}");
    web.finish(&order, Ended::Cancelled).await;
    let detail = until_state(&server, id, InstanceState::Cancelled).await;
    assert_eq!(told(&detail), ["a cancelled"]);
    let reason = detail.instance.reason.unwrap();
    assert!(
        reason.starts_with("by user:") && reason.ends_with(": wrong host"),
        "{reason}"
    );
    assert_eq!(
        refused(server.admin().instance_cancel(id, &request).await),
        no(409, "instance_ended")
    );
}

async fn an_instance_keeps_its_version(server: TestServer) {
    let web = server.agent("web-1").await;
    let admin = server.admin();
    let steps = |last: &str| json!({"hosts": {"agents": ["web-1"]}, "steps": [command("a", &["a"]), command("b", &[last])]});
    let id = published(&admin, "kept", steps("old")).await;
    let made = admin
        .instance_create(id, &InstanceCreate::default(), &key())
        .await
        .unwrap();
    let order = next(&web).await;
    let update = serde_json::from_value(json!({"definition": steps("new")})).unwrap();
    admin.workflow_update(id, &update).await.unwrap();
    admin
        .workflow_publish(id, &serde_json::from_value(json!({})).unwrap(), &key())
        .await
        .unwrap();
    web.start(&order).await;
    web.exit(&order, 0).await;
    let order = runs(&web, "", 0).await;
    assert_eq!(argv_of(&order), ["old"]);
    let detail = until_state(&server, made.id, InstanceState::Completed).await;
    assert_eq!(detail.instance.version, 1);
}

async fn a_starter_who_is_gone_starts_nothing_more(server: TestServer) {
    let web = server.agent("web-1").await;
    let tenant = server.default_tenant().await.id;
    let anna = server
        .person(tenant, &[(Role::Operator, Scope::Tenant(tenant))])
        .await;
    let definition =
        json!({"hosts": {"agents": ["web-1"]}, "steps": [command("a", &["a"]), command("b", &["b"])]});
    let id = published(&anna.client, "hers", definition).await;
    let made = anna
        .client
        .instance_create(id, &InstanceCreate::default(), &key())
        .await
        .unwrap();
    let order = next(&web).await;
    let off = serde_json::from_value(json!({"active": false})).unwrap();
    server.admin().user_update(anna.id, &off).await.unwrap();
    web.start(&order).await;
    web.exit(&order, 0).await;
    let detail = until_state(&server, made.id, InstanceState::Failed).await;
    assert_eq!(told(&detail), ["a ok", "b failed"]);
    assert!(
        detail.runs[1]
            .reason
            .as_ref()
            .unwrap()
            .contains("is gone or switched off"),
        "{detail:?}"
    );
}

async fn an_instance_says_what_its_jobs_wait_for(server: TestServer) {
    let (admin, web, db) = (
        server.admin(),
        server.agent("web-1").await,
        server.agent("db-1").await,
    );
    let switch = |active| AgentUpdate {
        active: Some(active),
        ..Default::default()
    };
    for agent in [&web, &db] {
        admin.agent_update(agent.id(), &switch(false)).await.unwrap();
    }
    let id = started(&server, &["web-1", "db-1"], json!([command("look", &["x"])])).await;
    until_begun(&server, id, "look", 1).await;
    let switched_off = "The agent is switched off (inactive): switch it on to give it work";
    let detail = show(&server, id).await;
    let why = format!("2 hosts: {switched_off}");
    assert_eq!(detail.runs[0].waits.as_ref(), Some(&why));
    assert_eq!(detail.waits, Some(format!("look: {why}")));
    // Who may not see jobs is told nothing of them.
    let tenant = server.default_tenant().await.id;
    let auditor = server
        .person(tenant, &[(Role::Auditor, Scope::Tenant(tenant))])
        .await;
    let token = server.token(auditor.id, Some(&[Permission::WorkflowsView])).await;
    let seen = server.client(&token).instance_show(id).await.unwrap();
    assert_eq!((&seen.waits, &seen.runs[0].waits), (&None, &None));
    // One of them is under way.
    admin.agent_update(web.id(), &switch(true)).await.unwrap();
    let order = next(&web).await;
    let detail = show(&server, id).await;
    assert_eq!((&detail.waits, &detail.runs[0].waits), (&None, &None));
    web.exit(&order, 0).await;
    let detail = show(&server, id).await;
    assert_eq!(detail.waits, Some(format!("look: db-1: {switched_off}")));
}
