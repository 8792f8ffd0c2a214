//! A fresh database for each server that is measured.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use tokio_postgres::NoTls;

use crate::{accounting, arguments::Engine, progress::say, stored::Stock};

pub(crate) struct Database {
    engine: Engine,
    /// For `postern serve --database`.
    pub(crate) url: String,
    /// SQLite's.
    file: PathBuf,
    /// PostgreSQL's first process, when it runs on this machine.
    process: Option<u32>,
    made: Option<Made>,
}

struct Made {
    base: String,
    name: String,
}

impl Database {
    /// `label` distinguishes the databases of one run.
    pub(crate) async fn create(
        engine: Engine,
        postgres: Option<&str>,
        folder: &Path,
        label: &str,
    ) -> Result<Self> {
        if engine == Engine::Sqlite {
            let file = folder.join("postern.db");
            return Ok(Self {
                engine,
                url: format!("sqlite://{}", file.display()),
                file,
                process: None,
                made: None,
            });
        }
        let base = postgres.context("--postgres is missing: give the address of a PostgreSQL")?;
        let name = format!("postern_bench_{}_{label}", std::process::id());
        let client = connect(base).await?;
        client
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .await
            .context("cannot create a database")?;
        let backend: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
        Ok(Self {
            engine,
            url: with_name(base, &name),
            file: PathBuf::new(),
            process: u32::try_from(backend).ok().and_then(first_process),
            made: Some(Made {
                base: base.to_owned(),
                name,
            }),
        })
    }

    /// Fills it while no server is running.
    pub(crate) async fn fill(&self, stock: Stock) -> Result<()> {
        let begun = Instant::now();
        let session = self.session().await?;
        if let Session::Sqlite(connection) = &session {
            // What a crash would leave is thrown away anyway.
            connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;")?;
        }
        for statement in stock.statements(self.engine) {
            session
                .run(&statement)
                .await
                .with_context(|| format!("cannot fill the database: {statement}"))?;
        }
        say(format!(
            "    filled in {} s: {} agents, {} jobs",
            begun.elapsed().as_secs(),
            stock.agents,
            stock.jobs
        ));
        Ok(())
    }

    /// A connection of our own, beside the server's.
    pub(crate) async fn session(&self) -> Result<Session> {
        Ok(match self.engine {
            Engine::Sqlite => Session::Sqlite(rusqlite::Connection::open(&self.file)?),
            Engine::Postgres => Session::Postgres(connect(&self.url).await?),
        })
    }

    /// CPU time of the database's own processes; `None` when it lives inside the server or elsewhere.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        accounting::cpu_of_family(self.process?).ok()
    }

    pub(crate) async fn remove(self) -> Result<()> {
        let Some(made) = self.made else { return Ok(()) };
        let client = connect(&made.base).await?;
        client
            .batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", made.name))
            .await
            .context("cannot drop the database")
    }
}

/// Statements without values. Those of SQLite run on this thread.
pub(crate) enum Session {
    Sqlite(rusqlite::Connection),
    Postgres(tokio_postgres::Client),
}

impl Session {
    pub(crate) async fn run(&self, sql: &str) -> Result<()> {
        match self {
            Self::Sqlite(connection) => Ok(connection.execute_batch(sql)?),
            Self::Postgres(client) => Ok(client.batch_execute(sql).await?),
        }
    }

    /// How the engine would run a statement whose values it does not know, a step a line.
    pub(crate) async fn plan(&self, sql: &str) -> Result<Vec<String>> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let mut rows = statement.raw_query();
                let mut steps = Vec::new();
                while let Some(row) = rows.next()? {
                    steps.push(row.get("detail")?);
                }
                Ok(steps)
            }
            Self::Postgres(client) => {
                let count = (1..)
                    .take_while(|number| sql.contains(&format!("${number}")))
                    .count();
                let call = match count {
                    0 => String::new(),
                    _ => format!("({})", vec!["NULL"; count].join(", ")),
                };
                let all = format!(
                    "SET plan_cache_mode = force_generic_plan; PREPARE page AS {sql}; EXPLAIN EXECUTE page{call};
                     DEALLOCATE page"
                );
                let answers = client.simple_query(&all).await?;
                let rows = answers.iter().filter_map(|answer| match answer {
                    tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                    _ => None,
                });
                Ok(rows.collect())
            }
        }
    }

    /// The one number that a query yields.
    pub(crate) async fn number(&self, sql: &str) -> Result<i64> {
        Ok(match self {
            Self::Sqlite(connection) => connection.query_row(sql, [], |row| row.get(0))?,
            Self::Postgres(client) => client.query_one(sql, &[]).await?.get(0),
        })
    }
}

async fn connect(url: &str) -> Result<tokio_postgres::Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .context("cannot reach PostgreSQL")?;
    // Ends when the client is dropped.
    tokio::spawn(connection);
    Ok(client)
}

/// The parent of a backend, if that number belongs to a PostgreSQL on this machine at all.
fn first_process(backend: u32) -> Option<u32> {
    let first = accounting::parent(backend).ok()?;
    let name = std::fs::read_to_string(format!("/proc/{first}/comm")).ok()?;
    name.starts_with("postgres").then_some(first)
}

/// The same server, another database.
fn with_name(url: &str, name: &str) -> String {
    let (address, query) = match url.split_once('?') {
        Some((address, query)) => (address, format!("?{query}")),
        None => (url, String::new()),
    };
    let start = address.find("://").map_or(0, |at| at + 3);
    let end = address[start..].find('/').map_or(address.len(), |at| start + at);
    format!("{}/{name}{query}", &address[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_of_the_same_server() {
        for (url, expected) in [
            ("postgres://u@h:1/postgres", "postgres://u@h:1/new"),
            ("postgres://u@h:1", "postgres://u@h:1/new"),
            ("postgres://u@h/a?x=1", "postgres://u@h/new?x=1"),
        ] {
            assert_eq!(with_name(url, "new"), expected);
        }
    }
}
