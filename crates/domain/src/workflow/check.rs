//! What a definition must keep to before anything runs.

mod steps;
mod values;

use super::{
    definition::{Definition, RESERVED, Step, Work},
    flow::{Flow, reaches},
    plan::{Draft, Plan},
    problem::Problems,
};
use crate::{parameter, targets::Targets};

/// Steps of one workflow, those of branches counted in.
pub const MAX_STEPS: usize = 200;
pub const MAX_BRANCHES: usize = 20;
/// Parallel steps inside each other.
pub const MAX_NESTING: usize = 3;
pub const MAX_ID: usize = 64;
pub const MAX_APPROVERS: usize = 50;
pub const MAX_RETRIES: u32 = 10;
/// Longest delay, and longest time for an answer, for another workflow or for the branches of a parallel step.
pub const MAX_WAIT_SECONDS: u64 = 90 * 24 * 3600;
/// Shortest time between two reminders.
pub const MIN_REMINDER_MINUTES: u32 = 5;
/// Longest name of a step, in bytes.
const MAX_TEXT: usize = 10_000;

pub(super) fn check(plan: &Plan, definition: &Definition, drafts: &[Draft<'_>], problems: &mut Problems) {
    if let Err(error) = parameter::check(&definition.inputs) {
        problems.error("/inputs", error.to_string());
    }
    hosts("/hosts", definition.hosts.as_ref(), problems);
    let flow = Flow::new(plan);
    let reached = reaches(plan);
    for (index, draft) in drafts.iter().enumerate() {
        let mut place = Place {
            plan,
            definition,
            flow: &flow,
            index,
            draft,
            problems,
        };
        place.identity();
        place.routes();
        place.work();
        if !reached.contains(&index) {
            problems.warning(draft.pointer.clone(), "is never reached: no route leads here");
        }
    }
}

fn hosts(pointer: &str, targets: Option<&Targets>, problems: &mut Problems) {
    if let Some(Err(error)) = targets.map(Targets::check) {
        let pointer = match error.field {
            Some(field) => format!("{pointer}/{field}"),
            None => pointer.to_owned(),
        };
        problems.error(pointer, error.problem);
    }
}

/// Every step with its pointer, those of branches too.
pub fn each_step(steps: &[Step], pointer: &str, look: &mut impl FnMut(&str, &Step)) {
    for (number, step) in steps.iter().enumerate() {
        let pointer = format!("{pointer}/{number}");
        look(&pointer, step);
        if let Work::Parallel(parallel) = &step.work {
            for (branch, inner) in parallel.branches.iter().enumerate() {
                each_step(&inner.steps, &format!("{pointer}/branches/{branch}/steps"), look);
            }
        }
    }
}

struct Place<'a> {
    plan: &'a Plan,
    definition: &'a Definition,
    flow: &'a Flow,
    index: usize,
    draft: &'a Draft<'a>,
    problems: &'a mut Problems,
}

impl Place<'_> {
    fn at(&self, field: &str) -> String {
        format!("{}/{}", self.draft.pointer, field)
    }

    fn error(&mut self, field: &str, message: impl Into<String>) {
        let pointer = self.at(field);
        self.problems.error(pointer, message);
    }

    fn identity(&mut self) {
        let Step { id, name, .. } = self.draft.step;
        let letters = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
        if !id.starts_with(|first: char| first.is_ascii_alphabetic())
            || !id.chars().all(letters)
            || id.len() > MAX_ID
        {
            let message =
                format!("must have 1 to {MAX_ID} of a-z, A-Z, 0-9, _ and -, and begin with a letter");
            self.error("id", message);
        }
        if RESERVED.contains(&id.as_str()) {
            self.error(
                "id",
                format!("{id:?} is a word of routes: call the step something else"),
            );
        }
        if let Some(longer) = self.plan.find(&format!("step_{id}")) {
            let message = format!(
                "and the step {:?} would both be step_{id} in variables: rename one",
                self.plan.nodes[longer].id
            );
            self.error("id", message);
        }
        if name.as_ref().is_some_and(|name| name.len() > MAX_TEXT) {
            self.error("name", format!("has more than {MAX_TEXT} bytes"));
        }
    }

    /// Routes that nothing ever takes say something that is not so.
    fn routes(&mut self) {
        let Step {
            work,
            on_success,
            on_failure,
            ..
        } = self.draft.step;
        match work {
            Work::Conditional(_) if on_success.is_some() => self.error(
                "on_success",
                "is never taken: a condition leads to on_true or on_false. Say there where it goes on, and remove this",
            ),
            Work::Delay(_) if on_failure.is_some() => self.error(
                "on_failure",
                "is never taken: a delay fails at nothing. Remove it",
            ),
            _ => {}
        }
    }
}
