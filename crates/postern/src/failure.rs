//! Why a command did not do what was asked, and the exit code that says so.

use std::{fmt::Display, process::ExitCode};

use postern_client::{Error, SetupError};

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
            lines.extend(
                problem
                    .errors
                    .iter()
                    .map(|field| format!("  {}: {}", field.field, field.message)),
            );
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
    use postern_api::{FieldProblem, Problem};

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
}
