//! `postern workflow …`, `postern instance …` and `postern approval …`

use std::{fs, time::Duration};

use serde_json::Value;

use super::World;
use crate::support::wait_for;

const FILE: &str = "# Of the web team.\n\
    name: greet\n\
    description: says hello\n\
    inputs:\n  - {name: whom, type: string, default: nobody}\n\
    hosts: {agents: [web-1]}\n\
    steps:\n  - {id: say, type: command, command: 'echo {{inputs.whom}}'} # loud\n";
const ASKS: &str = "name: asks\n\
    hosts: {agents: [web-1]}\n\
    steps:\n\
    - {id: ask, type: approval, title: 'Go on?', approval_type: one_of_many, approvers: ['role:site_administrator'], \
       allow_self_approval: true}\n\
    - {id: go, type: command, command: echo gone}\n";

fn file(world: &World, name: &str, content: &str) -> String {
    let path = world.home.join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The newest instance, once it is as wanted.
fn instance(world: &World, wanted: impl Fn(&Value) -> bool) -> String {
    wait_for("the instance", || {
        let all = world.cli.run(&["instance", "list", "--json"]).json();
        let newest = &all["items"][0];
        wanted(newest).then(|| newest["id"].to_string())
    })
}

#[test]
fn a_workflow_is_applied_published_compared_restored_copied_and_deleted() {
    let world = World::new();
    let cli = |arguments: &[&str]| world.cli.run(arguments).text();
    let path = file(&world, "greet.yaml", FILE);
    let apply = ["workflow", "apply", "-f", &path];
    assert_eq!(cli(&apply), "greet: created\n");
    assert_eq!(cli(&apply), "greet: unchanged\n");
    world.refused(&["workflow", "run", "greet"], 1, "no published version");
    world.refused(&["workflow", "diff", "greet"], 2, "no published version");
    assert_eq!(
        cli(&["workflow", "publish", "greet", "--message", "first"]),
        "workflow greet runs version 1\n"
    );
    world.refused(&["workflow", "publish", "greet"], 1, "already");

    fs::write(&path, FILE.replace("# loud", "# quiet")).unwrap();
    assert_eq!(cli(&apply), "greet: draft saved\n", "a comment counts");
    assert_eq!(
        cli(&["workflow", "diff", "greet"]),
        "",
        "and changes nothing that runs"
    );
    fs::write(&path, FILE.replace("echo", "echo hello")).unwrap();
    assert_eq!(cli(&apply), "greet: draft saved\n");
    let changed = cli(&["workflow", "diff", "greet"]);
    assert!(
        changed.contains("+  command: ") && changed.contains("echo hello"),
        "{changed}"
    );
    let published = cli(&[&apply[..], &["--publish", "--message", "says hello"]].concat());
    assert_eq!(published, "workflow greet runs version 2\n");
    assert!(cli(&["workflow", "versions", "greet"]).contains("says hello"));
    assert!(cli(&["workflow", "diff", "greet", "1"]).contains("+  command: "));
    cli(&["workflow", "restore", "greet", "1"]);
    assert!(cli(&["workflow", "show", "greet"]).contains("says something else"));

    let exported = world.home.join("exported.yaml");
    cli(&["workflow", "export", "greet", "-o", exported.to_str().unwrap()]);
    assert!(fs::read_to_string(&exported).unwrap().contains("# loud"));
    assert_eq!(
        cli(&["workflow", "apply", "-f", exported.to_str().unwrap()]),
        "greet: unchanged\n"
    );
    cli(&["workflow", "clone", "greet", "greet-again"]);
    assert_eq!(
        cli(&["workflow", "rename", "greet-again", "greet-later"]),
        "workflow greet-again is called greet-later now\n"
    );
    world.refused(&["workflow", "rename", "greet-later", "greet"], 1, "greet");
    world.refused(&["workflow", "show", "greet-again"], 4, "greet-again");
    world.refused(&["workflow", "delete", "greet-later"], 2, "--yes");
    cli(&["workflow", "delete", "greet-later", "--yes"]);
    world.refused(&["workflow", "show", "greet-later"], 4, "greet-later");
    let elsewhere = file(
        &world,
        "elsewhere.yaml",
        &format!("organization: default\n{FILE}"),
    );
    world.refused(&["workflow", "apply", "-f", &elsewhere], 2, "belongs elsewhere");
}

#[test]
fn files_are_looked_over_without_a_server() {
    let world = World::new();
    let stranger = crate::support::Cli::new(world.home.path(), "stranger");
    let good = file(&world, "good.yaml", FILE);
    let bad = file(&world, "bad.yaml", &FILE.replace("inputs.whom", "inputs.who"));
    assert_eq!(stranger.run(&["workflow", "validate", "-f", &good]).text(), "");
    assert_eq!(stranger.run(&["workflow", "schema"]).json()["title"], "Workflow");
    let found = stranger.run(&["workflow", "validate", "-f", &good, "-f", &bad]);
    assert!(
        found.code == 1
            && found
                .stdout
                .contains("bad.yaml: error at /steps/0/command, byte "),
        "{found:?}"
    );
}

#[test]
fn the_exit_code_of_a_run_says_how_its_instance_ended() {
    let world = World::new();
    let cli = |arguments: &[&str]| world.cli.run(arguments).text();
    let apply = |content: &str| {
        let path = file(&world, "workflow.yaml", content);
        cli(&["workflow", "apply", "-f", &path, "--publish"]);
    };
    apply(FILE);
    let run = ["workflow", "run", "greet", "--input", "whom=a b; exit 3"];
    let ended = world.cli.run(&[&run[..], &["--wait", "--json"]].concat()).json();
    assert_eq!(ended["state"], "completed");
    let execution = ended["runs"][0]["execution_id"].to_string();
    let jobs = world
        .cli
        .run(&["job", "list", "--execution", &execution, "--json"])
        .json();
    let job = jobs["items"][0]["id"].to_string();
    assert_eq!(cli(&["job", "output", &job]), "a b; exit 3\n");
    let followed = cli(&[&run[..], &["--follow"]].concat());
    assert!(followed.contains("say (run 1): Began"), "{followed}");

    apply(&FILE.replace("echo {{inputs.whom}}", "false"));
    let failed = world.cli.run(&["workflow", "run", "greet", "--wait"]);
    assert!(
        failed.code == 1 && failed.stdout.contains("web-1: Exit code 1"),
        "{failed:?}"
    );
    world.refused(&["workflow", "run", "nobody", "--wait"], 125, "no workflow");
    world.refused(&["instance", "show", "4711"], 4, "4711");

    apply(&FILE.replace("echo {{inputs.whom}}", "sleep 100"));
    let log = world.home.join("watch.log");
    let mut watching = world.cli.start(&["workflow", "run", "greet", "--follow"], &log);
    let id = instance(&world, |newest| newest["state"] == "running");
    world.server.kill();
    world.server.start();
    cli(&["instance", "cancel", &id, "--reason", "enough"]);
    assert_eq!(watching.wait("the watcher to end").code(), Some(125));
    let events = cli(&["instance", "events", &id]);
    assert!(events.contains("enough"), "{events}");
    let events = world.cli.run(&["instance", "events", &id, "--json"]).json();
    assert_eq!(events["items"][0]["cause"]["kind"], "user", "{events}");
    assert_eq!(
        fs::read_to_string(&log).unwrap().matches("Began").count(),
        1,
        "told once"
    );
    world.refused(&["instance", "cancel", &id], 1, "already");
    assert!(world.server.stop(Duration::from_secs(10)).success());
}

#[test]
fn an_answer_is_for_the_work_that_was_shown() {
    let world = World::new();
    let cli = |arguments: &[&str]| world.cli.run(arguments).text();
    let path = file(&world, "asks.yaml", ASKS);
    cli(&["workflow", "apply", "-f", &path, "--publish"]);
    let ask = || {
        cli(&["workflow", "run", "asks"]);
        let id = instance(&world, |newest| newest["state"] == "paused");
        let open = ["approval", "list", "--mine", "--instance", &id, "--json"];
        let approval = world.cli.run(&open).json()["items"][0]["id"].to_string();
        (id, approval)
    };
    let (id, approval) = ask();
    let shown = cli(&["approval", "show", &approval]);
    assert!(
        shown.contains("go (command)") && shown.contains("on web-1"),
        "{shown}"
    );
    world.refused(
        &["approval", "approve", &approval, "--work-sha256", "00"],
        1,
        "something else",
    );
    let asked = world.cli.run(&["approval", "approve", &approval]);
    assert!(
        asked.code == 2 && asked.stdout.contains("Go on?") && asked.stderr.contains("--yes"),
        "{asked:?}"
    );
    let approved = cli(&["approval", "approve", &approval, "--comment", "yes", "--yes"]);
    assert!(
        approved.contains("\"gone\"") && approved.ends_with(&format!("approval {approval} is approved\n")),
        "{approved}"
    );
    assert_eq!(world.cli.run(&["instance", "watch", &id]).code, 0);
    world.refused(&["approval", "reject", &approval, "--yes"], 1, "already");

    let (id, approval) = ask();
    assert!(cli(&["approval", "reject", &approval, "--yes"]).contains("is rejected"));
    let ended = world.cli.run(&["instance", "watch", &id]);
    assert!(ended.code == 1 && ended.stderr.contains("ask"), "{ended:?}");
    let (_, approval) = ask();
    world.refused(
        &[
            "approval", "delegate", &approval, "--from", "admin", "--to", "nobody",
        ],
        4,
        "nobody",
    );
    assert!(cli(&["approval", "list", "--state", "approved,rejected"]).contains("asks"));
}
