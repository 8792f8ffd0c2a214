//! A definition as a graph that was checked: what the engine goes by.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    check::{MAX_ID, MAX_NESTING, MAX_STEPS, check},
    definition::{ContinueOn, Definition, OnBranchFailure, Retries, Route, Step, Work},
    problem::Problems,
};
use crate::expression::{Condition, Path, Template};

/// Index of a step in its plan: in the order of the text, those of branches behind their parallel step.
pub type StepIndex = usize;

/// A checked definition.
#[derive(Debug, Clone)]
pub struct Plan {
    pub definition: Definition,
    pub nodes: Vec<Node>,
    by_id: BTreeMap<String, StepIndex>,
}

/// One step, with its routes resolved.
#[derive(Debug, Clone)]
pub struct Node {
    pub id: String,
    /// Where it stands in the definition, as a JSON Pointer.
    pub pointer: String,
    /// The parallel step and the number of the branch that it lies in.
    pub parent: Option<(StepIndex, usize)>,
    pub kind: Kind,
    pub success: Target,
    pub failure: Target,
    /// Ids of the steps whose results it asks for.
    pub needs: Vec<String>,
}

/// What the engine has to know of a step's work.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Jobs on hosts.
    Hosts {
        retries: Option<Retries>,
        continue_on: ContinueOn,
    },
    Approval,
    Conditional {
        on_true: Target,
        on_false: Target,
    },
    Delay {
        seconds: u64,
    },
    Notify,
    Parallel {
        branches: Vec<StepIndex>,
        on_failure: OnBranchFailure,
        /// Of all of it.
        timeout_seconds: Option<u32>,
    },
    /// Another workflow.
    Workflow {
        /// Of each try.
        timeout_seconds: Option<u32>,
        retries: Option<Retries>,
    },
}

/// Where a route leads. Inside a branch `Completed` and `Failed` are the ends of the branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Step(StepIndex),
    Completed,
    Failed,
    Cancelled,
}

impl Plan {
    /// The plan, and what is doubtful about it; or what is wrong.
    pub fn new(definition: Definition) -> Result<(Self, Problems), Problems> {
        let mut problems = Problems::default();
        let (plan, drafts) = Self::sketch(&definition, &mut problems);
        check(&plan, &definition, &drafts, &mut problems);
        problems.name_steps(&definition);
        if problems.has_errors() {
            return Err(problems);
        }
        let needs = plan.needs_of(&drafts);
        Ok((plan.with(definition, needs), problems))
    }

    /// The plan of a definition that was checked once: what runs goes on although rules were added since.
    pub fn kept(definition: Definition) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let (plan, drafts) = Self::sketch(&definition, &mut problems);
        if problems.has_errors() {
            return Err(problems);
        }
        let needs = plan.needs_of(&drafts);
        Ok(plan.with(definition, needs))
    }

    fn needs_of(&self, drafts: &[Draft<'_>]) -> Vec<Vec<String>> {
        drafts.iter().map(|draft| self.needs(draft.step)).collect()
    }

    fn with(self, definition: Definition, needs: Vec<Vec<String>>) -> Self {
        let mut plan = Self { definition, ..self };
        for (node, needs) in plan.nodes.iter_mut().zip(needs) {
            node.needs = needs;
        }
        plan
    }

    /// The graph as far as it can be told, of a definition that may be wrong.
    pub(super) fn sketch<'a>(definition: &'a Definition, problems: &mut Problems) -> (Self, Vec<Draft<'a>>) {
        let mut drafts = Vec::new();
        collect(&definition.steps, None, "/steps", 0, &mut drafts, problems);
        if drafts.len() > MAX_STEPS {
            let message =
                format!("has too many steps: at most {MAX_STEPS} are allowed, those of branches counted in");
            problems.error("/steps", message);
            drafts.clear();
        }
        let mut by_id = BTreeMap::new();
        for (index, draft) in drafts.iter().enumerate() {
            if by_id.insert(draft.step.id.clone(), index).is_some() {
                let message = format!("there are two steps with the id {:?}", draft.step.id);
                problems.error(format!("{}/id", draft.pointer), message);
            }
        }
        let nodes = drafts
            .iter()
            .map(|draft| draft.resolve(&drafts, &by_id, problems))
            .collect();
        let plan = Self {
            nodes,
            by_id,
            definition: Definition::default(),
        };
        (plan, drafts)
    }

    pub fn find(&self, id: &str) -> Option<StepIndex> {
        self.by_id.get(id).copied()
    }

    /// The step that a variable's root means: `step_ID`, or an id that begins with `step_` itself.
    pub fn of_variable(&self, root: &str) -> Option<StepIndex> {
        let id = root.strip_prefix("step_")?;
        self.find(id).or_else(|| self.find(root))
    }

    /// Of every text that a step has of its own; steps of branches ask for themselves.
    fn needs(&self, step: &Step) -> Vec<String> {
        let mut roots = BTreeSet::new();
        let mut add = |path: &Path| roots.extend(self.of_variable(path.root()));
        if let Work::Conditional(conditional) = &step.work {
            let condition = Condition::parse(&conditional.condition).ok();
            condition
                .iter()
                .flat_map(Condition::paths)
                .for_each(|(path, _)| add(path));
        } else if !matches!(step.work, Work::Parallel(_)) {
            each_text(
                &serde_json::to_value(&step.work).unwrap_or_default(),
                &mut |text| {
                    let template = Template::parse(text).ok();
                    template
                        .iter()
                        .flat_map(Template::paths)
                        .for_each(|(path, _)| add(path));
                },
            );
        }
        roots
            .into_iter()
            .map(|index| self.nodes[index].id.clone())
            .collect()
    }

    pub fn step(&self, index: StepIndex) -> Option<&Step> {
        at(&self.definition.steps, &self.nodes.get(index)?.id)
    }
}

fn at<'a>(steps: &'a [Step], id: &str) -> Option<&'a Step> {
    steps.iter().find_map(|step| {
        if step.id == id {
            return Some(step);
        }
        match &step.work {
            Work::Parallel(parallel) => parallel.branches.iter().find_map(|branch| at(&branch.steps, id)),
            _ => None,
        }
    })
}

fn each_text(value: &Value, look: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => look(text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, look)),
        Value::Object(fields) => fields.values().for_each(|item| each_text(item, look)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A step before its routes are known.
pub(super) struct Draft<'a> {
    pub(super) step: &'a Step,
    pub(super) pointer: String,
    pub(super) parent: Option<(StepIndex, usize)>,
    /// The next step of its list.
    next: Option<StepIndex>,
    /// Of a parallel step: where its branches begin.
    branches: Vec<StepIndex>,
}

/// Returns the index of the first step. Steps behind the first one too many are left out, and what is inside of too many
/// parallel ones.
fn collect<'a>(
    steps: &'a [Step],
    parent: Option<(StepIndex, usize)>,
    pointer: &str,
    depth: usize,
    drafts: &mut Vec<Draft<'a>>,
    problems: &mut Problems,
) -> Option<StepIndex> {
    if steps.is_empty() {
        let whose = parent.map(|(_, branch)| format!("branch {} ", branch + 1));
        let message = format!("{}has no steps: give at least one", whose.unwrap_or_default());
        problems.error(pointer.to_owned(), message);
    }
    let mut first = None;
    let mut last: Option<StepIndex> = None;
    for (number, step) in steps.iter().enumerate() {
        let index = drafts.len();
        if index > MAX_STEPS {
            break;
        }
        let pointer = format!("{pointer}/{number}");
        drafts.push(Draft {
            step,
            pointer: pointer.clone(),
            parent,
            next: None,
            branches: Vec::new(),
        });
        first.get_or_insert(index);
        if let Some(last) = last.replace(index) {
            drafts[last].next = Some(index);
        }
        if let Work::Parallel(parallel) = &step.work {
            if depth == MAX_NESTING {
                let message =
                    format!("is inside too many others: parallel steps nest at most {MAX_NESTING} deep");
                problems.error(format!("{pointer}/type"), message);
                continue;
            }
            for (branch, inner) in parallel.branches.iter().enumerate() {
                let pointer = format!("{pointer}/branches/{branch}/steps");
                let inside = Some((index, branch));
                let begin = collect(&inner.steps, inside, &pointer, depth + 1, drafts, problems);
                drafts[index].branches.extend(begin);
            }
        }
    }
    first
}

impl Draft<'_> {
    fn resolve(
        &self,
        drafts: &[Draft<'_>],
        by_id: &BTreeMap<String, StepIndex>,
        problems: &mut Problems,
    ) -> Node {
        let mut target = |field: &str, route: Option<&Route>, otherwise: Target| match route {
            None => otherwise,
            Some(Route::Continue) => self.next.map_or(Target::Completed, Target::Step),
            Some(Route::Completed) => Target::Completed,
            Some(Route::Failed) => Target::Failed,
            Some(Route::Cancelled) => Target::Cancelled,
            Some(Route::Step(id)) => {
                let pointer = format!("{}/{field}", self.pointer);
                match by_id.get(id) {
                    Some(index) if drafts[*index].parent == self.parent => Target::Step(*index),
                    Some(_) => {
                        let message = format!(
                            "leads to step {id:?}, which lies elsewhere: a route stays in its branch, and leads into none"
                        );
                        problems.error(pointer, message);
                        Target::Failed
                    }
                    None => {
                        let known = by_id.keys().map(String::as_str);
                        problems.error(
                            pointer,
                            format!("leads to step {id:?}, which does not exist{}", nearest(id, known)),
                        );
                        Target::Failed
                    }
                }
            }
        };
        let next = self.next.map_or(Target::Completed, Target::Step);
        let success = target("on_success", self.step.on_success.as_ref(), next);
        let failure = target("on_failure", self.step.on_failure.as_ref(), Target::Failed);
        let kind = match &self.step.work {
            Work::Script(script) => hosts(script.on.retries, script.on.continue_on),
            Work::Command(command) => hosts(command.on.retries, command.on.continue_on),
            Work::HttpRequest(request) => hosts(request.on.retries, request.on.continue_on),
            Work::Action(action) => hosts(action.retries, action.continue_on),
            Work::Approval(_) => Kind::Approval,
            Work::Conditional(conditional) => Kind::Conditional {
                on_true: target("on_true", Some(&conditional.on_true), Target::Failed),
                on_false: target("on_false", Some(&conditional.on_false), Target::Failed),
            },
            Work::Delay(delay) => Kind::Delay {
                seconds: delay.total_seconds(),
            },
            Work::Notify(_) => Kind::Notify,
            Work::Parallel(parallel) => Kind::Parallel {
                branches: self.branches.clone(),
                on_failure: parallel.on_branch_failure,
                timeout_seconds: parallel.timeout_seconds,
            },
            Work::Workflow(workflow) => Kind::Workflow {
                timeout_seconds: workflow.timeout_seconds,
                retries: workflow.retries,
            },
        };
        Node {
            id: self.step.id.clone(),
            pointer: self.pointer.clone(),
            parent: self.parent,
            kind,
            success,
            failure,
            needs: Vec::new(),
        }
    }
}

fn hosts(retries: Option<Retries>, continue_on: Option<ContinueOn>) -> Kind {
    Kind::Hosts {
        retries,
        continue_on: continue_on.unwrap_or_default(),
    }
}

/// `; did you mean …?`, when something known is close to what was written. Long texts are not compared: that takes as
/// long as both are, multiplied.
pub(super) fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> String {
    if written.len() > MAX_ID {
        return String::new();
    }
    let lower = written.to_lowercase();
    known
        .filter(|name| name.len() <= MAX_ID)
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= name.len().max(written.len()).div_ceil(3))
        .min()
        .map_or_else(String::new, |(_, name)| format!("; did you mean {name:?}?"))
}
