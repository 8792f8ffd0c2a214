//! Whether nothing was lost and nothing ran twice: the ledger, the server and the trail compared.

use std::collections::{BTreeMap, BTreeSet};

use postern_domain::{JobId, job::JobState};

use super::{Door, Ledger};

/// What became of all jobs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) finished: usize,
    pub(crate) unknown: usize,
}

/// Every job has ended once; every attempt started at most once; every exit code in the ledger is the server's; only
/// attempts whose shim was killed (`killed`, by id) may be `unknown`.
///
/// An agent's death never makes an attempt `unknown`: the shim itself writes `started`, right before the job, so
/// there is no moment at which the agent is gone and the start in doubt.
#[track_caller]
pub(crate) fn judge(door: &Door, ledger: &Ledger, jobs: &[JobId], killed: &BTreeSet<i64>) -> Verdict {
    let mut ledger = ledger.read();
    let finishes = finishes(door);
    let mut verdict = Verdict::default();
    for id in jobs {
        let detail = door.job(*id);
        let job = &detail.job;
        assert!(job.state.is_final(), "job {id} is {}", job.state);
        assert_eq!(finishes.get(id), Some(&1), "final states of job {id}: {detail:?}");
        assert_eq!(detail.attempts.len(), 1, "nobody asked for a retry: {detail:?}");
        let attempt = detail.attempts[0].id.0;
        let entry = ledger.remove(&attempt).unwrap_or_default();
        assert!(
            entry.starts <= 1,
            "attempt {attempt} started {} times: {detail:?}",
            entry.starts
        );
        let was_killed = killed.contains(&attempt);
        match (job.state, job.exit_code) {
            (JobState::Completed | JobState::Failed, Some(code)) => {
                let expected = if code == 0 {
                    JobState::Completed
                } else {
                    JobState::Failed
                };
                assert_eq!(
                    (entry.codes.as_slice(), job.state),
                    (&[code][..], expected),
                    "{detail:?}"
                );
                verdict.finished += 1;
            }
            (JobState::Unknown, None) => {
                assert!(was_killed, "unknown, and its shim was not killed: {detail:?}");
                verdict.unknown += 1;
            }
            // Three shims in a row killed before the start.
            (JobState::Failed, None) if was_killed && entry.starts == 0 => {}
            _ => panic!("an end that nothing explains (shim killed: {was_killed}): {detail:?}"),
        }
        if !was_killed {
            assert_eq!(
                (entry.starts, entry.codes.len()),
                (1, 1),
                "nobody touched it, so it ran: {detail:?}"
            );
        }
    }
    assert!(ledger.is_empty(), "attempts the server does not know: {ledger:?}");
    door.assert_audit_is_intact();
    verdict
}

/// How often each job reached a final state, by the audit trail.
fn finishes(door: &Door) -> BTreeMap<JobId, usize> {
    let mut finishes = BTreeMap::new();
    for record in door.audit_of("job_finish") {
        let id = record.object.strip_prefix("job:").unwrap().parse().unwrap();
        *finishes.entry(JobId(id)).or_default() += 1;
    }
    finishes
}
