//! What a typed job found or did, as tables. It comes from a host: all of it goes through the console, which shows
//! text as text.

use std::time::Duration;

use postern_protocol::{
    payload::NetworkProtocol,
    result::{
        DnsResult, GroupResult, HttpCheckResult, HttpResult, JobResult, NetstatResult, NetworkResult,
        PingResult, PortState, PortsResult, ProcessResult, ServiceResult, ServiceState, SoftwareResult,
        TlsInfo, TraceResult, UserResult,
    },
};

use crate::{
    output::{Console, Tone},
    words,
};

type Row = Vec<(String, Tone)>;

/// Fields first, then a table, then text as it came.
#[derive(Debug, Default)]
struct Shown {
    fields: Vec<(&'static str, String)>,
    head: &'static [&'static str],
    rows: Vec<Row>,
    text: Option<String>,
}

/// What a typed attempt found or did; `None` when it says nothing, or in a way that this program does not know.
pub(super) fn result_of(result: Option<&serde_json::Value>) -> Option<JobResult> {
    serde_json::from_value(result?.clone()).ok()
}

pub(super) fn print_result(result: &JobResult, console: &Console) {
    let shown = shown(result);
    console.fields(&shown.fields);
    if !shown.rows.is_empty() {
        if !shown.fields.is_empty() {
            console.say("");
        }
        console.table(shown.head, shown.rows);
    }
    if let Some(text) = shown.text.filter(|text| !text.is_empty()) {
        console.say("");
        console.say(text.trim_end_matches('\n'));
    }
}

fn shown(result: &JobResult) -> Shown {
    match result {
        JobResult::ServiceControl(result) => service(result),
        JobResult::ProcessControl(result) => processes(result),
        JobResult::NetworkDiagnostic(NetworkResult::Ping(result)) => ping(result),
        JobResult::NetworkDiagnostic(NetworkResult::Traceroute(result)) => trace(result),
        JobResult::NetworkDiagnostic(NetworkResult::DnsLookup(result)) => dns(result),
        JobResult::NetworkDiagnostic(NetworkResult::Netstat(result)) => netstat(result),
        JobResult::NetworkDiagnostic(NetworkResult::PortCheck(result)) => ports(result),
        JobResult::NetworkDiagnostic(NetworkResult::HttpCheck(result)) => http_check(result),
        JobResult::SoftwareInstall(result) => software(result),
        JobResult::UserControl(result) => user(result),
        JobResult::GroupControl(result) => group(result),
        JobResult::HttpRequest(result) => http(result),
    }
}

fn plain(text: impl ToString) -> (String, Tone) {
    (text.to_string(), Tone::Plain)
}

fn maybe(value: Option<impl ToString>) -> (String, Tone) {
    plain(value.map(|value| value.to_string()).unwrap_or_default())
}

fn yes_or_no(value: Option<bool>) -> String {
    match value {
        Some(true) => "yes".to_owned(),
        Some(false) => "no".to_owned(),
        None => String::new(),
    }
}

/// Times on a network are mostly below a millisecond or a few.
fn span(time_us: Option<u64>) -> String {
    match time_us {
        Some(time_us) if time_us < 100_000 => format!("{}.{:03} ms", time_us / 1000, time_us % 1000),
        Some(time_us) => words::took(Duration::from_micros(time_us)),
        None => String::new(),
    }
}

const fn protocol(protocol: NetworkProtocol) -> &'static str {
    match protocol {
        NetworkProtocol::Tcp => "tcp",
        NetworkProtocol::Udp => "udp",
    }
}

fn more(truncated: bool) -> Option<String> {
    truncated.then(|| "there are more than are shown".to_owned())
}

fn service(result: &ServiceResult) -> Shown {
    let row = |when: &str, state: &ServiceState| {
        let tone = if state.running { Tone::Good } else { Tone::Plain };
        vec![
            plain(when),
            (state.state.clone(), tone),
            plain(yes_or_no(state.enabled)),
            maybe(state.pid),
        ]
    };
    Shown {
        fields: vec![
            ("service", result.service.clone()),
            ("manager", result.manager.clone()),
        ],
        head: &["", "STATE", "ENABLED", "PID"],
        rows: vec![row("before", &result.before), row("after", &result.after)],
        text: None,
    }
}

fn processes(result: &ProcessResult) -> Shown {
    let rows = result.processes.iter().map(|process| {
        vec![
            plain(process.pid),
            plain(process.parent),
            plain(&process.user),
            plain(format!("{} MiB", process.memory_bytes / (1024 * 1024))),
            maybe(process.signal.as_deref()),
            plain(yes_or_no(process.gone)),
            plain(&process.name),
            plain(&process.command_line),
        ]
    });
    Shown {
        head: &[
            "PID", "PARENT", "USER", "MEMORY", "SIGNAL", "GONE", "NAME", "COMMAND",
        ],
        rows: rows.collect(),
        text: more(result.truncated),
        ..Shown::default()
    }
}

fn ping(result: &PingResult) -> Shown {
    let rows = result.replies.iter().map(|reply| match reply.time_us {
        Some(_) => vec![
            plain(reply.sequence),
            plain(span(reply.time_us)),
            maybe(reply.ttl),
        ],
        None => vec![
            plain(reply.sequence),
            ("no answer".to_owned(), Tone::Bad),
            plain(""),
        ],
    });
    Shown {
        fields: vec![
            ("host", format!("{} ({})", result.host, result.address)),
            ("answered", format!("{} of {}", result.received, result.sent)),
            ("shortest", span(result.minimum_us)),
            ("average", span(result.average_us)),
            ("longest", span(result.maximum_us)),
        ],
        head: &["PING", "TIME", "TTL"],
        rows: rows.collect(),
        text: None,
    }
}

fn trace(result: &TraceResult) -> Shown {
    let rows = result.hops.iter().map(|hop| {
        let address = hop.address.clone().unwrap_or_else(|| "*".to_owned());
        vec![plain(hop.number), plain(address), plain(span(hop.time_us))]
    });
    Shown {
        fields: vec![
            ("host", format!("{} ({})", result.host, result.address)),
            ("reached", yes_or_no(Some(result.reached))),
        ],
        head: &["HOP", "ADDRESS", "TIME"],
        rows: rows.collect(),
        text: None,
    }
}

fn dns(result: &DnsResult) -> Shown {
    let rows = result.records.iter().map(|record| {
        vec![
            plain(&record.name),
            plain(record.ttl),
            plain(&record.kind),
            plain(&record.value),
        ]
    });
    Shown {
        fields: vec![
            (
                "question",
                format!("{} {}", result.record_type.as_str(), result.name),
            ),
            ("servers", result.servers.join(", ")),
            ("answer", result.response_code.clone()),
            ("time", span(Some(result.time_us))),
        ],
        head: &["NAME", "TTL", "TYPE", "VALUE"],
        rows: rows.collect(),
        text: None,
    }
}

fn netstat(result: &NetstatResult) -> Shown {
    let rows = result.sockets.iter().map(|socket| {
        vec![
            plain(protocol(socket.protocol)),
            plain(&socket.local),
            plain(&socket.remote),
            plain(&socket.state),
            plain(&socket.user),
            maybe(socket.pid),
            maybe(socket.program.as_deref()),
        ]
    });
    Shown {
        head: &["PROTOCOL", "LOCAL", "REMOTE", "STATE", "USER", "PID", "PROGRAM"],
        rows: rows.collect(),
        text: more(result.truncated),
        ..Shown::default()
    }
}

fn ports(result: &PortsResult) -> Shown {
    let rows = result.ports.iter().map(|port| {
        let (state, tone) = match port.state {
            PortState::Open => ("open", Tone::Good),
            PortState::Closed => ("closed", Tone::Bad),
            PortState::Filtered => ("filtered", Tone::Bad),
            PortState::OpenOrFiltered => ("open or filtered", Tone::Plain),
        };
        let certificate = port.tls.as_ref().map(certificate);
        let said = port.problem.as_deref().or(port.banner.as_deref());
        vec![
            plain(format!("{}/{}", port.port, protocol(port.protocol))),
            (state.to_owned(), tone),
            plain(span(port.time_us)),
            plain(said.unwrap_or_default()),
            maybe(port.tls.as_ref().map(|tls| tls.version.as_str())),
            certificate.unwrap_or_else(|| plain("")),
        ]
    });
    Shown {
        fields: vec![("host", format!("{} ({})", result.host, result.address))],
        head: &["PORT", "STATE", "TIME", "SAYS", "TLS", "CERTIFICATE"],
        rows: rows.collect(),
        text: None,
    }
}

fn certificate(tls: &TlsInfo) -> (String, Tone) {
    match &tls.problem {
        None => (format!("{}, until {}", tls.subject, tls.not_after), Tone::Good),
        Some(problem) => (format!("{}: {problem}", tls.subject), Tone::Bad),
    }
}

fn http_check(result: &HttpCheckResult) -> Shown {
    let mut fields = vec![
        ("url", result.url.clone()),
        ("status", maybe(result.status).0),
        ("time", span(result.time_us)),
        ("server", result.server.clone().unwrap_or_default()),
        ("content type", result.content_type.clone().unwrap_or_default()),
    ];
    if let Some(tls) = &result.tls {
        fields.extend([
            ("tls", format!("{} {}", tls.version, tls.cipher)),
            ("certificate", tls.subject.clone()),
            ("issuer", tls.issuer.clone()),
            ("names", tls.names.join(", ")),
            ("valid", format!("{} to {}", tls.not_before, tls.not_after)),
        ]);
    }
    fields.push(("problem", result.problem.clone().unwrap_or_default()));
    Shown {
        fields,
        ..Shown::default()
    }
}

fn software(result: &SoftwareResult) -> Shown {
    let rows = result.packages.iter().map(|package| {
        vec![
            plain(&package.name),
            maybe(package.before.as_deref()),
            maybe(package.after.as_deref()),
        ]
    });
    Shown {
        fields: vec![("manager", result.manager.as_str().to_owned())],
        head: &["PACKAGE", "BEFORE", "NOW"],
        rows: rows.collect(),
        text: more(result.truncated),
    }
}

fn user(result: &UserResult) -> Shown {
    Shown {
        fields: vec![
            ("user", result.user.clone()),
            ("exists", yes_or_no(Some(result.exists))),
            ("changed", yes_or_no(Some(result.changed))),
            ("id", maybe(result.uid).0),
            ("home", result.home.clone().unwrap_or_default()),
            ("shell", result.shell.clone().unwrap_or_default()),
            ("groups", result.groups.join(", ")),
            ("can sign in", yes_or_no(result.enabled)),
        ],
        ..Shown::default()
    }
}

fn group(result: &GroupResult) -> Shown {
    Shown {
        fields: vec![
            ("group", result.group.clone()),
            ("exists", yes_or_no(Some(result.exists))),
            ("changed", yes_or_no(Some(result.changed))),
            ("id", maybe(result.gid).0),
            ("members", result.members.join(", ")),
        ],
        ..Shown::default()
    }
}

fn http(result: &HttpResult) -> Shown {
    let checked = match result.certificate_checked {
        Some(true) => "checked",
        Some(false) => "not checked",
        None => "",
    };
    let size = if result.truncated {
        format!("{} bytes, cut", result.body_bytes)
    } else {
        format!("{} bytes", result.body_bytes)
    };
    let rows = result
        .headers
        .iter()
        .map(|header| vec![plain(&header.name), plain(&header.value)]);
    Shown {
        fields: vec![
            ("asked", format!("{} {}", result.method, result.url)),
            ("redirected from", result.redirects.join(", ")),
            ("status", maybe(result.status).0),
            ("time", span(Some(result.time_us))),
            ("certificate", checked.to_owned()),
            ("answer", size),
        ],
        head: &["HEADER", "VALUE"],
        rows: rows.collect(),
        text: Some(result.body.clone()),
    }
}

#[cfg(test)]
mod tests {
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
}
