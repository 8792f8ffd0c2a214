//! `cargo xtask up`: from a clone to a running Postern with one agent and one finished job, on this machine, in one
//! data folder that can be thrown away.

use std::fs::{DirBuilder, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::interrupt::{Interrupt, Waited};
use crate::process::{self, Service, open_log};
use crate::programs;
use crate::web;
use crate::workspace::Workspace;

const AGENT: &str = "local";
const SERVER_LIMIT: Duration = Duration::from_secs(60);
const AGENT_LIMIT: Duration = Duration::from_secs(60);
/// What the server prints, once in its life, when nobody gave it a password.
const PASSWORD_LINE: &str = "admin password: ";
/// What it prints when it answers requests.
const LISTENING_LINE: &str = "listening on ";
const FIRST_JOB: &str = r#"echo "Hello from $(hostname), run by a Postern agent"; echo "It is $(date) here; the system is $(uname -sr)""#;

#[derive(Debug)]
pub(crate) struct Options {
    stay: Stay,
    data: PathBuf,
    listen: SocketAddr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stay {
    UntilInterrupted,
    UntilFirstJob,
}

impl Options {
    pub(crate) fn parse(mut arguments: lexopt::Parser) -> Result<Self> {
        let listen = SocketAddr::from(([127, 0, 0, 1], 8443));
        let mut options = Self {
            stay: Stay::UntilInterrupted,
            data: "target/up".into(),
            listen,
        };
        while let Some(argument) = arguments.next()? {
            match argument {
                lexopt::Arg::Long("once") => options.stay = Stay::UntilFirstJob,
                lexopt::Arg::Long("data") => options.data = arguments.value()?.into(),
                lexopt::Arg::Long("listen") => {
                    let value = arguments.value()?;
                    let address = value.to_str().and_then(|text| text.parse().ok());
                    options.listen =
                        address.context("--listen takes an address and a port, such as 127.0.0.1:8443")?;
                }
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }

    /// Where to reach what listens there: an address that stands for all of them is not one to dial.
    fn url(&self) -> String {
        let port = self.listen.port();
        match self.listen.ip() {
            ip if ip.is_unspecified() => format!("https://127.0.0.1:{port}"),
            _ => format!("https://{}", self.listen),
        }
    }
}

pub(crate) fn run(workspace: &Workspace, interrupt: &Interrupt, options: &Options) -> Result<()> {
    ensure_free(options.listen)?;
    let data = workspace.root.join(&options.data);
    let private = DirBuilder::new().recursive(true).mode(0o700).create(&data);
    private.with_context(|| format!("cannot create {}", data.display()))?;

    title("1/5 web: packages and build");
    web::install(workspace, interrupt)?;
    web::build(workspace, interrupt)?;
    title("2/5 programs: release build (some minutes the first time)");
    programs::build(workspace, interrupt, &["postern", "postern-agent"])?;

    title("3/5 server");
    let place = Place {
        workspace,
        interrupt,
        url: options.url(),
        data,
    };
    let (mut server, password) = place.start_server(options.listen)?;
    place.login(&password)?;
    title("4/5 agent");
    let mut agent = place.start_agent()?;
    title("5/5 a first job");
    place.run_first_job()?;

    println!("\nPostern is running.");
    println!("  address    {}", place.url);
    println!("  user       admin");
    println!("  password   {password}");
    println!("  logs       {}/*.log", place.data.display());
    println!(
        "  commands   POSTERN_CONFIG_DIR={} {}",
        place.data.join("cli").display(),
        place.program("postern").display()
    );
    if options.stay == Stay::UntilInterrupted {
        println!("\nCtrl-C stops server and agent; the next `cargo xtask up` goes on with the same data.");
        while interrupt.pause(Duration::from_millis(500)) == Waited::Elapsed {
            server.check_alive()?;
            agent.check_alive()?;
        }
    }
    println!("\nstopping");
    for (name, service) in [("agent", &mut agent), ("server", &mut server)] {
        let status = service.stop()?;
        if !status.success() {
            bail!("the {name} did not stop cleanly: {status}");
        }
    }
    println!("stopped");
    Ok(())
}

fn title(text: &str) {
    println!("\n== {text}");
}

fn ensure_free(listen: SocketAddr) -> Result<()> {
    match TcpListener::bind(listen) {
        Ok(_) => Ok(()),
        Err(error) => bail!(
            "cannot listen on {listen}: {error}. Stop what uses it, or choose another port, for example: \
             cargo xtask up --listen 127.0.0.1:{}",
            listen.port().wrapping_add(1).max(1024)
        ),
    }
}

struct Place<'a> {
    workspace: &'a Workspace,
    interrupt: &'a Interrupt,
    url: String,
    data: PathBuf,
}

impl Place<'_> {
    fn program(&self, name: &str) -> PathBuf {
        programs::path(self.workspace, name)
    }

    /// One of our programs, blind to settings that the person at this terminal has for another Postern.
    fn command(&self, name: &str) -> Command {
        let mut command = self.workspace.command(self.program(name));
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("POSTERN_") {
                command.env_remove(&variable);
            }
        }
        command
    }

    fn cli(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("postern");
        command
            .env("POSTERN_CONFIG_DIR", self.data.join("cli"))
            .args(arguments);
        command
    }

    fn start_server(&self, listen: SocketAddr) -> Result<(Service, String)> {
        let kept = self.data.join("admin-password");
        let known = std::fs::read_to_string(&kept)
            .ok()
            .map(|text| text.trim().to_owned());
        let folder = self.data.join("server");
        if known.is_none() && folder.exists() {
            bail!(
                "{} has no admin-password beside it: an earlier first start did not finish. \
                 Remove {} and try again",
                folder.display(),
                self.data.display()
            );
        }
        let log = self.data.join("server.log");
        let mut command = self.command("postern");
        command
            .arg("serve")
            .arg("--data")
            .arg(&folder)
            .args(["--listen", &listen.to_string()]);
        if let Some(password) = &known {
            command.env("POSTERN_ADMIN_PASSWORD", password);
        }
        let mut server = Service::start_piped("server", &log, &mut command)?;
        let output = server.take_stdout().context("the server's output is a pipe")?;
        let printed = log_lines(output, open_log(&log)?);
        let mut password = known.clone();
        self.interrupt.wait_for("the server", SERVER_LIMIT, || {
            server.check_alive()?;
            for said in printed.try_iter() {
                match said {
                    Said::Password(new) => password = Some(new),
                    Said::Listening => return Ok(Some(())),
                }
            }
            Ok(None)
        })?;
        let password = password.context("the server printed no password at its first start")?;
        if known.is_none() {
            keep_secret(&kept, &password)?;
        }
        println!("the server listens on {} (process {})", self.url, server.id());
        Ok((server, password))
    }

    fn login(&self, password: &str) -> Result<()> {
        let authority = self.data.join("server/ca.pem");
        let mut login = self.cli(&["login", &self.url, "--user", "admin", "--password-stdin", "--ca"]);
        let mut child = process::spawn(login.arg(authority).stdin(Stdio::piped()))?;
        let mut input = child.stdin.take().context("its input is a pipe")?;
        input
            .write_all(format!("{password}\n").as_bytes())
            .context("cannot hand over the password")?;
        drop(input);
        if !child.wait()?.success() {
            bail!("cannot sign in as admin at {}", self.url);
        }
        Ok(())
    }

    fn start_agent(&self) -> Result<Service> {
        let folder = self.data.join("agent");
        let mut command = self.command("postern-agent");
        command
            .arg("run")
            .args(["--server", &self.url])
            .arg("--data")
            .arg(&folder);
        let enrolled = folder.join("identity.json").exists();
        let token = match (self.show_agent(), enrolled) {
            (None, _) => Some(self.enrollment_token(&["agent", "create", AGENT, "--json"])?),
            // An earlier first start ended between the two.
            (Some(_), false) => Some(self.enrollment_token(&["agent", "token", AGENT, "--json"])?),
            (Some(_), true) => None,
        };
        if let Some(token) = token {
            // Not an argument: everyone on this machine could read it in the list of processes.
            command.env("POSTERN_AGENT_TOKEN", token);
        }
        let mut agent = Service::start("agent", &self.data.join("agent.log"), &mut command)?;
        self.interrupt
            .wait_for("the agent to be running", AGENT_LIMIT, || {
                agent.check_alive()?;
                let running = self
                    .show_agent()
                    .is_some_and(|shown| shown["health"] == "running");
                Ok(running.then_some(()))
            })?;
        println!("the agent `{AGENT}` is running (process {})", agent.id());
        Ok(agent)
    }

    fn enrollment_token(&self, command: &[&str]) -> Result<String> {
        let printed: Value = serde_json::from_slice(&process::capture(&mut self.cli(command))?)?;
        let token = printed["enrollment_token"].as_str();
        token
            .map(str::to_owned)
            .context("`postern` printed no enrollment_token")
    }

    /// Nothing when there is no such agent.
    fn show_agent(&self) -> Option<Value> {
        let shown = self
            .cli(&["agent", "show", AGENT, "--json"])
            .stdin(Stdio::null())
            .output()
            .ok()?;
        serde_json::from_slice(&shown.stdout)
            .ok()
            .filter(|_| shown.status.success())
    }

    fn run_first_job(&self) -> Result<()> {
        let command = [
            "job", "run", "--agent", AGENT, "--follow", "--", "sh", "-c", FIRST_JOB,
        ];
        process::run(self.interrupt, &mut self.cli(&command)).context("the first job failed")
    }
}

/// What matters here of what the server prints.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Password(String),
    Listening,
}

/// Copies a program's standard output to its log, except the one line that is a secret: that only comes back here.
fn log_lines(output: ChildStdout, mut log: File) -> Receiver<Said> {
    let (sender, said) = sync_channel(8);
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some(password) = line.strip_prefix(PASSWORD_LINE) {
                let _sent = sender.try_send(Said::Password(password.trim().to_owned()));
                continue;
            }
            if line.starts_with(LISTENING_LINE) {
                let _sent = sender.try_send(Said::Listening);
            }
            let _written = writeln!(log, "{line}");
        }
    });
    said
}

/// Readable by its owner only, from the first byte on.
fn keep_secret(path: &Path, secret: &str) -> Result<()> {
    let file = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path);
    let mut file = file.with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(file, "{secret}").with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &[&str]) -> Result<Options> {
        Options::parse(lexopt::Parser::from_args(arguments))
    }

    #[test]
    fn an_address_for_all_interfaces_is_dialled_at_loopback() {
        assert_eq!(
            options(&["--listen", "0.0.0.0:9000"]).expect("valid").url(),
            "https://127.0.0.1:9000"
        );
        assert_eq!(options(&[]).expect("valid").url(), "https://127.0.0.1:8443");
        assert!(options(&["--listen", "nowhere"]).is_err());
    }

    #[test]
    fn a_busy_port_is_refused_with_the_next_step() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let message = ensure_free(address).expect_err("busy").to_string();
        assert!(message.contains("--listen"), "{message}");
    }

    #[test]
    fn the_password_reaches_us_and_not_the_log() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("log");
        let mut child = Command::new("printf")
            .arg("one\nadmin password: secret\nlistening on x\n")
            .stdout(Stdio::piped())
            .spawn()
            .expect("printf");
        let said = log_lines(
            child.stdout.take().expect("a pipe"),
            open_log(&path).expect("a log"),
        );
        assert_eq!(
            said.iter().collect::<Vec<_>>(),
            [Said::Password("secret".into()), Said::Listening]
        );
        child.wait().expect("printf ends");
        assert_eq!(
            std::fs::read_to_string(&path).expect("a log"),
            "one\nlistening on x\n"
        );
    }

    #[test]
    fn a_secret_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("secret");
        keep_secret(&path, "x").expect("written");
        let mode = std::fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
