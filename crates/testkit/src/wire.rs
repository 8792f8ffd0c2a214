//! Plain HTTP requests, for what a typed client cannot say: wrong bodies, wrong headers, forged credentials.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::{Method, header::HeaderMap};
use rustls::pki_types::ServerName;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

/// Connections to one server that trust its CA. Clones share them.
#[derive(Debug, Clone)]
pub struct Wire {
    http: reqwest::Client,
    tls: Arc<rustls::ClientConfig>,
    url: String,
}

/// An answer as it came.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Wire {
    pub(crate) fn new(url: String, ca_pem: &str) -> Self {
        use rustls::pki_types::{CertificateDer, pem::PemObject as _};
        let mut roots = rustls::RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(ca_pem.as_bytes()).expect("the server's CA is a certificate");
        roots.add(ca).expect("the server's CA is a root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has the usual versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(config.clone())
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("an HTTP client");
        Self {
            http,
            tls: Arc::new(config),
            url,
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// A connection that says nothing once TLS stands, as long as it is held.
    pub async fn silent(&self) -> tokio_rustls::client::TlsStream<TcpStream> {
        let address = self.url.trim_start_matches("https://");
        let (host, _) = address.rsplit_once(':').expect("an address has a port");
        let name = ServerName::try_from(host.to_owned()).expect("a host has a name");
        let stream = TcpStream::connect(address).await.expect("the server listens");
        let connector = tokio_rustls::TlsConnector::from(self.tls.clone());
        connector
            .connect(name, stream)
            .await
            .expect("the server speaks TLS")
    }

    /// To be completed by the caller; `path` begins with a slash.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }
}

impl Answer {
    /// Sends and reads to the end.
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request
            .timeout(super::LIMIT * 2)
            .send()
            .await
            .expect("the server answers");
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await.expect("the answer is whole"),
        }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{} {}: {error}", self.status, self.text()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap_or("not text"))
    }

    /// The code of a problem document, which must be one.
    pub fn code(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{} {}",
            self.status,
            self.text()
        );
        let problem: postern_api::Problem = self.json();
        assert_eq!(problem.status, self.status);
        problem.code
    }
}
