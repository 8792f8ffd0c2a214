//! `service_control`: through the service manager that runs the host: systemd, OpenRC, or the scripts of SysV.
//!
//! Services only: no targets, timers or mounts, through which a whole host could be switched off, and no patterns.

mod openrc;
mod systemd;
mod sysv;

use std::{
    path::Path,
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

/// Scripts answer before what they started or stopped has got there.
const SETTLE: Duration = Duration::from_secs(3);
const LOOK_AGAIN_MS: u16 = 100;
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

/// What every service manager can do.
trait Manager {
    fn name(&self) -> &'static str;
    /// `None` when it knows no such service.
    fn state(&self, service: &str) -> Result<Option<ServiceState>, String>;
    fn act(&self, action: ServiceAction, service: &str) -> Result<Ended, String>;
}

pub(super) fn perform(work: &ServiceControl, _: &Context) -> Result<JobResult, Failed> {
    control(work, &*manager(Host::new(&[]))?)
}

fn manager(host: Host) -> Result<Box<dyn Manager>, String> {
    if Path::new("/run/systemd/system").is_dir() {
        return Ok(Box::new(systemd::Systemd(host)));
    }
    if host.find("rc-service").is_some() {
        return Ok(Box::new(openrc::OpenRc(host)));
    }
    if host.find("service").is_some() {
        return Ok(Box::new(sysv::SysV(host)));
    }
    Err("this host has no service manager: neither systemd nor OpenRC nor 'service' was found".into())
}

fn control(work: &ServiceControl, manager: &dyn Manager) -> Result<JobResult, Failed> {
    let service = name(&work.service)?;
    let before = manager.state(service)?.ok_or_else(|| {
        format!(
            "there is no service '{service}' on this host ({})",
            manager.name()
        )
    })?;
    let ended = match work.action {
        ServiceAction::Status => None,
        action => Some(manager.act(action, service)?),
    };
    let after = match ended {
        None => before.clone(),
        Some(_) => settled(work.action, service, manager)?.unwrap_or_else(|| before.clone()),
    };
    tell(service, manager.name(), &before, &after);
    let result = JobResult::ServiceControl(ServiceResult {
        manager: manager.name().to_owned(),
        service: service.to_owned(),
        before,
        after,
    });
    match ended {
        Some(ended) if !ended.succeeded() => Err(Failed {
            reason: format!(
                "service '{service}' did not {}: {}",
                work.action.as_str(),
                ended.said()
            ),
            result: Some(result),
        }),
        _ => Ok(result),
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

fn settled(
    action: ServiceAction,
    service: &str,
    manager: &dyn Manager,
) -> Result<Option<ServiceState>, String> {
    let wanted = match action {
        ServiceAction::Start | ServiceAction::Restart => Some(true),
        ServiceAction::Stop => Some(false),
        _ => None,
    };
    let begin = Instant::now();
    loop {
        let state = manager.state(service)?;
        let there = |state: &ServiceState| wanted.is_none_or(|running| running == state.running);
        if state.as_ref().is_none_or(there) || begin.elapsed() >= SETTLE {
            return Ok(state);
        }
        let _ = poll(&mut [], LOOK_AGAIN_MS);
    }
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
