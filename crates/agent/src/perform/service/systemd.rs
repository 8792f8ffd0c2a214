//! systemd, through `systemctl`.

use std::collections::HashMap;

use postern_protocol::{payload::ServiceAction, result::ServiceState};

use super::{Ended, Host, Look, Manager, Output, Stand};

const PROPERTIES: &str =
    "--property=LoadState,ActiveState,SubState,UnitFileState,MainPID,Type,Result,ConditionResult";

pub(super) struct Systemd(pub(super) Host);

impl Manager for Systemd {
    fn name(&self) -> &'static str {
        "systemd"
    }

    fn look(&self, service: &str) -> Result<Option<Look>, String> {
        let unit = format!("{service}.service");
        let ended = self
            .0
            .run(&["systemctl", "show", PROPERTIES, "--", &unit], Output::Kept)?;
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

    fn where_to_look(&self, service: &str) -> String {
        format!("See its log: journalctl -u {service}")
    }
}

/// systemctl(1), `show`; systemd(1), unit states; systemd.service(5), `Type=`.
fn parse(text: &str) -> Option<Look> {
    let properties: HashMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let property = |name| properties.get(name).copied().unwrap_or_default();
    let (state, sub) = (property("ActiveState"), property("SubState"));
    // One whose file was removed may run on.
    if property("LoadState") == "not-found" && state == "inactive" {
        return None;
    }
    let pid = property("MainPID").parse::<i32>().ok().filter(|pid| *pid != 0);
    // With conditions that do not hold it was not started at all, which systemd counts as success.
    let was_skipped = property("ConditionResult") == "no";
    let ended_well = property("Result") == "success" && !was_skipped;
    let stand = match (state, sub) {
        ("active" | "reloading" | "refreshing", _) => Stand::Up,
        ("activating", "auto-restart" | "auto-restart-queued") => Stand::Again,
        ("activating" | "deactivating", _) => Stand::Moving,
        ("failed", _) => Stand::Failed,
        ("inactive", _) if property("Type") == "oneshot" && ended_well => Stand::Finished,
        _ => Stand::Down,
    };
    let mut details = Vec::new();
    if !sub.is_empty() && sub != state {
        details.push(sub.to_owned());
    }
    if !matches!(property("Result"), "" | "success") {
        details.push(format!("Result={}", property("Result")));
    }
    if was_skipped && stand == Stand::Down {
        details.push("ConditionResult=no".to_owned());
    }
    Some(Look {
        state: ServiceState {
            state: state.to_owned(),
            running: stand == Stand::Up || pid.is_some(),
            enabled: match property("UnitFileState") {
                "enabled" | "enabled-runtime" => Some(true),
                "disabled" | "masked" | "masked-runtime" => Some(false),
                _ => None,
            },
            pid,
        },
        stand,
        details,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(text: &str) -> ServiceState {
        parse(text).unwrap().state
    }

    #[test]
    fn properties_become_a_state() {
        let active = state("LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nMainPID=42\n");
        assert!(active.running && active.enabled == Some(true) && active.pid == Some(42));
        let failed = state("LoadState=masked\nActiveState=failed\nUnitFileState=masked\nMainPID=0\n");
        assert!(!failed.running && failed.enabled == Some(false) && failed.pid.is_none());
        let inactive = state("LoadState=loaded\nActiveState=inactive\nUnitFileState=static\nMainPID=0\n");
        assert_eq!((inactive.state.as_str(), inactive.enabled), ("inactive", None));
        assert!(parse("LoadState=not-found\nActiveState=inactive\n").is_none());
        assert!(state("LoadState=not-found\nActiveState=active\nMainPID=42\n").running);
    }

    #[test]
    fn what_waits_to_be_started_again_does_not_run_and_what_starts_does() {
        let again =
            parse("ActiveState=activating\nSubState=auto-restart\nMainPID=0\nResult=signal\n").unwrap();
        assert!(!again.state.running && again.stand == Stand::Again);
        assert_eq!(again.details, ["auto-restart", "Result=signal"]);
        let starts = parse("ActiveState=activating\nSubState=start\nMainPID=42\nResult=success\n").unwrap();
        assert!(starts.state.running && starts.stand == Stand::Moving);
    }

    #[test]
    fn only_work_of_one_time_that_was_done_and_ended_well_is_finished() {
        let stand = |more: &str| {
            let look = parse(&format!("ActiveState=inactive\nSubState=dead\nMainPID=0\n{more}"));
            look.unwrap().stand
        };
        let done = "Result=success\nConditionResult=yes\n";
        assert_eq!(stand(&format!("Type=oneshot\n{done}")), Stand::Finished);
        for other in [
            format!("Type=simple\n{done}"),
            "Type=oneshot\nResult=success\nConditionResult=no\n".to_owned(),
            "Type=oneshot\nResult=exec-condition\nConditionResult=yes\n".to_owned(),
        ] {
            assert_eq!(stand(&other), Stand::Down, "{other}");
        }
    }
}
