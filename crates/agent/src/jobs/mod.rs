//! How an order becomes a process: program, arguments, folder, user and a clean environment.
//!
//! A job sees nothing of the agent's own environment. Commands and scripts are programs of the host; every other
//! type is done by this program itself, in a process of its own, see `perform`.

mod command;
mod run_as;
mod script;

use std::{
    ffi::OsString,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use nix::unistd::geteuid;
use postern_protocol::{order::Order, payload::JobPayload, seal::Secrets};

use crate::{
    journal::WORK,
    mask::Masks,
    platform::{self, Account},
    policy,
};

pub(crate) use script::languages;

/// Where programs are looked for, whatever the agent was started with.
pub(crate) const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Not `Debug`: secrets are in the environment.
pub(crate) struct Plan {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(String, OsString)>,
    pub(crate) directory: PathBuf,
    /// Whom it becomes before it runs.
    pub(crate) account: Option<Account>,
    pub(crate) masks: Masks,
}

/// What a plan is made with besides the order.
pub(crate) struct Place<'a> {
    /// The attempt's folder.
    pub(crate) dir: &'a Path,
    pub(crate) policy: &'a policy::Source,
    pub(crate) secrets: &'a Secrets,
    pub(crate) masks: &'a Masks,
}

/// Why nothing was started; for the person who asked.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) String);

/// Writes what the process needs into the attempt's folder and says how to start it.
pub(crate) fn plan(order: &Order, place: &Place<'_>) -> Result<Plan, Refused> {
    let dir = place.dir;
    let account = run_as::account(&order.work)?;
    let mut environment = base_environment(order, account.as_ref());
    let (wanted, program, arguments) = match &order.work {
        JobPayload::Command(command) => {
            let (program, arguments) = command::invocation(command)?;
            let given = command.environment.iter();
            environment.extend(given.map(|(name, value)| (name.clone(), value.into())));
            (&command.working_directory, program, arguments)
        }
        JobPayload::Script(script) => {
            let (program, arguments) = script::invocation(script, dir, account.as_ref())?;
            for (name, value) in &script.parameters {
                environment.extend(script::parameter(name, value)?);
            }
            // Those it names: what else came along is masked, and nobody's to see.
            for name in &script.secrets {
                if let Some(value) = place.secrets.get(name) {
                    environment.extend(script::parameter(name, value)?);
                }
            }
            (&script.working_directory, program, arguments)
        }
        _ => {
            let (program, arguments) = performing(place);
            (&None, program, arguments)
        }
    };
    Ok(Plan {
        program,
        arguments,
        environment,
        directory: directory(wanted.as_deref(), dir, account.as_ref())?,
        account,
        masks: place.masks.clone(),
    })
}

/// Whether the work is done by this program itself instead of a program of the host.
pub(crate) const fn is_performed(work: &JobPayload) -> bool {
    !matches!(work, JobPayload::Command(_) | JobPayload::Script(_))
}

/// This program itself, also right after an upgrade has replaced its file.
fn performing(place: &Place<'_>) -> (PathBuf, Vec<OsString>) {
    let mut arguments = vec!["perform".into(), place.dir.into()];
    if let policy::Source(Some(path)) = place.policy {
        arguments.extend(["--policy".into(), path.into()]);
    }
    ("/proc/self/exe".into(), arguments)
}

fn base_environment(order: &Order, account: Option<&Account>) -> Vec<(String, OsString)> {
    let (user, home, shell) = match account {
        Some(account) => (account.name.clone(), account.home.clone(), account.shell.clone()),
        None => {
            let (user, home) =
                platform::home(geteuid()).unwrap_or_else(|| (geteuid().to_string(), PathBuf::from("/")));
            (user, home, "/bin/sh".into())
        }
    };
    vec![
        ("PATH".into(), SEARCH_PATH.into()),
        ("HOME".into(), home.into()),
        ("USER".into(), user.clone().into()),
        ("LOGNAME".into(), user.into()),
        ("SHELL".into(), shell.into()),
        ("LANG".into(), "C.UTF-8".into()),
        ("POSTERN_JOB_ID".into(), order.job_id.to_string().into()),
        ("POSTERN_ATTEMPT".into(), order.attempt.to_string().into()),
        ("POSTERN_ATTEMPT_ID".into(), order.attempt_id.to_string().into()),
    ]
}

fn directory(wanted: Option<&str>, dir: &Path, account: Option<&Account>) -> Result<PathBuf, Refused> {
    let Some(wanted) = wanted else {
        let work = dir.join(WORK);
        crate::durable::private_directory(&work)
            .and_then(|()| account.map_or(Ok(()), |account| run_as::hand_over(&work, account)))
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

    fn plan_in(dir: &Path, order: &Order) -> Result<Plan, Refused> {
        let place = Place {
            dir,
            policy: &policy::Source::default(),
            secrets: &["api-key", "other"]
                .map(|name| (name.to_owned(), format!("value of {name}").into()))
                .into(),
            masks: &Masks::none(),
        };
        plan(order, &place)
    }

    fn refusal(order: &Order) -> String {
        let dir = tempfile::tempdir().unwrap();
        plan_in(dir.path(), order).err().expect("refused").0
    }

    #[test]
    fn the_environment_is_the_same_wherever_the_agent_runs() {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan_in(dir.path(), &command(&["true"], None)).unwrap();
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
            secrets: vec!["api-key".to_owned()],
            ..Script::new(Language::Bash, "true")
        };
        let plan = plan_in(dir.path(), &order(JobPayload::Script(script))).unwrap();
        for name in ["PARAM_dry-run", "PARAM_DRY_RUN"] {
            assert!(
                plan.environment.contains(&(name.into(), "a'b\n$(c)".into())),
                "{name}"
            );
        }
        for name in ["PARAM_api-key", "PARAM_API_KEY"] {
            assert!(
                plan.environment
                    .contains(&(name.into(), "value of api-key".into())),
                "{name}"
            );
        }
        assert!(
            !plan
                .environment
                .iter()
                .any(|(_, value)| value == "value of other")
        );
    }

    #[test]
    fn a_type_without_a_program_is_performed_by_the_agents_own() {
        let dir = tempfile::tempdir().unwrap();
        let list = postern_protocol::payload::ProcessControl {
            action: postern_protocol::payload::ProcessAction::List,
            pid: None,
            name: None,
            user: None,
        };
        let plan = plan_in(dir.path(), &order(JobPayload::ProcessControl(list))).unwrap();
        assert_eq!(plan.program, Path::new("/proc/self/exe"));
        assert_eq!(plan.arguments, [OsString::from("perform"), dir.path().into()]);
        assert!(
            !plan
                .environment
                .iter()
                .any(|(_, value)| value == "value of api-key")
        );
    }
}
