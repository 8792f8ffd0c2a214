//! SysV: the scripts in `/etc/init.d`, through `service` and `update-rc.d`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use postern_protocol::{payload::ServiceAction, result::ServiceState};

use super::{Ended, Host, Look, Manager, Output, Stand};

const SCRIPTS: &str = "etc/init.d";
/// Levels in which the system works for people.
const LEVELS: [&str; 4] = ["etc/rc2.d", "etc/rc3.d", "etc/rc4.d", "etc/rc5.d"];

pub(super) struct SysV {
    pub(super) host: Host,
    /// Below which its files are.
    pub(super) root: PathBuf,
}

impl Manager for SysV {
    fn name(&self) -> &'static str {
        "sysv"
    }

    fn look(&self, service: &str) -> Result<Option<Look>, String> {
        let script = self.root.join(SCRIPTS).join(service);
        if !script.is_file() {
            return Ok(None);
        }
        let status = self.host.run(&["service", service, "status"], Output::Kept)?;
        let (state, stand) = match word(status.code) {
            (_, Stand::Up | Stand::Down) if !can_tell(&fs::read(&script).unwrap_or_default()) => CANNOT_TELL,
            told => told,
        };
        let running = stand == Stand::Up;
        Ok(Some(Look {
            state: ServiceState {
                state: state.to_owned(),
                running,
                enabled: self.links(service).map(|links| links == Links::Start),
                pid: self.pid(service).filter(|_| running),
            },
            stand,
            details: Vec::new(),
        }))
    }

    fn act(&self, action: ServiceAction, service: &str) -> Result<Ended, String> {
        match action {
            // Without links there is nothing that could be switched on.
            ServiceAction::Enable if self.links(service) == Some(Links::Absent) => self
                .host
                .run(&["update-rc.d", service, "defaults"], Output::Shown),
            ServiceAction::Enable | ServiceAction::Disable => self
                .host
                .run(&["update-rc.d", service, action.as_str()], Output::Shown),
            action => self
                .host
                .run(&["service", service, action.as_str()], Output::Shown),
        }
    }
}

impl SysV {
    /// `S01nginx` starts it in a level, `K01nginx` stops it. `None` where there are no levels.
    fn links(&self, service: &str) -> Option<Links> {
        let mut found = None;
        for level in LEVELS {
            let Ok(entries) = fs::read_dir(self.root.join(level)) else {
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

    fn pid(&self, service: &str) -> Option<i32> {
        let text = fs::read_to_string(self.root.join(format!("run/{service}.pid"))).ok()?;
        let pid = text.trim().parse().ok()?;
        Path::new(&format!("/proc/{pid}")).exists().then_some(pid)
    }
}

const CANNOT_TELL: (&str, Stand) = ("unknown", Stand::Unknown);

/// LSB 20.2, exit codes of `status`. One that is dead may have a file from before, until it has written its own.
fn word(code: Option<i32>) -> (&'static str, Stand) {
    match code {
        Some(0) => ("running", Stand::Up),
        Some(1 | 2) => ("dead", Stand::Down),
        Some(3) => ("stopped", Stand::Down),
        _ => CANNOT_TELL,
    }
}

/// Scripts without `status` answer to it as to any word they do not know, often with the code for "stopped" or "running".
/// Debian's frame for scripts (init-d-script(5)) has it, and finds nothing where there is no daemon.
fn can_tell(script: &[u8]) -> bool {
    let script = String::from_utf8_lossy(script);
    let knows = |line: &str| {
        ["status)", "status|", "do_status", "status_of_proc"]
            .iter()
            .any(|word| line.contains(word))
    };
    let frame = script.contains("init-d-script") && !script.contains("DAEMON=none");
    frame
        || script
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .any(knows)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    Start,
    Stop,
    Absent,
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
    }

    #[test]
    fn the_code_of_status_is_a_state_of_scripts_that_know_status() {
        assert_eq!(
            [
                word(Some(0)),
                word(Some(1)),
                word(Some(3)),
                word(Some(4)),
                word(None)
            ],
            [
                ("running", Stand::Up),
                ("dead", Stand::Down),
                ("stopped", Stand::Down),
                CANNOT_TELL,
                CANNOT_TELL
            ]
        );
        assert!(can_tell(b"case \"$1\" in start) ;; status) ;; esac"));
        assert!(can_tell(
            b"#!/usr/bin/env /lib/init/init-d-script\nDAEMON=/usr/sbin/cron\n"
        ));
        assert!(!can_tell(
            b"#!/usr/bin/env /lib/init/init-d-script\nDAEMON=none\n"
        ));
        assert!(!can_tell(b"case \"$1\" in start) ;; stop) ;; esac"));
        assert!(!can_tell(
            b"# depends on lsb-base, where status_of_proc is\nexit_status=3\ncase \"$1\" in start) ;; esac"
        ));
    }
}
