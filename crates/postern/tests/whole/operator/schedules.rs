//! `postern schedule …` and `postern calendar …`

use std::fs;

use serde_json::{Value, json};

use super::World;
use crate::support::wait_for;

/// A file that says this.
fn file(world: &World, name: &str, content: &Value) -> String {
    let path = world.home.join(name);
    fs::write(&path, content.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

fn schedule(name: &str, command: &str) -> Value {
    json!({
        "name": name,
        "definition": {
            "cron": "30 2 * * *", "zone": "Europe/Brussels", "targets": {"agents": ["web-1"]},
            "work": {"kind": "job", "job": {"type": "command", "payload": {"argv": ["echo", command]}}},
        },
    })
}

#[test]
fn a_schedule_is_applied_shown_paused_run_and_deleted() {
    let world = World::new();
    let cli = |arguments: &[&str]| world.cli.run(arguments).text();
    let nightly = file(&world, "nightly.json", &schedule("nightly", "first"));
    cli(&["schedule", "apply", "-f", &nightly]);
    let shown = cli(&["schedule", "show", "nightly"]);
    for said in [
        "30 2 * * * (Europe/Brussels)",
        "active",
        "command: echo first",
        "agent web-1",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    let ticks = shown.matches(" Europe/Brussels (").count();
    assert_eq!(ticks, 5, "on the clock of its zone: {shown}");
    let times = shown.matches(" UTC (").count();
    assert_eq!(times, 2, "who made and changed it when: {shown}");
    let state = |name: &str| world.cli.run(&["schedule", "show", name, "--json"]).json();
    assert!(cli(&["schedule", "pause", "nightly"]).contains("paused"));
    assert_eq!(
        (&state("nightly")["paused"], &state("nightly")["next_at"]),
        (&true.into(), &Value::Null)
    );
    assert!(cli(&["schedule", "list"]).contains("paused"));
    cli(&["schedule", "apply", "-f", &nightly]);
    assert_eq!(state("nightly")["paused"], true, "the file says nothing of it");
    let found = cli(&["schedule", "list", "--state", "paused", "--kind", "job"]);
    assert!(found.contains("nightly"), "{found}");
    for other in [["--state", "active"], ["--kind", "script"], ["--owner", "nobody"]] {
        let found = cli(&[&["schedule", "list"], &other[..]].concat());
        assert!(!found.contains("nightly"), "{other:?}: {found}");
    }
    cli(&["schedule", "resume", "nightly"]);
    assert!(state("nightly")["next_at"].is_string());
    let preview = cli(&["schedule", "preview", "30 2 * * *", "--zone", "Europe/Brussels"]);
    assert_eq!(preview.lines().count(), 5, "{preview}");
    assert!(preview.contains(" 02:30:00 Europe/Brussels ("), "{preview}");

    let made = world.cli.run(&["schedule", "run", "nightly", "--json"]).json();
    let execution = made["execution_id"].to_string();
    let ticks = cli(&["schedule", "ticks", "nightly"]);
    assert!(ticks.contains("run now") && ticks.contains(&execution), "{ticks}");
    let id = state("nightly")["id"].to_string();
    let listed = |room: &str, filters: &[&str]| -> Vec<Value> {
        let page = world
            .cli
            .run(&[&[room, "list", "--json"], filters].concat())
            .json();
        page["items"].as_array().unwrap().clone()
    };
    wait_for("the job to end", || {
        let jobs = listed("job", &["--schedule", &id]);
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        (jobs[0]["state"] == "completed").then_some(())
    });
    world
        .cli
        .run(&["job", "run", "--agent", "web-1", "--wait", "--", "true"])
        .text();
    assert_eq!(listed("job", &["--schedule", &id]).len(), 1, "none but its own");
    assert_eq!(listed("execution", &["--schedule", &id]).len(), 1);
    assert_eq!(listed("execution", &["--type", "command"]).len(), 2);
    assert!(listed("execution", &["--type", "script"]).is_empty());

    let before = state("nightly");
    let exported = world.home.join("exported.yaml");
    let exported = exported.to_str().unwrap();
    cli(&["schedule", "export", "nightly", "-o", exported]);
    assert_eq!(
        cli(&["schedule", "export", "nightly"]),
        fs::read_to_string(exported).unwrap()
    );
    cli(&["schedule", "apply", "-f", exported]);
    let again = state("nightly");
    for part in ["id", "name", "description", "definition", "paused", "next_at"] {
        assert_eq!(again[part], before[part], "{part}");
    }
    assert_eq!(
        cli(&["schedule", "rename", "nightly", "evening"]),
        "schedule nightly is called evening now\n"
    );
    assert_eq!(listed("job", &["--schedule", "evening"]).len(), 1);
    world.refused(&["job", "list", "--schedule", "nightly"], 4, "nightly");

    cli(&["schedule", "delete", "evening", "--yes"]);
    world.refused(&["schedule", "show", "evening"], 4, "evening");
    assert_eq!(
        cli(&["job", "output", &listed("job", &[])[1]["id"].to_string()]),
        "first\n"
    );
}

#[test]
fn a_calendar_is_made_changed_and_deleted_when_nobody_goes_by_it() {
    let world = World::new();
    let cli = |arguments: &[&str]| world.cli.run(arguments).text();
    let weekend = json!({"kind": "weekly", "days": ["saturday"], "from": "00:00", "to": "24:00"});
    let path = file(
        &world,
        "calendar.json",
        &json!({"name": "weekend", "entries": [weekend]}),
    );
    let id = world
        .cli
        .run(&["calendar", "create", "-f", &path, "--json"])
        .json()["id"]
        .clone();
    world.refused(&["calendar", "update", "weekend"], 2, "nothing to change");
    let dates = json!({"kind": "dates", "from": "2026-12-24", "to": "2027-01-01"});
    let path = file(&world, "entries.json", &json!({"entries": [weekend, dates]}));
    cli(&[
        "calendar",
        "update",
        "weekend",
        "--zone",
        "Europe/Brussels",
        "-f",
        &path,
    ]);
    cli(&[
        "calendar",
        "update",
        "weekend",
        "--name",
        "quiet",
        "--description",
        "nobody works",
    ]);
    let shown = world.cli.run(&["calendar", "show", "quiet", "--json"]).json();
    assert_eq!(
        (
            &shown["id"],
            &shown["zone"],
            &shown["entries"],
            &shown["description"]
        ),
        (
            &id,
            &"Europe/Brussels".into(),
            &json!([weekend, dates]),
            &"nobody works".into()
        )
    );
    assert!(cli(&["calendar", "list"]).contains("quiet"));
    let shown = cli(&["calendar", "show", "quiet"]);
    for said in ["saturday 00:00 to 24:00", "2026-12-24 to 2027-01-01"] {
        assert!(shown.contains(said), "{shown}");
    }

    let mut nightly = schedule("nightly", "first");
    nightly["definition"]["blackout"] = json!({"calendar_id": id, "tick": "wait"});
    let nightly = file(&world, "nightly.json", &nightly);
    cli(&["schedule", "apply", "-f", &nightly]);
    assert!(cli(&["calendar", "show", "quiet"]).contains("nightly"));
    world.refused(&["calendar", "delete", "quiet", "--yes"], 1, "nightly");
    cli(&["schedule", "delete", "nightly", "--yes"]);
    cli(&["calendar", "delete", "quiet", "--yes"]);
    world.refused(&["calendar", "show", "quiet"], 4, "quiet");
}
