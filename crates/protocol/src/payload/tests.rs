use super::*;
use crate::limits::{COMMAND_ARGUMENTS, COMMAND_BYTES, COMMAND_VARIABLES, PARAMETER_BYTES, SCRIPT_BYTES};

fn command(argv: &[&str], shell: bool) -> JobPayload {
    JobPayload::Command(Command {
        argv: argv.iter().map(|a| (*a).to_owned()).collect(),
        shell,
        ..Default::default()
    })
}

fn script(content: &str, parameters: &[(&str, String)]) -> JobPayload {
    JobPayload::Script(Script {
        parameters: parameters
            .iter()
            .map(|(k, v)| ((*k).to_owned(), v.clone()))
            .collect(),
        ..Script::new(Language::Bash, content)
    })
}

/// As the API and an order read it.
pub(super) fn read(kind: &str, payload: &serde_json::Value) -> Result<JobPayload, String> {
    let text = serde_json::json!({"type": kind, "payload": payload}).to_string();
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

/// Read, in bounds, and written again as it was.
pub(super) fn good(kind: &str, payload: &serde_json::Value) -> JobPayload {
    let read = read(kind, payload).unwrap_or_else(|error| panic!("{payload}: {error}"));
    assert_eq!(read.check(), Ok(()), "{payload}");
    assert_eq!(read.kind().as_str(), kind);
    assert_eq!(serde_json::to_value(&read).unwrap()["payload"], *payload);
    read
}

/// Read, and out of bounds because of this field.
pub(super) fn bad(kind: &str, payload: &serde_json::Value, field: &str) {
    let read = read(kind, payload).unwrap_or_else(|error| panic!("{payload}: {error}"));
    let error = read
        .check()
        .err()
        .unwrap_or_else(|| panic!("accepted: {payload}"));
    assert_eq!(error.field, field, "{payload}");
}

/// Of another shape.
pub(super) fn unreadable(kind: &str, payload: &serde_json::Value) {
    assert!(read(kind, payload).is_err(), "{payload}");
}

fn refused(payload: &JobPayload, field: &str) {
    assert_eq!(
        payload.check().expect_err("refused").field,
        field,
        "{}",
        payload.summary()
    );
}

#[test]
fn every_type_is_known_by_its_name() {
    for kind in JobType::ALL {
        assert_eq!(JobType::parse(kind.as_str()), Some(*kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    assert_eq!(JobType::parse("reboot"), None);
}

#[test]
fn shape_in_json() {
    let payload: JobPayload =
        serde_json::from_str(r#"{"type":"command","payload":{"argv":["true"]}}"#).unwrap();
    assert_eq!(payload, command(&["true"], false));
    for wrong in [
        r#"{"type":"reboot","payload":{}}"#,
        r#"{"type":"command","payload":{"argv":["true"],"sudo":true}}"#,
        r#"{"type":"command","payload":{"argv":"true"}}"#,
    ] {
        assert!(serde_json::from_str::<JobPayload>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn bounds_at_and_beyond() {
    assert!(command(&["echo", "a b", ""], false).check().is_ok());
    refused(&command(&[], false), "argv");
    refused(&command(&["  "], false), "argv");
    refused(&command(&["echo", "x"], true), "argv");
    refused(&command(&["echo", "a\0b"], false), "argv[1]");
    assert!(command(&vec!["a"; COMMAND_ARGUMENTS], false).check().is_ok());
    refused(&command(&vec!["a"; COMMAND_ARGUMENTS + 1], false), "argv");
    assert!(command(&[&"a".repeat(COMMAND_BYTES)], true).check().is_ok());
    refused(&command(&[&"a".repeat(COMMAND_BYTES + 1)], true), "argv");
    assert!(script(&"#".repeat(SCRIPT_BYTES), &[]).check().is_ok());
    refused(&script(&"#".repeat(SCRIPT_BYTES + 1), &[]), "content");
    refused(&script("  \n", &[]), "content");
    assert!(script(":", &[("a", "x".repeat(PARAMETER_BYTES))]).check().is_ok());
    refused(
        &script(":", &[("a", "x".repeat(PARAMETER_BYTES + 1))]),
        "parameters.a",
    );
    refused(&script(":", &[("a", "\0".into())]), "parameters.a");
}

#[test]
fn a_summary_of_a_command_shows_its_arguments() {
    for (argv, expected) in [
        (&["sh", "-c", "exit 3"][..], "sh -c 'exit 3'"),
        (
            &["curl", "-sSf", "https://web-1:8443/a?b=1&c", "-o", "/tmp/x,y"],
            "curl -sSf 'https://web-1:8443/a?b=1&c' -o /tmp/x,y",
        ),
        (&["echo", ""], "echo ''"),
        (
            &["echo", "it's", "a=b", "ä", "50%", "[x]", "{{path.x}}"],
            "echo \"it's\" a=b ä 50% [x] {{path.x}}",
        ),
        (&["echo", "it's $HOME"], r"echo 'it'\''s $HOME'"),
        (&["ls", "~", "#1", "a~#", "*.rs"], "ls '~' '#1' a~# '*.rs'"),
    ] {
        assert_eq!(command(argv, false).summary(), expected);
    }
    assert_eq!(
        command(&["ls *.rs | wc -l"], true).summary(),
        "ls *.rs | wc -l",
        "the shell's line is shown as it is"
    );
}

#[test]
fn a_summary_is_one_short_line() {
    assert_eq!(script("#!/bin/bash\necho hi\nexit", &[]).summary(), "echo hi");
    assert_eq!(command(&["echo", "a\nb"], false).summary(), "echo 'a b'");
    assert_eq!(command(&[&"ä".repeat(500)], false).summary().chars().count(), 120);
}

#[test]
fn a_user_to_run_as_is_an_account_and_needs_root() {
    for (kind, mut payload) in [
        ("command", serde_json::json!({"argv": ["id"], "shell": false})),
        (
            "script",
            serde_json::json!({"language": "bash", "content": "id", "parameters": {}}),
        ),
    ] {
        let plain = good(kind, &payload);
        assert_eq!((plain.run_as_user(), plain.requires_elevation()), (None, false));
        payload["run_as_user"] = "www-data".into();
        let other = good(kind, &payload);
        assert_eq!(
            (other.run_as_user(), other.requires_elevation()),
            (Some("www-data"), true)
        );
        payload["run_as_user"] = "www data".into();
        bad(kind, &payload, "run_as_user");
        payload["run_as_user"] = serde_json::Value::Null;
        payload["requires_elevation"] = true.into();
        assert!(read(kind, &payload).unwrap().requires_elevation());
    }
}

#[test]
fn a_scripts_secrets_are_named_beside_its_parameters() {
    let mut payload = serde_json::json!({"language": "bash", "content": "id", "parameters": {"a": "1"}});
    payload["secrets"] = serde_json::json!(["b", "c"]);
    assert_eq!(good("script", &payload).secrets(), ["b", "c"]);
    for (secrets, field) in [(["a", "b"], "secrets[0]"), (["b", "b"], "secrets[1]")] {
        payload["secrets"] = serde_json::json!(secrets);
        bad("script", &payload, field);
    }
}

#[test]
fn a_command_has_variables_of_its_own_and_not_those_of_the_agent() {
    let with = |name: &str, value: &str| serde_json::json!({"argv": ["x"], "shell": false, "environment": {name: value}});
    for name in ["FOUND", "_a1", "MY_PATH", "HOME_OF"] {
        good("command", &with(name, "a b; $(c)"));
    }
    let long = "x".repeat(101);
    for name in [
        "",
        "1A",
        "A-B",
        "A=B",
        "Ä",
        "PATH",
        "HOME",
        "SHELL",
        "LD_PRELOAD",
        "POSTERN_JOB_ID",
        &long,
    ] {
        bad("command", &with(name, ""), &format!("environment.{name}"));
    }
    bad("command", &with("A", "nul\0"), "environment.A");
    bad(
        "command",
        &with("A", &"x".repeat(PARAMETER_BYTES + 1)),
        "environment.A",
    );
    let many = |count: usize| {
        let all: serde_json::Map<_, _> = (0..count)
            .map(|number| (format!("V{number}"), "".into()))
            .collect();
        serde_json::json!({"argv": ["x"], "shell": false, "environment": all})
    };
    good("command", &many(COMMAND_VARIABLES));
    bad("command", &many(COMMAND_VARIABLES + 1), "environment");
}
