//! How an order becomes a process: program, arguments, folder and a clean environment.
//!
//! A job sees nothing of the agent's own environment. A new type of job that starts a process is a file here and
//! an arm in [`plan`].

mod command;
mod script;

use std::{
    ffi::OsString,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use nix::unistd::geteuid;
use postern_protocol::{order::Order, payload::JobPayload};

use crate::{journal::WORK, platform};

pub(crate) use script::languages;

/// Where programs are looked for, whatever the agent was started with.
pub(crate) const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(String, OsString)>,
    pub(crate) directory: PathBuf,
}

/// Why nothing was started; for the person who asked.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) String);

/// Writes what the process needs into the attempt's folder and says how to start it.
pub(crate) fn plan(order: &Order, dir: &Path) -> Result<Plan, Refused> {
    let (wanted, program, arguments, parameters) = match &order.work {
        JobPayload::Command(command) => {
            let (program, arguments) = command::invocation(command)?;
            (&command.working_directory, program, arguments, None)
        }
        JobPayload::Script(script) => {
            let (program, arguments) = script::invocation(script, dir)?;
            (
                &script.working_directory,
                program,
                arguments,
                Some(&script.parameters),
            )
        }
        other => {
            let kind = other.kind().as_str();
            return Err(Refused(format!("this agent does not know jobs of type {kind}")));
        }
    };
    let mut environment = base_environment(order);
    for (name, value) in parameters.into_iter().flatten() {
        environment.extend(script::parameter(name, value)?);
    }
    Ok(Plan {
        program,
        arguments,
        environment,
        directory: directory(wanted.as_deref(), dir)?,
    })
}

fn base_environment(order: &Order) -> Vec<(String, OsString)> {
    let (user, home) =
        platform::home(geteuid()).unwrap_or_else(|| (geteuid().to_string(), PathBuf::from("/")));
    vec![
        ("PATH".into(), SEARCH_PATH.into()),
        ("HOME".into(), home.into()),
        ("USER".into(), user.clone().into()),
        ("LOGNAME".into(), user.into()),
        ("SHELL".into(), "/bin/sh".into()),
        ("LANG".into(), "C.UTF-8".into()),
        ("POSTERN_JOB_ID".into(), order.job_id.to_string().into()),
        ("POSTERN_ATTEMPT".into(), order.attempt.to_string().into()),
        ("POSTERN_ATTEMPT_ID".into(), order.attempt_id.to_string().into()),
    ]
}

fn directory(wanted: Option<&str>, dir: &Path) -> Result<PathBuf, Refused> {
    let Some(wanted) = wanted else {
        let work = dir.join(WORK);
        crate::durable::private_directory(&work)
            .map_err(|error| Refused(format!("no folder could be made for the job: {error}")))?;
        return Ok(work);
    };
    let path = PathBuf::from(wanted);
    if !path.is_absolute() {
        return Err(Refused(format!(
            "working directory '{wanted}' is not an absolute path"
        )));
    }
    if !path.is_dir() {
        return Err(Refused(format!(
            "working directory '{wanted}' does not exist on this host"
        )));
    }
    Ok(path)
}

/// The first executable file of that name in the search path.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    SEARCH_PATH
        .split(':')
        .map(|folder| Path::new(folder).join(name))
        .find(|path| {
            path.metadata()
                .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
        })
}

#[cfg(test)]
mod tests {
    use postern_protocol::payload::{Command, Language, Script};

    use super::*;

    fn order(work: JobPayload) -> Order {
        Order {
            version: Order::VERSION,
            agent_id: 7,
            job_id: 1,
            attempt_id: 22,
            attempt: 3,
            fence: 3,
            not_before_us: 0,
            not_after_us: i64::MAX,
            timeout_seconds: 300,
            critical: false,
            work,
            secrets: None,
        }
    }

    fn command(argv: &[&str], working_directory: Option<&str>) -> Order {
        order(JobPayload::Command(Command {
            argv: argv.iter().map(|text| (*text).to_owned()).collect(),
            shell: false,
            working_directory: working_directory.map(str::to_owned),
            ..Default::default()
        }))
    }

    fn refusal(order: &Order) -> String {
        let dir = tempfile::tempdir().unwrap();
        plan(order, dir.path()).expect_err("refused").0
    }

    #[test]
    fn the_environment_is_the_same_wherever_the_agent_runs() {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(&command(&["true"], None), dir.path()).unwrap();
        let names: Vec<&str> = plan.environment.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "PATH",
            "HOME",
            "USER",
            "LOGNAME",
            "SHELL",
            "LANG",
            "POSTERN_JOB_ID",
            "POSTERN_ATTEMPT",
            "POSTERN_ATTEMPT_ID",
        ];
        assert_eq!(names, expected);
        assert_eq!(plan.directory, dir.path().join(WORK));
    }

    #[test]
    fn what_cannot_start_says_why() {
        let text = refusal(&command(&["no-such-program"], None));
        assert!(
            text.contains("program 'no-such-program' was not found in PATH"),
            "{text}"
        );
        let text = refusal(&command(&["/no/such"], None));
        assert!(text.contains("program '/no/such' does not exist"), "{text}");
        let text = refusal(&command(&["true"], Some("/no/such/folder")));
        assert!(
            text.contains("working directory '/no/such/folder' does not exist"),
            "{text}"
        );
        let text = refusal(&command(&["true"], Some("relative")));
        assert!(text.contains("absolute"), "{text}");
    }

    #[test]
    fn a_parameter_is_there_under_its_name_and_in_capitals() {
        let dir = tempfile::tempdir().unwrap();
        let script = Script {
            parameters: [("dry-run".to_owned(), "a'b\n$(c)".to_owned())].into(),
            ..Script::new(Language::Bash, "true")
        };
        let plan = plan(&order(JobPayload::Script(script)), dir.path()).unwrap();
        for name in ["PARAM_dry-run", "PARAM_DRY_RUN"] {
            assert!(
                plan.environment.contains(&(name.into(), "a'b\n$(c)".into())),
                "{name}"
            );
        }
    }
}
