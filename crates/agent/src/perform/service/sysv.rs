//! SysV: the scripts in `/etc/init.d`, through `service` and `update-rc.d`.

use std::{fs, path::Path};

use postern_protocol::{payload::ServiceAction, result::ServiceState};

use super::{Ended, Host, Manager, Output};

const SCRIPTS: &str = "/etc/init.d";
/// Levels in which the system works for people.
const LEVELS: [&str; 4] = ["/etc/rc2.d", "/etc/rc3.d", "/etc/rc4.d", "/etc/rc5.d"];

pub(super) struct SysV(pub(super) Host);

impl Manager for SysV {
    fn name(&self) -> &'static str {
        "sysv"
    }

    fn state(&self, service: &str) -> Result<Option<ServiceState>, String> {
        if !Path::new(SCRIPTS).join(service).is_file() {
            return Ok(None);
        }
        let status = self.0.run(&["service", service, "status"], Output::Kept)?;
        let running = status.succeeded();
        Ok(Some(ServiceState {
            state: word(status.code).to_owned(),
            running,
            enabled: links(service).map(|links| links == Links::Start),
            pid: pid(service).filter(|_| running),
        }))
    }

    fn act(&self, action: ServiceAction, service: &str) -> Result<Ended, String> {
        match action {
            // Without links there is nothing that could be switched on.
            ServiceAction::Enable if links(service) == Some(Links::Absent) => {
                self.0.run(&["update-rc.d", service, "defaults"], Output::Shown)
            }
            ServiceAction::Enable | ServiceAction::Disable => self
                .0
                .run(&["update-rc.d", service, action.as_str()], Output::Shown),
            action => self.0.run(&["service", service, action.as_str()], Output::Shown),
        }
    }
}

/// LSB 20.2, exit codes of `status`.
fn word(code: Option<i32>) -> &'static str {
    match code {
        Some(0) => "running",
        Some(1 | 2) => "dead",
        Some(3) => "stopped",
        _ => "unknown",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    Start,
    Stop,
    Absent,
}

/// `S01nginx` starts it in a level, `K01nginx` stops it. `None` where there are no levels.
fn links(service: &str) -> Option<Links> {
    let mut found = None;
    for level in LEVELS {
        let Ok(entries) = fs::read_dir(level) else {
            continue;
        };
        found = found.or(Some(Links::Absent));
        for entry in entries.flatten() {
            match kind(&entry.file_name().to_string_lossy(), service) {
                Some(Links::Start) => return Some(Links::Start),
                Some(other) => found = Some(other),
                None => {}
            }
        }
    }
    found
}

fn kind(link: &str, service: &str) -> Option<Links> {
    let (kind, rest) = link.split_at_checked(1)?;
    let (number, name) = rest.split_at_checked(2)?;
    if name != service || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match kind {
        "S" => Some(Links::Start),
        "K" => Some(Links::Stop),
        _ => None,
    }
}

fn pid(service: &str) -> Option<i32> {
    let text = fs::read_to_string(format!("/run/{service}.pid")).ok()?;
    let pid = text.trim().parse().ok()?;
    Path::new(&format!("/proc/{pid}")).exists().then_some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_tell_whether_it_starts_with_the_system() {
        assert_eq!(kind("S01nginx", "nginx"), Some(Links::Start));
        assert_eq!(kind("K20nginx", "nginx"), Some(Links::Stop));
        for other in ["S01nginx2", "nginx", "S1nginx", "README", "", "SäX"] {
            assert_eq!(kind(other, "nginx"), None, "{other}");
        }
        assert_eq!(
            (word(Some(0)), word(Some(1)), word(Some(3)), word(None)),
            ("running", "dead", "stopped", "unknown")
        );
    }
}
