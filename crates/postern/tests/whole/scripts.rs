//! A saved script on many hosts: libraries, parameters, batches that stop, and a secret that stays one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use postern_api::{
    executions::Execution,
    jobs::{Job, JobsCreated, StreamName},
    scripts::ScriptRun,
};
use postern_domain::{
    ExecutionId, ScriptId,
    agent::Connection,
    job::{JobState, WaitReason},
};
use serde_json::{Value, json as value};

use crate::support::{
    Agent, Cli, Database, Door, Engine, Haystack, Home, Server, Told, files_with, forms, request, wait_for,
};

const HOSTS: usize = 20;
const BATCH: usize = 5;
/// Its length is a multiple of three: nothing in its base64 depends on what stands behind it.
const SECRET: &str = "c4nary/with+more=than?one%way.";
/// Given beside it and no secret: what looks for the one must find the other.
const PLAIN: &str = "pl4in/with+more=than?one%way..";
const STOPPED: &str = "Not started: the execution stopped after 1 of 20 hosts failed";

const DESCRIBE: &str = r#"describe() { printf '%s\n' "$PARAM_COUNT" "$PARAM_RATIO" "$PARAM_LOUD" "$PARAM_MODE" "$PARAM_PLAIN"; }"#;
const BETRAY: &str = r#"
betray() {
    echo "raw $PARAM_TOKEN"
    echo "base64 $(printf '%s' "$PARAM_TOKEN" | base64 -w 0)"
    echo "hex $(printf '%s' "$PARAM_TOKEN" | od -An -v -tx1 | tr -d ' \n')"
    echo "to the other stream: $PARAM_TOKEN" >&2
}
"#;
/// A host knows itself by the folder its job runs in. The one that is named waits for the gate, and fails.
const CONTENT: &str = r#"
describe
betray
echo "$POSTERN_JOB_ID" >> "$PARAM_LEDGER"
case "$PWD" in */"$PARAM_FAULTY"/attempts/*)
    until [ -e "$PARAM_GATE" ]; do sleep 0.05; done
    exit 7
esac
"#;

struct World {
    home: Home,
    server: Server,
    database: Database,
    door: Door,
    cli: Cli,
    agents: Vec<Agent>,
    script: ScriptId,
}

impl World {
    fn new(engine: Engine) -> Self {
        let home = Home::new();
        let database = Database::new(engine, "scripts");
        let server = Server::new(home.path(), "server")
            .database(database.url.as_deref())
            .environment("POSTERN_LOG", "debug");
        server.start();
        let door = Door::open(&server);
        let agents = (0..HOSTS).map(|number| (format!("host-{number:02}"), "web"));
        // One more that the selector does not mean.
        let agents = agents.chain([("other".to_owned(), "db")]).map(|(name, role)| {
            let enrollment = door.agent_create_labelled(&name, &value!({"role": role, "env": "test"}));
            let agent = Agent::new(home.path(), &name, &server.url(), &enrollment.enrollment_token);
            agent.start();
            agent
        });
        let agents: Vec<Agent> = agents.collect();
        for agent in &agents {
            wait_for(&format!("{} to be seen", agent.name), || {
                (door.agent_row(&agent.name).connection == Connection::Connected).then_some(())
            });
        }
        let script = save(&door);
        Self {
            cli: Cli::signed_in(home.path(), &server),
            home,
            server,
            database,
            door,
            agents,
            script,
        }
    }

    fn run(&self, faulty: &str) -> ScriptRun {
        let (ledger, gate) = (self.home.join("ledger"), self.home.join("gate"));
        request(value!({
            "parameters": {
                "count": 42, "ratio": 2.5, "loud": true, "mode": "blue green", "plain": PLAIN, "token": SECRET,
                "faulty": faulty, "ledger": ledger, "gate": gate,
            },
            "targets": {"selector": "role=web,env in (test,stage),!canary"},
            "rolling": {"batch": {"hosts": BATCH}, "stop_after": {"hosts": 1}},
        }))
    }

    fn jobs_in(&self, execution: ExecutionId, batch: u32, state: JobState) -> usize {
        let jobs = self.door.jobs_of(execution);
        jobs.iter()
            .filter(|job| job.batch == batch && job.state == state)
            .count()
    }
}

fn save(door: &Door) -> ScriptId {
    door.library_create("describe", "bash", DESCRIBE);
    door.library_create("betray", "bash", BETRAY);
    let parameter = |name: &str, kind: &str| value!({"name": name, "type": kind, "required": true});
    let mode = value!({"name": "mode", "type": "choice", "choices": ["red", "blue green"]});
    let mut parameters: Vec<Value> = [
        ("count", "integer"),
        ("ratio", "number"),
        ("loud", "boolean"),
        ("token", "secret"),
        ("plain", "string"),
        ("faulty", "string"),
        ("ledger", "string"),
        ("gate", "string"),
    ]
    .map(|(name, kind)| parameter(name, kind))
    .to_vec();
    parameters.push(mode);
    let libraries = [value!({"library": "describe"}), value!({"library": "betray"})];
    door.script_create(
        "deploy",
        "bash",
        &value!({"content": CONTENT, "parameters": parameters, "libraries": libraries, "timeout_seconds": 120}),
    )
}

#[test]
fn a_rolling_script_stops_after_a_failure_and_its_secret_is_nowhere_on_sqlite() {
    rolls_stops_and_tells_nothing(Engine::Sqlite);
}

#[test]
fn a_rolling_script_stops_after_a_failure_and_its_secret_is_nowhere_on_postgres() {
    rolls_stops_and_tells_nothing(Engine::Postgres);
}

fn rolls_stops_and_tells_nothing(engine: Engine) {
    let world = World::new(engine);
    let door = &world.door;
    let preview = door.ask("script_preview", |client| {
        let run = world.run("nobody");
        async move { client.script_preview(world.script, &run).await }
    });
    assert_eq!((preview.hosts.len(), preview.batches), (HOSTS, 4));
    assert!(
        preview.hosts.iter().all(|host| host.problem.is_none()),
        "{preview:?}"
    );
    let faulty = preview.hosts.iter().find(|host| host.batch == 2).unwrap();

    let created = door.script_run(world.script, &world.run(&faulty.agent));
    let id = created.execution_id;
    wait_for("the second batch to wait for its last host", || {
        (world.jobs_in(id, 2, JobState::Completed) == BATCH - 1).then_some(())
    });
    wait_for("the faulty host to have told its secret", || {
        let lines = fs::read_to_string(world.home.join("ledger")).unwrap_or_default();
        (lines.lines().count() == 2 * BATCH).then_some(())
    });
    let journals = |forms: &[Vec<u8>]| -> Vec<_> {
        let folders = world.agents.iter().map(|agent| agent.data.as_path());
        folders.flat_map(|folder| files_with(folder, forms)).collect()
    };
    assert!(!journals(&forms(PLAIN)).is_empty(), "the attempt is in a journal");
    assert_eq!(journals(&forms(SECRET)), Vec::<PathBuf>::new());
    for job in door.jobs_of(id).iter().filter(|job| job.batch > 2) {
        let wait = job.waits.as_ref().map(|wait| wait.reason);
        assert_eq!((job.state, wait), (JobState::Queued, Some(WaitReason::Batch)));
    }

    fs::write(world.home.join("gate"), "").unwrap();
    let execution = wait_for("the execution to end", || {
        let execution = door.execution(id);
        execution.finished.then_some(execution)
    });
    assert_ends(&world, &created, &execution, &faulty.agent);
    assert_outputs(&world, id);
    assert_commands_agree(&world, &execution);
    wait_for("every journal to be empty", || {
        world.agents.iter().all(Agent::is_empty).then_some(())
    });
    let answers = [("preview", json(&preview)), ("run", json(&created))];
    let answers = answers.map(|(what, bytes)| (what.to_owned(), bytes)).into();
    assert_told_nowhere(&world, id, answers);
    door.assert_audit_is_intact();
}

/// Nine did it, one failed, and ten were not begun and say why.
fn assert_ends(world: &World, created: &JobsCreated, execution: &Execution, faulty: &str) {
    assert_eq!(created.jobs.len(), HOSTS);
    let expected: BTreeMap<String, i64> = [("completed", 9), ("failed", 1), ("cancelled", 10)]
        .map(|(state, count)| (state.to_owned(), count))
        .into();
    assert_eq!((&execution.counts, execution.hosts), (&expected, 20));
    let rolling = execution.rolling.as_ref().unwrap();
    assert_eq!((rolling.batches, rolling.begun), (4, 2), "{rolling:?}");
    assert_eq!(rolling.stopped.as_deref(), Some(STOPPED));
    let jobs = world.door.jobs_of(execution.id);
    for job in &jobs {
        let expected = match job.batch {
            2 if job.agent == faulty => (JobState::Failed, Some(7), None),
            1 | 2 => (JobState::Completed, Some(0), None),
            _ => (JobState::Cancelled, None, Some(STOPPED)),
        };
        let reason = job.reason.as_deref().filter(|_| job.batch > 2);
        assert_eq!((job.state, job.exit_code, reason), expected, "{job:?}");
    }
    let hosts: BTreeSet<&str> = jobs.iter().map(|job| job.agent.as_str()).collect();
    assert!(hosts.len() == HOSTS && !hosts.contains("other"), "{hosts:?}");
    // By the effects: once on each host of the batches that began, and nowhere else.
    let ledger = fs::read_to_string(world.home.join("ledger")).unwrap();
    let mut ran: Vec<i64> = ledger.lines().map(|line| line.parse().unwrap()).collect();
    ran.sort_unstable();
    let mut begun: Vec<i64> = jobs
        .iter()
        .filter(|job| job.batch <= 2)
        .map(|job| job.id.0)
        .collect();
    begun.sort_unstable();
    assert_eq!(ran, begun);
}

/// Of the batches that began.
fn has_run(job: &Job) -> bool {
    job.batch <= 2
}

/// Every value arrived, and the secret was told and masked.
fn assert_outputs(world: &World, id: ExecutionId) {
    for job in world.door.jobs_of(id).into_iter().filter(has_run) {
        let expected = format!("42\n2.5\ntrue\nblue green\n{PLAIN}\nraw ***\nbase64 ***\nhex ***\n");
        assert_eq!(world.door.written(job.id, StreamName::Stdout), expected);
        let expected = "to the other stream: ***\n";
        assert_eq!(world.door.written(job.id, StreamName::Stderr), expected);
    }
}

fn assert_commands_agree(world: &World, execution: &Execution) {
    let id = execution.id.to_string();
    let shown = world.cli.run(&["execution", "show", &id, "--json"]).json();
    assert_eq!(shown, serde_json::to_value(execution).unwrap());
    let listed = world
        .cli
        .run(&["job", "list", "--execution", &id, "--json"])
        .json();
    let jobs = serde_json::to_value(world.door.jobs_of(execution.id)).unwrap();
    assert_eq!(listed["items"], jobs);
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

/// In the server's database and logs, the agents' folders and logs, and everything that the doors say of it.
fn assert_told_nowhere(world: &World, id: ExecutionId, mut answers: Vec<Told>) {
    let script = world.door.wire(&format!("api/v1/scripts/{}", world.script));
    answers.push(("script".to_owned(), script));
    let haystack = Haystack {
        home: world.home.path(),
        server: &world.server,
        database: &world.database,
        door: &world.door,
        cli: &world.cli,
    };
    haystack.assert_has_none(&[SECRET], PLAIN, &[id], answers);
}
