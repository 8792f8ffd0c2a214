//! `postern execution …`, and what `postern job show` says of where a job comes from.

use std::fs;

use postern_domain::job::JobState;
use serde_json::Value;

use super::World;
use crate::support::wait_for;

fn id(created: &Value, what: &str) -> String {
    match what {
        "execution" => created["execution_id"].to_string(),
        _ => created["jobs"][0]["id"].to_string(),
    }
}

/// Its jobs, once all have ended.
fn ended(world: &World, execution: &str) -> Value {
    wait_for(&format!("execution {execution} to end"), || {
        let shown = world.cli.run(&["execution", "show", execution, "--json"]).json();
        (shown["finished"] == true).then_some(shown)
    })
}

#[test]
fn an_execution_is_retried_run_again_and_saved() {
    let world = World::new();
    let cli = |arguments: &[&str]| world.cli.run(arguments).text();
    let mark = world.home.join("mark");
    let line = format!("echo one; [ -e {} ] && echo two", mark.display());
    let run = ["job", "run", "--agent", "web-1", "--json", "--shell", "--", &line];
    let created = world.cli.run(&run).json();
    let execution = id(&created, "execution");
    assert_eq!(
        ended(&world, &execution)["counts"],
        serde_json::json!({"failed": 1})
    );
    fs::write(&mark, "").unwrap();
    assert_eq!(
        cli(&["execution", "retry", &execution]),
        "1 job is queued again\n"
    );
    let shown = ended(&world, &execution);
    assert_eq!(shown["counts"], serde_json::json!({"completed": 1}));
    let shown = cli(&["execution", "show", &execution]);
    assert!(shown.contains("1 completed"), "{shown}");

    world.refused(&["execution", "rerun", &execution], 1, "");
    let again = world
        .cli
        .run(&["execution", "rerun", &execution, "--all", "--json"])
        .json();
    let second = id(&again, "execution");
    assert_eq!(ended(&world, &second)["rerun_of"].to_string(), execution);
    assert!(cli(&["execution", "list"]).contains("1 completed"));

    let zip = world.home.join("all.zip");
    cli(&["execution", "download", &execution, "-o", zip.to_str().unwrap()]);
    assert!(fs::read(&zip).unwrap().starts_with(b"PK"));
    let json = world.home.join("all.json");
    cli(&["execution", "download", &execution, "-o", json.to_str().unwrap()]);
    let saved: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    assert!(saved.to_string().contains("one\\ntwo"), "{saved:#}");
    let printed = world
        .cli
        .run(&["execution", "download", &execution, "-o", "-", "--format", "json"]);
    assert_eq!(printed.json(), saved);
    world.refused(
        &["execution", "download", &execution, "-o", "all.tar"],
        2,
        ".zip or .json",
    );
    world.refused(&["execution", "show", "4711"], 4, "");
}

#[test]
fn an_execution_is_cancelled() {
    let world = World::new();
    let created = world
        .cli
        .run(&["job", "run", "--agent", "web-1", "--json", "--", "sleep", "300"])
        .json();
    let (execution, job) = (id(&created, "execution"), id(&created, "job"));
    world.door.wait_for_state(job.parse().unwrap(), JobState::Running);
    let said = world.cli.run(&["execution", "cancel", &execution]).text();
    assert_eq!(said, "1 job is cancelled or told to stop\n");
    assert_eq!(
        ended(&world, &execution)["counts"],
        serde_json::json!({"cancelled": 1})
    );
}

#[test]
fn a_job_says_which_execution_and_script_it_comes_from_and_what_ran() {
    let world = World::new();
    let file = world.home.join("greet.sh");
    fs::write(&file, "echo hello\n").unwrap();
    world
        .cli
        .run(&["script", "apply", "-f", file.to_str().unwrap()])
        .text();
    let run = ["script", "run", "greet", "--agent", "web-1"];
    let dry = world
        .cli
        .run(&[&run[..], &["--dry-run", "--json"]].concat())
        .json();
    let told = world.cli.run(&[&run[..], &["--dry-run"]].concat());
    let created = world.cli.run(&[&run[..], &["--wait", "--json"]].concat()).json();
    let job = created["jobs"][0]["id"].to_string();
    let data = world.cli.run(&["job", "show", &job, "--json"]).json();
    assert_eq!(dry["content_sha256"], data["content_sha256"]);
    let digest = data["content_sha256"].as_str().unwrap();
    assert!(told.stderr.contains(digest), "{told:?}");
    let shown = world.cli.run(&["job", "show", &job]).text();
    let script = data["script"]["id"].to_string();
    for expected in [
        format!("{script} version 1"),
        digest.to_owned(),
        format!("execution   {}", data["execution_id"]),
    ] {
        assert!(shown.contains(&expected), "{expected:?} is not in\n{shown}");
    }
}
