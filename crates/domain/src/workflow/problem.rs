//! What is wrong or doubtful in a definition.

use std::ops::Range;

use serde::{Deserialize, Serialize};

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
            span: span.map(Span::from),
            message,
        });
    }

    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|problem| problem.severity == Severity::Error)
    }
}
