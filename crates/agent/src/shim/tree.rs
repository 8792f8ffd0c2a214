//! Everything a job started, and how to end it.

use std::path::Path;

use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::{Pid, getpid},
};

use crate::platform::{Cgroup, descendants};

#[derive(Debug)]
pub(super) struct Tree {
    /// The main process, whose group it leads.
    main: Pid,
    cgroup: Option<Cgroup>,
}

impl Tree {
    pub(super) const fn new(main: Pid) -> Self {
        Self { main, cgroup: None }
    }

    /// Moves all of it into a group of its own. What is born meanwhile is caught by looking again.
    pub(super) fn adopt(&mut self, path: &Path) {
        let Ok(cgroup) = Cgroup::create(path.to_owned()) else {
            return;
        };
        for _ in 0..3 {
            let inside = cgroup.processes();
            let outside: Vec<Pid> = living().into_iter().filter(|pid| !inside.contains(pid)).collect();
            if outside.is_empty() {
                break;
            }
            for pid in outside {
                let _ = cgroup.add(pid);
            }
        }
        self.cgroup = Some(cgroup);
    }

    pub(super) fn terminate(&self) {
        let _ = killpg(self.main, Signal::SIGTERM);
        for pid in living() {
            let _ = kill(pid, Signal::SIGTERM);
        }
    }

    /// To be repeated until [`Tree::is_gone`]: a fork may slip between looking and killing.
    pub(super) fn kill(&self) {
        if let Some(cgroup) = &self.cgroup {
            cgroup.kill();
        }
        for pid in living() {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        living().is_empty()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        if let Some(cgroup) = &self.cgroup {
            cgroup.remove();
        }
    }
}

fn living() -> Vec<Pid> {
    descendants(getpid())
}
