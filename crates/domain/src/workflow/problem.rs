//! What is wrong or doubtful in a definition.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::check::MAX_ID;

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
    /// Id of the step that it is about, the innermost one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
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

    pub(super) fn add(
        &mut self,
        severity: Severity,
        pointer: String,
        span: Option<Range<usize>>,
        message: String,
    ) {
        self.0.push(Problem {
            severity,
            pointer,
            step: None,
            span: span.map(Span::from),
            message,
        });
    }

    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Says of each which step it is about. `definition`: in its normal form, as far as it could be read.
    pub fn name_steps(&mut self, definition: &impl Serialize) {
        if self.0.is_empty() {
            return;
        }
        let Ok(definition) = serde_json::to_value(definition) else {
            return;
        };
        for problem in &mut self.0 {
            problem.step = step_at(&definition, &problem.pointer).map(str::to_owned);
        }
    }
}

/// Id of the innermost step that a pointer leads into. One that is too long for an id is none: it would be repeated with
/// each of its problems.
fn step_at<'a>(definition: &'a Value, pointer: &str) -> Option<&'a str> {
    let item = |list: Option<&'a Value>, number: Option<&str>| list?.get(number?.parse::<usize>().ok()?);
    let mut parts = pointer.split('/').skip(1);
    let mut holder = definition;
    let mut found = None;
    while parts.next() == Some("steps") {
        let Some(step) = item(holder.get("steps"), parts.next()) else {
            break;
        };
        found = step.get("id").and_then(Value::as_str);
        if parts.next() != Some("branches") {
            break;
        }
        let Some(branch) = item(step.get("branches"), parts.next()) else {
            break;
        };
        holder = branch;
    }
    found.filter(|id| (1..=MAX_ID).contains(&id.len()))
}
