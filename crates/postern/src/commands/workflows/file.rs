//! Workflows as files: what the server reads, and beside it the name, the description and the place.

use std::path::Path;

use postern_api::workflows::WorkflowDetail;
use postern_domain::workflow::Definition;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    commands::{actions::manage::yaml, jobs::request::read_script},
    failure::Failure,
};

/// Fields of a file that are no part of the definition.
const HEADING: [&str; 4] = ["name", "description", "organization", "department"];
/// Where a document of YAML begins.
const BEGIN: &str = "---\n";

#[derive(Debug, PartialEq)]
pub(super) struct WorkflowFile {
    /// Empty where the file has none.
    pub(super) name: String,
    pub(super) description: String,
    pub(super) organization: Option<String>,
    pub(super) department: Option<String>,
    /// Inputs, hosts and steps, as they were written.
    pub(super) definition: Value,
    /// The YAML of the definition with its comments, where the file leaves one: see [`without_heading`].
    pub(super) source: Option<String>,
}

pub(super) fn read(path: &Path) -> Result<WorkflowFile, Failure> {
    let failed = |problem: &str| Failure::usage(format!("{}: {problem}", path.display()));
    let file = parse(&read_script(path)?).map_err(|problem| failed(&problem))?;
    if file.name.is_empty() {
        return Err(failed("has no name: write `name: …` above its steps"));
    }
    Ok(file)
}

/// YAML, of which JSON is a part.
pub(super) fn parse(text: &str) -> Result<WorkflowFile, String> {
    let whole: Value = crate::yaml::parse(text).map_err(|problem| problem.to_string())?;
    let Value::Object(mut fields) = whole else {
        return Err("must be an object with name and steps".to_owned());
    };
    let [name, description, organization, department] = HEADING.map(|field| take(&mut fields, field));
    let definition = Value::Object(fields);
    Ok(WorkflowFile {
        name: name?.unwrap_or_default(),
        description: description?.unwrap_or_default(),
        organization: organization?,
        department: department?,
        source: without_heading(text, &definition),
        definition,
    })
}

fn take(fields: &mut Map<String, Value>, field: &str) -> Result<Option<String>, String> {
    match fields.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        // An id, or a name that is a number.
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(format!("{field} must be a text")),
    }
}

/// The text without the lines of the heading, so that the server keeps it with its comments. It takes no heading, and
/// cutting lines out is right only where each field of the file begins a line. What is left is read again and must be the
/// definition: of JSON, of a file in braces, and of one whose steps use an anchor of the heading it is not, and the
/// definition is sent alone.
fn without_heading(text: &str, definition: &Value) -> Option<String> {
    let mut rest = String::new();
    let mut cut = false;
    for line in text.split_inclusive('\n') {
        let field = HEADING.iter().any(|field| {
            line.strip_prefix(field)
                .is_some_and(|behind| behind.starts_with(':'))
        });
        // Indented and empty lines, and the items of a list, belong to the field above.
        if !line.starts_with([' ', '\t', '\r', '\n']) && !line.starts_with("- ") {
            cut = field;
        }
        if !cut {
            rest.push_str(line);
        }
    }
    let read: Value = serde_saphyr::from_str(&rest).ok()?;
    (read == *definition).then_some(rest)
}

#[derive(Serialize)]
struct Heading<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
}

#[derive(Serialize)]
struct Normal<'a> {
    #[serde(flatten)]
    heading: Heading<'a>,
    #[serde(flatten)]
    definition: &'a Definition,
}

/// The draft as a file that is read as it was written. Its place is left out: the file may be for another server.
pub(super) fn write(detail: &WorkflowDetail) -> Result<String, Failure> {
    let workflow = &detail.workflow;
    let heading = Heading {
        name: &workflow.name,
        description: &workflow.description,
    };
    if let Some(source) = &detail.draft_source {
        let (begin, steps) = match source.strip_prefix(BEGIN) {
            Some(steps) => (BEGIN, steps),
            None => ("", source.as_str()),
        };
        let written = format!("{begin}{}{steps}", yaml(&heading)?);
        let same = |file: WorkflowFile| {
            file.name == workflow.name
                && file.description == workflow.description
                && serde_saphyr::from_str(source).is_ok_and(|said: Value| said == file.definition)
        };
        if parse(&written).is_ok_and(same) {
            return Ok(written);
        }
    }
    yaml(&Normal {
        heading,
        definition: &detail.draft,
    })
}

#[cfg(test)]
mod tests {
    use postern_domain::workflow;
    use serde_json::json;

    use super::*;

    const FILE: &str = "# Of the web team.\n\
        name: rollout   # short\n\
        description: |\n  Asks first.\n\n  Then restarts.\n\n\
        organization: 3\n\n\
        # What it does.\n\
        steps:\n\
        - id: look   # at the load\n  type: command\n  command: uptime\n\
        - {id: wait, type: delay, seconds: 5}\n";
    const SOURCE: &str = "# Of the web team.\n\
        # What it does.\n\
        steps:\n\
        - id: look   # at the load\n  type: command\n  command: uptime\n\
        - {id: wait, type: delay, seconds: 5}\n";

    fn detail(file: &WorkflowFile) -> WorkflowDetail {
        let value = json!({
            "id": 1, "name": file.name, "description": file.description, "organization_id": null, "department_id": null,
            "version": null, "draft_differs": true, "steps": 2, "created_at": "2026-11-22T09:30:00Z", "created_by": "anna",
            "updated_at": "2026-11-22T09:30:00Z", "updated_by": "anna",
            "draft": workflow::read(file.definition.clone()).unwrap(), "draft_sha256": "", "draft_source": file.source,
            "draft_problems": [], "published": null,
        });
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_heading_is_taken_off_and_comments_stay() {
        let file = parse(FILE).unwrap();
        assert_eq!(file.name, "rollout");
        assert_eq!(file.description, "Asks first.\n\nThen restarts.\n");
        assert_eq!(file.organization.as_deref(), Some("3"));
        assert_eq!(file.source.as_deref(), Some(SOURCE));
        assert_eq!(
            file.definition["steps"][1],
            json!({"id": "wait", "type": "delay", "seconds": 5})
        );
    }

    #[test]
    fn a_text_is_sent_only_where_it_says_what_the_definition_says() {
        let json = r#"{"name": "a", "steps": [{"id": "b", "type": "delay", "seconds": 1}]}"#;
        for text in [
            json,
            "{name: a, steps: [{id: b, type: delay, seconds: 1}]}",
            "'name': a\nsteps: [{id: b, type: delay, seconds: 1}]\n",
            "name: &called b\nsteps: [{id: *called, type: delay, seconds: 1}]\n",
        ] {
            let file = parse(text).unwrap();
            assert_eq!(file.source, None, "{text}");
            assert_eq!(
                file.definition,
                json!({"steps": [{"id": "b", "type": "delay", "seconds": 1}]}),
                "{text}"
            );
        }
    }

    #[test]
    fn what_was_written_is_exported_and_read_again_alike() {
        for begin in ["", "---\n"] {
            let file = parse(&format!("{begin}{FILE}")).unwrap();
            let written = write(&detail(&file)).unwrap();
            assert!(written.contains("# at the load"), "{written}");
            let again = parse(&written).unwrap();
            assert_eq!(
                (&again.name, &again.description, &again.definition, &again.source),
                (&file.name, &file.description, &file.definition, &file.source)
            );
        }
    }

    #[test]
    fn a_normal_form_is_exported_where_nothing_was_written() {
        let steps = json!([
            {"id": "all", "type": "parallel", "branches": [
                {"steps": [{"id": "a", "type": "script", "script": "disk", "parameters": {"limit": 9, "path": "/"},
                            "continue_on": {"percent": 50}, "retries": {"count": 2}, "hosts": {"selector": "env=dev"}}]},
                {"steps": [{"id": "b", "type": "command", "argv": ["echo", "{{inputs.x}}"], "continue_on": "any"}]},
            ]},
            {"id": "c", "type": "conditional", "condition": "inputs.x == \"1\"", "on_true": "continue", "on_false": "failed"},
            {"id": "d", "type": "http_request", "url": "https://web1/", "json": {"a": [1, true, null, "1"]}},
        ]);
        let mut file = parse(
            &json!({"name": "a", "description": "yes", "steps": steps,
            "inputs": [{"name": "x", "type": "string", "default": "null"}]})
            .to_string(),
        )
        .unwrap();
        file.source = None;
        let again = parse(&write(&detail(&file)).unwrap()).unwrap();
        assert_eq!((again.name.as_str(), again.description.as_str()), ("a", "yes"));
        assert_eq!(
            workflow::read(again.definition).unwrap(),
            workflow::read(file.definition).unwrap()
        );
    }

    #[test]
    fn a_text_that_is_no_definition_beside_a_heading_is_exported_in_its_normal_form() {
        let mut file = parse(FILE).unwrap();
        file.source = Some("steps: [\n".to_owned());
        let written = write(&detail(&file)).unwrap();
        assert_eq!(parse(&written).unwrap().description, file.description);
    }

    #[test]
    fn what_is_no_workflow_is_refused() {
        for text in ["[]", "7", "name: [a]\nsteps: []", "name: a\nname: b", "steps: ["] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse("steps: []").unwrap().name, "");
    }
}
