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

impl Flow {
    pub(super) fn new(plan: &Plan) -> Self {
        let count = plan.nodes.len();
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
                flow.look(plan, index);
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
    fn look(&mut self, plan: &Plan, index: StepIndex) {
        let mut ways: Vec<(Set, Set)> = Vec::new();
        if index == 0 {
            ways.push((Set::new(), Set::new()));
        }
        for (from, node) in plan.nodes.iter().enumerate() {
            if let Kind::Parallel { branches, .. } = &node.kind
                && branches.contains(&index)
            {
                ways.push((self.may[from].clone(), self.must[from].clone()));
            }
            for (target, on) in targets(plan, from) {
                if target == Target::Step(index) {
                    ways.push(self.behind(plan, from, on));
                }
            }
        }
        let mut ways = ways.into_iter();
        let Some((mut may, mut must)) = ways.next() else {
            return;
        };
        for (also, only) in ways {
            may.extend(also);
            must.retain(|step| only.contains(step));
        }
        self.may[index].extend(may);
        self.must[index].retain(|step| must.contains(step));
    }

    /// What has ended when a step has, in this way.
    fn behind(&self, plan: &Plan, from: StepIndex, on: On) -> (Set, Set) {
        let (mut may, mut must) = (self.may[from].clone(), self.must[from].clone());
        if let Kind::Parallel { branches, on_failure } = &plan.nodes[from].kind {
            let cut = on == On::Failure && *on_failure == OnBranchFailure::Cancel;
            for branch in 0..branches.len() {
                let mut on_every_way: Option<Set> = None;
                for (index, node) in plan.nodes.iter().enumerate() {
                    if node.parent != Some((from, branch)) {
                        continue;
                    }
                    for (target, on) in targets(plan, index) {
                        if !matches!(target, Target::Completed | Target::Failed) {
                            continue;
                        }
                        let (also, only) = self.behind(plan, index, on);
                        may.extend(also);
                        on_every_way = Some(match on_every_way {
                            None => only,
                            Some(ways) => ways.intersection(&only).copied().collect(),
                        });
                    }
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
