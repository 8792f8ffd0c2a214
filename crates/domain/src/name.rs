//! What a name may look like: agents, users, organizations, parameters.

/// Longest name of an agent, user or organization, in characters.
pub const MAX_NAME: usize = 100;
/// Longest description of what people save under a name, in characters.
pub const MAX_DESCRIPTION: usize = 10_000;
/// Longest message of one save or release, in characters.
pub const MAX_MESSAGE: usize = 500;
/// Longest parameter name.
pub const MAX_PARAMETER_NAME: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("is empty: give 1 to {MAX_NAME} characters")]
    Empty,
    #[error("is longer than {MAX_NAME} characters")]
    TooLong,
    #[error("starts with {0:?}: use letters, digits, '.', '_' and '-', starting with a letter or digit")]
    First(char),
    #[error("contains {0:?}: use letters, digits, '.', '_' and '-', starting with a letter or digit")]
    Character(char),
    #[error("must not be a number: {0} are addressed by name or by id")]
    Number(&'static str),
    #[error(
        "is not a parameter name: use A-Z, a-z, 0-9 and '_', not starting with a digit, at most {MAX_PARAMETER_NAME}"
    )]
    Parameter,
}

/// Names that appear in commands, container names and URLs: `web-1.example`, letters of any script.
pub fn check_name(name: &str) -> Result<(), NameError> {
    let first = name.chars().next().ok_or(NameError::Empty)?;
    if name.chars().count() > MAX_NAME {
        return Err(NameError::TooLong);
    }
    if !first.is_alphanumeric() {
        return Err(NameError::First(first));
    }
    match name
        .chars()
        .find(|c| !(c.is_alphanumeric() || matches!(c, '.' | '_' | '-')))
    {
        Some(bad) => Err(NameError::Character(bad)),
        None => Ok(()),
    }
}

/// As [`check_name`], of things that are addressed by name or by id. `things`: the word for several.
pub fn check_addressed(name: &str, things: &'static str) -> Result<(), NameError> {
    check_name(name)?;
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NameError::Number(things));
    }
    Ok(())
}

/// A text for people of at most so many characters.
pub fn check_text(text: &str, most: usize) -> Result<(), String> {
    if text.chars().count() > most {
        return Err(format!("is longer than {most} characters"));
    }
    Ok(())
}

/// The environment variable that carries a parameter: `threshold` → `PARAM_THRESHOLD`.
pub fn parameter_variable(name: &str) -> Result<String, NameError> {
    let mut bytes = name.bytes();
    let valid = matches!(bytes.next(), Some(b'A'..=b'Z' | b'a'..=b'z' | b'_'))
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.len() <= MAX_PARAMETER_NAME;
    if valid {
        Ok(format!("PARAM_{}", name.to_ascii_uppercase()))
    } else {
        Err(NameError::Parameter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "web-1.example", "Straße_9", &"x".repeat(MAX_NAME)] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        assert_eq!(check_name(""), Err(NameError::Empty));
        assert_eq!(check_name(&"x".repeat(MAX_NAME + 1)), Err(NameError::TooLong));
        assert_eq!(check_name("-rf"), Err(NameError::First('-')));
        assert_eq!(check_name(" a"), Err(NameError::First(' ')));
        assert_eq!(check_name("a b"), Err(NameError::Character(' ')));
        assert_eq!(check_name("a\0"), Err(NameError::Character('\0')));
    }

    #[test]
    fn a_refusal_says_where_the_character_stands() {
        let refusal = |name: &str| check_name(name).unwrap_err().to_string();
        assert!(refusal("-x").starts_with("starts with '-': use letters"));
        assert!(refusal("x/y").starts_with("contains '/': use letters"));
    }

    #[test]
    fn parameters() {
        assert_eq!(parameter_variable("threshold").unwrap(), "PARAM_THRESHOLD");
        assert_eq!(parameter_variable("_x9").unwrap(), "PARAM__X9");
        for bad in [
            "",
            "9x",
            "a-b",
            "a=b",
            "ü",
            "a\0",
            &"x".repeat(MAX_PARAMETER_NAME + 1),
        ] {
            assert_eq!(parameter_variable(bad), Err(NameError::Parameter), "{bad}");
        }
    }
}
