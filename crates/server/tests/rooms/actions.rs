//! Actions through HTTP: spec 2 and 4.

mod drafts;
mod runners;
mod saving;
mod scripts;
mod uses;
mod values;

use postern_api::{
    actions::{ActionCreate, ActionDeploy, ActionDetail, ActionRun, ActionUpdate},
    jobs::JobsCreated,
    scripts::ScriptCreate,
};
use postern_domain::{ActionId, ScriptId};
use postern_testkit::{
    TestServer,
    client::{Client, Error},
    key,
};
use serde_json::{Value, json};

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
