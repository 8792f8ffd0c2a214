//! Workflows through HTTP: spec 5, with agents that speak the real protocol.

mod again;
mod approvals;
mod approved;
mod approved_inside;
mod asking;
mod causes;
mod children;
mod given_up;
mod in_time;
mod left;
mod publishing;
mod removed;
mod renamed;
mod retention;
mod running;
mod saving;
mod shown;
mod tries;
mod values;
mod variable_table;
mod watching;

use postern_api::{
    approvals::{ApprovalAnswer, ApprovalDetail},
    workflows::{InstanceCreate, InstanceDetail, StepRun, WorkflowCreate, WorkflowDetail, WorkflowPublish},
};
use postern_domain::{
    ApprovalId, InstanceId, TenantId, WorkflowId,
    approval::Decision,
    permission::{Role, Scope},
    workflow::engine::{InstanceState, Outcome},
};
use postern_protocol::{messages::Stream, order::Order, payload::JobPayload};
use postern_testkit::{
    Person, SimAgent, TestServer,
    client::{Client, Error},
    key, until,
};
use serde_json::{Value, json};

fn create(name: &str, definition: Value) -> WorkflowCreate {
    serde_json::from_value(json!({"name": name, "definition": definition})).unwrap()
}

async fn saved(client: &Client, name: &str, definition: Value) -> Result<WorkflowDetail, Error> {
    client.workflow_create(&create(name, definition), &key()).await
}

pub(crate) async fn published(client: &Client, name: &str, definition: Value) -> WorkflowId {
    let id = saved(client, name, definition).await.unwrap().workflow.id;
    let publish = WorkflowPublish::default();
    client.workflow_publish(id, &publish, &key()).await.unwrap();
    id
}

/// Starts what these steps say, on these hosts.
pub(crate) async fn started(server: &TestServer, hosts: &[&str], steps: Value) -> InstanceId {
    let admin = server.admin();
    let name = format!("flow-{}", key().as_str().to_lowercase());
    let id = published(&admin, &name, json!({"steps": steps})).await;
    // Not all of them need to be there.
    let create: InstanceCreate = serde_json::from_value(json!({"hosts": {"agents": hosts}})).unwrap();
    admin.instance_create(id, &create, &key()).await.unwrap().id
}

pub(crate) async fn show(server: &TestServer, id: InstanceId) -> InstanceDetail {
    server.admin().instance_show(id).await.unwrap()
}

pub(crate) async fn until_state(server: &TestServer, id: InstanceId, state: InstanceState) -> InstanceDetail {
    until(&format!("instance {id} to be {}", state.as_str()), || async {
        let detail = show(server, id).await;
        (detail.instance.state == state).then_some(detail)
    })
    .await
}

/// Waits until a step has begun so many times, and returns its newest run.
pub(crate) async fn until_begun(server: &TestServer, id: InstanceId, step: &str, times: usize) -> StepRun {
    until(&format!("step {step} to begin"), || async {
        let runs = show(server, id).await.runs;
        let own: Vec<StepRun> = runs.into_iter().filter(|run| run.step == step).collect();
        (own.len() == times)
            .then(|| own.into_iter().next_back())
            .flatten()
    })
    .await
}

/// The next order of an agent, as soon as there is one.
async fn next(agent: &SimAgent) -> Order {
    until("an order", || async { agent.orders().await.into_iter().next() }).await
}

/// Runs the next order of an agent: prints this and ends so.
pub(crate) async fn runs(agent: &SimAgent, stdout: &str, code: i32) -> Order {
    let order = next(agent).await;
    agent
        .print(&order, &[(Stream::Stdout, 0, stdout.as_bytes())])
        .await;
    agent.exit(&order, code).await;
    order
}

/// Steps with their outcomes, in the order in which they began.
fn told(detail: &InstanceDetail) -> Vec<String> {
    let word = |outcome: Option<Outcome>| match outcome {
        None => "runs",
        Some(Outcome::Succeeded) => "ok",
        Some(Outcome::Failed) => "failed",
        Some(Outcome::Cancelled) => "cancelled",
    };
    detail
        .runs
        .iter()
        .map(|run| format!("{} {}", run.step, word(run.outcome)))
        .collect()
}

pub(crate) fn command(id: &str, argv: &[&str]) -> Value {
    json!({"id": id, "type": "command", "argv": argv})
}

/// Somebody who may approve in this tenant.
async fn approver(server: &TestServer, tenant: TenantId) -> Person {
    server
        .person(tenant, &[(Role::Approver, Scope::Tenant(tenant))])
        .await
}

async fn answer(client: &Client, id: ApprovalId, decision: Decision) -> Result<ApprovalDetail, Error> {
    answer_saying(client, id, decision, None).await
}

async fn answer_saying(
    client: &Client,
    id: ApprovalId,
    decision: Decision,
    comment: Option<&str>,
) -> Result<ApprovalDetail, Error> {
    let answer = ApprovalAnswer {
        decision,
        comment: comment.map(Into::into),
        work_sha256: None,
    };
    client.approval_answer(id, &answer).await
}

fn argv_of(order: &Order) -> Vec<String> {
    match &order.work {
        JobPayload::Command(command) => command.argv.clone(),
        other => panic!("{other:?}"),
    }
}
