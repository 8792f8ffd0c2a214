//! Who the agent is: key, credential, the server it belongs to. One file, replaced as a whole.

use std::{
    io,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use postern_protocol::{base64_bytes, keys::SigningKey, messages::Settings, seal::SealingKey};
use serde::{Deserialize, Serialize};

use crate::durable;

const FILE: &str = "identity.json";
/// A key whose enrolment is under way: repeated with the same key, the server can tell it from another machine.
const PENDING: &str = "enrolling.json";

/// Not `Debug`: it holds the private key.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) server: String,
    pub(crate) agent_id: i64,
    pub(crate) agent_name: String,
    pub(crate) credential: String,
    /// Public half of the key that signs orders, base64url.
    pub(crate) order_key: String,
    /// DER of the only certificate authority that is trusted.
    #[serde(with = "base64_bytes")]
    pub(crate) ca: Vec<u8>,
    #[serde(with = "base64_bytes")]
    pub(crate) key: Vec<u8>,
    /// What secrets are sealed to. Agents before 0.2 had none.
    #[serde(default, with = "optional_bytes", skip_serializing_if = "Option::is_none")]
    pub(crate) sealing: Option<Vec<u8>>,
    pub(crate) settings: Settings,
    /// Of the token it enrolled with: the same one again, in a container's environment, is no news.
    pub(crate) token_sha256: String,
}

#[derive(Serialize, Deserialize)]
struct Pending {
    token_sha256: String,
    #[serde(with = "base64_bytes")]
    key: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{path} cannot be read or written: {source}", path = .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{path} is damaged: enrol again with a new enrolment token", path = .0.display())]
    Damaged(PathBuf),
    #[error(transparent)]
    Key(#[from] postern_protocol::keys::KeyError),
    #[error("the agent's sealing key: {0}")]
    Sealing(#[from] postern_protocol::seal::SealError),
}

impl Identity {
    pub(crate) fn load(data: &Path) -> Result<Option<Self>, Error> {
        let path = data.join(FILE);
        let bytes = durable::read(&path).map_err(|source| Error::File {
            path: path.clone(),
            source,
        })?;
        bytes
            .map(|bytes| serde_json::from_slice(&bytes).map_err(|_| Error::Damaged(path)))
            .transpose()
    }

    pub(crate) fn store(&self, data: &Path) -> Result<(), Error> {
        write(&data.join(FILE), self)
    }

    pub(crate) fn signing_key(&self) -> Result<SigningKey, Error> {
        Ok(SigningKey::from_pkcs8(&self.key)?)
    }

    pub(crate) fn sealing_key(&self) -> Result<Option<SealingKey>, Error> {
        Ok(self.sealing.as_deref().map(SealingKey::from_bytes).transpose()?)
    }
}

/// The key to enrol with by this token; on disk before it is used.
pub(crate) fn enrolling_key(data: &Path, token_sha256: &str) -> Result<SigningKey, Error> {
    let path = data.join(PENDING);
    let bytes = durable::read(&path).map_err(|source| Error::File {
        path: path.clone(),
        source,
    })?;
    let pending = bytes.and_then(|bytes| serde_json::from_slice::<Pending>(&bytes).ok());
    if let Some(pending) = pending.filter(|pending| pending.token_sha256 == token_sha256) {
        return Ok(SigningKey::from_pkcs8(&pending.key)?);
    }
    let key = SigningKey::generate()?;
    let pending = Pending {
        token_sha256: token_sha256.to_owned(),
        key: key.as_pkcs8().to_vec(),
    };
    write(&path, &pending)?;
    Ok(key)
}

pub(crate) fn enrolling_done(data: &Path) {
    let _ = std::fs::remove_file(data.join(PENDING));
}

pub(crate) fn token_sha256(token: &str) -> String {
    STANDARD.encode(digest::digest(&digest::SHA256, token.trim().as_bytes()))
}

/// Bytes that may be absent, as base64 text.
mod optional_bytes {
    use postern_protocol::base64_bytes;
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => base64_bytes::serialize(bytes, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        base64_bytes::deserialize(deserializer).map(Some)
    }
}

fn write(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    serde_json::to_vec(value)
        .map_err(io::Error::other)
        .and_then(|bytes| durable::write(path, &bytes))
        .map_err(|source| Error::File {
            path: path.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn an_identity_reads_back_and_is_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Identity::load(dir.path()).unwrap().is_none());
        let key = SigningKey::generate().unwrap();
        let identity = Identity {
            server: "https://h:1".into(),
            agent_id: 7,
            agent_name: "web-1".into(),
            credential: "a.b.c".into(),
            order_key: key.public().to_string(),
            ca: vec![1, 2, 3],
            key: key.as_pkcs8().to_vec(),
            sealing: Some(SealingKey::generate().unwrap().to_bytes().to_vec()),
            settings: Settings {
                renew_credential: true,
            },
            token_sha256: token_sha256("pet1_x"),
        };
        identity.store(dir.path()).unwrap();
        let read = Identity::load(dir.path()).unwrap().unwrap();
        assert_eq!(read.signing_key().unwrap().public(), key.public());
        assert_eq!((read.agent_id, &read.ca), (7, &vec![1, 2, 3]));
        assert_eq!(
            read.sealing_key().unwrap().unwrap().public(),
            identity.sealing_key().unwrap().unwrap().public()
        );
        let mode = dir.path().join(FILE).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn an_identity_of_an_older_agent_has_no_sealing_key() {
        let text = r#"{"server":"https://h","agent_id":7,"agent_name":"a","credential":"a.b.c","order_key":"k","ca":"AQ==","key":"AQ==","settings":{"renew_credential":true},"token_sha256":""}"#;
        let identity: Identity = serde_json::from_str(text).unwrap();
        assert!(identity.sealing_key().unwrap().is_none());
    }

    #[test]
    fn a_repeated_enrolment_uses_the_same_key_and_another_token_another() {
        let dir = tempfile::tempdir().unwrap();
        let first = enrolling_key(dir.path(), "t1").unwrap();
        assert_eq!(enrolling_key(dir.path(), "t1").unwrap().public(), first.public());
        assert_ne!(enrolling_key(dir.path(), "t2").unwrap().public(), first.public());
    }
}
