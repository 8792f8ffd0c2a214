//! Who the client says it is. Secrets have no `Debug` output and are wiped when dropped.

use std::fmt;

use zeroize::Zeroizing;

/// Name of the cookie that carries a browser session.
pub const SESSION_COOKIE: &str = "__Host-postern_session";

/// A text that must not reach a log.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[derive(Debug, Clone, Default)]
pub enum Credentials {
    #[default]
    None,
    /// An API token, sent as `Authorization: Bearer`.
    Token(Secret),
    /// A session as a browser has it: the cookie's value, and the token that every change must carry.
    Session { cookie: Secret, csrf: Secret },
}
