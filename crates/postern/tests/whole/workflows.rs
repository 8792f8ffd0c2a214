//! The examples of the specification (spec 5), word for word, on two real agents.

use std::{fs, path::Path};

use postern_api::{
    approvals::ApprovalAnswer,
    workflows::{InstanceCreate, InstanceDetail},
};
use postern_client::Client;
use postern_domain::{InstanceId, WorkflowId, approval::Decision, workflow::engine::InstanceState};
use serde_json::{Value, json};

use crate::support::{Agent, Door, Home, Server, request, wait_for};

const AGENTS: [&str; 2] = ["web-1", "db-1"];
/// The script that the examples name.
const SCRIPT: i64 = 42;
/// Does as the files of its name say, and tells the ledger.
const DO: &str =
    "echo \"$STEP${TOLD:+: $TOLD}\" >> \"$AT/ledger\"; exit \"$(cat \"$AT/$STEP\" 2>/dev/null || echo 0)\"";

fn examples(home: &Path) -> Value {
    let three = include_str!("../../../server/tests/rooms/workflows/examples.json");
    let three: Vec<Value> = serde_json::from_str(three).unwrap();
    let [health_check, approve_deploy, check_result] = three.try_into().unwrap();
    let step = |id: &str, routes: Value| {
        let mut step = json!({
            "id": id, "type": "command", "shell": true, "command": DO, "environment": {"STEP": id, "AT": home},
        });
        let (step_fields, routes) = (step.as_object_mut().unwrap(), routes.as_object().unwrap());
        step_fields.extend(routes.clone());
        step
    };
    let mut notify = step("notify_failure", json!({"on_success": "approve_deploy"}));
    notify["environment"]["TOLD"] = json!("{{step_health_check.stdout}}");
    json!({"steps": [
        step("scan", json!({"continue_on": "all", "on_failure": "check_result"})),
        check_result,
        health_check,
        step("rollback", json!({"on_success": "failed"})),
        notify,
        approve_deploy,
        step("deploy_step", json!({"on_success": "completed"})),
    ]})
}

struct World {
    home: Home,
    door: Door,
    /// Another administrator than the one who starts.
    other: Client,
    workflow: WorkflowId,
    _server: Server,
    _agents: Vec<Agent>,
}

impl World {
    fn new() -> Self {
        let home = Home::new();
        let server = Server::started(home.path());
        let door = Door::open(&server);
        let agents = AGENTS.map(|name| door.agent(home.path(), name, &server.url()));
        let other = door.person("olga", "administrator", &server.url());
        // The third of them is `user:5` of the examples, who may not answer here.
        for name in ["pia", "quentin", "rosa"] {
            door.person(name, "auditor", &server.url());
        }
        let health = format!(
            "echo \"over $PARAM_THRESHOLD %\"; exit \"$(cat '{}' 2>/dev/null || echo 0)\"",
            home.join("health_check").display()
        );
        let definition = json!({"content": health, "parameters": [{"name": "threshold", "type": "integer"}]});
        for number in 1..=SCRIPT {
            let id = door.script_create(&format!("script-{number}"), "bash", &definition);
            assert_eq!(id.0, number);
        }
        let workflow = door.publish("examples", &examples(home.path()));
        Self {
            home,
            door,
            other,
            workflow,
            _server: server,
            _agents: agents.into(),
        }
    }

    /// An instance in which these steps fail.
    fn start(&self, failing: &[&str]) -> InstanceId {
        for step in ["scan", "health_check"] {
            let code = if failing.contains(&step) { "3" } else { "0" };
            fs::write(self.home.join(step), code).unwrap();
        }
        let start: InstanceCreate = request(json!({"hosts": {"agents": AGENTS}}));
        self.door.start(self.workflow, &start)
    }

    fn answer(&self, instance: InstanceId, decision: Decision) {
        let id = self.door.open_approval(instance);
        let answer = ApprovalAnswer {
            decision,
            comment: None,
            work_sha256: None,
        };
        self.door.once(self.other.approval_answer(id, &answer)).unwrap();
    }

    /// How it ended, what became of each step, and how often each effect was had.
    fn verdict(&self, id: InstanceId) -> (InstanceState, String, String) {
        let detail: InstanceDetail = wait_for("the instance to end", || {
            let detail = self.door.instance(id);
            detail.instance.state.is_final().then_some(detail)
        });
        let runs = detail.runs.iter().map(|run| {
            let outcome = serde_json::to_value(run.outcome).unwrap();
            format!("{} {}", run.step, outcome.as_str().unwrap_or("open"))
        });
        let runs: Vec<String> = runs.collect();
        let ledger = self.home.join("ledger");
        let mut effects: Vec<String> = fs::read_to_string(&ledger)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        effects.sort_unstable();
        fs::write(&ledger, "").unwrap();
        (detail.instance.state, runs.join(", "), effects.join(", "))
    }
}

#[test]
fn the_examples_of_the_specification_take_each_branch_on_two_agents() {
    let world = World::new();
    let check = |id, state, runs: &str, effects: &str| {
        assert_eq!(world.verdict(id), (state, runs.to_owned(), effects.to_owned()));
    };

    check(
        world.start(&[]),
        InstanceState::Completed,
        "scan succeeded, check_result succeeded, health_check succeeded, deploy_step succeeded",
        "deploy_step, deploy_step, scan, scan",
    );
    check(
        world.start(&["scan"]),
        InstanceState::Failed,
        "scan failed, check_result succeeded, rollback succeeded",
        "rollback, rollback, scan, scan",
    );
    let told = "notify_failure: over 90 %, notify_failure: over 90 %, scan, scan";

    let asked = "scan succeeded, check_result succeeded, health_check failed, notify_failure succeeded";
    for (decision, state, end, effects) in [
        (
            Decision::Approve,
            InstanceState::Completed,
            "approve_deploy succeeded, deploy_step succeeded",
            "deploy_step, deploy_step, ",
        ),
        (
            Decision::Reject,
            InstanceState::Cancelled,
            "approve_deploy failed",
            "",
        ),
    ] {
        let id = world.start(&["health_check"]);
        world.answer(id, decision);
        check(id, state, &format!("{asked}, {end}"), &format!("{effects}{told}"));
    }
}
