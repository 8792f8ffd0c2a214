use super::*;
use crate::limits::{COMMAND_ARGUMENTS, COMMAND_BYTES, PARAMETER_BYTES, SCRIPT_BYTES};

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

fn refused(payload: &JobPayload, field: &str) {
    assert_eq!(
        payload.check().expect_err("refused").field,
        field,
        "{}",
        payload.summary()
    );
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
fn a_summary_is_one_short_line() {
    assert_eq!(script("#!/bin/bash\necho hi\nexit", &[]).summary(), "echo hi");
    assert_eq!(command(&["echo", "a\nb"], false).summary(), "echo a b");
    assert_eq!(command(&[&"ä".repeat(500)], false).summary().chars().count(), 120);
}
