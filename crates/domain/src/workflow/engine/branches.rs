//! How the branches of parallel steps end, and how what still runs is told to stop.

use super::{Effect, Outcome, Phase, Turn};
use crate::workflow::{definition::OnBranchFailure, plan::Kind};

impl Turn<'_> {
    pub(super) fn end_branch(&mut self, parent: u32, branch: usize, succeeded: bool) {
        let Some(index) = self.instance.runs.iter().position(|run| run.number == parent) else {
            return;
        };
        let run = &mut self.instance.runs[index];
        let Phase::Branches { ended } = &mut run.phase else {
            return;
        };
        ended[branch] = Some(succeeded);
        let (all, ok) = (
            ended.iter().all(Option::is_some),
            ended.iter().all(|one| *one == Some(true)),
        );
        let (step, aborted) = (run.step, run.aborted);
        if all && aborted {
            self.drop_aborted(index);
        } else if all {
            self.finish(index, ok);
        } else if !succeeded
            && let Kind::Parallel {
                on_failure: OnBranchFailure::Cancel,
                ..
            } = self.plan.nodes[step].kind
        {
            // What can still be told to stop is told so now.
            self.instance.runs[index].deadline = None;
            self.abort_branches(parent);
        }
    }

    /// A branch that goes no further because everything ends.
    pub(super) fn end_branch_of(&mut self, parent: Option<(u32, usize)>) {
        if let Some((parent, branch)) = parent {
            self.end_branch(parent, branch, false);
        }
    }

    /// Has everything below a run stop.
    pub(super) fn abort_branches(&mut self, parent: u32) {
        let below: Vec<u32> = self
            .instance
            .runs
            .iter()
            .filter(|run| run.parent.is_some_and(|(of, _)| of == parent))
            .map(|run| run.number)
            .collect();
        for number in below {
            self.abort(number);
        }
    }

    pub(super) fn abort(&mut self, number: u32) {
        let Ok(index) = self.find(number) else { return };
        let run = &mut self.instance.runs[index];
        if run.aborted {
            return;
        }
        run.aborted = true;
        match run.phase {
            // It was told so already.
            Phase::Working if run.overdue => {}
            Phase::Working => self.effects.push(Effect::Abort { run: number }),
            Phase::Waiting { .. } => self.drop_aborted(index),
            Phase::Branches { .. } => self.abort_branches(number),
        }
    }

    /// A run that was told to stop has stopped.
    pub(super) fn drop_aborted(&mut self, index: usize) {
        let run = self.close(index, Outcome::Cancelled);
        self.end_branch_of(run.parent);
    }
}
