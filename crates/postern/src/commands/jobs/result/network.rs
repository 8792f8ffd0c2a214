//! What network diagnostics found.

use postern_protocol::{
    payload::NetworkProtocol,
    result::{
        DnsResult, HttpCheckResult, NetstatResult, NetworkResult, PingResult, PortState, PortsResult,
        TlsInfo, TraceResult,
    },
};

use super::{Shown, maybe, more, plain, span, yes_or_no};
use crate::output::Tone;

pub(super) fn shown(result: &NetworkResult) -> Shown {
    match result {
        NetworkResult::Ping(result) => ping(result),
        NetworkResult::Traceroute(result) => trace(result),
        NetworkResult::DnsLookup(result) => dns(result),
        NetworkResult::Netstat(result) => netstat(result),
        NetworkResult::PortCheck(result) => ports(result),
        NetworkResult::HttpCheck(result) => http_check(result),
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

const fn protocol(protocol: NetworkProtocol) -> &'static str {
    match protocol {
        NetworkProtocol::Tcp => "tcp",
        NetworkProtocol::Udp => "udp",
    }
}
