//! Typed jobs: performed by the agent's own program, told as data beside their output.

use std::process::{Child, Command, Stdio};

use postern_protocol::{
    messages::{Outcome, ResultRequest},
    payload::{JobPayload, ProcessAction, ProcessControl},
    result::{JobResult, Process},
};

use crate::support::{
    Attempt, copy_program, is_alive, order, pids,
    server::{Agent, Server},
    wait_for,
};

fn control(action: ProcessAction, pid: Option<i32>, name: Option<&str>) -> JobPayload {
    JobPayload::ProcessControl(ProcessControl {
        action,
        pid,
        name: name.map(str::to_owned),
        user: None,
    })
}

fn processes(result: &ResultRequest) -> &[Process] {
    match &result.result {
        Some(JobResult::ProcessControl(result)) => &result.processes,
        other => panic!("no processes: {other:?} {:?}", result.failure),
    }
}

fn failure(result: &ResultRequest) -> &str {
    assert_eq!(result.outcome, Outcome::Exited { code: 1 });
    result.failure.as_deref().expect("a reason")
}

/// A process of this test under a name of its own, gone with it.
struct Sleeper(
    Child,
    #[allow(dead_code, reason = "removed at the end")] tempfile::TempDir,
);

impl Sleeper {
    fn named(name: &str, ignores_term: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join(name);
        copy_program("/bin/sh", &program);
        let trap = if ignores_term { "trap '' TERM;" } else { "" };
        let line = format!("{trap} echo $$ > pid; while :; do read line; done");
        let child = Command::new(&program)
            .args(["-c", &line])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        wait_for("the sleeper", || {
            (!pids(&folder.path().join("pid")).is_empty()).then_some(())
        });
        Self(child, folder)
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).unwrap()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn processes_are_listed_as_text_and_as_data() {
    let sleeper = Sleeper::named("postern-list", false);
    let attempt = Attempt::new(control(ProcessAction::List, None, Some("postern-list")), 60);
    let result = attempt.run();
    assert_eq!(result.outcome, Outcome::Exited { code: 0 });
    let [process] = processes(&result) else {
        panic!("one")
    };
    assert_eq!(
        (process.pid, process.name.as_str()),
        (sleeper.pid(), "postern-list")
    );
    assert!(process.command_line.contains("while :;") && process.memory_bytes > 0);
    let text = String::from_utf8(attempt.output("stdout.0")).unwrap();
    assert!(text.starts_with("PID") && text.contains("postern-list"), "{text}");
}

#[test]
fn a_process_is_asked_to_end_and_is_gone() {
    let sleeper = Sleeper::named("postern-term", false);
    let result = Attempt::new(control(ProcessAction::Kill, Some(sleeper.pid()), None), 60).run();
    assert_eq!(result.outcome, Outcome::Exited { code: 0 });
    let [process] = processes(&result) else {
        panic!("one")
    };
    assert_eq!(
        (process.signal.as_deref(), process.gone),
        (Some("TERM"), Some(true))
    );
    assert!(!is_alive(sleeper.pid()));
}

#[test]
fn what_does_not_end_is_told_and_killed_by_force() {
    let sleeper = Sleeper::named("postern-stay", true);
    let result = Attempt::new(control(ProcessAction::Kill, Some(sleeper.pid()), None), 60).run();
    assert!(failure(&result).contains(&format!("{} (postern-stay) is still there", sleeper.pid())));
    assert_eq!(processes(&result)[0].gone, Some(false));
    let result = Attempt::new(control(ProcessAction::ForceKill, None, Some("postern-stay")), 60).run();
    assert_eq!(result.outcome, Outcome::Exited { code: 0 });
    assert_eq!(processes(&result)[0].signal.as_deref(), Some("KILL"));
    assert!(!is_alive(sleeper.pid()));
}

#[test]
fn a_process_that_is_gone_is_a_failure_that_says_so() {
    let pid = {
        let sleeper = Sleeper::named("postern-gone", false);
        sleeper.pid()
    };
    let attempt = Attempt::new(control(ProcessAction::Kill, Some(pid), None), 60);
    let result = attempt.run();
    let expected = format!("there is no process {pid}");
    assert!(failure(&result).contains(&expected), "{}", failure(&result));
    assert!(
        String::from_utf8(attempt.output("stderr.0"))
            .unwrap()
            .contains(&expected)
    );
    let result = Attempt::new(control(ProcessAction::Kill, None, Some("no-such-name")), 60).run();
    assert!(failure(&result).contains("no process matches"));
}

#[test]
fn a_process_of_another_name_or_user_is_not_the_one_that_was_meant() {
    let sleeper = Sleeper::named("postern-other", false);
    let result = Attempt::new(
        control(ProcessAction::ForceKill, Some(sleeper.pid()), Some("nginx")),
        60,
    )
    .run();
    assert!(failure(&result).contains("another name or user"));
    let unknown = JobPayload::ProcessControl(ProcessControl {
        action: ProcessAction::ForceKill,
        pid: Some(sleeper.pid()),
        name: None,
        user: Some("no-such-user".into()),
    });
    assert!(failure(&Attempt::new(unknown, 60).run()).contains("user 'no-such-user' does not exist"));
    assert!(is_alive(sleeper.pid()));
}

#[test]
fn the_agent_and_all_it_comes_from_are_left_alone() {
    let own = i32::try_from(std::process::id()).unwrap();
    for action in [ProcessAction::Kill, ProcessAction::ForceKill] {
        // The shim's parent is this test.
        let result = Attempt::new(control(action, Some(own), None), 60).run();
        assert!(
            failure(&result).contains("nothing was signalled"),
            "{}",
            failure(&result)
        );
    }
    let result = Attempt::new(control(ProcessAction::Kill, None, Some("postern-agent")), 60).run();
    assert!(failure(&result).contains("nothing was signalled"));
}

#[test]
fn a_typed_job_end_to_end_and_its_result_survives_a_restart() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let _sleeper = Sleeper::named("postern-e2e", false);
    server.state().results_to_fail = 1000;
    let agent = server.agent(data.path());
    server.give(&order(1, control(ProcessAction::List, None, Some("postern-e2e"))));
    server.give(&order(2, control(ProcessAction::List, Some(i32::MAX), None)));
    for attempt in [1, 2] {
        wait_for("the end", || {
            data.path()
                .join(format!("attempts/{attempt}/exit.json"))
                .exists()
                .then_some(())
        });
    }
    agent.kill();
    server.state().results_to_fail = 0;
    let _agent = Agent::start(data.path(), &[], &[]);
    let result = server.result(1);
    assert_eq!(result.outcome, Outcome::Exited { code: 0 });
    assert_eq!(processes(&result)[0].name, "postern-e2e");
    assert!(failure(&server.result(2)).contains("there is no process"));
}

#[test]
fn a_typed_job_is_cancelled_like_any_other() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let stubborn = Sleeper::named("postern-cancel", true);
    let _agent = server.agent(data.path());
    // Waits 5 s for one that does not end.
    server.give(&order(
        1,
        control(ProcessAction::Kill, Some(stubborn.pid()), None),
    ));
    wait_for("the start", || {
        data.path().join("attempts/1/started").exists().then_some(())
    });
    server.cancel(1);
    assert_eq!(server.result(1).outcome, Outcome::Cancelled);
}

#[test]
fn a_script_cannot_leave_a_report() {
    let attempt = Attempt::shell(r#"echo '{"result":null,"failure":"made up"}' > ../report.json; exit 1"#);
    let result = attempt.run();
    assert_eq!((result.result, result.failure), (None, None));
}
