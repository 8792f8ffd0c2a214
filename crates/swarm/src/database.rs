//! A fresh database for each server that is measured.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result};
use tokio_postgres::NoTls;

use crate::{accounting, arguments::Engine};

pub(crate) struct Database {
    /// For `postern serve --database`.
    pub(crate) url: String,
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
            return Ok(Self {
                url: format!("sqlite://{}", folder.join("postern.db").display()),
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
            url: with_name(base, &name),
            process: u32::try_from(backend).ok().and_then(first_process),
            made: Some(Made {
                base: base.to_owned(),
                name,
            }),
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
