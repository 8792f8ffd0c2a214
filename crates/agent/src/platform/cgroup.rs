//! A cgroup v2 of its own for a job, where the agent may make one: killing it reaches every process at once.
//!
//! No limits are set and no controllers switched on, so nothing but a writable folder is needed. Moving a process
//! costs the kernel milliseconds; the shim therefore moves only jobs that outlive their first moments.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use nix::unistd::Pid;

#[derive(Debug)]
pub(crate) struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// Where jobs' groups go: the agent's own cgroup v2, when it can be written.
    pub(crate) fn own_root() -> Option<PathBuf> {
        let mount = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let path = locate(&mount, &own)?;
        let writable = nix::unistd::access(&path, nix::unistd::AccessFlags::W_OK).is_ok();
        (writable && path.join("cgroup.procs").exists()).then_some(path)
    }

    pub(crate) fn create(path: PathBuf) -> io::Result<Self> {
        match fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        Ok(Self { path })
    }

    /// One made earlier, by this process or another.
    pub(crate) fn existing(path: &Path) -> Option<Self> {
        path.join("cgroup.procs").exists().then(|| Self {
            path: path.to_owned(),
        })
    }

    pub(crate) fn add(&self, pid: Pid) -> io::Result<()> {
        fs::write(self.path.join("cgroup.procs"), pid.to_string())
    }

    pub(crate) fn processes(&self) -> Vec<Pid> {
        fs::read_to_string(self.path.join("cgroup.procs"))
            .unwrap_or_default()
            .lines()
            .filter_map(|line| line.parse().ok().map(Pid::from_raw))
            .collect()
    }

    pub(crate) fn kill(&self) {
        let _ = fs::write(self.path.join("cgroup.kill"), "1");
    }

    /// Goes only when it is empty: a job may leave a daemon behind on purpose.
    pub(crate) fn remove(&self) {
        let _ = fs::remove_dir(&self.path);
    }
}

/// The folder of this process' cgroup v2 in the first mount that shows it.
fn locate(mountinfo: &str, own: &str) -> Option<PathBuf> {
    let own = own.lines().find_map(|line| line.strip_prefix("0::"))?;
    mountinfo.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        if right.split(' ').next()? != "cgroup2" {
            return None;
        }
        let mut fields = left.split(' ').skip(3);
        let (root, mount) = (fields.next()?, fields.next()?);
        let below = Path::new(own).strip_prefix(root).ok()?;
        Some(Path::new(mount).join(below))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_cgroup_is_found_in_any_mount() {
        let check = |mount: &str, own: &str, expected: Option<&str>| {
            assert_eq!(locate(mount, own), expected.map(PathBuf::from), "{mount} {own}");
        };
        let unified = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw";
        check(unified, "4:memory:/x\n0::/", Some("/sys/fs/cgroup/unified/"));
        check(
            unified,
            "0::/system.slice/postern-agent.service\n",
            Some("/sys/fs/cgroup/unified/system.slice/postern-agent.service"),
        );
        let inside = "41 31 0:38 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup rw";
        check(inside, "0::/docker/abc/x", Some("/sys/fs/cgroup/x"));
        check(inside, "0::/elsewhere", None);
        check(
            "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw",
            "0::/",
            None,
        );
        check(unified, "4:memory:/x", None);
    }
}
