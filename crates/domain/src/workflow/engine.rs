//! One instance of a workflow, moved by events.
//!
//! [`step`] decides and touches nothing: it returns the instance as it is after the event, and what has to be done.
//! Whoever does it stores both in one transaction, so that a kill at any moment loses neither and repeats neither.
//!
//! Invariants, each held by a property test in `engine/tests.rs`:
//! - **one end**: a final state is reached once and never left.
//! - **causes**: every run but the first names the run that led to it.
//! - **ends**: when everything that was asked for is answered, the instance ends: its steps are limited.
//! - **one answer**: a run is finished once; what comes later, or for another try, changes nothing.
//! - **nothing left**: an instance that has ended waits for nothing.

mod branches;
mod events;
mod instance;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use events::{Answer, Cause, Effect, Event, Outcome, Refusal};
pub use instance::{Ending, Instance, InstanceState, Phase, Run};

use super::plan::{Kind, Plan, StepIndex, Target};
use crate::Timestamp;

/// Steps that one instance may begin: loops are allowed, endless ones are not.
pub const MAX_STEP_RUNS: u32 = 1000;
/// Longest wait before a retry.
pub const MAX_BACKOFF: Duration = Duration::from_secs(3600);

/// What an event does to an instance.
pub fn step(
    plan: &Plan,
    instance: Instance,
    event: Event,
    now: Timestamp,
) -> Result<(Instance, Vec<Effect>), Refusal> {
    if instance.state.is_final() {
        return Err(Refusal::Ended(instance.state));
    }
    let mut turn = Turn {
        plan,
        instance,
        now,
        effects: Vec::new(),
    };
    match event {
        Event::Begin => {
            if turn.instance.state != InstanceState::Pending {
                return Err(Refusal::Begun);
            }
            match turn.instance.at.take() {
                Some(step) => turn.enter(step, None, Cause::Retry),
                None => turn.enter(0, None, Cause::Start),
            }
        }
        Event::Cancel { reason } => turn.end(InstanceState::Cancelled, Some(reason)),
        Event::Due { run } => turn.due(run)?,
        Event::Answered { run, attempt, answer } => turn.answered(run, attempt, &answer)?,
    }
    turn.settle();
    Ok((turn.instance, turn.effects))
}

struct Turn<'a> {
    plan: &'a Plan,
    instance: Instance,
    now: Timestamp,
    effects: Vec<Effect>,
}

impl Turn<'_> {
    fn find(&self, number: u32) -> Result<usize, Refusal> {
        let index = self.instance.runs.iter().position(|run| run.number == number);
        index.ok_or(Refusal::Over(number))
    }

    fn due(&mut self, number: u32) -> Result<(), Refusal> {
        let index = self.find(number)?;
        let run = &mut self.instance.runs[index];
        let until = match (&run.phase, run.deadline) {
            (Phase::Waiting { until }, _) => *until,
            (Phase::Working | Phase::Branches { .. }, Some(deadline)) if !run.aborted => deadline,
            _ => return Err(Refusal::OtherTry(number)),
        };
        if self.now < until {
            return Err(Refusal::NotDue(number));
        }
        match run.phase {
            Phase::Working => {
                (run.deadline, run.overdue) = (None, true);
                self.effects.push(Effect::Abort { run: number });
                return Ok(());
            }
            Phase::Branches { .. } => {
                (run.deadline, run.overdue) = (None, true);
                self.effects.push(Effect::Overdue { run: number });
                self.abort_branches(number);
                return Ok(());
            }
            Phase::Waiting { .. } => {}
        }
        if matches!(self.plan.nodes[run.step].kind, Kind::Delay { .. }) {
            self.finish(index, true);
            return Ok(());
        }
        run.attempt += 1;
        run.phase = Phase::Working;
        self.perform(index);
        Ok(())
    }

    /// Asks for what a run's step says.
    fn perform(&mut self, index: usize) {
        let run = &self.instance.runs[index];
        self.effects.push(Effect::Perform {
            run: run.number,
            step: run.step,
            attempt: run.attempt,
        });
        if let Kind::Workflow {
            timeout_seconds: Some(seconds),
            ..
        } = self.plan.nodes[run.step].kind
        {
            self.limit(index, seconds);
        }
    }

    /// Gives a run so much time from now on.
    fn limit(&mut self, index: usize, seconds: u32) {
        let run = &mut self.instance.runs[index];
        let at = self.now.plus(Duration::from_secs(seconds.into()));
        run.deadline = Some(at);
        self.effects.push(Effect::Deadline { run: run.number, at });
    }

    fn answered(&mut self, number: u32, attempt: u32, answer: &Answer) -> Result<(), Refusal> {
        let index = self.find(number)?;
        let run = &self.instance.runs[index];
        if run.phase != Phase::Working || run.attempt != attempt {
            return Err(Refusal::OtherTry(number));
        }
        if run.aborted {
            self.drop_aborted(index);
            return Ok(());
        }
        let kind = self.plan.nodes[run.step].kind.clone();
        let succeeded = match (&kind, answer) {
            (Kind::Conditional { on_true, on_false }, Answer::Decided(decision)) => {
                let (target, cause) = if *decision {
                    (*on_true, Cause::True { of: number })
                } else {
                    (*on_false, Cause::False { of: number })
                };
                self.leave(index, Outcome::Succeeded, target, cause);
                return Ok(());
            }
            (Kind::Hosts { continue_on, .. }, Answer::Hosts { succeeded, hosts }) => {
                continue_on.holds(*succeeded, *hosts)
            }
            // What was done although its time was over is done.
            (Kind::Workflow { .. }, Answer::Ended { completed }) => *completed,
            (_, Answer::Succeeded) => true,
            // An answer that does not belong to the step's type is none that it can go on with.
            (_, Answer::Failed | Answer::Decided(_) | Answer::Hosts { .. } | Answer::Ended { .. }) => false,
        };
        // What was refused before there were jobs or an instance would be refused again: a missing variable does not come
        // by waiting.
        let retries = match (&kind, answer) {
            (Kind::Hosts { retries, .. }, Answer::Hosts { .. })
            | (Kind::Workflow { retries, .. }, Answer::Ended { .. }) => *retries,
            _ => None,
        };
        if !succeeded && let Some(retries) = retries.filter(|retries| attempt <= retries.count) {
            let until = self
                .now
                .plus(backoff(retries.delay_seconds, retries.factor, attempt));
            let run = &mut self.instance.runs[index];
            (run.deadline, run.overdue) = (None, false);
            run.phase = Phase::Waiting { until };
            self.effects.push(Effect::WakeAt {
                run: number,
                at: until,
            });
            return Ok(());
        }
        self.finish(index, succeeded);
        Ok(())
    }

    /// A run has done its work: on by its routes.
    fn finish(&mut self, index: usize, succeeded: bool) {
        let run = &self.instance.runs[index];
        let (node, of) = (&self.plan.nodes[run.step], run.number);
        let (outcome, target, cause) = if succeeded {
            (Outcome::Succeeded, node.success, Cause::Success { of })
        } else {
            (Outcome::Failed, node.failure, Cause::Failure { of })
        };
        self.leave(index, outcome, target, cause);
    }

    fn leave(&mut self, index: usize, outcome: Outcome, target: Target, cause: Cause) {
        let run = self.close(index, outcome);
        match (target, run.parent) {
            (Target::Step(step), parent) => self.enter(step, parent, cause),
            (Target::Cancelled, _) => {
                let reason = format!("Step {} led to cancelled", self.plan.nodes[run.step].id);
                self.end(InstanceState::Cancelled, Some(reason));
                self.end_branch_of(run.parent);
            }
            (Target::Completed, Some((parent, branch))) => self.end_branch(parent, branch, true),
            (Target::Failed, Some((parent, branch))) => self.end_branch(parent, branch, false),
            (Target::Completed, None) => self.end(InstanceState::Completed, None),
            (Target::Failed, None) => {
                let id = &self.plan.nodes[run.step].id;
                let reason = match outcome {
                    Outcome::Failed => format!("Step {id} failed"),
                    Outcome::Succeeded | Outcome::Cancelled => format!("Step {id} led to failed"),
                };
                self.end(InstanceState::Failed, Some(reason));
            }
        }
    }

    fn close(&mut self, index: usize, outcome: Outcome) -> Run {
        let run = self.instance.runs.remove(index);
        self.effects.push(Effect::Finished {
            run: run.number,
            step: run.step,
            outcome,
        });
        run
    }

    fn enter(&mut self, step: StepIndex, parent: Option<(u32, usize)>, cause: Cause) {
        if self.instance.ending.is_some() {
            self.end_branch_of(parent);
            return;
        }
        if self.instance.begun >= MAX_STEP_RUNS {
            let reason = format!(
                "More than {MAX_STEP_RUNS} steps: does it go round in circles? Step {} was next",
                self.plan.nodes[step].id
            );
            self.end(InstanceState::Failed, Some(reason));
            self.end_branch_of(parent);
            return;
        }
        self.instance.begun += 1;
        let number = self.instance.begun;
        let mut run = Run {
            number,
            step,
            attempt: 1,
            parent,
            phase: Phase::Working,
            aborted: false,
            deadline: None,
            overdue: false,
        };
        self.effects.push(Effect::Began {
            run: number,
            step,
            cause,
        });
        match &self.plan.nodes[step].kind {
            Kind::Delay { seconds } => {
                let until = self.now.plus(Duration::from_secs(*seconds));
                run.phase = Phase::Waiting { until };
                self.instance.runs.push(run);
                self.effects.push(Effect::WakeAt {
                    run: number,
                    at: until,
                });
            }
            Kind::Parallel {
                branches,
                timeout_seconds,
                ..
            } => {
                let (branches, timeout_seconds) = (branches.clone(), *timeout_seconds);
                run.phase = Phase::Branches {
                    ended: vec![None; branches.len()],
                };
                self.instance.runs.push(run);
                if let Some(seconds) = timeout_seconds {
                    self.limit(self.instance.runs.len() - 1, seconds);
                }
                for (branch, first) in branches.into_iter().enumerate() {
                    self.enter(first, Some((number, branch)), Cause::Branch { of: number });
                }
            }
            Kind::Hosts { .. }
            | Kind::Approval
            | Kind::Conditional { .. }
            | Kind::Notify
            | Kind::Workflow { .. } => {
                self.instance.runs.push(run);
                self.perform(self.instance.runs.len() - 1);
            }
        }
    }

    /// Sets the end, once, and has stop what still runs.
    fn end(&mut self, state: InstanceState, reason: Option<String>) {
        if self.instance.ending.is_some() {
            return;
        }
        self.instance.ending = Some(Ending { state, reason });
        let top: Vec<u32> = self
            .instance
            .runs
            .iter()
            .filter(|run| run.parent.is_none())
            .map(|run| run.number)
            .collect();
        for number in top {
            self.abort(number);
        }
    }

    /// The state that follows from what is left.
    fn settle(&mut self) {
        if self.instance.runs.is_empty()
            && let Some(Ending { state, reason }) = self.instance.ending.take()
        {
            self.instance.state = state;
            self.effects.push(Effect::Ended { state, reason });
            return;
        }
        let plan = self.plan;
        let waits = |run: &Run| match run.phase {
            Phase::Branches { .. } => true,
            Phase::Waiting { .. } => matches!(plan.nodes[run.step].kind, Kind::Delay { .. }),
            Phase::Working => matches!(plan.nodes[run.step].kind, Kind::Approval),
        };
        self.instance.state = if self.instance.ending.is_none() && self.instance.runs.iter().all(waits) {
            InstanceState::Paused
        } else {
            InstanceState::Running
        };
    }
}

fn backoff(delay_seconds: u32, factor: f64, attempt: u32) -> Duration {
    let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
    let seconds = f64::from(delay_seconds) * factor.powi(exponent);
    Duration::try_from_secs_f64(seconds).map_or(MAX_BACKOFF, |wait| wait.min(MAX_BACKOFF))
}
