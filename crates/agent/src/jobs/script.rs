//! `script`: the text goes into a file that only the user reads who runs it, its parameters into the environment.

use std::{
    ffi::OsString,
    io::Write as _,
    path::{Path, PathBuf},
};

use postern_protocol::payload::{Language, Script};

use super::{Refused, find_program, run_as};
use crate::{durable, platform::Account};

/// Every spelling of an interpreter, the preferred one first, with what goes before the file's name.
const INTERPRETERS: [(Language, &str, &[&str], &[&str]); 3] = [
    (Language::Bash, "bash", &["bash"], &[]),
    (Language::Python, "py", &["python3", "python"], &[]),
    (
        Language::Powershell,
        "ps1",
        &["pwsh", "powershell"],
        &["-NoProfile", "-NonInteractive", "-File"],
    ),
];

/// Languages whose interpreter is here, as the server is told.
pub(crate) fn languages() -> Vec<String> {
    INTERPRETERS
        .iter()
        .filter(|(_, _, names, _)| names.iter().any(|name| find_program(name).is_some()))
        .map(|(language, ..)| word(*language).to_owned())
        .collect()
}

pub(super) fn invocation(
    script: &Script,
    dir: &Path,
    account: Option<&Account>,
) -> Result<(PathBuf, Vec<OsString>), Refused> {
    let (_, ending, names, before) = INTERPRETERS
        .iter()
        .find(|(language, ..)| *language == script.language)
        .ok_or_else(|| missing(script.language, "its interpreter"))?;
    let program = names
        .iter()
        .find_map(|name| find_program(name))
        .ok_or_else(|| missing(script.language, &names.join(" or ")))?;
    let file = dir.join(format!("script.{ending}"));
    durable::private(&file)
        .and_then(|mut open| open.write_all(script.content.as_bytes()))
        .and_then(|()| account.map_or(Ok(()), |account| run_as::hand_over(&file, account)))
        .map_err(|error| Refused(format!("the script could not be written to disk: {error}")))?;
    let mut arguments: Vec<OsString> = before.iter().map(OsString::from).collect();
    arguments.push(file.into());
    Ok((program, arguments))
}

/// `PARAM_<name>` as it was given and, when that differs, in capitals with `_` for what a shell cannot name.
pub(super) fn parameter(name: &str, value: &str) -> Result<Vec<(String, OsString)>, Refused> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(Refused(format!(
            "parameter '{name}' cannot be handed over: its name is empty or contains '=' or NUL"
        )));
    }
    let capital: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect();
    let mut both = Vec::with_capacity(2);
    if capital != name {
        both.push((format!("PARAM_{capital}"), value.into()));
    }
    both.push((format!("PARAM_{name}"), value.into()));
    Ok(both)
}

fn missing(language: Language, names: &str) -> Refused {
    Refused(format!(
        "this host cannot run {} scripts: {names} was not found",
        word(language)
    ))
}

const fn word(language: Language) -> &'static str {
    match language {
        Language::Bash => "bash",
        Language::Python => "python",
        Language::Powershell => "powershell",
    }
}
