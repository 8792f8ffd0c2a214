//! The server's certificate and the listener that speaks TLS.
//!
//! Without files of the operator's, the cluster has a CA of its own (kept sealed in the database) and each
//! server issues itself a certificate at every start. The chain that is presented ends with the CA, because
//! agents look for the one their enrolment token names.

use std::{net::IpAddr, sync::Arc};

use postern_domain::Timestamp;
use postern_store::Store;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{
    config::Config,
    error::Error,
    http::listener,
    keys::{MasterKey, keep, write_private},
};

/// What the rest of the server needs to know of its TLS identity.
pub(crate) struct Identity {
    pub(crate) config: Arc<ServerConfig>,
    /// PEM of the last certificate of the chain, and its SHA-256.
    pub(crate) ca_pem: String,
    pub(crate) ca_sha256: [u8; 32],
    /// SHA-256 of the leaf's public key, as curl's `--pinnedpubkey` wants it.
    pub(crate) key_sha256: [u8; 32],
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity")
    }
}

/// For requests of the server's own: the authorities of this machine, and further ones.
pub(crate) fn outbound(extra_ca: Option<&str>) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    // A machine without authorities trusts nobody: the handshake says so.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for certificate in CertificateDer::pem_slice_iter(extra_ca.unwrap_or_default().as_bytes()) {
        let certificate = certificate.map_err(|error| internal(format!("POSTERN_EXTRA_CA: {error}")))?;
        roots
            .add(certificate)
            .map_err(|error| internal(format!("POSTERN_EXTRA_CA: {error}")))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(internal)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

pub(crate) async fn load(
    config: &Config,
    store: &Store,
    master: &MasterKey,
    now: Timestamp,
) -> Result<Identity, Error> {
    let (chain, key) = match &config.tls {
        Some(files) => read_files(&files.certificate, &files.key)?,
        None => own_chain(config, store, master, now).await?,
    };
    let leaf = chain
        .first()
        .ok_or_else(|| internal("the certificate file has no certificate"))?;
    let (_, parsed) = x509_parser::parse_x509_certificate(leaf).map_err(internal)?;
    let key_sha256 = Sha256::digest(parsed.public_key().raw).into();
    let ca = chain
        .last()
        .ok_or_else(|| internal("the certificate file has no certificate"))?
        .clone();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(internal)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| internal(format!("certificate and key do not fit: {error}")))?;
    server.alpn_protocols = vec![listener::HTTP2.to_vec(), b"http/1.1".to_vec()];
    server.session_storage = rustls::server::ServerSessionMemoryCache::new(4096);
    Ok(Identity {
        config: Arc::new(server),
        ca_pem: pem(&ca),
        ca_sha256: Sha256::digest(&ca).into(),
        key_sha256,
    })
}

#[allow(clippy::needless_pass_by_value, reason = "stands in `map_err`")]
fn internal(error: impl ToString) -> Error {
    Error::Internal(error.to_string())
}

type Chain = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn read_files(certificate: &std::path::Path, key: &std::path::Path) -> Result<Chain, Error> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| {
            internal(format!(
                "cannot read certificates from {}: {error}",
                certificate.display()
            ))
        })?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| {
        internal(format!(
            "cannot read a private key from {}: {error}",
            key.display()
        ))
    })?;
    Ok((chain, key))
}

/// Kept sealed in the database as two PEM texts, certificate first.
const CA: &str = "ca";

async fn own_chain(
    config: &Config,
    store: &Store,
    master: &MasterKey,
    now: Timestamp,
) -> Result<Chain, Error> {
    let bytes = keep(store, master, CA, now, || make_ca(now)).await?;
    let text = std::str::from_utf8(&bytes).map_err(internal)?;
    let ca = CertificateDer::from_pem_slice(text.as_bytes()).map_err(internal)?;
    let ca_key = KeyPair::from_pem(text.find("-----BEGIN PRIVATE KEY").map_or("", |at| &text[at..]))
        .map_err(internal)?;
    let issuer = Issuer::from_ca_cert_der(&ca, ca_key).map_err(internal)?;
    // The key stays the same over restarts: the install command pins it.
    let path = config.data.join("tls.key");
    let leaf_key = match std::fs::read_to_string(&path) {
        Ok(text) => KeyPair::from_pem(&Zeroizing::new(text)).map_err(internal)?,
        Err(_) => {
            let key = KeyPair::generate().map_err(internal)?;
            write_private(&path, Zeroizing::new(key.serialize_pem()).as_bytes())?;
            key
        }
    };
    let mut parameters = CertificateParams::new(Vec::new()).map_err(internal)?;
    parameters.distinguished_name = name("Postern server");
    parameters.subject_alt_names = alternative_names(config)?;
    parameters.not_before = at(now, -1)?;
    parameters.not_after = at(now, 825)?;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let leaf = parameters.signed_by(&leaf_key, &issuer).map_err(internal)?;
    let key = PrivateKeyDer::try_from(leaf_key.serialize_der()).map_err(internal)?;
    Ok((vec![leaf.der().clone(), ca], key))
}

fn make_ca(now: Timestamp) -> Result<Zeroizing<Vec<u8>>, Error> {
    let key = KeyPair::generate().map_err(internal)?;
    let mut parameters = CertificateParams::new(Vec::new()).map_err(internal)?;
    parameters.distinguished_name = name("Postern CA");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters.not_before = at(now, -1)?;
    parameters.not_after = at(now, 3650)?;
    let certificate = parameters.self_signed(&key).map_err(internal)?;
    let text = Zeroizing::new(format!(
        "{}{}",
        certificate.pem(),
        *Zeroizing::new(key.serialize_pem())
    ));
    Ok(Zeroizing::new(text.as_bytes().to_vec()))
}

fn name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

fn at(now: Timestamp, days: i64) -> Result<time::OffsetDateTime, Error> {
    time::OffsetDateTime::from_unix_timestamp(now.as_seconds() + days * 86_400).map_err(internal)
}

/// This machine, the address listened on, the public address, and whatever the operator adds.
fn alternative_names(config: &Config) -> Result<Vec<SanType>, Error> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".into(), "::1".into()];
    if !config.listen.ip().is_unspecified() {
        names.push(config.listen.ip().to_string());
    }
    if let Ok(host) = std::fs::read_to_string("/proc/sys/kernel/hostname") {
        names.push(host.trim().to_owned());
    }
    if let Some(host) = config.public_url.as_deref().and_then(host_of) {
        names.push(host.to_owned());
    }
    names.extend(config.names.iter().cloned());
    names.sort();
    names.dedup();
    let san = |name: String| match name.parse::<IpAddr>() {
        Ok(address) => Ok(SanType::IpAddress(address)),
        Err(_) => name
            .clone()
            .try_into()
            .map(SanType::DnsName)
            .map_err(|_| internal(format!("{name:?} is not a name for a certificate"))),
    };
    names
        .into_iter()
        .filter(|name| !name.is_empty() && name != "(none)")
        .map(san)
        .collect()
}

fn host_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?']).next()?;
    if let Some(bracketed) = authority.strip_prefix('[') {
        return bracketed.split(']').next();
    }
    authority
        .rsplit_once(':')
        .map_or(Some(authority), |(host, _)| Some(host))
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let text = STANDARD.encode(certificate);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_of_an_address() {
        assert_eq!(host_of("https://postern.example:8443/x"), Some("postern.example"));
        assert_eq!(host_of("https://[::1]:8443"), Some("::1"));
        assert_eq!(host_of("https://10.0.0.1"), Some("10.0.0.1"));
        assert_eq!(host_of("nonsense"), None);
    }
}
