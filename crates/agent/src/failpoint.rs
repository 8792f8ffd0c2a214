//! Places where a test can have the process killed. Compiled to nothing without the feature `failpoints`.

/// Kills this process when the test asked for it here. Fires once per data directory, so a restart goes on.
#[cfg(not(feature = "failpoints"))]
pub(crate) const fn hit(_name: &str) {}

#[cfg(feature = "failpoints")]
pub(crate) use armed::{arm, hit, name};

#[cfg(feature = "failpoints")]
mod armed {
    use std::{
        fs::OpenOptions,
        path::{Path, PathBuf},
        sync::OnceLock,
    };

    use nix::{
        sys::signal::{Signal, kill},
        unistd::Pid,
    };

    static ARMED: OnceLock<(String, PathBuf)> = OnceLock::new();

    pub(crate) fn arm(name: Option<String>, data: &Path) {
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            let marker = data.join(format!("failpoint-{name}-fired"));
            let _ = ARMED.set((name, marker));
        }
    }

    /// The armed point, for handing on to a shim.
    pub(crate) fn name() -> Option<&'static str> {
        ARMED.get().map(|(name, _)| name.as_str())
    }

    pub(crate) fn hit(name: &str) {
        let Some((armed, marker)) = ARMED.get() else {
            return;
        };
        if armed == name
            && OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(marker)
                .is_ok()
        {
            let _ = kill(Pid::this(), Signal::SIGKILL);
        }
    }
}
