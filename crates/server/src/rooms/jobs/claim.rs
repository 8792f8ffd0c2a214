//! Which orders the answer to a check-in carries: first those that were lost on their way, then queued jobs as slots
//! allow.
//!
//! An answer is bounded in orders and in bytes: one that is longer than an agent reads would be asked for again and
//! again. What finds no place comes with the next check-in, which brings it at once. A job whose order no answer can
//! bring has failed.

use std::collections::HashSet;

use postern_domain::{
    AgentId, AttemptId, JobId, Timestamp,
    job::{Event, JobState, pick},
};
use postern_protocol::limits::{ORDER_BYTES_PER_ANSWER, ORDERS_PER_ANSWER, PAYLOAD_BYTES};
use postern_store::{Tx, jobs};

use super::{service::Ended, transition::apply_by_system};
use crate::error::Result;

/// Everything in an order but its payload and its secrets, in an answer: a little more than it can be.
const ENVELOPE_BYTES: usize = 1024;

/// Whether the agent gets new work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intake {
    Open,
    /// An inactive agent: what it was given before it was switched off stays its own.
    RedeliveriesOnly,
}

pub(super) struct Claim {
    /// Of the check-in that is answered.
    pub(super) number: u64,
    pub(super) slots: u32,
    /// Attempts that the agent had when it asked.
    pub(super) held: HashSet<AttemptId>,
    pub(super) intake: Intake,
    pub(super) now: Timestamp,
}

impl Claim {
    /// Whether the agent never had this order: the answer of an older check-in carried it, and the agent asked again
    /// without. That answer may have been made after this check-in came, where two of them are served at once. Or it was
    /// handed out for this check-in and nobody knew whether that was committed: it is done again.
    fn is_lost(&self, one: &jobs::Active) -> bool {
        one.state == JobState::Pending
            && !one.cancel_requested
            && one.checkin_number <= self.number
            && !self.held.contains(&one.attempt_id)
    }
}

/// What a check-in is answered with.
#[derive(Default)]
pub(crate) struct Claimed {
    pub(super) seeds: Vec<Seed>,
    /// Jobs whose orders no answer can carry.
    pub(super) ended: Ended,
}

/// What an order is made of.
pub(super) struct Seed {
    pub(super) job: JobId,
    pub(super) attempt_id: AttemptId,
    pub(super) attempt: u32,
    pub(super) fence: i64,
    pub(super) timeout_seconds: u32,
    pub(super) not_before: Option<Timestamp>,
    pub(super) critical: bool,
    pub(super) payload: String,
    pub(super) secret: Option<jobs::Secret>,
    pub(super) sealing_key: Option<String>,
}

/// Opens attempts for what there is a place for.
pub(super) async fn claim(tx: &mut Tx<'_>, agent: AgentId, claim: &Claim) -> Result<Claimed> {
    let room = u32::try_from(ORDERS_PER_ANSWER).unwrap_or(u32::MAX);
    let mut claimed = Claimed::default();
    let Some((intake, active, queued)) = jobs::intake(tx, agent, claim.now, room).await? else {
        return Ok(claimed);
    };
    let mut load = Load::default();
    let mut again: Vec<_> = active.iter().filter(|one| claim.is_lost(one)).collect();
    again.sort_unstable_by_key(|one| one.fence);
    for one in again {
        let Some(seed) = order_again(tx, one, &intake).await? else {
            continue;
        };
        if let Some(problem) = too_large(&seed.payload) {
            give_up(tx, seed.job, &problem, claim.now, &mut claimed.ended).await?;
            continue;
        }
        let bytes = order_bytes(&seed.payload, seed.secret.as_ref());
        if !load.has_place(bytes) {
            // Nothing goes past it: an agent refuses an order whose fence is below one that it has.
            return Ok(claimed);
        }
        load.add(bytes);
        jobs::handed_again(tx, one.attempt_id, claim.number).await?;
        claimed.seeds.push(seed);
    }
    if !intake.active || claim.intake != Intake::Open {
        return Ok(claimed);
    }
    let queued = readable(tx, queued, claim.now, &mut claimed.ended).await?;
    let mut fence = intake.fence;
    let busy = u32::try_from(active.len()).unwrap_or(u32::MAX);
    let count = pick(
        queued.iter().map(|job| jobs::priority_of(job.priority)),
        busy,
        claim.slots,
    );
    for job in queued.into_iter().take(count) {
        let secret = kept(tx, job.secret).await?;
        let bytes = order_bytes(&job.payload, secret.as_ref());
        if !load.has_place(bytes) {
            break;
        }
        // Another job may have taken the key since the read; this one waits on.
        if let Some(key) = &job.concurrency_key
            && !jobs::hold(tx, key, job.id).await?
        {
            continue;
        }
        load.add(bytes);
        fence += 1;
        let order = jobs::HandOut {
            number: job.attempt,
            fence,
            checkin_number: claim.number,
        };
        let attempt_id = jobs::hand_out(tx, job.id, order, claim.now).await?;
        claimed.seeds.push(Seed {
            job: job.id,
            attempt_id,
            attempt: job.attempt,
            fence,
            timeout_seconds: job.timeout_seconds,
            not_before: job.not_before,
            critical: job.priority == 0,
            payload: job.payload,
            secret,
            sealing_key: intake.sealing_key.clone(),
        });
    }
    if fence != intake.fence {
        jobs::fence_set(tx, agent, fence).await?;
    }
    Ok(claimed)
}

/// Those whose orders an agent can read. The others, stored when more was taken, would keep it from all work.
async fn readable(
    tx: &mut Tx<'_>,
    queued: Vec<jobs::Queued>,
    now: Timestamp,
    ended: &mut Ended,
) -> Result<Vec<jobs::Queued>> {
    let mut readable = Vec::with_capacity(queued.len());
    for job in queued {
        match too_large(&job.payload) {
            None => readable.push(job),
            Some(problem) => give_up(tx, job.id, &problem, now, ended).await?,
        }
    }
    Ok(readable)
}

async fn give_up(tx: &mut Tx<'_>, id: JobId, problem: &str, now: Timestamp, ended: &mut Ended) -> Result<()> {
    let Some(machine) = jobs::machine(tx, id).await? else {
        return Ok(());
    };
    let event = Event::Undeliverable {
        reason: format!("Its payload {problem}"),
    };
    let change = apply_by_system(tx, &machine, event, now).await?;
    ended.add(&machine, change);
    Ok(())
}

/// The order of an attempt that is there, as it was.
async fn order_again(tx: &mut Tx<'_>, one: &jobs::Active, intake: &jobs::Intake) -> Result<Option<Seed>> {
    let Some(job) = jobs::find(tx, one.job_id).await? else {
        return Ok(None);
    };
    Ok(Some(Seed {
        job: job.id,
        attempt_id: one.attempt_id,
        attempt: job.attempt,
        fence: one.fence,
        timeout_seconds: job.timeout_seconds,
        not_before: job.not_before,
        critical: job.priority == 0,
        payload: jobs::payload(tx, job.id).await?,
        secret: kept(tx, job.secret).await?,
        sealing_key: intake.sealing_key.clone(),
    }))
}

async fn kept(tx: &mut Tx<'_>, secret: Option<i64>) -> Result<Option<jobs::Secret>> {
    match secret {
        Some(id) => Ok(jobs::secret(tx, id).await?),
        None => Ok(None),
    }
}

/// What an answer carries so far.
#[derive(Debug, Default)]
struct Load {
    orders: usize,
    bytes: usize,
}

impl Load {
    /// The first order always has one, however large it is.
    fn has_place(&self, bytes: usize) -> bool {
        self.orders == 0
            || (self.orders < ORDERS_PER_ANSWER && self.bytes.saturating_add(bytes) <= ORDER_BYTES_PER_ANSWER)
    }

    fn add(&mut self, bytes: usize) {
        self.orders += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// At most so many bytes of an answer are this order's. Sealed secrets are sent as base64; sealed for the database they
/// are a little longer than for the agent.
fn order_bytes(payload: &str, secret: Option<&jobs::Secret>) -> usize {
    let secret = secret.map_or(0, |secret| secret.sealed.len().div_ceil(3) * 4);
    ENVELOPE_BYTES + sent_bytes(payload) + secret
}

/// An order is JSON as text within JSON: each quote and each backslash becomes two.
fn sent_bytes(payload: &str) -> usize {
    let escaped = payload
        .bytes()
        .filter(|byte| matches!(byte, b'"' | b'\\'))
        .count();
    payload.len() + escaped
}

/// What is wrong with a payload that no order can carry; of one that goes, nothing.
pub(super) fn too_large(payload: &str) -> Option<String> {
    let bytes = sent_bytes(payload);
    (bytes > PAYLOAD_BYTES).then(|| {
        format!(
            "has {bytes} bytes as it is sent to an agent, which takes {PAYLOAD_BYTES}: give less of it, or let the job \
             read it on its host"
        )
    })
}

#[cfg(test)]
mod tests {
    use postern_protocol::{
        keys::SigningKey,
        limits::{ANSWER_BYTES, HELD_ATTEMPTS, PARAMETER_BYTES, SECRETS_BYTES},
        messages::CheckinAnswer,
        order::{Order, SignedOrder},
        payload::{JobPayload, Language, Script},
        seal::{self, SealingKey, Secrets},
    };
    use zeroize::Zeroizing;

    use super::*;
    use crate::keys::MasterKey;

    /// The same number is that of a hand-out of which nobody knew whether it was committed, and which is done again.
    #[test]
    fn an_order_is_lost_that_this_check_in_or_an_older_one_was_to_bring() {
        let one = |checkin_number| jobs::Active {
            job_id: JobId(1),
            attempt_id: AttemptId(1),
            state: JobState::Pending,
            cancel_requested: false,
            checkin_number,
            fence: 1,
            started: None,
        };
        let claim = |held: &[AttemptId]| Claim {
            number: 7,
            slots: 1,
            held: held.iter().copied().collect(),
            intake: Intake::Open,
            now: Timestamp::from_micros(0),
        };
        let lost = [6, 7, 8].map(|number| claim(&[]).is_lost(&one(number)));
        assert_eq!(lost, [true, true, false]);
        assert!(!claim(&[AttemptId(1)]).is_lost(&one(6)), "the agent has it");
    }

    #[test]
    fn an_answer_is_filled_to_its_bounds_and_not_beyond() {
        let mut load = Load::default();
        load.add(ORDER_BYTES_PER_ANSWER - 100);
        assert!(load.has_place(100), "at the bound");
        assert!(!load.has_place(101), "beyond it");
        let mut load = Load::default();
        for _ in 0..ORDERS_PER_ANSWER {
            assert!(load.has_place(1));
            load.add(1);
        }
        assert!(!load.has_place(1), "so many orders and no more");
    }

    #[test]
    fn a_single_order_has_a_place_however_large_it_is() {
        let mut load = Load::default();
        assert!(load.has_place(usize::MAX));
        load.add(usize::MAX);
        assert!(!load.has_place(1), "it comes alone");
    }

    /// The order of `content` with secrets of this length, and what is counted for it.
    fn order_and_count(content: &str, secret_bytes: usize) -> (SignedOrder, usize) {
        let value = || Zeroizing::new("\u{1}".repeat(PARAMETER_BYTES));
        let secrets: Secrets = (0..secret_bytes / PARAMETER_BYTES)
            .map(|index| (format!("S{index}"), value()))
            .collect();
        let work = JobPayload::Script(Script {
            secrets: secrets.keys().cloned().collect(),
            ..Script::new(Language::Bash, content)
        });
        let payload = serde_json::to_string(&work).unwrap();
        let kept = (!secrets.is_empty()).then(|| {
            let place = "secrets x".to_owned();
            let key = MasterKey::new(&[1; 32]).unwrap();
            let sealed = key.seal(&place, &seal::encode(&secrets)).unwrap();
            jobs::Secret { place, sealed }
        });
        let agent = SealingKey::generate().unwrap();
        let order = Order {
            version: Order::VERSION,
            agent_id: i64::MIN,
            job_id: i64::MIN,
            attempt_id: i64::MIN,
            attempt: u32::MAX,
            fence: i64::MIN,
            not_before_us: i64::MIN,
            not_after_us: i64::MIN,
            timeout_seconds: u32::MAX,
            critical: false,
            work,
            secrets: kept
                .as_ref()
                .map(|_| seal::seal(&secrets, &agent.public(), i64::MIN, i64::MIN).unwrap()),
        };
        let signed = SignedOrder::sign(&order, &SigningKey::generate().unwrap()).unwrap();
        (signed, order_bytes(&payload, kept.as_ref()))
    }

    #[test]
    fn what_is_counted_for_an_order_is_a_little_more_than_it_takes() {
        for (content, secret_bytes) in [
            ("x".to_owned(), 0),
            ("x".repeat(100_000), 0),
            ("\"\\\n\t\u{1}\u{7f}ä😀".repeat(10_000), 0),
            ("\"".repeat(100_000), SECRETS_BYTES),
        ] {
            let (order, counted) = order_and_count(&content, secret_bytes);
            let sent = serde_json::to_string(&order).unwrap().len();
            let more = counted - sent;
            assert!(more < ENVELOPE_BYTES, "{sent} sent, {counted} counted");
        }
    }

    #[test]
    fn a_payload_is_too_large_beyond_the_bound_as_it_is_sent() {
        assert_eq!(too_large(&"x".repeat(PAYLOAD_BYTES)), None);
        assert_eq!(too_large(&"\"".repeat(PAYLOAD_BYTES / 2)), None);
        assert_eq!(
            too_large(&"\\".repeat(PAYLOAD_BYTES / 2 + 1)).as_deref(),
            Some(
                "has 16777218 bytes as it is sent to an agent, which takes 16777216: give less of it, or let the job \
                 read it on its host"
            )
        );
        assert!(too_large(&"x".repeat(PAYLOAD_BYTES + 1)).is_some());
    }

    #[test]
    fn an_agent_reads_the_largest_order_with_all_that_an_answer_says_beside() {
        let (order, _) = order_and_count(&"x".repeat(PAYLOAD_BYTES), SECRETS_BYTES);
        let answer = CheckinAnswer {
            orders: vec![order],
            cancel: vec![i64::MIN; HELD_ATTEMPTS],
            acknowledged: vec![i64::MIN; HELD_ATTEMPTS],
            ..Default::default()
        };
        let bytes = serde_json::to_vec(&answer).unwrap().len();
        assert!(bytes < ANSWER_BYTES, "{bytes} bytes");
    }
}
