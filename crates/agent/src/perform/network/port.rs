//! Whether ports are open, what they say first and what their TLS shows.
//!
//! A closed or filtered port is a finding, not a failure. Of several addresses of a host the first counts on which any
//! port is open; when none is, the first. To a UDP port one empty datagram is sent: only a refusal or an answer tells
//! anything.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};
use postern_protocol::{
    payload::NetworkProtocol,
    result::{PortResult, PortState, PortsResult},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    net::UdpSocket,
    time::timeout,
};

use super::{
    host::{connect, words},
    tls::{Judge, Trust, handshake},
};

/// Ports looked at together.
const AT_ONCE: usize = 32;
/// How long a server is listened to that may speak first, and how much of it is kept.
const BANNER_WAIT: Duration = Duration::from_millis(500);
const BANNER_BYTES: usize = 256;

#[derive(Debug, Clone, Copy)]
pub(super) struct Check<'a> {
    pub(super) host: &'a str,
    pub(super) ports: &'a [u16],
    pub(super) protocol: NetworkProtocol,
    pub(super) wait: Duration,
}

/// With `trust`, TLS is tried on what is open.
pub(super) async fn check(check: Check<'_>, addresses: &[SocketAddr], trust: Option<&Trust>) -> PortsResult {
    let mut first = None;
    for address in addresses {
        let result = check_address(check, *address, trust).await;
        if result.ports.iter().any(|port| port.state == PortState::Open) {
            return result;
        }
        first.get_or_insert(result);
    }
    first.unwrap_or_else(|| PortsResult {
        host: check.host.to_owned(),
        address: String::new(),
        ports: Vec::new(),
    })
}

async fn check_address(check: Check<'_>, address: SocketAddr, trust: Option<&Trust>) -> PortsResult {
    let ports = stream::iter(check.ports.iter().copied())
        .map(|port| {
            let mut address = address;
            address.set_port(port);
            async move {
                match check.protocol {
                    NetworkProtocol::Tcp => tcp(check, address, trust).await,
                    NetworkProtocol::Udp => udp(check, address).await,
                }
            }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    PortsResult {
        host: check.host.to_owned(),
        address: address.ip().to_string(),
        ports,
    }
}

fn finding(check: Check<'_>, address: SocketAddr, state: PortState) -> PortResult {
    PortResult {
        port: address.port(),
        protocol: check.protocol,
        state,
        time_us: None,
        banner: None,
        tls: None,
        problem: None,
    }
}

fn microseconds(since: Instant) -> Option<u64> {
    u64::try_from(since.elapsed().as_micros()).ok()
}

async fn tcp(check: Check<'_>, address: SocketAddr, trust: Option<&Trust>) -> PortResult {
    let begin = Instant::now();
    let mut stream = match connect(address, check.wait).await {
        Ok(stream) => stream,
        Err(error) => {
            let state = match error.kind() {
                io::ErrorKind::ConnectionRefused => PortState::Closed,
                _ => PortState::Filtered,
            };
            let mut port = finding(check, address, state);
            if state == PortState::Closed {
                port.time_us = microseconds(begin);
            }
            port.problem = Some(words(&error));
            return port;
        }
    };
    let mut port = finding(check, address, PortState::Open);
    port.time_us = microseconds(begin);
    let Some(trust) = trust else {
        port.banner = banner(&mut stream).await;
        return port;
    };
    match timeout(check.wait, handshake(stream, check.host, trust, Judge::Note, &[])).await {
        Ok(Ok((mut stream, info))) => {
            port.banner = banner(&mut stream).await;
            port.tls = Some(info);
        }
        Ok(Err(problem)) => port.problem = Some(problem),
        Err(_) => port.problem = Some("the TLS handshake got no answer in time".to_owned()),
    }
    port
}

async fn udp(check: Check<'_>, address: SocketAddr) -> PortResult {
    let begin = Instant::now();
    let asked = async {
        let any = match address {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(address).await?;
        socket.send(&[]).await?;
        let mut buffer = [0; BANNER_BYTES];
        let length = socket.recv(&mut buffer).await?;
        Ok::<_, io::Error>(buffer.get(..length).unwrap_or_default().to_vec())
    };
    match timeout(check.wait, asked).await {
        Ok(Ok(bytes)) => {
            let mut port = finding(check, address, PortState::Open);
            port.time_us = microseconds(begin);
            port.banner = visible(&bytes);
            port
        }
        Ok(Err(error)) => {
            let state = match error.kind() {
                io::ErrorKind::ConnectionRefused => PortState::Closed,
                _ => PortState::Filtered,
            };
            let mut port = finding(check, address, state);
            port.time_us = microseconds(begin);
            port.problem = Some(words(&error));
            port
        }
        Err(_) => finding(check, address, PortState::OpenOrFiltered),
    }
}

async fn banner(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut buffer = [0; BANNER_BYTES];
    let length = timeout(BANNER_WAIT, stream.read(&mut buffer)).await.ok()?.ok()?;
    visible(buffer.get(..length)?)
}

/// One line without control characters; nothing when nothing is left.
fn visible(bytes: &[u8]) -> Option<String> {
    let text: String = String::from_utf8_lossy(bytes)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, net::TcpListener};

    use proptest::prelude::*;

    use super::*;
    use crate::perform::network::fixture::{Certificate, Nginx, block_on, filtered_port, free_port};

    const WAIT: Duration = Duration::from_secs(5);

    fn look(host: &str, ports: &[u16], protocol: NetworkProtocol, wait: Duration) -> PortsResult {
        let addresses = super::super::host::resolve(host, 0).unwrap();
        let what = Check {
            host,
            ports,
            protocol,
            wait,
        };
        block_on(check(what, &addresses, None))
    }

    fn states(result: &PortsResult) -> Vec<PortState> {
        result.ports.iter().map(|port| port.state).collect()
    }

    #[test]
    fn open_and_closed_ports_are_told_apart_in_the_order_asked() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap().port();
        let closed = free_port();
        let result = look("127.0.0.1", &[closed, open], NetworkProtocol::Tcp, WAIT);
        assert_eq!(states(&result), [PortState::Closed, PortState::Open]);
        assert_eq!(result.ports[0].problem.as_deref(), Some("connection refused"));
        assert!(result.ports[1].time_us.is_some() && result.ports[1].problem.is_none());
    }

    #[test]
    fn a_port_that_answers_nothing_is_filtered() {
        let (_full, port) = filtered_port();
        let result = look("127.0.0.1", &[port], NetworkProtocol::Tcp, Duration::from_secs(1));
        assert_eq!(states(&result), [PortState::Filtered]);
        assert_eq!(result.ports[0].problem.as_deref(), Some("no answer in time"));
    }

    #[test]
    fn what_a_server_says_first_is_its_banner() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"SSH-2.0-Test\x1b[31m\r\n\0").unwrap();
            // Held open, as such servers do.
            stream
        });
        let result = look("127.0.0.1", &[port], NetworkProtocol::Tcp, WAIT);
        assert_eq!(result.ports[0].banner.as_deref(), Some("SSH-2.0-Test [31m"));
        server.join().unwrap();
    }

    #[test]
    fn a_udp_port_is_open_closed_or_not_to_be_told() {
        let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let silent_port = silent.local_addr().unwrap().port();
        let gone = free_port();
        let talks = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let talks_port = talks.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (_, from) = talks.recv_from(&mut [0; 8]).unwrap();
            talks.send_to(b"hello", from).unwrap();
        });
        let ports = [silent_port, gone, talks_port];
        let result = look("127.0.0.1", &ports, NetworkProtocol::Udp, Duration::from_secs(2));
        server.join().unwrap();
        assert_eq!(
            states(&result),
            [PortState::OpenOrFiltered, PortState::Closed, PortState::Open]
        );
        assert_eq!(result.ports[2].banner.as_deref(), Some("hello"));
    }

    #[test]
    fn an_address_on_which_nothing_is_open_is_passed_over() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let addresses = ["[::1]:0".parse().unwrap(), "127.0.0.1:0".parse().unwrap()];
        let what = Check {
            host: "localhost",
            ports: &[port],
            protocol: NetworkProtocol::Tcp,
            wait: WAIT,
        };
        assert_eq!(block_on(check(what, &addresses, None)).address, "127.0.0.1");
    }

    fn tls_of(certificate: &Certificate, host: &str, trust: &Trust) -> PortResult {
        let nginx = Nginx::start(certificate, "");
        let addresses = ["127.0.0.1:0".parse().unwrap()];
        let what = Check {
            host,
            ports: &[nginx.https],
            protocol: NetworkProtocol::Tcp,
            wait: WAIT,
        };
        block_on(check(what, &addresses, Some(trust))).ports.remove(0)
    }

    #[test]
    fn tls_is_shown_with_its_certificate() {
        let certificate = Certificate::good();
        let port = tls_of(&certificate, "localhost", &certificate.trust());
        let info = port.tls.unwrap();
        assert_eq!(info.version, "TLS 1.3");
        assert!(
            info.cipher.starts_with("TLS13_") || info.cipher.starts_with("TLS_"),
            "{}",
            info.cipher
        );
        assert_eq!(
            (info.subject.as_str(), info.issuer.as_str()),
            ("CN=server", "CN=Test CA")
        );
        assert_eq!(info.names, ["localhost", "127.0.0.1"]);
        assert_eq!(
            (info.not_before.as_str(), info.not_after.as_str()),
            ("2020-01-01T00:00:00Z", "2095-01-01T00:00:00Z")
        );
        assert_eq!(info.problem, None);
    }

    #[test]
    fn what_is_wrong_with_a_certificate_is_said() {
        for (certificate, host, expected) in [
            (
                Certificate::good(),
                "other.test",
                "it is not for other.test: it names localhost, 127.0.0.1",
            ),
            (
                Certificate::expired(),
                "localhost",
                "it expired at 2021-01-01T00:00:00Z",
            ),
        ] {
            let port = tls_of(&certificate, host, &certificate.trust());
            assert_eq!(port.state, PortState::Open);
            assert_eq!(port.tls.unwrap().problem.as_deref(), Some(expected));
        }
        for (authority, expected) in [
            ("Other CA", "this host does not know its issuer, CN=Test CA"),
            (
                "Test CA",
                "it is not signed by the CN=Test CA that this host trusts",
            ),
        ] {
            let unknown = tls_of(
                &Certificate::good(),
                "localhost",
                &Certificate::by(authority).trust(),
            );
            assert_eq!(unknown.tls.unwrap().problem.as_deref(), Some(expected));
        }
        let nobody = tls_of(&Certificate::good(), "localhost", &Trust::nobody());
        assert!(nobody.tls.unwrap().problem.unwrap().contains("ca-certificates"));
    }

    #[test]
    fn a_port_without_tls_is_open_all_the_same() {
        let certificate = Certificate::good();
        let nginx = Nginx::start(&certificate, "");
        let addresses = ["127.0.0.1:0".parse().unwrap()];
        let what = Check {
            host: "localhost",
            ports: &[nginx.http],
            protocol: NetworkProtocol::Tcp,
            wait: WAIT,
        };
        let port = block_on(check(what, &addresses, Some(&certificate.trust())))
            .ports
            .remove(0);
        assert_eq!((port.state, port.tls), (PortState::Open, None));
        assert_eq!(
            port.problem.as_deref(),
            Some(
                "the TLS handshake failed: what answers there does not speak TLS: check the port, or ask without TLS"
            )
        );
    }

    proptest! {
        #[test]
        fn a_banner_is_one_visible_line(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Some(text) = visible(&bytes) {
                prop_assert!(!text.is_empty() && !text.chars().any(char::is_control));
            }
        }
    }
}
