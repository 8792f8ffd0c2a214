//! Actions through HTTP: spec 2 and 4.

use postern_api::{
    ListRequest,
    actions::{
        ActionClone, ActionCreate, ActionDeploy, ActionDetail, ActionRestore, ActionRun, ActionUpdate,
    },
    executions::{ExecutionRerun, RerunHosts},
    jobs::JobsCreated,
    schedules::ScheduleCreate,
    scripts::ScriptCreate,
};
use postern_domain::{
    ActionId, ScriptId, UserId,
    permission::{Permission, Role, Scope},
};
use postern_protocol::payload::JobPayload;
use postern_testkit::{
    TestServer,
    client::{Client, Error, Revoke},
    key,
};
use serde_json::{Value, json};

use crate::{no, on_both_databases, refused};

on_both_databases! {
    a_draft_runs_only_once_it_is_deployed,
    what_runs_stays_as_it_was_deployed_while_the_draft_changes,
    given_values_fill_their_places_and_nothing_else,
    what_does_not_fit_is_named_before_any_job_exists,
    an_action_that_cannot_work_is_refused_when_it_is_saved,
    code_is_no_place_for_a_value,
    a_script_runs_with_the_right_of_whoever_deployed_it,
    fixed_parameters_of_a_script_stay_fixed,
    only_those_who_are_named_may_run_it,
    secrets_that_are_kept_go_nowhere_new,
    an_agent_and_a_script_that_an_action_needs_stay,
    what_a_draft_names_stays_until_it_names_something_else,
    an_action_that_a_schedule_runs_stays,
    an_edit_of_an_older_draft_is_refused,
    old_versions_come_back_as_the_draft,
    one_that_cannot_run_is_renamed_all_the_same,
}

fn restart() -> Value {
    json!({
        "work": {"kind": "job", "job": {"type": "service_control",
            "payload": {"service": "nginx", "action": "status"}}},
        "parameters": [
            {"name": "service", "type": "choice", "choices": ["nginx", "php-fpm"]},
            {"name": "what", "type": "choice", "choices": ["status", "restart"], "required": true},
        ],
        "fills": {"service": "/service", "what": "/action"},
        "targets": {"agents": ["web-1"]},
    })
}

fn create(name: &str, definition: Value) -> ActionCreate {
    serde_json::from_value(json!({"name": name, "definition": definition})).unwrap()
}

async fn saved(server: &TestServer, definition: Value) -> ActionDetail {
    let request = create("restart", definition);
    server.admin().action_create(&request, &key()).await.unwrap()
}

async fn deploy(client: &Client, id: ActionId) -> Result<ActionDetail, Error> {
    client.action_deploy(id, &ActionDeploy::default(), &key()).await
}

async fn deployed(server: &TestServer, definition: Value) -> ActionId {
    let id = saved(server, definition).await.action.id;
    deploy(&server.admin(), id).await.unwrap();
    id
}

async fn run(client: &Client, id: ActionId, parameters: Value) -> Result<JobsCreated, Error> {
    let request: ActionRun = serde_json::from_value(json!({"parameters": parameters})).unwrap();
    client.action_run(id, &request, &key()).await
}

async fn edit(client: &Client, id: ActionId, definition: Value) -> Result<ActionDetail, Error> {
    let request = ActionUpdate {
        definition: Some(serde_json::from_value(definition).unwrap()),
        ..Default::default()
    };
    client.action_update(id, &request).await
}

#[track_caller]
fn field<T: std::fmt::Debug>(result: Result<T, Error>) -> (String, String) {
    let error = result.expect_err("a refusal");
    let problem = error.problem().unwrap_or_else(|| panic!("{error:?}"));
    assert_eq!(problem.status, 422, "{problem:?}");
    (problem.errors[0].field.clone(), problem.errors[0].message.clone())
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

async fn given_values_fill_their_places_and_nothing_else(server: TestServer) {
    let agent = server.agent("web-1").await;
    let definition = json!({
        "work": {"kind": "job", "job": {"type": "command", "payload": {"argv": ["echo", "--", "nothing", "7"]}}},
        "parameters": [{"name": "text", "type": "string"}, {"name": "count", "type": "integer", "default": 3}],
        "fills": {"text": "/argv/2", "count": "/argv/3"},
        "targets": {"agents": ["web-1"]},
    });
    let id = deployed(&server, definition).await;
    let hostile = "'; reboot; $(id) `id` \"\n{{x}} --help";
    for (given, expected) in [
        (json!({"text": hostile}), ["echo", "--", hostile, "3"]),
        (json!({"count": 9}), ["echo", "--", "nothing", "9"]),
    ] {
        run(&server.admin(), id, given).await.unwrap();
        let JobPayload::Command(sent) = agent.run(0).await.work else {
            panic!("a command")
        };
        assert_eq!(sent.argv, expected);
    }
}

async fn what_does_not_fit_is_named_before_any_job_exists(server: TestServer) {
    server.agent("web-1").await;
    let admin = server.admin();
    let definition = json!({
        "work": {"kind": "job", "job": {"type": "service_control", "payload": {"service": "nginx", "action": "status"}}},
        "parameters": [{"name": "service", "type": "string", "required": true}],
        "fills": {"service": "/service"},
        "targets": {"agents": ["web-1"]},
    });
    let id = deployed(&server, definition).await;
    for (given, name) in [
        (json!({}), "parameters.service"),
        (json!({"service": "-rf"}), "parameters.service"),
        (json!({"service": "a/b"}), "parameters.service"),
        (json!({"service": "a\u{0}b"}), "parameters.service"),
        (json!({"service": "nginx", "action": "stop"}), "parameters.action"),
    ] {
        assert_eq!(field(run(&admin, id, given.clone()).await).0, name, "{given}");
    }
    // A text may fill a place that knows only some words: then the wrong one is told at its parameter.
    let word = json!({
        "work": {"kind": "job", "job": {"type": "service_control", "payload": {"service": "nginx", "action": "status"}}},
        "parameters": [{"name": "what", "type": "string"}], "fills": {"what": "/action"},
        "targets": {"agents": ["web-1"]},
    });
    let words = admin.action_create(&create("word", word), &key()).await.unwrap();
    let words = deploy(&admin, words.action.id).await.unwrap().action.id;
    assert_eq!(
        field(run(&admin, words, json!({"what": "explode"})).await).0,
        "parameters.what"
    );
    assert!(
        admin
            .job_list(&ListRequest::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert_eq!(
        refused(run(&admin, ActionId(999), json!({})).await),
        no(404, "not_found")
    );
}

async fn an_action_that_cannot_work_is_refused_when_it_is_saved(server: TestServer) {
    server.agent("web-1").await;
    let admin = server.admin();
    let with = |changes: Value| {
        let mut definition = restart();
        for (name, value) in changes.as_object().unwrap() {
            definition[name] = value.clone();
        }
        definition
    };
    let one = |kind: &str| json!([{"name": "service", "type": kind}]);
    for (definition, name) in [
        (
            with(json!({"fills": {"service": "/service"}})),
            "definition.parameters.what",
        ),
        (
            with(json!({"fills": {"service": "/service", "what": "/action", "who": "/x"}})),
            "definition.fills.who",
        ),
        (
            with(json!({"fills": {"service": "service", "what": "/action"}})),
            "definition.fills.service",
        ),
        (
            with(json!({"fills": {"service": "/action", "what": "/action"}})),
            "definition.fills.service",
        ),
        (
            with(json!({"fills": {"service": "/nonsense", "what": "/action"}})),
            "definition.fills.service",
        ),
        (
            with(json!({"fills": {"service": "/service/0", "what": "/action"}})),
            "definition.fills.service",
        ),
        (
            with(json!({"parameters": one("secret"), "fills": {}})),
            "definition.parameters.service",
        ),
        (
            with(json!({"parameters": one("secret"), "fills": {"service": "/service"}})),
            "definition.fills.service",
        ),
        (with(json!({"targets": {}})), "targets"),
        (with(json!({"runners": ["boss"]})), "definition.runners[0]"),
        (
            with(json!({"runners": ["role:operator", "user:999"]})),
            "definition.runners[1]",
        ),
    ] {
        let (found, message) = field(
            admin
                .action_create(&create("x", definition.clone()), &key())
                .await,
        );
        assert_eq!(found, name, "{definition} {message}");
        assert!(message.len() > 10, "{message}");
    }
    let bad_name = admin.action_create(&create("17", restart()), &key()).await;
    assert_eq!(field(bad_name).0, "name");
    saved(&server, restart()).await;
    let taken = admin.action_create(&create("restart", restart()), &key()).await;
    assert_eq!(refused(taken), no(409, "name_taken"));

    // What a draft may still name, a deployed version must find.
    let gone = admin
        .action_create(
            &create("gone", with(json!({"targets": {"agents": ["nobody"]}}))),
            &key(),
        )
        .await;
    assert_eq!(
        field(deploy(&admin, gone.unwrap().action.id).await).0,
        "targets.agents"
    );
}

async fn code_is_no_place_for_a_value(server: TestServer) {
    server.agent("web-1").await;
    for (kind, payload, pointer) in [
        (
            "script",
            json!({"language": "bash", "content": "true"}),
            "/content",
        ),
        (
            "script",
            json!({"language": "bash", "content": "true"}),
            "/language",
        ),
        ("command", json!({"argv": ["true"], "shell": true}), "/argv/0"),
        ("command", json!({"argv": ["true"], "shell": true}), "/argv"),
        ("command", json!({"argv": ["true"]}), "/shell"),
    ] {
        let definition = json!({
            "work": {"kind": "job", "job": {"type": kind, "payload": payload}},
            "parameters": [{"name": "p", "type": "string"}], "fills": {"p": pointer},
            "targets": {"agents": ["web-1"]},
        });
        let (name, message) = field(
            server
                .admin()
                .action_create(&create("x", definition), &key())
                .await,
        );
        assert_eq!(name, "definition.fills.p", "{pointer}");
        assert!(message.contains("never code"), "{message}");
    }
}

async fn script(server: &TestServer, name: &str) -> ScriptId {
    let request: ScriptCreate = serde_json::from_value(json!({
        "name": name, "language": "bash",
        "definition": {"content": "true", "parameters": [
            {"name": "level", "type": "integer", "required": true},
            {"name": "path", "type": "string"},
            {"name": "token", "type": "secret"},
        ]},
    }))
    .unwrap();
    server
        .admin()
        .script_create(&request, &key())
        .await
        .unwrap()
        .script
        .id
}

fn of_script(id: ScriptId, fixed: Value) -> Value {
    json!({"work": {"kind": "script", "script_id": id, "parameters": fixed}, "targets": {"agents": ["web-1"]}})
}

async fn a_script_runs_with_the_right_of_whoever_deployed_it(server: TestServer) {
    let agent = server.agent("web-1").await;
    let tenant = server.default_tenant().await;
    let id = script(&server, "clean").await;
    let chief = server
        .person(tenant.id, &[(Role::Administrator, Scope::Tenant(tenant.id))])
        .await;
    let chiefs = server.client(&chief.token);
    let request = create("clean", of_script(id, json!({"path": "/tmp"})));
    let action = chiefs.action_create(&request, &key()).await.unwrap().action.id;
    deploy(&chiefs, action).await.unwrap();

    // Who holds a token for jobs alone has no right to scripts.
    let only = server
        .token(chief.id, Some(&[Permission::JobsManage, Permission::JobsView]))
        .await;
    let jobs_only = server.client(&only);
    assert_eq!(refused(jobs_only.script_show(id).await).0, 403);
    let shown = jobs_only.action_show(action).await.unwrap();
    let asks: Vec<&str> = shown.asks.iter().map(|parameter| &*parameter.name).collect();
    assert_eq!(asks, ["level", "token"]);
    run(&jobs_only, action, json!({"level": 2, "token": "t0ken"}))
        .await
        .unwrap();
    let order = agent.run(0).await;
    let JobPayload::Script(sent) = &order.work else {
        panic!("a script")
    };
    let sent: Vec<_> = sent
        .parameters
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(sent, [("level", "2"), ("path", "/tmp")]);
    assert_eq!(agent.secrets(&order)["token"].as_str(), "t0ken");

    server.admin().user_delete(chief.id).await.unwrap();
    assert_eq!(
        refused(run(&server.admin(), action, json!({"level": 2})).await),
        no(409, "deployer_gone")
    );
}

async fn fixed_parameters_of_a_script_stay_fixed(server: TestServer) {
    server.agent("web-1").await;
    let admin = server.admin();
    let id = script(&server, "clean").await;
    let clear = create("x", of_script(id, json!({"token": "in clear"})));
    assert_eq!(
        field(admin.action_create(&clear, &key()).await).0,
        "definition.work.parameters.token"
    );
    let mut request = create("clean", of_script(id, json!({"level": 1})));
    request.secrets = serde_json::from_value(json!({"token": "t0ken"})).unwrap();
    let detail = admin.action_create(&request, &key()).await.unwrap();
    assert_eq!(detail.draft_secrets, ["token"]);
    let action = detail.action.id;
    deploy(&admin, action).await.unwrap();
    for given in [json!({"level": 2}), json!({"token": "mine"})] {
        let (_, message) = field(run(&admin, action, given).await);
        assert!(message.contains("fixed by the action"), "{message}");
    }
    run(&admin, action, json!({"path": "/"})).await.unwrap();
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
