//! What a path in a workflow means: results of steps, inputs, and the instance itself.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::Value;

use super::{
    definition::Definition,
    flow::Flow,
    plan::{Kind, Plan, nearest},
    problem::Problems,
};
use crate::{
    AgentId,
    expression::{BLOCKED, Path, Segment, Variables},
    job::JobState,
    parameter::{Parameter, ParameterType},
};

/// What an instance says of itself: `{{instance.id}}`.
const OF_INSTANCE: [&str; 4] = ["id", "workflow", "started_by", "started_at"];
const OF_JOBS: [&str; 6] = ["stdout", "stderr", "exit_code", "status", "json", "hosts"];
const OF_APPROVALS: [&str; 3] = ["status", "decided_by", "comment"];

/// What a finished step left, for those behind it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StepResult {
    /// `succeeded` or `failed`; of an approval `approved`, `rejected` or `expired`.
    pub status: String,
    /// In the order of the hosts' names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostResult>,
    /// What steps without jobs have to say: `decided_by`, `comment`, `result`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct HostResult {
    /// Absent in results of before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
    /// As it was called when its job ended.
    pub name: String,
    /// The state of its job.
    pub status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Why its job ended so, where there is no exit code to say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// As it was printed; paths see it without the line breaks at its end.
    pub stdout: String,
    pub stderr: String,
    /// The bytes of it that were kept, where more was printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout_cut: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr_cut: Option<usize>,
}

/// All that paths can lead to.
#[derive(Debug)]
pub struct Scope<'a> {
    plan: &'a Plan,
    /// By the step's id.
    results: &'a BTreeMap<String, StepResult>,
    inputs: &'a BTreeMap<String, Value>,
    instance: BTreeMap<&'static str, Value>,
}

impl<'a> Scope<'a> {
    pub const fn new(
        plan: &'a Plan,
        results: &'a BTreeMap<String, StepResult>,
        inputs: &'a BTreeMap<String, Value>,
        instance: BTreeMap<&'static str, Value>,
    ) -> Self {
        Self {
            plan,
            results,
            inputs,
            instance,
        }
    }
}

impl Variables for Scope<'_> {
    fn value(&self, path: &Path) -> Option<Cow<'_, Value>> {
        if let Some(step) = self.plan.of_variable(path.root()) {
            return self.results.get(&self.plan.nodes[step].id)?.value(path.rest());
        }
        match (path.root(), path.rest()) {
            ("inputs", [Segment::Name(name), rest @ ..]) => {
                if is_secret_input(&self.plan.definition.inputs, path) {
                    return Some(Cow::Owned(Value::from(BLOCKED)));
                }
                inside(Cow::Borrowed(self.inputs.get(name)?), rest)
            }
            ("instance", [Segment::Name(name)]) => self.instance.get(name.as_str()).map(Cow::Borrowed),
            _ if path.names_secret() => Some(Cow::Owned(Value::from(BLOCKED))),
            _ => None,
        }
    }

    fn why_missing(&self, path: &Path) -> Option<String> {
        let step = self.plan.of_variable(path.root())?;
        self.results
            .get(&self.plan.nodes[step].id)?
            .why_missing(path.rest())
    }
}

impl StepResult {
    fn value(&self, rest: &[Segment]) -> Option<Cow<'_, Value>> {
        let [Segment::Name(field), rest @ ..] = rest else {
            return None;
        };
        match (field.as_str(), rest) {
            ("status", []) => Some(text(&self.status)),
            ("hosts", [Segment::Name(name), Segment::Name(field), rest @ ..]) => {
                let host = self.hosts.iter().find(|host| host.name == *name)?;
                host.value(field, rest)
            }
            // The first one that is not 0 says more than the first one. Without such a one a 0 would say that all went well.
            ("exit_code", []) => {
                let codes = || self.hosts.iter().filter_map(|host| host.exit_code);
                let code = match codes().find(|code| *code != 0) {
                    None if self.hosts.iter().any(HostResult::ended_without_code) => return None,
                    None => codes().next()?,
                    Some(code) => code,
                };
                Some(Cow::Owned(Value::from(code)))
            }
            ("stdout" | "stderr" | "json", rest) => self.hosts.first()?.value(field, rest),
            (_, rest) => inside(Cow::Borrowed(self.more.get(field)?), rest),
        }
    }

    fn why_missing(&self, rest: &[Segment]) -> Option<String> {
        let [Segment::Name(field), rest @ ..] = rest else {
            return None;
        };
        let (host, field) = match (field.as_str(), rest) {
            ("hosts", [Segment::Name(name), Segment::Name(field), ..]) => {
                let host = self.hosts.iter().find(|host| host.name == *name)?;
                (host, field.as_str())
            }
            ("exit_code", []) => {
                let host = self.hosts.iter().find(|host| host.ended_without_code())?;
                (host, "exit_code")
            }
            (field, _) => (self.hosts.first()?, field),
        };
        host.why_missing(field)
    }

    /// What of the output is not kept: of which host, which stream and after how much.
    pub fn cuts(&self) -> Vec<String> {
        let of_host = |host: &HostResult| {
            let streams = [("stdout", host.stdout_cut), ("stderr", host.stderr_cut)];
            let told = |(stream, bytes): (&str, Option<usize>)| {
                Some(format!("{stream} of {} after {}", host.name, size(bytes?)))
            };
            streams.into_iter().filter_map(told).collect::<Vec<_>>()
        };
        self.hosts.iter().flat_map(of_host).collect()
    }
}

impl HostResult {
    fn value(&self, field: &str, rest: &[Segment]) -> Option<Cow<'_, Value>> {
        match (field, rest) {
            ("stdout", []) => Some(text(self.stdout.trim_end_matches(['\r', '\n']))),
            ("stderr", []) => Some(text(self.stderr.trim_end_matches(['\r', '\n']))),
            ("status", []) => Some(text(&self.status)),
            ("exit_code", []) => self.exit_code.map(|code| Cow::Owned(Value::from(code))),
            ("json", rest) => inside(Cow::Owned(serde_json::from_str(&self.stdout).ok()?), rest),
            _ => None,
        }
    }

    /// Whether nobody knows how it would have ended: it took too long, was lost or was refused.
    fn ended_without_code(&self) -> bool {
        self.exit_code.is_none() && self.status != JobState::Completed.as_str()
    }

    fn why_missing(&self, field: &str) -> Option<String> {
        let Self { name, status, .. } = self;
        match (field, self.stdout_cut) {
            ("exit_code", _) if self.ended_without_code() => {
                let why = self.reason.as_deref().unwrap_or("nothing more is known");
                Some(format!(
                    "{name} has no exit code, as its job ended as {status} ({why})"
                ))
            }
            ("json", Some(bytes)) if serde_json::from_str::<IgnoredAny>(&self.stdout).is_err() => {
                Some(format!(
                    "what {name} printed was cut after {}, and is not JSON any more",
                    size(bytes)
                ))
            }
            _ => None,
        }
    }
}

fn size(bytes: usize) -> String {
    if bytes > 0 && bytes.is_multiple_of(1024) {
        format!("{} KiB", bytes / 1024)
    } else {
        format!("{bytes} bytes")
    }
}

fn text(text: &str) -> Cow<'static, Value> {
    Cow::Owned(Value::from(text))
}

fn inside<'a>(value: Cow<'a, Value>, rest: &[Segment]) -> Option<Cow<'a, Value>> {
    let [first, rest @ ..] = rest else {
        return Some(value);
    };
    let next = match value {
        Cow::Borrowed(value) => Cow::Borrowed(field(value, first)?),
        Cow::Owned(value) => Cow::Owned(field(&value, first)?.clone()),
    };
    inside(next, rest)
}

/// A number behind a dot is an index where a list stands.
fn field<'a>(value: &'a Value, segment: &Segment) -> Option<&'a Value> {
    match (value, segment) {
        (Value::Object(fields), Segment::Name(name)) => fields.get(name),
        (Value::Array(items), Segment::Index(index)) => items.get(*index),
        (Value::Array(items), Segment::Name(name)) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    }
}

/// Whether a path asks for a secret input: it may be handed on whole, and stand in no text.
pub fn is_secret_input(inputs: &[Parameter], path: &Path) -> bool {
    path.root() == "inputs"
        && matches!(path.rest(), [Segment::Name(name), ..]
            if inputs.iter().any(|input| input.name == *name && input.kind == ParameterType::Secret))
}

/// What can have a value when a step begins, by the step's id: for whoever writes it. The definition may be wrong
/// elsewhere.
pub fn offered(definition: &Definition) -> BTreeMap<String, Vec<String>> {
    let (plan, _) = Plan::sketch(definition, &mut Problems::default());
    let always: Vec<String> = definition
        .inputs
        .iter()
        .map(|input| format!("inputs.{}", input.name))
        .chain(OF_INSTANCE.iter().map(|field| format!("instance.{field}")))
        .collect();
    let flow = Flow::new(&plan);
    let of_step = |step: &usize| {
        let node = &plan.nodes[*step];
        let fields = known_of(&node.kind).iter().filter(|field| **field != "hosts");
        fields.map(|field| format!("step_{}.{field}", node.id))
    };
    plan.nodes
        .iter()
        .zip(&flow.may)
        .map(|(node, before)| {
            let paths = always.iter().cloned().chain(before.iter().flat_map(of_step));
            (node.id.clone(), paths.collect())
        })
        .collect()
}

const fn known_of(kind: &Kind) -> &'static [&'static str] {
    match kind {
        Kind::Hosts { .. } => &OF_JOBS,
        Kind::Approval => &OF_APPROVALS,
        Kind::Conditional { .. } => &["status", "result"],
        Kind::Delay { .. } | Kind::Notify | Kind::Parallel { .. } | Kind::Workflow { .. } => &["status"],
    }
}

/// Whether a step of this kind can leave what a path asks for.
pub(super) fn field_of_step(kind: &Kind, path: &Path) -> Result<(), String> {
    let known = known_of(kind);
    let list = known.join(", ");
    match path.rest() {
        [] => Err(format!("{path} is a step: say what of it, one of {list}")),
        [Segment::Name(field), rest @ ..] if known.contains(&field.as_str()) => {
            match (field.as_str(), rest) {
                ("hosts", [Segment::Name(_), Segment::Name(field), ..])
                    if OF_JOBS.contains(&field.as_str()) && field != "hosts" =>
                {
                    Ok(())
                }
                ("hosts", _) => Err(format!(
                    "{path} is incomplete: write hosts.NAME.stdout, or stderr, exit_code, status, json"
                )),
                ("json", _) | (_, []) => Ok(()),
                _ => Err(format!("{path} goes too deep: {field} is one value")),
            }
        }
        [first, ..] => {
            let written = match first {
                Segment::Name(name) => name.clone(),
                Segment::Index(index) => index.to_string(),
            };
            let hint = nearest(&written, known.iter().copied());
            Err(format!(
                "{path} is nothing that such a step leaves: it leaves {list}{hint}"
            ))
        }
    }
}

/// Whether a path that means no step means anything. `Some`: it does, and is not what it seems.
pub(super) fn of_no_step(inputs: &[Parameter], path: &Path) -> Result<Option<String>, String> {
    match (path.root(), path.rest()) {
        ("inputs", [Segment::Name(name), rest @ ..]) => {
            let Some(input) = inputs.iter().find(|input| input.name == *name) else {
                let hint = nearest(name, inputs.iter().map(|input| input.name.as_str()));
                return Err(format!("{path}: there is no input {name:?}{hint}"));
            };
            if input.kind == ParameterType::Secret {
                return Err(format!(
                    "{path} is secret, and no text may hold it: hand it on whole, as the value of a secret parameter"
                ));
            }
            if rest.is_empty() {
                return Ok(None);
            }
            Err(format!("{path} goes too deep: an input is one value"))
        }
        ("inputs", _) => Err(format!("{path} is incomplete: write inputs.NAME")),
        ("instance", [Segment::Name(name)]) if OF_INSTANCE.contains(&name.as_str()) => Ok(None),
        ("instance", _) => Err(format!(
            "{path} is nothing of an instance: it has {}",
            OF_INSTANCE.join(", ")
        )),
        _ if path.names_secret() => Ok(Some(format!(
            "{path} is always {BLOCKED}: secrets are in no variable"
        ))),
        _ => Err(format!(
            "there is no variable {path}: results of steps are step_ID.…, inputs are inputs.NAME"
        )),
    }
}
