//! The agent credential: a JWT (RFC 7519) bound to the agent's own key (`cnf`, RFC 7800).
//!
//! Every claim is required and typed; only EdDSA and our own `typ` are accepted, so neither `none` nor another
//! kind of token signed by us passes for a credential.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::keys::{PublicKey, SigningKey};

pub const TYPE: &str = "postern-agent+jwt";
pub const AUDIENCE: &str = "postern-agent";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The cluster that issued it; a credential of another cluster is refused.
    pub iss: String,
    /// `agent:<id>`
    pub sub: String,
    pub aud: String,
    pub exp: i64,
    pub nbf: i64,
    pub iat: i64,
    /// Distinguishes the credentials of one agent: only the last one given out counts.
    pub jti: String,
    pub cnf: Confirmation,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// Thumbprint of the key that must sign every request.
    pub jkt: String,
}

#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    #[error("the credential is not a token this server issued")]
    Invalid(#[source] Option<jsonwebtoken::errors::Error>),
    #[error("the credential expired")]
    Expired,
    #[error("the credential is not valid yet: check the clocks of agent and server")]
    NotYetValid,
}

impl Claims {
    pub fn subject(agent: i64) -> String {
        format!("agent:{agent}")
    }

    pub fn agent(&self) -> Option<i64> {
        self.sub.strip_prefix("agent:")?.parse().ok().filter(|id| *id > 0)
    }
}

pub fn issue(claims: &Claims, key: &SigningKey) -> Result<String, CredentialError> {
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(TYPE.to_owned());
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_der(key.as_pkcs8()))
        .map_err(|error| CredentialError::Invalid(Some(error)))
}

/// Checks everything that can be checked without the database.
pub fn verify(
    token: &str,
    issuer: &str,
    key: &PublicKey,
    now_seconds: i64,
) -> Result<Claims, CredentialError> {
    let invalid = |error| CredentialError::Invalid(Some(error));
    let header = jsonwebtoken::decode_header(token).map_err(invalid)?;
    if header.typ.as_deref() != Some(TYPE) || header.alg != Algorithm::EdDSA {
        return Err(CredentialError::Invalid(None));
    }
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_required_spec_claims(&["iss", "sub", "aud", "exp", "nbf"]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[issuer]);
    // The library compares with the system's clock; ours is an argument, so both are compared below.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let decoding = DecodingKey::from_ed_components(&key.to_string()).map_err(invalid)?;
    let claims = jsonwebtoken::decode::<Claims>(token, &decoding, &validation)
        .map_err(invalid)?
        .claims;
    if claims.exp <= now_seconds {
        return Err(CredentialError::Expired);
    }
    if claims.nbf > now_seconds {
        return Err(CredentialError::NotYetValid);
    }
    if claims.agent().is_none() {
        return Err(CredentialError::Invalid(None));
    }
    Ok(claims)
}

/// When the holder's credential ends, read without checking the signature: the agent plans its renewal with
/// it and trusts the server for the rest.
pub fn unverified_expiry(token: &str) -> Result<i64, CredentialError> {
    #[derive(Deserialize)]
    struct OnlyExpiry {
        exp: i64,
    }
    jsonwebtoken::dangerous::insecure_decode::<OnlyExpiry>(token)
        .map(|data| data.claims.exp)
        .map_err(|error| CredentialError::Invalid(Some(error)))
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_795_339_800;

    fn claims() -> Claims {
        Claims {
            iss: "cluster-1".into(),
            sub: Claims::subject(42),
            aud: AUDIENCE.into(),
            exp: NOW + 100,
            nbf: NOW,
            iat: NOW,
            jti: "j1".into(),
            cnf: Confirmation { jkt: "thumb".into() },
        }
    }

    /// Signs any header and claims with a key, as an attacker with that key could.
    fn forge(key: &SigningKey, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(header), part(claims));
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes())))
    }

    #[test]
    fn a_credential_reads_back_until_it_expires() {
        let key = SigningKey::generate().unwrap();
        let token = issue(&claims(), &key).unwrap();
        let read = verify(&token, "cluster-1", key.public(), NOW).unwrap();
        assert_eq!((read.agent(), read), (Some(42), claims()));
        assert_eq!(unverified_expiry(&token).unwrap(), NOW + 100);
        assert!(matches!(
            verify(&token, "cluster-1", key.public(), NOW + 100),
            Err(CredentialError::Expired)
        ));
        assert!(matches!(
            verify(&token, "cluster-1", key.public(), NOW - 1),
            Err(CredentialError::NotYetValid)
        ));
    }

    #[test]
    fn another_key_issuer_or_byte_is_refused() {
        let key = SigningKey::generate().unwrap();
        let token = issue(&claims(), &key).unwrap();
        let other = SigningKey::generate().unwrap();
        assert!(verify(&token, "cluster-1", other.public(), NOW).is_err());
        assert!(verify(&token, "cluster-2", key.public(), NOW).is_err());
        let mut bytes = token.into_bytes();
        let middle = bytes.len() / 2;
        bytes[middle] = if bytes[middle] == b'A' { b'B' } else { b'A' };
        assert!(verify(&String::from_utf8(bytes).unwrap(), "cluster-1", key.public(), NOW).is_err());
    }

    #[test]
    fn wrong_algorithms_types_and_claims_are_refused() {
        let key = SigningKey::generate().unwrap();
        let good_header = json!({"alg": "EdDSA", "typ": TYPE});
        let good = serde_json::to_value(claims()).unwrap();
        let refused = |header: &Value, claims: &Value, why: &str| {
            let token = forge(&key, header, claims);
            assert!(verify(&token, "cluster-1", key.public(), NOW).is_err(), "{why}");
        };
        assert!(verify(&forge(&key, &good_header, &good), "cluster-1", key.public(), NOW).is_ok());
        for alg in ["none", "None", "HS256", "RS256", "ES256"] {
            refused(&json!({"alg": alg, "typ": TYPE}), &good, alg);
        }
        refused(&json!({"alg": "EdDSA"}), &good, "no typ");
        refused(&json!({"alg": "EdDSA", "typ": "JWT"}), &good, "other typ");
        for claim in ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf"] {
            let mut missing = good.clone();
            missing.as_object_mut().unwrap().remove(claim);
            refused(&good_header, &missing, &format!("{claim} missing"));
            let mut mistyped = good.clone();
            mistyped[claim] = json!({"not": "the type"});
            refused(&good_header, &mistyped, &format!("{claim} mistyped"));
        }
        for (claim, value) in [
            ("exp", json!("9999999999")),
            ("exp", json!(null)),
            ("exp", json!(-1)),
            ("aud", json!("postern-unprotect")),
            ("aud", json!(["someone"])),
            ("sub", json!("agent:0")),
            ("sub", json!("user:1")),
            ("cnf", json!({})),
        ] {
            let mut wrong = good.clone();
            wrong[claim] = value.clone();
            refused(&good_header, &wrong, &format!("{claim} = {value}"));
        }
    }

    /// HMAC with the public key as secret: the classic confusion.
    #[test]
    fn hs256_signed_with_the_public_key_is_refused() {
        let key = SigningKey::generate().unwrap();
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(TYPE.to_owned());
        let secret = EncodingKey::from_secret(key.public().as_bytes());
        let token = jsonwebtoken::encode(&header, &claims(), &secret).unwrap();
        assert!(verify(&token, "cluster-1", key.public(), NOW).is_err());
    }
}
