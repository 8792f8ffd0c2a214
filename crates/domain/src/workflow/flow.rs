//! Which steps have ended before a step begins: on some way to it, and on every way.

use std::collections::{BTreeSet, VecDeque};

use super::{
    definition::OnBranchFailure,
    plan::{Kind, Plan, StepIndex, Target},
};

type Set = BTreeSet<StepIndex>;

pub(super) struct Flow {
    /// Ended on some way to the step.
    pub(super) may: Vec<Set>,
    /// Ended on every way to the step.
    pub(super) must: Vec<Set>,
}

/// How steps are come to, and how branches end. Asked for again and again, so it is looked up once.
struct Ways {
    /// The steps whose end leads to a step, and `None` for a parallel one that begins with it.
    to: Vec<Vec<(StepIndex, Option<On>)>>,
    /// The steps that end each branch of a parallel one.
    ends: Vec<Vec<Vec<(StepIndex, On)>>>,
}

impl Ways {
    fn of(plan: &Plan) -> Self {
        let count = plan.nodes.len();
        let mut ways = Self {
            to: vec![Vec::new(); count],
            ends: vec![Vec::new(); count],
        };
        for (from, node) in plan.nodes.iter().enumerate() {
            if let Kind::Parallel { branches, .. } = &node.kind {
                branches
                    .iter()
                    .for_each(|begin| ways.to[*begin].push((from, None)));
            }
            for (target, on) in targets(plan, from) {
                match (target, node.parent) {
                    (Target::Step(to), _) => ways.to[to].push((from, Some(on))),
                    (Target::Completed | Target::Failed, Some((parent, branch))) => {
                        let ends = &mut ways.ends[parent];
                        ends.resize(ends.len().max(branch + 1), Vec::new());
                        ends[branch].push((from, on));
                    }
                    _ => {}
                }
            }
        }
        ways
    }
}

impl Flow {
    /// Of a plan within the bounds of steps and of nesting.
    pub(super) fn new(plan: &Plan) -> Self {
        let count = plan.nodes.len();
        let ways = Ways::of(plan);
        let all: Set = (0..count).collect();
        let mut flow = Self {
            may: vec![Set::new(); count],
            must: vec![all; count],
        };
        // Sets of `may` only grow and those of `must` only shrink: it comes to rest.
        loop {
            let before: usize = flow.may.iter().map(Set::len).sum::<usize>();
            let left: usize = flow.must.iter().map(Set::len).sum::<usize>();
            for index in 0..count {
                flow.look(plan, &ways, index);
            }
            let after = flow.may.iter().map(Set::len).sum::<usize>();
            if before == after && left == flow.must.iter().map(Set::len).sum::<usize>() {
                return flow;
            }
        }
    }

    /// Whether two steps lie in different branches of one parallel step.
    pub(super) fn runs_beside(&self, plan: &Plan, one: StepIndex, other: StepIndex) -> bool {
        let branches = |mut index: StepIndex| {
            let mut found = Vec::new();
            while let Some((parent, branch)) = plan.nodes[index].parent {
                found.push((parent, branch));
                index = parent;
            }
            found
        };
        let others = branches(other);
        branches(one)
            .iter()
            .any(|(parent, branch)| others.iter().any(|(of, at)| of == parent && at != branch))
    }

    /// What one step gets from those that lead to it.
    fn look(&mut self, plan: &Plan, ways: &Ways, index: StepIndex) {
        let begin = (index == 0).then(|| (Set::new(), Set::new()));
        let mut behind = begin
            .into_iter()
            .chain(ways.to[index].iter().map(|(from, on)| match on {
                Some(on) => self.behind(plan, ways, *from, *on),
                None => (self.may[*from].clone(), self.must[*from].clone()),
            }));
        let Some((mut may, mut must)) = behind.next() else {
            return;
        };
        for (also, only) in behind {
            may.extend(also);
            must.retain(|step| only.contains(step));
        }
        self.may[index].extend(may);
        self.must[index].retain(|step| must.contains(step));
    }

    /// What has ended when a step has, in this way.
    fn behind(&self, plan: &Plan, ways: &Ways, from: StepIndex, on: On) -> (Set, Set) {
        let (mut may, mut must) = (self.may[from].clone(), self.must[from].clone());
        if let Kind::Parallel {
            on_failure,
            timeout_seconds,
            ..
        } = &plan.nodes[from].kind
        {
            let cancels = *on_failure == OnBranchFailure::Cancel || timeout_seconds.is_some();
            let cut = on == On::Failure && cancels;
            for branch in &ways.ends[from] {
                let mut on_every_way: Option<Set> = None;
                for (index, on) in branch {
                    let (also, only) = self.behind(plan, ways, *index, *on);
                    may.extend(also);
                    on_every_way = Some(match on_every_way {
                        None => only,
                        Some(ways) => ways.intersection(&only).copied().collect(),
                    });
                }
                if !cut {
                    must.extend(on_every_way.unwrap_or_default());
                }
            }
        }
        may.insert(from);
        must.insert(from);
        (may, must)
    }
}

/// Steps that some route leads to, from the first one on.
pub(super) fn reaches(plan: &Plan) -> Set {
    let mut found = Set::from([0]);
    let mut left = VecDeque::from([0]);
    while let Some(index) = left.pop_front() {
        let Some(node) = plan.nodes.get(index) else {
            continue;
        };
        let branches = match &node.kind {
            Kind::Parallel { branches, .. } => branches.clone(),
            _ => Vec::new(),
        };
        let steps = targets(plan, index)
            .into_iter()
            .filter_map(|(target, _)| match target {
                Target::Step(step) => Some(step),
                _ => None,
            });
        for next in steps.chain(branches) {
            if found.insert(next) {
                left.push_back(next);
            }
        }
    }
    found
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    Success,
    Failure,
}

fn targets(plan: &Plan, index: StepIndex) -> Vec<(Target, On)> {
    let node = &plan.nodes[index];
    let (success, failure) = ((node.success, On::Success), (node.failure, On::Failure));
    match node.kind {
        Kind::Conditional { on_true, on_false } => {
            vec![(on_true, On::Success), (on_false, On::Success), failure]
        }
        // It fails at nothing.
        Kind::Delay { .. } => vec![success],
        _ => vec![success, failure],
    }
}
