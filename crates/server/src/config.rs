//! What `postern serve` can be told. Flags and environment are read by the program; this is their sum.

use std::{net::SocketAddr, path::PathBuf};

#[derive(Debug, Clone)]
pub struct Config {
    pub data: PathBuf,
    pub listen: SocketAddr,
    /// `sqlite://…` or `postgres://…`; a file in `data` when absent.
    pub database: Option<String>,
    /// Certificate chain (leaf first, CA last) and key; own ones are made when absent.
    pub tls: Option<TlsFiles>,
    /// Address under which agents and browsers reach the server; made from `listen` when absent.
    pub public_url: Option<String>,
    /// Further names and addresses for the server's own certificate.
    pub names: Vec<String>,
    /// Password of the first administrator; drawn and returned when absent.
    pub admin_password: Option<String>,
    /// 32 bytes in base64; a file in `data` when absent.
    pub master_key: Option<String>,
    /// Program offered by the install command; beside the server's own when absent.
    pub agent_binary: Option<PathBuf>,
    /// Jobs are removed so many days after they ended; never when absent.
    pub retain_jobs_days: Option<u32>,
    /// No e-mail is sent when absent.
    pub mail: Option<MailServer>,
    /// PEM of further authorities for mail servers and webhooks.
    pub extra_ca: Option<PathBuf>,
}

/// Where e-mail is handed in.
#[derive(Clone)]
pub struct MailServer {
    /// `smtps://USER:PASSWORD@HOST:PORT` or `smtp://…`.
    pub url: String,
    /// The address that messages come from, with a name before it if wanted.
    pub from: String,
}

impl std::fmt::Debug for MailServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MailServer({})", self.from)
    }
}

#[derive(Debug, Clone)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Config {
    pub fn database_url(&self) -> String {
        self.database
            .clone()
            .unwrap_or_else(|| format!("sqlite://{}", self.data.join("postern.db").display()))
    }
}
