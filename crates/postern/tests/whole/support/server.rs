//! `postern serve` as a value: started, stopped and killed, always on the same port.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    process::{Running, stop},
    wait_for,
};

pub(crate) const POSTERN: &str = env!("CARGO_BIN_EXE_postern");
pub(crate) const ADMIN_PASSWORD: &str = "a password for tests";
/// 32 bytes in base64: servers of one cluster share it.
const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A port nobody listens on, outside of the range the system takes ports of outgoing connections from: it stays
/// free while the server that has it is down.
///
/// Bound to see that it is free, but never listened on: a process that another test forks meanwhile holds the
/// socket until it becomes its program, and must not answer in the server's place.
pub(crate) fn free_port() -> u16 {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let spread = u16::try_from(std::process::id() % 300).unwrap() * 40;
        let port = 12_000 + (spread + step) % 20_000;
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        if socket.bind(([127, 0, 0, 1], port).into()).is_ok() {
            return port;
        }
    }
}

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) data: PathBuf,
    pub(crate) port: u16,
    pub(crate) log: PathBuf,
    database: Option<String>,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    process: Mutex<Option<Running>>,
}

impl Server {
    /// Not started yet. Its data are in `home`, under its name.
    pub(crate) fn new(home: &Path, name: &str) -> Self {
        Self {
            data: home.join(name),
            port: free_port(),
            log: home.join(format!("{}.log", name.replace('/', "-"))),
            database: None,
            environment: Vec::new(),
            arguments: Vec::new(),
            process: Mutex::new(None),
        }
        .environment("POSTERN_ADMIN_PASSWORD", ADMIN_PASSWORD)
    }

    pub(crate) fn started(home: &Path) -> Self {
        let server = Self::new(home, "server");
        server.start();
        server
    }

    /// As one of several servers on this database.
    pub(crate) fn database(mut self, url: Option<&str>) -> Self {
        self.database = url.map(str::to_owned);
        match url {
            Some(_) => self.environment("POSTERN_MASTER_KEY", MASTER_KEY),
            None => self,
        }
    }

    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without_environment(mut self, name: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn argument(mut self, name: &str, value: &str) -> Self {
        self.arguments.extend([name.to_owned(), value.to_owned()]);
        self
    }

    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub(crate) fn ca_path(&self) -> PathBuf {
        self.data.join("ca.pem")
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(POSTERN);
        command
            .env_clear()
            .env("PATH", super::environment("PATH").unwrap_or_default())
            .env("POSTERN_LOG", "info")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .arg("serve")
            .arg("--data")
            .arg(&self.data)
            .args(["--listen", &format!("127.0.0.1:{}", self.port)])
            .args(&self.arguments);
        if let Some(url) = &self.database {
            command.args(["--database", url]);
        }
        command
    }

    /// Started, and answering.
    pub(crate) fn start(&self) {
        self.launch(&[]);
        self.wait_until_ready();
    }

    /// Started; whether it comes up is for the caller to see.
    pub(crate) fn launch(&self, environment: &[(&str, &str)]) {
        let mut command = self.command();
        command.envs(environment.iter().copied());
        self.launch_as(&mut command);
    }

    /// By another command that becomes the server.
    pub(crate) fn launch_as(&self, command: &mut Command) {
        *self.process() = Some(Running::start(command, &self.log));
    }

    pub(crate) fn wait_until_ready(&self) {
        wait_for(&format!("{} to listen", self.url()), || {
            if let Some(status) = self.process().as_mut().and_then(Running::ended) {
                panic!("the server ended with {status}:\n{}", self.log_text());
            }
            std::net::TcpStream::connect(("127.0.0.1", self.port))
                .is_ok()
                .then_some(())
        });
    }

    pub(crate) fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) fn is_running(&self) -> bool {
        self.process()
            .as_mut()
            .is_some_and(|process| process.ended().is_none())
    }

    pub(crate) fn pid(&self) -> Option<nix::unistd::Pid> {
        self.process().as_ref().map(Running::pid)
    }

    /// kill -9.
    pub(crate) fn kill(&self) {
        *self.process() = None;
    }

    /// SIGTERM.
    pub(crate) fn stop(&self, within: Duration) -> ExitStatus {
        let mut process = self.process().take().expect("a server that runs");
        stop(&mut process, within, "the server to stop")
    }

    /// The end it came to by itself.
    pub(crate) fn wait(&self, what: &str) -> ExitStatus {
        let status = wait_for(what, || self.process().as_mut().expect("started").ended());
        *self.process() = None;
        status
    }

    fn process(&self) -> MutexGuard<'_, Option<Running>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
