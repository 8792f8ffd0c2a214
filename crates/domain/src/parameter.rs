//! Parameters of scripts and actions, and inputs of workflows: what a definition may say, and whether given values fit it.
//!
//! Values are data: here they become texts for environment variables, and nothing ever reads them as code.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::name::parameter_variable;

/// Said of a secret that was not given. A client may say in its place how secrets are given there.
pub const SECRET_MISSING: &str = "is required and secret: give a value";
/// Said of a secret that was given among values that are not. A client may say in its place how secrets are given there.
pub const SECRET_IN_PLAIN: &str = "is secret: give it in secrets";
/// Parameters of one script.
pub const MAX_PARAMETERS: usize = 100;
/// Choices of one parameter, and bytes of a choice, a default or a description.
pub const MAX_CHOICES: usize = 100;
pub const MAX_TEXT: usize = 2000;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// A-Z, a-z, 0-9 and `_`. The script reads it as `PARAM_<NAME>`, in capitals.
    pub name: String,
    #[serde(rename = "type")]
    pub kind: ParameterType,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// Taken when nothing is given. A secret has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    pub default: Option<Value>,
    /// Of a `choice`: the texts to choose from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Bounds of an `integer` or `number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ParameterType {
    String,
    Integer,
    Number,
    Boolean,
    Choice,
    Secret,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct ParameterError {
    /// Name of the parameter.
    pub name: String,
    pub problem: String,
}

/// Texts by parameter, the secret ones apart.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Bound {
    pub values: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, String>,
}

impl std::fmt::Debug for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&String> = self.secrets.keys().collect();
        f.debug_struct("Bound")
            .field("values", &self.values)
            .field("secrets", &names)
            .finish()
    }
}

/// Whether a script may define these.
pub fn check(definitions: &[Parameter]) -> Result<(), ParameterError> {
    let mut seen: Vec<String> = Vec::new();
    for parameter in definitions {
        let wrong = |problem: String| ParameterError {
            name: parameter.name.clone(),
            problem,
        };
        if definitions.len() > MAX_PARAMETERS {
            return Err(wrong(format!("is one of more than {MAX_PARAMETERS}")));
        }
        let variable = parameter_variable(&parameter.name).map_err(|error| wrong(error.to_string()))?;
        if seen.contains(&variable) {
            return Err(wrong(format!("is defined twice: both become {variable}")));
        }
        seen.push(variable);
        parameter.check().map_err(wrong)?;
    }
    Ok(())
}

impl Parameter {
    fn check(&self) -> Result<(), String> {
        if self.description.len() > MAX_TEXT {
            return Err(format!("has a description longer than {MAX_TEXT} bytes"));
        }
        let is_choice = self.kind == ParameterType::Choice;
        if is_choice == self.choices.is_empty() {
            return Err(if is_choice {
                "is a choice without choices".to_owned()
            } else {
                "has choices, which only the type choice takes".to_owned()
            });
        }
        if self.choices.len() > MAX_CHOICES || self.choices.iter().any(|choice| choice.len() > MAX_TEXT) {
            return Err(format!(
                "has more than {MAX_CHOICES} choices, or one longer than {MAX_TEXT} bytes"
            ));
        }
        let numeric = matches!(self.kind, ParameterType::Integer | ParameterType::Number);
        if !numeric && (self.minimum.is_some() || self.maximum.is_some()) {
            return Err("has bounds, which only numbers take".to_owned());
        }
        if self
            .minimum
            .zip(self.maximum)
            .is_some_and(|(least, most)| least > most)
        {
            return Err("has a minimum above its maximum".to_owned());
        }
        match &self.default {
            Some(_) if self.kind == ParameterType::Secret => {
                Err("is a secret with a default: everybody who may look at it could read it".to_owned())
            }
            Some(value) => self
                .text(value)
                .map(|_| ())
                .map_err(|problem| format!("has a default that {problem}")),
            None => Ok(()),
        }
    }

    /// The value as the script will read it. Texts that say a number or a boolean are taken as one.
    fn text(&self, value: &Value) -> Result<String, String> {
        let plain = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                return Err("is neither a text, a number nor a boolean".to_owned());
            }
        };
        if plain.contains('\0') {
            return Err("contains a NUL byte, which no environment variable can hold".to_owned());
        }
        match self.kind {
            ParameterType::String | ParameterType::Secret => Ok(plain),
            ParameterType::Integer => {
                let number: i64 = plain.trim().parse().map_err(|_| "is not an integer".to_owned())?;
                #[allow(
                    clippy::cast_precision_loss,
                    reason = "bounds are compared as people write them"
                )]
                self.within(number as f64)?;
                Ok(number.to_string())
            }
            ParameterType::Number => {
                let number: f64 = plain.trim().parse().map_err(|_| "is not a number".to_owned())?;
                if !number.is_finite() {
                    return Err("is not a number".to_owned());
                }
                self.within(number)?;
                Ok(plain.trim().to_owned())
            }
            ParameterType::Boolean => match plain.trim() {
                "true" => Ok("true".to_owned()),
                "false" => Ok("false".to_owned()),
                _ => Err("is neither true nor false".to_owned()),
            },
            ParameterType::Choice => {
                if self.choices.contains(&plain) {
                    Ok(plain)
                } else {
                    Err(format!("is not one of: {}", self.choices.join(", ")))
                }
            }
        }
    }

    /// Its text: of the given value, else of the default. `None` where there is neither, and none is needed.
    fn bound(&self, given: Option<&Value>) -> Result<Option<String>, ParameterError> {
        let wrong = |problem: String| ParameterError {
            name: self.name.clone(),
            problem,
        };
        let missing = || match self.kind {
            ParameterType::Secret => wrong(SECRET_MISSING.to_owned()),
            _ => wrong("is required: give a value".to_owned()),
        };
        // An empty text for something that is no text is a field that was left alone.
        let given = given.filter(|value| {
            let text_like = matches!(self.kind, ParameterType::String | ParameterType::Choice);
            text_like || value.as_str() != Some("")
        });
        let Some(value) = given.or(self.default.as_ref()) else {
            return if self.required { Err(missing()) } else { Ok(None) };
        };
        let text = self.text(value).map_err(wrong)?;
        if self.required && text.is_empty() {
            return Err(missing());
        }
        Ok(Some(text))
    }

    fn within(&self, number: f64) -> Result<(), String> {
        match (self.minimum, self.maximum) {
            (Some(least), _) if number < least => Err(format!("is below {least}")),
            (_, Some(most)) if number > most => Err(format!("is above {most}")),
            _ => Ok(()),
        }
    }
}

/// Gives each parameter its text: the given value, else the default. What has neither is left out, unless it is
/// required.
pub fn bind(definitions: &[Parameter], given: &BTreeMap<String, Value>) -> Result<Bound, ParameterError> {
    if let Some(error) = given.keys().find_map(|name| unknown(definitions, name)) {
        return Err(error);
    }
    let mut bound = Bound::default();
    for parameter in definitions {
        let Some(text) = parameter.bound(given.get(&parameter.name))? else {
            continue;
        };
        let to = match parameter.kind {
            ParameterType::Secret => &mut bound.secrets,
            _ => &mut bound.values,
        };
        to.insert(parameter.name.clone(), text);
    }
    Ok(bound)
}

/// All that is wrong with values of which some are not known yet: `None` stands for one that there will be.
pub fn problems(definitions: &[Parameter], given: &BTreeMap<String, Option<Value>>) -> Vec<ParameterError> {
    let strangers = given.keys().filter_map(|name| unknown(definitions, name));
    let wrong = definitions.iter().filter_map(|parameter| {
        let value = match given.get(&parameter.name) {
            Some(None) => return None,
            Some(value) => value.as_ref(),
            None => None,
        };
        parameter.bound(value).err()
    });
    strangers.chain(wrong).collect()
}

fn unknown(definitions: &[Parameter], name: &str) -> Option<ParameterError> {
    if definitions.iter().any(|parameter| parameter.name == name) {
        return None;
    }
    let known: Vec<&str> = definitions
        .iter()
        .map(|parameter| parameter.name.as_str())
        .collect();
    let problem = if known.is_empty() {
        "is not asked for: nothing is".to_owned()
    } else {
        format!("is not asked for; what is asked for: {}", known.join(", "))
    };
    Some(ParameterError {
        name: name.to_owned(),
        problem,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parameter(kind: ParameterType) -> Parameter {
        Parameter {
            name: "p".into(),
            kind,
            description: String::new(),
            required: false,
            default: None,
            choices: Vec::new(),
            minimum: None,
            maximum: None,
        }
    }

    fn choice() -> Parameter {
        Parameter {
            choices: vec!["red".into(), "blue green".into()],
            ..parameter(ParameterType::Choice)
        }
    }

    fn bound(parameter: Parameter, value: Value) -> Result<String, String> {
        bind(&[parameter], &[("p".to_owned(), value)].into())
            .map(|bound| {
                bound
                    .values
                    .into_values()
                    .chain(bound.secrets.into_values())
                    .collect()
            })
            .map_err(|error| error.problem)
    }

    #[test]
    fn values_fit_their_type() {
        use ParameterType::{Boolean, Integer, Number, Secret, String};
        for (kind, value, text) in [
            (String, json!("a'b\n$(c)"), "a'b\n$(c)"),
            (String, json!(""), ""),
            (String, json!(7), "7"),
            (Integer, json!(-42), "-42"),
            (Integer, json!(" 42 "), "42"),
            (Number, json!(0.5), "0.5"),
            (Number, json!("1e3"), "1e3"),
            (Boolean, json!(true), "true"),
            (Boolean, json!("false"), "false"),
            (Secret, json!("s3cret"), "s3cret"),
        ] {
            assert_eq!(
                bound(parameter(kind), value.clone()).as_deref(),
                Ok(text),
                "{value}"
            );
        }
        assert_eq!(bound(choice(), json!("blue green")).as_deref(), Ok("blue green"));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        use ParameterType::{Boolean, Integer, Number, String};
        for (parameter, value, problem) in [
            (parameter(String), json!("a\0b"), "NUL"),
            (parameter(String), json!(null), "neither a text"),
            (parameter(String), json!(["a"]), "neither a text"),
            (parameter(Integer), json!(1.5), "not an integer"),
            (parameter(Integer), json!("1; rm"), "not an integer"),
            (
                parameter(Integer),
                json!("99999999999999999999"),
                "not an integer",
            ),
            (parameter(Number), json!("nan"), "not a number"),
            (parameter(Boolean), json!("yes"), "neither true nor false"),
            (choice(), json!("green"), "not one of: red, blue green"),
        ] {
            let found = bound(parameter, value.clone()).expect_err("refused");
            assert!(found.contains(problem), "{value}: {found}");
        }
    }

    #[test]
    fn bounds_at_and_beyond() {
        let ranged = || Parameter {
            minimum: Some(1.0),
            maximum: Some(3.0),
            ..parameter(ParameterType::Integer)
        };
        for (value, fits) in [(0, false), (1, true), (3, true), (4, false)] {
            assert_eq!(bound(ranged(), json!(value)).is_ok(), fits, "{value}");
        }
    }

    #[test]
    fn defaults_required_and_unknown_ones() {
        let with_default = Parameter {
            default: Some(json!(5)),
            ..parameter(ParameterType::Integer)
        };
        let none = BTreeMap::new();
        assert_eq!(bind(&[with_default], &none).unwrap_or_default().values["p"], "5");
        let optional = parameter(ParameterType::String);
        assert!(
            bind(std::slice::from_ref(&optional), &none)
                .unwrap_or_default()
                .values
                .is_empty()
        );
        let required = Parameter {
            required: true,
            ..parameter(ParameterType::Secret)
        };
        assert_eq!(
            bind(std::slice::from_ref(&required), &none)
                .err()
                .map(|error| error.name)
                .as_deref(),
            Some("p")
        );
        assert!(bound(required, json!("")).is_err());
        let unknown = bind(&[optional], &[("q".to_owned(), json!(1))].into());
        assert!(unknown.is_err_and(|error| error.name == "q" && error.problem.contains("asked for: p")));
    }

    #[test]
    fn what_is_known_of_values_is_checked_before_all_of_them_are() {
        let named = |name: &str, kind: ParameterType| Parameter {
            name: name.into(),
            required: true,
            ..parameter(kind)
        };
        let definitions = [
            named("text", ParameterType::String),
            named("count", ParameterType::Integer),
            named("late", ParameterType::Integer),
            named("gone", ParameterType::Secret),
        ];
        let given = [
            ("text", Some(json!("x"))),
            ("count", Some(json!("many"))),
            ("late", None),
            ("more", None),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        let found: Vec<String> = problems(&definitions, &given.into())
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            found,
            [
                "more: is not asked for; what is asked for: text, count, late, gone",
                "count: is not an integer",
                "gone: is required and secret: give a value",
            ]
        );
    }

    #[test]
    fn definitions_that_cannot_work_are_refused() {
        let named = |name: &str| Parameter {
            name: name.into(),
            ..parameter(ParameterType::String)
        };
        let cases = [
            (vec![named("a-b")], "not a parameter name"),
            (vec![named("a"), named("A")], "defined twice"),
            (vec![parameter(ParameterType::Choice)], "without choices"),
            (
                vec![Parameter {
                    kind: ParameterType::String,
                    ..choice()
                }],
                "only the type choice",
            ),
            (
                vec![Parameter {
                    default: Some(json!("x")),
                    ..parameter(ParameterType::Integer)
                }],
                "a default that is not an integer",
            ),
            (
                vec![Parameter {
                    default: Some(json!("x")),
                    ..parameter(ParameterType::Secret)
                }],
                "a secret with a default",
            ),
            (
                vec![Parameter {
                    minimum: Some(1.0),
                    ..parameter(ParameterType::String)
                }],
                "only numbers",
            ),
            (
                vec![Parameter {
                    minimum: Some(2.0),
                    maximum: Some(1.0),
                    ..parameter(ParameterType::Number)
                }],
                "minimum above",
            ),
        ];
        for (definitions, problem) in cases {
            let found = check(&definitions).expect_err(problem).to_string();
            assert!(found.contains(problem), "{problem}: {found}");
        }
        let many = |count: usize| (0..count).map(|i| named(&format!("p{i}"))).collect::<Vec<_>>();
        assert!(check(&many(MAX_PARAMETERS)).is_ok());
        assert!(check(&many(MAX_PARAMETERS + 1)).is_err());
    }
}
