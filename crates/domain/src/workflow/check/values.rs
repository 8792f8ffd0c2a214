//! The placeholders in what a step says: whether they can be read, and whether what they name can have a value there.

use std::{collections::BTreeMap, ops::Range};

use serde_json::Value;

use super::Place;
use crate::{
    expression::{Path, SyntaxError, Template},
    fill::escaped,
    workflow::{plan::nearest, problem::Severity, variables},
};

impl Place<'_> {
    pub(super) fn values(&mut self, field: &str, values: &BTreeMap<String, Value>) {
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
    pub(super) fn value(&mut self, field: &str, value: &Value) {
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

    pub(super) fn text(&mut self, field: &str, text: &str) {
        match Template::parse(text) {
            Err(error) => self.misread(field, error),
            Ok(template) => self.paths(field, template.paths()),
        }
    }

    /// What cannot be read says where.
    pub(super) fn misread(&mut self, field: &str, error: SyntaxError) {
        let pointer = self.at(field);
        self.problems
            .add(Severity::Error, pointer, Some(error.span), error.message);
    }

    pub(super) fn paths<'p>(
        &mut self,
        field: &str,
        paths: impl IntoIterator<Item = (&'p Path, Range<usize>)>,
    ) {
        for (path, span) in paths {
            self.path(field, path, span);
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
