//! What rooms share that save things under a name: the rules of the name and its description, the refusal of a second
//! one, and the form in which they are stored and put on record.

use postern_api::uses::NamedUser;
use postern_domain::name::check_name;

use crate::error::{Error, Result};

/// Things are addressed by name or by id, so a name is no number. `things`: the word for several.
pub(crate) fn check(name: &str, things: &str) -> Result<()> {
    check_name(name).map_err(|error| Error::invalid("name", error))?;
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        let problem = format!("must not be a number: {things} are addressed by name or by id");
        return Err(Error::invalid("name", problem));
    }
    Ok(())
}

/// A text for people of at most so many characters.
pub(crate) fn check_text(field: &'static str, text: &str, most: usize) -> Result<()> {
    if text.chars().count() > most {
        return Err(Error::invalid(field, format!("is longer than {most} characters")));
    }
    Ok(())
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

pub(crate) fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::Internal(error.to_string()))
}

/// What uses an object, as the API tells it.
pub(crate) fn users(rows: Vec<postern_store::uses::NamedUser>) -> Vec<NamedUser> {
    let told = |row: postern_store::uses::NamedUser| NamedUser {
        kind: row.kind,
        id: row.id,
        name: row.name,
    };
    rows.into_iter().map(told).collect()
}

/// `action restart-web (3), schedule nightly (7)`
pub(crate) fn list(users: &[NamedUser]) -> String {
    let named: Vec<String> = users
        .iter()
        .map(|user| format!("{} {} ({})", user.kind, user.name, user.id))
        .collect();
    named.join(", ")
}
