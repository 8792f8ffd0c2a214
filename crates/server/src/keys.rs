//! The server's keys, each with one job (design 6.5): credentials, orders, CA. They are kept in the database,
//! sealed with the master key, so that every server of a cluster has the same; the master key comes from a file
//! or the environment and never goes into the database.

use std::{fmt, path::Path};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use postern_domain::Timestamp;
use postern_protocol::keys::SigningKey;
use postern_store::{Store, system, tx};
use zeroize::Zeroizing;

use crate::{error::Error, random};

/// Seals what must not be readable in the database.
pub(crate) struct MasterKey(LessSafeKey);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

impl MasterKey {
    /// From the given text, else from `master.key` in the data folder, which is made at the first start.
    pub(crate) fn load(given: Option<&str>, data: &Path) -> Result<Self, Error> {
        let path = data.join("master.key");
        let text = match given {
            Some(text) => Zeroizing::new(text.to_owned()),
            None => match std::fs::read_to_string(&path) {
                Ok(text) => Zeroizing::new(text),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    let text = Zeroizing::new(STANDARD.encode(random::bytes::<32>()));
                    write_private(&path, text.as_bytes())?;
                    text
                }
                Err(error) => {
                    return Err(Error::Internal(format!(
                        "cannot read {}: {error}",
                        path.display()
                    )));
                }
            },
        };
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).unwrap_or_default());
        Self::new(&bytes).ok_or_else(|| {
            Error::Internal(format!(
                "the master key ({}) is not 32 bytes in base64",
                if given.is_some() {
                    "POSTERN_MASTER_KEY".to_owned()
                } else {
                    path.display().to_string()
                }
            ))
        })
    }

    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        UnboundKey::new(&AES_256_GCM, bytes)
            .ok()
            .map(|key| Self(LessSafeKey::new(key)))
    }

    /// `name` binds the sealed bytes to their place: they do not open under another.
    pub(crate) fn seal(&self, name: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let nonce = random::bytes::<NONCE_LEN>();
        let mut sealed = plain.to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(name.as_bytes()),
                &mut sealed,
            )
            .map_err(|_| Error::Internal("sealing failed".into()))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    pub(crate) fn open(&self, name: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let wrong = || {
            Error::Internal(format!(
                "cannot open {name}: the master key is not the one the database was made with"
            ))
        };
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(wrong)?;
        let mut plain = Zeroizing::new(rest.to_vec());
        let length = self
            .0
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(name.as_bytes()),
                &mut plain,
            )
            .map_err(|_| wrong())?
            .len();
        plain.truncate(length);
        Ok(plain)
    }
}

/// Keys and name of the cluster.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) issuer: String,
    pub(crate) credential: SigningKey,
    pub(crate) order: SigningKey,
}

impl Keys {
    pub(crate) async fn load(store: &Store, master: &MasterKey, now: Timestamp) -> Result<Self, Error> {
        let proposed = format!("postern:{}", random::identifier());
        let issuer = store
            .write::<_, Error, _>(tx!(tx => Ok(system::cluster_name(tx, &proposed).await?)))
            .await?;
        Ok(Self {
            issuer,
            credential: signing_key(store, master, "credential_key", now).await?,
            order: signing_key(store, master, "order_key", now).await?,
        })
    }
}

async fn signing_key(
    store: &Store,
    master: &MasterKey,
    name: &'static str,
    now: Timestamp,
) -> Result<SigningKey, Error> {
    let bytes = keep(store, master, name, now, || {
        let key = SigningKey::generate().map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Zeroizing::new(key.as_pkcs8().to_vec()))
    })
    .await?;
    SigningKey::from_pkcs8(&bytes).map_err(|error| Error::Internal(format!("{name}: {error}")))
}

/// The secret of this name, made when it is not there yet. Of two servers that start at once, one wins.
pub(crate) async fn keep(
    store: &Store,
    master: &MasterKey,
    name: &'static str,
    now: Timestamp,
    make: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, Error>,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let found = store
        .read::<_, Error, _>(tx!(tx => Ok(system::secret_find(tx, name).await?)))
        .await?;
    let sealed = match found {
        Some(sealed) => sealed,
        None => {
            let sealed = master.seal(name, &make()?)?;
            store
                .write::<_, Error, _>(tx!(tx => Ok(system::secret_keep(tx, name, sealed, now).await?)))
                .await?
        }
    };
    master.open(name, &sealed)
}

/// A new file only its owner can read.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|error| Error::Internal(format!("cannot write {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_bytes_open_only_with_their_key_and_name() {
        let key = MasterKey::new(&[1; 32]).unwrap();
        let sealed = key.seal("ca", b"secret").unwrap();
        assert_eq!(&**key.open("ca", &sealed).unwrap(), b"secret");
        assert!(key.open("order_key", &sealed).is_err());
        assert!(MasterKey::new(&[2; 32]).unwrap().open("ca", &sealed).is_err());
        assert!(key.open("ca", &sealed[..5]).is_err());
        assert!(MasterKey::new(&[1; 31]).is_none());
    }

    #[test]
    fn the_key_file_is_made_once_and_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let sealed = MasterKey::load(None, folder.path())
            .unwrap()
            .seal("x", b"y")
            .unwrap();
        assert!(
            MasterKey::load(None, folder.path())
                .unwrap()
                .open("x", &sealed)
                .is_ok()
        );
        let mode = std::fs::metadata(folder.path().join("master.key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(MasterKey::load(Some("short"), folder.path()).is_err());
    }
}
