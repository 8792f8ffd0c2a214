//! `Idempotency-Key`: the same creation sent twice happens once and gets the same answer.
//!
//! The kept answer may hold a secret that is shown once. It is sealed with a key made from the caller's own
//! Idempotency-Key, of which only a hash is stored.

use axum::{extract::FromRequestParts, http::request::Parts};
use futures_util::future::BoxFuture;
use postern_store::{Tx, idempotency};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

use super::Caller;
use crate::{app::App, error::Error, keys::MasterKey, random};

pub(crate) const HEADER: &str = "idempotency-key";
/// Length of a key, in bytes.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=255;

/// The header, if the caller sent it.
#[derive(Debug, Clone)]
pub(crate) struct Key(Option<String>);

impl<S: Sync> FromRequestParts<S> for Key {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let Some(value) = parts.headers.get(HEADER) else {
            return Ok(Self(None));
        };
        let text = value.to_str().ok().filter(|text| LENGTH.contains(&text.len()));
        text.map(|text| Self(Some(text.to_owned()))).ok_or_else(|| {
            Error::invalid(
                "Idempotency-Key",
                format!("must be {} to {} ASCII characters", LENGTH.start(), LENGTH.end()),
            )
        })
    }
}

/// Whether the answer was made now or is the one kept from before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answered {
    Now,
    Before,
}

/// Runs a creation in one transaction, once per key.
pub(crate) async fn create<Request, T, F>(
    app: &App,
    caller: &Caller,
    key: Key,
    operation: &'static str,
    request: &Request,
    work: F,
) -> Result<(T, Answered), Error>
where
    Request: Serialize,
    T: Serialize + DeserializeOwned + Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, Error>> + Send + 'static,
{
    let Some(key) = key.0 else {
        return app
            .store
            .write(move |tx| Box::pin(async move { Ok((work(tx).await?, Answered::Now)) }))
            .await;
    };
    let now = app.now();
    let actor = caller.actor();
    let request = serde_json::to_string(request).map_err(|error| Error::Internal(error.to_string()))?;
    // The request may hold a password: without the key, which is not stored, the hash tells nothing of it.
    let request_hash = random::hash(&format!("{operation}\n{key}\n{request}"));
    let key_hash = random::hash(&format!("postern-idempotency\n{key}"));
    let sealer = sealer(&key)?;
    app.store
        .write(move |tx| {
            Box::pin(async move {
                if let Some(kept) = idempotency::find(tx, &actor, &key_hash).await? {
                    if kept.request_hash != request_hash {
                        return Err(Error::conflict(
                            "idempotency_key_reused",
                            "This Idempotency-Key was used for another request. Use a new one for each intent.",
                        ));
                    }
                    let plain = sealer.open(operation, &kept.sealed)?;
                    let answer = serde_json::from_slice(&plain).map_err(|error| Error::Internal(error.to_string()))?;
                    return Ok((answer, Answered::Before));
                }
                let answer = work(tx).await?;
                let plain = serde_json::to_vec(&answer).map_err(|error| Error::Internal(error.to_string()))?;
                let sealed = sealer.seal(operation, &plain)?;
                let kept = idempotency::Kept { request_hash, sealed };
                match idempotency::keep(tx, &actor, &key_hash, kept, now).await {
                    Ok(()) => Ok((answer, Answered::Now)),
                    Err(postern_store::Error::Duplicate(_)) => Err(Error::conflict(
                        "idempotency_key_in_use",
                        "The same request is being answered at this moment. Try again in a second.",
                    )),
                    Err(error) => Err(error.into()),
                }
            })
        })
        .await
}

fn sealer(key: &str) -> Result<MasterKey, Error> {
    let digest = Sha256::new()
        .chain_update(b"postern-idempotency-seal\n")
        .chain_update(key.as_bytes())
        .finalize();
    MasterKey::new(&digest).ok_or_else(|| Error::Internal("a digest has 32 bytes".into()))
}
