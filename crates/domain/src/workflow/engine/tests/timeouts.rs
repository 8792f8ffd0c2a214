//! Other workflows that a step starts: how long they may take, and how often they are tried. And how long branches may take.

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

fn both(branches: Value, more: Value) -> Value {
    let mut step = json!({"id": "both", "type": "parallel", "branches": branches, "timeout_seconds": 60});
    for (name, value) in more.as_object().unwrap() {
        step[name] = value.clone();
    }
    step
}

fn commands() -> Value {
    json!([[command("a", json!({}))], [command("b", json!({}))]])
}

const BEGINNING: [&str; 6] = ["begin both", "within 60", "begin a", "do a", "begin b", "do b"];

#[test]
fn branches_that_take_too_long_are_told_to_stop_and_their_step_fails_once_they_have() {
    check(
        json!([
            both(commands(), json!({"on_success": "failed", "on_failure": "z"})),
            command("z", json!({}))
        ]),
        &["a 1/1", "both due", "b 1/1", "z 1/1"],
        &[
            &BEGINNING[..],
            &[
                "a succeeded",
                "late both",
                "stop b",
                "b cancelled",
                "both failed",
                "begin z",
                "do z",
                "z succeeded",
                "ended completed",
            ],
        ]
        .concat(),
    );
}

#[test]
fn branches_that_wait_for_people_and_the_clock_take_too_long_as_well() {
    let ask = json!({"id": "ask", "type": "approval", "title": "T", "approval_type": "singular", "approvers": ["user:1"]});
    let delay = json!({"id": "d", "type": "delay", "hours": 1});
    check(
        json!([both(json!([[ask], [delay]]), json!({}))]),
        &["both due", "ask stopped"],
        &[
            "begin both",
            "within 60",
            "begin ask",
            "do ask",
            "begin d",
            "wake in 3600",
            "late both",
            "stop ask",
            "d cancelled",
            "ask cancelled",
            "both failed",
            "ended failed Step both failed",
        ],
    );
}

#[test]
fn branches_inside_of_branches_stop_with_them() {
    let inner = json!({"id": "inner", "type": "parallel", "branches": commands()});
    check(
        json!([both(
            json!([[inner], [{"id": "d", "type": "delay", "seconds": 5}]]),
            json!({})
        )]),
        &["d due", "both due", "b stopped", "a 1/1"],
        &[
            "begin both",
            "within 60",
            "begin inner",
            "begin a",
            "do a",
            "begin b",
            "do b",
            "begin d",
            "wake in 5",
            "d succeeded",
            "late both",
            "stop a",
            "stop b",
            "b cancelled",
            "a cancelled",
            "inner cancelled",
            "both failed",
            "ended failed Step both failed",
        ],
    );
}

#[test]
fn the_time_of_branches_goes_on_after_one_has_failed_unless_that_cancels_the_others() {
    check(
        json!([both(commands(), json!({}))]),
        &["a 0/1", "both due", "b 1/1"],
        &[
            &BEGINNING[..],
            &[
                "a failed",
                "late both",
                "stop b",
                "b cancelled",
                "both failed",
                "ended failed Step both failed",
            ],
        ]
        .concat(),
    );
    let plan = plan(json!([both(commands(), json!({"on_branch_failure": "cancel"}))]));
    let mut played = Played::new(&plan);
    played.play("a 0/1").unwrap();
    played.now = played.now.plus(Duration::from_secs(61));
    assert_eq!(played.event(Event::Due { run: 1 }), Err(Refusal::OtherTry(1)));
    played.play("b 1/1").unwrap();
    let expected = [
        "a failed",
        "stop b",
        "b cancelled",
        "both failed",
        "ended failed Step both failed",
    ];
    assert_eq!(played.told, [&BEGINNING[..], &expected].concat());
}

#[test]
fn branches_that_end_in_time_are_not_late() {
    let plan = plan(json!([both(commands(), json!({})), command("z", json!({}))]));
    let mut played = Played::new(&plan);
    assert_eq!(played.event(Event::Due { run: 1 }), Err(Refusal::NotDue(1)));
    played.play("a 1/1").unwrap();
    played.play("b 1/1").unwrap();
    played.now = played.now.plus(Duration::from_secs(61));
    assert_eq!(played.event(Event::Due { run: 1 }), Err(Refusal::Over(1)));
    played.play("z 1/1").unwrap();
    assert_eq!(played.instance.state, InstanceState::Completed);
}

#[test]
fn branches_that_were_told_to_stop_at_their_time_are_not_told_again() {
    check(
        json!([both(commands(), json!({}))]),
        &["both due", "cancel", "a stopped", "b stopped"],
        &[
            &BEGINNING[..],
            &[
                "late both",
                "stop a",
                "stop b",
                "a cancelled",
                "b cancelled",
                "both cancelled",
                "ended cancelled asked for",
            ],
        ]
        .concat(),
    );
}
