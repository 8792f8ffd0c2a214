//! Values of parameters are data: whatever they look like, they arrive byte for byte and nothing runs of them.

pub(crate) mod payloads;

use std::{collections::BTreeMap, fs, path::PathBuf};

use postern_client::IdempotencyKey;
use postern_domain::{ScriptId, agent::Connection, job::JobState};
use serde_json::{Map, Value, json};

use self::payloads::payloads;
use crate::support::{Agent, Door, Home, LIMIT, Server, request, wait_for};

/// Values of one run; with the name of the file they fill what a script may define.
const AT_ONCE: usize = 99;

/// Runs nothing itself, so that what ran besides can be counted: every line is made by the shell alone.
const BASH: &str = r#"
LC_ALL=C
shopt -s nullglob dotglob
{
    for name in ${!PARAM_P@}; do
        value=${!name} text=
        for ((at = 0; at < ${#value}; at += 500)); do
            piece=${value:at:500}
            for ((i = 0; i < ${#piece}; i++)); do
                printf -v byte '%02x' "'${piece:i:1}"
                text+=${byte: -2}
            done
        done
        printf '%s %s\n' "$name" "$text"
    done
    read -r children < "/proc/$$/task/$$/children"
    read -r stat < "/proc/$$/stat"
    own=(${stat##*) }) group=0
    for other in /proc/[0-9]*/stat; do
        { read -r stat < "$other"; } 2> /dev/null || continue
        fields=(${stat##*) })
        [ "${fields[2]}" = "${own[2]}" ] && group=$((group + 1))
    done
    mapfile -d '' -t arguments < "/proc/$$/cmdline"
    files=(*)
    printf '%s\n' "children $children" "faults ${own[8]}" "group $group" "arguments ${#arguments[@]}" "files ${files[*]}"
} > "$PARAM_OUT"
"#;

const PYTHON: &str = r#"
import glob, os, resource
with open(os.environ["PARAM_OUT"], "w") as out:
    for name, value in os.environb.items():
        if name.startswith(b"PARAM_P"):
            print(name.decode(), value.hex(), file=out)
    pid = os.getpid()
    group = 0
    for other in glob.glob("/proc/[0-9]*/stat"):
        try:
            fields = open(other).read().rpartition(")")[2].split()
        except OSError:
            continue
        group += int(fields[2]) == os.getpgrp()
    print("children", open(f"/proc/{pid}/task/{pid}/children").read().strip(), file=out)
    print("faults", resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt, file=out)
    print("group", group, file=out)
    print("arguments", open(f"/proc/{pid}/cmdline").read().count("\0"), file=out)
    print("files", *os.listdir("."), file=out)
"#;

/// What no script should do. Here it shows that the values would act if they could, and that it would be seen.
const CARELESS: &str = r#"
for name in ${!PARAM_P@}; do eval "echo ${!name}" 2> /dev/null; done
read -r stat < "/proc/$$/stat"
own=(${stat##*) })
echo "faults ${own[8]}"
shopt -s nullglob
files=(*)
echo "files ${files[*]}"
"#;

struct World {
    home: Home,
    door: Door,
    _server: Server,
    _agent: Agent,
}

impl World {
    fn new() -> Self {
        let home = Home::new();
        let server = Server::started(home.path());
        let door = Door::open(&server);
        let agent = door.agent(home.path(), "one", &server.url());
        wait_for("the agent to be seen", || {
            (door.agent_row("one").connection == Connection::Connected).then_some(())
        });
        Self {
            home,
            door,
            _server: server,
            _agent: agent,
        }
    }

    fn save(&self, language: &str, content: &str) -> ScriptId {
        let names = (0..AT_ONCE).map(name).chain(["OUT".to_owned()]);
        let parameters: Vec<Value> = names
            .map(|name| json!({"name": name, "type": "string"}))
            .collect();
        let definition = json!({"content": content, "parameters": parameters});
        self.door.script_create(language, language, &definition)
    }

    fn canary(&self) -> PathBuf {
        self.home.join("canary")
    }

    /// Runs the script with these values, and returns what it wrote, by the first word of each line.
    fn run(&self, script: ScriptId, values: &[String]) -> BTreeMap<String, String> {
        let out = self.home.join("out");
        let mut parameters: Map<String, Value> = (0..)
            .map(name)
            .zip(values.iter().map(|value| json!(value)))
            .collect();
        parameters.insert("OUT".to_owned(), json!(out));
        let run = request(json!({"parameters": parameters, "targets": {"agents": ["one"]}}));
        let created = self.door.script_run(script, &run);
        let detail = self.door.wait_for_end(created.jobs[0].id, LIMIT);
        assert_eq!(detail.job.state, JobState::Completed, "{:?}", detail.job.reason);
        let text = fs::read_to_string(&out).unwrap();
        fs::remove_file(&out).unwrap();
        let words = text
            .lines()
            .map(|line| line.split_once(' ').unwrap_or((line, "")));
        words
            .map(|(word, rest)| (word.to_owned(), rest.to_owned()))
            .collect()
    }
}

fn name(number: usize) -> String {
    format!("P{number:03}")
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn values_reach_a_bash_script_byte_for_byte_and_start_nothing() {
    values_are_data("bash", BASH);
}

#[test]
fn values_reach_a_python_script_byte_for_byte_and_start_nothing() {
    values_are_data("python", PYTHON);
}

fn values_are_data(language: &str, content: &str) {
    let world = World::new();
    let script = world.save(language, content);
    let payloads = payloads(world.canary().to_str().unwrap());
    assert!(payloads.len() >= 300, "{}", payloads.len());
    for values in payloads.chunks(AT_ONCE) {
        let told = world.run(script, values);
        for (number, value) in values.iter().enumerate() {
            let arrived = told.get(&format!("PARAM_{}", name(number)));
            assert_eq!(arrived, Some(&hex(value)), "{value:?}");
        }
        let count = told.keys().filter(|word| word.starts_with("PARAM_")).count();
        assert_eq!(count, values.len(), "no variable besides");
        for (word, expected) in [
            ("children", ""),
            // Of processes that were waited for: none ever was.
            ("faults", "0"),
            ("group", "1"),
            ("arguments", "2"),
            ("files", ""),
        ] {
            assert_eq!(told[word], expected, "{word}");
        }
        assert!(!world.canary().exists());
    }
    println!("{} values through {language}", payloads.len());
}

#[test]
fn the_same_values_act_where_a_script_is_careless() {
    let world = World::new();
    let script = world.save("bash", &format!("{{ {CARELESS} }} > \"$PARAM_OUT\""));
    let payloads = payloads(world.canary().to_str().unwrap());
    let live: Vec<String> = payloads
        .into_iter()
        .filter(|value| value.starts_with("$(touch") && value.len() < 1000)
        .collect();
    assert!(!live.is_empty() && live.len() <= AT_ONCE);
    let told = world.run(script, &live);
    assert_ne!(told["faults"], "0", "processes ran, and are seen");
    assert!(told["files"].contains("canary"), "{told:?}");
    assert!(world.canary().exists());
}

#[test]
fn a_nul_byte_is_refused_with_the_parameters_name() {
    let world = World::new();
    let script = world.save("bash", BASH);
    for value in ["\0", "a\0b", "a\0"] {
        let run = request(json!({"parameters": {"P007": value}, "targets": {"agents": ["one"]}}));
        let key = IdempotencyKey::random();
        let error = world
            .door
            .once(world.door.client.script_run(script, &run, &key))
            .unwrap_err();
        let problem = error.problem().unwrap();
        assert_eq!(problem.status, 422, "{problem:?}");
        let [field] = problem.errors.as_slice() else {
            panic!("{problem:?}")
        };
        assert_eq!(field.field, "parameters.P007");
        assert!(field.message.contains("NUL byte"), "{problem:?}");
    }
    assert!(world.door.executions().is_empty());
}
