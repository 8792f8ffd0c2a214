//! `postern workflow validate`: the rules of the domain over files, without a server. What a workflow names (scripts,
//! hosts, people) only the server knows.

use std::{path::PathBuf, process::ExitCode};

use postern_domain::workflow::{self, Plan, Problem, Severity};
use serde::Serialize;
use serde_json::Value;

use super::file;
use crate::{commands::jobs::request::read_script, failure::Failure, output::Console};

#[derive(Serialize)]
struct Checked {
    file: String,
    problems: Vec<Problem>,
}

impl Checked {
    fn has_errors(&self) -> bool {
        self.problems
            .iter()
            .any(|problem| problem.severity == Severity::Error)
    }
}

/// Exit code 1 when one of the files has an error; warnings are none.
pub(super) fn workflow_validate(files: &[PathBuf], console: &Console) -> Result<ExitCode, Failure> {
    let mut checked = Vec::new();
    for path in files {
        checked.push(Checked {
            file: path.display().to_string(),
            problems: problems(&read_script(path)?),
        });
    }
    console.answer(&checked, |checked| {
        for one in checked {
            for problem in &one.problems {
                console.say(&format!("{}: {}", one.file, line(problem)));
            }
            if one.problems.is_empty() {
                console.note(&format!("{}: no problems found", one.file));
            }
        }
    })?;
    Ok(ExitCode::from(u8::from(checked.iter().any(Checked::has_errors))))
}

fn problems(text: &str) -> Vec<Problem> {
    let error = |pointer: &str, message: String| Problem {
        severity: Severity::Error,
        pointer: pointer.to_owned(),
        span: None,
        message,
    };
    let file = match file::parse(text) {
        Ok(file) => file,
        Err(message) => return vec![error("", message)],
    };
    let mut found = Vec::new();
    if file.name.is_empty() {
        found.push(error(
            "/name",
            "is missing: say how the workflow is called".to_owned(),
        ));
    }
    found.extend(of_definition(file.definition));
    found
}

fn of_definition(definition: Value) -> Vec<Problem> {
    match workflow::read(definition).and_then(Plan::new) {
        Ok((_, doubtful)) => doubtful.0,
        Err(wrong) => wrong.0,
    }
}

/// `error at /steps/0/condition, byte 12: …`
pub(super) fn line(problem: &Problem) -> String {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let place = match problem.pointer.as_str() {
        "" => String::new(),
        pointer => format!(" at {pointer}"),
    };
    let byte = problem
        .span
        .as_ref()
        .map(|span| format!(", byte {}", span.start))
        .unwrap_or_default();
    crate::sanitize::line(&format!("{severity}{place}{byte}: {}", problem.message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        problems(text).iter().map(line).collect()
    }

    #[test]
    fn every_problem_is_told_with_its_place() {
        let text = "steps:\n\
                    - {id: a, type: command, command: 'echo {{step_b.stdout}}', on_success: nowhere}\n\
                    - {id: a, type: delay}\n";
        let lines = lines(text);
        for expected in [
            "error at /name:",
            "error at /steps/0/on_success:",
            "error at /steps/0/command, byte ",
            "error at /steps/1/id:",
            "error at /steps/1/seconds:",
        ] {
            assert!(
                lines.iter().any(|line| line.starts_with(expected)),
                "{expected}: {lines:#?}"
            );
        }
    }

    #[test]
    fn a_doubt_is_a_warning_and_no_error() {
        let text = "name: a\nsteps:\n\
                    - {id: a, type: delay, seconds: 1, on_success: completed}\n\
                    - {id: b, type: delay, seconds: 1}\n";
        let lines = lines(text);
        assert!(
            matches!(lines.as_slice(), [only] if only.starts_with("warning at /steps/1:")),
            "{lines:#?}"
        );
    }

    #[test]
    fn what_cannot_be_read_is_one_error() {
        for text in ["steps: [", "7"] {
            let lines = lines(text);
            assert!(
                matches!(lines.as_slice(), [only] if only.starts_with("error: ")),
                "{lines:#?}"
            );
        }
        assert!(lines("name: a\nsteps: [{id: a, type: delay, seconds: 1}]\n").is_empty());
    }
}
