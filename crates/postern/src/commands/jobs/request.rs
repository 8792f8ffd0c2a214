//! The command line of `postern job run`, and the request it means.

use std::{
    collections::BTreeMap,
    io::Read as _,
    path::{Path, PathBuf},
};

use clap::Args;
use postern_domain::name;
use postern_protocol::{
    limits::SCRIPT_BYTES,
    payload::{Command, JobPayload, Language, Script},
};

use super::options::RunOptions;
use crate::failure::Failure;

#[derive(Debug, Args)]
#[command(
    override_usage = "postern job run (--agent NAME … | --selector SELECTOR | --all | …) [OPTIONS] -- COMMAND [ARGUMENT]…\n       \
                      postern job run (--agent NAME … | --selector SELECTOR | --all | …) [OPTIONS] --script FILE",
    after_long_help = "With --wait or --follow and one job, the exit code is the job's own; 124: it ran into its\n\
                       timeout; 125: Postern could not run it to its end. With several jobs: 0 when all\n\
                       completed, else 1."
)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(super) options: RunOptions,
    /// Run this script; `-` reads it from standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["command", "shell"])]
    script: Option<PathBuf>,
    /// bash, python or powershell; told from the file's extension or its first line when absent
    #[arg(long, value_name = "LANGUAGE", value_parser = parse_language)]
    language: Option<Language>,
    /// Hand a parameter to the script, as environment variable PARAM_KEY
    #[arg(long = "param", value_name = "KEY=VALUE", value_parser = parse_parameter)]
    parameters: Vec<(String, String)>,
    /// Set an environment variable of the command; may be given several times
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = parse_variable)]
    environment: Vec<(String, String)>,
    /// Hand one text to the shell of the host, instead of arguments to a program
    #[arg(long)]
    shell: bool,
    /// Folder on the host to start in
    #[arg(long, value_name = "FOLDER")]
    working_directory: Option<String>,
    /// Local user of the host to run as; its agent must run as root
    #[arg(long, value_name = "USER")]
    run_as_user: Option<String>,
    /// Refuse where the agent does not run as root
    #[arg(long)]
    requires_elevation: bool,
    /// The program and its arguments
    #[arg(last = true, value_name = "COMMAND", required_unless_present = "script")]
    command: Vec<String>,
}

pub(crate) fn parse_language(text: &str) -> Result<Language, String> {
    match text {
        "bash" | "sh" => Ok(Language::Bash),
        "python" => Ok(Language::Python),
        "powershell" => Ok(Language::Powershell),
        _ => Err("use bash, python or powershell".to_owned()),
    }
}

pub(crate) fn parse_parameter(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("give KEY=VALUE")?;
    name::parameter_variable(key).map_err(|error| format!("{key:?} {error}"))?;
    Ok((key.to_owned(), value.to_owned()))
}

/// What a name may be is the payload's to say.
fn parse_variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("give NAME=VALUE".to_owned()),
    }
}

/// What is to run.
pub(super) fn work(run: &Run) -> Result<JobPayload, Failure> {
    match &run.script {
        Some(path) => script(run, path),
        None => command(run),
    }
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
        environment: once(&run.environment, "variable")?,
        argv: run.command.clone(),
        shell: run.shell,
        working_directory: run.working_directory.clone(),
        run_as_user: run.run_as_user.clone(),
        requires_elevation: run.requires_elevation,
    }))
}

fn script(run: &Run, path: &Path) -> Result<JobPayload, Failure> {
    if !run.environment.is_empty() {
        return Err(Failure::usage(
            "--env belongs to a command: hand values to a script with --param NAME=VALUE",
        ));
    }
    let content = read_script(path)?;
    let language = run.language.or_else(|| guess_language(path, &content)).ok_or_else(|| {
        Failure::usage(format!(
            "the language of {} cannot be told from its name or first line: give --language bash, python or powershell",
            path.display()
        ))
    })?;
    Ok(JobPayload::Script(Script {
        parameters: once(&run.parameters, "parameter")?,
        secrets: run.options.start.secret_names(),
        working_directory: run.working_directory.clone(),
        run_as_user: run.run_as_user.clone(),
        requires_elevation: run.requires_elevation,
        ..Script::new(language, content)
    }))
}

/// Each name with its value.
fn once(pairs: &[(String, String)], what: &str) -> Result<BTreeMap<String, String>, Failure> {
    let mut named = BTreeMap::new();
    for (name, value) in pairs {
        if named.insert(name.clone(), value.clone()).is_some() {
            return Err(Failure::usage(format!("{what} {name:?} is given twice")));
        }
    }
    Ok(named)
}

pub(crate) fn read_script(path: &Path) -> Result<String, Failure> {
    read_text(path, SCRIPT_BYTES)
}

/// UTF-8 text of at most so many bytes; `-` is standard input.
pub(crate) fn read_text(path: &Path, most: usize) -> Result<String, Failure> {
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

pub(crate) fn guess_language(path: &Path, content: &str) -> Option<Language> {
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
    use postern_api::jobs::JobCreate;
    use postern_domain::Timestamp;

    use super::*;
    use crate::output::Console;

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
            .and_then(|work| run.options.job_create(work, NOW, &Console::new(true)))
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
    fn a_command_is_given_its_variables() {
        let job = read(&["--all", "--env", "LEVEL=a=b c", "--env", "EMPTY=", "--", "env"]).unwrap();
        let JobPayload::Command(command) = job.work else {
            panic!("a command");
        };
        let given: Vec<(&str, &str)> = command
            .environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(given, [("EMPTY", ""), ("LEVEL", "a=b c")]);
    }

    #[test]
    fn a_variable_that_cannot_be_given_is_refused_by_its_name() {
        let table: [(&[&str], &str); 6] = [
            (&["--all", "--env", "LEVEL", "--", "env"], "'LEVEL'"),
            (&["--all", "--env", "=x", "--", "env"], "give NAME=VALUE"),
            (&["--all", "--env", "1ST=x", "--", "env"], "environment.1ST"),
            (&["--all", "--env", "PATH=/tmp", "--", "env"], "environment.PATH"),
            (
                &["--all", "--env", "A=1", "--env", "A=2", "--", "env"],
                "variable \"A\" is given twice",
            ),
            (&["--all", "--env", "A=1", "--script", "x.sh"], "--param"),
        ];
        for (line, expected) in table {
            let error = read(line).expect_err("refused");
            assert!(error.contains(expected), "{line:?}: {error}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_before_anything_is_sent() {
        let table: [(&[&str], &str); 13] = [
            (
                &["--all", "--secret", "token=env:X", "--", "true"],
                "--secret token: a command takes no secrets",
            ),
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
