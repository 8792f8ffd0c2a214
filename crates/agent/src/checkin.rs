//! The long poll: says what the agent holds, brings orders, cancels and acknowledgements. One at a time.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use postern_protocol::{
    PROTOCOL_VERSION, credential,
    limits::RENEW_AHEAD_SECONDS,
    messages::{CheckinAnswer, CheckinRequest, HostFacts, RenewAnswer},
    path,
    refusal::RefusalCode,
};

use crate::{
    api::{Api, Error},
    attempts::Attempts,
    clock::Clock,
    identity::Identity,
    number::Numbers,
    random::{Backoff, jittered},
};

/// The server answers within 20 s and some jitter; beyond this the connection is dead.
const POLL_LIMIT: Duration = Duration::from_secs(40);
const RENEW_LIMIT: Duration = Duration::from_secs(20);
const RENEW_AGAIN: Duration = Duration::from_secs(3600);
/// Before the next poll when an answer came at once and brought nothing new: a server repeats a cancel until its
/// end is reported.
const NOTHING_NEW: Duration = Duration::from_millis(250);

pub(crate) struct Checkin {
    pub(crate) data: PathBuf,
    pub(crate) identity: Identity,
    pub(crate) api: Arc<Api>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) attempts: Arc<Attempts>,
    pub(crate) numbers: Numbers,
    pub(crate) facts: HostFacts,
}

/// What has gone wrong lately, so that a log line appears when something changes and not at every try.
#[derive(Default)]
struct Trouble {
    said: Option<String>,
}

impl Checkin {
    /// Never ends by itself.
    pub(crate) async fn run(mut self) {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
        let mut lasting = Backoff::new(Duration::from_secs(5), Duration::from_secs(60));
        let mut trouble = Trouble::default();
        let mut facts_told = false;
        let mut renew_at = Instant::now();
        loop {
            self.attempts.launcher.rest();
            if Instant::now() >= renew_at && self.renewal_is_due() {
                renew_at = Instant::now() + RENEW_AGAIN;
                self.renew().await;
            }
            let number = match self.numbers.next() {
                Ok(number) => number,
                Err(error) => {
                    trouble.tell(&format!(
                        "check-ins stop, as the disk refuses their numbers: {error}"
                    ));
                    tokio::time::sleep(backoff.wait()).await;
                    continue;
                }
            };
            let slots = self.attempts.room().slots;
            if slots != self.facts.slots {
                self.facts.slots = slots;
                facts_told = false;
            }
            let request = CheckinRequest {
                protocol: PROTOCOL_VERSION,
                number,
                held: self.attempts.held(),
                slots: self.facts.slots,
                facts: (!facts_told).then(|| self.facts.clone()),
            };
            let sent = Instant::now();
            let answer: Result<CheckinAnswer, Error> = self
                .api
                .post(&self.clock, path::CHECKIN, Some(&request), POLL_LIMIT)
                .await;
            match answer {
                Ok(answer) => {
                    facts_told = true;
                    backoff.reset();
                    lasting.reset();
                    trouble.over();
                    self.attempts.online.notify_waiters();
                    let news = self.apply(answer);
                    if !news && sent.elapsed() < NOTHING_NEW {
                        tokio::time::sleep(jittered(NOTHING_NEW)).await;
                    }
                }
                Err(error) => {
                    let wait = match error.lasting() {
                        // A renewal may have been under way.
                        Some(RefusalCode::CredentialReplaced) if self.reload() => backoff.wait(),
                        Some(_) => lasting.wait(),
                        None => backoff.wait(),
                    };
                    trouble.tell(&error.to_string());
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// Whether the answer brought anything that was not known.
    fn apply(&mut self, answer: CheckinAnswer) -> bool {
        self.clock.adopt(answer.server_time_us);
        let mut news = self.attempts.take(answer.orders);
        news |= self.attempts.cancel(&answer.cancel);
        news |= self.attempts.acknowledge(&answer.acknowledged);
        if let Some(settings) = answer.settings
            && settings != self.identity.settings
        {
            self.identity.settings = settings;
            self.store();
            news = true;
        }
        news
    }

    fn renewal_is_due(&self) -> bool {
        self.identity.settings.renew_credential
            && credential::unverified_expiry(&self.identity.credential)
                .is_ok_and(|expiry| expiry - self.clock.now_seconds() <= RENEW_AHEAD_SECONDS)
    }

    async fn renew(&mut self) {
        let answer: Result<RenewAnswer, Error> = self
            .api
            .post(&self.clock, path::RENEW, None::<&()>, RENEW_LIMIT)
            .await;
        match answer {
            Ok(answer) => {
                self.identity.credential = answer.credential;
                // On disk before it is used: the server counts the old one out at the first use of the new.
                self.store();
                self.api.replace_credential(self.identity.credential.clone());
                tracing::info!("credential renewed");
            }
            Err(error) => tracing::warn!("credential could not be renewed: {error}"),
        }
    }

    /// Takes over a credential that is on disk and not in use. Whether there was one.
    fn reload(&mut self) -> bool {
        match Identity::load(&self.data) {
            Ok(Some(identity)) if identity.credential != self.identity.credential => {
                self.identity = identity;
                self.api.replace_credential(self.identity.credential.clone());
                true
            }
            _ => false,
        }
    }

    fn store(&self) {
        if let Err(error) = self.identity.store(&self.data) {
            tracing::error!("{error}");
        }
    }
}

impl Trouble {
    fn tell(&mut self, text: &str) {
        if self.said.as_deref() != Some(text) {
            tracing::warn!("no contact with the server: {text}");
            self.said = Some(text.to_owned());
        }
    }

    fn over(&mut self) {
        if self.said.take().is_some() {
            tracing::info!("in contact with the server again");
        }
    }
}
