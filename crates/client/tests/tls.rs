//! Which servers are believed: a real handshake with a server that has its own CA.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use postern_client::{Client, Credentials, Error, Trust};
use postern_domain::AgentId;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::PrivateKeyDer;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::{TlsAcceptor, rustls};

fn answer() -> String {
    let body =
        r#"{"type":"/docs/errors#x","title":"X","status":404,"code":"x","detail":"there is no agent 1"}"#;
    let length = body.len();
    format!("HTTP/1.1 404 Not Found\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// A server's address, and the PEM of its CA.
async fn server(name: &str) -> (String, String) {
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate().unwrap();
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new([name.to_owned()])
        .unwrap()
        .signed_by(&key, &Issuer::new(ca, ca_key))
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(connection).await {
                let mut request = [0_u8; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer().as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        }
    });
    (url, ca_pem)
}

async fn error(url: &str, trust: &Trust) -> Error {
    let client = Client::new(url, &Credentials::None, trust).unwrap();
    client.agent_revoke(AgentId(1)).await.unwrap_err()
}

#[tokio::test]
async fn a_server_is_believed_by_its_own_ca() {
    let (url, ca) = server("localhost").await;
    let error = error(&url, &Trust::Ca(ca)).await;
    assert!(
        matches!(error, Error::Problem(_)),
        "the answer came through: {error}"
    );
}

#[tokio::test]
async fn another_ca_or_only_the_systems_is_not_believed() {
    let (url, _) = server("localhost").await;
    let (_, other) = server("localhost").await;
    for trust in [Trust::System, Trust::Ca(other)] {
        let error = error(&url, &trust).await;
        assert!(matches!(error, Error::Transport { .. }), "{error}");
        assert!(error.to_string().contains("not trusted"), "{error}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_believed() {
    let (url, ca) = server("elsewhere.example").await;
    let error = error(&url, &Trust::Ca(ca)).await;
    assert!(matches!(error, Error::Transport { .. }), "{error}");
    assert!(error.to_string().contains("name"), "{error}");
}
