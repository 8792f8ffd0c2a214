//! Network diagnostics and HTTP requests as jobs: below a real shim, with the owner's policy and sealed secrets.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, UdpSocket},
    thread::JoinHandle,
};

use postern_protocol::{
    messages::{Outcome, ResultRequest},
    payload::{HttpRequest, JobPayload, NetworkDiagnostic},
    result::{HttpResult, JobResult, NetworkResult, PortState},
};

use crate::support::Attempt;

fn port_check(ports: Vec<u16>) -> JobPayload {
    JobPayload::NetworkDiagnostic(NetworkDiagnostic::PortCheck {
        host: "127.0.0.1".into(),
        ports,
        protocol: None,
        tls: false,
        wait_seconds: None,
    })
}

fn get(address: SocketAddr, secret_header: Option<&str>, max_redirects: Option<u32>) -> JobPayload {
    JobPayload::HttpRequest(HttpRequest {
        method: "GET".into(),
        url: format!("http://{address}/"),
        headers: [].into(),
        secret_headers: secret_header
            .map(|secret| ("X-Token".to_owned(), secret.to_owned()))
            .into_iter()
            .collect(),
        body: None,
        expected_status: Vec::new(),
        allow_invalid_certificate: false,
        extra_ca: None,
        max_redirects,
        max_answer_bytes: None,
    })
}

fn http(result: &ResultRequest) -> &HttpResult {
    match &result.result {
        Some(JobResult::HttpRequest(result)) => result,
        other => panic!("no answer: {other:?} {:?}", result.failure),
    }
}

/// Takes one request and answers with what is made of its head.
fn server(answer: impl FnOnce(&str) -> String + Send + 'static) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let answer = answer(&String::from_utf8(head).unwrap());
        stream.write_all(answer.as_bytes()).unwrap();
    });
    (address, thread)
}

#[test]
fn a_port_check_is_told_as_data_and_as_text() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let attempt = Attempt::new(port_check(vec![port]), 60);
    let result = attempt.run();
    assert_eq!(result.outcome, Outcome::Exited { code: 0 });
    let Some(JobResult::NetworkDiagnostic(NetworkResult::PortCheck(ports))) = &result.result else {
        panic!("{result:?}");
    };
    assert_eq!(ports.ports[0].state, PortState::Open);
    let text = String::from_utf8(attempt.output("stdout.0")).unwrap();
    assert!(text.contains(&format!("{port}/tcp open")), "{text}");
}

#[test]
fn a_failed_diagnostic_brings_its_reason_and_what_was_found() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let work = JobPayload::NetworkDiagnostic(NetworkDiagnostic::DnsLookup {
        name: "web.test".into(),
        record_type: None,
        server: Some(silent.local_addr().unwrap().to_string()),
        tcp: false,
        wait_seconds: Some(1),
    });
    let result = Attempt::new(work, 60).run();
    assert_eq!(result.outcome, Outcome::Exited { code: 1 });
    assert!(
        result
            .failure
            .as_deref()
            .unwrap()
            .contains("no answer within 1 s"),
        "{result:?}"
    );
    let Some(JobResult::NetworkDiagnostic(NetworkResult::DnsLookup(dns))) = &result.result else {
        panic!("{result:?}");
    };
    assert_eq!(dns.response_code, "TIMEOUT");
}

#[test]
fn a_secret_arrives_and_is_masked_where_the_server_repeats_it() {
    let (address, thread) = server(|head| {
        let line = head
            .lines()
            .find(|line| line.to_lowercase().starts_with("x-token: "))
            .unwrap();
        let body = format!("you said {}", &line["x-token: ".len()..]);
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    });
    let attempt = Attempt::with_secrets(get(address, Some("token"), None), &[("token", "hunter2hunter2")]);
    let result = attempt.run();
    thread.join().unwrap();
    let answer = http(&result);
    // So long it can only have been the secret.
    assert_eq!((answer.body_bytes, answer.body.as_str()), (23, "you said ***"));
    let text = String::from_utf8(attempt.output("stdout.0")).unwrap();
    assert!(
        text.contains("you said ***") && !text.contains("hunter2"),
        "{text}"
    );
}

#[test]
fn a_redirect_is_judged_by_the_owners_policy() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    other.set_nonblocking(true).unwrap();
    let elsewhere = other.local_addr().unwrap();
    let (address, thread) = server(move |_| {
        format!("HTTP/1.1 302 Found\r\nLocation: http://{elsewhere}/\r\nContent-Length: 0\r\n\r\n")
    });
    let policy = format!("[http]\nhosts = ['127.0.0.1']\nports = [{}]\n", address.port());
    let result = Attempt::new(get(address, None, Some(3)), 60)
        .under_policy(&policy)
        .run();
    thread.join().unwrap();
    let reason = result.failure.as_deref().unwrap();
    assert!(reason.contains("http.ports"), "{reason}");
    let answer = http(&result);
    assert_eq!(answer.redirects, [format!("http://{address}/")]);
    assert_eq!(answer.status, None, "where it led nobody was asked");
    assert!(other.accept().is_err(), "nobody called");
}
