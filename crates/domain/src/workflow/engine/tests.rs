mod simulation;
mod timeouts;

use serde_json::{Value, json};

use super::*;
use crate::workflow::read;

fn plan(steps: Value) -> Plan {
    Plan::new(read(json!({"steps": steps})).unwrap()).unwrap().0
}

fn command(id: &str, more: Value) -> Value {
    let mut step = json!({"id": id, "type": "command", "argv": ["true"]});
    for (name, value) in more.as_object().unwrap() {
        step[name] = value.clone();
    }
    step
}

const START: Timestamp = Timestamp::from_micros(1_000_000);

/// An instance with what it asked for, moved by words: `NAME ok`, `NAME fail`, `NAME true`, `NAME false`, `NAME 3/5`, `NAME due`,
/// `NAME stopped`, `cancel`; of another workflow that a step started `NAME completed`, `NAME ended`.
struct Played<'a> {
    plan: &'a Plan,
    instance: Instance,
    now: Timestamp,
    told: Vec<String>,
}

impl<'a> Played<'a> {
    fn new(plan: &'a Plan) -> Self {
        let mut played = Self {
            plan,
            instance: Instance::default(),
            now: START,
            told: Vec::new(),
        };
        played.event(Event::Begin).unwrap();
        played
    }

    fn event(&mut self, event: Event) -> Result<(), Refusal> {
        let before = self.instance.clone();
        let (instance, effects) = step(self.plan, before.clone(), event, self.now)?;
        self.instance = instance;
        for effect in effects {
            let id = |step: StepIndex| &self.plan.nodes[step].id;
            let of_run = |number: u32| {
                let mut runs = before.runs.iter().chain(&self.instance.runs);
                id(runs.find(|one| one.number == number).unwrap().step)
            };
            self.told.push(match effect {
                Effect::Began { step, .. } => format!("begin {}", id(step)),
                Effect::Perform { step, attempt: 1, .. } => format!("do {}", id(step)),
                Effect::Perform { step, attempt, .. } => format!("do {} again ({attempt})", id(step)),
                Effect::WakeAt { at, .. } => format!("wake in {}", at.since(self.now).as_secs()),
                Effect::Deadline { at, .. } => format!("within {}", at.since(self.now).as_secs()),
                Effect::Abort { run } => format!("stop {}", of_run(run)),
                Effect::Overdue { run } => format!("late {}", of_run(run)),
                Effect::Finished { step, outcome, .. } => format!("{} {outcome:?}", id(step)).to_lowercase(),
                Effect::Ended { state, reason } => {
                    format!("ended {} {}", state.as_str(), reason.unwrap_or_default())
                        .trim_end()
                        .to_owned()
                }
            });
        }
        Ok(())
    }

    fn play(&mut self, words: &str) -> Result<(), Refusal> {
        let Some((name, what)) = words.split_once(' ') else {
            return self.event(Event::Cancel {
                reason: "asked for".to_owned(),
            });
        };
        let step = self.plan.find(name).unwrap();
        let run = self
            .instance
            .runs
            .iter()
            .find(|run| run.step == step)
            .unwrap()
            .clone();
        if what == "due" {
            let until = match run.phase {
                Phase::Waiting { until } => Some(until),
                _ => run.deadline,
            };
            self.now = until.unwrap_or(self.now);
            return self.event(Event::Due { run: run.number });
        }
        let answer = match what {
            "ok" => Answer::Succeeded,
            "true" => Answer::Decided(true),
            "false" => Answer::Decided(false),
            "fail" | "stopped" => Answer::Failed,
            "completed" => Answer::Ended { completed: true },
            "ended" => Answer::Ended { completed: false },
            hosts => {
                let (succeeded, hosts) = hosts.split_once('/').unwrap();
                Answer::Hosts {
                    succeeded: succeeded.parse().unwrap(),
                    hosts: hosts.parse().unwrap(),
                }
            }
        };
        self.event(Event::Answered {
            run: run.number,
            attempt: run.attempt,
            answer,
        })
    }
}

#[track_caller]
fn check(steps: Value, words: &[&str], expected: &[&str]) {
    let plan = plan(steps);
    let mut played = Played::new(&plan);
    for word in words {
        played.play(word).unwrap();
    }
    assert_eq!(played.told, expected);
    let last = expected.last().unwrap();
    assert_eq!(
        played.instance.state.is_final(),
        last.starts_with("ended"),
        "{:?}",
        played.instance
    );
}

#[test]
fn steps_follow_each_other_and_the_last_success_completes() {
    let steps = json!([command("a", json!({})), command("b", json!({}))]);
    check(
        steps.clone(),
        &["a 2/2", "b 1/1"],
        &[
            "begin a",
            "do a",
            "a succeeded",
            "begin b",
            "do b",
            "b succeeded",
            "ended completed",
        ],
    );
    check(
        steps,
        &["a 1/2"],
        &["begin a", "do a", "a failed", "ended failed Step a failed"],
    );
}

#[test]
fn routes_lead_where_they_say() {
    let steps = json!([
        command("a", json!({"on_success": "c", "on_failure": "continue"})),
        command("b", json!({"on_success": "cancelled"})),
        command("c", json!({"on_success": "failed", "on_failure": "completed"})),
    ]);
    check(
        steps.clone(),
        &["a ok", "c fail"],
        &[
            "begin a",
            "do a",
            "a succeeded",
            "begin c",
            "do c",
            "c failed",
            "ended completed",
        ],
    );
    check(
        steps.clone(),
        &["a ok", "c ok"],
        &[
            "begin a",
            "do a",
            "a succeeded",
            "begin c",
            "do c",
            "c succeeded",
            "ended failed Step c led to failed",
        ],
    );
    check(
        steps,
        &["a fail", "b ok"],
        &[
            "begin a",
            "do a",
            "a failed",
            "begin b",
            "do b",
            "b succeeded",
            "ended cancelled Step b led to cancelled",
        ],
    );
}

#[test]
fn conditions_branch_and_one_that_cannot_be_evaluated_fails() {
    let steps = json!([
        {"id": "c", "type": "conditional", "condition": "true", "on_true": "continue", "on_false": "failed", "on_failure": "b"},
        command("a", json!({"on_success": "completed"})),
        command("b", json!({})),
    ]);
    check(
        steps.clone(),
        &["c true"],
        &["begin c", "do c", "c succeeded", "begin a", "do a"],
    );
    check(
        steps.clone(),
        &["c false"],
        &[
            "begin c",
            "do c",
            "c succeeded",
            "ended failed Step c led to failed",
        ],
    );
    check(
        steps,
        &["c fail"],
        &["begin c", "do c", "c failed", "begin b", "do b"],
    );
}

#[test]
fn a_delay_and_an_approval_pause_and_go_on() {
    let plan = plan(json!([
        {"id": "d", "type": "delay", "minutes": 1, "seconds": 5},
        {"id": "ask", "type": "approval", "title": "T", "approval_type": "singular", "approvers": ["user:1"], "on_failure": "cancelled"},
    ]));
    let mut played = Played::new(&plan);
    assert_eq!(played.instance.state, InstanceState::Paused);
    assert_eq!(played.event(Event::Due { run: 1 }), Err(Refusal::NotDue(1)));
    played.play("d due").unwrap();
    assert_eq!(played.instance.state, InstanceState::Paused);
    played.play("ask fail").unwrap();
    assert_eq!(
        played.told,
        [
            "begin d",
            "wake in 65",
            "d succeeded",
            "begin ask",
            "do ask",
            "ask failed",
            "ended cancelled Step ask led to cancelled"
        ]
    );
}

#[test]
fn failed_steps_are_tried_again_after_growing_waits() {
    let steps = json!([command(
        "a",
        json!({"retries": {"count": 2, "delay_seconds": 10, "factor": 3.0}, "continue_on": {"percent": 50}})
    )]);
    check(
        steps.clone(),
        &["a 1/4", "a due", "a 1/4", "a due", "a 1/4"],
        &[
            "begin a",
            "do a",
            "wake in 10",
            "do a again (2)",
            "wake in 30",
            "do a again (3)",
            "a failed",
            "ended failed Step a failed",
        ],
    );
    check(
        steps,
        &["a 1/4", "a due", "a 2/4"],
        &[
            "begin a",
            "do a",
            "wake in 10",
            "do a again (2)",
            "a succeeded",
            "ended completed",
        ],
    );
}

#[test]
fn a_step_that_was_refused_is_not_tried_again() {
    check(
        json!([command("a", json!({"retries": {"count": 2}}))]),
        &["a fail"],
        &["begin a", "do a", "a failed", "ended failed Step a failed"],
    );
}

#[test]
fn an_answer_to_another_try_or_an_ended_run_changes_nothing() {
    let plan = plan(json!([
        command("a", json!({"retries": {"count": 1}})),
        command("b", json!({}))
    ]));
    let mut played = Played::new(&plan);
    played.play("a 0/1").unwrap();
    let late = |attempt| Event::Answered {
        run: 1,
        attempt,
        answer: Answer::Succeeded,
    };
    assert_eq!(played.event(late(1)), Err(Refusal::OtherTry(1)), "it waits");
    played.play("a due").unwrap();
    assert_eq!(played.event(late(1)), Err(Refusal::OtherTry(1)));
    assert_eq!(played.event(Event::Due { run: 1 }), Err(Refusal::OtherTry(1)));
    played.event(late(2)).unwrap();
    assert_eq!(played.event(late(2)), Err(Refusal::Over(1)));
    assert_eq!(played.event(Event::Begin), Err(Refusal::Begun));
    played.play("b ok").unwrap();
    assert_eq!(
        played.event(Event::Cancel {
            reason: String::new()
        }),
        Err(Refusal::Ended(InstanceState::Completed))
    );
}

fn parallel(mode: &str) -> Value {
    json!([
        {"id": "p", "type": "parallel", "on_branch_failure": mode, "on_failure": "z", "branches": [
            [command("a", json!({})), command("b", json!({}))],
            [command("c", json!({}))],
            [{"id": "d", "type": "delay", "hours": 1}],
        ]},
        command("y", json!({"on_success": "completed"})),
        command("z", json!({})),
    ])
}

#[test]
fn branches_run_beside_each_other_and_join() {
    check(
        parallel("wait"),
        &["c ok", "a ok", "d due", "b ok", "y ok"],
        &[
            "begin p",
            "begin a",
            "do a",
            "begin c",
            "do c",
            "begin d",
            "wake in 3600",
            "c succeeded",
            "a succeeded",
            "begin b",
            "do b",
            "d succeeded",
            "b succeeded",
            "p succeeded",
            "begin y",
            "do y",
            "y succeeded",
            "ended completed",
        ],
    );
}

#[test]
fn a_failed_branch_waits_for_the_others_or_cancels_them() {
    let begin = [
        "begin p",
        "begin a",
        "do a",
        "begin c",
        "do c",
        "begin d",
        "wake in 3600",
        "c failed",
    ];
    check(
        parallel("wait"),
        &["c fail", "a fail", "d due"],
        &[
            &begin[..],
            &["a failed", "d succeeded", "p failed", "begin z", "do z"],
        ]
        .concat(),
    );
    // What runs is told to stop, and its success is none any more; what waits is over at once.
    check(
        parallel("cancel"),
        &["c fail", "a ok"],
        &[
            &begin[..],
            &[
                "stop a",
                "d cancelled",
                "a cancelled",
                "p failed",
                "begin z",
                "do z",
            ],
        ]
        .concat(),
    );
}

#[test]
fn a_cancelled_instance_ends_when_what_runs_has_stopped() {
    let begin = [
        "begin p",
        "begin a",
        "do a",
        "begin c",
        "do c",
        "begin d",
        "wake in 3600",
    ];
    check(
        parallel("wait"),
        &["cancel", "c stopped", "cancel", "a ok"],
        &[
            &begin[..],
            &[
                "stop a",
                "stop c",
                "d cancelled",
                "c cancelled",
                "a cancelled",
                "p cancelled",
                "ended cancelled asked for",
            ],
        ]
        .concat(),
    );
    let plan = plan(parallel("wait"));
    let (ended, effects) = step(
        &plan,
        Instance::default(),
        Event::Cancel {
            reason: "no".to_owned(),
        },
        START,
    )
    .unwrap();
    assert_eq!(
        (ended.state, effects.len()),
        (InstanceState::Cancelled, 1),
        "one that has not begun is over at once"
    );
}

#[test]
fn a_route_to_cancelled_in_a_branch_ends_everything() {
    let steps = json!([{"id": "p", "type": "parallel", "branches": [
        [command("a", json!({"on_failure": "cancelled"}))],
        [{"id": "q", "type": "parallel", "branches": [[command("b", json!({}))], [{"id": "d", "type": "delay", "hours": 1}]]}],
    ]}]);
    check(
        steps,
        &["a fail", "b ok"],
        &[
            "begin p",
            "begin a",
            "do a",
            "begin q",
            "begin b",
            "do b",
            "begin d",
            "wake in 3600",
            "a failed",
            "stop b",
            "d cancelled",
            "b cancelled",
            "q cancelled",
            "p cancelled",
            "ended cancelled Step a led to cancelled",
        ],
    );
}

#[test]
fn loops_are_allowed_and_endless_ones_are_ended() {
    let plan = plan(json!([command("a", json!({"on_success": "a"}))]));
    let mut played = Played::new(&plan);
    for _ in 1..MAX_STEP_RUNS {
        played.play("a ok").unwrap();
    }
    assert_eq!(played.instance.begun, MAX_STEP_RUNS);
    assert!(!played.instance.state.is_final());
    played.play("a ok").unwrap();
    assert_eq!(
        played.told.last().unwrap(),
        "ended failed More than 1000 steps: does it go round in circles? Step a was next"
    );
}
