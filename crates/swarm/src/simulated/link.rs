//! One agent's connection: HTTP/2 over TLS, as a real agent has it, without the layers a real one can afford.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, StatusCode,
    client::conn::http2::{self, SendRequest},
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use postern_protocol::proof;
use rustls::{ClientConfig, RootCertStore, client::Resumption};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

const CONNECT_WITHIN: Duration = Duration::from_secs(60);

/// The server as agents know it.
pub(crate) struct Address {
    /// `https://127.0.0.1:PORT`
    pub(crate) url: String,
    host: String,
    name: ServerName<'static>,
    tls: TlsConnector,
}

impl Address {
    /// One TLS configuration for all agents. Sessions are not resumed: each agent is a host of its own.
    pub(crate) fn new(url: &str, ca_pem: &str) -> Result<Self> {
        let host = url.strip_prefix("https://").context("the server speaks TLS")?;
        let (name, _port) = host.rsplit_once(':').context("the address has a port")?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
            roots.add(certificate.context("ca.pem is damaged")?)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        config.resumption = Resumption::disabled();
        Ok(Self {
            url: url.to_owned(),
            host: host.to_owned(),
            name: ServerName::try_from(name.to_owned())?,
            tls: TlsConnector::from(Arc::new(config)),
        })
    }
}

#[derive(Clone)]
pub(crate) struct Link {
    requests: SendRequest<Full<Bytes>>,
}

/// What every request carries to prove who sends it.
pub(crate) struct Proven {
    pub(crate) proof: String,
    /// Absent at enrolment.
    pub(crate) authorization: Option<HeaderValue>,
}

impl Link {
    pub(crate) async fn open(address: &Address) -> Result<Self> {
        timeout(CONNECT_WITHIN, Self::connect(address))
            .await
            .context("connecting took too long")?
    }

    async fn connect(address: &Address) -> Result<Self> {
        let stream = TcpStream::connect(&address.host).await?;
        stream.set_nodelay(true)?;
        let stream = address.tls.connect(address.name.clone(), stream).await?;
        let (requests, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(256 * 1024)
            .initial_connection_window_size(256 * 1024)
            .handshake(TokioIo::new(stream))
            .await?;
        // Ends with the last of our requests and senders, or with the server; requests then fail.
        tokio::spawn(connection);
        Ok(Self { requests })
    }

    pub(crate) async fn post<A: DeserializeOwned>(
        &self,
        address: &Address,
        path: &str,
        proven: Proven,
        body: &impl Serialize,
    ) -> Result<A> {
        let mut proof = HeaderValue::from_str(&proven.proof)?;
        proof.set_sensitive(true);
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}{path}", address.url))
            .header(USER_AGENT, "postern-swarm")
            .header(CONTENT_TYPE, "application/json")
            .header(proof::HEADER, proof);
        if let Some(authorization) = proven.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Full::new(Bytes::from(serde_json::to_vec(body)?)))?;
        let response = self.requests.clone().send_request(request).await?;
        let status = response.status();
        let answer = response.into_body().collect().await?.to_bytes();
        if status != StatusCode::OK {
            bail!(
                "the server answered {status} to {path}: {}",
                String::from_utf8_lossy(&answer)
            );
        }
        Ok(serde_json::from_slice(&answer)?)
    }
}
