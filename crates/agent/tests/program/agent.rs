//! The real agent process against a fake server: joining, working, coming back.

use std::{fs, path::Path};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use postern_protocol::{
    enrollment::EnrollmentToken,
    limits::OUTPUT_HEAD_BYTES,
    messages::{Outcome, Phase, Stream},
    order::Order,
    payload::Language,
    refusal::RefusalCode,
};

use crate::support::{
    STUBBORN, command, is_alive, order, pids, script,
    server::{Agent, Proxy, Server},
    shell, wait_for,
};

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).unwrap_or_default().lines().count()
}

fn local_us() -> i64 {
    #[allow(
        clippy::disallowed_methods,
        reason = "the host's clock is what is compared with"
    )]
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    i64::try_from(now.as_micros()).unwrap()
}

/// The shim that watches this attempt, which it has started: one without its agent's word ends with the agent.
fn shim_of(data: &Path, attempt: i64) -> Pid {
    let dir = data.join(format!("attempts/{attempt}"));
    wait_for("the start", || dir.join("started").exists().then_some(()));
    // Its standard input is the order, whose lock it holds.
    let order = dir.join("order.json");
    wait_for("the shim", || {
        fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let is_shim = fs::read_link(entry.path().join("fd/0")).ok()? == order;
            is_shim.then(|| Pid::from_raw(pid))
        })
    })
}

fn parent_of(pid: Pid) -> Pid {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let parent = status
        .lines()
        .find_map(|line| line.strip_prefix("PPid:"))
        .unwrap();
    Pid::from_raw(parent.trim().parse().unwrap())
}

#[test]
fn joins_runs_and_comes_back_with_its_data_alone() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let token = server.token();
    let arguments = ["--server", &server.url(), "--token", &token];
    let agent = Agent::start(data.path(), &arguments, &[]);
    server.give(&order(1, command(&["echo", "hello"])));
    let result = server.result(1);
    assert_eq!(result.outcome, Outcome::Exited { code: 0 });
    // With the result, or while it ran.
    let state = server.state();
    let streamed = state.output.get(&1).into_iter().flatten();
    let told: Vec<&[u8]> = streamed
        .flat_map(|output| &output.chunks)
        .chain(&result.chunks)
        .map(|chunk| chunk.data.as_slice())
        .collect();
    assert_eq!(told.concat(), b"hello\n");
    drop(state);
    wait_for("the journal to be empty", || {
        fs::read_dir(data.path().join("attempts"))
            .unwrap()
            .next()
            .is_none()
            .then_some(())
    });
    kill(
        Pid::from_raw(i32::try_from(agent.0.id()).unwrap()),
        Signal::SIGTERM,
    )
    .unwrap();
    assert_eq!(agent.exit().0, Some(0));

    let agent = Agent::start(data.path(), &[], &[]);
    server.give(&order(2, shell("exit 3")));
    assert_eq!(server.result(2).outcome, Outcome::Exited { code: 3 });
    agent.kill();

    // As in a container: the used token is still in the environment.
    let environment = [
        ("POSTERN_AGENT_TOKEN", token.as_str()),
        ("POSTERN_AGENT_SERVER", &server.url()),
    ];
    let _agent = Agent::start(data.path(), &[], &environment);
    server.give(&order(3, command(&["true"])));
    assert_eq!(server.result(3).outcome, Outcome::Exited { code: 0 });
    let numbers: Vec<u64> = server
        .state()
        .checkins
        .iter()
        .map(|checkin| checkin.number)
        .collect();
    assert!(numbers.is_sorted() && numbers.windows(2).all(|pair| pair[0] != pair[1]));
    assert_eq!(server.state().credentials.len(), 1);
}

#[test]
fn another_ca_is_refused_before_the_token_is_shown() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let token = EnrollmentToken {
        ca_sha256: [1; 32],
        id: 1,
        secret: [2; 24].into(),
    };
    let agent = Agent::start(
        data.path(),
        &["--server", &server.url(), "--token", &token.reveal()],
        &[],
    );
    let (code, text) = agent.exit();
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("does not present the CA this token was made for"),
        "{text}"
    );
    assert_eq!(server.state().requests, 0);
}

#[test]
fn a_name_that_is_not_in_the_certificate_is_refused() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let url = format!("https://localhost:{}", server.address.port());
    let agent = Agent::start(data.path(), &["--server", &url, "--token", &server.token()], &[]);
    let (code, text) = agent.exit();
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("does not hold"), "{text}");
    assert_eq!(server.state().requests, 0);
}

#[test]
fn tokens_that_do_not_work_end_with_code_2_and_the_next_step() {
    let server = Server::start();
    let used = server.token();
    server.state().tokens.insert(used.clone(), true);
    let url = server.url();
    for (arguments, expected) in [
        (
            vec!["--server", &url, "--token", "pet1_nonsense"],
            "copy it whole",
        ),
        (vec!["--server", &url, "--token", &used], "make a new one"),
        (vec!["--token", &used], "--server is missing"),
        (vec!["--server", "http://h", "--token", &used], "https://"),
        (vec!["--server", &url], "has not joined a server yet"),
        (
            vec!["--server", &url, "--token-file", "/no/such/file"],
            "cannot be read",
        ),
    ] {
        let data = tempfile::tempdir().unwrap();
        let (code, text) = Agent::start(data.path(), &arguments, &[]).exit();
        assert_eq!(code, Some(2), "{arguments:?}: {text}");
        assert!(text.contains(expected), "{arguments:?}: {text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.contains(&used));
    }
}

#[test]
fn a_second_agent_on_the_same_data_is_refused() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let _agent = server.agent(data.path());
    server.wait_for_checkins(1);
    let (code, text) = Agent::start(data.path(), &[], &[]).exit();
    assert_eq!(code, Some(2));
    assert!(text.contains("another postern-agent runs on"), "{text}");
}

#[test]
fn a_killed_agent_picks_its_running_job_up_again() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let ledger = data.path().join("ledger");
    let agent = server.agent(data.path());
    let line = format!(
        "echo start >> {0}; until [ -e {0}.go ]; do sleep 0.05; done; exit 9",
        ledger.display()
    );
    server.give(&order(1, shell(&line)));
    wait_for("the start", || (lines(&ledger) == 1).then_some(()));
    agent.kill();
    let agent = Agent::start(data.path(), &[], &[]);
    wait_for("the attempt to be held as started", || {
        let state = server.state();
        let held = state.checkins.last()?.held.first()?;
        (held.phase == Phase::Started && held.started_us.is_some()).then_some(())
    });
    agent.kill();
    // Ends while no agent is there.
    fs::write(data.path().join("ledger.go"), "").unwrap();
    wait_for("the end", || {
        data.path().join("attempts/1/exit.json").exists().then_some(())
    });
    let _agent = Agent::start(data.path(), &[], &[]);
    assert_eq!(server.result(1).outcome, Outcome::Exited { code: 9 });
    assert_eq!(lines(&ledger), 1);
}

#[test]
fn a_killed_shim_makes_the_attempt_unknown() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let _agent = server.agent(data.path());
    server.give(&order(1, script(Language::Bash, STUBBORN, &[])));
    let file = data.path().join("attempts/1/work/pids");
    wait_for("all processes", || (pids(&file).len() == 3).then_some(()));
    let processes = pids(&file);
    kill(shim_of(data.path(), 1), Signal::SIGKILL).unwrap();
    let result = server.result(1);
    assert!(matches!(result.outcome, Outcome::Unknown { .. }), "{result:?}");
    assert!(result.started_us.is_some());
    wait_for("the end of what it left", || {
        (!processes.iter().any(|&pid| is_alive(pid))).then_some(())
    });
}

#[test]
fn a_data_folder_may_be_named_from_where_the_agent_is_started() {
    let server = Server::start();
    let here = std::env::current_dir().unwrap();
    let data = tempfile::tempdir_in(&here).unwrap();
    let _agent = server.agent(data.path().strip_prefix(&here).unwrap());
    server.give(&order(1, shell("exit 6")));
    assert_eq!(server.result(1).outcome, Outcome::Exited { code: 6 });
}

#[test]
fn a_killed_launcher_is_replaced_and_its_shims_go_on() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let _agent = server.agent(data.path());
    let go = data.path().join("go");
    let waiting = format!("until [ -e {} ]; do sleep 0.05; done; exit 7", go.display());
    server.give(&order(1, shell(&waiting)));
    let launcher = parent_of(shim_of(data.path(), 1));
    kill(launcher, Signal::SIGKILL).unwrap();
    wait_for("the launcher's end", || {
        (!is_alive(launcher.as_raw())).then_some(())
    });

    server.give(&order(2, shell("exit 8")));
    assert_eq!(server.result(2).outcome, Outcome::Exited { code: 8 });
    fs::write(go, "").unwrap();
    assert_eq!(server.result(1).outcome, Outcome::Exited { code: 7 });
}

#[test]
fn the_launcher_ends_with_its_agent_and_the_shim_does_not() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let agent = server.agent(data.path());
    let go = data.path().join("go");
    let waiting = format!("until [ -e {} ]; do sleep 0.05; done; exit 7", go.display());
    server.give(&order(1, shell(&waiting)));
    let shim = shim_of(data.path(), 1);
    let launcher = parent_of(shim);
    agent.kill();
    wait_for("the launcher's end", || {
        (!is_alive(launcher.as_raw())).then_some(())
    });
    assert!(is_alive(shim.as_raw()));

    let _agent = Agent::start(data.path(), &[], &[]);
    fs::write(go, "").unwrap();
    assert_eq!(server.result(1).outcome, Outcome::Exited { code: 7 });
}

#[test]
fn shim_and_agent_killed_together_make_it_unknown_and_no_second_start() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let ledger = data.path().join("ledger");
    let agent = server.agent(data.path());
    server.give(&order(
        1,
        shell(&format!("echo start >> {}; sleep 1000", ledger.display())),
    ));
    wait_for("the start", || (lines(&ledger) == 1).then_some(()));
    let shim = shim_of(data.path(), 1);
    agent.kill();
    kill(shim, Signal::SIGKILL).unwrap();
    let _agent = Agent::start(data.path(), &[], &[]);
    assert!(matches!(server.result(1).outcome, Outcome::Unknown { .. }));
    assert_eq!(lines(&ledger), 1);
}

#[test]
fn a_result_is_sent_again_until_it_is_acknowledged() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    server.state().results_to_fail = 2;
    let _agent = server.agent(data.path());
    server.give(&order(1, shell("exit 4")));
    assert_eq!(server.result(1).outcome, Outcome::Exited { code: 4 });
    assert_eq!(server.state().results_to_fail, 0);
}

#[test]
fn the_same_order_again_starts_nothing_and_an_old_fence_is_refused() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let ledger = data.path().join("ledger");
    let line = format!("echo start >> {}", ledger.display());
    let _agent = server.agent(data.path());
    let first = order(5, shell(&line));
    server.give(&first);
    server.give(&first);
    server.result(5);
    server.give(&Order {
        fence: 5,
        ..order(6, shell(&line))
    });
    let result = server.result(6);
    assert!(matches!(&result.outcome, Outcome::Refused { reason } if reason.contains("fence")));
    assert_eq!(lines(&ledger), 1);
}

#[test]
fn orders_of_another_time_agent_or_signer_are_not_started() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let ledger = data.path().join("ledger");
    let line = format!("echo start >> {}", ledger.display());
    let _agent = server.agent(data.path());
    server.give(&Order {
        not_after_us: 10,
        ..order(1, shell(&line))
    });
    server.give(&Order {
        not_before_us: i64::MAX - 10,
        ..order(2, shell(&line))
    });
    server.give(&Order {
        version: 99,
        ..order(3, shell(&line))
    });
    for attempt in 1..=3 {
        assert!(matches!(server.result(attempt).outcome, Outcome::Refused { .. }));
    }
    server.give(&Order {
        agent_id: 8,
        ..order(4, shell(&line))
    });
    server.give(&order(5, command(&["true"])));
    server.result(5);
    assert_eq!(lines(&ledger), 0);
    assert!(!server.state().results.contains_key(&4));
}

#[test]
fn cancel_works_after_a_restart_too() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let agent = server.agent(data.path());
    server.give(&order(1, script(Language::Bash, STUBBORN, &[])));
    let file = data.path().join("attempts/1/work/pids");
    wait_for("all processes", || (pids(&file).len() == 3).then_some(()));
    let pids = pids(&file);
    agent.kill();
    let _agent = Agent::start(data.path(), &[], &[]);
    server.cancel(1);
    assert_eq!(server.result(1).outcome, Outcome::Cancelled);
    assert!(pids.iter().all(|&pid| !is_alive(pid)));
}

#[test]
fn more_orders_than_slots_wait_and_a_critical_one_has_a_slot_of_its_own() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let go = data.path().join("go");
    let wait = format!("until [ -e {} ]; do sleep 0.05; done", go.display());
    let token = server.token();
    let arguments = ["--server", &server.url(), "--token", &token, "--slots", "1"];
    let _agent = Agent::start(data.path(), &arguments, &[]);
    server.give(&order(1, shell(&wait)));
    server.give(&order(2, command(&["true"])));
    server.give(&Order {
        critical: true,
        ..order(3, command(&["true"]))
    });
    server.result(3);
    let waiting = !server.state().results.contains_key(&2);
    fs::write(&go, "").unwrap();
    server.result(1);
    server.result(2);
    assert!(waiting);
}

#[test]
fn output_streams_while_it_grows_and_arrives_whole_at_the_end() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let go = data.path().join("go");
    let _agent = server.agent(data.path());
    let line = format!(
        "echo first; until [ -e {} ]; do sleep 0.05; done; seq 1 2000000; echo last >&2",
        go.display()
    );
    server.give(&order(1, shell(&line)));
    wait_for("the first line", || {
        let state = server.state();
        let chunks = state.output.get(&1)?.iter().flat_map(|output| &output.chunks);
        chunks
            .into_iter()
            .any(|chunk| chunk.data == b"first\n")
            .then_some(())
    });
    fs::write(&go, "").unwrap();
    let result = server.result(1);
    let total = result.stream_bytes[&Stream::Stdout];
    assert_eq!(total, 14_888_896 + 6);
    let mut covered = vec![false; usize::try_from(total).unwrap()];
    let state = server.state();
    let streamed = state.output[&1].iter().flat_map(|output| &output.chunks);
    for chunk in streamed
        .chain(&result.chunks)
        .filter(|chunk| chunk.stream == Stream::Stdout)
    {
        let offset = usize::try_from(chunk.offset).unwrap();
        covered[offset..offset + chunk.data.len()].fill(true);
    }
    let half = usize::try_from(OUTPUT_HEAD_BYTES).unwrap();
    assert!(covered[..half].iter().all(|byte| *byte));
    assert!(covered[covered.len() - half..].iter().all(|byte| *byte));
    assert_eq!(result.stream_bytes[&Stream::Stderr], 5);
}

#[test]
fn a_wrong_clock_is_corrected_by_the_servers() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    server.state().ahead_seconds = 7200;
    let _agent = server.agent(data.path());
    server.give(&order(1, command(&["true"])));
    let result = server.result(1);
    let ahead_us = result.started_us.unwrap() - local_us();
    assert!((7_100_000_000..7_300_000_000).contains(&ahead_us), "{ahead_us}");
}

#[test]
fn a_credential_near_its_end_is_renewed_and_kept() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    server.state().lifetime_seconds = Some(10 * 24 * 3600);
    let _agent = server.agent(data.path());
    wait_for("the renewal", || {
        (server.state().credentials.len() == 2).then_some(())
    });
    let newest = server.state().credentials[1].clone();
    wait_for("the new credential on disk", || {
        let text = fs::read_to_string(data.path().join("identity.json")).unwrap();
        text.contains(&newest).then_some(())
    });
    let seen = server.state().checkins.len();
    server.wait_for_checkins(seen + 1);
    assert_eq!(server.state().credentials.len(), 2);
}

#[test]
fn a_locked_out_agent_keeps_its_job_and_comes_back_with_a_new_token() {
    let server = Server::start();
    let data = tempfile::tempdir().unwrap();
    let go = data.path().join("go");
    let agent = server.agent(data.path());
    let line = format!("until [ -e {} ]; do sleep 0.05; done; exit 6", go.display());
    server.give(&order(1, shell(&line)));
    wait_for("the start", || {
        data.path().join("attempts/1/started").exists().then_some(())
    });
    server.state().refuse = Some(RefusalCode::AgentLocked);
    fs::write(&go, "").unwrap();
    wait_for("the end", || {
        data.path().join("attempts/1/exit.json").exists().then_some(())
    });
    agent.kill();
    server.state().refuse = None;
    let _agent = server.agent(data.path());
    // Not by the result alone: one that the killed agent had just sent may be taken after the refusals.
    wait_for("the new credential", || {
        (server.state().credentials.len() == 2).then_some(())
    });
    assert_eq!(server.result(1).outcome, Outcome::Exited { code: 6 });
}

#[test]
fn a_proxy_is_used_with_the_same_pinning_and_left_out_for_no_proxy() {
    let server = Server::start();
    let proxy = Proxy::start();
    let proxy_url = format!("http://{}", proxy.address);
    let data = tempfile::tempdir().unwrap();
    let token = server.token();
    let arguments = ["--server", &server.url(), "--token", &token];
    let agent = Agent::start(data.path(), &arguments, &[("HTTPS_PROXY", &proxy_url)]);
    server.give(&order(1, command(&["true"])));
    assert_eq!(server.result(1).outcome, Outcome::Exited { code: 0 });
    let targets = proxy.targets.lock().unwrap().clone();
    assert!(!targets.is_empty() && targets.iter().all(|target| *target == server.address.to_string()));
    agent.kill();

    let environment = [("HTTPS_PROXY", proxy_url.as_str()), ("NO_PROXY", "127.0.0.1")];
    let _agent = Agent::start(data.path(), &[], &environment);
    server.give(&order(2, command(&["true"])));
    server.result(2);
    assert_eq!(proxy.targets.lock().unwrap().len(), targets.len());
}
