//! A workflow survives anything: servers that die at every single event of it, before it is stored and after.
//!
//! Twelve steps on three agents: saved scripts with parameters, a command, branches, an approval, a delay, a loop. Beside them
//! four that try again, start other workflows, run out of time and tell somebody. What an undisturbed run came to is what every
//! other one must come to, and the ledger says how often each effect was had, and with which values.

use std::{collections::BTreeMap, fs, time::Duration};

use postern_api::{ListRequest, approvals::ApprovalAnswer, workflows::InstanceCreate};
use postern_client::Client;
use postern_domain::{
    InstanceId, WorkflowId, approval::Decision, notify::Topic, workflow::engine::InstanceState,
};
use serde_json::{Value, json};

use crate::support::{Agent, Connect, Database, Door, Engine, Home, Proxy, Server, wait_for, wait_within};

/// Where a server dies while it moves an instance: with the event written and not committed, and right after it.
pub(crate) const POINTS: [&str; 2] = ["in-instance-moved", "after-instance-moved"];
const AGENTS: [&str; 3] = ["one", "two", "three"];
/// Deaths after which a run that goes on and on is given up: more than twice the events it has.
const DEATHS: usize = 200;
/// Events of which each follows from the one before through an agent or a person, so that a server that dies at one of
/// them has not stored the next: `left`, `left_again`, the answer, three rounds, `fails`, `last`. Others are stored beside
/// them, by a server that has not died of the first yet.
const ONE_AFTER_ANOTHER: usize = 8;
/// Deaths before the commit that these come to at least. A server dies at its second to fifth event and has stored those
/// before: three lives of one server store at most 1 + 2 + 3 of the eight, and the first four of two servers, which both
/// begin with the second event, 1 + 1 + 2 + 3. The last life of each server needs no death.
const BEFORE_THE_COMMIT: usize = 3;
/// How long one instance may take while a server dies at each of its events: agents wait up to half a minute after
/// servers that were gone several times, and the machine may have other work.
const CAMPAIGN: Duration = Duration::from_secs(900);

/// Tells the ledger which step it is, and what it was told.
const NOTE: &str =
    "echo \"$PARAM_STEP${PARAM_TOLD:+: $PARAM_TOLD}\" >> \"$PARAM_LEDGER\"; echo \"did $PARAM_STEP\"";
/// Counts in the ledger how often the loop went round, and says `again` until that is enough.
const ROUND: &str = "echo \"$PARAM_STEP\" >> \"$PARAM_LEDGER\"; count=$(grep -c \"^$PARAM_STEP\\$\" \"$PARAM_LEDGER\"); \
                     if [ \"$count\" -lt \"$PARAM_TIMES\" ]; then echo '{\"again\": true}'; else echo '{\"again\": false}'; fi";

/// Succeeds when it is tried again.
const TWICE: &str = "echo \"$PARAM_STEP\" >> \"$PARAM_LEDGER\"; \
                     test \"$(grep -c \"^$PARAM_STEP\\$\" \"$PARAM_LEDGER\")\" -ge 2";

/// The scripts that steps run, saved.
fn save_scripts(door: &Door) {
    let given = |name: &str, kind: &str| json!({"name": name, "type": kind, "required": true});
    let (step, ledger) = (given("step", "string"), given("ledger", "string"));
    let told = json!({"name": "told", "type": "string"});
    let note = json!({"content": NOTE, "parameters": [step, ledger, told]});
    door.script_create("note", "bash", &note);
    let twice = json!({"content": TWICE, "parameters": [step, ledger]});
    door.script_create("twice", "bash", &twice);
    let round = json!({"content": ROUND, "parameters": [step, ledger, given("times", "integer")]});
    door.script_create("round", "bash", &round);
}

fn note(id: &str, ledger: &str, hosts: &[&str]) -> Value {
    json!({"id": id, "type": "script", "script": "note", "hosts": {"agents": hosts},
           "parameters": {"step": id, "ledger": ledger}})
}

/// The same, told what a step before it left.
fn note_told(id: &str, ledger: &str, hosts: &[&str], told: &str) -> Value {
    let mut step = note(id, ledger, hosts);
    step["parameters"]["told"] = json!(told);
    step
}

/// Twelve of them, those of branches counted in.
fn steps(ledger: &str) -> Value {
    json!([
        note("prepare", ledger, &AGENTS),
        {"id": "both", "type": "parallel", "branches": [
            [note("left", ledger, &["one"]), note_told("left_again", ledger, &["one"], "{{step_left.stdout}}")],
            [note("right", ledger, &["two"]), {"id": "breathe", "type": "delay", "seconds": 1}],
        ]},
        {"id": "ask", "type": "approval", "title": "After {{step_left.stdout}}?", "approval_type": "one_of_many",
         "approvers": ["role:approver"]},
        {"id": "round", "type": "script", "script": "round", "hosts": {"agents": ["three"]},
         "parameters": {"step": "round", "ledger": ledger, "times": 3}},
        {"id": "more", "type": "conditional", "condition": "step_round.json.again == true", "on_true": "round", "on_false": "continue"},
        {"id": "fails", "type": "command", "shell": true, "command": "echo fails >> \"$LEDGER\"; exit 3",
         "hosts": {"agents": ["two"]}, "environment": {"LEDGER": ledger}, "on_failure": "code"},
        {"id": "code", "type": "conditional", "condition": "{{step_fails.exit_code}} == 3", "on_true": "last", "on_false": "failed"},
        note_told("last", ledger, &AGENTS, "{{step_fails.exit_code}}"),
    ])
}

/// Those beside them, and the workflows that they start.
fn others(door: &Door, ledger: &str) -> Value {
    door.publish("inside", &json!({"steps": [note("inside", ledger, &["two"])]}));
    door.publish(
        "long",
        &json!({"steps": [{"id": "long", "type": "delay", "minutes": 60}]}),
    );
    json!([
        {"id": "again", "type": "script", "script": "twice", "hosts": {"agents": ["one"]},
         "parameters": {"step": "again", "ledger": ledger}, "retries": {"count": 1, "delay_seconds": 1}},
        {"id": "child", "type": "workflow", "workflow": "inside"},
        {"id": "slow", "type": "workflow", "workflow": "long", "timeout_seconds": 1, "on_failure": "tell"},
        {"id": "tell", "type": "notify", "to": ["email:ops@example.org"], "title": "It was slow"},
    ])
}

struct World {
    home: Home,
    /// Dropped when nobody needs it any more.
    _database: Database,
    servers: Vec<Server>,
    /// Leads agents and people to any server that is there.
    _network: Proxy,
    door: Door,
    approver: Client,
    agents: Vec<Agent>,
    /// The twelve steps, and those beside them.
    workflows: [WorkflowId; 2],
}

impl World {
    fn new(engine: Engine, names: &[&str], point: &str) -> Self {
        let home = Home::new();
        // All of this file runs at the same time.
        let purpose = format!("workflows{}_{}", names.len(), point.replace('-', "_"));
        let database = Database::new(engine, &purpose);
        // Nobody has to listen where mail goes: messages are counted where they wait.
        let server = |name: &&str| {
            Server::new(home.path(), name)
                .database(database.url.as_deref())
                .environment("POSTERN_SMTP_URL", "smtp://localhost:1")
                .environment("POSTERN_SMTP_FROM", "Postern <postern@example.org>")
        };
        let servers: Vec<Server> = names.iter().map(server).collect();
        servers.iter().for_each(Server::start);
        let ports: Vec<u16> = servers.iter().map(|server| server.port).collect();
        let network = Proxy::start(Connect::Plain, &ports);
        let url = network.url();
        let door = Door::open_at(&url, &servers[0].ca_path());
        let agents = AGENTS
            .iter()
            .map(|name| door.agent(home.path(), name, &url))
            .collect();
        let approver = door.person("anna", "approver", &url);
        let ledger = home.join("ledger");
        save_scripts(&door);
        let ledger = ledger.to_str().unwrap();
        let workflows = [("twelve", steps(ledger)), ("others", others(&door, ledger))]
            .map(|(name, steps)| door.publish(name, &json!({"steps": steps})));
        Self {
            home,
            _database: database,
            servers,
            _network: network,
            door,
            approver,
            agents,
            workflows,
        }
    }

    /// An instance of each.
    fn start(&self) -> [InstanceId; 2] {
        self.workflows
            .map(|workflow| self.door.start(workflow, &InstanceCreate::default()))
    }

    /// Approves as soon as somebody asks. An answer that got through and was not heard of is no failure.
    fn approve(&self, [id, _]: [InstanceId; 2]) -> bool {
        let list = ListRequest {
            filter: vec![
                ("instance".into(), id.to_string()),
                ("state".into(), "open".into()),
            ],
            ..ListRequest::default()
        };
        let list = &list;
        let Ok(open) = self.door.once(self.approver.approval_list(list)) else {
            return false;
        };
        let answer = ApprovalAnswer {
            decision: Decision::Approve,
            comment: None,
            work_sha256: None,
        };
        for ask in open.items {
            let _ = self.door.once(self.approver.approval_answer(ask.id, &answer));
        }
        true
    }

    /// What the instances came to, and how often each effect was had; the ledger is empty again afterwards.
    fn verdict(&self, ids: [InstanceId; 2]) -> Verdict {
        let details = ids.map(|id| self.door.instance(id));
        let path = self.home.join("ledger");
        let mut effects: BTreeMap<String, usize> = BTreeMap::new();
        for line in fs::read_to_string(&path).unwrap().lines() {
            *effects.entry(line.to_owned()).or_default() += 1;
        }
        fs::write(&path, "").unwrap();
        let runs = details.iter().flat_map(|detail| &detail.runs).map(|run| {
            assert!(run.outcome.is_some(), "a run without an end: {run:?}");
            // Each time another instance was started.
            let reason = match (&run.reason, run.child_id) {
                (Some(reason), Some(child)) => Some(reason.replace(&format!("instance {child} "), "it ")),
                (reason, _) => reason.clone(),
            };
            format!("{} {:?} {:?} {reason:?}", run.step, run.outcome, run.attempt)
        });
        let mut runs: Vec<String> = runs.collect();
        // Branches begin and end in any order.
        runs.sort_unstable();
        let all = &ListRequest::default();
        let listed = self.door.ask("delivery_list", |client| async move {
            client.delivery_list(all).await
        });
        let mut told = listed.items;
        told.retain(|one| {
            one.topic == Topic::StepNotify && one.instance_id.is_some_and(|id| ids.contains(&id))
        });
        Verdict {
            states: details.map(|detail| detail.instance.state),
            runs,
            effects,
            messages: told.into_iter().map(|one| one.title).collect(),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    states: [InstanceState; 2],
    runs: Vec<String>,
    effects: BTreeMap<String, usize>,
    messages: Vec<String>,
}

fn survives(engine: Engine, servers: &[&str]) {
    // Side by side: most of the time agents wait for servers that were gone.
    std::thread::scope(|scope| {
        for point in POINTS {
            scope.spawn(move || survives_at(engine, servers, point));
        }
    });
}

fn survives_at(engine: Engine, servers: &[&str], point: &str) {
    let world = World::new(engine, servers, point);
    let quiet = world.start();
    wait_for("the undisturbed instances to end", || {
        world.approve(quiet);
        let ended = |id: &InstanceId| world.door.instance(*id).instance.state.is_final();
        quiet.iter().all(ended).then_some(())
    });
    let expected = world.verdict(quiet);
    assert_eq!(expected.states, [InstanceState::Completed; 2], "{expected:#?}");
    assert_eq!(expected.messages, ["It was slow"]);
    let effects = [
        ("prepare", 3),
        ("left", 1),
        ("left_again: did left", 1),
        ("right", 1),
        ("round", 3),
        ("fails", 1),
        ("last: 3", 3),
        ("again", 2),
        ("inside", 1),
    ];
    let effects = effects.map(|(step, times)| (step.to_owned(), times));
    assert_eq!(expected.effects, BTreeMap::from(effects));

    let ids = world.start();
    let mut deaths = 0;
    // Before the commit another one each time: at the first one nothing would ever be stored, and several may be
    // stored together.
    let die = |deaths: usize| match point {
        "in-instance-moved" => format!("{point}:{}", 2 + deaths % 4),
        _ => point.to_owned(),
    };
    for server in &world.servers {
        server.kill();
        server.launch(&[("POSTERN_FAILPOINT", &die(0))]);
    }
    wait_within(
        CAMPAIGN,
        &format!("the instances to end though servers die at {point}"),
        || {
            for server in world.servers.iter().filter(|server| !server.is_running()) {
                deaths += 1;
                assert!(deaths < DEATHS, "it does not come forward");
                server.launch(&[("POSTERN_FAILPOINT", &die(deaths))]);
            }
            let known = world.approve(ids);
            let ended = |id: &InstanceId| {
                let shown = world.door.once(world.door.client.instance_show(*id));
                shown.is_ok_and(|detail| detail.instance.state.is_final())
            };
            (known && ids.iter().all(ended)).then_some(())
        },
    );
    world.servers.iter().for_each(Server::kill);
    world.servers.iter().for_each(Server::start);
    wait_for("every journal to be empty", || {
        world.agents.iter().all(Agent::is_empty).then_some(())
    });
    assert_eq!(world.verdict(ids), expected, "{point}");
    println!(
        "{engine:?}, {} at once: {deaths} servers died at {point}",
        servers.len()
    );
    let least = match point {
        "in-instance-moved" => BEFORE_THE_COMMIT,
        _ => ONE_AFTER_ANOTHER,
    };
    assert!(deaths >= least, "{deaths} deaths at {point}, at least {least}");
    world.door.assert_audit_is_intact();
}

#[test]
fn a_workflow_on_sqlite_survives_the_death_of_a_server_at_each_of_its_events() {
    survives(Engine::Sqlite, &["server"]);
}

#[test]
fn a_workflow_on_postgres_survives_the_death_of_a_server_at_each_of_its_events() {
    survives(Engine::Postgres, &["server"]);
}

#[test]
fn a_workflow_survives_two_servers_that_die_at_its_events_in_turn() {
    survives(Engine::Postgres, &["one", "two"]);
}
