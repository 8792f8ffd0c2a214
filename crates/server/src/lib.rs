//! The server: rooms behind an HTTPS listener, one database, background reconcilers.
//!
//! It refuses to know how it is configured (flags and environment are the program's), what time it is (a
//! `Clock`), and to talk to anything but its database and whoever calls.

mod app;
mod background;
pub mod clock;
mod config;
mod digest;
mod error;
mod failpoint;
mod http;
mod hub;
mod keys;
mod metrics;
mod named;
mod newer;
mod pace;
mod random;
mod rooms;
mod runners;
mod tls;
mod uses;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use postern_store::{Gathered, Store};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use config::{Config, MailServer, TlsFiles};
pub use error::Error;
/// For tests that begin after it.
pub use rooms::identity::bootstrap::first_start;

use crate::{
    app::{App, Inner, Site},
    clock::SharedClock,
};

/// A clean stop takes at most this long; what is not done then is left to the next start.
const STOP_WITHIN: Duration = Duration::from_secs(7);
/// And then what was gathered is written: not without it, but not for ever either.
const FINISH_WITHIN: Duration = Duration::from_secs(2);

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    app: App,
    address: SocketAddr,
    /// Password of the administrator made at this, the first, start.
    admin_password: Option<String>,
    serving: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Opens the database, makes what is missing, listens and starts the background work.
    pub async fn start(config: Config, clock: SharedClock) -> Result<Self, Error> {
        let internal = |what: &str, error: std::io::Error| Error::Internal(format!("{what}: {error}"));
        std::fs::create_dir_all(&config.data)
            .map_err(|error| internal(&format!("cannot make {}", config.data.display()), error))?;
        let store = Store::open(&config.database_url()).await?;
        let now = clock.now();
        let master = keys::MasterKey::load(config.master_key.as_deref(), &config.data)?;
        let keys = keys::Keys::load(&store, &master, now).await?;
        let tls = tls::load(&config, &store, &master, now).await?;
        let ca_path = config.data.join("ca.pem");
        std::fs::write(&ca_path, &tls.ca_pem)
            .map_err(|error| internal(&format!("cannot write {}", ca_path.display()), error))?;
        let extra_ca = match &config.extra_ca {
            Some(path) => Some(
                std::fs::read_to_string(path)
                    .map_err(|error| internal(&format!("cannot read {}", path.display()), error))?,
            ),
            None => None,
        };
        let mail = config
            .mail
            .as_ref()
            .map(|server| rooms::notify::mail::Mail::new(server, extra_ca.as_deref()))
            .transpose()?;
        let webhooks = rooms::notify::Sender::new(extra_ca.as_deref())?;
        let admin_password =
            rooms::identity::bootstrap::first_start(&store, &clock, config.admin_password.clone()).await?;
        let listener = TcpListener::bind(config.listen).await.map_err(|error| {
            internal(
                &format!(
                    "cannot listen on {} (choose another with --listen)",
                    config.listen
                ),
                error,
            )
        })?;
        let address = listener
            .local_addr()
            .map_err(|error| internal("no local address", error))?;
        let app = App::new(Inner {
            looks: Gathered::looks(&store),
            hand_outs: Gathered::writes(&store),
            results: Gathered::writes(&store),
            store,
            clock,
            keys,
            master,
            hub: hub::Hub::default(),
            rollouts: tokio::sync::Notify::new(),
            workflows: tokio::sync::Notify::new(),
            deliveries: tokio::sync::Notify::new(),
            mail,
            webhooks,
            workflow_plans: rooms::workflows::Plans::default(),
            moving: rooms::workflows::Moving::default(),
            downloads: Arc::new(Semaphore::new(rooms::jobs::download::AT_ONCE)),
            gate: rooms::agents::gate::Gate::default(),
            limiter: rooms::identity::sign_in::Limiter::new(),
            script_checks: rooms::scripts::check::Checks::default(),
            metrics: metrics::Metrics::new(),
            site: Site {
                public_url: config
                    .public_url
                    .clone()
                    .unwrap_or_else(|| format!("https://{address}")),
                ca_pem: tls.ca_pem.clone(),
                ca_sha256: tls.ca_sha256,
                key_sha256: tls.key_sha256,
                agent_binary: config.agent_binary.clone().unwrap_or_else(beside_this_program),
                retain_jobs_days: config.retain_jobs_days,
            },
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        background::start(&app);
        let router = http::router(&app);
        let serving = tokio::spawn(http::listener::serve(
            listener,
            tls.config,
            router,
            app.shutdown.clone(),
        ));
        Ok(Self {
            app,
            address,
            admin_password,
            serving,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Address for people and agents.
    pub fn public_url(&self) -> &str {
        &self.app.site.public_url
    }

    pub fn ca_pem(&self) -> &str {
        &self.app.site.ca_pem
    }

    /// Shown once: it is not stored.
    pub fn admin_password(&self) -> Option<&str> {
        self.admin_password.as_deref()
    }

    /// For tests that look behind the API.
    pub fn store(&self) -> &Store {
        &self.app.store
    }

    /// Answers waiting polls, lets requests and writes finish, and stops.
    pub async fn stop(self) {
        self.app.shutdown.cancel();
        self.app.tasks.close();
        let done = async {
            let _ = self.serving.await;
            self.app.tasks.wait().await;
        };
        if tokio::time::timeout(STOP_WITHIN, done).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        let finish = background::finish(&self.app);
        if tokio::time::timeout(FINISH_WITHIN, finish).await.is_err() {
            tracing::warn!("the last heartbeats were not written in time");
        }
    }
}

fn beside_this_program() -> std::path::PathBuf {
    std::env::current_exe()
        .unwrap_or_default()
        .with_file_name("postern-agent")
}

/// What is wrong with the definition of a workflow and what is doubtful, as far as that is known without a database.
pub fn workflow_problems(definition: serde_json::Value) -> Vec<postern_domain::workflow::Problem> {
    rooms::workflows::problems(definition)
}

/// The OpenAPI document of the REST API, as JSON with a newline at the end. Needs no running server.
pub fn openapi_json() -> Result<String, Error> {
    let mut text = serde_json::to_string_pretty(&http::document())
        .map_err(|error| Error::Internal(error.to_string()))?;
    text.push('\n');
    Ok(text)
}
