//! One HTTP request over one connection to an address that was chosen, and judged, before.
//!
//! Nothing here looks a name up or follows a redirect, and no proxy is asked: whoever calls decides where the bytes go.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, Uri, body::Incoming, header, http::request::Parts};
use hyper_util::rt::{TokioExecutor, TokioIo};
use postern_protocol::{result::TlsInfo, with_causes};
use tokio::io::{AsyncRead, AsyncWrite};
use url::{Host, Url};

use super::super::network::{
    host::{connect, words},
    tls::{Judge, Trust, handshake},
};

const H2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// Host and port as a connection and a certificate know them: an IPv6 address without its brackets.
pub(in crate::perform) fn place(url: &Url) -> Result<(String, u16), String> {
    let host = match url.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => return Err(format!("'{url}' names no host")),
    };
    let port = url
        .port_or_known_default()
        .ok_or_else(|| format!("'{url}' is neither http:// nor https://"))?;
    Ok((host, port))
}

pub(in crate::perform) struct Connection {
    sender: Sender,
    pub(in crate::perform) tls: Option<TlsInfo>,
}

enum Sender {
    One(hyper::client::conn::http1::SendRequest<Full<Bytes>>),
    Two(hyper::client::conn::http2::SendRequest<Full<Bytes>>),
}

/// Connects to the first of these addresses that takes the call.
pub(in crate::perform) async fn open(
    url: &Url,
    addresses: &[SocketAddr],
    trust: &Trust,
    judge: Judge,
    limit: Duration,
) -> Result<Connection, String> {
    let mut last = "no address".to_owned();
    for address in addresses {
        let stream = match connect(*address, limit).await {
            Ok(stream) => stream,
            Err(error) => {
                last = format!("{address} cannot be reached: {}", words(&error));
                continue;
            }
        };
        if url.scheme() != "https" {
            return Ok(Connection {
                sender: one(stream).await?,
                tls: None,
            });
        }
        let (host, _) = place(url)?;
        let shaken = handshake(stream, &host, trust, judge, &[H2, HTTP1]);
        let (stream, info) = tokio::time::timeout(limit, shaken)
            .await
            .map_err(|_| "the TLS handshake got no answer in time".to_owned())??;
        let sender = match stream.get_ref().1.alpn_protocol() {
            Some(H2) => two(stream).await?,
            _ => one(stream).await?,
        };
        return Ok(Connection {
            sender,
            tls: Some(info),
        });
    }
    Err(last)
}

async fn one(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Sender, String> {
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failed(&error))?;
    // Ends with the sender; what goes wrong is told there.
    tokio::spawn(connection);
    Ok(Sender::One(sender))
}

async fn two(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Sender, String> {
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .map_err(|error| failed(&error))?;
    tokio::spawn(connection);
    Ok(Sender::Two(sender))
}

impl Connection {
    /// The address in `parts` is replaced by that of `url`.
    pub(in crate::perform) async fn send(
        self,
        url: &Url,
        mut parts: Parts,
        body: Bytes,
    ) -> Result<Response<Incoming>, String> {
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let authority = url
            .port()
            .map_or_else(|| host(url), |port| format!("{}:{port}", host(url)));
        let uri = match self.sender {
            Sender::One(_) => {
                let value = header::HeaderValue::try_from(&authority).map_err(|error| error.to_string())?;
                parts.headers.entry(header::HOST).or_insert(value);
                Uri::builder().path_and_query(path).build()
            }
            Sender::Two(_) => Uri::builder()
                .scheme(url.scheme())
                .authority(authority)
                .path_and_query(path)
                .build(),
        };
        parts.uri = uri.map_err(|error| format!("'{url}' cannot be asked for: {error}"))?;
        let request = Request::from_parts(parts, Full::new(body));
        let answer = match self.sender {
            Sender::One(mut sender) => sender.send_request(request).await,
            Sender::Two(mut sender) => sender.send_request(request).await,
        };
        answer.map_err(|error| failed(&error))
    }
}

/// As it stands in the address: an IPv6 address in brackets.
fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

fn failed(error: &hyper::Error) -> String {
    format!("the server gave no answer: {}", with_causes(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_what_is_connected_to() {
        for (url, expected) in [
            ("http://web.test/a", ("web.test", 80)),
            ("https://web.test:8443", ("web.test", 8443)),
            ("https://[::1]/", ("::1", 443)),
            ("http://0x7f.1/", ("127.0.0.1", 80)),
            ("http://2852039166/", ("169.254.169.254", 80)),
        ] {
            let (host, port) = place(&Url::parse(url).unwrap()).unwrap();
            assert_eq!((host.as_str(), port), expected, "{url}");
        }
    }
}
