//! The operator's commands, as a person runs them.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    process::Running,
    server::{ADMIN_PASSWORD, POSTERN, Server},
};

/// A person at a terminal, signed in to one server.
#[derive(Debug)]
pub(crate) struct Cli {
    config: PathBuf,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    /// What it printed, when it went well.
    #[track_caller]
    pub(crate) fn text(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout
    }

    #[track_caller]
    pub(crate) fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.text()).unwrap()
    }
}

impl Cli {
    pub(crate) fn signed_in(home: &Path, server: &Server) -> Self {
        let cli = Self {
            config: home.join("cli"),
        };
        let (url, ca) = (server.url(), server.ca_path());
        let arguments = [
            "login",
            &url,
            "--ca",
            ca.to_str().unwrap(),
            "--user",
            "admin",
            "--password-stdin",
        ];
        cli.run_with_input(&arguments, ADMIN_PASSWORD).text();
        cli
    }

    /// Nobody, yet.
    pub(crate) fn new(home: &Path, name: &str) -> Self {
        Self {
            config: home.join(name),
        }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        self.run_with_input(arguments, "")
    }

    /// Goes on by itself; what it prints goes to a file.
    pub(crate) fn start(&self, arguments: &[&str], log: &Path) -> Running {
        Running::start(self.command().args(arguments), log)
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Answer {
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may have ended without reading.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Answer {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            bytes: output.stdout,
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(POSTERN);
        command.env_clear().env("POSTERN_CONFIG_DIR", &self.config);
        command
    }
}
