//! `service_control`: through the service manager that runs the host: systemd, OpenRC, or the scripts of SysV.
//!
//! Services only: no targets, timers or mounts, through which a whole host could be switched off, and no patterns. That
//! a manager took an order is not believed: the service is looked at until it is, and stays, what was asked for.

mod openrc;
mod systemd;
mod sysv;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nix::poll::poll;
use postern_protocol::{
    payload::{ServiceAction, ServiceControl},
    result::{JobResult, ServiceResult, ServiceState},
};

use super::{
    Context, Failed, say,
    tool::{Ended, Host, Output},
};

/// Ten seconds to get there, and one in which a daemon that cannot work has time to die.
const PATIENCE: Patience = Patience {
    again_ms: 250,
    same: 5,
    most: 40,
    within: Duration::from_secs(10),
};
/// Kinds of units that systemd knows besides services.
const OTHER_UNITS: [&str; 10] = [
    "target",
    "timer",
    "socket",
    "mount",
    "automount",
    "path",
    "slice",
    "scope",
    "device",
    "swap",
];

/// How long a service is looked at after something was done to it: scripts answer before what they started or stopped
/// has got there, and a program that was started may end at once.
#[derive(Debug, Clone, Copy)]
struct Patience {
    again_ms: u16,
    /// Looks in a row that find the same process.
    same: u32,
    /// Looks at one that is not there yet.
    most: u32,
    /// And no longer than this, where a look takes long itself.
    within: Duration,
}

/// What every service manager can do.
trait Manager {
    fn name(&self) -> &'static str;
    /// `None` when it knows no such service.
    fn look(&self, service: &str) -> Result<Option<Look>, String>;
    fn act(&self, action: ServiceAction, service: &str) -> Result<Ended, String>;
    /// Where a person finds out more about a service.
    fn where_to_look(&self, _service: &str) -> String {
        "See its log below /var/log".to_owned()
    }
}

/// What its manager says of a service at one moment.
#[derive(Debug)]
struct Look {
    state: ServiceState,
    stand: Stand,
    /// What the manager says beside the state's word, such as `Result=exit-code`.
    details: Vec<String>,
}

/// What a state means for somebody who wants the service to run, or not to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    Up,
    /// On its way, up or down.
    Moving,
    /// Work of one time that was done and ended well.
    Finished,
    Down,
    /// Ended badly, and stays so.
    Failed,
    /// Ended badly, and its manager starts it again.
    Again,
    /// Its manager cannot tell.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Up,
    Down,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    There,
    ThereIfItStays,
    NotYet,
    Never,
}

pub(super) fn perform(work: &ServiceControl, _: &Context) -> Result<JobResult, Failed> {
    control(work, &*manager(Host::new(&[]))?, PATIENCE)
}

fn manager(host: Host) -> Result<Box<dyn Manager>, String> {
    if Path::new("/run/systemd/system").is_dir() {
        return Ok(Box::new(systemd::Systemd(host)));
    }
    if host.find("rc-service").is_some() {
        return Ok(Box::new(openrc::OpenRc(host)));
    }
    if host.find("service").is_some() {
        let root = PathBuf::from("/");
        return Ok(Box::new(sysv::SysV { host, root }));
    }
    Err("this host has no service manager: neither systemd nor OpenRC nor 'service' was found".into())
}

fn control(work: &ServiceControl, manager: &dyn Manager, patience: Patience) -> Result<JobResult, Failed> {
    let service = name(&work.service)?;
    let before = manager.look(service)?.map(|look| look.state).ok_or_else(|| {
        format!(
            "there is no service '{service}' on this host ({})",
            manager.name()
        )
    })?;
    let (after, failure) = match work.action {
        ServiceAction::Status => (before.clone(), None),
        action => act(action, service, &before, manager, patience)?,
    };
    tell(service, manager.name(), &before, &after);
    let result = JobResult::ServiceControl(ServiceResult {
        manager: manager.name().to_owned(),
        service: service.to_owned(),
        before,
        after,
    });
    match failure {
        None => Ok(result),
        Some(reason) => Err(Failed {
            reason,
            result: Some(result),
        }),
    }
}

/// The state that it led to, and why that is not what was asked for.
fn act(
    action: ServiceAction,
    service: &str,
    before: &ServiceState,
    manager: &dyn Manager,
    patience: Patience,
) -> Result<(ServiceState, Option<String>), String> {
    let ended = manager.act(action, service)?;
    if !ended.succeeded() {
        let reason = format!(
            "service '{service}' did not {}: {}",
            action.as_str(),
            ended.said()
        );
        let after = look(service, manager).map_or_else(|_| before.clone(), |look| look.state);
        return Ok((after, Some(reason)));
    }
    let (wanted, done) = match action {
        ServiceAction::Start => (Wanted::Up, "started"),
        ServiceAction::Restart => (Wanted::Up, "restarted"),
        ServiceAction::Reload => (Wanted::Up, "reloaded"),
        ServiceAction::Stop => (Wanted::Down, "told to stop"),
        ServiceAction::Enable | ServiceAction::Disable | ServiceAction::Status => {
            return Ok((look(service, manager)?.state, None));
        }
    };
    let (last, there) = settled(wanted, service, manager, patience)?;
    let failure = (!there).then(|| {
        let is = match (wanted, last.stand) {
            (Wanted::Up, Stand::Up) => "does not stay up",
            (Wanted::Up, _) => "is not running",
            (Wanted::Down, _) => "has not ended",
        };
        format!(
            "service '{service}' was {done} and {is}: {}. {}",
            last.said(),
            manager.where_to_look(service)
        )
    });
    Ok((last.state, failure))
}

/// The last look, and whether it is what was wanted.
fn settled(
    wanted: Wanted,
    service: &str,
    manager: &dyn Manager,
    patience: Patience,
) -> Result<(Look, bool), String> {
    let begun = Instant::now();
    let mut last: Option<Look> = None;
    let (mut looks, mut same) = (0, 0);
    loop {
        looks += 1;
        let late = looks >= patience.most || begun.elapsed() >= patience.within;
        let now = match look(service, manager) {
            Ok(now) => now,
            // A manager that is busy with what it was told answers later.
            Err(error) if late => return Err(error),
            Err(_) => {
                let _ = poll(&mut [], patience.again_ms);
                continue;
            }
        };
        let is_same = last.as_ref().is_some_and(|last| last.is_same(&now));
        same = if is_same { same + 1 } else { 1 };
        let there = match verdict(wanted, now.stand) {
            Verdict::There => Some(true),
            Verdict::ThereIfItStays if same >= patience.same => Some(true),
            // One that came late is given the time to show that it stays.
            Verdict::ThereIfItStays => (looks >= patience.most + patience.same).then_some(false),
            Verdict::NotYet => late.then_some(false),
            Verdict::Never => Some(false),
        };
        if let Some(there) = there {
            return Ok((now, there));
        }
        last = Some(now);
        let _ = poll(&mut [], patience.again_ms);
    }
}

/// What its manager cannot tell is left to how the manager ended.
fn verdict(wanted: Wanted, stand: Stand) -> Verdict {
    match (wanted, stand) {
        (_, Stand::Finished | Stand::Unknown) | (Wanted::Down, Stand::Down | Stand::Failed) => Verdict::There,
        (Wanted::Up, Stand::Up) => Verdict::ThereIfItStays,
        (Wanted::Up, Stand::Failed | Stand::Again) => Verdict::Never,
        (Wanted::Up, Stand::Down) | (Wanted::Down, Stand::Up | Stand::Again) | (_, Stand::Moving) => {
            Verdict::NotYet
        }
    }
}

/// A unit that was made for one run is forgotten when it is stopped.
fn look(service: &str, manager: &dyn Manager) -> Result<Look, String> {
    let gone = || Look {
        state: ServiceState {
            state: "not-found".to_owned(),
            running: false,
            enabled: None,
            pid: None,
        },
        stand: Stand::Down,
        details: Vec::new(),
    };
    Ok(manager.look(service)?.unwrap_or_else(gone))
}

impl Look {
    fn is_same(&self, other: &Self) -> bool {
        self.state.state == other.state.state && self.state.pid == other.state.pid
    }

    fn said(&self) -> String {
        let mut details = self.details.clone();
        details.extend(self.state.pid.map(|pid| format!("pid {pid}")));
        if details.is_empty() {
            return format!("state {}", self.state.state);
        }
        format!("state {} ({})", self.state.state, details.join(", "))
    }
}

/// The service's name without its kind.
fn name(given: &str) -> Result<&str, String> {
    if given.contains(['*', '?', '[', ']']) {
        return Err(format!("'{given}' is a pattern: name one service"));
    }
    if let Some((_, ending)) = given.rsplit_once('.')
        && OTHER_UNITS.contains(&ending)
    {
        return Err(format!("'{given}' is a {ending}, not a service"));
    }
    Ok(given.strip_suffix(".service").unwrap_or(given))
}

fn tell(service: &str, manager: &str, before: &ServiceState, after: &ServiceState) {
    let enabled = |state: &ServiceState| match state.enabled {
        Some(true) => ", starts with the system",
        Some(false) => ", does not start with the system",
        None => "",
    };
    let shown = |state: &ServiceState| {
        let pid = state.pid.map_or(String::new(), |pid| format!(", pid {pid}"));
        format!("{}{pid}{}", state.state, enabled(state))
    };
    say(format!("service {service} ({manager})"));
    say(format!("before: {}", shown(before)));
    say(format!("now:    {}", shown(after)));
}

#[cfg(test)]
mod tests;
