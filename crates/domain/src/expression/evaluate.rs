//! Conditions against values.

use std::{borrow::Cow, cmp::Ordering, fmt, ops::Range};

use serde_json::{Number, Value};

use super::{
    Condition, Path,
    condition::{Comparison, Node, NodeKind},
};

/// Where values are found. `None`: there is none at this path.
pub trait Variables {
    fn value(&self, path: &Path) -> Option<Cow<'_, Value>>;

    /// Why there is none at this path, where more can be said than that.
    fn why_missing(&self, _path: &Path) -> Option<String> {
        None
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    #[error("{path} does not exist{}", because(.why.as_deref()))]
    Missing { path: Path, why: Option<String> },
    #[error("{message} (at byte {})", span.start)]
    Type { span: Range<usize>, message: String },
    #[error("the text becomes longer than {} bytes", super::MAX_RENDERED)]
    TooLong,
}

fn because(why: Option<&str>) -> String {
    why.map_or_else(String::new, |why| format!(": {why}"))
}

impl EvaluationError {
    pub(super) fn missing(variables: &dyn Variables, path: &Path) -> Self {
        Self::Missing {
            path: path.clone(),
            why: variables.why_missing(path),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Boolean,
    Number,
    Text,
    List,
    Object,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Boolean => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List => "a list",
            Self::Object => "an object",
        })
    }
}

impl Kind {
    pub(super) const fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::Text,
            Value::Array(_) => Self::List,
            Value::Object(_) => Self::Object,
        }
    }

    pub(super) fn not_boolean(self) -> String {
        format!("must be true or false, and is {self}: compare it with something")
    }
}

/// Whether two kinds can be compared so. What is not known yet fits.
pub(super) fn fits(comparison: Comparison, left: Option<Kind>, right: Option<Kind>) -> Result<(), String> {
    let cannot = |left: Kind, right: Kind, hint: &str| {
        Err(format!("{left} {comparison} {right} cannot be said{hint}"))
    };
    match (comparison, left, right) {
        (Comparison::Equal | Comparison::Unequal, Some(left), Some(right)) => {
            if left == right || left == Kind::Null || right == Kind::Null {
                return Ok(());
            }
            let hint = match (left, right) {
                (Kind::Text, Kind::Number) | (Kind::Number, Kind::Text) => {
                    ": a text is no number; .json has what a script printed with its types"
                }
                _ => "",
            };
            cannot(left, right, hint)
        }
        (Comparison::Equal | Comparison::Unequal, ..) => Ok(()),
        (
            Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual,
            left,
            right,
        ) => {
            let ordered =
                |kind: Option<Kind>| kind.is_none_or(|kind| matches!(kind, Kind::Number | Kind::Text));
            match (left, right) {
                (Some(left), Some(right)) if left != right || !ordered(Some(left)) => {
                    cannot(left, right, ": only two numbers or two texts have an order")
                }
                (left, right) if !ordered(left) || !ordered(right) => {
                    let kind = left
                        .filter(|kind| !ordered(Some(*kind)))
                        .or(right)
                        .unwrap_or(Kind::Null);
                    Err(format!("{kind} has no order"))
                }
                _ => Ok(()),
            }
        }
        (Comparison::Contains, left, right) => holds(comparison, left, right),
        (Comparison::In, left, right) => holds(comparison, right, left),
    }
}

/// A text holds texts, a list anything, an object names.
fn holds(comparison: Comparison, whole: Option<Kind>, part: Option<Kind>) -> Result<(), String> {
    match (whole, part) {
        (None | Some(Kind::List), _) | (Some(Kind::Text | Kind::Object), None | Some(Kind::Text)) => Ok(()),
        (Some(whole @ (Kind::Text | Kind::Object)), Some(part)) => {
            Err(format!("{whole} holds texts, and not {part} (`{comparison}`)"))
        }
        (Some(whole), _) => Err(format!(
            "{whole} holds nothing: `{comparison}` needs a text, a list or an object"
        )),
    }
}

impl Condition {
    /// `&&` and `||` look at their right side only when the left one leaves it open.
    pub fn evaluate(&self, variables: &dyn Variables) -> Result<bool, EvaluationError> {
        self.root.boolean(variables)
    }
}

impl Node {
    fn boolean(&self, variables: &dyn Variables) -> Result<bool, EvaluationError> {
        match &self.kind {
            NodeKind::Not(inner) => Ok(!inner.boolean(variables)?),
            NodeKind::And(parts) => {
                for part in parts {
                    if !part.boolean(variables)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            NodeKind::Or(parts) => {
                for part in parts {
                    if part.boolean(variables)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            NodeKind::Compare(comparison, left, right) => {
                let (left, right) = (left.value(variables)?, right.value(variables)?);
                fits(*comparison, Some(Kind::of(&left)), Some(Kind::of(&right)))
                    .map_err(|message| self.wrong(message))?;
                Ok(compare(*comparison, &left, &right))
            }
            NodeKind::Matches(left, pattern) => match left.value(variables)?.as_ref() {
                Value::String(text) => Ok(pattern.is_match(text)),
                other => Err(self.wrong(format!("{} cannot be matched: only a text can", Kind::of(other)))),
            },
            NodeKind::Literal(_) | NodeKind::Path(_) | NodeKind::List(_) => {
                match self.value(variables)?.as_ref() {
                    Value::Bool(flag) => Ok(*flag),
                    other => Err(self.wrong(Kind::of(other).not_boolean())),
                }
            }
        }
    }

    fn value<'a>(&'a self, variables: &'a dyn Variables) -> Result<Cow<'a, Value>, EvaluationError> {
        match &self.kind {
            NodeKind::Literal(value) => Ok(Cow::Borrowed(value)),
            NodeKind::Path(path) => variables
                .value(path)
                .ok_or_else(|| EvaluationError::missing(variables, path)),
            NodeKind::List(items) => {
                let items: Result<Vec<Value>, _> = items
                    .iter()
                    .map(|item| item.value(variables).map(Cow::into_owned))
                    .collect();
                Ok(Cow::Owned(Value::Array(items?)))
            }
            _ => self.boolean(variables).map(|flag| Cow::Owned(Value::Bool(flag))),
        }
    }

    fn wrong(&self, message: String) -> EvaluationError {
        EvaluationError::Type {
            span: self.span.clone(),
            message,
        }
    }
}

/// Of kinds that fit.
fn compare(comparison: Comparison, left: &Value, right: &Value) -> bool {
    match comparison {
        Comparison::Equal => same(left, right),
        Comparison::Unequal => !same(left, right),
        Comparison::Less => order(left, right) == Some(Ordering::Less),
        Comparison::LessOrEqual => order(left, right).is_some_and(Ordering::is_le),
        Comparison::Greater => order(left, right) == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => order(left, right).is_some_and(Ordering::is_ge),
        Comparison::Contains => contains(left, right),
        Comparison::In => contains(right, left),
    }
}

fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::String(whole), Value::String(part)) => whole.contains(part.as_str()),
        (Value::Array(items), part) => items.iter().any(|item| same(item, part)),
        (Value::Object(fields), Value::String(name)) => fields.contains_key(name),
        _ => false,
    }
}

/// Numbers are equal by what they say: `1` is `1.0`.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => numbers(left, right) == Ordering::Equal,
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(name, value)| right.get(name).is_some_and(|other| same(value, other)))
        }
        _ => left == right,
    }
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => Some(numbers(left, right)),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// Exactly, also where a float cannot hold the whole number.
fn numbers(left: &Number, right: &Number) -> Ordering {
    let whole = |number: &Number| number.as_i128();
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        (Some(left), None) => whole_with_float(left, right.as_f64().unwrap_or_default()),
        (None, Some(right)) => whole_with_float(right, left.as_f64().unwrap_or_default()).reverse(),
        (None, None) => {
            let float = |number: &Number| number.as_f64().unwrap_or_default();
            float(left).partial_cmp(&float(right)).unwrap_or(Ordering::Equal)
        }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "a float beyond i128 saturates, and stays beyond any i64 or u64"
)]
fn whole_with_float(whole: i128, float: f64) -> Ordering {
    let floor = float.floor();
    whole.cmp(&(floor as i128)).then(if float > floor {
        Ordering::Less
    } else {
        Ordering::Equal
    })
}
