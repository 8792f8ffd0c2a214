//! Whom the agent believes. At enrolment: a server whose chain holds the CA that the token names. Later: only
//! that CA. The host's own store of authorities is never asked.

use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Trusts one authority and nothing else.
pub(crate) fn pinned(ca: &[u8]) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(ca.to_vec()))?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(finished(config))
}

/// Trusts the authority with this hash, when the server shows it in its chain.
pub(crate) fn pinning(ca_sha256: [u8; 32]) -> Result<(ClientConfig, Arc<PinVerifier>), Error> {
    let verifier = Arc::new(PinVerifier {
        ca_sha256,
        provider: provider(),
        seen: Mutex::default(),
    });
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier.clone())
        .with_no_client_auth();
    Ok((finished(config), verifier))
}

fn finished(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // One server: the default room for 256 only costs memory.
    config.resumption = Resumption::in_memory_sessions(4);
    config
}

#[derive(Debug)]
pub(crate) struct PinVerifier {
    ca_sha256: [u8; 32],
    provider: Arc<CryptoProvider>,
    seen: Mutex<Seen>,
}

/// What the last handshake showed; the HTTP library's errors do not tell.
#[derive(Debug, Clone, Default)]
pub(crate) enum Seen {
    #[default]
    Nothing,
    /// The server has another authority: a wrong address, or someone in between.
    OtherCa,
    /// The right authority, but a certificate that does not hold.
    Refused(String),
    /// DER of the authority.
    Trusted(Vec<u8>),
}

impl PinVerifier {
    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, seen: Seen) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let named = |certificate: &&CertificateDer<'_>| {
            digest::digest(&digest::SHA256, certificate).as_ref() == self.ca_sha256
        };
        let Some(ca) = intermediates.iter().find(named) else {
            self.note(Seen::OtherCa);
            return Err(CertificateError::UnknownIssuer.into());
        };
        let verified = || {
            let mut roots = RootCertStore::empty();
            roots.add(ca.clone().into_owned())?;
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
                .build()
                .map_err(|error| Error::General(error.to_string()))?
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        match verified() {
            Ok(verified) => {
                self.note(Seen::Trusted(ca.to_vec()));
                Ok(verified)
            }
            Err(error) => {
                self.note(Seen::Refused(error.to_string()));
                Err(error)
            }
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

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        None
    }
}
