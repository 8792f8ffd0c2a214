//! Lists: a page of rows by cursor, with filters, built from constant pieces of SQL and bound values only.

use postern_domain::permission::Reach;

use crate::{
    Error,
    engine::{Value, values},
};

/// Ids asked for in one statement; SQLite takes 32,766 values in all.
pub(crate) const IDS: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortDirection {
    Ascending,
    Descending,
}

/// Where the page before ended: the sort key of its last row and, to tell equals apart, its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub key: String,
    pub id: i64,
}

impl Cursor {
    /// Opaque text for the caller.
    pub fn encode(&self) -> String {
        crate::migrate::hex(format!("{}:{}", self.id, self.key).as_bytes())
    }

    pub fn decode(text: &str) -> Result<Self, Error> {
        let bytes: Option<Vec<u8>> = text
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|p| p.len() == 2)?, 16).ok())
            .collect();
        let text = bytes
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or(Error::Cursor)?;
        let (id, key) = text.split_once(':').ok_or(Error::Cursor)?;
        Ok(Self {
            key: key.to_owned(),
            id: id.parse().map_err(|_| Error::Cursor)?,
        })
    }
}

/// What every list takes.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// Rows wanted; the store fetches one more to know whether there is a next page.
    pub limit: u32,
    pub cursor: Option<Cursor>,
    pub direction: SortDirection,
}

/// How the sort key of a list is compared.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Key {
    /// An expression that yields text.
    Text(&'static str),
    /// An expression that yields an integer, never NULL.
    Int(&'static str),
    /// The id alone.
    Id,
}

/// A SELECT under construction. `condition` texts use `?` for each value and are constants of this crate.
pub(crate) struct Select {
    sql: String,
    values: Vec<Value>,
    started: bool,
}

impl Select {
    pub(crate) fn new(head: &str) -> Self {
        Self {
            sql: head.to_owned(),
            values: Vec::new(),
            started: false,
        }
    }

    /// Values of `?` in the head, in their order; before any condition.
    pub(crate) fn head(&mut self, values: impl IntoIterator<Item = Value>) -> &mut Self {
        let head = std::mem::take(&mut self.sql);
        self.fill(&head, values);
        self
    }

    pub(crate) fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) -> &mut Self {
        self.sql
            .push_str(if self.started { " AND (" } else { " WHERE (" });
        self.started = true;
        self.fill(condition, values);
        self.sql.push(')');
        self
    }

    fn fill(&mut self, text: &str, values: impl IntoIterator<Item = Value>) {
        let mut values = values.into_iter();
        for part in text.split_inclusive('?') {
            match part.strip_suffix('?') {
                Some(text) => {
                    self.values
                        .push(values.next().expect("a value for each placeholder"));
                    self.sql.push_str(&format!("{text}${}", self.values.len()));
                }
                None => self.sql.push_str(part),
            }
        }
    }

    /// `expression IN (…)`. An empty list matches nothing.
    pub(crate) fn and_in<V: Into<Value>>(
        &mut self,
        expression: &str,
        values: impl IntoIterator<Item = V>,
    ) -> &mut Self {
        let (marks, values) = marks(values);
        if values.is_empty() {
            return self.and("1 = 0", []);
        }
        self.and(&format!("{expression} IN ({marks})"), values)
    }

    /// Only what lies where the caller's permission holds.
    pub(crate) fn within(&mut self, reach: &Reach, table: &str) -> &mut Self {
        if !reach.everywhere {
            let (condition, values) = within(reach, table);
            self.and(&condition, values);
        }
        self
    }

    /// Cursor, order and limit. `id` is the column that tells equal keys apart.
    pub(crate) fn page(&mut self, list: &ListQuery, key: Key, id: &str) -> Result<&mut Self, Error> {
        let (compare, order) = match list.direction {
            SortDirection::Ascending => (">", "ASC"),
            SortDirection::Descending => ("<", "DESC"),
        };
        if let Some(cursor) = &list.cursor {
            let row_id = cursor.id;
            match key {
                Key::Id => {
                    self.and(&format!("{id} {compare} ?"), values![row_id]);
                }
                Key::Text(expression) => {
                    let condition =
                        format!("{expression} {compare} ? OR ({expression} = ? AND {id} {compare} ?)");
                    self.and(&condition, values![&cursor.key, &cursor.key, row_id]);
                }
                Key::Int(expression) => {
                    let number: i64 = cursor.key.parse().map_err(|_| Error::Cursor)?;
                    let condition =
                        format!("{expression} {compare} ? OR ({expression} = ? AND {id} {compare} ?)");
                    self.and(&condition, values![number, number, row_id]);
                }
            }
        }
        self.sql.push_str(" ORDER BY ");
        if let Key::Text(expression) | Key::Int(expression) = key {
            self.sql.push_str(&format!("{expression} {order}, "));
        }
        self.sql.push_str(&format!("{id} {order}"));
        Ok(self.limit(i64::from(list.limit) + 1))
    }

    /// Bound like any value: each number in the text would be another statement to prepare.
    pub(crate) fn limit(&mut self, rows: i64) -> &mut Self {
        self.values.push(Value::Int(rows));
        self.sql.push_str(&format!(" LIMIT ${}", self.values.len()));
        self
    }

    pub(crate) fn push(&mut self, tail: &str) -> &mut Self {
        self.sql.push_str(tail);
        self
    }

    pub(crate) fn parts(&self) -> (&str, &[Value]) {
        (&self.sql, &self.values)
    }
}

/// The condition that a row of `table` lies within a reach that is not everywhere.
pub(crate) fn within(reach: &Reach, table: &str) -> (String, Vec<Value>) {
    let mut parts = Vec::new();
    let mut values = Vec::new();
    let mut add = |column: &str, ids: Vec<i64>| {
        if !ids.is_empty() {
            let (marks, ids) = marks(ids);
            parts.push(format!("{table}.{column} IN ({marks})"));
            values.extend(ids);
        }
    };
    add("tenant_id", reach.tenants.iter().map(|id| id.0).collect());
    add(
        "organization_id",
        reach.organizations.iter().map(|id| id.0).collect(),
    );
    add("department_id", reach.departments.iter().map(|id| id.0).collect());
    if parts.is_empty() {
        parts.push("1 = 0".to_owned());
    }
    (parts.join(" OR "), values)
}

/// Placeholders for the values of an `IN (…)`. The list is filled up by repeating its last value, so that lists
/// of different lengths share a few prepared statements.
pub(crate) fn marks<V: Into<Value>>(values: impl IntoIterator<Item = V>) -> (String, Vec<Value>) {
    const LARGE: usize = 1024;
    let mut values: Vec<Value> = values.into_iter().map(Into::into).collect();
    if let Some(last) = values.last().cloned() {
        let filled = match values.len() {
            few @ ..LARGE => few.next_power_of_two(),
            many => many.next_multiple_of(LARGE),
        };
        values.resize(filled, last);
    }
    (vec!["?"; values.len()].join(", "), values)
}

/// A pattern for `lower(…) LIKE … ESCAPE '\'` that finds a text anywhere. Only A to Z lose their case: that is
/// what `lower` does on both engines, and another letter must at least find itself.
pub(crate) fn contains(text: &str) -> String {
    let escaped = text
        .to_ascii_lowercase()
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    format!("%{escaped}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text_and_junk_is_refused() {
        let cursor = Cursor {
            key: "web-1:ä".into(),
            id: 42,
        };
        assert_eq!(Cursor::decode(&cursor.encode()).unwrap(), cursor);
        for junk in ["", "zz", "3", "ff", "ä", "3132"] {
            assert!(Cursor::decode(junk).is_err(), "{junk}");
        }
    }

    #[test]
    fn values_never_become_sql() {
        let mut select = Select::new("SELECT 1 FROM t");
        select
            .and("a = ?", values!["x' OR 1=1 --"])
            .and_in("b", [1i64, 2, 3])
            .and_in("c", Vec::<i64>::new());
        let (sql, values) = select.parts();
        assert_eq!(
            sql,
            "SELECT 1 FROM t WHERE (a = $1) AND (b IN ($2, $3, $4, $5)) AND (1 = 0)"
        );
        assert_eq!(values.len(), 5);
    }

    #[test]
    fn an_empty_reach_sees_nothing() {
        let mut select = Select::new("SELECT 1 FROM jobs j");
        select.within(&Reach::default(), "j");
        assert_eq!(select.parts().0, "SELECT 1 FROM jobs j WHERE (1 = 0)");
    }

    #[test]
    fn search_text_is_literal() {
        assert_eq!(contains("50%_A\\"), "%50\\%\\_a\\\\%");
        assert_eq!(contains("ÄRGER"), "%Ärger%");
    }
}
