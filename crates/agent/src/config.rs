//! Settings of the agent: flags before environment before file. The only place that reads the environment.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use clap::{Args, Parser, Subcommand};
use serde::Deserialize;

use crate::policy;

const DEFAULT_DATA: &str = "/var/lib/postern-agent";
const DEFAULT_SLOTS: u32 = 4;
const MOST_SLOTS: u32 = 256;

/// The agent of Postern. It dials out to a server and runs the jobs it is given; it opens no port.
#[derive(Debug, Parser)]
#[command(name = "postern-agent", version, about, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Action,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Joins the server when it has not yet, then runs jobs until it is stopped
    Run(Flags),
    /// Prints the version
    Version,
    /// Brings up a shim for each attempt; started by the agent itself
    #[command(hide = true)]
    Launch {
        /// Whose it is, for those who look at the list of processes
        data: Option<PathBuf>,
    },
    /// Watches one attempt, as each process does that the launcher brings up
    #[command(hide = true)]
    Shim(ShimFlags),
    /// Does the work of one attempt that is not a program of the host; started by the attempt's shim
    #[command(hide = true)]
    Perform(PerformFlags),
}

#[derive(Debug, Default, Args)]
pub(crate) struct Flags {
    /// Address of the server, https://HOST:PORT; needed at the first start [env: POSTERN_AGENT_SERVER]
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Enrolment token; needed at the first start [env: POSTERN_AGENT_TOKEN]
    #[arg(long)]
    pub(crate) token: Option<String>,
    /// File that holds the enrolment token [env: POSTERN_AGENT_TOKEN_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Folder for keys, credential and the journal of jobs [default: /var/lib/postern-agent] [env: POSTERN_AGENT_DATA]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Jobs at once [default: 4] [env: POSTERN_AGENT_SLOTS]
    #[arg(long, value_name = "N")]
    pub(crate) slots: Option<u32>,
    /// Folder of cgroup v2 to make jobs' groups in, or `off` [default: the agent's own] [env: POSTERN_AGENT_CGROUP]
    #[arg(long, value_name = "DIR")]
    pub(crate) cgroup: Option<PathBuf>,
    /// What the host's owner allows [default: /etc/postern-agent/policy.toml, if it is there] [env: POSTERN_AGENT_POLICY]
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// TOML file with any of these settings [env: POSTERN_AGENT_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ShimFlags {
    pub(crate) dir: PathBuf,
    #[arg(long)]
    pub(crate) cgroup: Option<PathBuf>,
    #[arg(long)]
    pub(crate) policy: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PerformFlags {
    pub(crate) dir: PathBuf,
    #[arg(long)]
    pub(crate) policy: Option<PathBuf>,
}

/// Not `Debug`: the token is a secret.
pub(crate) struct Config {
    pub(crate) server: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) data: PathBuf,
    pub(crate) slots: u32,
    pub(crate) cgroup: CgroupChoice,
    pub(crate) policy: policy::Source,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CgroupChoice {
    Own,
    Under(PathBuf),
    Off,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{path} cannot be read: {source}", path = .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{path} is not a configuration file: {reason}", path = .path.display())]
    File { path: PathBuf, reason: String },
    #[error("{name} is '{value}': {problem}")]
    Value {
        name: &'static str,
        value: String,
        problem: &'static str,
    },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSettings {
    server: Option<String>,
    token: Option<String>,
    token_file: Option<PathBuf>,
    data: Option<PathBuf>,
    slots: Option<u32>,
    cgroup: Option<PathBuf>,
    policy: Option<PathBuf>,
}

pub(crate) fn load(flags: Flags) -> Result<Config, Error> {
    resolve(flags, &environment)
}

/// The point at which a test wants this process killed.
#[cfg(feature = "failpoints")]
pub(crate) fn failpoint() -> Option<String> {
    text(environment("POSTERN_AGENT_FAILPOINT"))
}

/// How much to log: `error`, `warn`, `info` (default), `debug`.
pub(crate) fn log_level() -> Option<String> {
    text(environment("POSTERN_AGENT_LOG"))
}

#[allow(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the environment"
)]
fn environment(name: &str) -> Option<OsString> {
    // Empty counts as not set: that is how container tools leave a variable out.
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn text(value: Option<OsString>) -> Option<String> {
    value.map(|value| value.to_string_lossy().into_owned())
}

fn resolve(flags: Flags, environment: &dyn Fn(&str) -> Option<OsString>) -> Result<Config, Error> {
    let word = |name: &str| text(environment(name));
    let path = |name: &str| environment(name).map(PathBuf::from);
    let file = match flags.config.or_else(|| path("POSTERN_AGENT_CONFIG")) {
        Some(path) => read_file(&path)?,
        None => FileSettings::default(),
    };
    let slots = match (flags.slots, word("POSTERN_AGENT_SLOTS")) {
        (Some(slots), _) => slots,
        (None, Some(value)) => value.parse().map_err(|_| Error::Value {
            name: "POSTERN_AGENT_SLOTS",
            value,
            problem: "a number was expected",
        })?,
        (None, None) => file.slots.unwrap_or(DEFAULT_SLOTS),
    };
    if !(1..=MOST_SLOTS).contains(&slots) {
        return Err(Error::Value {
            name: "slots",
            value: slots.to_string(),
            problem: "it must lie between 1 and 256",
        });
    }
    let token = match (
        given(flags.token, flags.token_file),
        given(word("POSTERN_AGENT_TOKEN"), path("POSTERN_AGENT_TOKEN_FILE")),
        given(file.token, file.token_file),
    ) {
        (Some(token), ..) | (None, Some(token), _) | (None, None, Some(token)) => Some(token.read()?),
        (None, None, None) => None,
    };
    let cgroup = flags
        .cgroup
        .or_else(|| path("POSTERN_AGENT_CGROUP"))
        .or(file.cgroup);
    let policy = flags
        .policy
        .or_else(|| path("POSTERN_AGENT_POLICY"))
        .or(file.policy);
    Ok(Config {
        server: flags
            .server
            .or_else(|| word("POSTERN_AGENT_SERVER"))
            .or(file.server),
        token,
        data: flags
            .data
            .or_else(|| path("POSTERN_AGENT_DATA"))
            .or(file.data)
            .unwrap_or_else(|| DEFAULT_DATA.into()),
        slots,
        cgroup: match cgroup {
            None => CgroupChoice::Own,
            Some(path) if path == Path::new("off") => CgroupChoice::Off,
            Some(path) => CgroupChoice::Under(path),
        },
        policy: policy::Source(policy),
    })
}

enum Token {
    Text(String),
    File(PathBuf),
}

fn given(token: Option<String>, file: Option<PathBuf>) -> Option<Token> {
    token.map(Token::Text).or(file.map(Token::File))
}

impl Token {
    fn read(self) -> Result<String, Error> {
        let text = match self {
            Self::Text(text) => text,
            Self::File(path) => {
                std::fs::read_to_string(&path).map_err(|source| Error::Read { path, source })?
            }
        };
        Ok(text.trim().to_owned())
    }
}

fn read_file(path: &Path) -> Result<FileSettings, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    toml::from_str(&text).map_err(|error| Error::File {
        path: path.to_owned(),
        reason: error.message().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(flags: Flags, environment: &[(&str, &str)], file: &str) -> Result<Config, Error> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.toml");
        std::fs::write(&path, file).unwrap();
        let flags = Flags {
            config: Some(path),
            ..flags
        };
        resolve(flags, &|name| {
            environment
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.into())
        })
    }

    #[test]
    fn flags_come_before_environment_before_file() {
        let file = "server = 'https://file'\nslots = 7\ntoken = 'file'\ndata = '/file'";
        let env = [
            ("POSTERN_AGENT_SERVER", "https://env"),
            ("POSTERN_AGENT_TOKEN", "env"),
            ("POSTERN_AGENT_SLOTS", "6"),
        ];
        let flags = Flags {
            server: Some("https://flag".into()),
            ..Flags::default()
        };
        let all = check(flags, &env, file).unwrap();
        assert_eq!(all.server.as_deref(), Some("https://flag"));
        assert_eq!((all.token.as_deref(), all.slots), (Some("env"), 6));
        assert_eq!(all.data, Path::new("/file"));
        let only_file = check(Flags::default(), &[], file).unwrap();
        assert_eq!(
            (only_file.server.as_deref(), only_file.slots),
            (Some("https://file"), 7)
        );
        let nothing = check(Flags::default(), &[], "").unwrap();
        assert_eq!(
            (nothing.data.as_path(), nothing.slots),
            (Path::new(DEFAULT_DATA), 4)
        );
        assert!(nothing.token.is_none() && nothing.cgroup == CgroupChoice::Own);
        assert_eq!(nothing.policy, policy::Source::default());
        let named = check(
            Flags::default(),
            &[("POSTERN_AGENT_POLICY", "/p")],
            "policy = '/q'",
        )
        .unwrap();
        assert_eq!(named.policy, policy::Source(Some("/p".into())));
    }

    #[test]
    fn a_token_file_is_read_and_trimmed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "pet1_abc\n").unwrap();
        let env = [("POSTERN_AGENT_TOKEN_FILE", path.to_str().unwrap())];
        assert_eq!(
            check(Flags::default(), &env, "").unwrap().token.as_deref(),
            Some("pet1_abc")
        );
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(
            check(Flags::default(), &env, ""),
            Err(Error::Read { .. })
        ));
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let refused =
            |environment: &[(&str, &str)], file: &str| match check(Flags::default(), environment, file) {
                Err(error) => error.to_string(),
                Ok(_) => panic!("accepted"),
            };
        assert!(refused(&[], "sever = 'x'").contains("sever"));
        assert!(refused(&[], "slots = 0").contains("between 1 and 256"));
        assert!(refused(&[("POSTERN_AGENT_SLOTS", "many")], "").contains("POSTERN_AGENT_SLOTS"));
    }
}
