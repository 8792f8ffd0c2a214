//! Which servers the client believes, and the TLS configuration that follows from it.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject};

use crate::SetupError;

/// Whose signature makes a server's certificate believable.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// The certificate authorities of this machine.
    #[default]
    System,
    /// Only the authorities in this PEM text: a server with its own CA.
    Ca(String),
}

/// Built here and handed to the HTTP library, whose own verifier refuses to start on a host without a CA store.
pub(crate) fn tls_config(trust: &Trust) -> Result<ClientConfig, SetupError> {
    let roots = match trust {
        Trust::System => system_roots(),
        Trust::Ca(pem) => roots_from_pem(pem)?,
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(SetupError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // The library offers HTTP/2 only in configurations it built itself.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// An unreadable or empty store is no error here: the handshake will say that the server is not trusted.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn roots_from_pem(pem: &str) -> Result<RootCertStore, SetupError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| SetupError::Ca(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| SetupError::Ca(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(SetupError::Ca("there is no certificate in it".to_owned()));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_a_certificate_is_no_ca() {
        for text in [
            "",
            "hello",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            let error = tls_config(&Trust::Ca(text.to_owned())).expect_err("refused");
            assert!(matches!(error, SetupError::Ca(_)), "{text:?}: {error}");
        }
    }

    #[test]
    fn the_systems_store_is_accepted_even_when_empty() {
        assert!(tls_config(&Trust::System).is_ok());
    }
}
