//! What is wrong with a certificate or a handshake, in words for whoever has to mend it.

use std::io;

use postern_protocol::result::TlsInfo;
use rustls::{AlertDescription, CertificateError, Error};

use super::super::host::words;

/// What a certificate is not believed for. `is_authority`: it is one that signs others.
pub(super) fn problem(error: &Error, info: &TlsInfo, is_authority: bool, host: &str) -> String {
    let Error::InvalidCertificate(error) = error else {
        return format!("it cannot be judged: {error}");
    };
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("it expired at {}", info.not_after)
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("it is valid from {} only", info.not_before)
        }
        CertificateError::UnknownIssuer => {
            format!("this host does not know its issuer, {}", info.issuer)
        }
        // An authority of the same name, but not the same.
        CertificateError::BadSignature => {
            format!("it is not signed by the {} that this host trusts", info.issuer)
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let names = if info.names.is_empty() {
                "no host".to_owned()
            } else {
                info.names.join(", ")
            };
            format!("it is not for {host}: it names {names}")
        }
        CertificateError::BadEncoding => "it cannot be read".to_owned(),
        CertificateError::Revoked => "it was revoked".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not made for servers: its extended key usage does not name them".to_owned()
        }
        CertificateError::UnhandledCriticalExtension => {
            "it has a critical extension that the agent does not know".to_owned()
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "it is signed in a way that is too old or too rare: have it issued with SHA-256 and RSA or ECDSA"
                .to_owned()
        }
        CertificateError::Other(_) if is_authority => format!(
            "it is the certificate of an authority, {}, and not one for a server: give the server its own, or trust \
             exactly this one as an extra authority",
            info.subject
        ),
        CertificateError::Other(rule) => format!("it breaks a rule of certificates: {}", rule.0),
        other => format!("it is not valid: {other}"),
    }
}

/// Why a handshake failed that no certificate was to blame for.
pub(super) fn failure(error: &io::Error) -> String {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match tls {
        None if error.kind() == io::ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
        None => words(error),
        Some(Error::InvalidMessage(_)) => {
            "what answers there does not speak TLS: check the port, or ask without TLS".to_owned()
        }
        Some(
            Error::PeerIncompatible(_)
            | Error::AlertReceived(
                AlertDescription::HandshakeFailure
                | AlertDescription::ProtocolVersion
                | AlertDescription::InsufficientSecurity,
            ),
        ) => "it has no version or cipher in common with the agent: the server must offer TLS 1.2 or 1.3"
            .to_owned(),
        Some(Error::AlertReceived(AlertDescription::UnrecognisedName)) => {
            "the server knows no host of that name: check the name".to_owned()
        }
        Some(Error::AlertReceived(AlertDescription::CertificateRequired)) => {
            "the server wants a certificate from its callers, and jobs have none".to_owned()
        }
        Some(Error::AlertReceived(alert)) => format!("the server broke it off with the alert {alert:?}"),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::{OtherError, PeerIncompatible};

    use super::*;

    #[derive(Debug)]
    struct Rule;

    impl std::fmt::Display for Rule {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("PathLenConstraintViolated")
        }
    }

    impl std::error::Error for Rule {}

    #[test]
    fn no_verdict_shows_a_type_of_a_library() {
        let info = TlsInfo {
            version: String::new(),
            cipher: String::new(),
            subject: "CN=self".to_owned(),
            issuer: String::new(),
            names: Vec::new(),
            not_before: String::new(),
            not_after: String::new(),
            problem: None,
        };
        let rule = || Error::from(CertificateError::Other(OtherError(Arc::new(Rule))));
        for (error, is_authority, expected) in [
            (
                rule(),
                true,
                "it is the certificate of an authority, CN=self, and",
            ),
            (
                rule(),
                false,
                "it breaks a rule of certificates: PathLenConstraintViolated",
            ),
            (CertificateError::BadEncoding.into(), false, "it cannot be read"),
            (
                CertificateError::InvalidPurpose.into(),
                false,
                "it is not made for servers",
            ),
        ] {
            let text = problem(&error, &info, is_authority, "host");
            assert!(text.starts_with(expected) && !text.contains('('), "{text}");
        }
    }

    #[test]
    fn a_handshake_that_fails_says_what_to_look_at() {
        let of = |error: Error| failure(&io::Error::new(io::ErrorKind::InvalidData, error));
        for (text, expected) in [
            (
                of(Error::AlertReceived(AlertDescription::ProtocolVersion)),
                "the server must offer TLS 1.2 or 1.3",
            ),
            (
                of(Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon)),
                "the server must offer TLS 1.2 or 1.3",
            ),
            (
                of(Error::AlertReceived(AlertDescription::UnrecognisedName)),
                "check the name",
            ),
            (
                failure(&io::ErrorKind::UnexpectedEof.into()),
                "the server closed the connection",
            ),
            (
                failure(&io::Error::from_raw_os_error(nix::libc::ECONNRESET)),
                "connection reset by peer",
            ),
        ] {
            assert!(text.ends_with(expected), "{text}");
        }
    }
}
