//! Killed at every named point, started again: at most one start, and an end that is true.

use std::fs;

use postern_protocol::messages::Outcome;

use crate::support::{
    order,
    server::{Agent, Server},
    shell, wait_for,
};

const OF_THE_AGENT: [&str; 7] = [
    "after-order-written",
    "after-shim-spawned",
    "before-started",
    "after-started",
    "before-result-sent",
    "after-result-sent",
    "after-acknowledged",
];
const OF_THE_SHIM: [&str; 4] = [
    "shim-before-child",
    "shim-after-child",
    "shim-before-exit-written",
    "shim-after-exit-written",
];

fn run(point: &str) -> (Outcome, usize) {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let ledger = data.path().join("ledger");
    let environment = [("POSTERN_AGENT_FAILPOINT", point)];
    let token = server.token();
    let arguments = ["--server", &server.url(), "--token", &token];
    let mut agent = Agent::start(data.path(), &arguments, &environment);
    server.give(&order(
        1,
        shell(&format!("echo start >> {}; exit 3", ledger.display())),
    ));
    let fired = data.path().join(format!("failpoint-{point}-fired"));
    wait_for(point, || fired.exists().then_some(()));
    if OF_THE_AGENT.contains(&point) {
        wait_for("the kill", || agent.0.try_wait().unwrap());
        agent = Agent::start(data.path(), &[], &environment);
    }
    let outcome = server.result(1).outcome;
    wait_for("the journal to be empty", || {
        fs::read_dir(data.path().join("attempts"))
            .unwrap()
            .next()
            .is_none()
            .then_some(())
    });
    agent.kill();
    let starts = fs::read_to_string(&ledger).unwrap_or_default().lines().count();
    (outcome, starts)
}

#[test]
fn a_killed_agent_loses_nothing_and_starts_nothing_twice() {
    for point in OF_THE_AGENT {
        assert_eq!(run(point), (Outcome::Exited { code: 3 }, 1), "{point}");
    }
}

#[test]
fn a_killed_shim_is_unknown_until_the_end_is_written() {
    for point in OF_THE_SHIM {
        let (outcome, starts) = run(point);
        assert!(starts <= 1, "{point}");
        if point == "shim-after-exit-written" {
            assert_eq!((outcome, starts), (Outcome::Exited { code: 3 }, 1));
        } else {
            assert!(matches!(outcome, Outcome::Unknown { .. }), "{point}: {outcome:?}");
        }
    }
}
