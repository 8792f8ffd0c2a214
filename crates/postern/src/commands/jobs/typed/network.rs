//! `postern job network …`

use clap::{Args, Subcommand};
use postern_protocol::payload::{DnsRecordType, NetworkDiagnostic, NetworkProtocol};

use super::RunOptions;
use crate::words::parse_seconds;

#[derive(Debug, Subcommand)]
pub(crate) enum Tool {
    /// ICMP echo: whether a host answers, and how fast
    #[command(
        after_long_help = "Needs root on the host, or the agent's group in net.ipv4.ping_group_range:\n  \
                                 postern job network ping db1 --agent web1 --wait"
    )]
    Ping {
        /// Name or address, as the agent's host knows it
        host: String,
        /// 1 to 100 [default: 4]
        #[arg(long, value_name = "N")]
        count: Option<u32>,
        #[command(flatten)]
        within: Within,
        #[command(flatten)]
        options: RunOptions,
    },
    /// The routers on the way to a host
    Traceroute {
        /// Name or address, as the agent's host knows it
        host: String,
        /// 1 to 64 [default: 30]
        #[arg(long, value_name = "N")]
        max_hops: Option<u32>,
        #[command(flatten)]
        within: Within,
        #[command(flatten)]
        options: RunOptions,
    },
    /// One question to a name server, and exactly what it answers
    #[command(
        after_long_help = "The name is taken as complete; no search list is tried:\n  \
                                 postern job network dns example.com --type MX --server 192.0.2.53 --agent web1 --wait\n  \
                                 postern job network dns 192.0.2.7 --type PTR --agent web1 --wait"
    )]
    Dns {
        /// A name; with --type PTR also an address
        name: String,
        /// A, AAAA, CNAME, MX, NS, TXT, SRV, SOA, PTR or CAA [default: A]
        #[arg(long = "type", value_name = "TYPE", value_parser = parse_record)]
        record_type: Option<DnsRecordType>,
        /// Address or address:port [default: those of the host]
        #[arg(long, value_name = "ADDRESS")]
        server: Option<String>,
        /// Ask over TCP
        #[arg(long)]
        tcp: bool,
        #[command(flatten)]
        within: Within,
        #[command(flatten)]
        options: RunOptions,
    },
    /// The host's own sockets, with the programs that hold them
    Netstat {
        /// Only TCP
        #[arg(long, conflicts_with = "udp")]
        tcp: bool,
        /// Only UDP
        #[arg(long)]
        udp: bool,
        /// Only those that wait for others to connect
        #[arg(long)]
        listening: bool,
        #[command(flatten)]
        options: RunOptions,
    },
    /// Whether ports are open, what they say first and what their TLS shows
    #[command(
        after_long_help = "A closed port is a finding, not a failure. With --tls, the certificate is shown and judged \
                                 by the host's own trust store:\n  \
                                 postern job network port db1 5432,6432 --agent web1 --wait\n  \
                                 postern job network port intranet 443 --tls --agent web1 --wait"
    )]
    Port {
        /// Name or address, as the agent's host knows it
        host: String,
        /// 1 to 100 of them, apart or with commas
        #[arg(value_name = "PORT", required = true, value_delimiter = ',')]
        ports: Vec<u16>,
        /// UDP instead of TCP
        #[arg(long, conflicts_with = "tls")]
        udp: bool,
        /// Try a TLS handshake on open ports
        #[arg(long)]
        tls: bool,
        #[command(flatten)]
        within: Within,
        #[command(flatten)]
        options: RunOptions,
    },
    /// One GET: status, time, server and certificate
    #[command(
        after_long_help = "No redirect is followed. To send more than that, or to see the answer's text, use \
                                 `postern job http`:\n  \
                                 postern job network http https://intranet/health --agent web1 --wait"
    )]
    Http {
        /// http:// or https://
        url: String,
        /// The one status that is right [default: any below 400]
        #[arg(long, value_name = "STATUS")]
        expect: Option<u16>,
        /// Report what is wrong with the certificate, and go on
        #[arg(long)]
        allow_invalid_certificate: bool,
        #[command(flatten)]
        within: Within,
        #[command(flatten)]
        options: RunOptions,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Within {
    /// Wait for each answer, up to 1 minute: seconds, or a number with s or m
    #[arg(long = "within", value_name = "TIME", value_parser = parse_seconds)]
    seconds: Option<u32>,
}

fn parse_record(text: &str) -> Result<DnsRecordType, String> {
    DnsRecordType::parse(text).ok_or_else(|| {
        let known: Vec<&str> = DnsRecordType::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("use one of {}", known.join(", "))
    })
}

impl Tool {
    pub(super) fn options(&self) -> &RunOptions {
        match self {
            Self::Ping { options, .. }
            | Self::Traceroute { options, .. }
            | Self::Dns { options, .. }
            | Self::Netstat { options, .. }
            | Self::Port { options, .. }
            | Self::Http { options, .. } => options,
        }
    }

    pub(super) fn work(&self) -> NetworkDiagnostic {
        match self {
            Self::Ping {
                host, count, within, ..
            } => NetworkDiagnostic::Ping {
                host: host.clone(),
                count: *count,
                wait_seconds: within.seconds,
            },
            Self::Traceroute {
                host,
                max_hops,
                within,
                ..
            } => NetworkDiagnostic::Traceroute {
                host: host.clone(),
                max_hops: *max_hops,
                wait_seconds: within.seconds,
            },
            Self::Dns {
                name,
                record_type,
                server,
                tcp,
                within,
                ..
            } => NetworkDiagnostic::DnsLookup {
                name: name.clone(),
                record_type: *record_type,
                server: server.clone(),
                tcp: *tcp,
                wait_seconds: within.seconds,
            },
            Self::Netstat {
                tcp, udp, listening, ..
            } => NetworkDiagnostic::Netstat {
                protocol: match (tcp, udp) {
                    (true, _) => Some(NetworkProtocol::Tcp),
                    (_, true) => Some(NetworkProtocol::Udp),
                    _ => None,
                },
                listening_only: *listening,
            },
            Self::Port {
                host,
                ports,
                udp,
                tls,
                within,
                ..
            } => NetworkDiagnostic::PortCheck {
                host: host.clone(),
                ports: ports.clone(),
                protocol: udp.then_some(NetworkProtocol::Udp),
                tls: *tls,
                wait_seconds: within.seconds,
            },
            Self::Http {
                url,
                expect,
                allow_invalid_certificate,
                within,
                ..
            } => NetworkDiagnostic::HttpCheck {
                url: url.clone(),
                expected_status: *expect,
                allow_invalid_certificate: *allow_invalid_certificate,
                wait_seconds: within.seconds,
            },
        }
    }
}
