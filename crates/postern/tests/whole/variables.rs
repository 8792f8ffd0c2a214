//! Spec 5's table of variables on real agents: two hosts print, one of them fails, and what they left goes through commands,
//! parameters of scripts, conditions and questions.

use std::{collections::BTreeMap, fs};

use postern_api::{approvals::ApprovalAnswer, workflows::InstanceCreate};
use postern_domain::{
    InstanceId,
    approval::Decision,
    workflow::engine::{InstanceState, Outcome},
};
use serde_json::{Map, Value, json};

use crate::support::{Agent, Door, Home, Server, wait_for};

/// The first by name is well; the other was there before it.
const AGENTS: [&str; 2] = ["b.example.com", "a"];
const PRINTED: &str =
    r#"{"text": "x; $(id)", "number": 7, "flag": false, "nothing": null, "deep": {"er": [{"n": -3}]}}"#;
const BLOCKED: &str = "***CREDENTIAL_BLOCKED***";
/// A host knows itself by the folder its job runs in.
const SCAN: &str = r#"
case "$PWD" in
    */b.example.com/attempts/*) echo "from b"; echo "b is broken" >&2; exit 4 ;;
    *) printf '%s\n\n' "$PARAM_SAYS"; printf 'careful\r\n' >&2 ;;
esac
"#;
/// Both write what they were given as JSON: a command its arguments, a script its parameters.
const ARGUMENTS: &str = "import json,sys; open(sys.argv[1], 'w').write(json.dumps(sys.argv[2:]))";
const PARAMETERS: &str = r#"
import json, os
given = {name.removeprefix("PARAM_"): value for name, value in os.environ.items() if name.startswith("PARAM_P")}
with open(os.environ["PARAM_OUT"], "w") as out:
    json.dump(given, out)
"#;

/// Paths with their values, some of them in the older form.
fn table() -> Vec<(&'static str, Value)> {
    vec![
        ("step_scan.stdout", json!(PRINTED)),
        ("variables.step_scan.stderr", json!("careful")),
        ("step_scan.exit_code", json!(4)),
        ("variables.step_scan.status", json!("failed")),
        ("step_scan.json.text", json!("x; $(id)")),
        ("variables.step_scan.json.number", json!(7)),
        ("step_scan.json.flag", json!(false)),
        ("variables.step_scan.json.nothing", json!(null)),
        ("step_scan.json.deep.er[0].n", json!(-3)),
        ("step_scan.hosts.a.exit_code", json!(0)),
        ("variables.step_scan.hosts.a.status", json!("completed")),
        ("step_scan.hosts[\"b.example.com\"].stdout", json!("from b")),
        (
            "variables.step_scan.hosts[\"b.example.com\"].stderr",
            json!("b is broken"),
        ),
        ("step_scan.hosts[\"b.example.com\"].exit_code", json!(4)),
        ("db.password", json!(BLOCKED)),
        ("variables.db.PASSWORD", json!(BLOCKED)),
        ("db[\"password\"]", json!(BLOCKED)),
        ("variables.db.connection.api_key", json!(BLOCKED)),
    ]
}

fn placeholder(path: &str) -> String {
    format!("{{{{{path}}}}}")
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn name(number: usize) -> String {
    format!("P{number:02}")
}

struct World {
    home: Home,
    door: Door,
    _server: Server,
    _agents: Vec<Agent>,
}

impl World {
    fn new() -> Self {
        let home = Home::new();
        let server = Server::started(home.path());
        let door = Door::open(&server);
        let agents = AGENTS.map(|name| door.agent(home.path(), name, &server.url()));
        let says = json!({"content": SCAN, "parameters": [{"name": "says", "type": "string"}]});
        door.script_create("scan", "bash", &says);
        let names = (0..table().len()).map(name).chain(["OUT".to_owned()]);
        let parameters: Vec<Value> = names
            .map(|name| json!({"name": name, "type": "string"}))
            .collect();
        let take = json!({"content": PARAMETERS, "parameters": parameters});
        door.script_create("take", "python", &take);
        Self {
            home,
            door,
            _server: server,
            _agents: agents.into(),
        }
    }

    fn read(&self, file: &str) -> Value {
        serde_json::from_slice(&fs::read(self.home.join(file)).unwrap()).unwrap()
    }

    fn approve(&self, instance: InstanceId) -> (String, Option<String>) {
        let id = self.door.open_approval(instance);
        let answer = &ApprovalAnswer {
            decision: Decision::Approve,
            comment: None,
            work_sha256: None,
        };
        let answered = self.door.ask("approval_answer", |client| async move {
            client.approval_answer(id, answer).await
        });
        (answered.approval.title, answered.approval.description)
    }
}

fn steps(home: &Home) -> Value {
    let table = table();
    let placeholders: Vec<String> = table.iter().map(|(path, _)| placeholder(path)).collect();
    let start = ["python3", "-c", ARGUMENTS].map(str::to_owned).to_vec();
    let out = |file: &str| home.join(file).to_str().unwrap().to_owned();
    let argv = [start, vec![out("arguments")], placeholders.clone()].concat();
    let mut given: Map<String, Value> = (0..)
        .map(name)
        .zip(placeholders.iter().map(|path| json!(format!("<{path}>"))))
        .collect();
    given.insert("OUT".into(), json!(out("parameters")));
    let same: Vec<String> = table
        .iter()
        .map(|(path, value)| format!("{} == {value}", placeholder(path)))
        .collect();
    let on_a = json!({"agents": ["a"]});
    json!([
        {"id": "scan", "type": "script", "script": "scan", "parameters": {"says": PRINTED}, "on_success": "failed", "on_failure": "write"},
        {"id": "write", "type": "command", "hosts": on_a, "argv": argv},
        {"id": "take", "type": "script", "script": "take", "hosts": on_a, "parameters": given},
        {"id": "same", "type": "conditional", "condition": same.join(" && "), "on_true": "continue", "on_false": "failed"},
        {"id": "ask", "type": "approval", "title": "{{variables.step_scan.json.text}} as {{db.password}}?",
         "description": placeholders.join("\n"), "approval_type": "one_of_many", "approvers": ["role:site_administrator"],
         "allow_self_approval": true},
        {"id": "lost", "type": "command", "hosts": on_a, "argv": ["true", "{{variables.step_scan.json.no.such}}"], "on_failure": "completed"},
    ])
}

#[test]
fn what_two_hosts_left_is_where_the_table_says() {
    let world = World::new();
    let definition = json!({"hosts": {"agents": AGENTS}, "steps": steps(&world.home)});
    let workflow = world.door.publish("table", &definition);
    let id = world.door.start(workflow, &InstanceCreate::default());
    let told = world.approve(id);
    let detail = wait_for("the instance to end", || {
        let detail = world.door.instance(id);
        detail.instance.state.is_final().then_some(detail)
    });
    let outcomes: Vec<(&str, Option<Outcome>)> = detail
        .runs
        .iter()
        .map(|run| (run.step.as_str(), run.outcome))
        .collect();
    let [ok, failed] = [Outcome::Succeeded, Outcome::Failed].map(Some);
    let expected = [
        ("scan", failed),
        ("write", ok),
        ("take", ok),
        ("same", ok),
        ("ask", ok),
        ("lost", failed),
    ];
    assert_eq!(
        (detail.instance.state, outcomes.as_slice()),
        (InstanceState::Completed, expected.as_slice()),
        "{:?}",
        detail.runs
    );
    let reasons = [0, 5].map(|run| detail.runs[run].reason.as_deref().unwrap_or_default());
    assert_eq!(
        reasons,
        [
            "b.example.com: Exit code 4",
            "argv[1]: step_scan.json.no.such does not exist"
        ]
    );

    let texts: Vec<String> = table().iter().map(|(_, value)| text(value)).collect();
    assert_eq!(world.read("arguments"), json!(texts));
    let parameters: BTreeMap<String, String> = (0..)
        .map(name)
        .zip(texts.iter().map(|text| format!("<{text}>")))
        .collect();
    assert_eq!(world.read("parameters"), json!(parameters));
    assert_eq!(told, (format!("x; $(id) as {BLOCKED}?"), Some(texts.join("\n"))));
}
