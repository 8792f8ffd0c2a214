//! Whether jobs would take what the steps of a definition say: each payload is made with a sample in the place of every
//! value, and looked at by the check that the job itself has to pass.

use std::borrow::Cow;

use postern_api::FieldProblem;
use postern_domain::{
    expression::{Path, Variables},
    fill::escaped,
    workflow::{Definition, Problem, Severity, Work, each_step},
};
use postern_protocol::payload::{JobPayload, Language, Script};
use serde_json::Value;

use super::work::{command_of, request_of};
use crate::error::{Error, Result};

/// Any value.
pub(super) struct Sample;

impl Variables for Sample {
    fn value(&self, _: &Path) -> Option<Cow<'_, Value>> {
        Some(Cow::Owned(Value::from("x")))
    }
}

/// What jobs would refuse, at most one thing of each step.
pub(super) fn refused(definition: &Definition) -> Vec<Problem> {
    let mut found = Vec::new();
    each_step(&definition.steps, "/steps", &mut |pointer, step| {
        if let Some(FieldProblem { field, message }) = problem(&step.work) {
            found.push(Problem {
                severity: Severity::Error,
                pointer: format!("{pointer}/{}", place(&step.work, &field)),
                step: Some(step.id.clone()),
                span: None,
                message,
            });
        }
    });
    found
}

fn problem(work: &Work) -> Option<FieldProblem> {
    match payload(work)? {
        Ok(payload) => payload.check().err().map(|error| FieldProblem {
            field: error.field,
            message: error.problem,
        }),
        // Texts that cannot be read.
        Err(Error::Invalid(problems)) => problems.into_iter().next(),
        Err(other) => Some(FieldProblem {
            field: "type".to_owned(),
            message: other.to_string(),
        }),
    }
}

fn payload(work: &Work) -> Option<Result<JobPayload>> {
    match work {
        Work::Command(command) if command.command.is_some() == command.argv.is_empty() => {
            Some(command_of(&Sample, command).map(JobPayload::Command))
        }
        Work::HttpRequest(request) => Some(request_of(&Sample, request).map(JobPayload::HttpRequest)),
        // The rest of it is the saved script's.
        Work::Script(script) => Some(Ok(JobPayload::Script(Script {
            run_as_user: script.on.run_as_user.clone(),
            ..Script::new(Language::Bash, "true")
        }))),
        _ => None,
    }
}

/// Where in the step a field of its payload is written down: `argv[1]` → `argv/1`, `environment.A` → `environment/A`.
fn place(work: &Work, field: &str) -> String {
    let index = |field: &str| {
        let (name, index) = field.strip_suffix(']')?.split_once('[')?;
        Some((name.to_owned(), index.to_owned()))
    };
    let (name, inside) = match field.split_once('.') {
        Some((name, key)) => (name.to_owned(), Some(escaped(key))),
        None => match index(field) {
            Some((name, index)) => (name, Some(index)),
            None => (field.to_owned(), None),
        },
    };
    match (work, name.as_str(), inside) {
        // Cut from one text.
        (Work::Command(command), "argv", _) if command.command.is_some() => "command".to_owned(),
        (Work::HttpRequest(request), "body", _) if request.json.is_some() => "json".to_owned(),
        (_, name, Some(inside)) => format!("{name}/{inside}"),
        (_, name, None) => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use postern_domain::workflow::read;
    use serde_json::json;

    use super::*;

    fn told(step: &Value) -> Vec<String> {
        let definition = read(json!({"steps": [step]})).unwrap();
        let problems = refused(&definition);
        problems
            .into_iter()
            .map(|problem| format!("{}: {}", problem.pointer, problem.message))
            .collect()
    }

    fn command(field: &str, value: Value) -> Value {
        let mut step = json!({"id": "a", "type": "command", "argv": ["echo", "{{step_b.stdout}}"]});
        step[field] = value;
        step
    }

    fn request(field: &str, value: Value) -> Value {
        let mut step = json!({"id": "a", "type": "http_request", "url": "https://web1/{{step_b.stdout}}"});
        step[field] = value;
        step
    }

    #[test]
    fn what_jobs_refuse_is_told_at_its_place() {
        for (step, pointer, part) in [
            (
                command("environment", json!({"PATH": "/x"})),
                "/steps/0/environment/PATH",
                "set by the agent",
            ),
            (
                command("environment", json!({"": "x"})),
                "/steps/0/environment/",
                "1 to 100 of",
            ),
            (
                command("environment", json!({"A=B": "x"})),
                "/steps/0/environment/A=B",
                "1 to 100 of",
            ),
            (
                command("environment", json!({"A/B": "x"})),
                "/steps/0/environment/A~1B",
                "1 to 100 of",
            ),
            (
                command("environment", json!({"A": "\0{{step_b.stdout}}"})),
                "/steps/0/environment/A",
                "a NUL byte",
            ),
            (
                command("argv", json!(["echo", "a\0"])),
                "/steps/0/argv/1",
                "a NUL byte",
            ),
            (
                json!({"id": "a", "type": "command", "command": "echo 'a\0'"}),
                "/steps/0/command",
                "a NUL byte",
            ),
            (command("shell", json!(true)), "/steps/0/argv", "exactly one text"),
            (
                command("run_as_user", json!("-root")),
                "/steps/0/run_as_user",
                "an account's name",
            ),
            (
                command("working_directory", json!("")),
                "/steps/0/working_directory",
                "is not a path",
            ),
            (
                json!({"id": "a", "type": "script", "script": "s", "run_as_user": "a b"}),
                "/steps/0/run_as_user",
                "an account's name",
            ),
            (
                request("method", json!("FETCH")),
                "/steps/0/method",
                "must be one of GET",
            ),
            (
                request("expected_status", json!([200, 9999])),
                "/steps/0/expected_status/1",
                "100 to 599",
            ),
            (
                request("url", json!("ftp://web1")),
                "/steps/0/url",
                "must start with http",
            ),
            (
                request("headers", json!({"Host:": "x"})),
                "/steps/0/headers/Host:",
                "is not a header's name",
            ),
            (
                request("json", json!("x".repeat(1024 * 1024))),
                "/steps/0/json",
                "is larger than",
            ),
            (
                request("max_redirects", json!(11)),
                "/steps/0/max_redirects",
                "must be 0 to 10",
            ),
            (request("extra_ca", json!("AAAA")), "/steps/0/extra_ca", "in PEM"),
        ] {
            let told = told(&step);
            let [only] = told.as_slice() else {
                panic!("{step}: {told:?}")
            };
            assert!(only.starts_with(&format!("{pointer}: ")), "{only}");
            assert!(only.contains(part), "{only}");
        }
    }

    #[test]
    fn what_jobs_take_is_left_alone() {
        for step in [
            command("environment", json!({"VALUE": "{{step_b.stdout}}"})),
            command("argv", json!(["{{step_b.stdout}}"])),
            request("headers", json!({"X-Found": "{{step_b.stdout}}"})),
            request("json", json!({"found": ["{{step_b.stdout}}"]})),
            json!({"id": "a", "type": "script", "script": "s", "run_as_user": "deploy"}),
            // Told by the rules of workflows already.
            json!({"id": "a", "type": "command"}),
        ] {
            assert_eq!(told(&step), Vec::<String>::new(), "{step}");
        }
    }

    #[test]
    fn steps_of_branches_are_looked_at() {
        let bad = json!({"id": "a", "type": "http_request", "url": "https://a", "method": "get"});
        let beside = json!({"id": "b", "type": "delay", "seconds": 1});
        let told = told(&json!({"id": "p", "type": "parallel", "branches": [[beside], [bad]]}));
        assert!(
            told[0].starts_with("/steps/0/branches/1/steps/0/method: "),
            "{told:?}"
        );
    }
}
