//! How the engine finds the pages of the lists: the plans of the statements that the server really runs, taken from
//! its log, with the database as it is.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::lists::{self, Caller};
use crate::{database::Database, programs::Server};

/// What is in the statement that finds a page, and in no other.
const OF_A_PAGE: &str = " AS moment";
/// For `postern serve`: each statement as a line of JSON.
pub(crate) const LOG: &str = "warn,postern_store::statement=trace";

#[derive(Debug, Serialize)]
pub(crate) struct Plan {
    list: &'static str,
    asked: String,
    caller: &'static str,
    statement: String,
    steps: Vec<String>,
}

/// Of each question's first page. The server logs with [`LOG`].
pub(crate) async fn take(server: &Server, database: &Database, log: &Path) -> Result<Vec<Plan>> {
    let session = database.session().await?;
    let mut plans = Vec::new();
    let questions = lists::questions();
    for caller in [Caller::Everywhere, Caller::Member] {
        let client = lists::client(server, caller).await?;
        for (list, request) in &questions {
            let before = read(log)?.len();
            list.ask(&client, request).await?;
            let text = read(log)?;
            let told = statements(text.get(before..).unwrap_or_default());
            for statement in told.into_iter().filter(|sql| sql.contains(OF_A_PAGE)) {
                plans.push(Plan {
                    list: list.name(),
                    asked: lists::words(request),
                    caller: caller.name(),
                    steps: session.plan(&statement).await?,
                    statement,
                });
            }
        }
    }
    Ok(plans)
}

fn read(log: &Path) -> Result<String> {
    std::fs::read_to_string(log).with_context(|| format!("cannot read {}", log.display()))
}

/// The statements told in lines of the log.
fn statements(lines: &str) -> Vec<String> {
    let told = lines.lines().filter_map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        let sql = line.get("fields")?.get("sql")?.as_str()?;
        Some(sql.split_whitespace().collect::<Vec<_>>().join(" "))
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_found_in_the_log() {
        let log = r#"{"level":"TRACE","fields":{"sql":"VALUES (1),\n  (2)"},"target":"postern_store::statement"}
{"level":"WARN","fields":{"message":"slow"},"target":"postern"}
half a li"#;
        assert_eq!(statements(log), ["VALUES (1), (2)"]);
    }
}
