//! Labels of agents: `key=value` pairs a team sorts its hosts by.

use std::collections::BTreeMap;

/// Labels of one agent; a key has one value.
pub type Labels = BTreeMap<String, String>;

pub const MAX_LABELS: usize = 64;
pub const MAX_KEY: usize = 63;
pub const MAX_VALUE: usize = 255;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    #[error("{0:?} is not key=value")]
    NoEquals(String),
    #[error(
        "label key {0:?}: use 1 to {MAX_KEY} of a-z, A-Z, 0-9, '.', '_', '-', '/', starting with a letter or digit"
    )]
    Key(String),
    #[error("value of label {0:?} is longer than {MAX_VALUE} characters or has control characters")]
    Value(String),
    #[error("more than {MAX_LABELS} labels")]
    TooMany,
}

/// Reads `key=value`; the value may be empty and may contain `=`.
pub fn parse_pair(text: &str) -> Result<(String, String), LabelError> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| LabelError::NoEquals(text.to_owned()))?;
    check_pair(key, value)?;
    Ok((key.to_owned(), value.to_owned()))
}

pub fn check(labels: &Labels) -> Result<(), LabelError> {
    if labels.len() > MAX_LABELS {
        return Err(LabelError::TooMany);
    }
    labels.iter().try_for_each(|(key, value)| check_pair(key, value))
}

/// Whether an agent with these labels has every wanted pair.
pub fn matches(labels: &Labels, wanted: &Labels) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

fn check_pair(key: &str, value: &str) -> Result<(), LabelError> {
    let shape = key
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b));
    if !shape || key.len() > MAX_KEY || !key.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(LabelError::Key(key.to_owned()));
    }
    if value.chars().count() > MAX_VALUE || value.chars().any(char::is_control) {
        return Err(LabelError::Value(key.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_split_at_the_first_equals_sign() {
        assert_eq!(parse_pair("env=prod").unwrap(), ("env".into(), "prod".into()));
        assert_eq!(parse_pair("env=").unwrap(), ("env".into(), String::new()));
        assert_eq!(parse_pair("q=a=b").unwrap(), ("q".into(), "a=b".into()));
    }

    #[test]
    fn bounds_and_bad_characters() {
        assert!(matches!(parse_pair("env"), Err(LabelError::NoEquals(_))));
        for key in ["", "-x", "a b", &"k".repeat(MAX_KEY + 1)] {
            assert!(
                matches!(parse_pair(&format!("{key}=v")), Err(LabelError::Key(_))),
                "{key}"
            );
        }
        assert!(parse_pair(&format!("k={}", "v".repeat(MAX_VALUE))).is_ok());
        assert!(matches!(
            parse_pair(&format!("k={}", "v".repeat(MAX_VALUE + 1))),
            Err(LabelError::Value(_))
        ));
        assert!(matches!(parse_pair("k=\u{7}"), Err(LabelError::Value(_))));
        let many: Labels = (0..=MAX_LABELS)
            .map(|i| (format!("k{i}"), String::new()))
            .collect();
        assert_eq!(check(&many), Err(LabelError::TooMany));
    }

    #[test]
    fn every_wanted_pair_must_be_there() {
        let labels = Labels::from([("env".into(), "prod".into()), ("role".into(), "web".into())]);
        let wanted = |pairs: &[(&str, &str)]| {
            matches(
                &labels,
                &pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            )
        };
        assert!(wanted(&[]));
        assert!(wanted(&[("env", "prod"), ("role", "web")]));
        assert!(!wanted(&[("env", "prod"), ("role", "db")]));
        assert!(!wanted(&[("zone", "a")]));
    }
}
