use std::collections::{BTreeMap, BTreeSet};

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
/// `NAME stopped`, `cancel`.
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
        let (instance, effects) = step(self.plan, self.instance.clone(), event, self.now)?;
        self.instance = instance;
        for effect in effects {
            let id = |step: StepIndex| &self.plan.nodes[step].id;
            self.told.push(match effect {
                Effect::Began { step, .. } => format!("begin {}", id(step)),
                Effect::Perform { step, attempt: 1, .. } => format!("do {}", id(step)),
                Effect::Perform { step, attempt, .. } => format!("do {} again ({attempt})", id(step)),
                Effect::WakeAt { at, .. } => format!("wake in {}", at.since(self.now).as_secs()),
                Effect::Abort { run } => {
                    let run = self.instance.runs.iter().find(|one| one.number == run).unwrap();
                    format!("stop {}", id(run.step))
                }
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
            if let Phase::Waiting { until } = run.phase {
                self.now = until;
            }
            return self.event(Event::Due { run: run.number });
        }
        let answer = match what {
            "ok" => Answer::Succeeded,
            "true" => Answer::Decided(true),
            "false" => Answer::Decided(false),
            "fail" | "stopped" => Answer::Failed,
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

/// Random definitions against random orders of events.
mod simulation {
    use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

    use super::*;

    /// Steps of one list, with routes to each other and to reserved words.
    fn steps(random: &mut StdRng, depth: usize, names: &mut u32, back: bool) -> Value {
        let count = random.random_range(1..=4);
        let ids: Vec<String> = (0..count)
            .map(|_| {
                *names += 1;
                format!("s{names}")
            })
            .collect();
        let steps = ids.iter().enumerate().map(|(number, id)| {
            // Back, in loops, only where those are wanted.
            let ids = if back { &ids[..] } else { &ids[number + 1..] };
            let mut step = match random.random_range(0..7) {
                0 => json!({"type": "conditional", "condition": "true", "on_true": route(random, ids), "on_false": route(random, ids)}),
                1 => json!({"type": "delay", "seconds": random.random_range(1..100)}),
                2 => json!({"type": "approval", "title": "T", "approval_type": "singular", "approvers": ["user:1"]}),
                3 => json!({"type": "notify", "to": ["user:1"], "title": "T"}),
                4 if depth < 3 => {
                    let branches: Vec<Value> = (0..random.random_range(2..=3)).map(|_| steps(random, depth + 1, names, back)).collect();
                    let mode = if random.random_bool(0.5) { "wait" } else { "cancel" };
                    json!({"type": "parallel", "branches": branches, "on_branch_failure": mode})
                }
                5 => json!({"type": "command", "argv": ["x"], "retries": {"count": random.random_range(1..4), "delay_seconds": random.random_range(0..50)}}),
                _ => json!({"type": "command", "argv": ["x"], "continue_on": "any"}),
            };
            step["id"] = json!(id);
            for field in ["on_success", "on_failure"] {
                if step["type"] != "conditional" && random.random_bool(0.6) {
                    step[field] = json!(route(random, ids));
                }
            }
            step
        });
        Value::Array(steps.collect())
    }

    fn route(random: &mut StdRng, ids: &[String]) -> String {
        match random.random_range(0..10) {
            0 => "completed".to_owned(),
            1 => "failed".to_owned(),
            2 if random.random_bool(0.3) => "cancelled".to_owned(),
            2..6 => "continue".to_owned(),
            _ if ids.is_empty() => "continue".to_owned(),
            _ => ids[random.random_range(0..ids.len())].clone(),
        }
    }

    /// What the world owes the instance.
    #[derive(Default)]
    struct World {
        /// Runs of the instance that this one tries again.
        before: u32,
        working: BTreeMap<u32, u32>,
        waiting: BTreeMap<u32, Timestamp>,
        aborted: BTreeSet<u32>,
        begun: BTreeSet<u32>,
        finished: BTreeSet<u32>,
        ended: Option<InstanceState>,
    }

    impl World {
        fn take(&mut self, plan: &Plan, effects: Vec<Effect>) {
            for effect in effects {
                assert_eq!(self.ended, None, "one end, and nothing behind it: {effect:?}");
                match effect {
                    Effect::Began { run, cause, .. } => {
                        assert!(self.begun.insert(run), "a run begins once");
                        match cause {
                            Cause::Start => assert_eq!((run, self.before), (1, 0)),
                            Cause::Retry => assert_eq!(run, self.before + 1),
                            Cause::Branch { of } => {
                                assert!(
                                    self.begun.contains(&of) && !self.finished.contains(&of),
                                    "a branch of what runs"
                                );
                            }
                            Cause::Success { of }
                            | Cause::Failure { of }
                            | Cause::True { of }
                            | Cause::False { of } => {
                                assert!(
                                    self.finished.contains(&of),
                                    "causes: {of} led to {run} and has not finished"
                                );
                            }
                        }
                    }
                    Effect::Perform { run, step, attempt } => {
                        assert!(
                            !self.aborted.contains(&run),
                            "nothing is asked for that was told to stop"
                        );
                        assert!(!matches!(
                            plan.nodes[step].kind,
                            Kind::Parallel { .. } | Kind::Delay { .. }
                        ));
                        assert_eq!(self.working.insert(run, attempt), None, "asked for once");
                        self.waiting.remove(&run);
                    }
                    Effect::WakeAt { run, at } => {
                        self.working.remove(&run);
                        self.waiting.insert(run, at);
                    }
                    Effect::Abort { run } => {
                        assert!(self.working.contains_key(&run), "what does nothing needs no stop");
                        assert!(self.aborted.insert(run), "told to stop once");
                    }
                    Effect::Finished { run, outcome, .. } => {
                        assert!(self.begun.contains(&run), "causes");
                        assert!(self.finished.insert(run), "one answer");
                        assert!(!self.aborted.contains(&run) || outcome == Outcome::Cancelled);
                        self.working.remove(&run);
                        self.waiting.remove(&run);
                    }
                    Effect::Ended { state, .. } => {
                        assert!(state.is_final());
                        self.ended = Some(state);
                    }
                }
            }
        }
    }

    fn answer(random: &mut StdRng) -> Answer {
        match random.random_range(0..8) {
            0 => Answer::Hosts {
                succeeded: random.random_range(0..3),
                hosts: 3,
            },
            1..5 => Answer::Succeeded,
            5 => Answer::Decided(random.random_bool(0.5)),
            _ => Answer::Failed,
        }
    }

    /// One life of one instance. Returns its end and how many steps it had.
    fn live(random: &mut StdRng) -> (InstanceState, u32) {
        let mut names = 0;
        let back = random.random_bool(0.1);
        let plan = plan(steps(random, 0, &mut names, back));
        let (mut instance, mut world, mut now) = (Instance::default(), World::default(), START);
        if random.random_bool(0.2) {
            // One that is tried again, from any step outside of branches.
            let top: Vec<StepIndex> = (0..plan.nodes.len())
                .filter(|index| plan.nodes[*index].parent.is_none())
                .collect();
            world.before = random.random_range(1..20);
            instance = Instance::resumed(top[random.random_range(0..top.len())], world.before);
        }
        let mut event = Event::Begin;
        let cancels = random.random_bool(0.1);
        loop {
            if random.random_bool(0.05) {
                // What is stored and read again is the same.
                let stored = serde_json::to_string(&instance).unwrap();
                instance = serde_json::from_str(&stored).unwrap();
            }
            let before = instance.clone();
            match step(&plan, instance, event, now) {
                Ok((after, effects)) => {
                    world.take(&plan, effects);
                    instance = after;
                }
                Err(_) => instance = before,
            }
            assert!(instance.begun <= MAX_STEP_RUNS);
            assert_eq!(instance.state.is_final().then_some(instance.state), world.ended);
            if instance.state.is_final() {
                assert!(
                    instance.runs.is_empty() && world.working.is_empty() && world.waiting.is_empty(),
                    "nothing left"
                );
                assert_eq!(world.begun, world.finished, "nothing left");
                let again = step(
                    &plan,
                    instance.clone(),
                    Event::Cancel {
                        reason: String::new(),
                    },
                    now,
                );
                assert_eq!(again, Err(Refusal::Ended(instance.state)), "one end");
                return (instance.state, instance.begun);
            }
            let owed = world.working.len() + world.waiting.len();
            assert!(
                owed > 0,
                "ends: nobody owes it anything, and it has not ended: {instance:?}"
            );
            if cancels && random.random_bool(0.05) {
                event = Event::Cancel {
                    reason: "stop".to_owned(),
                };
                continue;
            }
            if random.random_bool(0.1) {
                // Late, early, doubled or from nowhere.
                let run = random.random_range(0..instance.begun + 2);
                event = if random.random_bool(0.5) {
                    Event::Due { run }
                } else {
                    Event::Answered {
                        run,
                        attempt: random.random_range(0..3),
                        answer: Answer::Failed,
                    }
                };
                let known = matches!(event, Event::Answered { run, attempt, .. } if world.working.get(&run) == Some(&attempt));
                if known {
                    world.working.remove(&run_of(&event));
                }
                continue;
            }
            let pick = random.random_range(0..owed);
            event = match world.working.iter().nth(pick) {
                Some((&run, &attempt)) => {
                    world.working.remove(&run);
                    Event::Answered {
                        run,
                        attempt,
                        answer: answer(random),
                    }
                }
                None => {
                    let (&run, &at) = world.waiting.iter().nth(pick - world.working.len()).unwrap();
                    now = now.max(at);
                    Event::Due { run }
                }
            };
        }
    }

    fn run_of(event: &Event) -> u32 {
        match event {
            Event::Answered { run, .. } | Event::Due { run } => *run,
            Event::Begin | Event::Cancel { .. } => 0,
        }
    }

    /// Half of them each, for two cores.
    #[track_caller]
    fn check_lives(seeds: std::ops::Range<u64>) {
        let (mut ends, mut longest) = (BTreeMap::new(), 0);
        for seed in seeds {
            let (end, steps) = live(&mut StdRng::seed_from_u64(seed));
            *ends.entry(end.as_str()).or_insert(0) += 1;
            longest = longest.max(steps);
        }
        // They are not all alike: each end is seen, and loops that have to be ended.
        assert!(
            ["completed", "failed", "cancelled"]
                .iter()
                .all(|end| ends[end] > 1000),
            "{ends:?}"
        );
        assert_eq!(longest, MAX_STEP_RUNS);
    }

    #[test]
    fn fifty_thousand_instances_end_once_with_a_cause_for_every_step() {
        check_lives(0..50_000);
    }

    #[test]
    fn fifty_thousand_other_instances_do_so_too() {
        check_lives(50_000..100_000);
    }
}
