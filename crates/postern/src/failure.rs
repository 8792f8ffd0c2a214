//! Why a command did not do what was asked, and the exit code that says so.

use std::{fmt::Display, process::ExitCode};

use postern_api::FieldProblem;
use postern_client::{Error, SetupError};
use postern_domain::parameter::{SECRET_IN_PLAIN, SECRET_MISSING};

/// Printed by `postern --help`; scripts rely on it.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    refused or failed: the message says why
  2    the command line is wrong, or it needs a confirmation (--yes)
  3    not signed in, or the token has ended
  4    there is no such object, or you may not see it
  124  job run --wait, --follow: the job ran into its timeout
  125  job run --wait, --follow: Postern could not run it to its end
       (not reachable, refused, cancelled, unknown)
  130  job run --wait, --follow: interrupted; the job goes on
With --wait or --follow and one job, every other code is the job's own.
With several jobs: 0 when all completed, else 1.
workflow run --wait, --follow, instance watch: 0 completed, 1 failed,
125 cancelled, and 125 and 130 as above.

Environment, instead of what `postern login` stored:
  POSTERN_URL         address of the server
  POSTERN_TOKEN       API token
  POSTERN_CA          file with the server's CA certificate
  POSTERN_CONFIG_DIR  folder of the stored login
  NO_COLOR            no colours";

#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line cannot be meant; the text says what to give instead.
    Usage(String),
    NotSignedIn(String),
    NotFound(String),
    /// The server's answer, or its absence.
    Server(Error),
    /// Something on this machine.
    Local(String),
    /// Any failure of a command whose exit code belongs to a job.
    OfPostern(Box<Failure>),
}

impl Failure {
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    pub(crate) fn local(what: impl Display, error: &dyn Display) -> Self {
        Self::Local(format!("{what}: {error}"))
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::NotSignedIn(_) => 3,
            Self::NotFound(_) => 4,
            Self::Server(error) => match error.status() {
                Some(401) => 3,
                Some(404) => 4,
                _ => 1,
            },
            Self::Local(_) => 1,
            Self::OfPostern(_) => 125,
        }
    }

    /// Lines for a person: what happened, which fields, what next.
    pub(crate) fn lines(&self) -> Vec<String> {
        match self {
            Self::Usage(text) | Self::NotSignedIn(text) | Self::NotFound(text) | Self::Local(text) => {
                vec![text.clone()]
            }
            Self::Server(error) => server_lines(error),
            Self::OfPostern(failure) => failure.lines(),
        }
    }
}

fn server_lines(error: &Error) -> Vec<String> {
    let mut lines = vec![error.to_string()];
    match error {
        Error::Problem(problem) => {
            if problem.detail.is_empty() {
                lines[0].clone_from(&problem.title);
            }
            let fields: Vec<String> = problem.errors.iter().map(field_line).collect();
            // The detail of wrong values is those values again, in one line.
            if fields.len() > 1 && problem.detail == detail_of(&problem.errors) {
                lines[0] = format!("the request has {} wrong values:", fields.len());
            }
            if lines != fields {
                lines.extend(fields.into_iter().map(|field| format!("  {field}")));
            }
            if problem.status == 401 {
                lines.push("sign in with `postern login`, or set POSTERN_TOKEN".to_owned());
            }
            if let Some(seconds) = problem.retry_after_seconds {
                lines.push(format!("try again in {seconds} s"));
            }
        }
        Error::Transport { cause, .. } if cause.contains("not trusted") => {
            lines.push(
                "give the server's CA certificate: `postern login URL --ca FILE`, or POSTERN_CA".to_owned(),
            );
        }
        Error::Transport { .. } => {
            lines
                .push("check the address, and that the server is running and reachable from here".to_owned());
        }
        Error::Decode { .. } => {
            lines.push("check the address; `postern version` shows which version this is".to_owned());
        }
    }
    lines
}

fn field_line(field: &FieldProblem) -> String {
    format!("{}: {}", field.field, field.message)
}

/// Wrong values in the words of the server's detail.
fn detail_of(errors: &[FieldProblem]) -> String {
    errors.iter().map(field_line).collect::<Vec<_>>().join("; ")
}

/// A refusal of values in the words of the command line, where each is given by an option: `plain` is that of values that
/// are not secret.
pub(crate) fn by_options(error: Error, plain: &str) -> Error {
    let mut problem = match error {
        Error::Problem(problem) => problem,
        other => return other,
    };
    let told = problem.detail == detail_of(&problem.errors);
    for error in &mut problem.errors {
        let of = |group: &'static str| error.field.strip_prefix(group);
        let Some(name) = of("inputs.")
            .or_else(|| of("parameters."))
            .or_else(|| of("secrets."))
        else {
            continue;
        };
        let option = match error.message.as_str() {
            SECRET_MISSING => {
                "is required".clone_into(&mut error.message);
                "--secret"
            }
            SECRET_IN_PLAIN => {
                error.message = format!("is secret: give it with --secret {name}");
                plain
            }
            _ if error.field.starts_with("secrets.") => "--secret",
            _ => plain,
        };
        error.field = format!("{option} {name}");
    }
    if told {
        problem.detail = detail_of(&problem.errors);
    }
    Error::Problem(problem)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Server(error)
    }
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::Address(_) | SetupError::Ca(_) | SetupError::Credentials => {
                Self::Usage(error.to_string())
            }
            SetupError::Tls(ref cause) => Self::local(&error, cause),
            SetupError::Http(ref cause) => Self::local(&error, cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use postern_api::Problem;

    use super::*;

    fn problem(status: u16) -> Failure {
        Failure::Server(Error::Problem(Box::new(Problem {
            kind: "/docs/errors#x".into(),
            title: "X".into(),
            status,
            code: "x".into(),
            detail: "the name is taken: choose another".into(),
            errors: vec![FieldProblem {
                field: "name".into(),
                message: "is taken".into(),
            }],
            retry_after_seconds: Some(7),
            server_time_us: None,
        })))
    }

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let unreachable = || {
            Failure::Server(Error::Transport {
                url: "https://x".into(),
                cause: "refused".into(),
            })
        };
        let table = [
            (Failure::usage("x"), 2),
            (Failure::NotSignedIn("x".into()), 3),
            (Failure::NotFound("x".into()), 4),
            (problem(401), 3),
            (problem(403), 1),
            (problem(404), 4),
            (problem(409), 1),
            (problem(503), 1),
            (unreachable(), 1),
            (Failure::OfPostern(Box::new(unreachable())), 125),
            (Failure::OfPostern(Box::new(problem(404))), 125),
        ];
        for (failure, code) in table {
            assert_eq!(failure.code(), code, "{failure:?}");
            assert!(
                EXIT_CODES.contains(&format!("\n  {code} ")),
                "{code} is documented"
            );
        }
    }

    #[test]
    fn a_refusal_shows_its_fields_and_what_next() {
        assert_eq!(
            problem(409).lines(),
            [
                "the name is taken: choose another",
                "  name: is taken",
                "try again in 7 s"
            ]
        );
        assert!(
            problem(401)
                .lines()
                .iter()
                .any(|line| line.contains("postern login"))
        );
    }

    fn wrong(fields: &[(&str, &str)]) -> Error {
        let errors: Vec<FieldProblem> = fields
            .iter()
            .map(|(field, message)| FieldProblem {
                field: (*field).into(),
                message: (*message).into(),
            })
            .collect();
        let Failure::Server(Error::Problem(problem)) = problem(422) else {
            panic!("a problem")
        };
        Error::Problem(Box::new(Problem {
            detail: detail_of(&errors),
            errors,
            retry_after_seconds: None,
            ..*problem
        }))
    }

    #[test]
    fn a_wrong_value_is_told_once() {
        let one = wrong(&[("draft.steps[5].approvers", "step \"ask\": names nobody")]);
        assert_eq!(
            Failure::Server(one).lines(),
            ["draft.steps[5].approvers: step \"ask\": names nobody"]
        );
        let two = wrong(&[("name", "is empty"), ("url", "is no address")]);
        assert_eq!(
            Failure::Server(two).lines(),
            [
                "the request has 2 wrong values:",
                "  name: is empty",
                "  url: is no address"
            ]
        );
    }

    #[test]
    fn values_are_told_by_the_options_that_give_them() {
        for (field, message, line) in [
            ("inputs.token", SECRET_MISSING, "--secret token: is required"),
            ("parameters.token", SECRET_MISSING, "--secret token: is required"),
            (
                "inputs.token",
                SECRET_IN_PLAIN,
                "--input token: is secret: give it with --secret token",
            ),
            ("inputs.n", "is not an integer", "--input n: is not an integer"),
            (
                "secrets.n",
                "is no secret input of this workflow",
                "--secret n: is no secret input of this workflow",
            ),
            ("hosts.agents", "name web-9", "hosts.agents: name web-9"),
        ] {
            let told = Failure::Server(by_options(wrong(&[(field, message)]), "--input"));
            assert_eq!(told.lines(), [line]);
        }
    }
}
