//! The only place that draws random numbers.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::RngCore as _;
use sha2::{Digest as _, Sha256};

#[allow(clippy::disallowed_methods, reason = "this is the source of randomness")]
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// A secret of 256 bits as text.
pub(crate) fn secret() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<32>())
}

/// An identifier of 128 bits as text.
pub(crate) fn identifier() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<16>())
}

/// A number below `bound`, for jitter.
pub(crate) fn below(bound: u64) -> u64 {
    u64::from_le_bytes(bytes()) % bound.max(1)
}

/// Secrets are stored and looked up by this. They have 256 bits, so a plain hash is enough.
pub(crate) fn hash(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret.as_bytes()))
}
