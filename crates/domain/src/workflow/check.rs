//! What a definition must keep to before anything runs.

use std::{collections::BTreeSet, ops::Range};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    definition::{
        ApprovalStep, ApprovalType, CommandStep, ContinueOn, Definition, DelayStep, HttpStep, OnHosts,
        RESERVED, Retries, Step, Work,
    },
    flow::{Flow, reaches},
    plan::{Draft, Plan, nearest},
    split, variables,
};
use crate::{
    expression::{Condition, Path, Template},
    fill::escaped,
    job::MAX_TIMEOUT_SECONDS,
    member::Member,
    notify::Recipient,
    parameter,
    targets::Targets,
};

/// Steps of one workflow, those of branches counted in.
pub const MAX_STEPS: usize = 200;
pub const MAX_BRANCHES: usize = 20;
/// Parallel steps inside each other.
pub const MAX_NESTING: usize = 3;
pub const MAX_ID: usize = 64;
pub const MAX_APPROVERS: usize = 50;
pub const MAX_RETRIES: u32 = 10;
/// Longest delay, and longest time for an answer or for another workflow.
pub const MAX_WAIT_SECONDS: u64 = 90 * 24 * 3600;
/// Shortest time between two reminders.
pub const MIN_REMINDER_MINUTES: u32 = 5;
/// Longest text of a name, a title, a description or a message.
pub(super) const MAX_TEXT: usize = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It cannot be saved so.
    Error,
    /// It can, and is likely not meant.
    Warning,
}

/// From the first byte to behind the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl From<Range<usize>> for Span {
    fn from(Range { start, end }: Range<usize>) -> Self {
        Self { start, end }
    }
}

/// One thing that is wrong or doubtful in a workflow, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = WorkflowProblem))]
pub struct Problem {
    pub severity: Severity,
    /// JSON Pointer into the definition.
    pub pointer: String,
    /// Bytes of the text that stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    pub(super) fn error(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.add(Severity::Error, pointer.into(), None, message.into());
    }

    pub(super) fn warning(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.add(Severity::Warning, pointer.into(), None, message.into());
    }

    fn add(&mut self, severity: Severity, pointer: String, span: Option<Range<usize>>, message: String) {
        self.0.push(Problem {
            severity,
            pointer,
            span: span.map(Span::from),
            message,
        });
    }

    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|problem| problem.severity == Severity::Error)
    }
}

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

    fn work(&mut self) {
        match &self.draft.step.work {
            Work::Script(script) => {
                self.one_of(
                    ("script_id", script.script_id.is_some()),
                    ("script", script.script.is_some()),
                );
                self.values("parameters", &script.parameters);
                self.on_hosts(&script.on);
            }
            Work::Command(command) => self.command(command),
            Work::HttpRequest(request) => self.http(request),
            Work::Action(action) => {
                self.one_of(
                    ("action_id", action.action_id.is_some()),
                    ("action", action.action.is_some()),
                );
                self.values("parameters", &action.parameters);
                self.timeout(action.timeout_seconds, MAX_TIMEOUT_SECONDS.into());
                self.retries(action.retries);
                self.continue_on(action.continue_on);
            }
            Work::Approval(approval) => self.approval(approval),
            Work::Conditional(conditional) => match Condition::parse(&conditional.condition) {
                Err(error) => {
                    let pointer = self.at("condition");
                    self.problems
                        .add(Severity::Error, pointer, Some(error.span), error.message);
                }
                Ok(condition) => {
                    for (path, span) in condition.paths() {
                        self.path("condition", path, span);
                    }
                }
            },
            Work::Delay(delay) => self.delay(delay),
            Work::Notify(notify) => {
                if notify.to.is_empty() || notify.to.len() > MAX_APPROVERS {
                    self.error("to", format!("must name 1 to {MAX_APPROVERS} recipients"));
                }
                for (number, to) in notify.to.iter().enumerate() {
                    if let Err(error) = to.parse::<Recipient>() {
                        self.error(&format!("to/{number}"), error.to_string());
                    }
                }
                self.text("title", &notify.title);
                notify
                    .message
                    .iter()
                    .for_each(|message| self.text("message", message));
            }
            Work::Parallel(parallel) => {
                if !(2..=MAX_BRANCHES).contains(&parallel.branches.len()) {
                    self.error("branches", format!("must be 2 to {MAX_BRANCHES} branches"));
                }
            }
            Work::Workflow(workflow) => {
                self.one_of(
                    ("workflow_id", workflow.workflow_id.is_some()),
                    ("workflow", workflow.workflow.is_some()),
                );
                self.values("inputs", &workflow.inputs);
                self.hosts(workflow.hosts.as_ref());
                self.timeout(workflow.timeout_seconds, MAX_WAIT_SECONDS);
                self.retries(workflow.retries);
            }
        }
    }

    fn one_of(&mut self, (first, has_first): (&str, bool), (second, has_second): (&str, bool)) {
        match (has_first, has_second) {
            (false, false) => self.error(first, format!("is missing: give {first} or {second}")),
            (true, true) => self.error(
                second,
                format!("is one too many: give {first} or {second}, not both"),
            ),
            _ => {}
        }
    }

    fn hosts(&mut self, targets: Option<&Targets>) {
        let pointer = self.at("hosts");
        hosts(&pointer, targets, self.problems);
    }

    fn on_hosts(&mut self, on: &OnHosts) {
        self.hosts(on.hosts.as_ref());
        self.retries(on.retries);
        self.continue_on(on.continue_on);
        self.timeout(on.timeout_seconds, MAX_TIMEOUT_SECONDS.into());
        if let Some(user) = &on.run_as_user
            && user.contains("{{")
        {
            self.error("run_as_user", "is a name, and takes no placeholder");
        }
    }

    fn timeout(&mut self, seconds: Option<u32>, most: u64) {
        if seconds.is_some_and(|seconds| !(1..=most).contains(&u64::from(seconds))) {
            self.error("timeout_seconds", format!("must be 1 to {most}"));
        }
    }

    fn retries(&mut self, retries: Option<Retries>) {
        let Some(retries) = retries else { return };
        if !(1..=MAX_RETRIES).contains(&retries.count) {
            self.error("retries/count", format!("must be 1 to {MAX_RETRIES}"));
        }
        if !(1.0..=10.0).contains(&retries.factor) {
            self.error("retries/factor", "must be 1 to 10");
        }
    }

    fn continue_on(&mut self, continue_on: Option<ContinueOn>) {
        if let Some(ContinueOn::Percent(percent)) = continue_on
            && !(1..=100).contains(&percent)
        {
            self.error("continue_on/percent", "must be 1 to 100");
        }
    }

    fn command(&mut self, command: &CommandStep) {
        self.one_of(
            ("command", command.command.is_some()),
            ("argv", !command.argv.is_empty()),
        );
        for (name, value) in &command.environment {
            self.text(&format!("environment/{}", escaped(name)), value);
        }
        if let Some(folder) = &command.working_directory
            && folder.contains("{{")
        {
            self.error(
                "working_directory",
                "takes no placeholder: give it to the command as an argument",
            );
        }
        self.on_hosts(&command.on);
        if command.shell {
            let texts = command.command.iter().map(|text| ("command".to_owned(), text));
            let argv = command
                .argv
                .iter()
                .enumerate()
                .map(|(number, text)| (format!("argv/{number}"), text));
            let all: Vec<(String, &String)> = texts.chain(argv).collect();
            for (field, text) in all {
                if let Some(path) = split::placeholder(text) {
                    let message = format!(
                        "has {{{{{path}}}}} in the text for a shell, which would read the value as code. Give it to the \
                         environment, as in environment: {{\"VALUE\": \"{{{{{path}}}}}\"}}, and write \"$VALUE\" here"
                    );
                    self.error(&field, message);
                }
            }
            return;
        }
        for (number, argument) in command.argv.iter().enumerate() {
            self.text(&format!("argv/{number}"), argument);
        }
        if let Some(text) = &command.command {
            match split::arguments(text) {
                Err(error) => {
                    let pointer = self.at("command");
                    self.problems
                        .add(Severity::Error, pointer, Some(error.span), error.message);
                }
                Ok(arguments) => {
                    if arguments.is_empty() {
                        self.error("command", "is empty");
                    }
                    for argument in &arguments {
                        for (path, span) in argument.paths() {
                            self.path("command", path, span);
                        }
                    }
                }
            }
        }
    }

    fn http(&mut self, request: &HttpStep) {
        match split::address(&request.url) {
            Err(error) => {
                let pointer = self.at("url");
                self.problems
                    .add(Severity::Error, pointer, Some(error.span), error.message);
            }
            Ok(template) => {
                for (path, span) in template.paths() {
                    self.path("url", path, span);
                }
            }
        }
        for (name, value) in &request.headers {
            let field = format!("headers/{}", escaped(name));
            if name.eq_ignore_ascii_case("host") && split::placeholder(value).is_some() {
                let message = "takes no placeholder: who is called is written down, and no value says it";
                self.error(&field, message);
            } else {
                self.text(&field, value);
            }
        }
        if request.body.is_some() && request.json.is_some() {
            self.error("json", "is one body too many: give body or json");
        }
        if let Some(body) = &request.body
            && let Some(path) = split::placeholder(body)
        {
            if Template::parse(body).is_ok_and(|template| template.is_one_placeholder()) {
                self.text("body", body);
            } else {
                let message = format!(
                    "has {{{{{path}}}}} inside a text that somebody will parse. Give the body as json, where a value stays a \
                     value, or as one placeholder and nothing else"
                );
                self.error("body", message);
            }
        }
        if let Some(json) = &request.json {
            self.value("json", json);
        }
        self.on_hosts(&request.on);
    }

    fn approval(&mut self, approval: &ApprovalStep) {
        self.text("title", &approval.title);
        approval
            .description
            .iter()
            .for_each(|text| self.text("description", text));
        let mut members = BTreeSet::new();
        let mut roles = 0;
        for (number, approver) in approval.approvers.iter().enumerate() {
            match approver.parse::<Member>() {
                Ok(member) => {
                    roles += usize::from(matches!(member, Member::Role(_)));
                    members.insert(member.to_string());
                }
                Err(error) => self.error(&format!("approvers/{number}"), error.to_string()),
            }
        }
        if approval.approvers.is_empty() || approval.approvers.len() > MAX_APPROVERS {
            self.error(
                "approvers",
                format!("must name 1 to {MAX_APPROVERS} of role:NAME and user:ID"),
            );
        } else if approval.approval_type == ApprovalType::Singular && (members.len() != 1 || roles != 0) {
            self.error(
                "approvers",
                "of a singular approval is exactly one user: give one user:ID",
            );
        } else if approval.approval_type == ApprovalType::TwoOfMany && roles == 0 && members.len() < 2 {
            self.error("approvers", "names fewer than the two people who must agree");
        }
        let seconds = u64::from(approval.timeout_minutes) * 60;
        if !(60..=MAX_WAIT_SECONDS).contains(&seconds) {
            self.error(
                "timeout_minutes",
                format!("must be 1 to {}", MAX_WAIT_SECONDS / 60),
            );
        }
        if approval
            .reminder_minutes
            .is_some_and(|every| !(MIN_REMINDER_MINUTES..approval.timeout_minutes).contains(&every))
        {
            let message = format!(
                "must be {MIN_REMINDER_MINUTES} or more, and less than timeout_minutes, which is {}",
                approval.timeout_minutes
            );
            self.error("reminder_minutes", message);
        }
    }

    fn delay(&mut self, delay: &DelayStep) {
        if !(1..=MAX_WAIT_SECONDS).contains(&delay.total_seconds()) {
            let message = format!(
                "must wait 1 second to {} days: give seconds, minutes or hours",
                MAX_WAIT_SECONDS / 86_400
            );
            self.error("seconds", message);
        }
    }

    fn values(&mut self, field: &str, values: &std::collections::BTreeMap<String, Value>) {
        for (name, value) in values {
            let field = format!("{field}/{}", escaped(name));
            // A secret may be handed on, whole, to what keeps it secret.
            if let Value::String(text) = value
                && let Ok(template) = Template::parse(text)
                && template.is_one_placeholder()
                && template
                    .paths()
                    .all(|(path, _)| variables::is_secret_input(&self.definition.inputs, path))
            {
                continue;
            }
            self.value(&field, value);
        }
    }

    /// Every text in a value.
    fn value(&mut self, field: &str, value: &Value) {
        match value {
            Value::String(text) => self.text(field, text),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.value(&format!("{field}/{index}"), item);
                }
            }
            Value::Object(fields) => {
                for (name, item) in fields {
                    self.value(&format!("{field}/{}", escaped(name)), item);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn text(&mut self, field: &str, text: &str) {
        match Template::parse(text) {
            Err(error) => {
                let pointer = self.at(field);
                self.problems
                    .add(Severity::Error, pointer, Some(error.span), error.message);
            }
            Ok(template) => {
                for (path, span) in template.paths() {
                    self.path(field, path, span);
                }
            }
        }
    }

    /// Whether a variable can have a value here.
    fn path(&mut self, field: &str, path: &Path, span: Range<usize>) {
        let pointer = self.at(field);
        let mut add = |severity, message: String| {
            self.problems
                .add(severity, pointer.clone(), Some(span.clone()), message);
        };
        let Some(step) = self.plan.of_variable(path.root()) else {
            match variables::of_no_step(&self.definition.inputs, path) {
                Ok(None) => {}
                Ok(Some(doubt)) => add(Severity::Warning, doubt),
                Err(problem) => {
                    let hint = if path.root().starts_with("step_") {
                        let ids: Vec<String> = self
                            .plan
                            .nodes
                            .iter()
                            .map(|node| format!("step_{}", node.id))
                            .collect();
                        nearest(path.root(), ids.iter().map(String::as_str))
                    } else {
                        String::new()
                    };
                    add(Severity::Error, format!("{problem}{hint}"));
                }
            }
            return;
        };
        let id = &self.plan.nodes[step].id;
        if let Err(problem) = variables::field_of_step(&self.plan.nodes[step].kind, path) {
            add(Severity::Error, problem);
        } else if !self.flow.may[self.index].contains(&step) {
            let message = if self.flow.runs_beside(self.plan, step, self.index) {
                format!("{path} cannot be known here: step {id:?} runs at the same time")
            } else {
                format!("{path} cannot exist here: no route leads from step {id:?} to this one")
            };
            add(Severity::Error, message);
        } else if !self.flow.must[self.index].contains(&step) {
            let message =
                format!("{path} does not exist when step {id:?} was passed by: this step fails then");
            add(Severity::Warning, message);
        }
    }
}
