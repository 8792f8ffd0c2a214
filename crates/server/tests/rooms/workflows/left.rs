//! What a step leaves when it is not all there: hosts without an exit code, and output that was cut.

use postern_domain::{InstanceId, JobId, workflow::engine::InstanceState};
use postern_protocol::messages::{Outcome as Ended, Stream};
use postern_testkit::{SimAgent, TestServer};
use serde_json::{Value, json};

use super::{argv_of, command, next, runs, started, told, until_state};
use crate::on_both_databases;

on_both_databases! {
    a_host_that_did_not_complete_is_no_exit_code_of_0,
    an_exit_code_that_is_not_0_stands_for_all_hosts,
    output_that_is_cut_says_so_at_its_step_and_where_it_is_missed,
    output_of_a_removed_job_that_was_cut_says_so_as_well,
    of_many_hosts_each_leaves_less,
}

/// As many bytes as later steps see of a stream.
const SEEN: usize = 64 * 1024;

/// `scan` may fail; then its exit code is compared with 0, which fails the workflow where it can be.
fn compared() -> Value {
    json!([
        {"id": "scan", "type": "command", "argv": ["scan"], "on_success": "failed", "on_failure": "check"},
        {"id": "check", "type": "conditional", "condition": "{{step_scan.exit_code}} == 0", "on_true": "failed",
         "on_false": "completed", "on_failure": "completed"},
    ])
}

async fn a_host_that_did_not_complete_is_no_exit_code_of_0(server: TestServer) {
    let (one, two) = (server.agent("web-1").await, server.agent("web-2").await);
    for (end, why) in [
        (Ended::TimedOut, "timeout (Killed by the agent after 300 seconds)"),
        (
            Ended::Refused {
                reason: "not here".into(),
            },
            "failed (not here)",
        ),
        (
            Ended::Unknown {
                reason: "the shim died".into(),
            },
            "unknown (the shim died)",
        ),
    ] {
        let id = started(&server, &["web-1", "web-2"], compared()).await;
        runs(&one, "", 0).await;
        let order = next(&two).await;
        two.start(&order).await;
        two.finish(&order, end).await;
        let detail = until_state(&server, id, InstanceState::Completed).await;
        assert_eq!(told(&detail), ["scan failed", "check failed"]);
        assert_eq!(
            detail.runs[1].reason,
            Some(format!(
                "condition: step_scan.exit_code does not exist: web-2 has no exit code, as its job ended as {why}"
            ))
        );
    }
}

async fn an_exit_code_that_is_not_0_stands_for_all_hosts(server: TestServer) {
    let (one, two) = (server.agent("web-1").await, server.agent("web-2").await);
    let id = started(&server, &["web-1", "web-2"], compared()).await;
    let order = next(&one).await;
    one.start(&order).await;
    one.finish(&order, Ended::TimedOut).await;
    runs(&two, "", 3).await;
    let detail = until_state(&server, id, InstanceState::Completed).await;
    assert_eq!(told(&detail), ["scan failed", "check ok"]);
}

/// JSON of so many bytes.
fn json_of(bytes: usize) -> String {
    let frame = r#"{"load": 1, "pad": ""}"#.len();
    format!(r#"{{"load": 1, "pad": "{}"}}"#, "x".repeat(bytes - frame))
}

/// `use` takes a field of what `scan` printed.
async fn used(server: &TestServer, hosts: &[&str]) -> InstanceId {
    let path = "{{step_scan.json.load}}";
    let last = json!({"id": "use", "type": "command", "argv": ["use", path], "hosts": {"agents": ["web-1"]}});
    started(server, hosts, json!([command("scan", &["scan"]), last])).await
}

/// It is told at the step that printed, and fails the one that misses something.
async fn is_told(server: &TestServer, id: InstanceId, cut: &str, missed: &str) {
    let detail = until_state(server, id, InstanceState::Failed).await;
    assert_eq!(told(&detail), ["scan ok", "use failed"]);
    let reasons: Vec<_> = detail.runs.iter().map(|run| run.reason.as_deref()).collect();
    let missed = format!("argv[1]: step_scan.json.load does not exist: {missed}");
    assert_eq!(reasons, [Some(cut), Some(missed.as_str())]);
    let events = server.admin().instance_event_list(id, &Default::default()).await;
    let events = events.unwrap().items;
    let told: Vec<_> = events
        .iter()
        .filter(|event| event.text == cut)
        .map(|event| (event.step.as_deref(), event.run))
        .collect();
    assert_eq!(told, [(Some("scan"), Some(1))]);
}

const CUT: &str = "Later steps do not see all output: stdout of web-1 after 64 KiB";
const MISSED: &str = "what web-1 printed was cut after 64 KiB, and is not JSON any more";

async fn output_that_is_cut_says_so_at_its_step_and_where_it_is_missed(server: TestServer) {
    let web = server.agent("web-1").await;
    let id = used(&server, &["web-1"]).await;
    runs(&web, &json_of(SEEN), 0).await;
    let order = runs(&web, "", 0).await;
    assert_eq!(argv_of(&order), ["use", "1"]);
    let detail = until_state(&server, id, InstanceState::Completed).await;
    assert_eq!(detail.runs[0].reason, None);

    let id = used(&server, &["web-1"]).await;
    runs(&web, &json_of(SEEN + 1), 0).await;
    is_told(&server, id, CUT, MISSED).await;

    // What can be read although it was cut is handed on, and the step that printed it says that there was more.
    let steps = json!([
        command("scan", &["scan"]),
        command("use", &["use", "{{step_scan.stdout}}"])
    ]);
    let id = started(&server, &["web-1"], steps).await;
    let long = "x".repeat(SEEN + 1);
    prints(&web, (&long, &long), 4).await;
    let detail = until_state(&server, id, InstanceState::Failed).await;
    assert_eq!(
        detail.runs[0].reason.as_deref(),
        Some(
            "web-1: Exit code 4. Later steps do not see all output: stdout of web-1 after 64 KiB; stderr of web-1 after \
             64 KiB"
        )
    );
}

async fn prints(agent: &SimAgent, (stdout, stderr): (&str, &str), code: i32) {
    let order = next(agent).await;
    let pieces = [
        (Stream::Stdout, 0, stdout.as_bytes()),
        (Stream::Stderr, 0, stderr.as_bytes()),
    ];
    agent.print(&order, &pieces).await;
    agent.exit(&order, code).await;
}

async fn output_of_a_removed_job_that_was_cut_says_so_as_well(server: TestServer) {
    let (web, other) = (server.agent("web-1").await, server.agent("web-2").await);
    let remove = async |bytes: usize| {
        let id = used(&server, &["web-1", "web-2"]).await;
        let order = runs(&web, &json_of(bytes), 0).await;
        server.admin().job_delete(JobId(order.job_id)).await.unwrap();
        runs(&other, "", 0).await;
        id
    };
    let id = remove(SEEN + 1).await;
    is_told(&server, id, CUT, MISSED).await;
    let id = remove(SEEN).await;
    let order = runs(&web, "", 0).await;
    assert_eq!(argv_of(&order), ["use", "1"]);
    let detail = until_state(&server, id, InstanceState::Completed).await;
    assert_eq!(detail.runs[0].reason, None);
}

async fn of_many_hosts_each_leaves_less(server: TestServer) {
    let names: Vec<String> = (1..=17).map(|number| format!("web-{number}")).collect();
    let hosts: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut agents = Vec::new();
    for name in &hosts {
        agents.push(server.agent(name).await);
    }
    // A mebibyte for all of them.
    let each = 1024 * 1024 / 17;
    for (bytes, cut) in [(each, false), (each + 1, true)] {
        let id = used(&server, &hosts).await;
        let (first, others) = agents.split_first().unwrap();
        runs(first, &json_of(bytes), 0).await;
        for agent in others {
            runs(agent, "", 0).await;
        }
        if cut {
            let told = format!("Later steps do not see all output: stdout of web-1 after {each} bytes");
            let missed = format!("what web-1 printed was cut after {each} bytes, and is not JSON any more");
            is_told(&server, id, &told, &missed).await;
        } else {
            let order = runs(first, "", 0).await;
            assert_eq!(argv_of(&order), ["use", "1"]);
            until_state(&server, id, InstanceState::Completed).await;
        }
    }
}
