//! `postern script …`, `postern library …` and `postern group …`

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::World;

const LIBRARY: &str = "# ---\n# kind: library\n# ---\nlog() { echo \"log: $1\"; }\n";
/// Its lines end as those of another system do, the last one not at all.
const SCRIPT: &str = "#!/bin/bash\n# ---\n# description: greets\n# libraries: [{library: log}]\n# timeout_seconds: 60\n# ---\nlog hello\r\n# \u{2603}\necho end";

fn folder(world: &World) -> std::path::PathBuf {
    let folder = world.home.join("scripts");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("log.sh"), LIBRARY).unwrap();
    fs::write(folder.join("hello.sh"), SCRIPT).unwrap();
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn scripts_are_applied_compared_restored_copied_and_deleted() {
    let world = World::new();
    let cli = |arguments: &[&str]| world.cli.run(arguments).text();
    let folder = folder(&world);
    let apply = ["script", "apply", "-f", text(&folder)];
    let dry = cli(&[&apply[..], &["--dry-run"]].concat());
    assert_eq!(dry, "log: would be created\nhello: would be created\n");
    assert_eq!(cli(&["script", "list"]), "", "nothing was made");
    assert_eq!(
        cli(&apply),
        "log: created\nhello: created\n",
        "what is linked comes first"
    );
    assert_eq!(cli(&apply), "log: unchanged\nhello: unchanged\n");
    let changed = SCRIPT.replace("log hello", "log bye");
    fs::write(folder.join("hello.sh"), &changed).unwrap();
    assert!(cli(&[&apply[..], &["--dry-run"]].concat()).contains("hello: would become version 2"));
    assert!(cli(&[&apply[..], &["--message", "says bye"]].concat()).contains("hello: version 2"));
    assert!(cli(&["script", "versions", "hello"]).contains("says bye"));
    let diff = cli(&["script", "diff", "hello"]);
    assert!(diff.contains("-log hello") && diff.contains("+log bye"), "{diff}");
    cli(&["script", "restore", "hello", "1"]);
    let shown = world.cli.run(&["script", "show", "hello", "--json"]).json();
    let content = SCRIPT.replace(
        "# ---\n# description: greets\n# libraries: [{library: log}]\n# timeout_seconds: 60\n# ---\n",
        "",
    );
    assert_eq!(
        (&shown["version"], &shown["definition"]["content"]),
        (&3.into(), &content.into())
    );
    let broken = folder.join("mend.sh");
    fs::write(folder.join("again.sh"), "echo again\n").unwrap();
    for (links, code, said) in [
        ("{library: lgo}", 4, "there is no library \"lgo\""),
        (
            "{library: log, version: 2}",
            2,
            "library log has no version 2: its newest one is 1",
        ),
        ("{library: log}, {library: log}", 2, "library log is linked twice"),
    ] {
        fs::write(&broken, format!("# ---\n# libraries: [{links}]\n# ---\ntrue\n")).unwrap();
        for dry in [&[][..], &["--dry-run"][..]] {
            let told = format!("mend.sh: {said}");
            world.refused(&[&apply[..], dry].concat(), code, &told);
            world.refused(&["script", "show", "again"], 4, "again");
        }
    }
    fs::remove_file(&broken).unwrap();
    fs::remove_file(folder.join("again.sh")).unwrap();
    let second = cli(&["script", "show", "hello", "--version", "2"]);
    assert!(
        second.contains("log bye") && second.contains("greets"),
        "{second}"
    );

    cli(&["script", "clone", "hello", "hello-again"]);
    let clone = world.cli.run(&["script", "show", "hello-again", "--json"]).json();
    assert_eq!(clone["definition"], shown["definition"]);
    let found = world
        .cli
        .run(&["script", "list", "--search", "log hello", "--json"])
        .json();
    assert_eq!(found["items"].as_array().unwrap().len(), 2, "by what they say");
    assert_eq!(
        cli(&["script", "rename", "hello-again", "hello-later"]),
        "script hello-again is called hello-later now\n"
    );
    world.refused(&["script", "show", "hello-again"], 4, "hello-again");
    let renamed = world.cli.run(&["script", "show", "hello-later", "--json"]).json();
    assert_eq!(
        (&renamed["id"], &renamed["version"]),
        (&clone["id"], &clone["version"])
    );
    world.refused(&["script", "delete", "hello-later"], 2, "--yes");
    cli(&["script", "delete", "hello-later", "--yes"]);
    world.refused(&["script", "show", "hello-later"], 4, "hello-later");
    world.refused(&["script", "restore", "hello", "9"], 4, "");
}

#[test]
fn what_is_exported_and_applied_again_is_unchanged() {
    let world = World::new();
    let folder = folder(&world);
    world.cli.run(&["script", "apply", "-f", text(&folder)]).text();
    for (room, name) in [("library", "log"), ("script", "hello")] {
        let path = world.home.join(name).with_extension("sh");
        world.cli.run(&[room, "export", name, "-o", text(&path)]).text();
        let printed = world.cli.run(&[room, "export", name]);
        assert_eq!(printed.bytes, fs::read(&path).unwrap());
        let again = world.cli.run(&["script", "apply", "-f", text(&path)]).text();
        assert_eq!(again, format!("{name}: unchanged\n"));
    }
}

#[test]
fn a_library_is_copied_looked_over_and_deleted_only_by_its_own_name() {
    let world = World::new();
    let cli = |arguments: &[&str]| world.cli.run(arguments).text();
    let folder = folder(&world);
    cli(&["script", "apply", "-f", text(&folder)]);
    assert!(cli(&["library", "list"]).contains("log"));
    assert!(cli(&["library", "show", "log"]).contains("used by"));
    world.refused(&["library", "delete", "log", "--yes"], 1, "hello");
    cli(&["library", "clone", "log", "log-two"]);
    fs::write(folder.join("log-two.sh"), LIBRARY.replace("log:", "two:")).unwrap();
    let applied = cli(&["script", "apply", "-f", text(&folder.join("log-two.sh"))]);
    assert_eq!(applied, "log-two: version 2\n", "it is the copy");
    assert!(cli(&["library", "diff", "log-two"]).contains("+log() { echo \"two: $1\"; }"));
    cli(&["library", "restore", "log-two", "1"]);
    assert_eq!(cli(&["library", "versions", "log-two"]).lines().count(), 4);
    cli(&["library", "check", text(&folder.join("log.sh"))]);
    let broken = world.home.join("broken.sh");
    fs::write(&broken, "if true; then\n").unwrap();
    let found = world.cli.run(&["library", "check", text(&broken)]);
    assert!(
        found.code == 1 && found.stdout.contains("broken.sh:"),
        "{found:?}"
    );

    let id = |room: &str, name: &str| world.cli.run(&[room, "show", name, "--json"]).json()["id"].to_string();
    let (script, library) = (id("script", "hello"), id("library", "log-two"));
    world.refused(&["library", "delete", &script, "--yes"], 4, "no library");
    world.refused(&["script", "delete", &library, "--yes"], 4, "no script");
    assert_eq!(id("script", "hello"), script);
    world.refused(&["library", "rename", "log", "logs"], 1, "hello");
    assert_eq!(
        cli(&["library", "rename", "log-two", "log-three"]),
        "library log-two is called log-three now\n"
    );
    assert_eq!(id("library", "log-three"), library);
    cli(&["library", "delete", &library, "--yes"]);
    world.refused(&["library", "show", "log-three"], 4, "log-three");
}

#[test]
fn an_action_gets_another_name_and_its_executions_are_found_by_it() {
    let world = World::new();
    let cli = |arguments: &[&str]| world.cli.run(arguments).text();
    let path = world.home.join("greet.json");
    let action = json!({
        "name": "greet",
        "definition": {
            "work": {"kind": "job", "job": {"type": "command", "payload": {"argv": ["echo", "hi"]}}},
            "targets": {"agents": ["web-1"]},
        },
    });
    fs::write(&path, action.to_string()).unwrap();
    cli(&["action", "apply", "-f", text(&path), "--deploy"]);
    assert_eq!(cli(&["action", "run", "greet", "--wait"]), "hi\n");
    cli(&["job", "run", "--agent", "web-1", "--wait", "--", "true"]);
    let found = |filter: &[&str]| -> Vec<Value> {
        let list = [&["execution", "list", "--json"], filter].concat();
        world.cli.run(&list).json()["items"].as_array().unwrap().clone()
    };
    assert_eq!(found(&[]).len(), 2);
    let id = found(&["--action", "greet"])[0]["action"]["id"].to_string();
    assert_eq!(
        cli(&["action", "rename", "greet", "welcome"]),
        "action greet is called welcome now\n"
    );
    world.refused(&["action", "show", "greet"], 4, "greet");
    world.refused(&["execution", "list", "--action", "greet"], 4, "greet");
    for called in ["welcome", &id] {
        let executions = found(&["--action", called]);
        assert_eq!(executions.len(), 1, "{called}: {executions:?}");
    }
    let execution = found(&["--action", &id])[0]["id"].to_string();
    let shown = cli(&["execution", "show", &execution]);
    assert!(shown.contains(&format!("{id} version 1")), "{shown}");
}

#[test]
fn what_is_applied_belongs_to_an_organization_that_is_named() {
    let world = World::new();
    let made = world
        .cli
        .run(&["organization", "create", "north", "--json"])
        .json();
    let folder = folder(&world);
    let apply = ["script", "apply", "-f", text(&folder), "--organization"];
    world.cli.run(&[&apply[..], &["north"]].concat()).text();
    for (room, name) in [("library", "log"), ("script", "hello")] {
        let shown = world.cli.run(&[room, "show", name, "--json"]).json();
        assert_eq!(shown["organization_id"], made["id"]);
    }
    world.cli.run(&["organization", "create", "south"]).text();
    world.refused(&[&apply[..], &["south"]].concat(), 2, "belongs elsewhere");
    let again = world.cli.run(&apply[..4]).text();
    assert_eq!(again, "log: unchanged\nhello: unchanged\n");
}

#[test]
fn a_group_gets_a_name_a_place_and_other_hosts() {
    let world = World::new();
    let cli = |arguments: &[&str]| world.cli.run(arguments).text();
    let made = world
        .cli
        .run(&["organization", "create", "north", "--json"])
        .json();
    let create = [
        "group",
        "create",
        "web",
        "--selector",
        "role=web",
        "--in-organization",
        "north",
    ];
    let group = world.cli.run(&[&create[..], &["--json"]].concat()).json();
    assert_eq!(group["organization_id"], made["id"]);
    world.refused(&["group", "create", "nothing"], 2, "--agent");
    world.refused(&["group", "update", "web"], 2, "nothing to change");
    cli(&[
        "group",
        "update",
        "web",
        "--name",
        "front",
        "--description",
        "what people see",
    ]);
    let targets =
        |name: &str| -> Value { world.cli.run(&["group", "show", name, "--json"]).json()["targets"].clone() };
    assert_eq!(targets("front"), json!({"selector": "role=web"}));
    cli(&["group", "update", "front", "--agent", "web-1"]);
    assert_eq!(targets("front"), json!({"agents": ["web-1"]}));
    let shown = cli(&["group", "show", "front"]);
    assert!(
        shown.contains("what people see") && shown.contains("agent web-1") && shown.contains("HOST"),
        "{shown}"
    );
    assert!(cli(&["group", "list"]).contains("front"));
    let answer = world
        .cli
        .run(&["job", "run", "--group", "front", "--wait", "--", "echo", "here"]);
    assert_eq!(answer.text(), "here\n");
    cli(&["group", "delete", "front", "--yes"]);
    world.refused(&["group", "show", "front"], 4, "front");
}
