//! Which orders the answer to a check-in carries: first those that were lost on their way, then queued jobs as slots
//! allow.
//!
//! An answer is bounded in orders and in bytes: one that is longer than an agent reads would be asked for again and
//! again. What finds no place comes with the next check-in, which brings it at once.

use postern_domain::{AgentId, AttemptId, JobId, Timestamp, job::pick};
use postern_protocol::limits::{ORDER_BYTES_PER_ANSWER, ORDERS_PER_ANSWER};
use postern_store::{Tx, jobs};

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
    /// Attempts whose orders the agent never had.
    pub(super) redeliver: Vec<AttemptId>,
    pub(super) intake: Intake,
    pub(super) now: Timestamp,
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
pub(super) async fn claim(tx: &mut Tx<'_>, agent: AgentId, claim: Claim) -> Result<Vec<Seed>> {
    let room = u32::try_from(ORDERS_PER_ANSWER).unwrap_or(u32::MAX);
    let Some((intake, active, queued)) = jobs::intake(tx, agent, claim.now, room).await? else {
        return Ok(Vec::new());
    };
    let mut load = Load::default();
    let mut seeds = Vec::new();
    let mut again: Vec<_> = active
        .iter()
        .filter(|one| claim.redeliver.contains(&one.attempt_id))
        .collect();
    again.sort_unstable_by_key(|one| one.fence);
    for one in again {
        let Some(seed) = order_again(tx, one, &intake).await? else {
            continue;
        };
        let bytes = order_bytes(&seed.payload, seed.secret.as_ref());
        if !load.has_place(bytes) {
            // Nothing goes past it: an agent refuses an order whose fence is below one that it has.
            return Ok(seeds);
        }
        load.add(bytes);
        jobs::handed_again(tx, one.attempt_id, claim.number).await?;
        seeds.push(seed);
    }
    if !intake.active || claim.intake != Intake::Open {
        return Ok(seeds);
    }
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
        seeds.push(Seed {
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
    Ok(seeds)
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

/// At most so many bytes of an answer are this order's. It is JSON as text within JSON: each quote and each backslash
/// becomes two. Sealed secrets are sent as base64; sealed for the database they are a little longer than for the agent.
fn order_bytes(payload: &str, secret: Option<&jobs::Secret>) -> usize {
    let escaped = payload
        .bytes()
        .filter(|byte| matches!(byte, b'"' | b'\\'))
        .count();
    let secret = secret.map_or(0, |secret| secret.sealed.len().div_ceil(3) * 4);
    ENVELOPE_BYTES + payload.len() + escaped + secret
}

#[cfg(test)]
mod tests {
    use postern_protocol::{
        keys::SigningKey,
        limits::{PARAMETER_BYTES, SECRETS_BYTES},
        order::{Order, SignedOrder},
        payload::{JobPayload, Language, Script},
        seal::{self, SealingKey, Secrets},
    };
    use zeroize::Zeroizing;

    use super::*;
    use crate::keys::MasterKey;

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

    /// What `content` and secrets of this length take in an answer, and what is counted for them.
    fn sent_and_counted(content: &str, secret_bytes: usize) -> (usize, usize) {
        let value = || Zeroizing::new("\\".repeat(PARAMETER_BYTES));
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
        let sent = serde_json::to_string(&signed).unwrap().len();
        (sent, order_bytes(&payload, kept.as_ref()))
    }

    #[test]
    fn what_is_counted_for_an_order_is_a_little_more_than_it_takes() {
        for (content, secret_bytes) in [
            ("x".to_owned(), 0),
            ("x".repeat(100_000), 0),
            ("\"\\\n\t\u{1}\u{7f}ä😀".repeat(10_000), 0),
            ("\"".repeat(100_000), SECRETS_BYTES),
        ] {
            let (sent, counted) = sent_and_counted(&content, secret_bytes);
            let more = counted - sent;
            assert!(more < ENVELOPE_BYTES, "{sent} sent, {counted} counted");
        }
    }
}
