//! Linux: the process tree as `/proc` tells it, and what a child must set before it runs.

use std::{
    collections::{HashMap, HashSet},
    fs,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::Command,
};

use nix::{
    sys::{
        prctl,
        signal::{SigSet, Signal},
    },
    unistd::{Pid, Uid, getpid, getppid},
};

/// Distinguishes one run of the kernel from the next.
pub(crate) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

/// Name and version of the system for people.
pub(crate) fn os_name() -> String {
    fs::read_to_string("/etc/os-release")
        .ok()
        .and_then(|text| {
            text.lines()
                .find_map(|line| Some(line.strip_prefix("PRETTY_NAME=")?.trim_matches('"').to_owned()))
        })
        .unwrap_or_else(|| "Linux".to_owned())
}

/// Name and home of a user. Read from the file instead of the name service, which may ask the network.
pub(crate) fn home(user: Uid) -> Option<(String, PathBuf)> {
    let id = user.to_string();
    fs::read_to_string("/etc/passwd").ok()?.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.get(2) == Some(&id.as_str()))
            .then(|| Some((fields.first()?.to_string(), PathBuf::from(fields.get(5)?))))?
    })
}

/// Living processes below `root`. Orphans come back to a subreaper, so below a shim nothing hides.
pub(crate) fn descendants(root: Pid) -> Vec<Pid> {
    let mut children: HashMap<i32, Vec<(i32, bool)>> = HashMap::new();
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    for entry in entries.flatten() {
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<i32>().ok());
        let stat = pid.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/stat")).ok());
        if let (Some(pid), Some((parent, zombie))) = (pid, stat.as_deref().and_then(parent_and_zombie)) {
            children.entry(parent).or_default().push((pid, zombie));
        }
    }
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut open = vec![root.as_raw()];
    while let Some(parent) = open.pop() {
        for &(pid, zombie) in children.get(&parent).into_iter().flatten() {
            if seen.insert(pid) {
                open.push(pid);
                if !zombie {
                    found.push(Pid::from_raw(pid));
                }
            }
        }
    }
    found
}

/// Random text, without a library's start-up cost.
pub(crate) fn random_mark() -> String {
    fs::read_to_string("/proc/sys/kernel/random/uuid")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

/// Processes that were started with this variable in their environment, as far as we may look.
pub(crate) fn marked(variable: &str) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let environment = fs::read(entry.path().join("environ")).ok()?;
            let mut variables = environment.split(|byte| *byte == 0);
            variables
                .any(|one| one == variable.as_bytes())
                .then(|| Pid::from_raw(pid))
        })
        .collect()
}

/// The name in parentheses may hold anything, so fields count from the last one.
fn parent_and_zombie(stat: &str) -> Option<(i32, bool)> {
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    Some((parent, matches!(state, "Z" | "X")))
}

/// Has the kernel kill the command when the calling thread's process dies, however it dies, and gives it back the
/// signals that the caller blocks for itself.
#[allow(
    unsafe_code,
    reason = "only the child itself can ask for this, between fork and exec"
)]
pub(crate) fn die_with_parent(command: &mut Command) {
    let parent = getpid();
    let in_child = move || {
        SigSet::empty().thread_set_mask()?;
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        // The parent may have died before the request.
        if getppid() == parent {
            Ok(())
        } else {
            Err(nix::errno::Errno::ESRCH.into())
        }
    };
    // SAFETY: the closure calls sigprocmask, prctl and getppid only, all async-signal-safe, and allocates nothing.
    unsafe { command.pre_exec(in_child) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_from_behind_the_name() {
        assert_eq!(parent_and_zombie("12 (a) b) Z 7 12 0"), Some((7, true)));
        assert_eq!(parent_and_zombie("12 (sh) S 1 12 0"), Some((1, false)));
        assert_eq!(parent_and_zombie("junk"), None);
    }
}
