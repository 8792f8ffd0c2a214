//! What could not run is not published, and a draft that says it is saved with a warning.

use postern_api::{
    actions::{ActionCreate, ActionDeploy},
    scripts::ScriptCreate,
    workflows::{WorkflowPublish, WorkflowUpdate},
};
use postern_domain::{
    permission::{Role, Scope},
    workflow::{Severity, templates::TEMPLATES},
};
use postern_testkit::{TestServer, client::Client, key};
use serde_json::{Value, json};

use super::{approver, command, create, published, saved};
use crate::{on_both_databases, wrong_field};

on_both_databases! {
    what_no_job_would_take_is_not_saved,
    values_fit_the_parameters_of_the_script,
    values_fit_the_parameters_of_the_action,
    an_action_that_would_draw_a_password_is_not_published,
    the_template_for_passwords_fits_the_action_that_it_describes,
    inputs_fit_the_workflow_that_is_called,
    hosts_that_are_named_are_there,
    approvers_are_there_and_enough,
    a_role_that_many_steps_name_is_looked_at_once,
    a_draft_may_name_more_people_than_are_looked_at,
    everything_that_is_missing_is_told_at_once,
    the_same_creation_sent_again_warns_of_the_same,
}

/// Fields of a publication of these steps that is refused, and as the draft's warnings.
async fn unfit(client: &Client, definition: Value) -> Vec<String> {
    let name = format!("flow-{}", key().as_str().to_lowercase());
    let made = saved(client, &name, definition).await.unwrap();
    let told: Vec<String> = made
        .draft_problems
        .iter()
        .map(|problem| {
            assert_eq!(problem.severity, Severity::Warning);
            let step = problem.step.as_ref().map(|id| format!("step {id:?}: "));
            format!("{}{}", step.unwrap_or_default(), problem.message)
        })
        .collect();
    let publish = WorkflowPublish::default();
    let error = client
        .workflow_publish(made.workflow.id, &publish, &key())
        .await
        .expect_err("it cannot run");
    let problem = error.problem().unwrap();
    assert_eq!((problem.status, problem.code.as_str()), (422, "invalid_request"));
    let refused: Vec<String> = problem.errors.iter().map(|error| error.message.clone()).collect();
    assert_eq!(told, refused, "the draft warns of the same");
    problem.errors.iter().map(|error| error.field.clone()).collect()
}

async fn what_no_job_would_take_is_not_saved(server: TestServer) {
    let admin = server.admin();
    let step = |kind: &str, field: &str, value: Value| {
        let mut step = match kind {
            "command" => command("a", &["a"]),
            "script" => json!({"id": "a", "type": "script", "script": "s"}),
            _ => json!({"id": "a", "type": "http_request", "url": "https://web1/"}),
        };
        step[field] = value;
        step
    };
    for (step, field) in [
        (step("command", "timeout_seconds", json!(0)), "timeout_seconds"),
        (
            step("script", "timeout_seconds", json!(604_801)),
            "timeout_seconds",
        ),
        (
            step("command", "environment", json!({"PATH": "/x"})),
            "environment.PATH",
        ),
        (
            step("command", "environment", json!({"A=B": "x"})),
            "environment.A=B",
        ),
        (step("command", "run_as_user", json!("a b")), "run_as_user"),
        (step("script", "run_as_user", json!("-root")), "run_as_user"),
        (step("http_request", "method", json!("FETCH")), "method"),
        (
            step("http_request", "expected_status", json!([200, 9999])),
            "expected_status[1]",
        ),
    ] {
        let definition = json!({"steps": [step]});
        assert_eq!(
            wrong_field(saved(&admin, "wrong", definition.clone()).await),
            format!("definition.steps[0].{field}")
        );
        let check = serde_json::from_value(json!({"definition": definition})).unwrap();
        let checked = admin.workflow_check(&check).await.unwrap();
        assert_eq!((checked.definition, checked.problems.len()), (None, 1));
        assert_eq!(checked.problems[0].severity, Severity::Error);
    }
}

async fn script(admin: &Client, name: &str, parameters: Value) {
    let create: ScriptCreate = serde_json::from_value(json!({
        "name": name, "kind": "script", "language": "bash",
        "definition": {"content": "true", "parameters": parameters},
    }))
    .unwrap();
    admin.script_create(&create, &key()).await.unwrap();
}

async fn values_fit_the_parameters_of_the_script(server: TestServer) {
    let admin = server.admin();
    let parameters = json!([
        {"name": "count", "type": "integer", "required": true, "maximum": 9},
        {"name": "token", "type": "secret"},
    ]);
    script(&admin, "scan", parameters).await;
    let steps = |parameters: Value| {
        json!({"inputs": [{"name": "n", "type": "integer", "default": 1}],
               "steps": [{"id": "a", "type": "script", "script": "scan", "parameters": parameters}]})
    };
    for (given, field) in [
        (json!({}), "parameters.count"),
        (json!({"count": "many"}), "parameters.count"),
        (json!({"count": 10}), "parameters.count"),
        (json!({"count": [1]}), "parameters.count"),
        (json!({"count": 1, "cuont": 2}), "parameters.cuont"),
    ] {
        let field = format!("draft.steps[0].{field}");
        assert_eq!(unfit(&admin, steps(given)).await, [field]);
    }
    let mut old = steps(json!({"count": 1}));
    old["steps"][0]["version"] = json!(7);
    assert_eq!(unfit(&admin, old).await, ["draft.steps[0].version"]);
    // What a placeholder stands for is known when the step begins.
    published(&admin, "open", steps(json!({"count": "{{inputs.n}}"}))).await;
    published(&admin, "fixed", steps(json!({"count": "9", "token": "t"}))).await;
}

async fn values_fit_the_parameters_of_the_action(server: TestServer) {
    let (admin, _web) = (server.admin(), server.agent("web-1").await);
    let definition = json!({
        "work": {"kind": "job", "job": {"type": "service_control", "payload": {"service": "nginx", "action": "status"}}},
        "parameters": [{"name": "service", "type": "choice", "choices": ["nginx", "php-fpm"], "required": true}],
        "fills": {"service": "/service"},
        "targets": {"agents": ["web-1"]},
    });
    let create: ActionCreate =
        serde_json::from_value(json!({"name": "look", "definition": definition})).unwrap();
    let id = admin.action_create(&create, &key()).await.unwrap().action.id;
    let steps = |parameters: Value| json!({"steps": [{"id": "a", "type": "action", "action_id": id, "parameters": parameters}]});
    assert_eq!(
        unfit(&admin, steps(json!({"service": "nginx"}))).await,
        ["draft.steps[0].action_id"],
        "it was never deployed"
    );
    let deploy = ActionDeploy::default();
    admin.action_deploy(id, &deploy, &key()).await.unwrap();
    for given in [json!({}), json!({"service": "apache"})] {
        assert_eq!(
            unfit(&admin, steps(given)).await,
            ["draft.steps[0].parameters.service"]
        );
    }
    assert_eq!(
        unfit(&admin, steps(json!({"service": "nginx", "force": true}))).await,
        ["draft.steps[0].parameters.force"]
    );
    published(&admin, "looks", steps(json!({"service": "php-fpm"}))).await;
}

async fn an_action_that_would_draw_a_password_is_not_published(server: TestServer) {
    let (admin, _web) = (server.admin(), server.agent("web-1").await);
    let account = async |name: &str, parameters: Value, fills: Value, secrets: Value| {
        let job = json!({"type": "user_control", "payload": {"action": "reset_password", "user": "anna"}});
        let create: ActionCreate = serde_json::from_value(json!({
            "name": name, "secrets": secrets,
            "definition": {
                "work": {"kind": "job", "job": job}, "parameters": parameters, "fills": fills,
                "targets": {"agents": ["web-1"]},
            },
        }))
        .unwrap();
        let id = admin.action_create(&create, &key()).await.unwrap().action.id;
        let deploy = ActionDeploy::default();
        admin.action_deploy(id, &deploy, &key()).await.unwrap();
    };
    account("drawn", json!([]), json!({}), json!({})).await;
    account("fixed", json!([]), json!({}), json!({"password": "s3cret"})).await;
    let given = json!([{"name": "password", "type": "secret"}]);
    account("given", given, json!({}), json!({})).await;
    let what = json!([{"name": "what", "type": "choice", "choices": ["enable", "reset_password"]}]);
    account("chosen", what, json!({"what": "/action"}), json!({})).await;
    let steps = |action: &str, parameters: Value| {
        json!({
            "inputs": [
                {"name": "password", "type": "secret", "required": true},
                {"name": "what", "type": "string", "default": "enable"},
            ],
            "steps": [{"id": "a", "type": "action", "action": action, "parameters": parameters}],
        })
    };
    for (action, parameters) in [
        ("drawn", json!({})),
        ("given", json!({})),
        ("given", json!({"password": ""})),
        ("chosen", json!({})),
        ("chosen", json!({"what": "reset_password"})),
    ] {
        let found = unfit(&admin, steps(action, parameters.clone())).await;
        assert_eq!(found, ["draft.steps[0].action"], "{action} with {parameters}");
    }
    for (number, (action, parameters)) in [
        ("fixed", json!({})),
        ("given", json!({"password": "{{inputs.password}}"})),
        ("chosen", json!({"what": "enable"})),
        ("chosen", json!({"what": "{{inputs.what}}"})),
    ]
    .into_iter()
    .enumerate()
    {
        published(&admin, &format!("resets-{number}"), steps(action, parameters)).await;
    }
}

async fn the_template_for_passwords_fits_the_action_that_it_describes(server: TestServer) {
    let (admin, _web) = (server.admin(), server.agent("web-1").await);
    approver(&server, server.default_tenant().await.id).await;
    let name = "rotate-local-password";
    let template = TEMPLATES.iter().find(|template| template.name == name).unwrap();
    // Indented in its comment.
    let lines = template
        .source
        .lines()
        .filter_map(|line| line.strip_prefix("#   "));
    let described = lines.collect::<Vec<_>>().join("\n");
    let mut definition: Value = serde_saphyr::from_str(&described).unwrap();
    definition["targets"] = json!({"agents": ["web-1"]});
    let create: ActionCreate =
        serde_json::from_value(json!({"name": "set-local-password", "definition": definition})).unwrap();
    let id = admin.action_create(&create, &key()).await.unwrap().action.id;
    let deploy = ActionDeploy::default();
    admin.action_deploy(id, &deploy, &key()).await.unwrap();
    published(&admin, name, serde_saphyr::from_str(template.source).unwrap()).await;
}

async fn inputs_fit_the_workflow_that_is_called(server: TestServer) {
    let admin = server.admin();
    let wait = json!({"id": "wait", "type": "delay", "seconds": 1});
    let child =
        json!({"inputs": [{"name": "n", "type": "integer", "required": true}], "steps": [wait.clone()]});
    let made = saved(&admin, "child", child).await.unwrap().workflow.id;
    let call = |inputs: Value| json!({"steps": [{"id": "a", "type": "workflow", "workflow": "child", "inputs": inputs}]});
    assert_eq!(
        unfit(&admin, call(json!({"n": 1}))).await,
        ["draft.steps[0].workflow"],
        "it was never published"
    );
    let publish = WorkflowPublish::default();
    admin.workflow_publish(made, &publish, &key()).await.unwrap();
    for (inputs, field) in [
        (json!({}), "n"),
        (json!({"n": "x"}), "n"),
        (json!({"n": 1, "m": 2}), "m"),
    ] {
        assert_eq!(
            unfit(&admin, call(inputs)).await,
            [format!("draft.steps[0].inputs.{field}")]
        );
    }
    published(&admin, "parent", call(json!({"n": 1}))).await;
    // One that calls itself is its own version, which is about to be there.
    let own = json!({"inputs": [{"name": "n", "type": "integer", "default": 1}], "steps": [
        {"id": "again", "type": "workflow", "workflow": "own", "inputs": {"n": 2}}, wait]});
    published(&admin, "own", own).await;
}

async fn hosts_that_are_named_are_there(server: TestServer) {
    let (admin, web) = (server.admin(), server.agent("web-1").await);
    let on = |hosts: Value| {
        let mut step = command("a", &["a"]);
        step["hosts"] = hosts;
        json!({"steps": [step]})
    };
    for hosts in [
        json!({"agents": ["web-1", "web-2"]}),
        json!({"agents": ["4711"]}),
        json!({"groups": ["webs"]}),
    ] {
        assert_eq!(unfit(&admin, on(hosts)).await, ["draft.steps[0].hosts"]);
    }
    let whole = json!({"hosts": {"agents": ["web-2"]}, "steps": [command("a", &["a"])]});
    assert_eq!(unfit(&admin, whole).await, ["draft.hosts"]);
    published(
        &admin,
        "named",
        on(json!({"agents": ["web-1", web.id().to_string()]})),
    )
    .await;
    // Nobody has to match yet.
    published(&admin, "selected", on(json!({"selector": "env=prod"}))).await;
}

async fn approvers_are_there_and_enough(server: TestServer) {
    let admin = server.admin();
    let tenant = server.default_tenant().await.id;
    let ask = |kind: &str, approvers: Value| json!({"steps": [{"id": "ask", "type": "approval", "title": "T", "approval_type": kind, "approvers": approvers}]});
    let of_the_first = ["draft.steps[0].approvers[0]"];
    let of_all = ["draft.steps[0].approvers"];
    assert_eq!(
        unfit(&admin, ask("one_of_many", json!(["user:4711"]))).await,
        of_the_first
    );
    assert_eq!(
        unfit(&admin, ask("one_of_many", json!(["role:approver"]))).await,
        of_all
    );
    let anna = approver(&server, tenant).await;
    assert_eq!(
        unfit(&admin, ask("two_of_many", json!(["role:approver"]))).await,
        of_all
    );
    let auditor = [(Role::Auditor, Scope::Tenant(tenant))];
    let cora = server.person(tenant, &auditor).await;
    let may_not = json!([format!("user:{}", cora.id)]);
    assert_eq!(unfit(&admin, ask("singular", may_not)).await, of_all);
    let elsewhere = server.tenant("elsewhere").await.id;
    let stranger = approver(&server, elsewhere).await;
    let there = json!([format!("user:{}", stranger.id)]);
    assert_eq!(unfit(&admin, ask("singular", there)).await, of_the_first);
    published(&admin, "one", ask("one_of_many", json!(["role:approver"]))).await;
    approver(&server, tenant).await;
    published(&admin, "two", ask("two_of_many", json!(["role:approver"]))).await;
    let off = serde_json::from_value(json!({"active": false})).unwrap();
    admin.user_update(anna.id, &off).await.unwrap();
    let gone = json!([format!("user:{}", anna.id)]);
    assert_eq!(unfit(&admin, ask("singular", gone)).await, of_the_first);
}

/// One step after the other.
fn questions(steps: usize, approvers: impl Fn(usize) -> Vec<String>) -> Value {
    let steps: Vec<Value> = (0..steps)
        .map(|step| json!({"id": format!("ask{step}"), "type": "approval", "title": "T", "approval_type": "one_of_many", "approvers": approvers(step)}))
        .collect();
    json!({"steps": steps})
}

/// Looked at for each step they would be more people than are looked at.
async fn a_role_that_many_steps_name_is_looked_at_once(server: TestServer) {
    let tenant = server.default_tenant().await.id;
    for _ in 0..6 {
        server
            .person(tenant, &[(Role::Auditor, Scope::Tenant(tenant))])
            .await;
    }
    let definition = questions(200, |_| vec!["role:auditor".into()]);
    assert_eq!(unfit(&server.admin(), definition).await.len(), 200);
}

async fn a_draft_may_name_more_people_than_are_looked_at(server: TestServer) {
    let definition = questions(21, |step| {
        (0..50)
            .map(|number| format!("user:{}", 1_000_000 + step * 50 + number))
            .collect()
    });
    let made = saved(&server.admin(), "many", definition).await.unwrap();
    let gone = made
        .draft_problems
        .iter()
        .filter(|problem| problem.message.contains("who is not there"));
    assert_eq!(gone.count(), 1_000, "of 1050");
}

async fn the_same_creation_sent_again_warns_of_the_same(server: TestServer) {
    let admin = server.admin();
    let (request, key) = (
        create(
            "twice",
            json!({"steps": [{"id": "a", "type": "script", "script": "gone"}]}),
        ),
        key(),
    );
    let first = admin.workflow_create(&request, &key).await.unwrap();
    let again = admin.workflow_create(&request, &key).await.unwrap();
    assert_eq!(first.workflow.id, again.workflow.id);
    assert_eq!(first.draft_problems.len(), 1);
    assert_eq!(first.draft_problems, again.draft_problems);
}

async fn everything_that_is_missing_is_told_at_once(server: TestServer) {
    let admin = server.admin();
    let mut elsewhere = command("c", &["c"]);
    elsewhere["hosts"] = json!({"agents": ["web-9"]});
    let definition = json!({"steps": [
        {"id": "a", "type": "script", "script": "gone"},
        {"id": "p", "type": "parallel", "branches": [[{"id": "b", "type": "action", "action": "gone"}], [elsewhere]]},
    ]});
    let fields = [
        "draft.steps[0].script",
        "draft.steps[1].branches[0].steps[0].action",
        "draft.steps[1].branches[1].steps[0].hosts",
    ];
    assert_eq!(unfit(&admin, definition.clone()).await, fields);
    // An edit is warned of it as well.
    let made = saved(&admin, "edited", json!({"steps": [command("a", &["a"])]}))
        .await
        .unwrap();
    assert_eq!(made.draft_problems, []);
    let update: WorkflowUpdate = serde_json::from_value(json!({"definition": definition})).unwrap();
    let edited = admin.workflow_update(made.workflow.id, &update).await.unwrap();
    let read = admin.workflow_show(made.workflow.id).await.unwrap();
    assert_eq!(
        read.draft_problems, edited.draft_problems,
        "and whoever opens it later"
    );
    let places: Vec<(&str, Option<&str>)> = edited
        .draft_problems
        .iter()
        .map(|problem| (problem.pointer.as_str(), problem.step.as_deref()))
        .collect();
    assert_eq!(
        places,
        [
            ("/steps/0/script", Some("a")),
            ("/steps/1/branches/0/steps/0/action", Some("b")),
            ("/steps/1/branches/1/steps/0/hosts", Some("c")),
        ]
    );
    for (problem, what) in
        edited
            .draft_problems
            .iter()
            .zip(["names script \"gone\",", "names action \"gone\",", "name "])
    {
        assert!(problem.message.starts_with(what), "{}", problem.message);
    }
}
