//! `postern workflow validate`: the rules that a server holds when it saves, over files and without one. What a workflow
//! names (scripts, hosts, people) only the server knows.

use std::{path::PathBuf, process::ExitCode};

use postern_domain::workflow::{Problem, Severity};
use serde::Serialize;

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
        step: None,
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
    found.extend(postern_server::workflow_problems(file.definition));
    found
}

/// `error at /steps/0/condition, byte 12: step "check": …`
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
    let step = problem
        .step
        .as_ref()
        .map(|id| format!("step {id:?}: "))
        .unwrap_or_default();
    crate::sanitize::line(&format!("{severity}{place}{byte}: {step}{}", problem.message))
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
            "error at /steps/0/on_success: step \"a\": leads to",
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
    fn hosts_that_can_be_none_are_told_with_their_place() {
        let text = "name: a\nhosts: {all: true, selector: env=prod}\nsteps:\n\
                    - {id: a, type: command, command: uptime, hosts: {agents: []}}\n";
        let lines = lines(text);
        for expected in ["error at /hosts:", "error at /steps/0/hosts:"] {
            assert!(
                lines.iter().any(|line| line.starts_with(expected)),
                "{expected}: {lines:#?}"
            );
        }
    }

    #[test]
    fn what_no_job_would_take_is_told_with_its_place() {
        let text = "name: a\nsteps:\n\
                    - {id: a, type: command, command: uptime, environment: {PATH: /tmp}, timeout_seconds: 0}\n\
                    - {id: b, type: http_request, url: 'https://web1/', method: FETCH}\n";
        let lines = lines(text);
        for expected in [
            "error at /steps/0/environment/PATH:",
            "error at /steps/0/timeout_seconds:",
            "error at /steps/1/method:",
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
