//! What a step prints goes through a workflow as it is: into commands, their environment, conditions, titles of approvals
//! and messages. The values are those that scripts are tried with.

mod http;

use std::{fs, process::Command};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use postern_api::{ListRequest, workflows::InstanceDetail};
use postern_client::IdempotencyKey;
use postern_domain::{InstanceId, workflow::engine::InstanceState};
use serde_json::{Map, Value, json};

use crate::{
    injection::payloads::payloads,
    support::{Agent, Door, Home, Running, Server, free_port, request, wait_for},
};

/// Values in one instance: a step takes a hundred placeholders, and a parallel step twenty branches.
const AT_ONCE: usize = 18;
/// Longer ones do not fit into what a step leaves for others.
const LONGEST: usize = 2_000;
/// Writes what it was given: arguments, then variables.
const WRITE: &str = "import os,sys,json\n\
    values = [os.fsencode(a).hex() for a in sys.argv[2:]]\n\
    values += [os.environb[b'V%d' % n].hex() for n in range(len(values))]\n\
    open(sys.argv[1], 'w').write(json.dumps(values))";
/// A receiver of messages that keeps what it gets.
const LISTEN: &str = "import sys,base64,http.server as h\n\
    class Take(h.BaseHTTPRequestHandler):\n    \
        def do_POST(self):\n        \
            body = self.rfile.read(int(self.headers['content-length']))\n        \
            open(sys.argv[2], 'ab').write(base64.b64encode(body) + b'\\n')\n        \
            self.send_response(204)\n        \
            self.end_headers()\n\
    h.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Take).serve_forever()";

struct World {
    home: Home,
    door: Door,
    _server: Server,
    _agent: Agent,
    _receiver: Running,
}

impl World {
    fn new() -> Self {
        let home = Home::new();
        let server = Server::started(home.path());
        let door = Door::open(&server);
        let agent = door.agent(home.path(), "one", &server.url());
        let port = free_port();
        let mut receiver = Command::new("python3");
        receiver
            .args(["-c", LISTEN, &port.to_string()])
            .arg(home.join("messages"));
        let receiver = Running::start(&mut receiver, &home.join("receiver.log"));
        let key = IdempotencyKey::random();
        let webhook = request(json!({"name": "taker", "url": format!("http://127.0.0.1:{port}/")}));
        let (webhook, key) = (&webhook, &key);
        door.ask("webhook_create", |client| async move {
            client.webhook_create(webhook, key).await
        });
        Self {
            home,
            door,
            _server: server,
            _agent: agent,
            _receiver: receiver,
        }
    }

    fn start(&self, name: &str, definition: &Value, inputs: &Map<String, Value>) -> InstanceId {
        let workflow = self.door.publish(name, definition);
        self.door.start(workflow, &request(json!({ "inputs": inputs })))
    }

    fn until(&self, id: InstanceId, state: InstanceState) -> InstanceDetail {
        wait_for(&format!("instance {id} to be {}", state.as_str()), || {
            let detail = self.door.instance(id);
            let reasons: Vec<_> = detail.runs.iter().filter_map(|run| run.reason.as_ref()).collect();
            assert!(
                detail.instance.state == state || !detail.instance.state.is_final(),
                "{:?} {reasons:?}",
                detail.instance
            );
            (detail.instance.state == state).then_some(detail)
        })
    }

    /// Titles of the messages that arrived, with their texts.
    fn messages(&self) -> Vec<(String, String)> {
        let text = fs::read_to_string(self.home.join("messages")).unwrap_or_default();
        text.lines()
            .map(|line| {
                let body: Value = serde_json::from_slice(&STANDARD.decode(line).unwrap()).unwrap();
                let field = |name: &str| body["data"][name].as_str().unwrap().to_owned();
                (field("title"), field("message"))
            })
            .collect()
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Steps that hand on each value of the first one: `say` prints them all as JSON.
fn steps(file: &str, out: &str, count: usize) -> Value {
    let path = |number: usize| format!("{{{{step_say.json.p{number}}}}}");
    let arguments: Vec<String> = (0..count).map(path).collect();
    let environment: Map<String, Value> = (0..count)
        .map(|number| (format!("V{number}"), json!(path(number))))
        .collect();
    let same: Vec<String> = (0..count)
        .map(|number| format!("step_say.json.p{number} == inputs.p{number}"))
        .collect();
    let tell = (0..count).map(|number| {
        json!([{"id": format!("tell{number}"), "type": "notify", "to": ["webhook:taker"],
                "title": path(number), "message": path(number)}])
    });
    let ask = (0..count).map(|number| {
        json!([{"id": format!("ask{number}"), "type": "approval", "title": path(number), "description": path(number),
                "approval_type": "one_of_many", "approvers": ["role:site_administrator"], "allow_self_approval": true}])
    });
    let argv = [
        vec!["python3".to_owned(), "-c".into(), WRITE.into(), out.into()],
        arguments,
    ]
    .concat();
    json!([
        {"id": "say", "type": "command", "argv": ["cat", file]},
        {"id": "write", "type": "command", "argv": argv, "environment": environment},
        {"id": "same", "type": "conditional", "condition": same.join(" && "), "on_true": "continue", "on_false": "failed"},
        {"id": "tell", "type": "parallel", "branches": tell.collect::<Vec<_>>()},
        {"id": "ask", "type": "parallel", "branches": ask.collect::<Vec<_>>()},
    ])
}

#[test]
fn what_a_step_prints_is_data_wherever_it_goes() {
    let world = World::new();
    let canary = world.home.join("canary");
    let mut all = payloads(canary.to_str().unwrap());
    // Line breaks at the end of an output are cut; here each value is part of one, and comes whole.
    all.retain(|value| value.len() <= LONGEST);
    for hostile in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "{{step_say.json.p0}}",
        "{{inputs.p0}} || true",
        "\u{202e}x",
        "p0\"] == 1 || true || \"",
    ] {
        all.push(hostile.to_owned());
    }
    assert!(all.len() >= 200, "{}", all.len());
    let mut told = 0;
    for (round, values) in all.chunks(AT_ONCE).enumerate() {
        let name = |number: usize| format!("p{number}");
        let inputs: Map<String, Value> = (0..)
            .map(name)
            .zip(values.iter().map(|value| json!(value)))
            .collect();
        let (file, out) = (
            world.home.join(&format!("said{round}")),
            world.home.join(&format!("out{round}")),
        );
        fs::write(&file, json!(inputs).to_string()).unwrap();
        let declared: Vec<Value> = (0..values.len())
            .map(|number| json!({"name": name(number), "type": "string"}))
            .collect();
        let steps = steps(file.to_str().unwrap(), out.to_str().unwrap(), values.len());
        let definition = json!({"hosts": {"agents": ["one"]}, "inputs": declared, "steps": steps});
        let id = world.start(&format!("round{round}"), &definition, &inputs);
        world.until(id, InstanceState::Paused);

        let written: Vec<String> = serde_json::from_slice(&fs::read(&out).unwrap()).unwrap();
        let expected: Vec<String> = values.iter().map(|value| hex(value)).collect();
        assert_eq!(
            written,
            [expected.clone(), expected].concat(),
            "arguments and variables"
        );

        told += values.len();
        let messages = wait_for("the messages", || {
            let messages = world.messages();
            (messages.len() >= told).then_some(messages)
        });
        let list = &ListRequest {
            filter: vec![("instance".into(), id.to_string())],
            ..ListRequest::default()
        };
        let asked = world
            .door
            .ask("approval_list", |client| async move {
                client.approval_list_all(list, 100).await
            })
            .items;
        assert_eq!(asked.len(), values.len());
        for value in values {
            let cut: String = value.chars().take(200).collect();
            let title = if cut.len() < value.len() {
                format!("{cut}…")
            } else {
                cut
            };
            assert!(
                messages.contains(&(title, value.clone())),
                "a message of {value:?}"
            );
            assert!(
                asked.iter().any(|one| one.title == *value),
                "a question of {value:?}"
            );
        }
        let reason = &request(json!({}));
        world.door.ask("instance_cancel", |client| async move {
            client.instance_cancel(id, reason).await
        });
        world.until(id, InstanceState::Cancelled);
    }
    assert!(!canary.exists(), "none of them acted");
    println!(
        "{} values through commands, conditions, titles and messages",
        all.len()
    );
}
