//! A database for one test.

use tokio_postgres::{NoTls, SimpleQueryMessage};

use super::environment;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// Gone when dropped, on PostgreSQL with everyone who still uses it.
#[derive(Debug)]
pub(crate) struct Database {
    /// `None`: SQLite in the server's own folder.
    pub(crate) url: Option<String>,
    name: String,
}

impl Database {
    pub(crate) fn new(engine: Engine, purpose: &str) -> Self {
        let name = format!("whole_{purpose}_{}", std::process::id());
        let url = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => {
                execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
                execute(&format!("CREATE DATABASE {name} TEMPLATE template0"));
                let cluster = cluster_url();
                let (server, _) = cluster
                    .rsplit_once('/')
                    .expect("a URL with a database in its path");
                Some(format!("{server}/{name}"))
            }
        };
        Self { url, name }
    }
}

impl Database {
    /// Every row of every table as text. Of SQLite nothing: its file can be looked into.
    pub(crate) fn contents(&self) -> Vec<u8> {
        let Some(url) = &self.url else {
            return Vec::new();
        };
        let tables = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'";
        query(url, tables)
            .into_iter()
            .flat_map(|table| query(url, &format!("SELECT row_to_json({table})::text FROM {table}")))
            .flat_map(|row| [row.into_bytes(), vec![b'\n']].concat())
            .collect()
    }

    /// As when the database server was started again.
    pub(crate) fn end_connections(&self) {
        execute(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
            self.name
        ));
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.url.is_some() {
            execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        }
    }
}

fn cluster_url() -> String {
    environment("POSTERN_TEST_POSTGRES").unwrap_or_else(|| {
        panic!(
            "POSTERN_TEST_POSTGRES is not set: run `cargo xtask test`, which starts a PostgreSQL for the tests, or \
             set it to the URL of a cluster where a database may be created, \
             like postgres://postern@127.0.0.1:5432/postgres"
        )
    })
}

fn execute(sql: &str) {
    query(&cluster_url(), sql);
}

/// The first column of what comes back.
fn query(url: &str, sql: &str) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let done: Result<_, tokio_postgres::Error> = runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        let connection = tokio::spawn(connection);
        let messages = client.simple_query(sql).await?;
        drop(client);
        let _ = connection.await;
        Ok(messages)
    });
    let first = |message: SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    };
    let rows = done.map(|messages| messages.into_iter().filter_map(first).collect());
    rows.unwrap_or_else(|error| {
        panic!("POSTERN_TEST_POSTGRES must name a PostgreSQL that lets us make databases: {error}")
    })
}
