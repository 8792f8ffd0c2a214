//! From a statement for one set of values to the same statement for many: PostgreSQL does it once for all of them.

use tokio_postgres::types::Type;

/// What a statement becomes when it is done for many sets of values at once; each of its parameters is an array then.
///
/// Its plan is kept, so it goes by keys whatever the tables held when it was made: where the planner is free to join all of a
/// table with the sets it does so while the table is small, and goes on when it is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Over {
    /// Its rows begin with the number of the set that they belong to, from 1.
    Select(String),
    /// A row for each set. Their ids follow the order of the sets; that of the rows is nobody's promise.
    Insert(String),
    /// Each set has another `$1`, which is the id of the row that it changes.
    Change(String),
}

impl Over {
    pub(super) fn sql(&self) -> &str {
        let (Self::Select(sql) | Self::Insert(sql) | Self::Change(sql)) = self;
        sql
    }
}

/// The sets are called `given`, as no table is and no statement calls one. `None`: it is done for one set after the other.
/// `types` are those of its parameters.
pub(super) fn over(sql: &str, types: &[Type]) -> Option<Over> {
    let arrays: Option<Vec<&str>> = types.iter().map(array_of).collect();
    let arrays = arrays.filter(|arrays| !arrays.is_empty())?;
    let columns: Vec<String> = (1..=arrays.len()).map(|number| format!("p{number}")).collect();
    let columns = columns.join(", ");
    let arrays: Vec<String> = (1..)
        .zip(arrays)
        .map(|(number, array)| format!("${number}::{array}"))
        .collect();
    let given = format!("unnest({})", arrays.join(", "));
    let one_by_one = |one: &str| {
        let mut one = each(one);
        if one.starts_with("SELECT") {
            // With an offset it is no part of the join, and done once for each set.
            one = format!("SELECT * FROM ({one}) AS one OFFSET 0");
        }
        format!("{given} WITH ORDINALITY AS given ({columns}, n) CROSS JOIN LATERAL ({one}) AS q")
    };
    if sql.starts_with("SELECT") {
        return Some(Over::Select(format!(
            "SELECT given.n, q.* FROM {}",
            one_by_one(sql)
        )));
    }
    if let Some((columns, row, returned)) = inserted(sql) {
        let row = one_by_one(row);
        return Some(Over::Insert(format!(
            "{columns} SELECT q.* FROM {row} ORDER BY given.n RETURNING {returned}"
        )));
    }
    let change = sql.strip_suffix("WHERE id = $1")?;
    let change = match change.trim_end() {
        delete if delete.starts_with("DELETE FROM") && !delete.contains('$') => format!("{delete} USING"),
        update if update.starts_with("UPDATE") && !update.contains("FROM") => {
            format!("{} FROM", each(update))
        }
        _ => return None,
    };
    // The sets once more: they find the rows, however they are joined.
    Some(Over::Change(format!(
        "{change} {given} AS given ({columns}) WHERE id = given.p1 AND id = ANY ({})",
        arrays[0]
    )))
}

/// `INSERT INTO t (…)`, its one row, and what is returned of it: its id, and more.
fn inserted(sql: &str) -> Option<(&str, &str, &str)> {
    let (insert, returned) = sql.rsplit_once("RETURNING ")?;
    let is_one =
        insert.starts_with("INSERT INTO") && !insert.contains("), (") && !insert.contains("ON CONFLICT");
    if !is_one || !returned.starts_with("id") {
        return None;
    }
    let (columns, row) = insert.split_at(insert.find(')')? + 1);
    Some((columns, row.trim(), returned))
}

fn array_of(kind: &Type) -> Option<&'static str> {
    Some(match *kind {
        Type::INT8 => "int8[]",
        Type::INT4 => "int4[]",
        Type::TEXT => "text[]",
        Type::BOOL => "bool[]",
        Type::BYTEA => "bytea[]",
        _ => return None,
    })
}

/// With `given.p1` for `$1`. No statement has a `$` in a text.
fn each(sql: &str) -> String {
    let mut parts = sql.split('$');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("given.p");
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Type; 2] = [Type::INT8, Type::TEXT];

    #[test]
    fn a_select_is_asked_for_each_set_of_values() {
        let expected = "SELECT given.n, q.* FROM unnest($1::int8[], $2::text[]) WITH ORDINALITY AS given (p1, p2, n) \
                        CROSS JOIN LATERAL (SELECT * FROM (SELECT a.name FROM agents a WHERE a.id = given.p1 \
                        AND a.name > given.p2) AS one OFFSET 0) AS q";
        let found = over(
            "SELECT a.name FROM agents a WHERE a.id = $1 AND a.name > $2",
            &BOTH,
        );
        assert_eq!(found, Some(Over::Select(expected.to_owned())));
        assert_eq!(each("$1 and $10, $1"), "given.p1 and given.p10, given.p1");
    }

    #[test]
    fn a_row_is_inserted_for_each() {
        let expected = "INSERT INTO t (a, b) SELECT q.* FROM unnest($1::int8[], $2::text[]) WITH ORDINALITY AS given (p1, p2, n) \
                        CROSS JOIN LATERAL (VALUES (given.p1, given.p2)) AS q ORDER BY given.n RETURNING id, a";
        let found = over("INSERT INTO t (a, b) VALUES ($1, $2) RETURNING id, a", &BOTH);
        assert_eq!(found, Some(Over::Insert(expected.to_owned())));
        let expected = "INSERT INTO t (a) SELECT q.* FROM unnest($1::int8[]) WITH ORDINALITY AS given (p1, n) \
                        CROSS JOIN LATERAL (SELECT * FROM (SELECT a FROM u WHERE u.id = given.p1) AS one OFFSET 0) AS q \
                        ORDER BY given.n RETURNING id";
        let found = over(
            "INSERT INTO t (a) SELECT a FROM u WHERE u.id = $1 RETURNING id",
            &BOTH[..1],
        );
        assert_eq!(found, Some(Over::Insert(expected.to_owned())));
    }

    #[test]
    fn a_row_is_changed_by_its_id_for_each() {
        let update = "UPDATE t SET b = given.p2 FROM unnest($1::int8[], $2::text[]) AS given (p1, p2) \
                      WHERE id = given.p1 AND id = ANY ($1::int8[])";
        let found = over("UPDATE t SET b = $2 WHERE id = $1", &BOTH);
        assert_eq!(found, Some(Over::Change(update.to_owned())));
        let delete = "DELETE FROM t USING unnest($1::int8[]) AS given (p1) WHERE id = given.p1 AND id = ANY ($1::int8[])";
        let found = over("DELETE FROM t WHERE id = $1", &BOTH[..1]);
        assert_eq!(found, Some(Over::Change(delete.to_owned())));
    }

    #[test]
    fn what_is_not_known_to_work_is_done_one_after_the_other() {
        for (sql, types) in [
            ("SELECT 1", &[][..]),
            ("SELECT $1", &[Type::FLOAT8]),
            ("INSERT INTO t (a) VALUES ($1)", &BOTH[..1]),
            ("INSERT INTO t (a) VALUES ($1) RETURNING a", &BOTH[..1]),
            ("INSERT INTO t (a) VALUES ($1), ($2) RETURNING id", &BOTH),
            (
                "INSERT INTO t (a) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id",
                &BOTH[..1],
            ),
            ("DELETE FROM t WHERE a = $1", &BOTH[..1]),
            ("DELETE FROM t WHERE a = $2 AND id = $1", &BOTH),
            ("UPDATE t SET a = 1 WHERE b = $1", &BOTH[..1]),
            ("UPDATE t SET a = (SELECT 1 FROM u) WHERE id = $1", &BOTH[..1]),
            ("WITH a AS (SELECT $1) SELECT * FROM a", &BOTH[..1]),
        ] {
            assert_eq!(over(sql, types), None, "{sql}");
        }
    }
}
