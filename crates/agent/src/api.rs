//! Calls to the server: each with the credential and a fresh proof of the key, answers bounded.

use std::{
    error::Error as _,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use postern_protocol::{
    keys::SigningKey,
    limits::ANSWER_BYTES,
    plain, proof,
    refusal::{RefusalBody, RefusalCode},
};
use reqwest::{StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};

use crate::{clock::Clock, random};

const CONNECT: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{}", refusal(.0))]
    Refused(RefusalBody),
    #[error("the server answered {status}: {detail}")]
    Status { status: StatusCode, detail: String },
    #[error("the server cannot be reached: {0}")]
    Transport(String),
    #[error("the server's answer cannot be understood: {0}")]
    Answer(String),
}

impl Error {
    /// The refusal when only a person can change it.
    pub(crate) fn lasting(&self) -> Option<RefusalCode> {
        match self {
            Self::Refused(body) if body.code.is_lasting() => Some(body.code),
            _ => None,
        }
    }

    /// Whether the server understood and will not take this very request.
    pub(crate) fn is_for_the_request(&self) -> bool {
        matches!(self, Self::Status { status, .. } if status.is_client_error()
            && !matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::UNAUTHORIZED))
    }
}

pub(crate) struct Api {
    server: String,
    tls: rustls::ClientConfig,
    client: Mutex<reqwest::Client>,
    key: SigningKey,
    credential: Mutex<Option<String>>,
}

/// `https://host:port` without a path, or why not.
pub(crate) fn server_address(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(text.trim())
        .map_err(|_| format!("'{text}' is not an address: https://HOST:PORT was expected"))?;
    if url.scheme() != "https" || url.host_str().is_none() {
        return Err(format!("'{text}' is not an https:// address"));
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() {
        return Err(format!("'{text}' has a path: give the server's address only"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

impl Api {
    pub(crate) fn new(
        server: String,
        tls: rustls::ClientConfig,
        key: SigningKey,
        credential: Option<String>,
    ) -> Result<Self, Error> {
        Ok(Self {
            client: Mutex::new(client(tls.clone())?),
            server,
            tls,
            key,
            credential: Mutex::new(credential),
        })
    }

    pub(crate) fn replace_credential(&self, credential: String) {
        *self.credential.lock().unwrap_or_else(PoisonError::into_inner) = Some(credential);
    }

    /// When the server finds the proof's time wrong, its time is taken over and the call repeated once.
    pub(crate) async fn post<A: DeserializeOwned>(
        &self,
        clock: &Clock,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
        limit: Duration,
    ) -> Result<A, Error> {
        let body = body
            .map(serde_json::to_vec)
            .transpose()
            .map_err(|error| Error::Answer(error.to_string()))?;
        match self.send(clock, path, body.clone(), limit).await {
            Err(Error::Refused(RefusalBody {
                code: RefusalCode::ProofClock,
                server_time_us: Some(time),
                ..
            })) => {
                tracing::warn!("the server's clock differs from this host's: using the server's");
                clock.adopt(time);
                self.send(clock, path, body, limit).await
            }
            Err(error @ Error::Transport(_)) => {
                // A connection that died silently would be used again and again.
                if let Ok(fresh) = client(self.tls.clone()) {
                    *self.client.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
                }
                Err(error)
            }
            other => other,
        }
    }

    async fn send<A: DeserializeOwned>(
        &self,
        clock: &Clock,
        path: &str,
        body: Option<Vec<u8>>,
        limit: Duration,
    ) -> Result<A, Error> {
        let credential = self
            .credential
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let about = proof::Request {
            method: "POST",
            path,
            credential: credential.as_deref(),
        };
        let proof = proof::make(
            &self.key,
            &self.server,
            about,
            random::identifier(),
            clock.now_seconds(),
        )
        .map_err(|error| Error::Answer(error.to_string()))?;
        // Never comes again: nobody is to remember it.
        let mut proof =
            header::HeaderValue::from_str(&proof).map_err(|error| Error::Answer(error.to_string()))?;
        proof.set_sensitive(true);
        let client = self.client.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut request = client
            .post(format!("{}{path}", self.server))
            .timeout(limit)
            .header(proof::HEADER, proof);
        if let Some(credential) = credential {
            request = request.header(header::AUTHORIZATION, format!("{} {credential}", proof::SCHEME));
        }
        if let Some(body) = body {
            request = request
                .header(header::CONTENT_TYPE, "application/json")
                .body(body);
        }
        let mut response = request.send().await.map_err(|error| transport(&error))?;
        let status = response.status();
        let mut answer = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| transport(&error))? {
            if answer.len() + piece.len() > ANSWER_BYTES {
                return Err(Error::Answer(format!("longer than {ANSWER_BYTES} bytes")));
            }
            answer.extend_from_slice(&piece);
        }
        if status.is_success() {
            return serde_json::from_slice(&answer).map_err(|error| Error::Answer(error.to_string()));
        }
        match serde_json::from_slice(&answer) {
            Ok(refusal) => Err(Error::Refused(refusal)),
            Err(_) => Err(Error::Status {
                status,
                detail: detail(&answer),
            }),
        }
    }
}

fn client(tls: rustls::ClientConfig) -> Result<reqwest::Client, Error> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT)
        .redirect(reqwest::redirect::Policy::none())
        // A check-in that came twice looks like a copy's: what is sent again is made again.
        .retry(reqwest::retry::never())
        .user_agent(concat!("postern-agent/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| transport(&error))
}

/// What the code means, and what this server says besides.
fn refusal(body: &RefusalBody) -> String {
    let text = body.code.text();
    match body.detail.as_str() {
        detail if detail.is_empty() || detail == text => text.to_owned(),
        detail => format!("{text}: {detail}"),
    }
}

/// The innermost reason says most; the outer ones repeat the address.
fn transport(error: &reqwest::Error) -> Error {
    let mut reason = plain(error);
    let mut source = error.source();
    while let Some(inner) = source {
        reason = plain(inner);
        source = inner.source();
    }
    if error.is_timeout() {
        reason = "no answer in time".into();
    }
    Error::Transport(reason)
}

fn detail(answer: &[u8]) -> String {
    let problem = serde_json::from_slice::<serde_json::Value>(answer).ok();
    let text = problem
        .as_ref()
        .and_then(|problem| problem.get("detail").or(problem.get("title"))?.as_str());
    text.unwrap_or("no reason given").chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_once() {
        let of = |detail: &str| {
            let body = RefusalBody {
                code: RefusalCode::AgentDeleted,
                detail: detail.to_owned(),
                server_time_us: None,
            };
            Error::Refused(body).to_string()
        };
        let text = RefusalCode::AgentDeleted.text();
        assert_eq!((of(""), of(text)), (text.to_owned(), text.to_owned()));
        assert_eq!(of("by anna"), format!("{text}: by anna"));
    }

    #[test]
    fn addresses() {
        assert_eq!(
            server_address(" https://h:8443/ ").as_deref(),
            Ok("https://h:8443")
        );
        assert_eq!(
            server_address("https://[::1]:1").as_deref(),
            Ok("https://[::1]:1")
        );
        for wrong in ["h:8443", "http://h", "https://h/path", "", "https://"] {
            assert!(server_address(wrong).is_err(), "{wrong}");
        }
    }
}
