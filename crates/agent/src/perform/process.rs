//! `process_control`: lists processes, asks them to end, or kills them.
//!
//! Refuses whatever would end the agent with them: the first process, every process of an agent, and all that these
//! come from. One such process among those that match refuses the whole job, before anything is signalled.

mod table;

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use nix::poll::poll;
use postern_protocol::{
    payload::{ProcessAction, ProcessControl},
    result::{JobResult, Process, ProcessResult},
};
use rustix::process::Signal;

use self::table::{Found, Processes};
use super::{Context, Failed, say};

/// How long a process that was signalled may take to end.
const WAIT: Duration = Duration::from_secs(5);
const LOOK_AGAIN_MS: u16 = 20;
/// Named in a reason; the rest are counted.
const NAMED: usize = 10;

pub(super) fn perform(work: &ProcessControl, _: &Context) -> Result<JobResult, Failed> {
    let processes = Processes::read().map_err(|error| format!("/proc cannot be read: {error}"))?;
    let matching = find(work, &processes)?;
    let signal = match work.action {
        ProcessAction::List => {
            let listed: Vec<Process> = matching.iter().map(|found| found.process.clone()).collect();
            tell(&listed);
            return Ok(result(listed));
        }
        ProcessAction::Kill => (Signal::TERM, "TERM"),
        ProcessAction::ForceKill => (Signal::KILL, "KILL"),
    };
    let protected = processes.protected();
    if let Some(found) = matching
        .iter()
        .find(|found| protected.contains(&found.process.pid))
    {
        let Process { pid, name, .. } = &found.process;
        return Err(format!(
            "process {pid} ({name}) is the agent, the first process or one the agent comes from: nothing was signalled"
        )
        .into());
    }
    end(&matching, signal)
}

fn find<'a>(work: &ProcessControl, processes: &'a Processes) -> Result<Vec<&'a Found>, String> {
    if let Some(user) = &work.user
        && !processes.knows_user(user)
    {
        return Err(format!("user '{user}' does not exist on this host"));
    }
    let matching: Vec<&Found> = processes
        .all
        .iter()
        .filter(|found| {
            let Process { pid, name, user, .. } = &found.process;
            work.pid.is_none_or(|wanted| wanted == *pid)
                && work.name.as_ref().is_none_or(|wanted| wanted == name)
                && work.user.as_ref().is_none_or(|wanted| wanted == user)
        })
        .collect();
    let list = work.action == ProcessAction::List;
    match (work.pid, matching.is_empty()) {
        (Some(pid), true) if !processes.all.iter().any(|found| found.process.pid == pid) => {
            Err(format!("there is no process {pid}: it has ended, or never was"))
        }
        (Some(pid), true) => Err(format!(
            "process {pid} has another name or user: it is not the one that was meant"
        )),
        (None, true) if !list => {
            Err("no process matches: names are compared exactly, as 'ps -o comm' shows them".into())
        }
        _ => Ok(matching),
    }
}

/// Signals all, then waits for all.
fn end(matching: &[&Found], (signal, name): (Signal, &str)) -> Result<JobResult, Failed> {
    let mut ended: Vec<Process> = Vec::new();
    let mut problems = Vec::new();
    for found in matching {
        let mut process = found.process.clone();
        match found.signal(signal) {
            Ok(true) => process.signal = Some(name.to_owned()),
            Ok(false) => {}
            Err(error) => problems.push(format!(
                "{} ({}) cannot be signalled: {error}",
                process.pid, process.name
            )),
        }
        ended.push(process);
    }
    let begin = Instant::now();
    let mut left: HashSet<i32> = HashSet::new();
    loop {
        left.clear();
        left.extend(
            matching
                .iter()
                .filter(|found| found.lives())
                .map(|found| found.process.pid),
        );
        if left.is_empty() || begin.elapsed() >= WAIT || problems.len() == matching.len() {
            break;
        }
        let _ = poll(&mut [], LOOK_AGAIN_MS);
    }
    for process in &mut ended {
        process.gone = Some(!left.contains(&process.pid));
        if process.gone == Some(false) && process.signal.is_some() {
            problems.push(format!(
                "{} ({}) is still there after {} s",
                process.pid,
                process.name,
                WAIT.as_secs()
            ));
        }
    }
    tell(&ended);
    if problems.is_empty() {
        return Ok(result(ended));
    }
    let more = problems.len().saturating_sub(NAMED);
    problems.truncate(NAMED);
    let mut reason = format!("not all processes are gone: {}", problems.join("; "));
    if more > 0 {
        reason.push_str(&format!("; and {more} more"));
    }
    Err(Failed {
        reason,
        result: Some(result(ended)),
    })
}

fn result(processes: Vec<Process>) -> JobResult {
    JobResult::ProcessControl(ProcessResult {
        processes,
        truncated: false,
    })
}

fn tell(processes: &[Process]) {
    let rows: Vec<Vec<String>> = processes
        .iter()
        .map(|process| {
            let end = match (&process.signal, process.gone) {
                (Some(signal), Some(true)) => format!("{signal}, gone"),
                (Some(signal), _) => format!("{signal}, still there"),
                (None, Some(true)) => "gone".to_owned(),
                (None, _) => String::new(),
            };
            vec![
                process.pid.to_string(),
                process.parent.to_string(),
                process.user.clone(),
                format!("{} KiB", process.memory_bytes / 1024),
                end,
                process.name.clone(),
                process.command_line.clone(),
            ]
        })
        .collect();
    let headings = ["PID", "PARENT", "USER", "MEMORY", "END", "NAME", "COMMAND"];
    say(super::table::table(&headings, &rows));
}
