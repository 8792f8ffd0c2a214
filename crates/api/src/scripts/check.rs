//! What is wrong with a script whatever else there is: a server asks before it saves one, and so does whoever is about to
//! send several. Whether its libraries are there is another question.

use postern_domain::{
    job::MAX_TIMEOUT_SECONDS,
    name::{MAX_DESCRIPTION, MAX_MESSAGE, check_addressed, check_text},
    parameter,
};
use postern_protocol::payload::{JobPayload, Language, Script};

use super::{ScriptDefinition, ScriptKind};

/// Most libraries that one script links.
const MAX_LIBRARIES: usize = 20;

/// A field and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Its path in a request that creates a script.
    pub field: String,
    pub problem: String,
}

fn wrong(field: impl Into<String>, problem: impl ToString) -> Wrong {
    Wrong {
        field: field.into(),
        problem: problem.to_string(),
    }
}

/// Name, description and the message of a save.
pub fn check_texts(name: &str, description: &str, message: &str) -> Result<(), Wrong> {
    check_addressed(name, "scripts").map_err(|problem| wrong("name", problem))?;
    check_text(description, MAX_DESCRIPTION).map_err(|problem| wrong("description", problem))?;
    check_text(message, MAX_MESSAGE).map_err(|problem| wrong("message", problem))
}

pub fn check_definition(
    kind: ScriptKind,
    language: Language,
    definition: &ScriptDefinition,
) -> Result<(), Wrong> {
    let payload = JobPayload::Script(Script {
        run_as_user: definition.run_as_user.clone(),
        ..Script::new(language, definition.content.as_str())
    });
    payload
        .check()
        .map_err(|error| wrong(format!("definition.{}", error.field), error.problem))?;
    let bare = ScriptDefinition {
        content: definition.content.clone(),
        ..ScriptDefinition::default()
    };
    if kind == ScriptKind::Library && *definition != bare {
        let problem = "has more than content: parameters, libraries, user and timeout belong to the scripts that link it";
        return Err(wrong("definition", problem));
    }
    parameter::check(&definition.parameters)
        .map_err(|error| wrong(format!("definition.parameters.{}", error.name), error.problem))?;
    if definition.libraries.len() > MAX_LIBRARIES {
        let problem = format!("has more than {MAX_LIBRARIES} entries");
        return Err(wrong("definition.libraries", problem));
    }
    match definition.timeout_seconds {
        Some(timeout) if !(1..=MAX_TIMEOUT_SECONDS).contains(&timeout) => Err(wrong(
            "definition.timeout_seconds",
            format!("must be 1 to {MAX_TIMEOUT_SECONDS}"),
        )),
        _ => Ok(()),
    }
}
