use serde_json::{Value, json};

use super::*;

fn of(kind: &str, result: &Value) -> Shown {
    shown(&serde_json::from_value(json!({"type": kind, "result": result})).unwrap())
}

fn cells(shown: &Shown) -> Vec<Vec<&str>> {
    assert!(
        shown.rows.iter().all(|row| row.len() == shown.head.len()),
        "{shown:?}"
    );
    shown
        .rows
        .iter()
        .map(|row| row.iter().map(|(text, _)| text.as_str()).collect())
        .collect()
}

fn field<'a>(shown: &'a Shown, name: &str) -> &'a str {
    let found = shown.fields.iter().find(|(field, _)| *field == name);
    found
        .map(|(_, value)| value.as_str())
        .expect("the field is there")
}

#[test]
fn a_service_is_shown_before_and_after() {
    let state = |state: &str, running: bool| json!({"state": state, "running": running, "enabled": true, "pid": null});
    let shown = of(
        "service_control",
        &json!({"manager": "systemd", "service": "nginx", "before": state("inactive", false), "after": state("active", true)}),
    );
    assert_eq!(
        cells(&shown),
        [["before", "inactive", "yes", ""], ["after", "active", "yes", ""]]
    );
    assert_eq!(shown.rows[1][1].1, Tone::Good);
}

#[test]
fn processes_are_listed_with_what_became_of_them() {
    let shown = of(
        "process_control",
        &json!({"truncated": true, "processes": [{"pid": 7, "parent": 1, "name": "n", "user": "root",
                "command_line": "n -x", "memory_bytes": 3_145_728, "signal": "TERM", "gone": true}]}),
    );
    assert_eq!(
        cells(&shown),
        [["7", "1", "root", "3 MiB", "TERM", "yes", "n", "n -x"]]
    );
    assert!(shown.text.unwrap().contains("more"));
}

#[test]
fn pings_hops_and_records_are_rows() {
    let ping = of(
        "network_diagnostic",
        &json!({"tool": "ping", "host": "h", "address": "192.0.2.1", "sent": 2, "received": 1, "minimum_us": 1500,
                "average_us": 1500, "maximum_us": 1_500_000, "replies": [
                {"sequence": 1, "ttl": 64, "time_us": 1500}, {"sequence": 2, "ttl": null, "time_us": null}]}),
    );
    assert_eq!(cells(&ping), [["1", "1.500 ms", "64"], ["2", "no answer", ""]]);
    assert_eq!(
        (field(&ping, "answered"), field(&ping, "longest")),
        ("1 of 2", "1.5 s")
    );
    let trace = of(
        "network_diagnostic",
        &json!({"tool": "traceroute", "host": "h", "address": "192.0.2.1", "reached": false,
                "hops": [{"number": 1, "address": null, "time_us": null}]}),
    );
    assert_eq!(
        (cells(&trace), field(&trace, "reached")),
        (vec![vec!["1", "*", ""]], "no")
    );
    let dns = of(
        "network_diagnostic",
        &json!({"tool": "dns_lookup", "name": "a.test", "record_type": "MX", "servers": ["192.0.2.1:53"],
                "response_code": "NOERROR", "time_us": 900,
                "records": [{"name": "a.test.", "type": "MX", "ttl": 60, "value": "10 b."}]}),
    );
    assert_eq!(cells(&dns), [["a.test.", "60", "MX", "10 b."]]);
    assert_eq!(field(&dns, "question"), "MX a.test");
}

#[test]
fn a_port_says_why_and_a_certificate_its_problem() {
    let tls = json!({"version": "TLS 1.3", "cipher": "c", "subject": "CN=a", "issuer": "CN=b", "names": ["a"],
                     "not_before": "2020-01-01T00:00:00Z", "not_after": "2021-01-01T00:00:00Z", "problem": "it expired"});
    let port = |port: u16, state: &str, tls: &Value, problem: Option<&str>| json!({"port": port, "protocol": "tcp", "state": state, "time_us": null, "banner": null, "tls": tls, "problem": problem});
    let shown = of(
        "network_diagnostic",
        &json!({"tool": "port_check", "host": "h", "address": "192.0.2.1", "ports": [
                port(22, "closed", &Value::Null, Some("connection refused")), port(443, "open", &tls, None)]}),
    );
    assert_eq!(
        cells(&shown),
        [
            ["22/tcp", "closed", "", "connection refused", "", ""],
            ["443/tcp", "open", "", "", "TLS 1.3", "CN=a: it expired"],
        ]
    );
    assert_eq!(shown.rows[1][5].1, Tone::Bad);
    let check = of(
        "network_diagnostic",
        &json!({"tool": "http_check", "url": "https://a/", "status": 200, "time_us": 5, "server": null,
                "content_type": "text/html", "tls": tls, "problem": "it expired"}),
    );
    assert_eq!(
        (field(&check, "status"), field(&check, "problem")),
        ("200", "it expired")
    );
}

#[test]
fn sockets_and_packages_are_rows() {
    let netstat = of(
        "network_diagnostic",
        &json!({"tool": "netstat", "truncated": false, "sockets": [{"protocol": "udp", "local": "127.0.0.1:53",
                "remote": "0.0.0.0:0", "state": "UNCONNECTED", "user": "dns", "pid": 9, "program": "dnsmasq"}]}),
    );
    assert_eq!(
        cells(&netstat),
        [[
            "udp",
            "127.0.0.1:53",
            "0.0.0.0:0",
            "UNCONNECTED",
            "dns",
            "9",
            "dnsmasq"
        ]]
    );
    let software = of(
        "software_install",
        &json!({"manager": "apt", "truncated": false, "packages": [{"name": "curl", "before": null, "after": "7.88"}]}),
    );
    assert_eq!(cells(&software), [["curl", "", "7.88"]]);
}

#[test]
fn accounts_are_fields() {
    let user = of(
        "user_control",
        &json!({"user": "anna", "exists": true, "uid": 1000, "home": "/srv/anna", "shell": null,
                "groups": ["web", "ops"], "enabled": false, "changed": true}),
    );
    assert_eq!(
        (field(&user, "groups"), field(&user, "can sign in")),
        ("web, ops", "no")
    );
    let group = of(
        "group_control",
        &json!({"group": "web", "exists": false, "gid": null, "members": [], "changed": true}),
    );
    assert_eq!((field(&group, "exists"), field(&group, "id")), ("no", ""));
}

#[test]
fn an_answer_is_shown_with_its_text() {
    let shown = of(
        "http_request",
        &json!({"method": "GET", "url": "https://a/", "redirects": ["https://b/"], "status": 200,
                "headers": [{"name": "server", "value": "n"}], "body": "hello\n", "body_bytes": 9, "truncated": true,
                "certificate_checked": false, "time_us": 2000}),
    );
    assert_eq!(cells(&shown), [["server", "n"]]);
    assert_eq!(
        (field(&shown, "certificate"), field(&shown, "answer")),
        ("not checked", "9 bytes, cut")
    );
    assert_eq!(shown.text.as_deref(), Some("hello\n"));
}
