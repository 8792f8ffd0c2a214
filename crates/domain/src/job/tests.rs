use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_000_000_000_000);

fn job(state: JobState) -> Job {
    Job {
        state,
        attempt: 1,
        cancel_requested: false,
        timeout: Duration::from_secs(300),
        due: NOW,
        started: (state == JobState::Running).then_some(NOW),
        reason: None,
        exit_code: None,
    }
}

fn after(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

fn check(state: JobState, event: Event, now: Timestamp, expected: JobState, effect: Effect) {
    let result = step(&job(state), event.clone(), now).expect("allowed");
    assert_eq!(
        (result.0.state, result.1),
        (expected, effect),
        "{state} + {event:?}"
    );
}

fn finished(outcome: Outcome) -> Event {
    Event::Finished { attempt: 1, outcome }
}

#[test]
fn outcomes_end_a_running_job_as_the_spec_says() {
    use JobState::{Completed, Failed, Running, Timeout, Unknown};
    for (outcome, state) in [
        (Outcome::Exited(0), Completed),
        (Outcome::Exited(3), Failed),
        (Outcome::Signalled(9), Failed),
        (Outcome::TimedOut, Timeout),
        (Outcome::Refused("no bash here".into()), Failed),
        (Outcome::Unknown("shim died".into()), Unknown),
        (Outcome::Cancelled, Failed),
    ] {
        check(Running, finished(outcome.clone()), after(5), state, Effect::Write);
        check(
            JobState::Pending,
            finished(outcome),
            after(5),
            state,
            Effect::Write,
        );
    }
}

#[test]
fn cancel_is_immediate_when_queued_and_confirmed_by_the_agent_later() {
    check(
        JobState::Queued,
        Event::CancelRequested,
        NOW,
        JobState::Cancelled,
        Effect::Write,
    );
    check(
        JobState::Pending,
        Event::CancelRequested,
        NOW,
        JobState::Pending,
        Effect::WriteAndWake,
    );
    check(
        JobState::Running,
        Event::CancelRequested,
        NOW,
        JobState::Running,
        Effect::WriteAndWake,
    );
    let (asked, _) = step(&job(JobState::Running), Event::CancelRequested, NOW).unwrap();
    assert_eq!(
        step(&asked, Event::CancelRequested, NOW).unwrap().1,
        Effect::Nothing,
        "asking twice is harmless"
    );
    let (gone, _) = step(&asked, finished(Outcome::Cancelled), NOW).unwrap();
    assert_eq!(gone.state, JobState::Cancelled);
    let (won, _) = step(&asked, finished(Outcome::Exited(0)), NOW).unwrap();
    assert_eq!(
        won.state,
        JobState::Completed,
        "it ended by itself before the cancel reached it"
    );
}

#[test]
fn every_other_combination_of_cancel_retry_delete_is_refused_naming_the_state() {
    for state in JobState::ALL.iter().copied() {
        let cancel = step(&job(state), Event::CancelRequested, NOW);
        assert_eq!(cancel.is_err(), state.is_final(), "cancel {state}");
        let retry = step(&job(state), Event::RetryRequested, NOW);
        let retryable = matches!(state, JobState::Failed | JobState::Timeout | JobState::Unknown);
        assert_eq!(retry.is_ok(), retryable, "retry {state}");
        assert_eq!(delete(state).is_ok(), state.is_deletable(), "delete {state}");
        for refusal in [cancel.err(), retry.err(), delete(state).err()]
            .into_iter()
            .flatten()
        {
            assert!(refusal.to_string().contains(state.as_str()), "{refusal}");
        }
    }
}

#[test]
fn retry_adds_an_attempt_to_the_same_job_and_clears_its_end() {
    let mut failed = job(JobState::Failed);
    failed.reason = Some("Exit code 1".into());
    failed.exit_code = Some(1);
    let (next, effect) = step(&failed, Event::RetryRequested, after(60)).unwrap();
    assert_eq!(
        (next.state, next.attempt, effect),
        (JobState::Queued, 2, Effect::WriteAndWake)
    );
    assert_eq!((next.reason, next.exit_code, next.due), (None, None, after(60)));
}

#[test]
fn job_queued_for_31_minutes_fails_with_agent_did_not_pick_up() {
    let tick = Event::Tick { agent_seen: None };
    check(
        JobState::Queued,
        tick.clone(),
        after(30 * 60),
        JobState::Queued,
        Effect::Nothing,
    );
    let (next, _) = step(&job(JobState::Queued), tick, after(31 * 60)).unwrap();
    assert_eq!(
        (next.state, next.reason.as_deref()),
        (JobState::Failed, Some("Agent did not pick up job"))
    );
}

#[test]
fn running_job_times_out_only_when_its_agent_is_silent_for_twice_the_timeout() {
    let silent = |seen: u64| Event::Tick {
        agent_seen: Some(after(seen)),
    };
    check(
        JobState::Running,
        silent(0),
        after(600),
        JobState::Running,
        Effect::Nothing,
    );
    check(
        JobState::Running,
        silent(0),
        after(601),
        JobState::Timeout,
        Effect::Write,
    );
    check(
        JobState::Running,
        silent(500),
        after(601),
        JobState::Running,
        Effect::Nothing,
    );
    check(
        JobState::Running,
        silent(500),
        after(1101),
        JobState::Timeout,
        Effect::Write,
    );
}

#[test]
fn running_job_with_a_short_timeout_is_left_to_an_agent_whose_poll_is_open() {
    let short = Job {
        timeout: Duration::from_secs(2),
        ..job(JobState::Running)
    };
    let silent = Event::Tick {
        agent_seen: Some(NOW),
    };
    let (next, _) = step(&short, silent.clone(), after(45)).unwrap();
    assert_eq!(next.state, JobState::Running, "seen within 45 s is connected");
    let (next, _) = step(&short, silent, after(46)).unwrap();
    assert_eq!(next.state, JobState::Timeout);
}

#[test]
fn pending_job_of_a_silent_agent_becomes_unknown_never_queued_again() {
    let tick = Event::Tick {
        agent_seen: Some(NOW),
    };
    check(
        JobState::Pending,
        tick.clone(),
        after(40 * 60),
        JobState::Pending,
        Effect::Nothing,
    );
    check(
        JobState::Pending,
        tick,
        after(41 * 60),
        JobState::Unknown,
        Effect::Write,
    );
}

#[test]
fn late_and_repeated_results_are_kept_beside_the_final_state() {
    for state in JobState::ALL.iter().copied().filter(|s| s.is_final()) {
        check(
            state,
            finished(Outcome::Exited(0)),
            after(9),
            state,
            Effect::KeepLate,
        );
        check(
            state,
            Event::Started { attempt: 1, at: NOW },
            after(9),
            state,
            Effect::Nothing,
        );
    }
    let mut second = job(JobState::Running);
    second.attempt = 2;
    let (next, effect) = step(&second, finished(Outcome::Exited(0)), after(9)).unwrap();
    assert_eq!(
        (next.state, effect),
        (JobState::Running, Effect::KeepLate),
        "a result of attempt 1"
    );
}

#[test]
fn an_attempt_the_agent_does_not_hold() {
    check(
        JobState::Pending,
        Event::NotHeld,
        after(5),
        JobState::Pending,
        Effect::Redeliver,
    );
    check(
        JobState::Running,
        Event::NotHeld,
        after(5),
        JobState::Unknown,
        Effect::Write,
    );
    check(
        JobState::Completed,
        Event::NotHeld,
        after(5),
        JobState::Completed,
        Effect::Nothing,
    );
    check(
        JobState::Pending,
        Event::AgentReset,
        after(5),
        JobState::Unknown,
        Effect::Write,
    );
    check(
        JobState::Queued,
        Event::AgentReset,
        after(5),
        JobState::Queued,
        Effect::Nothing,
    );
    for (state, ends, effect) in [
        (JobState::Queued, JobState::Cancelled, Effect::Write),
        (JobState::Pending, JobState::Unknown, Effect::Write),
        (JobState::Running, JobState::Unknown, Effect::Write),
        (JobState::Completed, JobState::Completed, Effect::Nothing),
    ] {
        check(state, Event::AgentDeleted, after(5), ends, effect);
    }
    let (asked, _) = step(&job(JobState::Pending), Event::CancelRequested, NOW).unwrap();
    assert_eq!(
        step(&asked, Event::NotHeld, NOW).unwrap().0.state,
        JobState::Cancelled
    );
}

#[test]
fn an_order_that_no_agent_can_read_fails_its_job() {
    let event = || Event::Undeliverable {
        reason: "too large".into(),
    };
    for state in JobState::ALL.iter().copied() {
        let (expected, effect) = match state {
            JobState::Queued | JobState::Pending => (JobState::Failed, Effect::Write),
            other => (other, Effect::Nothing),
        };
        check(state, event(), after(5), expected, effect);
    }
    let (next, _) = step(&job(JobState::Queued), event(), NOW).unwrap();
    assert_eq!(next.reason.as_deref(), Some("too large"));
}

#[test]
fn slots_and_the_one_kept_for_critical_work() {
    use Priority::{Critical, High, Normal};
    assert_eq!(pick([High, Normal, Normal], 0, 4), 3);
    assert_eq!(pick([Normal, Normal], 3, 4), 1);
    assert_eq!(pick([Normal], 4, 4), 0);
    assert_eq!(pick([Critical, Normal], 4, 4), 1);
    assert_eq!(pick([Critical], 5, 4), 0);
    let load = |active, connected, busy| AgentLoad {
        active,
        connected,
        busy,
        slots: 4,
    };
    let table = [
        (after(9), load(true, true, 0), Some(WaitReason::NotYetDue)),
        (NOW, load(false, false, 9), Some(WaitReason::AgentInactive)),
        (NOW, load(true, false, 9), Some(WaitReason::AgentOffline)),
        (NOW, load(true, true, 4), Some(WaitReason::SlotsFull)),
        (NOW, load(true, true, 3), None),
    ];
    for (not_before, load, reason) in table {
        assert_eq!(
            wait_reason(Normal, not_before, load, None, NOW),
            reason,
            "{load:?}"
        );
    }
    assert_eq!(wait_reason(Critical, NOW, load(true, true, 4), None, NOW), None);
    for (gate, connected, reason) in [
        (WaitReason::Batch, false, WaitReason::Batch),
        (WaitReason::Concurrency, true, WaitReason::Concurrency),
        (WaitReason::Concurrency, false, WaitReason::AgentOffline),
    ] {
        let found = wait_reason(Normal, NOW, load(true, connected, 4), Some(gate), NOW);
        assert_eq!(found, Some(reason), "{gate:?}");
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let outcome = prop_oneof![
        (-1..4i32).prop_map(Outcome::Exited),
        Just(Outcome::TimedOut),
        Just(Outcome::Cancelled),
        Just(Outcome::Refused("r".into())),
        Just(Outcome::Unknown("u".into())),
    ];
    prop_oneof![
        Just(Event::Handed),
        (1..3u32).prop_map(|attempt| Event::Started { attempt, at: NOW }),
        (1..3u32, outcome).prop_map(|(attempt, outcome)| Event::Finished { attempt, outcome }),
        Just(Event::CancelRequested),
        Just(Event::RetryRequested),
        Just(Event::Undeliverable { reason: "u".into() }),
        Just(Event::NotHeld),
        Just(Event::AgentReset),
        Just(Event::AgentDeleted),
        Just(Event::Tick {
            agent_seen: Some(NOW)
        }),
    ]
}

proptest! {
    /// A final state is left only by a retry; attempts never go back; an attempt runs at most once.
    #[test]
    fn any_order_of_events_keeps_the_invariants(events in prop::collection::vec((any_event(), 0..4000u64), 1..60)) {
        let mut current = job(JobState::Queued);
        let mut now = NOW;
        let mut started = std::collections::HashSet::new();
        for (event, seconds) in events {
            now = now.plus(Duration::from_secs(seconds));
            let retry = event == Event::RetryRequested;
            let Ok((next, effect)) = step(&current, event, now) else { continue };
            if current.state.is_final() && !retry {
                prop_assert_eq!(next.state, current.state);
            }
            if matches!(effect, Effect::Nothing | Effect::KeepLate | Effect::Redeliver) {
                prop_assert_eq!(next.state, current.state);
            }
            if next.state == JobState::Running && current.state != JobState::Running {
                prop_assert!(started.insert(next.attempt));
            }
            prop_assert!(next.attempt >= current.attempt);
            prop_assert_eq!(next.attempt > current.attempt, retry);
            prop_assert!(!next.state.is_final() || next.state == JobState::Completed || next.reason.is_some());
            current = next;
        }
    }
}
