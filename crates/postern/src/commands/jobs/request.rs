//! The command line of `postern job run`, and the request it means.

use std::{
    collections::BTreeMap,
    io::Read as _,
    path::{Path, PathBuf},
};

use clap::{ArgGroup, Args};
use postern_api::jobs::{JobCreate, Targets};
use postern_domain::{
    Timestamp,
    job::{DEFAULT_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS, Priority},
    label, name,
};
use postern_protocol::{
    limits::SCRIPT_BYTES,
    payload::{Command, JobPayload, Language, Script},
};

use crate::{failure::Failure, words};

const HEADING: &str = "Where, when and how long";

/// What every job has, whatever it does: where, when and how long, and whether to stay.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("targets").required(true).multiple(true).args(["agents", "labels", "all"]))]
pub(crate) struct Terms {
    /// Run on this agent, by name or id; may be given several times
    #[arg(long = "agent", value_name = "AGENT", help_heading = HEADING)]
    agents: Vec<String>,
    /// Run on every agent with this label; of several, each must be there
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label::parse_pair, help_heading = HEADING)]
    labels: Vec<(String, String)>,
    /// Run on every agent you may use
    #[arg(long, conflicts_with_all = ["agents", "labels"], help_heading = HEADING)]
    all: bool,
    /// Kill it after this time: seconds, or a number with s, m, h or d
    #[arg(long, value_name = "TIME", value_parser = parse_timeout, help_heading = HEADING)]
    timeout: Option<u32>,
    /// critical, high or normal
    #[arg(long, value_name = "PRIORITY", value_parser = parse_priority, help_heading = HEADING)]
    priority: Option<Priority>,
    /// Do not start before: 2026-11-22T09:30:00Z, or +30m from now
    #[arg(long, value_name = "TIME", help_heading = HEADING)]
    not_before: Option<String>,
    /// Wait until it has ended, then print what it wrote
    #[arg(long, help_heading = HEADING)]
    pub(super) wait: bool,
    /// Print what it writes as it comes, until it has ended
    #[arg(long, conflicts_with = "wait", help_heading = HEADING)]
    pub(super) follow: bool,
}

#[derive(Debug, Args)]
#[command(
    override_usage = "postern job run (--agent NAME … | --label KEY=VALUE … | --all) [OPTIONS] -- COMMAND [ARGUMENT]…\n       \
                      postern job run (--agent NAME … | --label KEY=VALUE … | --all) [OPTIONS] --script FILE",
    after_long_help = "With --wait or --follow and one job, the exit code is the job's own; 124: it ran into its\n\
                       timeout; 125: Postern could not run it to its end. With several jobs: 0 when all\n\
                       completed, else 1."
)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(super) terms: Terms,
    /// Run this script; `-` reads it from standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["command", "shell"])]
    script: Option<PathBuf>,
    /// bash, python or powershell; told from the file's extension or its first line when absent
    #[arg(long, value_name = "LANGUAGE", value_parser = parse_language)]
    language: Option<Language>,
    /// Hand a parameter to the script, as environment variable PARAM_KEY
    #[arg(long = "param", value_name = "KEY=VALUE", value_parser = parse_parameter)]
    parameters: Vec<(String, String)>,
    /// Hand one text to the shell of the host, instead of arguments to a program
    #[arg(long)]
    shell: bool,
    /// Folder on the host to start in
    #[arg(long, value_name = "FOLDER")]
    working_directory: Option<String>,
    /// The program and its arguments
    #[arg(last = true, value_name = "COMMAND", required_unless_present = "script")]
    command: Vec<String>,
}

fn parse_language(text: &str) -> Result<Language, String> {
    match text {
        "bash" | "sh" => Ok(Language::Bash),
        "python" => Ok(Language::Python),
        "powershell" => Ok(Language::Powershell),
        _ => Err("use bash, python or powershell".to_owned()),
    }
}

fn parse_parameter(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("give KEY=VALUE")?;
    name::parameter_variable(key).map_err(|error| format!("{key:?} {error}"))?;
    Ok((key.to_owned(), value.to_owned()))
}

fn parse_priority(text: &str) -> Result<Priority, String> {
    Priority::parse(text).ok_or_else(|| "use critical, high or normal".to_owned())
}

fn parse_timeout(text: &str) -> Result<u32, String> {
    let seconds = words::parse_seconds(text)?;
    if (1..=MAX_TIMEOUT_SECONDS).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(format!(
            "give 1 to {MAX_TIMEOUT_SECONDS} seconds; {DEFAULT_TIMEOUT_SECONDS} when absent"
        ))
    }
}

pub(super) fn work(run: &Run) -> Result<JobPayload, Failure> {
    match &run.script {
        Some(path) => script(run, path),
        None => command(run),
    }
}

/// Everything that can be told without the server is told here, before any job exists.
pub(super) fn job_create(work: JobPayload, terms: &Terms, now: Timestamp) -> Result<JobCreate, Failure> {
    let not_before = match &terms.not_before {
        Some(text) => Some(words::parse_time(text, now).map_err(Failure::Usage)?),
        None => None,
    };
    work.check().map_err(|error| Failure::usage(error.to_string()))?;
    Ok(JobCreate {
        work,
        targets: Targets {
            agents: terms.agents.clone(),
            labels: terms.labels.iter().cloned().collect(),
            all: terms.all,
        },
        priority: terms.priority,
        timeout_seconds: terms.timeout,
        not_before,
    })
}

fn command(run: &Run) -> Result<JobPayload, Failure> {
    if run.language.is_some() || !run.parameters.is_empty() {
        return Err(Failure::usage(
            "--param and --language belong to a script: give --script FILE, or put the values behind the command",
        ));
    }
    if run.shell && run.command.len() != 1 {
        return Err(Failure::usage(
            "--shell takes one text: put it in quotes, as in `-- 'ls /tmp | wc -l'`",
        ));
    }
    Ok(JobPayload::Command(Command {
        argv: run.command.clone(),
        shell: run.shell,
        working_directory: run.working_directory.clone(),
        ..Default::default()
    }))
}

fn script(run: &Run, path: &Path) -> Result<JobPayload, Failure> {
    let content = read_script(path)?;
    let language = run.language.or_else(|| guess_language(path, &content)).ok_or_else(|| {
        Failure::usage(format!(
            "the language of {} cannot be told from its name or first line: give --language bash, python or powershell",
            path.display()
        ))
    })?;
    let mut parameters = BTreeMap::new();
    for (key, value) in &run.parameters {
        if parameters.insert(key.clone(), value.clone()).is_some() {
            return Err(Failure::usage(format!("parameter {key:?} is given twice")));
        }
    }
    Ok(JobPayload::Script(Script {
        parameters,
        working_directory: run.working_directory.clone(),
        ..Script::new(language, content)
    }))
}

fn read_script(path: &Path) -> Result<String, Failure> {
    read_text(path, SCRIPT_BYTES)
}

/// UTF-8 text of at most so many bytes; `-` is standard input.
pub(super) fn read_text(path: &Path, most: usize) -> Result<String, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let read = if path == Path::new("-") {
        std::io::stdin().take(bound).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(bound).read_to_end(&mut bytes))
    };
    read.map_err(|error| failed(&error))?;
    if bytes.len() > most {
        return Err(failed(&format!("is larger than {most} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| failed(&"is not UTF-8 text"))
}

fn guess_language(path: &Path, content: &str) -> Option<Language> {
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "sh" | "bash" => return Some(Language::Bash),
        "py" => return Some(Language::Python),
        "ps1" => return Some(Language::Powershell),
        _ => {}
    }
    let first = content.lines().next()?.strip_prefix("#!")?;
    // `/usr/bin/env -S python3 -u` and `/bin/bash -e`: the first word that names an interpreter.
    first.split_whitespace().find_map(|word| {
        let program = word.rsplit('/').next().unwrap_or(word);
        match program {
            "sh" | "bash" | "dash" => Some(Language::Bash),
            "pwsh" | "powershell" => Some(Language::Powershell),
            _ if program.starts_with("python") => Some(Language::Python),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_795_339_800_000_000);

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        run: Run,
    }

    fn read(line: &[&str]) -> Result<JobCreate, String> {
        let line = std::iter::once(&"run").chain(line);
        let run = Line::try_parse_from(line).map_err(|error| error.to_string())?.run;
        work(&run)
            .and_then(|work| job_create(work, &run.terms, NOW))
            .map_err(|failure| failure.lines().join("\n"))
    }

    #[test]
    fn a_command_is_an_argument_vector() {
        let job = read(&[
            "--agent",
            "web1",
            "--agent",
            "7",
            "--timeout",
            "5m",
            "--",
            "ls",
            "-l",
            "--all",
            "a b",
        ]);
        let job = job.unwrap();
        assert_eq!(job.targets.agents, ["web1", "7"]);
        assert!(!job.targets.all);
        assert_eq!(job.timeout_seconds, Some(300));
        let JobPayload::Command(command) = job.work else {
            panic!("a command");
        };
        assert_eq!(command.argv, ["ls", "-l", "--all", "a b"]);
        assert!(!command.shell);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_before_anything_is_sent() {
        let table: [(&[&str], &str); 12] = [
            (&["--", "true"], "--agent"),
            (&["--agent", "a"], "required"),
            (&["--all", "--agent", "a", "--", "true"], "cannot be used"),
            (&["--all", "--shell", "--", "ls", "/tmp"], "put it in quotes"),
            (&["--all", "--param", "a=b", "--", "true"], "--script"),
            (&["--all", "--script", "/nonexistent/x.sh"], "/nonexistent/x.sh"),
            (&["--all", "--timeout", "0", "--", "true"], "1 to 604800"),
            (&["--all", "--timeout", "8d", "--", "true"], "1 to 604800"),
            (
                &["--all", "--priority", "urgent", "--", "true"],
                "critical, high or normal",
            ),
            (&["--all", "--not-before", "soon", "--", "true"], "+30m"),
            (&["--label", "env", "--", "true"], "key=value"),
            (&["--all", "--wait", "--follow", "--", "true"], "cannot be used"),
        ];
        for (line, expected) in table {
            let error = read(line).expect_err("refused");
            assert!(error.contains(expected), "{line:?}: {error}");
        }
    }

    #[test]
    fn a_script_brings_its_language_and_parameters() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("check.py");
        std::fs::write(&path, "print('ü')\n").unwrap();
        let path = path.to_str().unwrap();
        let job = read(&[
            "--label",
            "env=prod",
            "--script",
            path,
            "--param",
            "threshold=90=x",
        ])
        .unwrap();
        let JobPayload::Script(script) = job.work else {
            panic!("a script");
        };
        assert_eq!(script.language, Language::Python);
        assert_eq!(
            script.parameters.get("threshold").map(String::as_str),
            Some("90=x")
        );
        let twice = read(&["--all", "--script", path, "--param", "a=1", "--param", "a=2"]);
        assert!(twice.unwrap_err().contains("twice"));
    }

    #[test]
    fn the_language_is_told_from_the_extension_or_the_first_line() {
        let table = [
            ("a.sh", "", Some(Language::Bash)),
            ("a.PS1", "", Some(Language::Powershell)),
            ("a.sh", "#!/usr/bin/python3", Some(Language::Bash)),
            ("a", "#!/bin/bash -e\n", Some(Language::Bash)),
            ("a", "#!/usr/bin/env -S python3.12 -u", Some(Language::Python)),
            ("a.txt", "#!/usr/bin/env pwsh", Some(Language::Powershell)),
            ("a", "#!/usr/bin/perl", None),
            ("a", "echo", None),
        ];
        for (path, content, expected) in table {
            assert_eq!(
                guess_language(Path::new(path), content),
                expected,
                "{path} {content}"
            );
        }
    }

    #[test]
    fn a_script_of_full_size_is_read_and_one_beyond_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sh");
        std::fs::write(&path, "#".repeat(SCRIPT_BYTES)).unwrap();
        assert!(read_script(&path).is_ok());
        std::fs::write(&path, "#".repeat(SCRIPT_BYTES + 1)).unwrap();
        assert!(read_script(&path).is_err());
    }
}
