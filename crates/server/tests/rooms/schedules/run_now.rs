//! Whoever runs a schedule now is counted as whoever started its workflow where people are asked, though it runs on the
//! account of the schedule's owner.

use postern_api::{
    approvals::{ApprovalAnswer, ApprovalDelegate, ApprovalDetail},
    schedules::Schedule,
    workflows::InstanceAgain,
};
use postern_domain::{
    ApprovalId, InstanceId, UserId, WorkflowId,
    approval::{ApprovalState, Decision},
    permission::{Role, Scope},
    workflow::engine::InstanceState,
};
use postern_testkit::{
    Person, TestServer,
    client::{Client, Error},
    key,
};
use serde_json::{Value, json};

use super::{SOON, pass, ticks};
use crate::{
    no, on_both_databases, refused,
    workflows::{command, published, runs, until_begun, until_state},
};

on_both_databases! {
    whoever_runs_it_now_does_not_approve_it,
    whoever_runs_it_now_takes_nobodys_place,
    whoever_runs_it_now_approves_where_the_step_allows_it,
    at_a_tick_all_who_did_not_start_it_are_asked,
    what_its_steps_start_is_not_approved_by_whoever_runs_it_now,
    neither_owner_nor_whoever_ran_it_now_approves_a_retry_and_a_rerun_is_asked_of_all,
}

struct World {
    server: TestServer,
    /// Whose schedules these are.
    owner: Person,
    /// Who is asked, beside the one who runs schedules now.
    other: Person,
    runner: Person,
}

impl World {
    async fn new(server: TestServer) -> Self {
        let tenant = server.default_tenant().await.id;
        let role = [(Role::Operator, Scope::Tenant(tenant))];
        Self {
            owner: server.person(tenant, &role).await,
            other: server.person(tenant, &role).await,
            runner: server.person(tenant, &role).await,
            server,
        }
    }

    fn ask(&self) -> Value {
        let approvers: Vec<String> = [&self.owner, &self.other, &self.runner]
            .iter()
            .map(|person| format!("user:{}", person.id))
            .collect();
        json!({"id": "ask", "type": "approval", "title": "Deploy?", "approval_type": "one_of_many", "approvers": approvers})
    }

    async fn workflow(&self, name: &str, steps: Value) -> WorkflowId {
        let definition = json!({"hosts": {"agents": ["web-1"]}, "steps": steps});
        published(&self.server.admin(), name, definition).await
    }

    /// A schedule of what asks and then deploys.
    async fn deploys(&self, ask: Value) -> Schedule {
        let id = self
            .workflow("deploys", json!([ask, command("deploy", &["deploy"])]))
            .await;
        self.schedule(id).await
    }

    async fn schedule(&self, workflow: WorkflowId) -> Schedule {
        let request = serde_json::from_value(json!({"name": "often", "definition": {
            "cron": "*/10 * * * *", "work": {"kind": "workflow", "workflow_id": workflow},
        }}))
        .unwrap();
        self.owner.client.schedule_create(&request, &key()).await.unwrap()
    }

    async fn run_now(&self, schedule: &Schedule) -> InstanceId {
        let made = self.runner.client.schedule_run(schedule.id, &key()).await;
        made.unwrap().instance_id.unwrap()
    }

    async fn question(&self, id: InstanceId) -> ApprovalId {
        let run = until_begun(&self.server, id, "ask", 1).await;
        run.approval_id.unwrap()
    }

    async fn asked(&self, id: InstanceId) -> Vec<UserId> {
        let question = self.question(id).await;
        let shown = self.server.admin().approval_show(question).await.unwrap();
        shown.approval.people.iter().map(|asked| asked.user_id).collect()
    }
}

async fn approve(client: &Client, id: ApprovalId) -> Result<ApprovalDetail, Error> {
    let answer = ApprovalAnswer {
        decision: Decision::Approve,
        comment: None,
        work_sha256: None,
    };
    client.approval_answer(id, &answer).await
}

async fn whoever_runs_it_now_does_not_approve_it(server: TestServer) {
    let web = server.agent("web-1").await;
    let world = World::new(server).await;
    let schedule = world.deploys(world.ask()).await;
    let id = world.run_now(&schedule).await;
    assert_eq!(world.asked(id).await, [world.other.id]);
    let question = world.question(id).await;
    for one in [&world.runner, &world.owner] {
        assert_eq!(
            refused(approve(&one.client, question).await),
            no(403, "not_asked")
        );
    }
    let events = world
        .server
        .admin()
        .instance_event_list(id, &Default::default())
        .await
        .unwrap();
    assert_eq!(
        serde_json::to_value(&events.items[0].cause).unwrap(),
        json!({"kind": "schedule", "schedule_id": schedule.id, "user_id": world.runner.id})
    );
    let approved = approve(&world.other.client, question).await.unwrap();
    assert_eq!(approved.approval.state, ApprovalState::Approved);
    runs(&web, "", 0).await;
    until_state(&world.server, id, InstanceState::Completed).await;
}

async fn whoever_runs_it_now_takes_nobodys_place(server: TestServer) {
    server.agent("web-1").await;
    let world = World::new(server).await;
    let mut ask = world.ask();
    ask["approvers"] = json!([format!("user:{}", world.other.id)]);
    let schedule = world.deploys(ask).await;
    let id = world.run_now(&schedule).await;
    let question = world.question(id).await;
    let admin = world.server.admin();
    for to in [world.runner.id, world.owner.id] {
        let delegate = ApprovalDelegate {
            from: world.other.id,
            to,
        };
        assert_eq!(
            refused(admin.approval_delegate(question, &delegate).await),
            no(409, "self_approval")
        );
    }
}

async fn whoever_runs_it_now_approves_where_the_step_allows_it(server: TestServer) {
    server.agent("web-1").await;
    let world = World::new(server).await;
    let mut ask = world.ask();
    ask["allow_self_approval"] = json!(true);
    let schedule = world.deploys(ask).await;
    let id = world.run_now(&schedule).await;
    let question = world.question(id).await;
    let approved = approve(&world.runner.client, question).await.unwrap();
    assert_eq!(approved.approval.state, ApprovalState::Approved);
}

async fn at_a_tick_all_who_did_not_start_it_are_asked(server: TestServer) {
    server.agent("web-1").await;
    let world = World::new(server).await;
    let schedule = world.deploys(world.ask()).await;
    pass(&world.server, &schedule, SOON).await;
    let id = ticks(&world.server, &schedule).await[0].instance_id.unwrap();
    assert_eq!(world.asked(id).await, [world.other.id, world.runner.id]);
    let question = world.question(id).await;
    let approved = approve(&world.runner.client, question).await.unwrap();
    assert_eq!(approved.approval.state, ApprovalState::Approved);
}

async fn what_its_steps_start_is_not_approved_by_whoever_runs_it_now(server: TestServer) {
    server.agent("web-1").await;
    let world = World::new(server).await;
    world.workflow("inner", json!([world.ask()])).await;
    let call = json!({"id": "call", "type": "workflow", "workflow": "inner"});
    let middle = world.workflow("middle", json!([call])).await;
    let outer = json!([{"id": "call", "type": "workflow", "workflow_id": middle}]);
    let outer = world.workflow("outer", outer).await;
    let schedule = world.schedule(outer).await;
    let mut id = world.run_now(&schedule).await;
    for _ in ["middle", "inner"] {
        let run = until_begun(&world.server, id, "call", 1).await;
        id = run.child_id.unwrap();
    }
    assert_eq!(world.asked(id).await, [world.other.id]);
}

async fn neither_owner_nor_whoever_ran_it_now_approves_a_retry_and_a_rerun_is_asked_of_all(
    server: TestServer,
) {
    let web = server.agent("web-1").await;
    let world = World::new(server).await;
    let steps = json!([command("look", &["look"]), world.ask()]);
    let workflow = world.workflow("looks", steps).await;
    let schedule = world.schedule(workflow).await;
    let id = world.run_now(&schedule).await;
    runs(&web, "", 1).await;
    until_state(&world.server, id, InstanceState::Failed).await;
    let (admin, again) = (world.server.admin(), InstanceAgain::default());
    let retried = admin.instance_retry(id, &again, &key()).await.unwrap().id;
    runs(&web, "", 1).await;
    until_state(&world.server, retried, InstanceState::Failed).await;
    let twice = admin.instance_retry(retried, &again, &key()).await.unwrap().id;
    runs(&web, "", 0).await;
    assert_eq!(world.asked(twice).await, [world.other.id]);
    let question = world.question(twice).await;
    for to in [world.runner.id, world.owner.id] {
        let delegate = ApprovalDelegate {
            from: world.other.id,
            to,
        };
        assert_eq!(
            refused(admin.approval_delegate(question, &delegate).await),
            no(409, "self_approval")
        );
    }
    let rerun = admin.instance_rerun(id, &again, &key()).await.unwrap().id;
    runs(&web, "", 0).await;
    assert_eq!(
        world.asked(rerun).await,
        [world.owner.id, world.other.id, world.runner.id]
    );
}
