//! Names to addresses, as the host's other programs find them, and connections to exactly those.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs as _},
    time::Duration,
};

use tokio::{net::TcpStream, time::timeout};

/// The addresses of a host by name or address, in the system's order. An IPv4 address in IPv6 clothes is taken out
/// of them, so that whoever judges addresses sees one form only.
pub(in crate::perform) fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let found = (host, port).to_socket_addrs().map_err(|error| {
        let text = error.to_string();
        let cause = text.rsplit(": ").next().unwrap_or_default();
        format!("host '{host}' was not found: {cause}")
    })?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for mut address in found {
        let plain = address.ip().to_canonical();
        if plain != address.ip() {
            address = SocketAddr::new(plain, port);
        }
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(format!("host '{host}' has no address"));
    }
    Ok(addresses)
}

/// The system's words without its number.
pub(in crate::perform) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}

pub(in crate::perform) async fn connect(address: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
    match timeout(limit, TcpStream::connect(address)).await {
        Ok(connected) => connected,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_as_itself_and_out_of_its_clothes() {
        for (host, expected) in [
            ("127.0.0.1", "127.0.0.1:80"),
            ("::1", "[::1]:80"),
            ("::ffff:169.254.169.254", "169.254.169.254:80"),
        ] {
            let found: Vec<String> = resolve(host, 80)
                .unwrap()
                .iter()
                .map(SocketAddr::to_string)
                .collect();
            assert_eq!(found, [expected], "{host}");
        }
    }

    #[test]
    fn a_host_that_is_not_there_is_named() {
        let text = resolve("no-such-host.invalid", 80).unwrap_err();
        assert!(
            text.starts_with("host 'no-such-host.invalid' was not found: "),
            "{text}"
        );
    }
}
