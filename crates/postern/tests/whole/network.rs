//! The network between agents and servers: cut in the middle of a job, and through a proxy that people have.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use postern_domain::{
    agent::{Connection, Health},
    job::JobState,
};

use crate::support::{
    Agent, Connect, Door, Home, Ledger, Proxy, Server, is_alive, pause_for, processes_of, shell, wait_for,
    wait_within,
};

/// After this long without a word an agent is shown as disconnected (spec 3).
const SHOWN_AFTER: Duration = Duration::from_secs(45);
/// The clock of the list has whole seconds here and there, and this test looks a few times a second.
const TOLERANCE: Duration = Duration::from_secs(2);
const RESULT_AFTER_HEALING: Duration = Duration::from_secs(60);
/// Long enough for every timeout below the job's own to have run out.
const CUT: Duration = Duration::from_secs(120);

/// What becomes of the connections from before the cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Healing {
    /// They go on, as after a cable was put in again.
    Everything,
    /// They carry nothing any more and nobody says so, as behind a firewall that forgot them.
    NewConnectionsOnly,
}

#[test]
fn a_job_outlives_a_cut_of_the_network() {
    cut(Healing::Everything);
}

#[test]
fn a_job_outlives_a_cut_after_which_old_connections_are_dead() {
    cut(Healing::NewConnectionsOnly);
}

fn cut(healing: Healing) {
    let home = Home::new();
    let server = Server::started(home.path());
    let network = Proxy::start(Connect::Plain, &[server.port]);
    let door = Door::open(&server);
    let agent = door.agent(home.path(), "far", &network.url());
    let ledger = Ledger::new(home.path());
    // One ends during the cut, one goes on through it and ends well after it.
    let short = door.run(&ledger.job(10.0, &["far"]));
    let long = door.run(&ledger.job(CUT.as_secs_f32() + 5.0, &["far"]));
    for job in [&short, &long] {
        door.wait_for_state(job.id, JobState::Running);
    }
    assert_eq!(door.agent_row("far").connection, Connection::Connected);

    network.freeze();
    let begin = Instant::now();
    wait_within(
        SHOWN_AFTER + TOLERANCE,
        "the agent to be shown as disconnected",
        || {
            let row = door.agent_row("far");
            (row.connection == Connection::Disconnected && row.health == Health::HeartbeatFailed)
                .then_some(())
        },
    );
    let shown = begin.elapsed();
    while begin.elapsed() < CUT {
        assert!(agent.is_running(), "{}", agent.log_text());
        assert!(
            agent.shims().iter().any(|(_, pid)| is_alive(*pid)),
            "the job goes on"
        );
        // A look goes through every process there is.
        pause_for(Duration::from_millis(250));
    }
    let during = ledger.read();
    assert!(during.values().all(|entry| entry.starts == 1), "{during:?}");
    assert_eq!(
        during.values().filter(|entry| entry.codes.len() == 1).count(),
        1,
        "one ended meanwhile: {during:?}"
    );
    assert_eq!(door.job(short.id).job.state, JobState::Running, "nobody guesses");

    match healing {
        Healing::Everything => network.thaw(),
        Healing::NewConnectionsOnly => network.thaw_for_new_connections(),
    }
    let healed = Instant::now();
    let detail = door.wait_for_end(short.id, RESULT_AFTER_HEALING);
    let there = healed.elapsed();
    assert_eq!(
        detail.job.exit_code,
        Some(i32::try_from(short.id.0 % 5).unwrap()),
        "{detail:?}"
    );
    let left = RESULT_AFTER_HEALING.saturating_sub(healed.elapsed()) + Duration::from_secs(5);
    let detail = door.wait_for_end(long.id, left);
    assert_eq!(
        detail.job.exit_code,
        Some(i32::try_from(long.id.0 % 5).unwrap()),
        "{detail:?}"
    );
    wait_for("the agent to be shown as connected", || {
        (door.agent_row("far").connection == Connection::Connected).then_some(())
    });
    let after = ledger.read();
    assert!(
        after
            .values()
            .all(|entry| entry.starts == 1 && entry.codes.len() == 1),
        "{after:?}"
    );
    println!("{healing:?}: shown disconnected after {shown:?}, result {there:?} after healing");
}

#[test]
fn an_agent_works_through_an_https_proxy() {
    let home = Home::new();
    let server = Server::started(home.path());
    let proxy = Proxy::start(Connect::ByRequest, &[]);
    let door = Door::open(&server);
    let enrollment = door.agent_create("inside");
    let agent = Agent::new(home.path(), "inside", &server.url(), &enrollment.enrollment_token)
        .environment("HTTPS_PROXY", &format!("http://127.0.0.1:{}", proxy.port));
    agent.start();
    let detail = door.run_to_end(&shell("echo through; exit 4", "inside"));
    assert_eq!(
        (detail.job.state, detail.job.exit_code),
        (JobState::Failed, Some(4))
    );
    assert!(proxy.passed() >= 1, "nothing went through the proxy");
    assert_no_other_way(&agent.data, server.port);
    // The proxy goes away and comes back as a person would see it: nothing works, then everything.
    drop(proxy);
    let job = door.run(&shell("true", "inside"));
    wait_for("the agent to miss its proxy", || {
        agent
            .log_text()
            .contains("no contact with the server")
            .then_some(())
    });
    assert_eq!(door.job(job.id).job.state, JobState::Queued);
}

/// No connection of the agent goes to the server itself.
fn assert_no_other_way(data: &Path, port: u16) {
    for pid in processes_of(data) {
        let table = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap_or_default();
        let sockets: Vec<String> = std::fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| std::fs::read_link(entry.path()).ok())
            .filter_map(|link| {
                Some(
                    link.to_str()?
                        .strip_prefix("socket:[")?
                        .strip_suffix(']')?
                        .to_owned(),
                )
            })
            .collect();
        for line in table.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let own = sockets.iter().any(|inode| inode == words[9]);
            assert!(!(own && words[2].ends_with(&format!(":{port:04X}"))), "{line}");
        }
    }
}
