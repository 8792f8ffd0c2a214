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
    /// One GET, with the times of its parts.
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
