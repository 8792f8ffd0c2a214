//! The tools as a job asks for them, on loopback and over two hops.

use super::{namespace::Network, *};
use crate::policy::Policy;
use postern_protocol::{
    result::{PingResult, PortState, TraceResult},
    seal::Secrets,
};

fn ask(work: &NetworkDiagnostic) -> Result<JobResult, Failed> {
    ask_aloud(work).0
}

fn ask_aloud(work: &NetworkDiagnostic) -> (Result<JobResult, Failed>, String) {
    let context = Context {
        policy: Policy::default(),
        secrets: Secrets::new(),
    };
    let mut said = String::new();
    let result = run(work, &context, &mut |text| said.push_str(text));
    (result, said)
}

fn ping_of(host: &str) -> NetworkDiagnostic {
    NetworkDiagnostic::Ping {
        host: host.into(),
        count: Some(1),
        wait_seconds: Some(3),
    }
}

fn trace_of(host: &str, max_hops: u32) -> NetworkDiagnostic {
    NetworkDiagnostic::Traceroute {
        host: host.into(),
        max_hops: Some(max_hops),
        wait_seconds: Some(1),
    }
}

fn pinged(result: Result<JobResult, Failed>) -> PingResult {
    match result.unwrap_or_else(|failed| panic!("{}", failed.reason)) {
        JobResult::NetworkDiagnostic(NetworkResult::Ping(result)) => result,
        other => panic!("{other:?}"),
    }
}

fn traced(result: Result<JobResult, Failed>) -> TraceResult {
    match result.unwrap_or_else(|failed| panic!("{}", failed.reason)) {
        JobResult::NetworkDiagnostic(NetworkResult::Traceroute(result)) => result,
        other => panic!("{other:?}"),
    }
}

fn addresses(result: &TraceResult) -> Vec<Option<&str>> {
    result.hops.iter().map(|hop| hop.address.as_deref()).collect()
}

#[test]
fn a_host_that_is_not_found_fails_whatever_is_asked() {
    let host = "no-such-host.invalid";
    let works = [
        ping_of(host),
        trace_of(host, 1),
        NetworkDiagnostic::PortCheck {
            host: host.into(),
            ports: vec![1],
            protocol: None,
            tls: false,
            wait_seconds: None,
        },
        NetworkDiagnostic::HttpCheck {
            url: format!("http://{host}/"),
            expected_status: None,
            allow_invalid_certificate: false,
            wait_seconds: None,
        },
    ];
    for work in works {
        let failed = ask(&work).err().unwrap();
        let expected = format!("host '{host}' was not found: ");
        assert!(failed.reason.starts_with(&expected), "{}", failed.reason);
    }
}

#[test]
fn each_reply_is_told_and_then_the_sum() {
    let (result, said) = ask_aloud(&ping_of("127.0.0.1"));
    if let Err(failed) = &result
        && failed.reason.contains("ping_group_range")
    {
        println!("skipped: {}", failed.reason);
        return;
    }
    assert!(result.is_ok());
    let lines: Vec<&str> = said.lines().collect();
    assert!(
        lines[0].starts_with("ping 1: ") && lines[0].ends_with(", TTL 64"),
        "{said}"
    );
    assert_eq!(lines[1], "127.0.0.1 (127.0.0.1): 1 sent, 1 answered");
}

#[test]
fn a_closed_port_is_a_finding_of_a_completed_check() {
    let closed = fixture::free_port();
    let result = ask(&NetworkDiagnostic::PortCheck {
        host: "127.0.0.1".into(),
        ports: vec![closed],
        protocol: None,
        tls: true,
        wait_seconds: None,
    });
    let Ok(JobResult::NetworkDiagnostic(NetworkResult::PortCheck(result))) = result else {
        panic!("completed");
    };
    assert_eq!(result.ports[0].state, PortState::Closed);
}

#[test]
fn a_silent_name_server_fails_the_job_with_what_was_asked() {
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let failed = ask(&NetworkDiagnostic::DnsLookup {
        name: "web.test".into(),
        record_type: None,
        server: Some(silent.local_addr().unwrap().to_string()),
        tcp: false,
        wait_seconds: Some(1),
    })
    .err()
    .unwrap();
    assert!(
        failed.reason.contains("no answer within 1 s"),
        "{}",
        failed.reason
    );
    assert!(matches!(
        failed.result,
        Some(JobResult::NetworkDiagnostic(NetworkResult::DnsLookup(_)))
    ));
}

#[test]
fn two_hops_are_traced_and_pinged_over_ipv4_and_ipv6() {
    let Some(network) = Network::make("trace") else {
        return;
    };
    for (middle, far) in [("10.231.1.2", "10.231.2.2"), ("fd31:1::2", "fd31:2::2")] {
        let result = network.near(|| traced(ask(&trace_of(far, 5))));
        assert!(result.reached, "{result:?}");
        assert_eq!(addresses(&result), [Some(middle), Some(far)]);
        let cut = network.near(|| traced(ask(&trace_of(far, 1))));
        assert_eq!((addresses(&cut), cut.reached), (vec![Some(middle)], false));
        let pinged = network.near(|| pinged(ask(&ping_of(far))));
        assert_eq!((pinged.received, pinged.replies[0].ttl), (1, Some(63)));
    }
}

#[test]
fn a_way_is_traced_without_any_right_of_root() {
    let Some(network) = Network::make("nobody") else {
        return;
    };
    for far in ["10.231.2.2", "fd31:2::2"] {
        let result = network.near_as_nobody(|| traced(ask(&trace_of(far, 5))));
        assert_eq!((result.reached, result.hops.len()), (true, 2), "{result:?}");
    }
}

#[test]
fn a_host_that_nobody_knows_answers_nothing_or_is_said_to_be_unreachable() {
    let Some(network) = Network::make("gone") else {
        return;
    };
    // The last router finds no neighbour of that address and says so, or is still looking for it.
    let gone = "10.231.2.77";
    let failed = network.near(|| ask(&ping_of(gone)).err()).unwrap();
    let expected = format!("{gone} ({gone}) answered none of 1 pings");
    assert!(failed.reason.starts_with(&expected), "{}", failed.reason);
    let Some(JobResult::NetworkDiagnostic(NetworkResult::Ping(result))) = failed.result else {
        panic!("the lost ping is told of");
    };
    assert_eq!((result.sent, result.received), (1, 0));
    let traced = network.near(|| traced(ask(&trace_of(gone, 2))));
    assert!(!traced.reached, "{traced:?}");
}
