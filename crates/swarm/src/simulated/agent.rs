//! One simulated agent: it speaks the protocol as `postern-agent` does, with a key and a credential of its own; its
//! host ends every job at once. It keeps no journal.

use std::{pin::Pin, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use hyper::header::HeaderValue;
use postern_protocol::{
    PROTOCOL_VERSION,
    keys::{PublicKey, SigningKey},
    messages::{
        CheckinAnswer, CheckinRequest, EnrollAnswer, EnrollRequest, HeldAttempt, HostFacts, Outcome, Phase,
        ResultAnswer, ResultRequest,
    },
    order::SignedOrder,
    path, proof,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::{Instant, sleep, timeout};

use super::{
    Shared,
    link::{Link, Proven},
};
use crate::clock;

const POLL_LIMIT: Duration = Duration::from_secs(40);
const LIMIT: Duration = Duration::from_secs(60);
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// As the real agent waits after an answer that came at once and brought nothing new.
const NOTHING_NEW: Duration = Duration::from_millis(250);
const SLOTS: u32 = 4;

pub(crate) struct SimulatedAgent {
    shared: Arc<Shared>,
    id: i64,
    key: SigningKey,
    credential: String,
    authorization: HeaderValue,
    order_key: PublicKey,
}

impl SimulatedAgent {
    /// Makes a key and joins with the token. The connection stays for what follows.
    pub(crate) async fn enroll(shared: Arc<Shared>, token: String) -> Result<(Self, Link)> {
        let key = SigningKey::generate()?;
        let link = Link::open(&shared.address).await?;
        let request = EnrollRequest {
            protocol: PROTOCOL_VERSION,
            token,
            facts: facts(),
        };
        let about = proof::Request {
            method: "POST",
            path: path::ENROLL,
            credential: None,
        };
        let proven = Proven {
            proof: proof::make(&key, &shared.address.url, about, nonce()?, clock::now_seconds())?,
            authorization: None,
        };
        let posted = link.post(&shared.address, path::ENROLL, proven, &request);
        let answer: EnrollAnswer = timeout(LIMIT, posted)
            .await
            .context("enrolment took too long")??;
        let mut authorization = HeaderValue::from_str(&format!("{} {}", proof::SCHEME, answer.credential))?;
        authorization.set_sensitive(true);
        let agent = Self {
            shared,
            id: answer.agent_id,
            key,
            credential: answer.credential,
            authorization,
            order_key: PublicKey::parse(&answer.order_key)?,
        };
        Ok((agent, link))
    }

    /// Checks in and ends what it is given, until it is dropped.
    pub(crate) async fn run(self, mut link: Link) {
        let mut state = State::default();
        loop {
            let Err(error) = self.session(&link, &mut state).await;
            self.shared.note_failure(&error);
            loop {
                sleep(AGAIN_AFTER).await;
                match Link::open(&self.shared.address).await {
                    Ok(fresh) => break link = fresh,
                    Err(error) => self.shared.note_failure(&error),
                }
            }
        }
    }

    /// One connection's life. One check-in at a time, results beside it, all on one connection.
    async fn session(&self, link: &Link, state: &mut State) -> Result<std::convert::Infallible> {
        let mut reports: FuturesUnordered<_> = state
            .held
            .iter()
            .map(|held| self.report(link, held.attempt_id, held.started_us))
            .collect();
        let mut sent = Instant::now();
        let mut poll: Pin<Box<_>> = Box::pin(self.checkin(link, state.request()));
        loop {
            tokio::select! {
                answer = &mut poll => {
                    state.facts_told = true;
                    let news = self.take(answer?.orders, state)?;
                    for held in state.held.iter().rev().take(news) {
                        reports.push(self.report(link, held.attempt_id, held.started_us));
                    }
                    if news == 0 && sent.elapsed() < NOTHING_NEW {
                        sleep(NOTHING_NEW).await;
                    }
                    sent = Instant::now();
                    poll.set(self.checkin(link, state.request()));
                }
                Some(reported) = reports.next(), if !reports.is_empty() => {
                    let attempt: i64 = reported?;
                    state.held.retain(|held| held.attempt_id != attempt);
                    self.shared.note_acknowledged(self.id);
                }
            }
        }
    }

    /// Opens orders as a real agent does, signature first. Returns how many are new.
    fn take(&self, orders: Vec<SignedOrder>, state: &mut State) -> Result<usize> {
        let mut news = 0;
        for signed in orders {
            let order = signed.open(&self.order_key, self.id)?;
            if order.fence <= state.highest_fence {
                anyhow::bail!("attempt {} was handed out twice", order.attempt_id);
            }
            state.highest_fence = order.fence;
            state.held.push(HeldAttempt {
                attempt_id: order.attempt_id,
                phase: Phase::Started,
                started_us: Some(clock::now_micros()),
            });
            news += 1;
        }
        Ok(news)
    }

    async fn checkin(&self, link: &Link, request: CheckinRequest) -> Result<CheckinAnswer> {
        let posted = self.post(link, path::CHECKIN, &request);
        timeout(POLL_LIMIT, posted)
            .await
            .context("no answer to a check-in")?
    }

    async fn report(&self, link: &Link, attempt: i64, started_us: Option<i64>) -> Result<i64> {
        let finished_us = clock::now_micros();
        let request = ResultRequest {
            outcome: Outcome::Exited { code: 0 },
            started_us,
            finished_us,
            duration_us: started_us.map(|started| finished_us - started),
            stream_bytes: std::collections::BTreeMap::new(),
            chunks: Vec::new(),
            result: None,
            failure: None,
        };
        let path = path::result(attempt);
        let posted = self.post::<ResultAnswer>(link, &path, &request);
        let answer = timeout(LIMIT, posted).await.context("no answer to a result")??;
        anyhow::ensure!(answer.known, "the server does not know attempt {attempt}");
        Ok(attempt)
    }

    async fn post<A: DeserializeOwned>(&self, link: &Link, path: &str, body: &impl Serialize) -> Result<A> {
        let about = proof::Request {
            method: "POST",
            path,
            credential: Some(&self.credential),
        };
        let address = &self.shared.address;
        let proven = Proven {
            proof: proof::make(&self.key, &address.url, about, nonce()?, clock::now_seconds())?,
            authorization: Some(self.authorization.clone()),
        };
        link.post(address, path, proven, body).await
    }
}

/// What outlives a connection.
#[derive(Default)]
struct State {
    number: u64,
    facts_told: bool,
    highest_fence: i64,
    held: Vec<HeldAttempt>,
}

impl State {
    fn request(&mut self) -> CheckinRequest {
        self.number += 1;
        CheckinRequest {
            protocol: PROTOCOL_VERSION,
            number: self.number,
            held: self.held.clone(),
            slots: SLOTS,
            facts: (!self.facts_told).then(facts),
        }
    }
}

fn facts() -> HostFacts {
    HostFacts {
        agent_version: env!("CARGO_PKG_VERSION").into(),
        hostname: "simulated".into(),
        os: "Debian GNU/Linux 12 (bookworm)".into(),
        arch: std::env::consts::ARCH.into(),
        languages: vec!["bash".into(), "python".into()],
        root: false,
        slots: SLOTS,
        sealing_key: None,
    }
}

/// As long as the real agent's.
fn nonce() -> Result<String> {
    let mut bytes = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow::anyhow!("the system gives no random bytes"))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
