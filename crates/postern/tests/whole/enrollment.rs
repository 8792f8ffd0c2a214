//! Joining with the real agent: the commands people are shown, tokens that are no good, disks that were copied.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use postern_api::agents::AgentEnrollment;
use postern_client::IdempotencyKey;
use postern_domain::{
    agent::{Connection, CredentialState, Health},
    job::JobState,
};

use crate::support::{
    Agent, Door, Home, Running, Server, agent_program, environment, shell, wait_for, wait_within,
};

const NEEDS_A_PERSON: i32 = 2;

/// Starts an agent that cannot join; its exit code and the one line that says why.
fn refused(home: &Home, name: &str, server: &str, token: &str) -> (Option<i32>, String) {
    let agent = Agent::new(home.path(), name, server, token);
    agent.start();
    let code = agent.wait().code();
    let log = agent.log_text();
    let errors: Vec<&str> = log.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(errors.len(), 1, "{log}");
    assert!(!agent.data.join("identity.json").exists());
    assert!(!log.contains(token), "the token is a secret: {log}");
    (code, errors[0].to_owned())
}

#[track_caller]
fn assert_refused((code, line): (Option<i32>, String), words: &[&str]) {
    assert_eq!(code, Some(NEEDS_A_PERSON), "{line}");
    for word in words {
        assert!(line.contains(word), "{word:?} is missing: {line}");
    }
}

fn wait_until_connected(door: &Door, name: &str) {
    wait_for(&format!("{name} to be connected"), || {
        let row = door.agent_row(name);
        (row.connection == Connection::Connected && row.health == Health::Running).then_some(())
    });
}

fn new_token(door: &Door, name: &str) -> AgentEnrollment {
    let id = door.agent_row(name).id;
    let key = IdempotencyKey::random();
    let key = &key;
    door.ask("enrollment_token_create", |client| async move {
        client.enrollment_token_create(id, key).await
    })
}

#[test]
fn every_token_that_is_no_good_has_its_own_error() {
    let home = Home::new();
    let server = Server::started(home.path());
    let door = Door::open(&server);
    let other_home = Home::new();
    let other = Server::started(other_home.path());
    let other_door = Door::open(&other);

    let used = door.agent_create("used");
    let first = Agent::new(home.path(), "used", &server.url(), &used.enrollment_token);
    first.start();
    wait_until_connected(&door, "used");
    assert_refused(
        refused(&home, "second", &server.url(), &used.enrollment_token),
        &["enrolment", "token", "used"],
    );
    assert!(first.is_running(), "the first one is not disturbed");

    let revoked = door.agent_create("revoked");
    new_token(&door, "revoked");
    assert_refused(
        refused(&home, "revoked", &server.url(), &revoked.enrollment_token),
        &["enrolment", "token", "revoked"],
    );

    let elsewhere = other_door.agent_create("elsewhere");
    assert_refused(
        refused(&home, "elsewhere", &server.url(), &elsewhere.enrollment_token),
        &["does not present the CA this token was made for"],
    );

    for (number, token) in ["", "pet1_", "not-a-token", &used.enrollment_token[..20]]
        .into_iter()
        .enumerate()
    {
        let agent = Agent::new(home.path(), &format!("malformed-{number}"), &server.url(), token);
        agent.start();
        assert_eq!(
            agent.wait().code(),
            Some(NEEDS_A_PERSON),
            "{token:?}: {}",
            agent.log_text()
        );
    }

    let expired = door.agent_create("expired");
    server.stop(Duration::from_secs(10));
    let database = rusqlite::Connection::open(server.data.join("postern.db")).unwrap();
    let changed = database
        .execute(
            "UPDATE enrollment_tokens SET expires_us = created_us + 1 WHERE used_us IS NULL",
            [],
        )
        .unwrap();
    assert!(changed >= 1);
    drop(database);
    server.start();
    assert_refused(
        refused(&home, "expired", &server.url(), &expired.enrollment_token),
        &["enrolment", "token", "expired"],
    );

    let gone = door.agent_create("gone");
    let id = gone.agent.id;
    door.ask("agent_delete", |client| async move {
        client.agent_delete(id, postern_client::Revoke::No).await
    });
    assert_refused(
        refused(&home, "gone", &server.url(), &gone.enrollment_token),
        &["enrolment", "token"],
    );
    door.assert_audit_is_intact();
}

#[test]
fn one_data_folder_is_for_one_agent() {
    let home = Home::new();
    let server = Server::started(home.path());
    let door = Door::open(&server);
    let agent = door.agent(home.path(), "one", &server.url());
    let mut second = Running::start(
        Command::new(agent_program())
            .arg("run")
            .arg("--data")
            .arg(&agent.data),
        &home.join("second.log"),
    );
    assert_eq!(second.wait("the second to end").code(), Some(NEEDS_A_PERSON));
    let log = fs::read_to_string(home.join("second.log")).unwrap();
    assert!(log.contains("another postern-agent runs on"), "{log}");
    assert!(agent.is_running());
    // Later starts need nothing but the folder.
    assert!(agent.stop().success());
    agent.start_with(&[]);
    let detail = door.run_to_end(&shell("exit 6", "one"));
    assert_eq!(detail.job.exit_code, Some(6));
}

#[test]
fn a_copied_disk_locks_both_until_an_operator_lets_one_in() {
    let home = Home::new();
    let server = Server::started(home.path());
    let door = Door::open(&server);
    let agent = door.agent(home.path(), "machine", &server.url());
    wait_until_connected(&door, "machine");
    assert!(agent.stop().success());
    let copied = Command::new("cp")
        .arg("-a")
        .arg(&agent.data)
        .arg(home.join("copy"))
        .status()
        .unwrap();
    assert!(copied.success());
    let copy = Agent::new(home.path(), "copy", &server.url(), "");
    agent.start_with(&[]);
    wait_until_connected(&door, "machine");
    copy.start_with(&[]);
    wait_for("the copy to be noticed", || {
        (door.agent_row("machine").credential == CredentialState::Locked).then_some(())
    });
    assert_eq!(door.audit_of("agent_lock").len(), 1);
    let job = door.run(&shell("echo never", "machine"));
    for one in [&agent, &copy] {
        wait_for(&format!("{} to hear of it", one.name), || {
            one.log_text().contains("two machines").then_some(())
        });
    }
    assert_eq!(door.job(job.id).job.state, JobState::Queued, "neither gets work");
    // The operator decides for the copy.
    let enrollment = new_token(&door, "machine");
    assert!(copy.stop().success());
    copy.start_with(&["--token", &enrollment.enrollment_token]);
    wait_for("the right one to be let in", || {
        (door.agent_row("machine").credential == CredentialState::Live).then_some(())
    });
    assert_eq!(
        door.wait_for_end(job.id, crate::support::LIMIT).job.exit_code,
        Some(0)
    );
    // The other one stays out, and does not lock the agent again.
    wait_for("the other one to be turned away", || {
        let log = agent.log_text();
        let line = log.lines().rev().find(|line| line.contains("no contact"))?;
        (!line.contains("two machines")).then_some(())
    });
    assert_eq!(door.agent_row("machine").credential, CredentialState::Live);
    assert_eq!(door.audit_of("agent_lock").len(), 1);
}

#[test]
fn a_revoked_agent_runs_nothing_within_five_seconds() {
    let home = Home::new();
    let server = Server::started(home.path());
    let door = Door::open(&server);
    let agent = door.agent(home.path(), "dismissed", &server.url());
    wait_until_connected(&door, "dismissed");
    let id = door.agent_row("dismissed").id;
    door.ask(
        "agent_revoke",
        |client| async move { client.agent_revoke(id).await },
    );
    wait_within(Duration::from_secs(5), "the open poll to be ended", || {
        agent.log_text().contains("revoked").then_some(())
    });
    let ran = home.join("ran");
    let job = door.run(&shell(&format!("touch {}", ran.display()), "dismissed"));
    // A restart does not help it either.
    assert!(agent.stop().success());
    let before = agent.log_text().len();
    agent.start_with(&[]);
    wait_for("the restarted agent to be refused", || {
        agent.log_text()[before..].contains("revoked").then_some(())
    });
    assert_eq!(door.job(job.id).job.state, JobState::Queued);
    assert!(!ran.exists());
    // A new token lets it in again, and what waited runs.
    let enrollment = new_token(&door, "dismissed");
    assert!(agent.stop().success());
    agent.start_with(&["--token", &enrollment.enrollment_token]);
    assert_eq!(
        door.wait_for_end(job.id, crate::support::LIMIT).job.state,
        JobState::Completed
    );
    assert!(ran.exists());
}

/// The `-e NAME=VALUE` of a docker command line.
fn container_environment(command: &str) -> Vec<(String, String)> {
    let words: Vec<&str> = command.split_whitespace().collect();
    words
        .windows(2)
        .filter(|pair| pair[0] == "-e")
        .map(|pair| {
            let (name, value) = pair[1].split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

#[test]
fn the_docker_command_starts_an_agent_by_its_environment_alone() {
    let home = Home::new();
    let server = Server::started(home.path());
    let door = Door::open(&server);
    let enrollment = door.agent_create("boxed");
    let environment = container_environment(&enrollment.docker_command);
    assert_eq!(environment.len(), 2, "{}", enrollment.docker_command);
    // What the container file runs, where the volume is mounted. Every start has the same environment.
    let start = || {
        Running::start(
            Command::new(agent_program())
                .env_clear()
                .envs(environment.iter().map(|(name, value)| (name, value)))
                .env("POSTERN_AGENT_DATA", home.join("volume"))
                .arg("run"),
            &home.join("boxed.log"),
        )
    };
    for restart in 0..2 {
        let container = start();
        let detail = door.run_to_end(&shell("exit 7", "boxed"));
        assert_eq!(detail.job.exit_code, Some(7), "start {restart}");
        drop(container);
    }
}

#[test]
fn the_install_command_installs_an_agent_that_starts_by_the_printed_line() {
    let home = Home::new();
    let server = Server::started(home.path());
    let door = Door::open(&server);
    let enrollment = door.agent_create("installed");
    let prefix = home.join("root");
    let sh = |line: &str| {
        Command::new("sh")
            .args(["-c", line])
            .env_clear()
            .env("PATH", environment("PATH").unwrap())
            .env("PREFIX", &prefix)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let output = sh(&enrollment.install_command);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let line = text.lines().last().unwrap().trim();
    assert!(line.starts_with(prefix.to_str().unwrap()), "{text}");
    assert_private(&prefix.join("etc/postern-agent/agent.toml"));
    let words: Vec<&str> = line.split(' ').collect();
    let _agent = Running::start(
        Command::new(words[0]).args(&words[1..]).env_clear(),
        &home.join("installed.log"),
    );
    let detail = door.run_to_end(&shell("exit 8", "installed"));
    assert_eq!(detail.job.exit_code, Some(8));
    // A server that is not the one of the pin gets nothing.
    let other_home = Home::new();
    let other = Server::started(other_home.path());
    let misled = enrollment.install_command.replace(&server.url(), &other.url());
    let output = sh(&misled);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("pinned"), "{error}");
}

/// It holds the token.
fn assert_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}
