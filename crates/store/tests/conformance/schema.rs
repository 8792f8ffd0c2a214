//! The two folders of migrations describe the same tables.

use std::collections::{BTreeMap, BTreeSet};

use crate::database::TestDatabase;

type Columns = BTreeMap<(String, String), Column>;

#[derive(Debug, PartialEq, Eq)]
struct Column {
    position: String,
    kind: &'static str,
    required: bool,
    /// What a new row gets, in the words of SQLite.
    default: String,
    primary: bool,
}

async fn both_engines_have_the_same_tables(postgres: TestDatabase) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("postern.db");
    let sqlite = TestDatabase::open(format!("sqlite://{}", path.display())).await;

    let (ours, theirs) = (sqlite_columns(&sqlite).await, postgres_columns(&postgres).await);
    for (name, column) in &theirs {
        assert_eq!(
            ours.get(name),
            Some(column),
            "{name:?} on SQLite (left) and PostgreSQL (right)"
        );
    }
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    assert!(ours.len() > 100, "the columns were found: {}", ours.len());
    assert_eq!(sqlite_indexes(&sqlite).await, postgres_indexes(&postgres).await);
    assert_eq!(
        sqlite_references(&sqlite).await,
        postgres_references(&postgres).await
    );
}

async fn texts_compare_by_their_bytes(postgres: TestDatabase) {
    let others = postgres
        .raw(
            "SELECT table_name, column_name FROM information_schema.columns
             WHERE table_schema = current_schema() AND data_type = 'text' AND table_name <> 'migrations'
             AND collation_name IS DISTINCT FROM 'C'",
        )
        .await;
    assert_eq!(others, Vec::<Vec<String>>::new(), "without COLLATE \"C\"");
}

async fn sqlite_columns(db: &TestDatabase) -> Columns {
    let rows = db
        .raw(
            "SELECT t.name, c.name, c.cid + 1, c.type, c.\"notnull\", c.dflt_value, c.pk
             FROM sqlite_master t, pragma_table_info(t.name) c
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> 'migrations'",
        )
        .await;
    rows.into_iter()
        .map(|row| {
            let kind = match row[3].as_str() {
                "INTEGER" => "integer",
                "TEXT" => "text",
                "BLOB" => "bytes",
                other => panic!("unexpected type {other}"),
            };
            let primary = row[6] != "0";
            let column = Column {
                position: row[2].clone(),
                kind,
                required: primary || row[4] == "1",
                default: row[5].clone(),
                primary,
            };
            ((row[0].clone(), row[1].clone()), column)
        })
        .collect()
}

async fn postgres_columns(db: &TestDatabase) -> Columns {
    let rows = db
        .raw(
            "SELECT c.table_name, c.column_name,
             row_number() OVER (PARTITION BY c.table_name ORDER BY c.ordinal_position),
             c.data_type, c.is_nullable, c.column_default,
             EXISTS (SELECT 1 FROM information_schema.key_column_usage k JOIN information_schema.table_constraints t
                     ON t.constraint_name = k.constraint_name AND t.constraint_type = 'PRIMARY KEY'
                     AND t.table_schema = k.table_schema
                     WHERE k.table_schema = c.table_schema AND k.table_name = c.table_name AND k.column_name = c.column_name)
             FROM information_schema.columns c
             WHERE c.table_schema = current_schema() AND c.table_name <> 'migrations'",
        )
        .await;
    rows.into_iter()
        .map(|row| {
            let kind = match row[3].as_str() {
                "bigint" | "boolean" => "integer",
                "text" => "text",
                "bytea" => "bytes",
                other => panic!("unexpected type {other}"),
            };
            let default = match row[5].split("::").next().unwrap() {
                "true" => "1".to_owned(),
                "false" => "0".to_owned(),
                text => text.to_owned(),
            };
            let column = Column {
                position: row[2].clone(),
                kind,
                required: row[4] == "NO",
                default,
                primary: row[6] == "t",
            };
            ((row[0].clone(), row[1].clone()), column)
        })
        .collect()
}

/// Columns of every index and unique rule, and the condition of a partial one.
async fn sqlite_indexes(db: &TestDatabase) -> BTreeSet<(String, String, String)> {
    let rows = db
        .raw(
            "SELECT t.name, i.\"unique\" || ' ' || (SELECT group_concat(c.name) FROM pragma_index_info(i.name) c),
             coalesce((SELECT m.sql FROM sqlite_master m WHERE m.name = i.name), '')
             FROM sqlite_master t, pragma_index_list(t.name) i
             WHERE t.type = 'table' AND t.name <> 'migrations' AND i.origin <> 'pk'",
        )
        .await;
    rows.into_iter()
        .map(|row| (row[0].clone(), row[1].clone(), condition(&row[2])))
        .collect()
}

async fn postgres_indexes(db: &TestDatabase) -> BTreeSet<(String, String, String)> {
    let rows = db
        .raw(
            "SELECT t.relname, (CASE WHEN i.indisunique THEN '1 ' ELSE '0 ' END) ||
                 (SELECT string_agg(a.attname, ',' ORDER BY k.place) FROM unnest(i.indkey) WITH ORDINALITY k (number, place)
                  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number),
             pg_get_indexdef(i.indexrelid)
             FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
             WHERE t.relnamespace = current_schema()::regnamespace AND NOT i.indisprimary",
        )
        .await;
    rows.into_iter()
        .map(|row| (row[0].clone(), row[1].clone(), condition(&row[2])))
        .collect()
}

/// The words that a partial index is about, in the order of the alphabet: both engines write them differently.
fn condition(definition: &str) -> String {
    let Some((_, text)) = definition.split_once(" WHERE ") else {
        return String::new();
    };
    let words: BTreeSet<_> = text
        .replace("::text", "")
        .replace("<> ALL", "NOT")
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !["", "ANY", "ARRAY", "IN"].contains(word))
        .map(str::to_owned)
        .collect();
    words.into_iter().collect::<Vec<_>>().join(" ")
}

async fn sqlite_references(db: &TestDatabase) -> BTreeSet<Vec<String>> {
    db.raw(
        "SELECT t.name, f.\"from\", f.\"table\", f.\"to\", f.on_delete
         FROM sqlite_master t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table'",
    )
    .await
    .into_iter()
    .collect()
}

async fn postgres_references(db: &TestDatabase) -> BTreeSet<Vec<String>> {
    db.raw(
        "SELECT t.relname, a.attname, o.relname, b.attname,
         CASE c.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'a' THEN 'NO ACTION' ELSE 'other' END
         FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class o ON o.oid = c.confrelid
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.conkey[1]
         JOIN pg_attribute b ON b.attrelid = o.oid AND b.attnum = c.confkey[1]
         WHERE c.contype = 'f' AND t.relnamespace = current_schema()::regnamespace",
    )
    .await
    .into_iter()
    .collect()
}

on_postgres_alone!(both_engines_have_the_same_tables, texts_compare_by_their_bytes);
