//! Secrets reach a script and nothing else: not the output, not a file, not the server.

use std::{fs, path::Path};

use postern_protocol::{
    messages::{Outcome, Stream},
    order::Order,
    payload::{JobPayload, Language, Script},
    seal::SealingKey,
};

use crate::support::{
    Attempt, base64, files, order, reason, sealed,
    server::{Agent, Server},
    wait_for,
};

const CANARY: &str = "c4nary/with+more=than?one%way&to be\"written";

fn script(language: Language, content: &str, secrets: &[&str]) -> JobPayload {
    JobPayload::Script(Script {
        secrets: secrets.iter().map(|name| (*name).to_owned()).collect(),
        ..Script::new(language, content)
    })
}

#[test]
fn a_secret_is_a_parameter_and_masked_wherever_it_is_repeated() {
    let content = "[ \"$PARAM_API_KEY\" = 'hunter2hunter2' ] && echo right: $PARAM_API_KEY; echo \"<$PARAM_API_KEY>\" >&2";
    let attempt = Attempt::with_secrets(
        script(Language::Bash, content, &["api-key"]),
        &[("api-key", "hunter2hunter2")],
    );
    let result = attempt.run();
    assert_eq!(attempt.output("stdout.0"), b"right: ***\n");
    assert_eq!(attempt.output("stderr.0"), b"<***>\n");
    assert_eq!(
        result.stream_bytes[&Stream::Stdout],
        11,
        "counted as it is written"
    );
}

#[test]
fn a_secret_cut_into_single_bytes_is_masked() {
    let content = "import os,sys,time\nfor byte in os.environb[b'PARAM_KEY']: os.write(1, bytes([byte])); time.sleep(0.01)";
    let attempt = Attempt::with_secrets(
        script(Language::Python, content, &["key"]),
        &[("key", "slowly told")],
    );
    assert_eq!(attempt.run().outcome, Outcome::Exited { code: 0 });
    assert_eq!(attempt.output("stdout.0"), b"***");
}

#[test]
fn a_prompt_is_seen_before_the_answer_is_given() {
    let content = "printf 'Continue? '; until [ -e go ]; do sleep 0.05; done; echo yes";
    let attempt = Attempt::with_secrets(
        script(Language::Bash, content, &["key"]),
        &[("key", "correct horse")],
    );
    let mut shim = attempt.start();
    wait_for("the prompt", || {
        (attempt.output("stdout.0") == b"Continue? ").then_some(())
    });
    fs::write(attempt.work("go"), "").unwrap();
    shim.wait();
    assert_eq!(attempt.output("stdout.0"), b"Continue? yes\n");
}

#[test]
fn what_does_not_open_is_refused_with_the_reason() {
    let work = || script(Language::Bash, "echo ran > ran", &["key"]);
    let without = Attempt::of(&order(1, work()));
    assert!(reason(&without.run()).contains("secret 'key' did not come with the order"));
    let incomplete = Attempt::with_secrets(work(), &[("other", "value")]);
    assert!(reason(&incomplete.run()).contains("secret 'key' did not come"));
    let foreign = Attempt::with_secrets(work(), &[("key", "value")]);
    foreign.keep(&SealingKey::generate().unwrap());
    assert!(reason(&foreign.run()).contains("not for this agent and this attempt"));
    let keyless = Attempt::with_secrets(work(), &[("key", "value")]);
    fs::remove_file(keyless.dir.join("../../identity.json")).unwrap();
    assert!(reason(&keyless.run()).contains("no sealing key"));
    let nul = Attempt::with_secrets(work(), &[("key", "a\0b")]);
    assert!(reason(&nul.run()).contains("secret 'key'"));
    for attempt in [without, incomplete, foreign, keyless, nul] {
        assert!(!attempt.work("ran").exists());
    }
}

#[test]
fn a_reason_names_no_secret() {
    let work = JobPayload::Script(Script {
        working_directory: Some("/no/such/hunter2/folder".into()),
        secrets: vec!["key".into()],
        ..Script::new(Language::Bash, "true")
    });
    let result = Attempt::with_secrets(work, &[("key", "hunter2")]).run();
    assert!(
        reason(&result).contains("/no/such/***/folder"),
        "{}",
        reason(&result)
    );
}

/// The canary and what a program may make of it without meaning harm.
fn forms() -> Vec<Vec<u8>> {
    let hex: String = CANARY.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = CANARY
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    let json = serde_json::to_string(CANARY).unwrap();
    // Without the last character, which depends on what follows.
    let coded = base64(CANARY.as_bytes());
    [
        CANARY.to_owned(),
        hex.to_uppercase(),
        hex,
        percent,
        json.trim_matches('"').to_owned(),
        coded[..coded.len() - 4].to_owned(),
    ]
    .into_iter()
    .map(String::into_bytes)
    .collect()
}

fn contains_canary(bytes: &[u8]) -> bool {
    forms()
        .iter()
        .any(|form| bytes.windows(form.len()).any(|window| window == form.as_slice()))
}

fn assert_clean(folder: &Path) {
    for (path, content) in files(folder) {
        assert!(!contains_canary(&content), "{}", path.display());
    }
}

#[test]
fn the_canary_is_in_no_file_and_in_no_message() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let agent = server.agent(data.path());
    let key = wait_for("the sealing key", || {
        let state = server.state();
        state
            .checkins
            .iter()
            .find_map(|checkin| checkin.facts.as_ref()?.sealing_key.clone())
    });
    let content = r#"
import base64, binascii, json, os, sys, time, urllib.parse
canary = os.environ['PARAM_CANARY']
for out in (sys.stdout, sys.stderr):
    for text in (canary, base64.b64encode(canary.encode()).decode(), base64.urlsafe_b64encode(b'x' + canary.encode()).decode(),
                 canary.encode().hex(), canary.encode().hex().upper(), urllib.parse.quote(canary, safe=''), json.dumps(canary)):
        print(text, file=out, flush=True)
print('all told', flush=True)
while not os.path.exists('go'): time.sleep(0.05)
"#;
    server.give(&Order {
        secrets: Some(sealed(&[("canary", CANARY)], &key, 1)),
        ..order(1, script(Language::Python, content, &["canary"]))
    });
    let attempt = data.path().join("attempts/1");
    wait_for("all output", || {
        let text = fs::read_to_string(attempt.join("stdout.0")).ok()?;
        text.contains("all told").then_some(())
    });
    assert_clean(data.path());
    // Keeps the result on disk, and hears of it from another process.
    server.state().results_to_fail = 1;
    agent.kill();
    fs::write(attempt.join("work/go"), "").unwrap();
    wait_for("the end", || attempt.join("exit.json").exists().then_some(()));
    assert_clean(data.path());
    let _agent = Agent::start(data.path(), &[], &[]);
    let result = server.result(1);
    assert_eq!(result.outcome, Outcome::Exited { code: 0 });
    let state = server.state();
    let streamed = state.output.values().flatten().flat_map(|output| &output.chunks);
    let mut told = Vec::new();
    for chunk in streamed.chain(&result.chunks) {
        assert!(!contains_canary(&chunk.data));
        told.extend_from_slice(&chunk.data);
    }
    let told = String::from_utf8(told).unwrap();
    assert!(told.contains("***") && told.contains("all told"), "{told}");
}

#[test]
fn an_agent_of_before_makes_its_sealing_key_and_keeps_it() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let agent = server.agent(data.path());
    server.wait_for_checkins(1);
    agent.kill();
    let path = data.path().join("identity.json");
    let mut identity: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert!(identity.as_object_mut().unwrap().remove("sealing").is_some());
    fs::write(&path, identity.to_string()).unwrap();
    let told = |count: usize| {
        server.wait_for_checkins(count);
        let state = server.state();
        let facts = state.checkins[count - 1].facts.clone();
        facts.and_then(|facts| facts.sealing_key)
    };
    let before = server.state().checkins.len();
    let agent = Agent::start(data.path(), &[], &[]);
    let key = told(before + 1).expect("a new key");
    agent.kill();
    let before = server.state().checkins.len();
    let _agent = Agent::start(data.path(), &[], &[]);
    assert_eq!(told(before + 1), Some(key));
}
