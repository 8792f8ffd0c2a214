//! systemd, through `systemctl`.

use std::collections::HashMap;

use postern_protocol::{payload::ServiceAction, result::ServiceState};

use super::{Ended, Host, Manager, Output};

pub(super) struct Systemd(pub(super) Host);

impl Manager for Systemd {
    fn name(&self) -> &'static str {
        "systemd"
    }

    fn state(&self, service: &str) -> Result<Option<ServiceState>, String> {
        let unit = format!("{service}.service");
        let properties = "--property=LoadState,ActiveState,UnitFileState,MainPID";
        let ended = self
            .0
            .run(&["systemctl", "show", properties, "--", &unit], Output::Kept)?;
        if !ended.succeeded() {
            return Err(format!("systemd does not answer: {}", ended.said()));
        }
        Ok(parse(&ended.out))
    }

    fn act(&self, action: ServiceAction, service: &str) -> Result<Ended, String> {
        let unit = format!("{service}.service");
        let argv = [
            "systemctl",
            "--no-ask-password",
            "--no-pager",
            action.as_str(),
            "--",
            &unit,
        ];
        self.0.run(&argv, Output::Shown)
    }
}

/// systemctl(1), `show`.
fn parse(text: &str) -> Option<ServiceState> {
    let properties: HashMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let property = |name| properties.get(name).copied().unwrap_or_default();
    if property("LoadState") == "not-found" {
        return None;
    }
    let state = property("ActiveState");
    Some(ServiceState {
        state: state.to_owned(),
        running: matches!(state, "active" | "reloading" | "activating"),
        enabled: match property("UnitFileState") {
            "enabled" | "enabled-runtime" => Some(true),
            "disabled" | "masked" | "masked-runtime" => Some(false),
            _ => None,
        },
        pid: property("MainPID").parse().ok().filter(|pid| *pid != 0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_become_a_state() {
        let state =
            parse("LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nMainPID=42\n").unwrap();
        assert!(state.running && state.enabled == Some(true) && state.pid == Some(42));
        let state = parse("LoadState=masked\nActiveState=failed\nUnitFileState=masked\nMainPID=0\n").unwrap();
        assert!(!state.running && state.enabled == Some(false) && state.pid.is_none());
        let state =
            parse("LoadState=loaded\nActiveState=inactive\nUnitFileState=static\nMainPID=0\n").unwrap();
        assert_eq!((state.state.as_str(), state.enabled), ("inactive", None));
        assert!(parse("LoadState=not-found\nActiveState=inactive\n").is_none());
    }
}
