//! A real server in this process: TLS on a free port of 127.0.0.1, its own database, a clock the test moves.
//!
//! Its database is one that was started on before: the first administrator is there, with a hashed password.
//!
//! It runs on a runtime of its own, so that its end can be checked: dropping a [`TestServer`] stops it and
//! fails the test when anything of it is still running.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use postern_client::{Client, Credentials, Secret, Trust};
use postern_server::{Config, MailServer, Server, clock::SharedClock};
use postern_store::{Store, Tx};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{FakeClock, Wire, postgres::PostgresDatabase, template};

/// Where a test's data lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    /// In the cluster of `POSTERN_TEST_POSTGRES`.
    Postgres,
}

#[derive(Debug)]
pub struct TestServer {
    pub clock: Arc<FakeClock>,
    parts: Option<Parts>,
    folder: TempDir,
    wire: Wire,
    ca_pem: String,
    admin: String,
}

#[derive(Debug)]
struct Parts {
    server: Server,
    runtime: Runtime,
    config: Config,
    postgres: Option<PostgresDatabase>,
}

/// A clean stop takes at most this long (the server's own limit is a little less).
const STOP_WITHIN: Duration = Duration::from_secs(10);
pub(crate) const ADMIN_PASSWORD: &str = "correct horse battery";
/// In the data folder.
const DATABASE_FILE: &str = "postern.db";

impl TestServer {
    pub async fn start() -> Self {
        Self::on(Database::Sqlite).await
    }

    pub async fn on(database: Database) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        std::fs::create_dir(&data).expect("a folder");
        let postgres = match database {
            Database::Sqlite => {
                template::sqlite_to(&data.join(DATABASE_FILE)).await;
                None
            }
            Database::Postgres => Some(PostgresDatabase::create().await),
        };
        let agent_binary = folder.path().join("postern-agent");
        std::fs::write(&agent_binary, b"the agent program").expect("a file");
        let config = Config {
            data,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            database: postgres.as_ref().map(PostgresDatabase::url),
            tls: None,
            public_url: None,
            names: Vec::new(),
            admin_password: None,
            master_key: None,
            agent_binary: Some(agent_binary),
            retain_jobs_days: None,
            mail: None,
            extra_ca: None,
        };
        let clock = FakeClock::new();
        let runtime = runtime();
        let server = serve(&runtime, config.clone(), clock.clone()).await;
        let ca_pem = server.ca_pem().to_owned();
        let wire = Wire::new(server.public_url().to_owned(), &ca_pem);
        let parts = Some(Parts {
            server,
            runtime,
            config,
            postgres,
        });
        let mut test_server = Self {
            clock,
            parts,
            folder,
            wire,
            ca_pem,
            admin: String::new(),
        };
        test_server.admin = test_server.token(postern_domain::UserId(1), None).await;
        test_server
    }

    fn parts(&self) -> &Parts {
        self.parts.as_ref().expect("the server runs")
    }

    /// The first administrator, by an API token: signing in costs a password hash.
    pub fn admin(&self) -> Client {
        self.client(&self.admin)
    }

    /// Secret of the administrator's API token, for plain requests.
    pub fn admin_token(&self) -> &str {
        &self.admin
    }

    pub fn admin_password(&self) -> &'static str {
        ADMIN_PASSWORD
    }

    /// The typed client with an API token.
    pub fn client(&self, token: &str) -> Client {
        self.connect(&Credentials::Token(Secret::new(token)))
    }

    pub fn connect(&self, credentials: &Credentials) -> Client {
        let trust = Trust::Ca(self.ca_pem.clone());
        Client::new(self.wire.url(), credentials, &trust).expect("a client of the test server")
    }

    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    pub fn address(&self) -> SocketAddr {
        self.parts().server.address()
    }

    /// The server's data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The SQLite file.
    pub fn database_file(&self) -> PathBuf {
        self.data().join(DATABASE_FILE)
    }

    /// Where the database is, when it is PostgreSQL.
    pub fn postgres_url(&self) -> Option<String> {
        self.parts().postgres.as_ref().map(PostgresDatabase::url)
    }

    /// Past the server: a connection to its database, which is PostgreSQL.
    pub async fn postgres_client(&self) -> tokio_postgres::Client {
        let url = self.postgres_url().expect("a server on PostgreSQL");
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
            .await
            .expect("PostgreSQL is there");
        tokio::spawn(connection);
        client
    }

    /// A number of `/metrics`; 0 when it is not there.
    pub async fn metric(&self, name: &str) -> f64 {
        let request = self
            .wire
            .request(reqwest::Method::GET, "/metrics")
            .bearer_auth(&self.admin);
        let text = crate::Answer::of(request).await.text();
        let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
        text.lines().find_map(value).unwrap_or_default()
    }

    /// A change behind the API.
    pub async fn write<T, F>(&self, operation: F) -> T
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> Operation<'t, T> + Send + 'static,
    {
        let store = self.store();
        let written = self
            .parts()
            .runtime
            .spawn(async move { store.write(operation).await });
        written.await.expect("no panic").expect("the store does it")
    }

    /// A look behind the API.
    pub async fn read<T, F>(&self, operation: F) -> T
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> Operation<'t, T> + Send + 'static,
    {
        let store = self.store();
        let read = self
            .parts()
            .runtime
            .spawn(async move { store.read(operation).await });
        read.await.expect("no panic").expect("the store does it")
    }

    fn store(&self) -> Store {
        self.parts().server.store().clone()
    }

    /// A clean stop in the background; ends when the server has ended.
    pub fn stop(mut self) -> tokio::task::JoinHandle<()> {
        let parts = self.parts.take().expect("the server runs");
        tokio::task::spawn_blocking(move || {
            end(parts);
            drop(self);
        })
    }

    /// From the next start on; nobody has to listen there.
    pub fn mail(&mut self, url: &str) {
        let parts = self.parts.as_mut().expect("the server runs");
        parts.config.mail = Some(MailServer {
            url: url.to_owned(),
            from: "Postern <postern@example.org>".to_owned(),
        });
    }

    /// From the next start on, jobs are removed so many days after they ended.
    pub fn retain_jobs_days(&mut self, days: u32) {
        let parts = self.parts.as_mut().expect("the server runs");
        parts.config.retain_jobs_days = Some(days);
    }

    /// Stops, and starts again on the same data and address.
    pub async fn restart(&mut self) {
        self.restart_after(Duration::ZERO).await;
    }

    /// As `restart`, with the clock moved on while no server runs.
    pub async fn restart_after(&mut self, gap: Duration) {
        let Parts {
            server,
            runtime,
            mut config,
            postgres,
        } = self.parts.take().expect("the server runs");
        config.listen = server.address();
        runtime.spawn(server.stop()).await.expect("the server stops");
        self.clock.advance(gap);
        let server = serve(&runtime, config.clone(), self.clock.clone()).await;
        self.parts = Some(Parts {
            server,
            runtime,
            config,
            postgres,
        });
    }
}

/// What runs inside a transaction.
pub type Operation<'t, T> =
    std::pin::Pin<Box<dyn Future<Output = Result<T, postern_store::Error>> + Send + 't>>;

impl Drop for TestServer {
    fn drop(&mut self) {
        let Some(parts) = self.parts.take() else {
            return;
        };
        // A runtime can neither block nor be dropped inside another.
        let ended = std::thread::spawn(|| end(parts)).join();
        if !std::thread::panicking() {
            assert!(ended.is_ok(), "the server did not end cleanly");
        }
    }
}

fn end(parts: Parts) {
    let Parts {
        server,
        runtime,
        postgres,
        ..
    } = parts;
    runtime.block_on(async {
        tokio::time::timeout(STOP_WITHIN, server.stop())
            .await
            .expect("the server stops within its limit");
        let metrics = runtime.metrics();
        crate::within(STOP_WITHIN, "every task of the server has ended", || {
            std::future::ready((metrics.num_alive_tasks() == 0).then_some(()))
        })
        .await;
        if let Some(database) = postgres {
            database.remove().await;
        }
    });
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("test-server")
        .enable_all()
        .build()
        .expect("a runtime")
}

async fn serve(runtime: &Runtime, config: Config, clock: Arc<FakeClock>) -> Server {
    let clock: SharedClock = clock;
    let started = runtime.spawn(Server::start(config, clock));
    started.await.expect("no panic").expect("the server starts")
}
