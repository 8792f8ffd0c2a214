//! A database of its own in the PostgreSQL that the environment names.

use std::{
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use tokio::sync::OnceCell;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::template;

/// Followed by the number of the process that made it.
const TEMPLATE: &str = "rooms_template_";
const HINT: &str = "POSTERN_TEST_POSTGRES must name a PostgreSQL that is running and lets us CREATE DATABASE";

#[derive(Debug)]
pub(crate) struct PostgresDatabase {
    cluster: String,
    name: String,
}

impl PostgresDatabase {
    /// As a first start leaves it.
    pub(crate) async fn create() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        static FILLED: OnceCell<String> = OnceCell::const_new();
        let cluster = cluster_url();
        let template = FILLED.get_or_init(|| make_template(&cluster)).await;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("rooms_{}_{number}", std::process::id());
        let statements = [
            format!("DROP DATABASE IF EXISTS {name}"),
            // Copied page by page through the log, it takes twice as long.
            format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"),
        ];
        run(&cluster, &statements).await.expect(HINT);
        Self { cluster, name }
    }

    pub(crate) fn url(&self) -> String {
        url_of(&self.cluster, &self.name)
    }

    pub(crate) async fn remove(self) {
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        run(&self.cluster, &[sql]).await.expect("the database goes");
    }
}

/// Nothing tells when the last test of a process has ended: each process removes those of others that have ended.
async fn make_template(cluster: &str) -> String {
    let name = format!("{TEMPLATE}{}", std::process::id());
    let left = format!("SELECT datname FROM pg_database WHERE starts_with(datname, '{TEMPLATE}')");
    let left = run(cluster, &[left]).await.expect(HINT);
    let mut statements: Vec<String> = left
        .into_iter()
        .filter(|other| *other == name || !is_of_a_running_process(other))
        .map(|other| format!("DROP DATABASE IF EXISTS {other} WITH (FORCE)"))
        .collect();
    statements.push(format!("CREATE DATABASE {name} TEMPLATE template0"));
    run(cluster, &statements).await.expect(HINT);
    template::fill(&url_of(cluster, &name)).await;
    name
}

fn is_of_a_running_process(template: &str) -> bool {
    template
        .strip_prefix(TEMPLATE)
        .is_some_and(|process| Path::new("/proc").join(process).exists())
}

fn url_of(cluster: &str, database: &str) -> String {
    let (base, options) = cluster.split_once('?').unwrap_or((cluster, ""));
    let (server, _) = base.rsplit_once('/').expect("a URL with a database in its path");
    let mark = if options.is_empty() { "" } else { "?" };
    format!("{server}/{database}{mark}{options}")
}

/// One after another; what comes back is the first column of the last.
async fn run(url: &str, statements: &[String]) -> Result<Vec<String>, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let connection = tokio::spawn(connection);
    let mut result = Ok(Vec::new());
    for sql in statements {
        result = client.simple_query(sql).await;
        if result.is_err() {
            break;
        }
    }
    drop(client);
    connection.await.expect("the connection ends by itself")?;
    let first = |message: SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    };
    Ok(result?.into_iter().filter_map(first).collect())
}

#[allow(
    clippy::disallowed_methods,
    reason = "the one place where a test learns of the PostgreSQL it may use"
)]
fn cluster_url() -> String {
    std::env::var("POSTERN_TEST_POSTGRES").unwrap_or_else(|_| {
        panic!(
            "POSTERN_TEST_POSTGRES is not set: run `cargo xtask test`, which starts a PostgreSQL for the tests, or \
             set it to the URL of a cluster where a database may be created, \
             like postgres://postern@127.0.0.1:5432/postgres"
        )
    })
}
