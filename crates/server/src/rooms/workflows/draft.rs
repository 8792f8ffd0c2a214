//! Definitions as they come in: read from JSON or YAML, checked, and brought into the form that is stored.

use postern_api::{
    FieldProblem,
    workflows::{WorkflowCheck, WorkflowChecked},
};
use postern_domain::{
    fill,
    targets::Targets,
    workflow::{Definition, Plan, Problem, Problems, Severity, Work, each_step, offered, read},
};
use postern_store::workflows::{self, Saved};
use serde_json::Value;

use crate::{
    error::{Error, Result},
    named::{self, json},
    rooms::{agents::targets::check as check_targets, jobs::run::digest},
};

const MAX_DESCRIPTION: usize = 10_000;
/// Bytes of a definition, in JSON or YAML.
const MAX_DEFINITION: usize = 512 * 1024;

/// What is wrong with a definition and what is doubtful; nothing is saved.
pub(super) fn workflow_check(request: WorkflowCheck) -> Result<WorkflowChecked> {
    let value = value_of(request.definition, request.source.as_deref())?;
    let read = read(value);
    let variables = read.as_ref().map(offered).unwrap_or_default();
    Ok(match read.and_then(Plan::new) {
        Ok((plan, warnings)) => WorkflowChecked {
            problems: [warnings.0, unready(&plan.definition)].concat(),
            definition: Some(plan.definition),
            variables,
        },
        Err(problems) => WorkflowChecked {
            problems: problems.0,
            definition: None,
            variables,
        },
    })
}

/// A definition that was read and checked, with the text it was read from.
pub(super) struct Draft {
    definition: Definition,
    source: Option<String>,
}

impl Draft {
    pub(super) fn read(definition: Option<Value>, source: Option<String>) -> Result<Self> {
        let value = value_of(definition, source.as_deref())?;
        let (plan, _) = read(value)
            .and_then(Plan::new)
            .map_err(|problems| refused(&problems))?;
        let unready = unready(&plan.definition);
        if !unready.is_empty() {
            return Err(refused(&Problems(unready)));
        }
        Ok(Self {
            definition: plan.definition,
            source,
        })
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
        (None, Some(text)) => serde_saphyr::from_str(text)
            .map_err(|error| Error::invalid("source", format!("is no YAML: {error}"))),
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

/// What targets refuse.
fn unready(definition: &Definition) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut add = |pointer: String, message: String| {
        found.push(Problem {
            severity: Severity::Error,
            pointer,
            span: None,
            message,
        });
    };
    targets_of("/hosts", definition.hosts.as_ref(), &mut add);
    each_step(&definition.steps, "/steps", &mut |pointer, step| {
        let own = match &step.work {
            Work::Script(script) => script.on.hosts.as_ref(),
            Work::Command(command) => command.on.hosts.as_ref(),
            Work::HttpRequest(request) => request.on.hosts.as_ref(),
            Work::Workflow(workflow) => workflow.hosts.as_ref(),
            _ => None,
        };
        targets_of(&format!("{pointer}/hosts"), own, &mut add);
    });
    found
}

fn targets_of(pointer: &str, targets: Option<&Targets>, add: &mut impl FnMut(String, String)) {
    if let Some(targets) = targets
        && let Err(Error::Invalid(problems)) = check_targets(targets)
    {
        for problem in problems {
            add(
                pointer.to_owned(),
                format!("{}: {}", problem.field, problem.message),
            );
        }
    }
}

/// A draft is checked when it is saved; what was saved by an older version may need more.
pub(super) fn check_kept(draft: &str) -> Result<()> {
    let definition = definition_of(draft)?;
    Plan::new(definition)
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
            .map(|problem| FieldProblem {
                field: format!("definition{}", dotted(&problem.pointer)),
                message: match &problem.span {
                    Some(span) => format!("{} (at byte {})", problem.message, span.start),
                    None => problem.message.clone(),
                },
            })
            .collect(),
    )
}

/// `/steps/0/id` as other errors name fields: `.steps[0].id`.
pub(super) fn dotted(pointer: &str) -> String {
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
