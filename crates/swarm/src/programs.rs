//! The programs that are measured, as processes of their own: `postern serve` and `postern-agent run`.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use postern_api::{
    ListRequest,
    agents::AgentCreate,
    identity::{SessionCreate, TokenCreate},
};
use postern_client::{Client, Credentials, IdempotencyKey, Secret, Trust};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

/// A first start on a busy machine makes keys and hashes a password.
const START_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(15);
const LISTENING: &str = "listening on ";
/// What a service manager would set; nothing of this terminal's settings reaches the programs.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A started program; killed when dropped.
struct Program {
    child: Child,
    pid: u32,
}

impl Program {
    fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let log = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        let child = command
            .env("PATH", SEARCH_PATH)
            .stdin(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let pid = child.id().context("a started process has an id")?;
        Ok(Self { child, pid })
    }

    async fn stop(mut self) -> Result<()> {
        let _gone_already = kill(Pid::from_raw(i32::try_from(self.pid)?), Signal::SIGTERM);
        match timeout(STOP_WITHIN, self.child.wait()).await {
            Ok(status) => {
                let status = status?;
                ensure!(
                    status.success(),
                    "process {} did not end cleanly: {status}",
                    self.pid
                );
                Ok(())
            }
            Err(_) => bail!("process {} did not stop within {STOP_WITHIN:?}", self.pid),
        }
    }
}

pub(crate) struct Server {
    program: Program,
    /// `https://127.0.0.1:PORT`
    pub(crate) url: String,
    pub(crate) ca_pem: String,
    /// As the administrator, with an API token.
    pub(crate) client: Client,
    token: String,
}

/// How a server is started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Launch<'a> {
    pub(crate) binary: &'a Path,
    /// For its data and its log.
    pub(crate) folder: &'a Path,
    /// Address of its database.
    pub(crate) database: &'a str,
    /// More of its command line.
    pub(crate) arguments: &'a [&'a str],
    /// What it logs, as lines of JSON; the usual as text when absent.
    pub(crate) log: Option<&'a str>,
}

impl Server {
    /// For the first time, with an empty database.
    pub(crate) async fn start(launch: Launch<'_>) -> Result<Self> {
        let password = IdempotencyKey::random().to_string();
        let (program, url, ca_pem) = launch.run(Some(&password)).await?;
        let token = api_token(&url, &ca_pem, "admin", password).await?;
        Self::of(program, url, ca_pem, token)
    }

    /// Again, with the data and the database of one that was stopped. `token`: what that one's administrator had.
    pub(crate) async fn start_again(launch: Launch<'_>, token: String) -> Result<Self> {
        let (program, url, ca_pem) = launch.run(None).await?;
        Self::of(program, url, ca_pem, token)
    }

    fn of(program: Program, url: String, ca_pem: String, token: String) -> Result<Self> {
        let client = client(&url, &ca_pem, &token)?;
        Ok(Self {
            program,
            url,
            ca_pem,
            client,
            token,
        })
    }

    /// Somebody who may do this much, at this place, and whose name begins with this.
    pub(crate) async fn user(&self, name: &str, role: &str, scope: serde_json::Value) -> Result<Client> {
        let password = IdempotencyKey::random().to_string();
        let name = &format!("{name}-{}", &IdempotencyKey::random().to_string()[..8]);
        let request = serde_json::json!({
            "username": name, "password": password, "bindings": [{"role": role, "scope": scope}],
        });
        let request = serde_json::from_value(request)?;
        self.client
            .user_create(&request, &IdempotencyKey::random())
            .await?;
        let token = api_token(&self.url, &self.ca_pem, name, password).await?;
        client(&self.url, &self.ca_pem, &token)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.program.pid
    }

    pub(crate) async fn stop(self) -> Result<()> {
        self.program.stop().await.context("the server")
    }

    /// Returns the administrator's token, for the next start.
    pub(crate) async fn pause(self) -> Result<String> {
        let token = self.token.clone();
        self.stop().await?;
        Ok(token)
    }

    /// Until every agent there is counts as connected; returns how long that took from `begun`.
    pub(crate) async fn all_connected(&self, begun: Instant, within: Duration) -> Result<Duration> {
        let request = ListRequest {
            limit: Some(1),
            filter: vec![("connection".into(), "pending,disconnected".into())],
            ..ListRequest::default()
        };
        loop {
            if self.client.agent_list(&request).await?.items.is_empty() {
                return Ok(begun.elapsed());
            }
            if begun.elapsed() > within {
                bail!("not every agent was connected within {within:?}");
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Until no job is on its way any more; returns how long that took from `begun`.
    pub(crate) async fn all_ended(&self, begun: Instant, within: Duration) -> Result<Duration> {
        let request = open_jobs(1);
        loop {
            if self.client.job_list(&request).await?.items.is_empty() {
                return Ok(begun.elapsed());
            }
            if begun.elapsed() > within {
                bail!("not every job had ended within {within:?}");
            }
        }
    }

    /// That nothing but success came out of all the jobs.
    pub(crate) async fn expect_no_failures(&self) -> Result<()> {
        let request = ListRequest {
            limit: Some(5),
            filter: vec![("state".into(), "failed,timeout,cancelled,unknown".into())],
            ..ListRequest::default()
        };
        let bad = self.client.job_list(&request).await?.items;
        match bad.first() {
            None => Ok(()),
            Some(job) => bail!(
                "job {} on {} ended as {}: {}",
                job.id,
                job.agent,
                job.state,
                job.reason.as_deref().unwrap_or("no reason given")
            ),
        }
    }
}

/// Jobs that have not ended, newest first.
pub(crate) fn open_jobs(limit: u32) -> ListRequest {
    ListRequest {
        limit: Some(limit),
        filter: vec![("state".into(), "queued,pending,running".into())],
        ..ListRequest::default()
    }
}

/// Reads until the server says where it listens, and goes on reading so that it never waits for us.
async fn address(output: tokio::process::ChildStdout) -> Result<String> {
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some(url) = line.strip_prefix(LISTENING) {
            let url = url.to_owned();
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(url);
        }
    }
    bail!("the server ended at its start: see server.log")
}

impl Launch<'_> {
    /// Begun anew at each start.
    pub(crate) fn log_file(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    async fn run(&self, password: Option<&str>) -> Result<(Program, String, String)> {
        let data = self.folder.join("server");
        let mut command = Command::new(self.binary);
        command.env_clear();
        if let Some(directives) = self.log {
            command
                .env("POSTERN_LOG", directives)
                .env("POSTERN_LOG_FORMAT", "json");
        }
        if let Some(password) = password {
            command.env("POSTERN_ADMIN_PASSWORD", password);
        }
        command
            .arg("serve")
            .arg("--data")
            .arg(&data)
            .args(["--listen", "127.0.0.1:0", "--database", self.database])
            .args(self.arguments)
            .stdout(Stdio::piped());
        let mut program = Program::start(&mut command, &self.log_file())?;
        let output = program.child.stdout.take().context("its output is a pipe")?;
        let url = timeout(START_WITHIN, address(output))
            .await
            .context("the server did not start in time")??;
        let ca_pem = std::fs::read_to_string(data.join("ca.pem")).context("the server wrote no ca.pem")?;
        Ok((program, url, ca_pem))
    }
}

fn client(url: &str, ca_pem: &str, token: &str) -> Result<Client> {
    let credentials = Credentials::Token(Secret::new(token.to_owned()));
    Ok(Client::new(url, &credentials, &Trust::Ca(ca_pem.to_owned()))?)
}

async fn api_token(url: &str, ca_pem: &str, username: &str, password: String) -> Result<String> {
    let client = Client::new(url, &Credentials::None, &Trust::Ca(ca_pem.to_owned()))?;
    let request = SessionCreate {
        username: username.into(),
        password,
    };
    let signed_in = client.session_create(&request).await.context("cannot sign in")?;
    let token = client
        .with_credentials(&signed_in.credentials)?
        .token_create(
            &TokenCreate {
                name: "swarm".into(),
                permissions: None,
                expires_in_days: Some(1),
            },
            &IdempotencyKey::random(),
        )
        .await
        .context("cannot make an API token")?;
    Ok(token.secret)
}

pub(crate) struct RealAgent {
    program: Program,
    /// Its name is what jobs are aimed at.
    pub(crate) name: String,
}

impl RealAgent {
    pub(crate) async fn start(binary: &Path, folder: &Path, server: &Server, name: &str) -> Result<Self> {
        let request = AgentCreate {
            name: name.to_owned(),
            organization_id: None,
            department_id: None,
            labels: std::collections::BTreeMap::default(),
        };
        let created = server
            .client
            .agent_create(&request, &IdempotencyKey::random())
            .await?;
        let data: PathBuf = folder.join(name);
        let mut command = Command::new(binary);
        command
            .env_clear()
            .env("POSTERN_AGENT_TOKEN", created.enrollment_token)
            .args(["run", "--server", &server.url, "--data"])
            .arg(&data)
            .stdout(Stdio::null());
        let program = Program::start(&mut command, &folder.join(format!("{name}.log")))?;
        Ok(Self {
            program,
            name: name.to_owned(),
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.program.pid
    }

    pub(crate) async fn stop(self) -> Result<()> {
        let name = self.name;
        self.program.stop().await.context(name)
    }
}
