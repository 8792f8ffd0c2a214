//! Every way a secret comes in: with a schedule, with a run by command, in a header, as a password. It works, and it is
//! nowhere afterwards.

use std::{fs, process::Command};

use postern_domain::{ExecutionId, JobId};
use serde_json::{Value, json};

use crate::support::{
    Agent, Cli, Database, Door, Engine, Haystack, Home, LIMIT, Nginx, Server, Told, may_destroy, request,
    skipped,
};

/// Given beside the secrets and none itself.
const PLAIN: &str = "pl4in/with+more=than?one%way..";
const CONTENT: &str =
    "echo \"plain $PARAM_PLAIN\"; echo \"told $PARAM_TOKEN\"; echo \"$PARAM_TOKEN\" | base64 -w 0 >&2";
const USER: &str = "postern-canary";

/// Its length is a multiple of three: nothing in its base64 depends on what stands behind it.
fn canary(of: &str) -> String {
    let text = format!("c4nary/{of}+more=than?one%way");
    format!("{text}{}", ".".repeat(3 - text.len() % 3))
}

struct World {
    home: Home,
    /// What whoever runs the commands keeps: not a part of the system.
    outside: Home,
    server: Server,
    database: Database,
    door: Door,
    cli: Cli,
    _agent: Agent,
    told: Vec<Told>,
}

impl World {
    fn new(engine: Engine) -> Self {
        let (home, outside) = (Home::new(), Home::new());
        let database = Database::new(engine, "canary");
        let server = Server::new(home.path(), "server")
            .database(database.url.as_deref())
            .environment("POSTERN_LOG", "debug");
        server.start();
        let door = Door::open(&server);
        let agent = door.agent(home.path(), "host", &server.url());
        Self {
            cli: Cli::signed_in(home.path(), &server),
            home,
            outside,
            server,
            database,
            door,
            _agent: agent,
            told: Vec::new(),
        }
    }

    /// `--secret NAME=@FILE`
    fn secret(&self, name: &str, value: &str) -> String {
        let path = self.outside.join(name);
        fs::write(&path, value).unwrap();
        format!("{name}=@{}", path.display())
    }

    /// What the command prints when it went well, and kept to be looked through.
    #[track_caller]
    fn run(&mut self, arguments: &[&str]) -> String {
        let answer = self.cli.run(arguments);
        let all = [answer.bytes.clone(), answer.stderr.clone().into_bytes()].concat();
        self.told.push((arguments.join(" "), all));
        answer.text()
    }
}

#[test]
fn no_secret_is_kept_in_clear_however_it_came_on_sqlite() {
    comes_and_is_nowhere(Engine::Sqlite);
}

#[test]
fn no_secret_is_kept_in_clear_however_it_came_on_postgres() {
    comes_and_is_nowhere(Engine::Postgres);
}

fn comes_and_is_nowhere(engine: Engine) {
    let mut world = World::new(engine);
    let mut secrets = ["schedule", "run", "header"].map(canary).to_vec();
    let parameter = |name: &str, kind: &str| json!({"name": name, "type": kind, "required": true});
    let parameters = [parameter("token", "secret"), parameter("plain", "string")];
    let definition = json!({"content": CONTENT, "parameters": parameters});
    let script = world.door.script_create("tell", "bash", &definition);

    by_schedule(&mut world, script.0, &secrets[0]);
    let token = world.secret("token", &secrets[1]);
    let plain = format!("plain={PLAIN}");
    let run = [
        "script", "run", "tell", "--agent", "host", "--param", &plain, "--secret", &token,
    ];
    let dry = world.run(&[&run[..], &["--dry-run"]].concat());
    assert!(dry.contains("host"), "{dry}");
    let said = world.run(&[&run[..], &["--wait"]].concat());
    assert_eq!(said, format!("plain {PLAIN}\ntold ***\n"));
    let nginx = Nginx::start(world.outside.path());
    let url = format!("http://127.0.0.1:{}/echo", nginx.http);
    let header = world.secret("header", &secrets[2]);
    let asked = [
        "--secret-header",
        "X-Token=header",
        "--secret",
        &header,
        "--agent",
        "host",
        "--wait",
    ];
    let said = world.run(&[&["job", "http", "GET", &url], &asked[..]].concat());
    assert!(said.contains("you said ***"), "{said}");
    let why = "gives a user passwords; root and POSTERN_TEST_DESTRUCTIVE=1 are needed";
    if !skipped(may_destroy(), why) {
        secrets.extend(by_password(&mut world));
    }

    let executions: Vec<ExecutionId> = world.door.executions().into_keys().collect();
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    let haystack = Haystack {
        home: world.home.path(),
        server: &world.server,
        database: &world.database,
        door: &world.door,
        cli: &world.cli,
    };
    haystack.assert_has_none(&secrets, PLAIN, &executions, world.told);
    world.door.assert_audit_is_intact();
}

fn by_schedule(world: &mut World, script: i64, secret: &str) {
    let create = json!({
        "name": "nightly", "secrets": {"token": secret},
        "definition": {
            "cron": "0 3 1 1 *", "targets": {"agents": ["host"]},
            "work": {"kind": "script", "script_id": script, "parameters": {"plain": PLAIN}},
        },
    });
    let id = world.door.schedule_create(create);
    let update = request(json!({"description": "every year"}));
    let update = &update;
    let updated = world.door.ask("schedule_update", |client| async move {
        client.schedule_update(id, update).await
    });
    world
        .told
        .push(("schedule".to_owned(), serde_json::to_vec(&updated).unwrap()));
    let made: Value = serde_json::from_str(&world.run(&["schedule", "run", "nightly", "--json"])).unwrap();
    let job = JobId(made["jobs"][0]["id"].as_i64().unwrap());
    let detail = world.door.wait_for_end(job, LIMIT);
    assert_eq!(detail.job.exit_code, Some(0), "{detail:?}");
    let shown = world.run(&["schedule", "show", "nightly"]);
    assert!(shown.contains("secrets") && shown.contains("token"), "{shown}");
    world.run(&["schedule", "ticks", "nightly", "--json"]);
}

/// One that is drawn, which is shown once, and one that is given.
fn by_password(world: &mut World) -> [String; 2] {
    struct Gone;
    impl Drop for Gone {
        fn drop(&mut self) {
            let _ = Command::new("userdel").arg(USER).output();
        }
    }
    drop(Gone);
    let _gone = Gone;
    let create = [
        "job",
        "user",
        "create",
        USER,
        "--system",
        "--set-password",
        "--agent",
        "host",
        "--json",
    ];
    let created = world.cli.run(&create).json();
    let drawn = created["generated_password"].as_str().unwrap().to_owned();
    let job = JobId(created["jobs"][0]["id"].as_i64().unwrap());
    assert_eq!(world.door.wait_for_end(job, LIMIT).job.exit_code, Some(0));
    let given = canary("password");
    let secret = world.secret("password", &given);
    world.run(&[
        "job",
        "user",
        "reset-password",
        USER,
        "--secret",
        &secret,
        "--agent",
        "host",
        "--wait",
    ]);
    [drawn, given]
}
