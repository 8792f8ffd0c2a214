//! Results as people read them in a job's output.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use postern_protocol::{
    payload::NetworkProtocol,
    result::{
        DnsResult, Hop, HttpCheckResult, NetstatResult, PingReply, PingResult, PortState, PortsResult,
        TlsInfo, TraceResult,
    },
};

/// A reader that went away is no reason to stop: the result counts.
pub(in crate::perform) fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn milliseconds(time_us: u64) -> String {
    format!("{}.{:03} ms", time_us / 1000, time_us % 1000)
}

pub(super) fn reply(reply: &PingReply) -> String {
    let sequence = reply.sequence;
    match (reply.time_us, reply.ttl) {
        (Some(time), Some(ttl)) => format!("ping {sequence}: {}, TTL {ttl}\n", milliseconds(time)),
        (Some(time), None) => format!("ping {sequence}: {}\n", milliseconds(time)),
        (None, _) => format!("ping {sequence}: no answer\n"),
    }
}

pub(super) fn pings(result: &PingResult) -> String {
    let mut text = format!(
        "{} ({}): {} sent, {} answered\n",
        result.host, result.address, result.sent, result.received
    );
    if let (Some(minimum), Some(average), Some(maximum)) =
        (result.minimum_us, result.average_us, result.maximum_us)
    {
        let _ = writeln!(
            text,
            "shortest {}, average {}, longest {}",
            milliseconds(minimum),
            milliseconds(average),
            milliseconds(maximum)
        );
    }
    text
}

pub(super) fn hop(hop: &Hop) -> String {
    match (&hop.address, hop.time_us) {
        (Some(address), Some(time)) => format!("{:>2}  {address}  {}\n", hop.number, milliseconds(time)),
        (Some(address), None) => format!("{:>2}  {address}\n", hop.number),
        (None, _) => format!("{:>2}  *\n", hop.number),
    }
}

pub(super) fn trace(result: &TraceResult) -> String {
    let reached = if result.reached { "reached" } else { "not reached" };
    format!("{} ({}): {reached}\n", result.host, result.address)
}

pub(super) fn records(result: &DnsResult) -> String {
    let mut text = format!(
        "{} {} from {}: {}, {}\n",
        result.record_type.as_str(),
        result.name,
        result.servers.join(", "),
        result.response_code,
        milliseconds(result.time_us)
    );
    for record in &result.records {
        let _ = writeln!(
            text,
            "{} {} {} {}",
            record.name, record.ttl, record.kind, record.value
        );
    }
    text
}

const fn protocol(protocol: NetworkProtocol) -> &'static str {
    match protocol {
        NetworkProtocol::Tcp => "tcp",
        NetworkProtocol::Udp => "udp",
    }
}

pub(super) fn sockets(result: &NetstatResult) -> String {
    let mut text = String::new();
    for socket in &result.sockets {
        let _ = write!(
            text,
            "{} {} {} {} {}",
            protocol(socket.protocol),
            socket.local,
            socket.remote,
            socket.state,
            socket.user
        );
        if let (Some(pid), Some(program)) = (socket.pid, &socket.program) {
            let _ = write!(text, " {pid}/{program}");
        }
        text.push('\n');
    }
    if result.truncated {
        text.push_str("(there are more)\n");
    }
    text
}

pub(super) fn ports(result: &PortsResult) -> String {
    let mut text = format!("{} ({})\n", result.host, result.address);
    for port in &result.ports {
        let state = match port.state {
            PortState::Open => "open",
            PortState::Closed => "closed",
            PortState::Filtered => "filtered",
            PortState::OpenOrFiltered => "open or filtered",
        };
        let _ = write!(text, "{}/{} {state}", port.port, protocol(port.protocol));
        if let Some(time) = port.time_us {
            let _ = write!(text, ", {}", milliseconds(time));
        }
        if let Some(banner) = &port.banner {
            let _ = write!(text, ", says \"{banner}\"");
        }
        if let Some(problem) = &port.problem {
            let _ = write!(text, ": {problem}");
        }
        text.push('\n');
        if let Some(info) = &port.tls {
            tls(&mut text, info);
        }
    }
    text
}

fn tls(text: &mut String, info: &TlsInfo) {
    let verdict = info.problem.as_deref().unwrap_or("trusted");
    let _ = writeln!(
        text,
        "  {} {}\n  certificate of {} by {}, for {}\n  valid from {} to {}\n  {verdict}",
        info.version,
        info.cipher,
        info.subject,
        info.issuer,
        info.names.join(", "),
        info.not_before,
        info.not_after
    );
}

pub(super) fn http(result: &HttpCheckResult) -> String {
    let mut text = format!("GET {}\n", result.url);
    if let Some(status) = result.status {
        let _ = write!(text, "status {status}");
        if let Some(time) = result.time_us {
            let _ = write!(text, " after {}", milliseconds(time));
        }
        text.push('\n');
    }
    for (name, value) in [("server", &result.server), ("content type", &result.content_type)] {
        if let Some(value) = value {
            let _ = writeln!(text, "{name}: {value}");
        }
    }
    if let Some(info) = &result.tls {
        tls(&mut text, info);
    }
    text
}

#[cfg(test)]
mod tests {
    use postern_protocol::result::PortResult;

    use super::*;

    #[test]
    fn a_reply_and_a_hop_are_one_line_each() {
        let answered = PingReply {
            sequence: 2,
            ttl: Some(64),
            time_us: Some(1042),
        };
        assert_eq!(reply(&answered), "ping 2: 1.042 ms, TTL 64\n");
        let lost = PingReply {
            time_us: None,
            ..answered
        };
        assert_eq!(reply(&lost), "ping 2: no answer\n");
        let silent = Hop {
            number: 3,
            address: None,
            time_us: None,
        };
        assert_eq!(hop(&silent), " 3  *\n");
    }

    #[test]
    fn a_port_says_what_it_is_and_why() {
        let result = PortsResult {
            host: "web".into(),
            address: "192.0.2.7".into(),
            ports: vec![PortResult {
                port: 22,
                protocol: NetworkProtocol::Tcp,
                state: PortState::Closed,
                time_us: Some(10),
                banner: None,
                tls: None,
                problem: Some("connection refused".into()),
            }],
        };
        assert_eq!(
            ports(&result),
            "web (192.0.2.7)\n22/tcp closed, 0.010 ms: connection refused\n"
        );
    }
}
