//! The two small languages of workflows: *paths* in `{{…}}` inside texts, and *conditions*.
//!
//! Both are parsed when a workflow is saved, before any value exists. Values come later as typed data, fill the places
//! that the parser found, and are never parsed again: not as a path, not as a condition, not as a pattern.

mod condition;
mod evaluate;
mod path;
mod template;
#[cfg(test)]
mod tests;
mod token;

use std::ops::Range;

pub use condition::Condition;
pub use evaluate::{EvaluationError, Variables};
pub use path::{BLOCKED, Path, Segment};
pub(crate) use template::Part;
pub use template::Template;

/// Bytes of one condition.
pub const MAX_CONDITION: usize = 4000;
/// Operands, operators and lists in one condition.
pub const MAX_NODES: usize = 200;
/// Parentheses, brackets and `!` inside each other.
pub const MAX_DEPTH: usize = 32;
/// Names and indices in one path.
pub const MAX_SEGMENTS: usize = 16;
/// Placeholders in one text.
pub const MAX_PLACEHOLDERS: usize = 100;
/// Bytes that a text may have once its placeholders are filled.
pub const MAX_RENDERED: usize = 1024 * 1024;

/// What is wrong with a text, and where in it: bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at byte {})", span.start)]
pub struct SyntaxError {
    pub span: Range<usize>,
    pub message: String,
}

impl SyntaxError {
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
        }
    }

    /// The same in a longer text, in which this one begins at `offset`.
    fn shifted(mut self, offset: usize) -> Self {
        self.span = self.span.start + offset..self.span.end + offset;
        self
    }
}
