//! Secrets on their way to an agent: HPKE (RFC 9180), DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305,
//! base mode. Sealed to one agent's key and bound to one attempt: moved to another, they do not open.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rustls::crypto::{
    aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_CHACHA20_POLY1305 as SUITE,
    hpke::{EncapsulatedSecret, Hpke as _, HpkePrivateKey, HpkePublicKey},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::base64_bytes;

const INFO: &[u8] = b"postern-secrets-v1";

/// Names and values.
pub type Secrets = BTreeMap<String, Zeroizing<String>>;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedSecrets {
    #[serde(with = "base64_bytes")]
    pub encapsulated: Vec<u8>,
    #[serde(with = "base64_bytes")]
    pub sealed: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("not an X25519 key: 32 bytes in base64url were expected")]
    Key,
    #[error("the secrets could not be sealed")]
    Seal,
    #[error("the secrets are not for this agent and this attempt")]
    Open,
}

/// The agent's private half. Neither printed nor copied.
pub struct SealingKey {
    private: Zeroizing<Vec<u8>>,
    public: Vec<u8>,
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.public())
    }
}

impl SealingKey {
    pub fn generate() -> Result<Self, SealError> {
        let (public, private) = SUITE.generate_key_pair().map_err(|_| SealError::Key)?;
        Ok(Self {
            private: Zeroizing::new(private.secret_bytes().to_vec()),
            public: public.0,
        })
    }

    /// From what [`Self::to_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        let (private, public) = bytes.split_first_chunk::<32>().ok_or(SealError::Key)?;
        if public.len() != 32 {
            return Err(SealError::Key);
        }
        Ok(Self {
            private: Zeroizing::new(private.to_vec()),
            public: public.to_vec(),
        })
    }

    /// Both halves, for the key file; the caller keeps it readable by its owner only.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([self.private.as_slice(), &self.public].concat())
    }

    /// What the server is told, base64url.
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.public)
    }

    pub fn open(&self, sealed: &SealedSecrets, agent_id: i64, attempt_id: i64) -> Result<Secrets, SealError> {
        let plain = SUITE
            .open(
                &EncapsulatedSecret(sealed.encapsulated.clone()),
                INFO,
                &place(agent_id, attempt_id),
                &sealed.sealed,
                &HpkePrivateKey::from(self.private.to_vec()),
            )
            .map(Zeroizing::new)
            .map_err(|_| SealError::Open)?;
        decode(&plain).ok_or(SealError::Open)
    }
}

/// Seals for the agent that told this public key.
pub fn seal(
    secrets: &Secrets,
    public: &str,
    agent_id: i64,
    attempt_id: i64,
) -> Result<SealedSecrets, SealError> {
    let key = URL_SAFE_NO_PAD
        .decode(public)
        .ok()
        .filter(|key| key.len() == 32)
        .ok_or(SealError::Key)?;
    let (encapsulated, sealed) = SUITE
        .seal(
            INFO,
            &place(agent_id, attempt_id),
            &encode(secrets),
            &HpkePublicKey(key),
        )
        .map_err(|_| SealError::Seal)?;
    Ok(SealedSecrets {
        encapsulated: encapsulated.0,
        sealed,
    })
}

fn place(agent_id: i64, attempt_id: i64) -> Vec<u8> {
    format!("agent {agent_id} attempt {attempt_id}").into_bytes()
}

/// JSON of the names and values, in memory that is wiped.
pub fn encode(secrets: &Secrets) -> Zeroizing<Vec<u8>> {
    let plain: BTreeMap<&str, &str> = secrets
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    Zeroizing::new(serde_json::to_vec(&plain).expect("a map of texts is JSON"))
}

pub fn decode(plain: &[u8]) -> Option<Secrets> {
    let texts: BTreeMap<String, String> = serde_json::from_slice(plain).ok()?;
    Some(
        texts
            .into_iter()
            .map(|(name, value)| (name, Zeroizing::new(value)))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_open_for_their_agent_and_attempt_only() {
        let key = SealingKey::generate().unwrap();
        let secrets: Secrets = [("token".to_owned(), Zeroizing::new("p\"4ss\n".to_owned()))].into();
        let sealed = seal(&secrets, &key.public(), 7, 9).unwrap();
        assert_eq!(key.open(&sealed, 7, 9).unwrap(), secrets);
        assert!(matches!(key.open(&sealed, 8, 9), Err(SealError::Open)));
        assert!(matches!(key.open(&sealed, 7, 8), Err(SealError::Open)));
        let other = SealingKey::generate().unwrap();
        assert!(matches!(other.open(&sealed, 7, 9), Err(SealError::Open)));
        let mut changed = sealed.clone();
        changed.sealed[3] ^= 1;
        assert!(matches!(key.open(&changed, 7, 9), Err(SealError::Open)));
        assert!(seal(&secrets, "AAAA", 7, 9).is_err());
    }

    #[test]
    fn a_key_survives_its_file() {
        let key = SealingKey::generate().unwrap();
        let read = SealingKey::from_bytes(&key.to_bytes()).unwrap();
        assert_eq!(read.public(), key.public());
        let sealed = seal(&Secrets::new(), &key.public(), 1, 1).unwrap();
        assert!(read.open(&sealed, 1, 1).unwrap().is_empty());
        assert!(SealingKey::from_bytes(&[0; 63]).is_err());
    }
}
