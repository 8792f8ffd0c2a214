//! From a statement for one set of values to the same statement for many: PostgreSQL does it once for all of them.

use tokio_postgres::types::Type;

/// What a statement becomes when it is done for many sets of values at once; each of its parameters is an array then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Over {
    /// Its rows begin with the number of the set that they belong to, from 1.
    Select(String),
    /// Each set has another `$1`, which is the id of the row that it changes.
    Update(String),
}

/// The sets are called `given`, as no table is and no statement calls one. `None`: it is done for one set after the other. `types` are those of its parameters.
pub(super) fn over(sql: &str, types: &[Type]) -> Option<Over> {
    let arrays: Option<Vec<&str>> = types.iter().map(array_of).collect();
    let arrays = arrays.filter(|arrays| !arrays.is_empty())?;
    let columns: Vec<String> = (1..=arrays.len()).map(|number| format!("p{number}")).collect();
    let columns = columns.join(", ");
    let arrays: Vec<String> = (1..)
        .zip(arrays)
        .map(|(number, array)| format!("${number}::{array}"))
        .collect();
    let arrays = arrays.join(", ");
    if sql.starts_with("SELECT") {
        let one = each(sql);
        return Some(Over::Select(format!(
            "SELECT given.n, q.* FROM unnest({arrays}) WITH ORDINALITY AS given ({columns}, n) CROSS JOIN LATERAL ({one}) AS q"
        )));
    }
    let change = sql.strip_suffix("WHERE id = $1")?;
    let is_plain = change.starts_with("UPDATE") && !change.contains("FROM") && !change.contains("SELECT");
    is_plain.then(|| {
        let change = each(change);
        Over::Update(format!(
            "{change}FROM unnest({arrays}) AS given ({columns}) WHERE id = given.p1"
        ))
    })
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

    #[test]
    fn a_select_is_asked_for_each_set_of_values() {
        let sql = "SELECT a.name FROM agents a WHERE a.id = $1 AND a.name > $2 LIMIT $10";
        let types = [Type::INT8, Type::TEXT];
        let expected = "SELECT given.n, q.* FROM unnest($1::int8[], $2::text[]) WITH ORDINALITY AS given (p1, p2, n) \
                        CROSS JOIN LATERAL (SELECT a.name FROM agents a WHERE a.id = given.p1 AND a.name > given.p2 LIMIT given.p10) AS q";
        assert_eq!(over(sql, &types), Some(Over::Select(expected.to_owned())));
    }

    #[test]
    fn a_change_of_a_row_by_its_id_is_made_for_each() {
        let expected = "UPDATE jobs SET state = given.p2 FROM unnest($1::int8[], $2::text[]) AS given (p1, p2) WHERE id = given.p1";
        let found = over(
            "UPDATE jobs SET state = $2 WHERE id = $1",
            &[Type::INT8, Type::TEXT],
        );
        assert_eq!(found, Some(Over::Update(expected.to_owned())));
    }

    #[test]
    fn what_is_not_known_to_work_is_done_one_after_the_other() {
        for (sql, types) in [
            ("SELECT 1", &[][..]),
            ("SELECT $1", &[Type::FLOAT8]),
            ("INSERT INTO t (a) VALUES ($1) RETURNING id", &[Type::INT8]),
            ("DELETE FROM t WHERE id = $1", &[Type::INT8]),
            ("UPDATE t SET a = 1 WHERE b = $1", &[Type::INT8]),
            ("UPDATE t SET a = (SELECT 1) WHERE id = $1", &[Type::INT8]),
            ("WITH a AS (SELECT $1) SELECT * FROM a", &[Type::INT8]),
        ] {
            assert_eq!(over(sql, types), None, "{sql}");
        }
    }
}
