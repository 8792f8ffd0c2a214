//! The operator's commands against a real server and a real agent: exit codes, following, stopping, retrying.

mod executions;
mod saved;
mod schedules;
mod workflows;

use std::{
    fs,
    time::{Duration, Instant},
};

use postern_domain::job::JobState;

use crate::support::{ADMIN_PASSWORD, Agent, Cli, Door, Home, Ledger, Server, shell, wait_for, wait_within};

struct World {
    home: Home,
    server: Server,
    door: Door,
    agent: Agent,
    cli: Cli,
}

impl World {
    fn new() -> Self {
        let home = Home::new();
        let server = Server::started(home.path());
        let door = Door::open(&server);
        let agent = door.agent(home.path(), "web-1", &server.url());
        let cli = Cli::signed_in(home.path(), &server);
        Self {
            home,
            server,
            door,
            agent,
            cli,
        }
    }

    /// The command is refused with this exit code, and says this.
    #[track_caller]
    fn refused(&self, arguments: &[&str], code: i32, said: &str) {
        let answer = self.cli.run(arguments);
        assert!(answer.code == code && answer.stderr.contains(said), "{answer:?}");
    }

    fn only_job(&self, states: &str) -> Option<postern_api::jobs::Job> {
        self.door.jobs_in(states).into_iter().next()
    }
}

#[test]
fn the_exit_code_is_the_jobs_own_or_says_what_went_wrong() {
    let world = World::new();
    let run = |arguments: &[&str]| {
        let all = [&["job", "run", "--agent", "web-1", "--wait"], arguments].concat();
        world.cli.run(&all)
    };
    let answer = run(&["--", "echo", "two  words", "$HOME", "*"]);
    assert_eq!(
        (answer.code, answer.stdout.as_str()),
        (0, "two  words $HOME *\n"),
        "{answer:?}"
    );
    let answer = run(&["--env", "LEVEL=a  b", "--", "printenv", "LEVEL"]);
    assert_eq!(answer.text(), "a  b\n");
    assert_eq!(run(&["--shell", "--", "exit 3"]).code, 3);
    let answer = run(&["--timeout", "1", "--", "sleep", "100"]);
    assert_eq!(answer.code, 124, "{answer:?}");
    let answer = run(&["--", "no-such-program"]);
    assert_eq!(answer.code, 125, "{answer:?}");
    assert!(answer.stderr.contains("no-such-program"), "{answer:?}");
    assert_eq!(
        world
            .cli
            .run(&["job", "run", "--agent", "nobody", "--wait", "--", "true"])
            .code,
        125
    );
    let stranger = Cli::new(world.home.path(), "stranger");
    assert_eq!(stranger.run(&["job", "list"]).code, 3);
    assert_eq!(world.cli.run(&["job", "show", "4711"]).code, 4);
    assert_eq!(world.cli.run(&["job", "run"]).code, 2);
    let verified = world.cli.run(&["audit", "verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
}

#[test]
fn following_goes_on_across_a_restart_of_the_server() {
    let world = World::new();
    let log = world.home.join("follow.log");
    let line = "for i in $(seq 40); do echo line $i; sleep 0.2; done; exit 6";
    let mut following = world.cli.start(
        &[
            "job", "run", "--agent", "web-1", "--follow", "--shell", "--", line,
        ],
        &log,
    );
    let seen = |text: &str| fs::read_to_string(&log).unwrap().contains(text).then_some(());
    wait_for("some output", || seen("line 5\n"));
    world.server.kill();
    world.server.start();
    wait_for("more output", || seen("line 20\n"));
    assert!(world.server.stop(Duration::from_secs(10)).success());
    world.server.start();
    assert_eq!(
        following.wait("the follower to end").code(),
        Some(6),
        "{}",
        fs::read_to_string(&log).unwrap()
    );
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("line ")).collect();
    let expected: Vec<String> = (1..=40).map(|number| format!("line {number}")).collect();
    assert_eq!(lines, expected, "each once and in order");
}

#[test]
fn a_script_and_its_parameters_arrive_byte_for_byte() {
    let world = World::new();
    let value = "a'b\"c\\d $(touch /tmp/never) `id` ; & | > \t\n\n  ünï ☃ %s %n \\n !! *  ";
    let path = world.home.join("script.sh");
    // Its last line has no end, its lines no common form.
    let script =
        "printf '%s' \"$PARAM_VALUE\"\r\ntrue # \u{2603}\nprintf '|%s|' \"${PARAM_EMPTY-unset}\"; exit 9";
    let script = script.replace('\r', "");
    fs::write(&path, &script).unwrap();
    let parameter = format!("value={value}");
    let answer = world.cli.run(&[
        "job",
        "run",
        "--agent",
        "web-1",
        "--script",
        path.to_str().unwrap(),
        "--language",
        "bash",
        "--param",
        &parameter,
        "--param",
        "empty=",
        "--json",
        "--wait",
    ]);
    assert_eq!(answer.code, 9, "{answer:?}");
    let job: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    let id = job["jobs"][0]["id"].to_string();
    assert_eq!(job["jobs"][0]["payload"]["content"], serde_json::json!(script));
    let output = world.cli.run(&["job", "output", &id, "--stream", "stdout"]);
    assert_eq!(String::from_utf8(output.bytes).unwrap(), format!("{value}||"));
    assert!(!std::path::Path::new("/tmp/never").exists());
}

#[test]
fn cancel_and_retry_by_command() {
    let world = World::new();
    let log = world.home.join("waiting.log");
    let mut waiting = world.cli.start(
        &["job", "run", "--agent", "web-1", "--wait", "--", "sleep", "300"],
        &log,
    );
    let job = wait_for("the job to run", || world.only_job("running"));
    assert_eq!(
        world.cli.run(&["job", "retry", &job.id.to_string()]).code,
        1,
        "running jobs are not retried"
    );
    world.cli.run(&["job", "cancel", &job.id.to_string()]).text();
    assert_eq!(waiting.wait("the waiting command").code(), Some(125));
    assert_eq!(world.door.job(job.id).job.state, JobState::Cancelled);
    let refused = world.cli.run(&["job", "cancel", &job.id.to_string()]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("cancelled"), "{refused:?}");

    let marker = world.home.join("marker");
    let line = format!(
        "if [ -e {0} ]; then echo again; else touch {0}; echo first; exit 4; fi",
        marker.display()
    );
    let failed = world.door.run_to_end(&shell(&line, "web-1")).job;
    assert_eq!(failed.exit_code, Some(4));
    world.cli.run(&["job", "retry", &failed.id.to_string()]).text();
    let detail = world.door.wait_for_state(failed.id, JobState::Completed);
    assert_eq!(detail.attempts.len(), 2);
    for (attempt, expected) in [("1", "first\n"), ("2", "again\n")] {
        let id = failed.id.to_string();
        let answer = world
            .cli
            .run(&["job", "output", &id, "--attempt", attempt, "--stream", "stdout"]);
        assert_eq!(answer.text(), expected);
    }
    world
        .cli
        .run(&["job", "delete", "--yes", &failed.id.to_string()])
        .text();
    assert_eq!(world.cli.run(&["job", "show", &failed.id.to_string()]).code, 4);
    world.door.assert_audit_is_intact();
}

#[test]
fn a_live_agent_is_deleted_only_together_with_its_credential() {
    let world = World::new();
    let refused = world.cli.run(&["agent", "delete", "web-1", "--yes"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("revoke"), "{refused:?}");
    world.cli.run(&["agent", "create", "never-started"]).text();
    world
        .cli
        .run(&["agent", "delete", "never-started", "--yes"])
        .text();
    let first = world.home.join("first");
    let job = world
        .door
        .run(&shell(&format!("touch {}; sleep 300", first.display()), "web-1"));
    world.door.wait_for_state(job.id, JobState::Running);
    world
        .cli
        .run(&["agent", "delete", "web-1", "--revoke", "--yes"])
        .text();
    assert_eq!(world.cli.run(&["agent", "show", "web-1"]).code, 4);
    wait_within(Duration::from_secs(5), "the agent to hear of it", || {
        world.agent.log_text().contains("no contact").then_some(())
    });
    // Its name is free again.
    world.cli.run(&["agent", "create", "web-1"]).text();
    let verified = world.cli.run(&["audit", "verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
}

#[test]
fn a_script_outlives_its_agent_and_its_exit_code_arrives() {
    let world = World::new();
    let ledger = Ledger::new(world.home.path());
    let through = world.door.run(&ledger.job(4.0, &["web-1"]));
    let ended = world.door.run(&ledger.job(1.5, &["web-1"]));
    for job in [&through, &ended] {
        world.door.wait_for_state(job.id, JobState::Running);
    }
    world.agent.kill();
    // One ends while there is no agent, the other after it came back.
    wait_for("one to end alone", || (ledger.lines() == 3).then_some(()));
    wait_for("one shim to go on", || {
        (world.agent.shims().len() == 1).then_some(())
    });
    world.agent.start();
    for job in [&through, &ended] {
        let detail = world.door.wait_for_end(job.id, crate::support::LIMIT);
        assert_eq!(
            detail.job.exit_code,
            Some(i32::try_from(job.id.0 % 5).unwrap()),
            "{detail:?}"
        );
        assert_eq!(detail.attempts.len(), 1);
    }
}

#[test]
fn the_agent_keeps_timeouts_while_the_server_is_down() {
    let world = World::new();
    let end = world.home.join("end");
    let line = format!(
        "trap 'date +%s.%N > {}; exit 1' TERM; while :; do sleep 0.1; done",
        end.display()
    );
    let mut request = shell(&line, "web-1");
    request.timeout_seconds = Some(3);
    let job = world.door.run(&request);
    world.door.wait_for_state(job.id, JobState::Running);
    let begin = Instant::now();
    world.server.kill();
    wait_within(Duration::from_secs(6), "the agent to stop it", || {
        end.exists().then_some(())
    });
    assert!(begin.elapsed() >= Duration::from_secs(2), "not before its time");
    wait_for("the shim to be gone", || {
        world.agent.shims().is_empty().then_some(())
    });
    world.server.start();
    let detail = world.door.wait_for_end(job.id, crate::support::LIMIT);
    assert_eq!(detail.job.state, JobState::Timeout);
    let took = detail.attempts[0].duration_ms.expect("measured by the agent");
    assert!((3000..6000).contains(&took), "{detail:?}");
}

#[test]
fn a_password_is_changed_with_two_lines_of_input() {
    let home = Home::new();
    let server = Server::started(home.path());
    let cli = Cli::signed_in(home.path(), &server);
    let change = |input: &str| cli.run_with_input(&["password", "change", "--password-stdin"], input);
    let new = "another long password";
    for (input, code, said) in [
        ("only one line\n".to_owned(), 2, "two lines were expected"),
        (format!("not the password\n{new}\n"), 1, "is not your password"),
        (format!("{ADMIN_PASSWORD}\nshort\n"), 1, "12 characters"),
        (
            format!("{ADMIN_PASSWORD}\n{new}\n"),
            0,
            "your sessions have ended",
        ),
        (format!("{ADMIN_PASSWORD}\n{new}\n"), 1, "is not your password"),
    ] {
        let answer = change(&input);
        let text = format!("{}{}", answer.stdout, answer.stderr);
        assert!(answer.code == code && text.contains(said), "{answer:?}");
    }
}
