//! The enrolment token: one text that lets one new agent join, and tells it which server to trust.
//!
//! It carries the SHA-256 of the server's CA certificate, which the agent checks before it sends the secret.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

const PREFIX: &str = "pet1_";
const SECRET_BYTES: usize = 24;
const TOTAL_BYTES: usize = 32 + 8 + SECRET_BYTES;

/// Not `Debug` in full: the secret is not printed.
#[derive(Clone)]
pub struct EnrollmentToken {
    /// SHA-256 of the DER form of the CA certificate.
    pub ca_sha256: [u8; 32],
    pub id: i64,
    pub secret: Zeroizing<[u8; SECRET_BYTES]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an enrolment token: it starts with {PREFIX} and was shown when the agent was created; copy it whole"
)]
pub struct MalformedToken;

impl fmt::Debug for EnrollmentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnrollmentToken(id {})", self.id)
    }
}

impl EnrollmentToken {
    /// The one text form; deliberately not `Display`, which ends up in logs.
    pub fn reveal(&self) -> String {
        let mut bytes = Zeroizing::new(Vec::with_capacity(TOTAL_BYTES));
        bytes.extend_from_slice(&self.ca_sha256);
        bytes.extend_from_slice(&self.id.to_be_bytes());
        bytes.extend_from_slice(&*self.secret);
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&*bytes))
    }
}

impl FromStr for EnrollmentToken {
    type Err = MalformedToken;

    fn from_str(text: &str) -> Result<Self, MalformedToken> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(MalformedToken)?;
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(encoded).map_err(|_| MalformedToken)?);
        let (ca, rest) = bytes.split_first_chunk::<32>().ok_or(MalformedToken)?;
        let (id, secret) = rest.split_first_chunk::<8>().ok_or(MalformedToken)?;
        let secret = secret.try_into().map_err(|_| MalformedToken)?;
        Ok(Self {
            ca_sha256: *ca,
            id: i64::from_be_bytes(*id),
            secret: Zeroizing::new(secret),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_back_and_hides_its_secret() {
        let token = EnrollmentToken {
            ca_sha256: [7; 32],
            id: 42,
            secret: Zeroizing::new([9; SECRET_BYTES]),
        };
        let text = token.reveal();
        let read: EnrollmentToken = format!(" {text}\n").parse().unwrap();
        assert_eq!(
            (read.ca_sha256, read.id, *read.secret),
            ([7; 32], 42, [9; SECRET_BYTES])
        );
        assert_eq!(format!("{read:?}"), "EnrollmentToken(id 42)");
        assert!(text[..text.len() - 1].parse::<EnrollmentToken>().is_err());
        assert!(text.replace("pet1_", "pst1_").parse::<EnrollmentToken>().is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".{0,200}") {
            let _ = text.parse::<EnrollmentToken>();
            let _ = format!("{PREFIX}{text}").parse::<EnrollmentToken>();
        }
    }
}
