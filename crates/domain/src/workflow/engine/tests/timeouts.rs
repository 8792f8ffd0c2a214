//! Other workflows that a step starts: how long they may take, and how often they are tried.

use super::*;

fn other(more: Value) -> Value {
    let mut step = json!({"id": "call", "type": "workflow", "workflow": "other"});
    for (name, value) in more.as_object().unwrap() {
        step[name] = value.clone();
    }
    step
}

#[test]
fn one_that_takes_too_long_is_told_to_stop_and_fails_once_it_has() {
    check(
        json!([
            other(json!({"timeout_seconds": 60, "on_failure": "z"})),
            command("z", json!({}))
        ]),
        &["call due", "call ended", "z 1/1"],
        &[
            "begin call",
            "do call",
            "within 60",
            "stop call",
            "call failed",
            "begin z",
            "do z",
            "z succeeded",
            "ended completed",
        ],
    );
}

#[test]
fn one_that_was_done_when_it_was_told_to_stop_is_done() {
    check(
        json!([other(json!({"timeout_seconds": 60, "retries": {"count": 3}}))]),
        &["call due", "call completed"],
        &[
            "begin call",
            "do call",
            "within 60",
            "stop call",
            "call succeeded",
            "ended completed",
        ],
    );
}

#[test]
fn each_try_has_its_own_time_and_begins_when_the_one_before_has_ended() {
    check(
        json!([other(
            json!({"timeout_seconds": 60, "retries": {"count": 2, "delay_seconds": 10, "factor": 3.0}})
        )]),
        &[
            "call due",
            "call ended",
            "call due",
            "call ended",
            "call due",
            "call due",
            "call ended",
        ],
        &[
            "begin call",
            "do call",
            "within 60",
            "stop call",
            "wake in 10",
            "do call again (2)",
            "within 60",
            "wake in 30",
            "do call again (3)",
            "within 60",
            "stop call",
            "call failed",
            "ended failed Step call failed",
        ],
    );
}

#[test]
fn one_that_could_not_start_is_not_tried_again() {
    check(
        json!([other(json!({"timeout_seconds": 60, "retries": {"count": 2}}))]),
        &["call fail"],
        &[
            "begin call",
            "do call",
            "within 60",
            "call failed",
            "ended failed Step call failed",
        ],
    );
}

#[test]
fn what_was_told_to_stop_at_its_time_is_not_told_again() {
    check(
        json!([other(json!({"timeout_seconds": 60, "retries": {"count": 2}}))]),
        &["call due", "cancel", "call completed"],
        &[
            "begin call",
            "do call",
            "within 60",
            "stop call",
            "call cancelled",
            "ended cancelled asked for",
        ],
    );
}

#[test]
fn its_time_is_over_neither_early_nor_twice_nor_once_it_was_told_to_stop() {
    let plan = plan(json!([other(json!({"timeout_seconds": 60}))]));
    let due = || Event::Due { run: 1 };
    let mut played = Played::new(&plan);
    assert_eq!(played.event(due()), Err(Refusal::NotDue(1)));
    played.play("call due").unwrap();
    assert_eq!(played.event(due()), Err(Refusal::OtherTry(1)));
    let mut cancelled = Played::new(&plan);
    cancelled.play("cancel").unwrap();
    cancelled.now = cancelled.now.plus(Duration::from_secs(61));
    assert_eq!(cancelled.event(due()), Err(Refusal::OtherTry(1)));
}
