//! Definitions as they come in: read from JSON or YAML, checked, and brought into the form that is stored.

use postern_api::{
    FieldProblem,
    workflows::{WorkflowCheck, WorkflowChecked},
};
use postern_domain::{
    fill,
    name::MAX_DESCRIPTION,
    workflow::{Definition, Plan, Problem, Problems, Severity, offered, read},
};
use postern_store::workflows::{self, Saved};
use serde_json::Value;
use serde_saphyr::UserMessageFormatter;

use super::payloads;
use crate::{
    digest::digest,
    error::{Error, Result},
    named::{self, json},
};

/// Bytes of a definition, in JSON or YAML.
const MAX_DEFINITION: usize = 512 * 1024;

/// What is wrong with a definition and what is doubtful; nothing is saved.
pub(super) fn workflow_check(request: WorkflowCheck) -> Result<WorkflowChecked> {
    let value = value_of(request.definition, request.source.as_deref())?;
    let read = read(value);
    let variables = read.as_ref().map(offered).unwrap_or_default();
    Ok(match read.and_then(checked) {
        Ok((definition, warnings)) => WorkflowChecked {
            problems: warnings.0,
            definition: Some(definition),
            variables,
        },
        Err(problems) => WorkflowChecked {
            problems: problems.0,
            definition: None,
            variables,
        },
    })
}

/// What is wrong with a definition and what is doubtful, as far as that is known without a database.
pub(crate) fn problems(definition: Value) -> Vec<Problem> {
    match read(definition).and_then(checked) {
        Ok((_, problems)) | Err(problems) => problems.0,
    }
}

/// A definition that keeps to the rules of workflows and of the jobs that it makes, with what is doubtful about it.
pub(super) fn checked(definition: Definition) -> std::result::Result<(Definition, Problems), Problems> {
    let refused = payloads::refused(&definition);
    let (mut problems, definition) = match Plan::new(definition) {
        Ok((plan, problems)) => (problems, Some(plan.definition)),
        Err(problems) => (problems, None),
    };
    let sound = refused.is_empty();
    for problem in refused {
        let told = |known: &Problem| known.severity == Severity::Error && known.pointer == problem.pointer;
        if !problems.0.iter().any(told) {
            problems.0.push(problem);
        }
    }
    match definition {
        Some(definition) if sound => Ok((definition, problems)),
        _ => Err(problems),
    }
}

/// A definition that was read and checked, with the text it was read from.
pub(super) struct Draft {
    definition: Definition,
    source: Option<String>,
}

impl Draft {
    pub(super) fn read(definition: Option<Value>, source: Option<String>) -> Result<Self> {
        let value = value_of(definition, source.as_deref())?;
        let (definition, _) = read(value)
            .and_then(checked)
            .map_err(|problems| refused(&problems))?;
        Ok(Self { definition, source })
    }

    pub(super) fn of(workflow: &workflows::Workflow) -> Result<Self> {
        Ok(Self {
            definition: definition_of(&workflow.draft)?,
            source: workflow.source.clone(),
        })
    }
}

pub(super) fn saved(name: String, description: String, draft: Draft) -> Result<Saved> {
    named::check(&name, "workflows")?;
    named::check_text("description", &description, MAX_DESCRIPTION)?;
    let text = json(&draft.definition)?;
    if text.len() > MAX_DEFINITION {
        return Err(Error::invalid(
            "definition",
            format!("is longer than {MAX_DEFINITION} bytes"),
        ));
    }
    Ok(Saved {
        name,
        description,
        // Comments count: an edit of nothing else is an edit too.
        digest: digest(format!("{text}\n{}", draft.source.as_deref().unwrap_or_default()).as_bytes()),
        draft: text,
        source: draft.source,
    })
}

/// From JSON or from YAML: one of them.
fn value_of(definition: Option<Value>, source: Option<&str>) -> Result<Value> {
    match (definition, source) {
        (Some(value), None) if json(&value)?.len() > MAX_DEFINITION => Err(Error::invalid(
            "definition",
            format!("is longer than {MAX_DEFINITION} bytes"),
        )),
        (Some(value), None) => Ok(value),
        (None, Some(text)) if text.len() > MAX_DEFINITION => Err(Error::invalid(
            "source",
            format!("is longer than {MAX_DEFINITION} bytes"),
        )),
        (None, Some(text)) => read_yaml(text).map_err(|problem| Error::invalid("source", problem)),
        (None, None) => Err(Error::invalid(
            "definition",
            "is missing: give it as definition, or as YAML in source",
        )),
        (Some(_), Some(_)) => Err(Error::invalid(
            "source",
            "is one too many: give definition or source, not both",
        )),
    }
}

/// What a text says in YAML, of which JSON is a part; or why it says nothing, in one line that ends with the place:
/// `is no YAML: … at line 3, column 7`. The reader's own report draws the text as well, which whoever wrote it has before
/// them.
fn read_yaml(text: &str) -> std::result::Result<Value, String> {
    serde_saphyr::from_str(text).map_err(|error| {
        let problem = error
            .without_snippet()
            .render_with_formatter(&UserMessageFormatter);
        let problem: Vec<&str> = problem.split_whitespace().collect();
        format!("is no YAML: {}", problem.join(" "))
    })
}

/// A draft is checked when it is saved; one that was saved by an older version, or restored, may need more.
pub(super) fn check_kept(draft: &str) -> Result<()> {
    let definition = definition_of(draft)?;
    checked(definition)
        .map(|_| ())
        .map_err(|problems| refused(&problems))
}

fn refused(problems: &Problems) -> Error {
    let errors = problems
        .0
        .iter()
        .filter(|problem| problem.severity == Severity::Error);
    Error::Invalid(
        errors
            .map(|problem| field_problem("definition", problem))
            .collect(),
    )
}

/// As other errors tell of fields. Whoever looks for the step knows it by its id.
pub(super) fn field_problem(of: &str, problem: &Problem) -> FieldProblem {
    let step = problem.step.as_ref().map(|id| format!("step {id:?}: "));
    let byte = problem
        .span
        .as_ref()
        .map(|span| format!(" (at byte {})", span.start));
    FieldProblem {
        field: format!("{of}{}", dotted(&problem.pointer)),
        message: format!(
            "{}{}{}",
            step.unwrap_or_default(),
            problem.message,
            byte.unwrap_or_default()
        ),
    }
}

/// `/steps/0/id` as other errors name fields: `.steps[0].id`.
fn dotted(pointer: &str) -> String {
    let field = fill::field(pointer);
    if field.is_empty() {
        field
    } else {
        format!(".{field}")
    }
}

pub(super) fn definition_of(text: &str) -> Result<Definition> {
    serde_json::from_str(text)
        .map_err(|error| Error::Internal(format!("a workflow in the database: {error}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_that_is_no_yaml_is_told_in_one_line_with_its_place() {
        assert_eq!(read_yaml("{steps: []}"), Ok(json!({"steps": []})));
        for text in [
            "steps: [",
            "steps:\n  - {id: a, type: delay\n  - {id: b}\n",
            "steps:\n- id: a\n  id: b\n",
        ] {
            let problem = read_yaml(text).unwrap_err();
            assert!(problem.starts_with("is no YAML: "), "{problem}");
            assert!(problem.contains(" at line "), "{problem}");
            assert!(!problem.contains(['\n', '|', '^']), "{problem}");
        }
    }
}
