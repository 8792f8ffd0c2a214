//! `postern serve`: runs the server until it is told to stop.

use std::{io::IsTerminal as _, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};

use clap::{Args, ValueEnum};
use postern_server::{Config, MailServer, Server, TlsFiles, clock::SystemClock};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::{config, failure::Failure, output::Console};

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// Folder for the database, the keys and the CA certificate
    #[arg(long, env = "POSTERN_DATA", value_name = "DIR")]
    data: PathBuf,
    /// Address to listen on
    #[arg(
        long,
        env = "POSTERN_LISTEN",
        default_value = "127.0.0.1:8443",
        value_name = "ADDRESS:PORT"
    )]
    listen: SocketAddr,
    /// sqlite://PATH or postgres://USER@HOST/NAME; a file in the data folder when absent
    #[arg(long, env = "POSTERN_DATABASE", hide_env_values = true, value_name = "URL")]
    database: Option<String>,
    /// Certificate chain in PEM, leaf first and CA last; the server has a CA of its own when absent
    #[arg(long, env = "POSTERN_TLS_CERT", requires = "tls_key", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate, in PEM
    #[arg(long, env = "POSTERN_TLS_KEY", requires = "tls_cert", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Address under which agents and browsers reach the server
    #[arg(long, env = "POSTERN_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// Further name or address for the server's own certificate; may repeat
    #[arg(
        long = "name",
        env = "POSTERN_NAMES",
        value_delimiter = ',',
        value_name = "NAME"
    )]
    names: Vec<String>,
    /// Agent program that the install command offers; the one beside this program when absent
    #[arg(long, env = "POSTERN_AGENT_BINARY", value_name = "FILE")]
    agent_binary: Option<PathBuf>,
    /// Remove jobs so many days after they ended; the audit trail stays. Kept for ever when absent
    #[arg(long, env = "POSTERN_RETAIN_JOBS_DAYS", value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    retain_jobs_days: Option<u32>,
    /// Mail server: smtps://HOST or smtp://HOST[?tls=none]. With a password in it, better in the environment
    #[arg(
        long,
        env = "POSTERN_SMTP_URL",
        hide_env_values = true,
        requires = "smtp_from",
        value_name = "URL"
    )]
    smtp_url: Option<String>,
    /// Address that e-mail comes from, such as "Postern <postern@example.org>"
    #[arg(
        long,
        env = "POSTERN_SMTP_FROM",
        requires = "smtp_url",
        value_name = "ADDRESS"
    )]
    smtp_from: Option<String>,
    /// Certificates in PEM of authorities that mail servers and webhooks may have, beside those of this machine
    #[arg(long, env = "POSTERN_EXTRA_CA", value_name = "FILE")]
    extra_ca: Option<PathBuf>,
    /// How the log looks
    #[arg(long, env = "POSTERN_LOG_FORMAT", value_enum, default_value = "text")]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

pub(crate) fn run(arguments: ServeArguments, console: &Console) -> Result<ExitCode, Failure> {
    log_start(arguments.log_format);
    let config = Config {
        tls: arguments
            .tls_cert
            .zip(arguments.tls_key)
            .map(|(certificate, key)| TlsFiles { certificate, key }),
        data: arguments.data,
        listen: arguments.listen,
        database: arguments.database,
        public_url: arguments
            .public_url
            .map(|url| url.trim_end_matches('/').to_owned()),
        names: arguments.names,
        admin_password: config::secret("POSTERN_ADMIN_PASSWORD"),
        master_key: config::secret("POSTERN_MASTER_KEY"),
        agent_binary: arguments.agent_binary,
        retain_jobs_days: arguments.retain_jobs_days,
        mail: arguments
            .smtp_url
            .zip(arguments.smtp_from)
            .map(|(url, from)| MailServer { url, from }),
        extra_ca: arguments.extra_ca,
    };
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::local("cannot start", &error))?
        .block_on(serve(config, console))
}

async fn serve(config: Config, console: &Console) -> Result<ExitCode, Failure> {
    let fail = |error: std::io::Error| Failure::local("cannot listen for signals", &error);
    // Before anything else: a stop asked for while starting is not lost.
    let mut terminate = signal(SignalKind::terminate()).map_err(fail)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(fail)?;
    let ca = config.data.join("ca.pem");
    let start = Server::start(config, Arc::new(SystemClock));
    let server = tokio::select! {
        started = start => started.map_err(|error| Failure::Local(error.to_string()))?,
        _ = terminate.recv() => return Ok(ExitCode::SUCCESS),
        _ = interrupt.recv() => return Ok(ExitCode::SUCCESS),
    };
    if let Some(password) = server.admin_password() {
        console.say("first start: the administrator is `admin`; this is shown once");
        console.say(&format!("admin password: {password}"));
    }
    console.say(&format!("listening on https://{}", server.address()));
    console.say(&format!(
        "open {} or: postern login {} --ca {}",
        server.public_url(),
        server.public_url(),
        ca.display()
    ));
    tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    tracing::info!("stopping");
    server.stop().await;
    Ok(ExitCode::SUCCESS)
}

fn log_start(format: LogFormat) {
    let directives = config::log_directives().unwrap_or_else(|| "info".to_owned());
    let filter = EnvFilter::try_new(&directives).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && !config::no_colour());
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}
