//! What a TLS server shows, and what this host thinks of it.
//!
//! A handshake always checks that the server holds the key of its certificate. Whether the certificate is one to
//! trust is a verdict beside it: with [`Judge::Refuse`] a bad one ends the handshake before anything is sent, with
//! [`Judge::Note`] it is only told, for the diagnostics whose purpose is to tell it.

mod words;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use postern_protocol::result::TlsInfo;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
    server::ParsedCertificate,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, prelude::FromDer as _, time::ASN1Time,
};

use crate::tls::provider;

/// Kept of a certificate's names: all of them together, so that a hundred hostile ports fit into one result.
const NAMES_BYTES: usize = 2048;
const NAME_CHARACTERS: usize = 256;

/// Authorities to believe.
pub(in crate::perform) struct Trust {
    roots: RootCertStore,
    /// Those that are not the host's own, as they were given.
    given: Vec<CertificateDer<'static>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::perform) enum Judge {
    Refuse,
    Note,
}

impl Trust {
    /// Those of the host, as its other programs find them. Certificates that cannot be read are left out, as
    /// those programs do; with none at all every certificate is refused with that reason.
    pub(in crate::perform) fn of_host() -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Self {
            roots,
            given: Vec::new(),
        }
    }

    /// And those in this PEM text; refused unless each can be read. A server may also show one of these as its own, as
    /// those do that were set up with a certificate that signs itself.
    pub(in crate::perform) fn and(mut self, pem: &str) -> Result<Self, String> {
        let mut count = 0;
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            count += 1;
            let certificate =
                certificate.map_err(|error| format!("extra_ca: certificate {count} is not PEM: {error}"))?;
            self.roots
                .add(certificate.clone())
                .map_err(|error| format!("extra_ca: certificate {count} cannot be used: {error}"))?;
            self.given.push(certificate);
        }
        if count == 0 {
            return Err("extra_ca: holds no certificate in PEM".to_owned());
        }
        Ok(self)
    }

    #[cfg(test)]
    pub(in crate::perform) fn nobody() -> Self {
        Self {
            roots: RootCertStore::empty(),
            given: Vec::new(),
        }
    }
}

/// Speaks TLS on an open connection. `alpn` are the protocols offered; none for a mere look.
pub(in crate::perform) async fn handshake(
    stream: TcpStream,
    host: &str,
    trust: &Trust,
    judge: Judge,
    alpn: &[&[u8]],
) -> Result<(TlsStream<TcpStream>, TlsInfo), String> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| format!("'{host}' is not a name that a certificate can have"))?;
    let inspector = Arc::new(Inspector::new(host, trust, judge)?);
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(inspector.clone())
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let seen = inspector.seen();
    match (connected, seen) {
        (Ok(stream), Some(seen)) => {
            let session = stream.get_ref().1;
            let mut info = seen.info;
            info.version = session.protocol_version().map_or_else(String::new, version);
            info.cipher = session
                .negotiated_cipher_suite()
                .and_then(|suite| suite.suite().as_str())
                .unwrap_or_default()
                .to_owned();
            Ok((stream, info))
        }
        (Ok(_), None) => Err("the server showed no certificate".to_owned()),
        (Err(_), Some(seen)) if judge == Judge::Refuse && seen.info.problem.is_some() => {
            Err(refusal(&seen.info))
        }
        (Err(error), _) => Err(format!("the TLS handshake failed: {}", words::failure(&error))),
    }
}

/// Why nothing is sent to a server with this certificate.
pub(in crate::perform) fn refusal(info: &TlsInfo) -> String {
    format!(
        "the server's certificate is not accepted: {}",
        info.problem.as_deref().unwrap_or_default()
    )
}

fn version(version: rustls::ProtocolVersion) -> String {
    match version {
        rustls::ProtocolVersion::TLSv1_2 => "TLS 1.2".to_owned(),
        rustls::ProtocolVersion::TLSv1_3 => "TLS 1.3".to_owned(),
        other => format!("{other:?}"),
    }
}

#[derive(Debug, Clone)]
struct Seen {
    info: TlsInfo,
}

#[derive(Debug)]
struct Inspector {
    host: String,
    /// Absent when there is no authority to trust, which the library takes for a mistake.
    judge_of: Option<Arc<WebPkiServerVerifier>>,
    given: Vec<CertificateDer<'static>>,
    judge: Judge,
    provider: Arc<CryptoProvider>,
    seen: Mutex<Option<Seen>>,
}

impl Inspector {
    fn new(host: &str, trust: &Trust, judge: Judge) -> Result<Self, String> {
        let judge_of = if trust.roots.is_empty() {
            None
        } else {
            let roots = Arc::new(trust.roots.clone());
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider())
                .build()
                .map_err(|error| error.to_string())?;
            Some(verifier)
        };
        Ok(Self {
            host: host.to_owned(),
            judge_of,
            given: trust.given.clone(),
            judge,
            provider: provider(),
            seen: Mutex::default(),
        })
    }

    /// What the library refused once more: an authority's certificate that a server shows as its own holds when it is
    /// exactly one that was given, names the host and is in its time.
    fn verify_given(
        &self,
        refused: Error,
        end_entity: &CertificateDer<'_>,
        server_name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let is_given = self
            .given
            .iter()
            .any(|given| given.as_ref() == end_entity.as_ref());
        if !(is_given && is_authority(end_entity) && is_in_time(end_entity, now)) {
            return Err(refused);
        }
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn seen(&self) -> Option<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Inspector {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut info = describe(end_entity);
        let verdict = match &self.judge_of {
            Some(verifier) => verifier
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                .or_else(|error| self.verify_given(error, end_entity, server_name, now)),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        if let Err(error) = &verdict {
            info.problem = Some(match self.judge_of {
                Some(_) => words::problem(error, &info, is_authority(end_entity), &self.host),
                None => {
                    "this host trusts no authority at all: install its package ca-certificates".to_owned()
                }
            });
        }
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Seen { info });
        match self.judge {
            Judge::Refuse => verdict,
            Judge::Note => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Whether it may sign others. Such a one is not taken for a server's by the library, whoever trusts it.
fn is_authority(der: &[u8]) -> bool {
    X509Certificate::from_der(der).is_ok_and(|(_, certificate)| certificate.is_ca())
}

fn is_in_time(der: &[u8], now: UnixTime) -> bool {
    let now = i64::try_from(now.as_secs())
        .ok()
        .and_then(|seconds| ASN1Time::from_timestamp(seconds).ok());
    let read = X509Certificate::from_der(der).ok();
    now.zip(read)
        .is_some_and(|(now, (_, certificate))| certificate.validity().is_valid_at(now))
}

/// What stands in a certificate; empty where it cannot be read, which the verdict then says.
fn describe(der: &[u8]) -> TlsInfo {
    let mut info = TlsInfo {
        version: String::new(),
        cipher: String::new(),
        subject: String::new(),
        issuer: String::new(),
        names: Vec::new(),
        not_before: String::new(),
        not_after: String::new(),
        problem: None,
    };
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return info;
    };
    info.subject = visible(&certificate.subject().to_string());
    info.issuer = visible(&certificate.issuer().to_string());
    info.not_before = rfc3339(&certificate.validity().not_before);
    info.not_after = rfc3339(&certificate.validity().not_after);
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let mut room = NAMES_BYTES;
    for name in alternative.iter().flat_map(|names| &names.value.general_names) {
        let Some(name) = host_name(name) else {
            continue;
        };
        room = match room.checked_sub(name.len()) {
            Some(room) => room,
            None => break,
        };
        info.names.push(name);
    }
    info
}

fn host_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(visible(name)),
        GeneralName::IPAddress(bytes) => {
            let address = <[u8; 4]>::try_from(*bytes)
                .map(IpAddr::from)
                .or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

fn visible(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(NAME_CHARACTERS)
        .collect()
}

fn rfc3339(time: &ASN1Time) -> String {
    let time = time.to_datetime();
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_of_a_certificate_make_it_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            at in 0_usize..400,
            byte in any::<u8>(),
        ) {
            let _ = describe(&bytes);
            let mut der = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.der().to_vec();
            if let Some(place) = der.get_mut(at) {
                *place = byte;
            }
            let _ = describe(&der);
        }
    }

    #[test]
    fn text_that_is_no_certificate_is_no_extra_authority() {
        let begin = "-----BEGIN CERTIFICATE-----\n";
        for pem in [
            "",
            "hello",
            begin,
            &format!("{begin}AAAA\n-----END CERTIFICATE-----\n"),
        ] {
            let error = Trust::nobody().and(pem).err().unwrap();
            assert!(error.starts_with("extra_ca: "), "{error}");
        }
    }
}
