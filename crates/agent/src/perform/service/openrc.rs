//! OpenRC, through `rc-service` and `rc-update`.

use std::path::Path;

use postern_protocol::{payload::ServiceAction, result::ServiceState};

use super::{Ended, Host, Look, Manager, Output, Stand};

pub(super) struct OpenRc(pub(super) Host);

impl Manager for OpenRc {
    fn name(&self) -> &'static str {
        "openrc"
    }

    fn look(&self, service: &str) -> Result<Option<Look>, String> {
        if !Path::new("/etc/init.d").join(service).exists()
            && !self
                .0
                .run(&["rc-service", "--exists", service], Output::Kept)?
                .succeeded()
        {
            return Ok(None);
        }
        let status = self.0.run(&["rc-service", service, "status"], Output::Kept)?;
        let levels = self.0.run(&["rc-update", "show"], Output::Kept)?;
        let (state, stand) = word(status.code);
        Ok(Some(Look {
            state: ServiceState {
                state: state.to_owned(),
                running: stand == Stand::Up,
                enabled: levels.succeeded().then(|| is_in_a_level(&levels.out, service)),
                pid: None,
            },
            stand,
            details: Vec::new(),
        }))
    }

    fn act(&self, action: ServiceAction, service: &str) -> Result<Ended, String> {
        let argv = match action {
            ServiceAction::Enable => ["rc-update", "add", service],
            ServiceAction::Disable => ["rc-update", "--all", "del"],
            action => ["rc-service", service, action.as_str()],
        };
        let mut argv = argv.to_vec();
        if action == ServiceAction::Disable {
            argv.push(service);
        }
        self.0.run(&argv, Output::Shown)
    }
}

/// What `rc-service NAME status` says by its exit code. One that is inactive waits for something, such as a cable; one
/// that looks crashed may not have written its pid yet.
fn word(code: Option<i32>) -> (&'static str, Stand) {
    match code {
        Some(0) => ("started", Stand::Up),
        Some(3) => ("stopped", Stand::Down),
        Some(4) => ("stopping", Stand::Moving),
        Some(8) => ("starting", Stand::Moving),
        Some(16) => ("inactive", Stand::Moving),
        Some(32) => ("crashed", Stand::Down),
        _ => ("unknown", Stand::Unknown),
    }
}

/// Lines such as `nginx | default`.
fn is_in_a_level(levels: &str, service: &str) -> bool {
    levels
        .lines()
        .filter_map(|line| line.split_once('|'))
        .any(|(name, levels)| name.trim() == service && !levels.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_in_any_level_is_enabled() {
        let levels =
            "              bootmisc | boot\n                 nginx |      default\n              sshd |\n";
        assert!(is_in_a_level(levels, "nginx") && is_in_a_level(levels, "bootmisc"));
        assert!(!is_in_a_level(levels, "sshd") && !is_in_a_level(levels, "ngin"));
        assert_eq!(
            [word(Some(0)), word(Some(3)), word(None)],
            [
                ("started", Stand::Up),
                ("stopped", Stand::Down),
                ("unknown", Stand::Unknown)
            ]
        );
    }
}
