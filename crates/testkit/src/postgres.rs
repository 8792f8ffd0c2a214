//! A database of its own in the PostgreSQL that the environment names.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::NoTls;

#[derive(Debug)]
pub(crate) struct PostgresDatabase {
    cluster: String,
    name: String,
}

impl PostgresDatabase {
    pub(crate) async fn create() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let cluster = cluster_url();
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("rooms_{}_{number}", std::process::id());
        let create =
            "POSTERN_TEST_POSTGRES must name a PostgreSQL that is running and lets us CREATE DATABASE";
        run(&cluster, &format!("DROP DATABASE IF EXISTS {name}"))
            .await
            .expect(create);
        run(&cluster, &format!("CREATE DATABASE {name} TEMPLATE template0"))
            .await
            .expect(create);
        Self { cluster, name }
    }

    pub(crate) fn url(&self) -> String {
        let (base, options) = self.cluster.split_once('?').unwrap_or((&self.cluster, ""));
        let (server, _) = base.rsplit_once('/').expect("a URL with a database in its path");
        let mark = if options.is_empty() { "" } else { "?" };
        format!("{server}/{}{mark}{options}", self.name)
    }

    pub(crate) async fn remove(self) {
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        run(&self.cluster, &sql).await.expect("the database goes");
    }
}

async fn run(url: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let connection = tokio::spawn(connection);
    let result = client.batch_execute(sql).await;
    drop(client);
    connection.await.expect("the connection ends by itself")?;
    result
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
