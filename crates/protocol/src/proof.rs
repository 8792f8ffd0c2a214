//! Proof of possession on every request of an agent (DPoP, RFC 9449): a small JWT signed with the agent's own
//! key over method, path, time and the credential. A credential stolen without the key is worth nothing.
//!
//! One departure: only the path of `htu` is compared. Behind a proxy the server does not know under which name
//! it was called, and the credential itself is already bound to one cluster by `iss`.

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    jwk::{
        AlgorithmParameters, CommonParameters, EllipticCurve, Jwk, OctetKeyPairParameters, OctetKeyPairType,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    keys::{PublicKey, SigningKey},
    limits::PROOF_SKEW_SECONDS,
};

pub const TYPE: &str = "dpop+jwt";
/// Scheme of the `Authorization` header.
pub const SCHEME: &str = "DPoP";
/// Header that carries the proof.
pub const HEADER: &str = "DPoP";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Unique per request; the server refuses a repeated one.
    pub jti: String,
    pub htm: String,
    pub htu: String,
    pub iat: i64,
    /// Hash of the credential. Absent only in the request that has none yet: enrolment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ath: Option<String>,
}

/// What a proof is about.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// The credential sent beside the proof; `None` at enrolment.
    pub credential: Option<&'a str>,
}

#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    #[error("the proof of key is malformed or its signature is wrong")]
    Invalid,
    #[error("the proof of key is for another request")]
    OtherRequest,
    #[error("the proof of key was made at another time: check the agent's clock")]
    Clock,
    #[error("the credential is bound to another key")]
    OtherKey,
}

/// `server` is the address as the agent knows it, without a path; `jti` a fresh random text.
pub fn make(
    key: &SigningKey,
    server: &str,
    request: Request<'_>,
    jti: String,
    now_seconds: i64,
) -> Result<String, ProofError> {
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(TYPE.to_owned());
    header.jwk = Some(Jwk {
        common: CommonParameters::default(),
        algorithm: AlgorithmParameters::OctetKeyPair(OctetKeyPairParameters {
            key_type: OctetKeyPairType::OctetKeyPair,
            curve: EllipticCurve::Ed25519,
            x: key.public().to_string(),
        }),
    });
    let claims = Claims {
        jti,
        htm: request.method.to_owned(),
        htu: format!("{}{}", server.trim_end_matches('/'), request.path),
        iat: now_seconds,
        ath: request.credential.map(credential_hash),
    };
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ed_der(key.as_pkcs8()))
        .map_err(|_| ProofError::Invalid)
}

/// Returns the proof's claims and key. The caller compares the key with the credential's `jkt` (see
/// [`verify_bound`]) and refuses a `jti` it has seen.
pub fn verify(
    proof: &str,
    request: Request<'_>,
    now_seconds: i64,
) -> Result<(Claims, PublicKey), ProofError> {
    let header = jsonwebtoken::decode_header(proof).map_err(|_| ProofError::Invalid)?;
    if header.typ.as_deref() != Some(TYPE) || header.alg != Algorithm::EdDSA {
        return Err(ProofError::Invalid);
    }
    let AlgorithmParameters::OctetKeyPair(parameters) = header.jwk.ok_or(ProofError::Invalid)?.algorithm
    else {
        return Err(ProofError::Invalid);
    };
    if parameters.curve != EllipticCurve::Ed25519 {
        return Err(ProofError::Invalid);
    }
    let key = PublicKey::parse(&parameters.x).map_err(|_| ProofError::Invalid)?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let decoding = DecodingKey::from_ed_components(&parameters.x).map_err(|_| ProofError::Invalid)?;
    let claims = jsonwebtoken::decode::<Claims>(proof, &decoding, &validation)
        .map_err(|_| ProofError::Invalid)?
        .claims;
    let same_request = claims.htm == request.method
        && path_of(&claims.htu) == Some(request.path)
        && claims.ath == request.credential.map(credential_hash);
    if !same_request || claims.jti.is_empty() || claims.jti.len() > 64 {
        return Err(ProofError::OtherRequest);
    }
    if now_seconds.abs_diff(claims.iat) > PROOF_SKEW_SECONDS.unsigned_abs() {
        return Err(ProofError::Clock);
    }
    Ok((claims, key))
}

/// As [`verify`], and the proof's key must be the one the credential is bound to.
pub fn verify_bound(
    proof: &str,
    request: Request<'_>,
    jkt: &str,
    now_seconds: i64,
) -> Result<Claims, ProofError> {
    let (claims, key) = verify(proof, request, now_seconds)?;
    if key.thumbprint() == jkt {
        Ok(claims)
    } else {
        Err(ProofError::OtherKey)
    }
}

fn credential_hash(credential: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, credential.as_bytes()))
}

/// Path of an absolute URL, without query and fragment.
fn path_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let path = &rest[rest.find('/')?..];
    Some(&path[..path.find(['?', '#']).unwrap_or(path.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_339_800;
    const REQUEST: Request<'static> = Request {
        method: "POST",
        path: "/agent/v1/checkin",
        credential: Some("the.jwt.here"),
    };

    fn proof(key: &SigningKey) -> String {
        make(key, "https://postern.example:8443/", REQUEST, "j1".into(), NOW).unwrap()
    }

    #[test]
    fn a_proof_holds_for_its_request_key_and_minute() {
        let key = SigningKey::generate().unwrap();
        let jkt = key.public().thumbprint();
        for drift in [-60, 0, 60] {
            assert_eq!(
                verify_bound(&proof(&key), REQUEST, &jkt, NOW + drift)
                    .unwrap()
                    .jti,
                "j1"
            );
        }
        for drift in [-61, 61] {
            assert!(matches!(
                verify_bound(&proof(&key), REQUEST, &jkt, NOW + drift),
                Err(ProofError::Clock)
            ));
        }
    }

    #[test]
    fn a_proof_of_another_key_or_request_is_refused() {
        let key = SigningKey::generate().unwrap();
        let thief = SigningKey::generate().unwrap();
        let jkt = key.public().thumbprint();
        assert!(matches!(
            verify_bound(&proof(&thief), REQUEST, &jkt, NOW),
            Err(ProofError::OtherKey)
        ));
        for request in [
            Request {
                method: "GET",
                ..REQUEST
            },
            Request {
                path: "/agent/v1/credential/renew",
                ..REQUEST
            },
            Request {
                credential: Some("another.jwt"),
                ..REQUEST
            },
            Request {
                credential: None,
                ..REQUEST
            },
        ] {
            let result = verify_bound(&proof(&key), request, &jkt, NOW);
            assert!(matches!(result, Err(ProofError::OtherRequest)), "{request:?}");
        }
    }

    #[test]
    fn a_credential_is_not_a_proof_and_junk_is_refused() {
        let key = SigningKey::generate().unwrap();
        for junk in ["", ".", "a.b.c", "eyJhbGciOiJub25lIn0.e30."] {
            assert!(
                matches!(verify(junk, REQUEST, NOW), Err(ProofError::Invalid)),
                "{junk}"
            );
        }
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("JWT".into());
        let claims = Claims {
            jti: "j".into(),
            htm: "POST".into(),
            htu: "x".into(),
            iat: NOW,
            ath: None,
        };
        let other =
            jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ed_der(key.as_pkcs8())).unwrap();
        assert!(matches!(verify(&other, REQUEST, NOW), Err(ProofError::Invalid)));
    }

    #[test]
    fn path_of_an_address() {
        assert_eq!(path_of("https://h:1/a/b?c#d"), Some("/a/b"));
        assert_eq!(path_of("https://h"), None);
        assert_eq!(path_of("/a"), None);
    }
}
