//! What an agent and a server say to each other (design 4), and how each proves who it is.
//!
//! Both sides use these types, so a message cannot drift. Nothing here reads a clock or opens a socket: `now`
//! and fresh identifiers are arguments. Unknown fields of messages from the other side are ignored on answers
//! and refused in orders: an agent never guesses what an order means.

pub mod address;
pub mod credential;
pub mod enrollment;
pub mod keys;
pub mod limits;
pub mod messages;
pub mod order;
pub mod payload;
pub mod proof;
pub mod refusal;
pub mod result;
pub mod seal;

/// Version of the protocol that this build speaks. The server accepts this and the two below it.
pub const PROTOCOL_VERSION: u32 = 1;
/// Oldest protocol version a server of this build still answers.
pub const OLDEST_PROTOCOL_VERSION: u32 = 1;

/// Paths of the agent's calls, without the server's address.
pub mod path {
    pub const ENROLL: &str = "/agent/v1/enroll";
    pub const CHECKIN: &str = "/agent/v1/checkin";
    pub const RENEW: &str = "/agent/v1/credential/renew";

    pub fn output(attempt: i64) -> String {
        format!("/agent/v1/attempts/{attempt}/output")
    }

    pub fn result(attempt: i64) -> String {
        format!("/agent/v1/attempts/{attempt}/result")
    }
}

/// An error with the causes its own text hides.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = plain(error);
    let mut source = error.source();
    while let Some(cause) = source {
        let words = plain(cause);
        if !text.ends_with(&words) {
            text.push_str(&format!(": {words}"));
        }
        source = cause.source();
    }
    text
}

/// An error in the words it has for people. That a connection ended without a goodbye the TLS library says to those who
/// program, with a link into its manual.
pub fn plain(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    if text.contains("close_notify") {
        "the connection was cut".to_owned()
    } else {
        text
    }
}

/// Bytes as base64 text in JSON.
pub mod base64_bytes {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        STANDARD.decode(text.as_bytes()).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        error::Error,
        fmt::{self, Display, Formatter},
    };

    use super::*;

    #[derive(Debug)]
    struct Outer(&'static str, Option<Box<Outer>>);

    impl Display for Outer {
        fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|inner| inner as &(dyn Error + 'static))
        }
    }

    #[test]
    fn an_error_is_told_with_its_causes_each_once_and_without_links() {
        const CUT: &str = "peer closed connection without sending TLS close_notify: https://docs.rs/rustls/x";
        let of = |texts: &[&'static str]| {
            let wrap = |inner, text: &&'static str| Some(Box::new(Outer(text, inner)));
            with_causes(&*texts.iter().rev().fold(None, wrap).unwrap())
        };
        assert_eq!(of(&["no answer", "refused"]), "no answer: refused");
        assert_eq!(of(&["no answer: refused", "refused"]), "no answer: refused");
        assert_eq!(of(&["no answer", CUT, CUT]), "no answer: the connection was cut");
    }
}
