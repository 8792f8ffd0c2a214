//! What may run once an approval is given, until people are asked again: on the success route, in branches, on both
//! sides of conditions, where a step fails, and where a later question is not answered with yes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::plan::{Kind, Plan, StepIndex, Target};

type Steps = BTreeSet<StepIndex>;

/// A side that a way takes at a step which has several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fork {
    pub step: StepIndex,
    pub side: Side,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Its condition holds.
    True,
    False,
    Failure,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ahead {
    /// In the order of the text, each with the forks that every way to it takes.
    pub steps: BTreeMap<StepIndex, BTreeSet<Fork>>,
    /// By step that may still end: those that may begin behind it.
    after: BTreeMap<StepIndex, Steps>,
}

impl Ahead {
    /// `running`: the steps that have begun and not ended, the approval among them or not.
    pub fn of(plan: &Plan, approval: StepIndex, running: &[StepIndex]) -> Self {
        let begin = led(plan, approval, plan.nodes[approval].success, None);
        let steps = with_forks(plan, begin.map(|(step, _)| step));
        let begun: Steps = running.iter().copied().chain([approval]).collect();
        let beside = reached(plan, begun.iter().flat_map(|step| out_of(plan, *step)));
        let again: Steps = steps.keys().copied().chain(beside).collect();
        let after = begun
            .union(&again)
            .map(|step| {
                let mut next = Vec::new();
                if begun.contains(step) {
                    next.extend(out_of(plan, *step));
                }
                if again.contains(step) {
                    next.extend(ways(plan, *step).into_iter().map(|(step, _)| step));
                }
                (*step, reached(plan, next))
            })
            .collect();
        Self { steps, after }
    }

    /// The steps that may run from the first one on, before anybody agrees to anything: as [`Ahead::steps`].
    pub fn from_start(plan: &Plan) -> BTreeMap<StepIndex, BTreeSet<Fork>> {
        with_forks(plan, Some(0))
    }

    /// The steps that may end before this one begins: what they leave is not known yet.
    pub fn before(&self, step: StepIndex) -> Steps {
        self.after
            .iter()
            .filter(|(_, after)| after.contains(&step))
            .map(|(step, _)| *step)
            .collect()
    }
}

/// The steps from one on. A fork that only some ways to a step take is none of its own.
fn with_forks(plan: &Plan, begin: Option<StepIndex>) -> BTreeMap<StepIndex, BTreeSet<Fork>> {
    let mut found: BTreeMap<StepIndex, BTreeSet<Fork>> =
        begin.into_iter().map(|step| (step, BTreeSet::new())).collect();
    let mut left: VecDeque<StepIndex> = begin.into_iter().collect();
    while let Some(index) = left.pop_front() {
        let taken = found[&index].clone();
        for (next, fork) in ways(plan, index) {
            let mut on_this_way = taken.clone();
            on_this_way.extend(fork);
            // Sets only shrink once they are there: it comes to rest.
            let changed = match found.get_mut(&next) {
                Some(known) => {
                    let before = known.len();
                    known.retain(|fork| on_this_way.contains(fork));
                    known.len() < before
                }
                None => {
                    found.insert(next, on_this_way);
                    true
                }
            };
            if changed {
                left.push_back(next);
            }
        }
    }
    found
}

fn reached(plan: &Plan, begin: impl IntoIterator<Item = StepIndex>) -> Steps {
    let mut found = Steps::new();
    let mut left: Vec<StepIndex> = begin.into_iter().collect();
    while let Some(index) = left.pop() {
        if found.insert(index) {
            left.extend(ways(plan, index).into_iter().map(|(step, _)| step));
        }
    }
    found
}

/// Where a step leads that begins from here on, as long as nobody agrees to anything.
fn ways(plan: &Plan, index: StepIndex) -> Vec<(StepIndex, Option<Fork>)> {
    let node = &plan.nodes[index];
    let mut ways = Vec::new();
    let mut add = |target: Target, side: Option<Side>| {
        let fork = side.map(|side| Fork { step: index, side });
        ways.extend(led(plan, index, target, fork));
    };
    match &node.kind {
        Kind::Conditional { on_true, on_false } => {
            add(*on_true, Some(Side::True));
            add(*on_false, Some(Side::False));
        }
        Kind::Approval => {}
        Kind::Parallel { branches, .. } => {
            branches.iter().for_each(|begin| add(Target::Step(*begin), None));
            add(node.success, None);
        }
        _ => add(node.success, None),
    }
    // It fails at nothing.
    if !matches!(node.kind, Kind::Delay { .. }) {
        add(node.failure, Some(Side::Failure));
    }
    ways
}

/// Where a step leads that has begun: so have the branches of a parallel one, and people were asked already.
fn out_of(plan: &Plan, index: StepIndex) -> Vec<StepIndex> {
    let node = &plan.nodes[index];
    let ways = match &node.kind {
        Kind::Approval | Kind::Parallel { .. } => [node.success, node.failure]
            .into_iter()
            .filter_map(|target| led(plan, index, target, None))
            .collect(),
        _ => ways(plan, index),
    };
    ways.into_iter().map(|(step, _)| step).collect()
}

/// The step that a route leads to. The end of a branch leads on as its parallel step does.
fn led(
    plan: &Plan,
    from: StepIndex,
    target: Target,
    fork: Option<Fork>,
) -> Option<(StepIndex, Option<Fork>)> {
    let outside = || plan.nodes[from].parent.map(|(parent, _)| parent);
    match target {
        Target::Step(step) => Some((step, fork)),
        Target::Cancelled => None,
        Target::Completed => {
            let parent = outside()?;
            led(plan, parent, plan.nodes[parent].success, fork)
        }
        Target::Failed => {
            let step = outside()?;
            let side = Side::Failure;
            led(plan, step, plan.nodes[step].failure, Some(Fork { step, side }))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::workflow::read;

    fn plan(steps: Value) -> Plan {
        Plan::new(read(json!({"steps": steps})).unwrap()).unwrap().0
    }

    fn command(id: &str) -> Value {
        json!({"id": id, "type": "command", "argv": ["true"]})
    }

    fn routed(mut step: Value, routes: Value) -> Value {
        for (name, route) in routes.as_object().unwrap() {
            step[name] = route.clone();
        }
        step
    }

    fn ask(id: &str) -> Value {
        json!({"id": id, "type": "approval", "title": "T", "approval_type": "one_of_many", "approvers": ["role:operator"]})
    }

    fn fork(id: &str, on_true: &str, on_false: &str) -> Value {
        json!({"id": id, "type": "conditional", "condition": "1 == 1", "on_true": on_true, "on_false": on_false})
    }

    fn ahead(plan: &Plan, approval: &str, running: &[&str]) -> Ahead {
        let running: Vec<StepIndex> = running.iter().map(|id| plan.find(id).unwrap()).collect();
        Ahead::of(plan, plan.find(approval).unwrap(), &running)
    }

    fn told(plan: &Plan, approval: &str) -> Vec<String> {
        listed(plan, ahead(plan, approval, &[]).steps)
    }

    /// `step: what it is only for`.
    fn listed(plan: &Plan, steps: BTreeMap<StepIndex, BTreeSet<Fork>>) -> Vec<String> {
        let id = |step: StepIndex| &plan.nodes[step].id;
        steps
            .into_iter()
            .map(|(step, forks)| {
                forks
                    .iter()
                    .fold(format!("{}:", id(step)), |text, Fork { step, side }| {
                        format!("{text} {} {side:?}", id(*step))
                    })
            })
            .collect()
    }

    fn before(plan: &Plan, ahead: &Ahead, step: &str) -> Vec<String> {
        let steps = ahead.before(plan.find(step).unwrap());
        steps
            .into_iter()
            .map(|step| plan.nodes[step].id.clone())
            .collect()
    }

    #[test]
    fn both_sides_of_a_condition_are_ahead_and_what_follows_them_is_in_any_case() {
        let plan = plan(json!([
            command("early"),
            ask("ask"),
            {"id": "pause", "type": "delay", "minutes": 5},
            fork("fork", "yes", "no"),
            routed(command("yes"), json!({"on_success": "inner"})),
            fork("inner", "more", "last"),
            routed(command("more"), json!({"on_success": "last"})),
            command("no"),
            command("last"),
        ]));
        assert_eq!(
            told(&plan, "ask"),
            [
                "pause:",
                "fork:",
                "yes: fork True",
                "inner: fork True",
                "more: fork True inner True",
                "no: fork False",
                "last:",
            ]
        );
    }

    #[test]
    fn it_ends_where_people_are_asked_again_unless_they_do_not_agree() {
        let plan = plan(json!([
            ask("ask"),
            routed(command("deploy"), json!({"on_failure": "undo"})),
            routed(ask("second"), json!({"on_failure": "clean"})),
            routed(command("behind"), json!({"on_success": "completed"})),
            routed(command("undo"), json!({"on_success": "failed"})),
            command("clean"),
        ]));
        assert_eq!(
            told(&plan, "ask"),
            [
                "deploy:",
                "second:",
                "undo: deploy Failure",
                "clean: second Failure",
            ]
        );
        assert_eq!(told(&plan, "second"), ["behind:"]);
    }

    #[test]
    fn from_the_first_step_on_it_ends_where_people_are_asked() {
        let plan = plan(json!([
            fork("fork", "look", "last"),
            command("look"),
            routed(ask("ask"), json!({"on_failure": "clean"})),
            routed(command("behind"), json!({"on_success": "completed"})),
            command("clean"),
            command("last"),
        ]));
        assert_eq!(
            listed(&plan, Ahead::from_start(&plan)),
            [
                "fork:",
                "look: fork True",
                "ask: fork True",
                "clean: fork True ask Failure",
                "last:",
            ]
        );
    }

    #[test]
    fn branches_are_ahead_and_a_branch_leads_on_behind_its_parallel_step() {
        let plan = plan(json!([
            ask("ask"),
            {"id": "both", "type": "parallel", "on_failure": "undo", "branches": [
                {"steps": [ask("inside"), command("left")]},
                {"steps": [routed(command("right"), json!({"on_failure": "mend"})), command("mend")]},
            ]},
            routed(command("last"), json!({"on_success": "completed"})),
            command("undo"),
        ]));
        assert_eq!(
            told(&plan, "ask"),
            [
                "both:",
                "inside:",
                "right:",
                "mend:",
                "last:",
                "undo: both Failure"
            ]
        );
        assert_eq!(told(&plan, "inside"), ["left:", "last:", "undo: both Failure"]);
    }

    #[test]
    fn each_step_of_a_loop_is_there_once_and_the_question_too() {
        let plan = plan(json!([
            command("look"),
            ask("ask"),
            command("act"),
            fork("again", "look", "completed"),
        ]));
        assert_eq!(
            told(&plan, "ask"),
            ["look: again True", "ask: again True", "act:", "again:"]
        );
    }

    #[test]
    fn a_value_is_open_when_its_step_may_still_end_before() {
        let plan = plan(json!([
            command("early"),
            ask("ask"),
            command("one"),
            {"id": "both", "type": "parallel", "branches": [
                {"steps": [command("left"), command("more")]},
                {"steps": [command("right")]},
            ]},
            command("last"),
        ]));
        let known = ahead(&plan, "ask", &["ask"]);
        assert_eq!(before(&plan, &known, "one"), ["ask"]);
        assert_eq!(before(&plan, &known, "more"), ["ask", "one", "both", "left"]);
        assert_eq!(
            before(&plan, &known, "last"),
            ["ask", "one", "both", "left", "more", "right"]
        );
    }

    #[test]
    fn what_runs_beside_the_question_is_open_for_what_joins_it() {
        let plan = plan(json!([
            {"id": "both", "type": "parallel", "branches": [
                {"steps": [command("build"), ask("ask"), command("deploy")]},
                {"steps": [command("done"), ask("other"), command("more")]},
            ]},
            command("last"),
        ]));
        let known = ahead(&plan, "ask", &["both", "ask", "other"]);
        assert_eq!(before(&plan, &known, "deploy"), ["ask"]);
        // Neither what ended before nor what cannot run again.
        assert_eq!(
            before(&plan, &known, "last"),
            ["both", "ask", "deploy", "other", "more"]
        );
    }

    #[test]
    fn the_longest_workflow_is_ahead_as_a_whole() {
        let mut steps = vec![ask("ask")];
        steps.extend((1..crate::workflow::MAX_STEPS).map(|number| command(&format!("s{number}"))));
        let plan = plan(Value::from(steps));
        assert_eq!(told(&plan, "ask").len(), crate::workflow::MAX_STEPS - 1);
    }
}
