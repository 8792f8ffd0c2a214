//! Values that go into statements and come out of rows.

use postern_domain::Timestamp;

use crate::Error;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// Builds the values of a statement: `values![id, name.as_str(), now]`.
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$($crate::engine::Value::from($value)),*] };
}
pub(crate) use values;

macro_rules! from {
    ($($type:ty => |$value:ident| $result:expr),+ $(,)?) => {$(
        impl From<$type> for Value {
            fn from($value: $type) -> Self {
                $result
            }
        }
    )+};
}

from! {
    bool => |value| Self::Bool(value),
    i64 => |value| Self::Int(value),
    i32 => |value| Self::Int(value.into()),
    u32 => |value| Self::Int(value.into()),
    // Counters that never come near 2^63; the bit pattern is kept.
    u64 => |value| Self::Int(value.cast_signed()),
    String => |value| Self::Text(storable(value)),
    &str => |value| Self::Text(storable(value.to_owned())),
    &String => |value| Self::Text(storable(value.clone())),
    Vec<u8> => |value| Self::Bytes(value),
    Timestamp => |value| Self::Int(value.as_micros()),
}

/// PostgreSQL cannot store NUL in a text, and SQLite's functions stop at it. It comes from outside only: what
/// an agent reports must not fail to be stored because of it.
fn storable(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}")
    } else {
        text
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Ids of the domain, both ways.
macro_rules! id_values {
    ($($id:ident),+) => {$(
        impl From<postern_domain::$id> for Value {
            fn from(id: postern_domain::$id) -> Self {
                Self::Int(id.0)
            }
        }
        impl FromValue for postern_domain::$id {
            fn from_value(value: Value) -> Result<Self, Error> {
                i64::from_value(value).map(postern_domain::$id)
            }
        }
    )+};
}
id_values!(
    TenantId,
    OrganizationId,
    DepartmentId,
    UserId,
    BindingId,
    TokenId,
    AgentId,
    JobId,
    AttemptId,
    AuditId,
    ExecutionId,
    GroupId,
    ScriptId,
    ActionId,
    ScheduleId,
    CalendarId,
    WorkflowId,
    InstanceId,
    ApprovalId,
    WebhookId,
    DeliveryId
);

pub(crate) trait FromValue: Sized {
    fn from_value(value: Value) -> Result<Self, Error>;
}

fn wrong<T>(expected: &'static str, found: &Value) -> Result<T, Error> {
    let found = match found {
        Value::Null => "NULL",
        Value::Bool(_) => "a boolean",
        Value::Int(_) => "an integer",
        Value::Text(_) => "a text",
        Value::Bytes(_) => "bytes",
    };
    Err(Error::Shape(format!("expected {expected}, found {found}")))
}

impl FromValue for i64 {
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Int(number) => Ok(number),
            other => wrong("an integer", &other),
        }
    }
}

macro_rules! narrow {
    ($($type:ty),+) => {$(
        impl FromValue for $type {
            fn from_value(value: Value) -> Result<Self, Error> {
                let number = i64::from_value(value)?;
                number.try_into().map_err(|_| Error::Shape(format!("{number} is out of range")))
            }
        }
    )+};
}
narrow!(i32, u32);

impl FromValue for u64 {
    fn from_value(value: Value) -> Result<Self, Error> {
        i64::from_value(value).map(i64::cast_unsigned)
    }
}

impl FromValue for bool {
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Bool(flag) => Ok(flag),
            Value::Int(number @ (0 | 1)) => Ok(number == 1),
            other => wrong("a boolean", &other),
        }
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Text(text) => Ok(text),
            other => wrong("a text", &other),
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Bytes(bytes) => Ok(bytes),
            other => wrong("bytes", &other),
        }
    }
}

impl FromValue for Timestamp {
    fn from_value(value: Value) -> Result<Self, Error> {
        i64::from_value(value).map(Self::from_micros)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, Error> {
        match value {
            Value::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Row(pub(crate) Vec<Value>);

impl Row {
    /// Takes a column out; a second read of the same one finds NULL.
    pub(crate) fn take<T: FromValue>(&mut self, column: usize) -> Result<T, Error> {
        let value = self
            .0
            .get_mut(column)
            .ok_or_else(|| Error::Shape(format!("no column {column}")))?;
        T::from_value(std::mem::replace(value, Value::Null))
            .map_err(|error| Error::Shape(format!("column {column}: {error}")))
    }

    pub(crate) fn read<T: FromValue>(mut self, column: usize) -> Result<T, Error> {
        self.take(column)
    }
}

/// All rows of an answer, each by a record's `from_row`.
pub(crate) fn read_all<T>(rows: Vec<Row>, read: impl Fn(Row) -> Result<T, Error>) -> Result<Vec<T>, Error> {
    rows.into_iter().map(read).collect()
}

pub(crate) fn read_first<T>(
    rows: Vec<Row>,
    read: impl FnOnce(Row) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    rows.into_iter().next().map(read).transpose()
}

/// Declares a record whose fields are read from a row in the order they are written.
macro_rules! record {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $type:ty),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name { $($(#[$field_meta])* pub $field: $type),+ }

        impl $name {
            pub(crate) fn from_row(mut row: $crate::engine::Row) -> Result<Self, $crate::Error> {
                let mut column = 0..;
                Ok(Self { $($field: row.take(column.next().expect("columns are endless"))?),+ })
            }
        }
    };
}
pub(crate) use record;

/// Enums of the domain stored as their words.
macro_rules! word_values {
    ($($type:ty),+) => {$(
        impl From<$type> for Value {
            fn from(word: $type) -> Self {
                Self::Text(word.as_str().to_owned())
            }
        }
        impl FromValue for $type {
            fn from_value(value: Value) -> Result<Self, Error> {
                let text = String::from_value(value)?;
                <$type>::ALL.iter().copied().find(|word| word.as_str() == text)
                    .ok_or_else(|| Error::Shape(format!("unknown word {text:?}")))
            }
        }
    )+};
}
word_values!(
    postern_domain::job::JobState,
    postern_domain::notify::Channel,
    postern_domain::notify::DeliveryState,
    postern_domain::notify::Topic,
    postern_domain::permission::Role,
    postern_domain::approval::ApprovalState,
    postern_domain::workflow::engine::InstanceState,
    crate::outbox::Kind
);
