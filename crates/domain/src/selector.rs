//! Label selectors: `env=prod,role in (web,api),!canary`. Parts are joined by *and*.
//!
//! As in Kubernetes, whose users know them: `key=value` (or `==`), `key!=value`, `key in (a,b)`, `key notin (a,b)`,
//! `key`, `!key`. The negative forms also match hosts that do not have the key at all.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::label::{Labels, MAX_KEY, MAX_VALUE};

/// Parts of one selector, and values of one part.
pub const MAX_PARTS: usize = 20;
pub const MAX_VALUES: usize = 100;
/// Longest text.
pub const MAX_BYTES: usize = 4096;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub key: String,
    pub test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// The label has one of these values.
    In(Vec<String>),
    /// It has none of them, or is not there.
    NotIn(Vec<String>),
    Present,
    Absent,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    #[error("is empty: write for example env=prod,role in (web,api),!canary")]
    Empty,
    #[error("is longer than {MAX_BYTES} bytes")]
    TooLong,
    #[error("has more than {MAX_PARTS} parts")]
    TooManyParts,
    #[error("{0:?} has more than {MAX_VALUES} values")]
    TooManyValues(String),
    #[error("{0:?} is not understood: use key=value, key!=value, key in (a,b), key notin (a,b), key or !key")]
    Part(String),
    #[error(
        "label key {0:?}: use 1 to {MAX_KEY} of a-z, A-Z, 0-9, '.', '_', '-', '/', starting with a letter or digit"
    )]
    Key(String),
    #[error("value {0:?} is longer than {MAX_VALUE} characters, or has control characters or one of , ( )")]
    Value(String),
}

impl Selector {
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|part| {
            let value = labels.get(&part.key);
            match &part.test {
                Test::In(values) => value.is_some_and(|value| values.contains(value)),
                Test::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
                Test::Present => value.is_some(),
                Test::Absent => value.is_none(),
            }
        })
    }
}

impl FromIterator<Part> for Selector {
    fn from_iter<T: IntoIterator<Item = Part>>(parts: T) -> Self {
        Self(parts.into_iter().collect())
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        if text.len() > MAX_BYTES {
            return Err(SelectorError::TooLong);
        }
        if text.trim().is_empty() {
            return Err(SelectorError::Empty);
        }
        let parts = split(text).into_iter().map(part).collect::<Result<Vec<_>, _>>()?;
        if parts.len() > MAX_PARTS {
            return Err(SelectorError::TooManyParts);
        }
        Ok(Self(parts))
    }
}

/// At the commas outside parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut begin, mut inside) = (0, false);
    for (index, c) in text.char_indices() {
        match c {
            '(' => inside = true,
            ')' => inside = false,
            ',' if !inside => {
                parts.push(&text[begin..index]);
                begin = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

fn part(text: &str) -> Result<Part, SelectorError> {
    let text = text.trim();
    let wrong = || SelectorError::Part(text.to_owned());
    if let Some(list) = text.strip_suffix(')') {
        let (head, list) = list.split_once('(').ok_or_else(wrong)?;
        let mut words = head.split_whitespace();
        let (key, word) = (words.next().ok_or_else(wrong)?, words.next().ok_or_else(wrong)?);
        if words.next().is_some() {
            return Err(wrong());
        }
        let values = list.split(',').map(value).collect::<Result<Vec<_>, _>>()?;
        if values.len() > MAX_VALUES {
            return Err(SelectorError::TooManyValues(key.to_owned()));
        }
        let test = match word {
            "in" => Test::In(values),
            "notin" => Test::NotIn(values),
            _ => return Err(wrong()),
        };
        return Ok(Part {
            key: checked(key)?,
            test,
        });
    }
    if let Some(key) = text.strip_prefix('!') {
        let key = checked(key.trim())?;
        return Ok(Part {
            key,
            test: Test::Absent,
        });
    }
    // The value may hold `=` and `!`; the key holds neither, so the first operator counts.
    let Some(at) = text.find('=') else {
        return Ok(Part {
            key: checked(text)?,
            test: Test::Present,
        });
    };
    let (head, tail) = (&text[..at], &text[at + 1..]);
    let (key, test) = match head.strip_suffix('!') {
        Some(key) => (key, Test::NotIn(vec![value(tail)?])),
        None => (
            head,
            Test::In(vec![value(tail.strip_prefix('=').unwrap_or(tail))?]),
        ),
    };
    Ok(Part {
        key: checked(key.trim())?,
        test,
    })
}

fn checked(key: &str) -> Result<String, SelectorError> {
    let pair = crate::label::parse_pair(&format!("{key}="));
    pair.map(|(key, _)| key)
        .map_err(|_| SelectorError::Key(key.to_owned()))
}

fn value(text: &str) -> Result<String, SelectorError> {
    let text = text.trim();
    let bad = text.chars().count() > MAX_VALUE || text.chars().any(|c| c.is_control() || "(),".contains(c));
    if bad {
        Err(SelectorError::Value(text.to_owned()))
    } else {
        Ok(text.to_owned())
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            let key = &part.key;
            match &part.test {
                // Or its first letter would be read as part of the sign.
                Test::In(values) if values.len() == 1 && values[0].starts_with('=') => {
                    write!(f, "{key}=={}", values[0])?;
                }
                Test::In(values) if values.len() == 1 => write!(f, "{key}={}", values[0])?,
                Test::NotIn(values) if values.len() == 1 => write!(f, "{key}!={}", values[0])?,
                Test::In(values) => write!(f, "{key} in ({})", values.join(","))?,
                Test::NotIn(values) => write!(f, "{key} notin ({})", values.join(","))?,
                Test::Present => f.write_str(key)?,
                Test::Absent => write!(f, "!{key}")?,
            }
        }
        Ok(())
    }
}

impl Serialize for Selector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()
    }

    #[test]
    fn each_form_matches_what_it_says() {
        let web = labels(&[("env", "prod"), ("role", "web")]);
        let canary = labels(&[("env", "prod"), ("role", "api"), ("canary", "yes")]);
        let bare = labels(&[]);
        for (text, expected) in [
            ("env=prod", [true, true, false]),
            ("env==prod", [true, true, false]),
            ("env != prod", [false, false, true]),
            ("role in (web, api)", [true, true, false]),
            ("role notin (web)", [false, true, true]),
            ("canary", [false, true, false]),
            ("!canary", [true, false, true]),
            ("env=prod,role in (web,api),!canary", [true, false, false]),
            ("env=", [false, false, false]),
            ("env===", [false, false, false]),
            ("env!==", [true, true, true]),
        ] {
            let selector: Selector = text.parse().unwrap();
            let found = [&web, &canary, &bare].map(|labels| selector.matches(labels));
            assert_eq!(found, expected, "{text}");
            assert_eq!(
                selector.to_string().parse::<Selector>().unwrap(),
                selector,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (text, part) in [
            ("", "empty"),
            ("env=prod,", "label key"),
            ("role in (a", "label key"),
            ("role near (a)", "is not understood"),
            ("in (a)", "is not understood"),
            ("a b=c", "label key"),
            ("!", "label key"),
            ("env=a(b", "value"),
            ("=x", "label key"),
        ] {
            let error = text.parse::<Selector>().expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn bounds_at_and_beyond() {
        let many = |count: usize| vec!["a"; count].join(",");
        assert!(many(MAX_PARTS).parse::<Selector>().is_ok());
        assert_eq!(
            many(MAX_PARTS + 1).parse::<Selector>(),
            Err(SelectorError::TooManyParts)
        );
        let list = |count: usize| format!("a in ({})", vec!["b"; count].join(","));
        assert!(list(MAX_VALUES).parse::<Selector>().is_ok());
        assert!(matches!(
            list(MAX_VALUES + 1).parse::<Selector>(),
            Err(SelectorError::TooManyValues(_))
        ));
        assert_eq!(
            "a".repeat(MAX_BYTES + 1).parse::<Selector>(),
            Err(SelectorError::TooLong)
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_its_form_is_stable(text in "[a-z!=() ,.é-]{0,40}") {
            if let Ok(selector) = text.parse::<Selector>() {
                prop_assert_eq!(selector.to_string().parse::<Selector>().unwrap(), selector);
            }
        }
    }
}
