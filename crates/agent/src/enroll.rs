//! Joining: the token is shown only to a server that has proven to be the one the token was made for.

use std::{path::Path, time::Duration};

use postern_protocol::{
    PROTOCOL_VERSION,
    enrollment::EnrollmentToken,
    messages::{EnrollAnswer, EnrollRequest, HostFacts},
    path,
    seal::SealingKey,
};

use crate::{
    api::{self, Api},
    clock::Clock,
    identity::{self, Identity},
    random::Backoff,
    tls::{self, Seen},
};

const LIMIT: Duration = Duration::from_secs(20);

/// Enrolment that trying again does not help.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("enrolment failed: {0}")]
    Token(#[from] postern_protocol::enrollment::MalformedToken),
    #[error(
        "enrolment failed: the server at {0} does not present the CA this token was made for: check the address, or someone stands in between"
    )]
    OtherCa(String),
    #[error("enrolment failed: the certificate of the server at {server} does not hold: {reason}")]
    Certificate { server: String, reason: String },
    #[error("enrolment failed: {0}")]
    Refused(#[source] api::Error),
    #[error(transparent)]
    Identity(#[from] identity::Error),
    #[error("TLS could not be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// What the host brings along: facts that name the sealing key's public half, and the key.
pub(crate) struct Host<'a> {
    pub(crate) data: &'a Path,
    pub(crate) facts: &'a HostFacts,
    pub(crate) sealing: &'a SealingKey,
}

/// Tries until the server answers; what it refuses for good is an error. The caller stores the identity.
pub(crate) async fn enroll(
    host: &Host<'_>,
    server: &str,
    token_text: &str,
    clock: &Clock,
) -> Result<Identity, Error> {
    let token: EnrollmentToken = token_text.parse()?;
    let token_sha256 = identity::token_sha256(token_text);
    let key = identity::enrolling_key(host.data, &token_sha256)?;
    let key_form = key.as_pkcs8().to_vec();
    let (config, verifier) = tls::pinning(token.ca_sha256)?;
    let api = Api::new(server.to_owned(), config, key, None).map_err(Error::Refused)?;
    let request = EnrollRequest {
        protocol: PROTOCOL_VERSION,
        token: token_text.trim().to_owned(),
        facts: host.facts.clone(),
    };
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
    let answer: EnrollAnswer = loop {
        let error = match api.post(clock, path::ENROLL, Some(&request), LIMIT).await {
            Ok(answer) => break answer,
            Err(error) => error,
        };
        match (&error, verifier.seen()) {
            (api::Error::Transport(_), Seen::OtherCa) => return Err(Error::OtherCa(server.to_owned())),
            (api::Error::Transport(_), Seen::Refused(reason)) => {
                return Err(Error::Certificate {
                    server: server.to_owned(),
                    reason,
                });
            }
            _ if error.lasting().is_some() || error.is_for_the_request() => {
                return Err(Error::Refused(error));
            }
            _ => {}
        }
        let wait = backoff.wait();
        tracing::warn!(
            "not enrolled yet: {error}; trying again in {:.1} s",
            wait.as_secs_f32()
        );
        tokio::time::sleep(wait).await;
    };
    let Seen::Trusted(ca) = verifier.seen() else {
        return Err(Error::OtherCa(server.to_owned()));
    };
    clock.adopt(answer.server_time_us);
    Ok(Identity {
        server: server.to_owned(),
        agent_id: answer.agent_id,
        agent_name: answer.agent_name,
        credential: answer.credential,
        order_key: answer.order_key,
        ca,
        key: key_form,
        sealing: Some(host.sealing.to_bytes().to_vec()),
        settings: answer.settings,
        token_sha256,
    })
}
