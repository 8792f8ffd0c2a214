//! `network_diagnostic`: questions to the network, asked by the agent itself.

use serde::{Deserialize, Serialize};

use super::{PayloadError, check_host, error};
use crate::limits::{DIAGNOSTIC_SECONDS, PING_COUNT, PORTS, TRACE_HOPS};

/// One question; `tool` says which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "tool", rename_all = "snake_case", deny_unknown_fields)]
pub enum NetworkDiagnostic {
    /// ICMP echo.
    Ping {
        host: String,
        /// 1 to 100; 4 when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<u32>,
        /// Wait for each answer; 1 to 60, 2 when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wait_seconds: Option<u32>,
    },
    /// The routers on the way to a host.
    Traceroute {
        host: String,
        /// 1 to 64; 30 when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_hops: Option<u32>,
        /// Wait for each answer; 1 to 60, 2 when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wait_seconds: Option<u32>,
    },
    /// One question to the name service.
    DnsLookup {
        name: String,
        /// `A` when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        record_type: Option<DnsRecordType>,
        /// `address` or `address:port`; those of the host when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        server: Option<String>,
        /// Ask over TCP.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        tcp: bool,
        /// Wait for the answer; 1 to 60, 5 when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wait_seconds: Option<u32>,
    },
    /// The host's own sockets.
    Netstat {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        protocol: Option<NetworkProtocol>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        listening_only: bool,
    },
    /// Whether ports are open, what they say first, and what their TLS is.
    PortCheck {
        host: String,
        /// At most 100.
        ports: Vec<u16>,
        /// TCP when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        protocol: Option<NetworkProtocol>,
        /// Try a TLS handshake on open TCP ports.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        tls: bool,
        /// Wait for each port; 1 to 60, 3 when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wait_seconds: Option<u32>,
    },
    /// One GET: the head of its answer, the time until that was there, and what its TLS is.
    HttpCheck {
        url: String,
        /// Any below 400 when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_status: Option<u16>,
        /// Report what is wrong with the certificate, and go on.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        allow_invalid_certificate: bool,
        /// Wait for the answer; 1 to 60, 10 when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wait_seconds: Option<u32>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum NetworkProtocol {
    Tcp,
    Udp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum DnsRecordType {
    A,
    Aaaa,
    Cname,
    Mx,
    Ns,
    Txt,
    Srv,
    Soa,
    Ptr,
    Caa,
}

impl DnsRecordType {
    pub const ALL: &'static [Self] = &[
        Self::A,
        Self::Aaaa,
        Self::Cname,
        Self::Mx,
        Self::Ns,
        Self::Txt,
        Self::Srv,
        Self::Soa,
        Self::Ptr,
        Self::Caa,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Mx => "MX",
            Self::Ns => "NS",
            Self::Txt => "TXT",
            Self::Srv => "SRV",
            Self::Soa => "SOA",
            Self::Ptr => "PTR",
            Self::Caa => "CAA",
        }
    }

    /// In any case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(text))
    }
}

impl NetworkDiagnostic {
    pub(super) fn summary(&self) -> String {
        match self {
            Self::Ping { host, .. } => format!("ping {host}"),
            Self::Traceroute { host, .. } => format!("traceroute {host}"),
            Self::DnsLookup {
                name, record_type, ..
            } => {
                format!(
                    "look up {} {name}",
                    record_type.map_or("A", DnsRecordType::as_str)
                )
            }
            Self::Netstat { .. } => "netstat".to_owned(),
            Self::PortCheck { host, ports, .. } => {
                let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
                format!("check ports {} of {host}", ports.join(", "))
            }
            Self::HttpCheck { url, .. } => format!("check {url}"),
        }
    }

    pub(super) fn check(&self) -> Result<(), PayloadError> {
        match self {
            Self::Ping {
                host,
                count,
                wait_seconds,
            } => {
                check_host("host", host)?;
                within("count", *count, PING_COUNT)?;
                within("wait_seconds", *wait_seconds, DIAGNOSTIC_SECONDS)
            }
            Self::Traceroute {
                host,
                max_hops,
                wait_seconds,
            } => {
                check_host("host", host)?;
                within("max_hops", *max_hops, TRACE_HOPS)?;
                within("wait_seconds", *wait_seconds, DIAGNOSTIC_SECONDS)
            }
            Self::DnsLookup {
                name,
                server,
                wait_seconds,
                ..
            } => {
                check_host("name", name)?;
                if let Some(server) = server {
                    let address = server.parse::<std::net::IpAddr>().is_ok()
                        || server.parse::<std::net::SocketAddr>().is_ok();
                    if !address {
                        return Err(error("server", "is not an address, or an address with a port"));
                    }
                }
                within("wait_seconds", *wait_seconds, DIAGNOSTIC_SECONDS)
            }
            Self::Netstat { .. } => Ok(()),
            Self::PortCheck {
                host,
                ports,
                wait_seconds,
                ..
            } => {
                check_host("host", host)?;
                if ports.is_empty() || ports.len() > PORTS || ports.contains(&0) {
                    return Err(error(
                        "ports",
                        format!("must be 1 to {PORTS} ports from 1 to 65535"),
                    ));
                }
                within("wait_seconds", *wait_seconds, DIAGNOSTIC_SECONDS)
            }
            Self::HttpCheck {
                url,
                expected_status,
                wait_seconds,
                ..
            } => {
                super::http::check_url(url)?;
                super::http::check_status("expected_status", *expected_status)?;
                within("wait_seconds", *wait_seconds, DIAGNOSTIC_SECONDS)
            }
        }
    }
}

fn within(field: &str, given: Option<u32>, most: u32) -> Result<(), PayloadError> {
    match given {
        Some(number) if number == 0 || number > most => Err(error(field, format!("must be 1 to {most}"))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{
        limits::{DIAGNOSTIC_SECONDS, PING_COUNT, PORTS, TRACE_HOPS},
        payload::{
            DnsRecordType,
            tests::{bad, good, unreadable},
        },
    };

    const KIND: &str = "network_diagnostic";

    /// One of each tool, with nothing but what it must have.
    fn tools() -> [Value; 6] {
        [
            json!({"tool": "ping", "host": "web1"}),
            json!({"tool": "traceroute", "host": "web1"}),
            json!({"tool": "dns_lookup", "name": "web1.test"}),
            json!({"tool": "netstat"}),
            json!({"tool": "port_check", "host": "web1", "ports": [22, 443]}),
            json!({"tool": "http_check", "url": "https://web1/"}),
        ]
    }

    fn with(tool: &Value, field: &str, value: Value) -> Value {
        let mut payload = tool.clone();
        payload[field] = value;
        payload
    }

    #[test]
    fn each_tool_needs_little() {
        let summaries = tools().map(|tool| good(KIND, &tool).summary());
        assert_eq!(
            summaries,
            [
                "ping web1",
                "traceroute web1",
                "look up A web1.test",
                "netstat",
                "check ports 22, 443 of web1",
                "check https://web1/",
            ]
        );
    }

    #[test]
    fn a_field_that_a_tool_does_not_have_is_refused() {
        for tool in tools() {
            unreadable(KIND, &with(&tool, "sudo", json!(true)));
            unreadable(KIND, &with(&tool, "record", json!("A")));
        }
        let [ping, _, dns, netstat, ..] = tools();
        unreadable(KIND, &with(&ping, "ports", json!([1])));
        unreadable(KIND, &with(&dns, "host", json!("x")));
        unreadable(KIND, &with(&netstat, "host", json!("x")));
        unreadable(KIND, &json!({"tool": "nmap", "host": "web1"}));
        unreadable(KIND, &json!({"host": "web1"}));
        unreadable(KIND, &json!({"tool": "ping"}));
    }

    #[test]
    fn hosts_are_names_or_addresses() {
        let [ping, trace, dns, _, ports, _] = tools();
        let long = "a".repeat(254);
        for (tool, field) in [(ping, "host"), (trace, "host"), (dns, "name"), (ports, "host")] {
            for host in [
                "web1",
                "_sip._tcp.test",
                "192.0.2.1",
                "2001:db8::1",
                "fe80::1%eth0",
                &"a".repeat(253),
            ] {
                good(KIND, &with(&tool, field, json!(host)));
            }
            for host in ["", "-c1", "a b", "a/b", "a;b", "a\n", "a\0", "ä.test", &long] {
                bad(KIND, &with(&tool, field, json!(host)), field);
            }
        }
    }

    #[test]
    fn numbers_have_bounds() {
        let [ping, trace, dns, _, ports, http] = tools();
        for (tool, field, most) in [
            (&ping, "count", PING_COUNT),
            (&ping, "wait_seconds", DIAGNOSTIC_SECONDS),
            (&trace, "max_hops", TRACE_HOPS),
            (&trace, "wait_seconds", DIAGNOSTIC_SECONDS),
            (&dns, "wait_seconds", DIAGNOSTIC_SECONDS),
            (&ports, "wait_seconds", DIAGNOSTIC_SECONDS),
            (&http, "wait_seconds", DIAGNOSTIC_SECONDS),
        ] {
            good(KIND, &with(tool, field, json!(1)));
            good(KIND, &with(tool, field, json!(most)));
            bad(KIND, &with(tool, field, json!(0)), field);
            bad(KIND, &with(tool, field, json!(most + 1)), field);
            unreadable(KIND, &with(tool, field, json!(-1)));
        }
    }

    #[test]
    fn records_are_known_by_name() {
        let [_, _, dns, ..] = tools();
        for kind in DnsRecordType::ALL {
            good(KIND, &with(&dns, "record_type", json!(kind.as_str())));
            assert_eq!(DnsRecordType::parse(&kind.as_str().to_lowercase()), Some(*kind));
        }
        unreadable(KIND, &with(&dns, "record_type", json!("a")));
        unreadable(KIND, &with(&dns, "record_type", json!("ANY")));
        good(KIND, &with(&dns, "tcp", json!(true)));
    }

    #[test]
    fn a_name_server_is_an_address() {
        let [_, _, dns, ..] = tools();
        for server in ["192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:53"] {
            good(KIND, &with(&dns, "server", json!(server)));
        }
        for server in ["", "dns.test", "192.0.2.1:", "192.0.2.1:99999", "[::1]"] {
            bad(KIND, &with(&dns, "server", json!(server)), "server");
        }
    }

    #[test]
    fn ports_are_counted_and_real() {
        let [.., ports, _] = tools();
        good(KIND, &with(&ports, "ports", json!(vec![65535; PORTS])));
        good(KIND, &with(&ports, "protocol", json!("udp")));
        good(KIND, &with(&ports, "tls", json!(true)));
        bad(KIND, &with(&ports, "ports", json!(vec![1; PORTS + 1])), "ports");
        bad(KIND, &with(&ports, "ports", json!([])), "ports");
        bad(KIND, &with(&ports, "ports", json!([22, 0])), "ports");
        unreadable(KIND, &with(&ports, "ports", json!([65536])));
        unreadable(KIND, &with(&ports, "protocol", json!("sctp")));
    }

    #[test]
    fn a_check_expects_a_status_there_is() {
        let [.., http] = tools();
        for status in [100, 599] {
            good(KIND, &with(&http, "expected_status", json!(status)));
        }
        for status in [99, 600] {
            bad(
                KIND,
                &with(&http, "expected_status", json!(status)),
                "expected_status",
            );
        }
        bad(KIND, &with(&http, "url", json!("ftp://x")), "url");
        good(KIND, &with(&http, "allow_invalid_certificate", json!(true)));
    }
}
