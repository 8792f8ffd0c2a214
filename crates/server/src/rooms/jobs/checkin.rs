//! An agent's check-in: the long poll that is its heartbeat and brings it orders.
//!
//! Order of things: note the heartbeat, take the seat (subscribe), compare what the agent holds with what it was
//! given, then read what waits, then wait. A wake-up between the read and the wait is not lost, because waiting
//! began before the read.
//!
//! Thousands wait here at once. What is done before and between the waits is boxed, so that a waiting check-in
//! does not keep the room for it.

use std::{collections::HashMap, pin::pin, sync::Arc, time::Duration};

use postern_domain::{
    AttemptId, Timestamp,
    job::{Effect, Event, JobState, MAX_SLOTS, STALE_AFTER},
};
use postern_protocol::{
    limits::{HELD_ATTEMPTS, POLL_SECONDS},
    messages::{CheckinAnswer, CheckinRequest, HeldAttempt, HostFacts, Phase, Settings},
    order::{Order, SignedOrder},
    payload::JobPayload,
    seal::SealedSecrets,
};
use postern_store::{Tx, agents, jobs, tx};

use super::{
    claim::{Claim, Intake, Seed, claim},
    secrets,
    service::Ended,
    transition::{apply, apply_by_system},
};
use crate::{
    app::App,
    error::{Error, Result},
    hub::News,
    random,
    rooms::agents::{
        enroll::{check_version, facts_of},
        gate::{Admitted, recheck},
        heartbeat::{self, Noted},
    },
};

/// Polls end at different times, within this part of the waiting time.
const JITTER_MILLISECONDS: u64 = 4000;

pub(super) async fn agent_checkin(
    app: &App,
    agent: &Admitted,
    mut request: CheckinRequest,
) -> Result<CheckinAnswer> {
    check_version(app, request.protocol)?;
    if request.held.len() > HELD_ATTEMPTS {
        return Err(Error::invalid(
            "held",
            format!("has more than {HELD_ATTEMPTS} entries"),
        ));
    }
    if Box::pin(arrive(app, agent, request.number, request.facts.take())).await? == Noted::Late {
        return Ok(empty(app));
    }
    let seat = app.hub.sit(agent.id);
    let jitter = random::below(JITTER_MILLISECONDS);
    let wait = Duration::from_millis(POLL_SECONDS * 1000 - JITTER_MILLISECONDS / 2 + jitter);
    let mut deadline = pin!(tokio::time::sleep(wait));
    let mut round = Round {
        app,
        agent,
        request: &request,
        first: true,
    };
    loop {
        let mut woken = pin!(seat.poll.wake.notified());
        woken.as_mut().enable();
        if !seat.is_newest() {
            return Ok(empty(app));
        }
        let answer = Box::pin(round.look()).await?;
        round.first = false;
        let stopping = app.shutdown.is_cancelled();
        if stopping
            || !(answer.orders.is_empty() && answer.cancel.is_empty() && answer.acknowledged.is_empty())
        {
            return Ok(answer);
        }
        tokio::select! {
            () = woken => {}
            () = deadline.as_mut() => return Ok(answer),
            () = app.shutdown.cancelled() => return Ok(empty(app)),
        }
    }
}

/// Notes the heartbeat, and what the agent says of its host.
async fn arrive(app: &App, agent: &Admitted, number: u64, facts: Option<HostFacts>) -> Result<Noted> {
    let noted = heartbeat::note(app, agent, number).await?;
    if let Some(facts) = facts
        && noted == Noted::Here
    {
        let (id, facts) = (agent.id, facts_of(facts)?);
        app.store
            .write::<_, Error, _>(tx!(tx => Ok(agents::facts_update(tx, id, facts).await?)))
            .await?;
    }
    Ok(noted)
}

fn empty(app: &App) -> CheckinAnswer {
    CheckinAnswer {
        server_time_us: app.now().as_micros(),
        ..Default::default()
    }
}

/// What there is for an agent.
#[derive(Debug)]
pub(crate) struct Looked {
    /// In its hands.
    active: Vec<jobs::Active>,
    /// Whether something could be handed out.
    waiting: bool,
    /// Attempts that it need not tell of any more.
    acknowledged: Vec<i64>,
}

/// One look at what there is for an agent.
struct Round<'a> {
    app: &'a App,
    agent: &'a Admitted,
    request: &'a CheckinRequest,
    /// What the agent said it holds was true when it asked: it is compared once.
    first: bool,
}

impl Round<'_> {
    async fn look(&mut self) -> Result<CheckinAnswer> {
        let current = recheck(self.app, self.agent).await?;
        let (app, id, now) = (self.app, self.agent.id, self.app.now());
        let finished = if self.first { self.finished() } else { Vec::new() };
        let Looked {
            active,
            waiting,
            acknowledged,
        } = app
            .looks
            .run(
                id.0,
                tx!(tx => {
                    let (active, waiting) = jobs::at_agent(tx, id, now, 1).await?;
                    let owed = jobs::attempts_unreported(tx, id, &finished).await?;
                    let told = finished.into_iter().filter(|attempt| !owed.contains(attempt));
                    Ok(Looked {
                        active,
                        waiting: !waiting.is_empty(),
                        acknowledged: told.map(|attempt| attempt.0).collect(),
                    })
                }),
            )
            .await?;
        let mut answer = empty(app);
        answer.settings = Some(Settings {
            renew_credential: current.renew_credentials,
        });
        answer.acknowledged = acknowledged;
        let lost = self.first && self.compare(&active, now).await?;
        answer.cancel = self.cancels(&active);
        if lost || (waiting && current.active) {
            let intake = if current.active {
                Intake::Open
            } else {
                Intake::RedeliveriesOnly
            };
            answer.orders = self.hand_out(intake, now).await?;
        }
        Ok(answer)
    }

    /// What has ended on the host. Those whose end the server has been told, or whose jobs are gone, are acknowledged;
    /// a result that is late because the server gave the attempt up is still to come.
    fn finished(&self) -> Vec<AttemptId> {
        let held = self.request.held.iter();
        held.filter(|held| held.phase == Phase::Finished)
            .map(|held| AttemptId(held.attempt_id))
            .collect()
    }

    fn cancels(&self, active: &[jobs::Active]) -> Vec<i64> {
        let held = |one: &&jobs::Active| {
            let found = self
                .request
                .held
                .iter()
                .find(|held| held.attempt_id == one.attempt_id.0);
            // Given in the answer before this check-in, or later: it is on its way to the agent.
            found.map_or(one.checkin_number >= self.request.number, |held| {
                held.phase != Phase::Finished
            })
        };
        active
            .iter()
            .filter(|one| one.cancel_requested)
            .filter(held)
            .map(|one| one.attempt_id.0)
            .collect()
    }

    /// Starts the agent tells of, and attempts it does not hold. Whether one of them is to be handed out again.
    async fn compare(&self, active: &[jobs::Active], now: Timestamp) -> Result<bool> {
        let held: HashMap<i64, &HeldAttempt> = self
            .request
            .held
            .iter()
            .map(|held| (held.attempt_id, held))
            .collect();
        let mut news = Vec::new();
        for one in active {
            match held.get(&one.attempt_id.0) {
                // Its result says when it began, and is being written.
                Some(_) if self.app.hub.is_reported(one.attempt_id) => {}
                Some(held) if one.state == JobState::Pending && held.phase == Phase::Started => {
                    let at = held.started_us.map_or(now, Timestamp::from_micros);
                    news.push((one.clone(), Some(at)));
                }
                Some(_) => {}
                // An older check-in that arrives late knows nothing of what a newer one brought.
                None if one.checkin_number < self.request.number => news.push((one.clone(), None)),
                None => {}
            }
        }
        if news.is_empty() {
            return Ok(false);
        }
        let (lost, begun, ended) = self
            .app
            .store
            .write::<_, Error, _>(tx!(tx => {
                let mut lost = false;
                let mut begun = Vec::new();
                let mut ended = Ended::default();
                for (one, started) in news {
                    let Some(machine) = jobs::machine(tx, one.job_id).await? else { continue };
                    if machine.attempt_id != Some(one.attempt_id) {
                        continue;
                    }
                    let Some(at) = started else {
                        let change = apply_by_system(tx, &machine, Event::NotHeld, now).await?;
                        lost |= change.effect == Effect::Redeliver;
                        ended.add(&machine, change);
                        continue;
                    };
                    started_report(tx, &machine, one.attempt_id, at, now).await?;
                    begun.push(one.job_id);
                }
                Ok((lost, begun, ended))
            }))
            .await?;
        for job in begun {
            self.app.hub.job_changed(job, News::State);
        }
        ended.wake(self.app);
        Ok(lost)
    }

    /// Hands out again what was lost, opens attempts for queued jobs as far as slots and the answer allow, and signs
    /// their orders.
    async fn hand_out(&self, intake: Intake, now: Timestamp) -> Result<Vec<SignedOrder>> {
        let (id, number) = (self.agent.id, self.request.number);
        crate::failpoint::hit("before-hand-out");
        let slots = self.request.slots.clamp(1, MAX_SLOTS);
        let held = self.request.held.iter();
        let held = held.map(|held| AttemptId(held.attempt_id)).collect();
        let asked = Arc::new(Claim {
            number,
            slots,
            held,
            intake,
            now,
        });
        let claimed = self
            .app
            .hand_outs
            .run(id.0, tx!(tx => claim(tx, id, &asked).await))
            .await?;
        crate::failpoint::hit("after-hand-out");
        claimed.ended.wake(self.app);
        claimed
            .seeds
            .into_iter()
            .map(|seed| {
                self.app.hub.job_changed(seed.job, News::State);
                self.sign(&seed, now)
            })
            .collect()
    }

    fn secrets(&self, seed: &Seed) -> Result<Option<SealedSecrets>> {
        let Some(kept) = &seed.secret else { return Ok(None) };
        secrets::for_attempt(
            self.app,
            kept,
            seed.sealing_key.as_deref(),
            self.agent.id,
            seed.attempt_id,
        )
    }

    fn sign(&self, seed: &Seed, now: Timestamp) -> Result<SignedOrder> {
        let work: JobPayload = serde_json::from_str(&seed.payload)
            .map_err(|error| Error::Internal(format!("payload of job {}: {error}", seed.job)))?;
        let order = Order {
            version: Order::VERSION,
            agent_id: self.agent.id.0,
            job_id: seed.job.0,
            attempt_id: seed.attempt_id.0,
            attempt: seed.attempt,
            fence: seed.fence,
            not_before_us: seed.not_before.map_or(0, Timestamp::as_micros),
            not_after_us: now.plus(STALE_AFTER).as_micros(),
            timeout_seconds: seed.timeout_seconds,
            critical: seed.critical,
            work,
            secrets: self.secrets(seed)?,
        };
        SignedOrder::sign(&order, &self.app.keys.order).map_err(|error| Error::Internal(error.to_string()))
    }
}

/// The agent reports that an attempt runs.
pub(super) async fn started_report(
    tx: &mut Tx<'_>,
    machine: &jobs::Machine,
    attempt: AttemptId,
    at: Timestamp,
    now: Timestamp,
) -> Result<()> {
    let event = Event::Started {
        attempt: machine.attempt,
        at,
    };
    let change = apply(tx, machine, event, now).await?;
    if change.effect == Effect::Write {
        jobs::attempt_started(tx, attempt, change.next.started.unwrap_or(now)).await?;
    }
    Ok(())
}
