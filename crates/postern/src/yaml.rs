//! Texts of YAML, of which JSON is a part. What is wrong with one is told with its line and column, in words for those
//! who write such files.

use std::{fmt, path::Path};

use serde::de::DeserializeOwned;
use serde_saphyr::{Error, Location, MessageFormatter as _, UserMessageFormatter};

use crate::failure::Failure;

/// Why a text is not what was asked for, and where, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Line and column, from 1.
    place: Option<(u64, u64)>,
    what: String,
}

pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    serde_saphyr::from_str(text).map_err(|error| Problem::of(&error, text))
}

impl Problem {
    fn of(error: &Error, text: &str) -> Self {
        let place = error
            .location()
            .filter(|location| *location != Location::UNKNOWN)
            .map(|location| (location.line(), location.column()));
        let line = place.and_then(|(line, _)| {
            let above = usize::try_from(line.saturating_sub(1)).ok()?;
            text.lines().nth(above)
        });
        Self {
            place,
            what: what(error.without_snippet(), line.unwrap_or_default()),
        }
    }

    /// The same in a text that has so many more lines above, and columns in front of each line.
    pub(crate) fn inside(self, lines: u64, columns: u64) -> Self {
        Self {
            place: self.place.map(|(line, column)| (line + lines, column + columns)),
            ..self
        }
    }

    /// `jobs.yaml:6:3: unknown field …`
    pub(crate) fn in_file(&self, path: &Path) -> Failure {
        let (path, what) = (path.display(), &self.what);
        Failure::usage(match self.place {
            Some((line, column)) => format!("{path}:{line}:{column}: {what}"),
            None => format!("{path}: {what}"),
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.place {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(&self.what)
    }
}

/// The library speaks to programmers where these are to change their program; here somebody is to change a file.
fn what(error: &Error, line: &str) -> String {
    match error {
        Error::MultipleDocuments { .. } => {
            "has several documents, with `---` between them: write one per file".to_owned()
        }
        Error::NullIntoString { .. } => {
            "a text is missing: write one, in quotes where it is null or ~ itself".to_owned()
        }
        // `cron: * * * * *`, as everybody writes it once.
        Error::ExternalMessage { .. } | Error::UnknownAnchor { .. } if has_bare_star(line) => {
            "a value that begins with '*' is in quotes, as in cron: '*/5 * * * *'".to_owned()
        }
        _ => UserMessageFormatter.format_message(error).into_owned(),
    }
}

fn has_bare_star(line: &str) -> bool {
    line.split_once(": ")
        .is_some_and(|(_, value)| value.trim_start().starts_with('*'))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Plan {
        name: String,
        cron: String,
    }

    fn refused(text: &str) -> String {
        let problem = parse::<Plan>(text).expect_err(text);
        problem.in_file(Path::new("plan.yaml")).lines().concat()
    }

    #[test]
    fn a_problem_is_one_line_with_its_place_and_without_advice_for_programmers() {
        for (text, said) in [
            ("name: a\ncron: b\nnaem: c\n", "plan.yaml:3:1: unknown field"),
            ("name: a\ncron: [\n", "plan.yaml:"),
            ("name: a\ncron: b\n---\nname: b\n", "write one per file"),
            ("name:\ncron: b\n", "a text is missing"),
            ("", "plan.yaml"),
        ] {
            let refused = refused(text);
            assert!(refused.contains(said), "{text:?}: {refused}");
            for internal in ["-->", "from_str", "Option<", "\n", "<input>"] {
                assert!(!refused.contains(internal), "{text:?}: {refused}");
            }
        }
    }

    #[test]
    fn an_expression_without_quotes_gets_the_hint_and_one_with_quotes_is_read() {
        for cron in ["* * * * *", "*/5 * * * *"] {
            let refused = refused(&format!("name: a\ncron: {cron}\n"));
            assert!(
                refused.starts_with("plan.yaml:2:") && refused.contains("is in quotes, as in cron: '*/5"),
                "{refused}"
            );
            let Plan { name, cron: read } = parse(&format!("name: a\ncron: '{cron}'\n")).unwrap();
            assert_eq!((name.as_str(), read.as_str()), ("a", cron));
        }
    }

    #[test]
    fn a_place_inside_another_text_is_told_as_it_is_there() {
        let problem = parse::<Plan>("naem: c\n").expect_err("an unknown field");
        let told = problem.inside(2, 2).to_string();
        assert!(told.starts_with("line 3, column 3: unknown field"), "{told}");
    }
}
