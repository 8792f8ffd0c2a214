//! What rooms share that save things under a name: the rules of the name and its description, the refusal of a second
//! one, and the form in which they are stored, listed and put on record.

use postern_domain::name;

use crate::error::{Error, Result};

/// Things are addressed by name or by id, so a name is no number. `things`: the word for several.
pub(crate) fn check(name: &str, things: &'static str) -> Result<()> {
    name::check_addressed(name, things).map_err(|error| Error::invalid("name", error))
}

/// A text for people of at most so many characters.
pub(crate) fn check_text(field: &'static str, text: &str, most: usize) -> Result<()> {
    name::check_text(text, most).map_err(|problem| Error::invalid(field, problem))
}

/// So many characters of a text, and a sign that there were more.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// `thing`: with its article, as in "a calendar".
pub(crate) fn taken(error: postern_store::Error, thing: &str, name: &str) -> Error {
    match error {
        postern_store::Error::Duplicate(_) => Error::conflict(
            "name_taken",
            format!("There is {thing} {name:?} already. Choose another name."),
        ),
        other => other.into(),
    }
}

/// Completes a list of names, of which there are more than the caller may see.
pub(crate) fn and_hidden(names: &mut Vec<String>, all: usize) {
    let hidden = all.saturating_sub(names.len());
    if hidden > 0 {
        names.push(format!("{hidden} more that you may not see"));
    }
}

pub(crate) fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::Internal(error.to_string()))
}
