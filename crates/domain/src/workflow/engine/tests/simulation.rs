//! Random definitions against random orders of events.

use std::collections::{BTreeMap, BTreeSet};

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
        let mut step = match random.random_range(0..8) {
            0 => json!({"type": "conditional", "condition": "true", "on_true": route(random, ids), "on_false": route(random, ids)}),
            1 => json!({"type": "delay", "seconds": random.random_range(1..100)}),
            2 => json!({"type": "approval", "title": "T", "approval_type": "singular", "approvers": ["user:1"]}),
            3 => json!({"type": "notify", "to": ["user:1"], "title": "T"}),
            4 if depth < 3 => {
                let branches: Vec<Value> = (0..random.random_range(2..=3)).map(|_| steps(random, depth + 1, names, back)).collect();
                let mode = if random.random_bool(0.5) { "wait" } else { "cancel" };
                let mut step = json!({"type": "parallel", "branches": branches, "on_branch_failure": mode});
                if random.random_bool(0.5) {
                    step["timeout_seconds"] = json!(random.random_range(1..100));
                }
                step
            }
            5 => json!({"type": "command", "argv": ["x"], "retries": {"count": random.random_range(1..4), "delay_seconds": random.random_range(0..50)}}),
            6 => json!({"type": "workflow", "workflow": "x", "timeout_seconds": random.random_range(1..100),
                        "retries": {"count": random.random_range(1..4), "delay_seconds": random.random_range(0..50)}}),
            _ => json!({"type": "command", "argv": ["x"], "continue_on": "any"}),
        };
        step["id"] = json!(id);
        for field in ["on_success", "on_failure"] {
            let taken = step["type"] != "conditional" && (step["type"] != "delay" || field == "on_success");
            if taken && random.random_bool(0.6) {
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
    deadlines: BTreeMap<u32, Timestamp>,
    /// Told to stop because their time was over.
    overdue: BTreeSet<u32>,
    /// Runs of parallel steps.
    parallel: BTreeSet<u32>,
    /// Those of them that took too long.
    late: BTreeSet<u32>,
    begun: BTreeSet<u32>,
    finished: BTreeSet<u32>,
    ended: Option<InstanceState>,
}

impl World {
    fn take(&mut self, plan: &Plan, after: &Instance, effects: Vec<Effect>) {
        for effect in effects {
            assert_eq!(self.ended, None, "one end, and nothing behind it: {effect:?}");
            match effect {
                Effect::Began { run, step, cause } => {
                    assert!(self.begun.insert(run), "a run begins once");
                    if matches!(plan.nodes[step].kind, Kind::Parallel { .. }) {
                        self.parallel.insert(run);
                    }
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
                Effect::Deadline { run, at } => {
                    assert!(
                        self.working.contains_key(&run) || self.parallel.contains(&run),
                        "for what somebody works at"
                    );
                    self.deadlines.insert(run, at);
                }
                Effect::WakeAt { run, at } => {
                    self.working.remove(&run);
                    self.deadlines.remove(&run);
                    self.overdue.remove(&run);
                    self.waiting.insert(run, at);
                }
                Effect::Abort { run } => {
                    assert!(self.working.contains_key(&run), "what does nothing needs no stop");
                    assert!(!self.overdue.contains(&run), "told to stop once");
                    let overdue = after.runs.iter().any(|one| one.number == run && one.overdue);
                    let told = if overdue {
                        &mut self.overdue
                    } else {
                        &mut self.aborted
                    };
                    assert!(told.insert(run), "told to stop once");
                    self.deadlines.remove(&run);
                }
                Effect::Overdue { run } => {
                    assert!(self.parallel.contains(&run), "all else is told to stop itself");
                    assert!(self.deadlines.remove(&run).is_some(), "its time is over once");
                    self.late.insert(run);
                }
                Effect::Finished { run, outcome, .. } => {
                    assert!(!self.late.contains(&run) || outcome != Outcome::Succeeded);
                    assert!(self.begun.contains(&run), "causes");
                    assert!(self.finished.insert(run), "one answer");
                    assert!(!self.aborted.contains(&run) || outcome == Outcome::Cancelled);
                    self.working.remove(&run);
                    self.waiting.remove(&run);
                    self.deadlines.remove(&run);
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
    match random.random_range(0..9) {
        0 => Answer::Hosts {
            succeeded: random.random_range(0..3),
            hosts: 3,
        },
        1..5 => Answer::Succeeded,
        5 => Answer::Decided(random.random_bool(0.5)),
        6 => Answer::Ended {
            completed: random.random_bool(0.5),
        },
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
                world.take(&plan, &after, effects);
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
        if random.random_bool(0.2)
            && let Some((&run, &at)) = world.deadlines.iter().next()
        {
            now = now.max(at);
            event = Event::Due { run };
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
