//! Values of open parameters put into their places in a saved operation.
//!
//! A place is a JSON Pointer (RFC 6901) into the operation's payload. A value fills a place as a whole and keeps the type
//! of its parameter: nothing is put together as text, and nothing given is read as code.

use serde_json::Value;

use crate::parameter::{Parameter, ParameterType};

/// Longest pointer.
pub const MAX_POINTER: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    #[error("is not a place: give a JSON Pointer of at most {MAX_POINTER} bytes, like /service or /argv/1")]
    Pointer,
    #[error("names a place inside something that is not there: give the operation a value there first")]
    Nowhere,
    #[error("names place {0} of a shorter list: give the operation a value there first")]
    Index(String),
}

impl ParameterType {
    /// A checked text as the value that a typed field takes.
    pub fn value(self, text: &str) -> Value {
        match self {
            Self::String | Self::Choice | Self::Secret => Value::from(text),
            Self::Integer => text.parse::<i64>().map_or(Value::Null, Value::from),
            Self::Number => match text.parse::<i64>() {
                Ok(whole) => Value::from(whole),
                Err(_) => text.parse::<f64>().map_or(Value::Null, Value::from),
            },
            Self::Boolean => Value::from(text == "true"),
        }
    }
}

/// What a place is tried with before anybody gives a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Samples {
    /// Values that it will have: a place that refuses one of them cannot work.
    Real(Vec<String>),
    /// One of the right type, and no more than that.
    Likely(String),
}

impl Parameter {
    pub fn samples(&self) -> Samples {
        if !self.choices.is_empty() {
            return Samples::Real(self.choices.clone());
        }
        if let Some(default) = &self.default {
            let text = default
                .as_str()
                .map_or_else(|| default.to_string(), str::to_owned);
            return Samples::Real(vec![text]);
        }
        match self.kind {
            ParameterType::Boolean => Samples::Real(vec!["true".into(), "false".into()]),
            ParameterType::String | ParameterType::Choice | ParameterType::Secret => {
                Samples::Likely("x".into())
            }
            ParameterType::Integer | ParameterType::Number => {
                let near = self.minimum.map(f64::ceil).or(self.maximum.map(f64::floor));
                Samples::Likely(near.unwrap_or(1.0).to_string())
            }
        }
    }
}

/// Puts a value at a place: as a text where a text stands, else by its type. A field that is absent from an object is
/// added; lists are not made longer.
pub fn fill(payload: &mut Value, pointer: &str, kind: ParameterType, text: &str) -> Result<(), FillError> {
    let (inside, last) = split(pointer)?;
    let value = match payload.pointer(pointer) {
        Some(Value::String(_)) => Value::from(text),
        _ => kind.value(text),
    };
    match payload.pointer_mut(inside).ok_or(FillError::Nowhere)? {
        Value::Object(fields) => {
            fields.insert(last, value);
            Ok(())
        }
        Value::Array(items) => {
            let index: Option<usize> = last.parse().ok();
            let item = index.and_then(|index| items.get_mut(index));
            *item.ok_or(FillError::Index(last))? = value;
            Ok(())
        }
        _ => Err(FillError::Nowhere),
    }
}

/// The pointer of what holds the place, and the name of the place in it.
fn split(pointer: &str) -> Result<(&str, String), FillError> {
    if pointer.len() > MAX_POINTER || pointer.contains('\0') {
        return Err(FillError::Pointer);
    }
    let (inside, last) = pointer.rsplit_once('/').ok_or(FillError::Pointer)?;
    if last.is_empty() || !(inside.is_empty() || inside.starts_with('/')) {
        return Err(FillError::Pointer);
    }
    Ok((inside, last.replace("~1", "/").replace("~0", "~")))
}

/// A name as RFC 6901 writes it in a pointer.
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A place as errors of payloads name fields: `/argv/1` → `argv[1]`.
pub fn field(pointer: &str) -> String {
    let mut field = String::new();
    for part in pointer.split('/').skip(1) {
        if part.parse::<usize>().is_ok() {
            field.push_str(&format!("[{part}]"));
            continue;
        }
        if !field.is_empty() {
            field.push('.');
        }
        field.push_str(&part.replace("~1", "/").replace("~0", "~"));
    }
    field
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(pointer: &str, kind: ParameterType, text: &str) -> Result<Value, FillError> {
        let mut payload = json!({"argv": ["echo", "a"], "environment": {}, "a/b": 1, "shell": false});
        fill(&mut payload, pointer, kind, text).map(|()| payload)
    }

    #[test]
    fn a_value_takes_its_place_as_a_whole() {
        let payload = filled("/argv/1", ParameterType::String, "$(reboot); 'x'").unwrap_or_default();
        assert_eq!(payload["argv"], json!(["echo", "$(reboot); 'x'"]));
        let payload = filled("/shell", ParameterType::Boolean, "true").unwrap_or_default();
        assert_eq!(payload["shell"], json!(true));
        let payload = filled("/a~1b", ParameterType::Integer, "2").unwrap_or_default();
        assert_eq!(payload["a/b"], json!(2));
    }

    #[test]
    fn where_a_text_stands_a_number_is_a_text() {
        let payload = filled("/argv/1", ParameterType::Integer, "42").unwrap_or_default();
        assert_eq!(payload["argv"], json!(["echo", "42"]));
    }

    #[test]
    fn a_field_that_is_absent_is_added_to_its_object() {
        let payload = filled("/environment/LEVEL", ParameterType::String, "9").unwrap_or_default();
        assert_eq!(payload["environment"], json!({"LEVEL": "9"}));
        let payload = filled("/stdin", ParameterType::String, "x").unwrap_or_default();
        assert_eq!(payload["stdin"], json!("x"));
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for (pointer, error) in [
            ("", FillError::Pointer),
            ("argv", FillError::Pointer),
            ("argv/1", FillError::Pointer),
            ("/argv/", FillError::Pointer),
            ("/a\0", FillError::Pointer),
            ("/argv/2", FillError::Index("2".into())),
            ("/argv/-", FillError::Index("-".into())),
            ("/argv/1/x", FillError::Nowhere),
            ("/missing/x", FillError::Nowhere),
        ] {
            assert_eq!(
                filled(pointer, ParameterType::String, "v"),
                Err(error),
                "{pointer}"
            );
        }
        let long = |bytes: usize| filled(&format!("/{}", "x".repeat(bytes - 1)), ParameterType::String, "v");
        assert!(long(MAX_POINTER).is_ok());
        assert_eq!(long(MAX_POINTER + 1), Err(FillError::Pointer));
    }

    #[test]
    fn values_keep_the_type_of_their_parameter() {
        use ParameterType::{Boolean, Choice, Integer, Number, Secret, String};
        for (kind, text, value) in [
            (String, "7", json!("7")),
            (Choice, "restart", json!("restart")),
            (Secret, "s", json!("s")),
            (Integer, "-7", json!(-7)),
            (Number, "7", json!(7)),
            (Number, "0.5", json!(0.5)),
            (Boolean, "true", json!(true)),
            (Boolean, "false", json!(false)),
        ] {
            assert_eq!(kind.value(text), value, "{text}");
        }
    }

    #[test]
    fn places_are_tried_with_what_they_will_have() {
        let parameter =
            |text: &str| serde_json::from_str::<Parameter>(text).unwrap_or_else(|error| panic!("{error}"));
        let real = |texts: &[&str]| Samples::Real(texts.iter().map(|text| (*text).to_owned()).collect());
        for (text, samples) in [
            (
                r#"{"name":"p","type":"choice","choices":["a","b"],"default":"b"}"#,
                real(&["a", "b"]),
            ),
            (r#"{"name":"p","type":"integer","default":5}"#, real(&["5"])),
            (r#"{"name":"p","type":"boolean"}"#, real(&["true", "false"])),
            (r#"{"name":"p","type":"string"}"#, Samples::Likely("x".into())),
            (
                r#"{"name":"p","type":"integer","minimum":2.5}"#,
                Samples::Likely("3".into()),
            ),
            (
                r#"{"name":"p","type":"number","maximum":0}"#,
                Samples::Likely("0".into()),
            ),
            (r#"{"name":"p","type":"integer"}"#, Samples::Likely("1".into())),
        ] {
            assert_eq!(parameter(text).samples(), samples, "{text}");
        }
    }

    #[test]
    fn places_are_named_as_errors_name_fields() {
        for (pointer, name) in [
            ("/service", "service"),
            ("/argv/1", "argv[1]"),
            ("/a~1b/c", "a/b.c"),
            ("/packages/0/name", "packages[0].name"),
        ] {
            assert_eq!(field(pointer), name);
        }
        assert_eq!(field(&format!("/{}/c", escaped("a/b~"))), "a/b~.c");
    }
}
