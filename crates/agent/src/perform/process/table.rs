//! The processes of this host as `/proc` shows them at one moment.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use nix::unistd::{SysconfVar, getpid, sysconf};
use postern_protocol::result::Process;
use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal},
};

/// Kept of a command line.
const COMMAND_LINE_BYTES: usize = 1024;

pub(super) struct Processes {
    pub(super) all: Vec<Found>,
    users: HashMap<u32, String>,
}

pub(super) struct Found {
    pub(super) process: Process,
    /// When it began, in ticks since the system's start: with its number it is unlike any other.
    start: u64,
}

impl Found {
    /// Whether this very process is there and is not only waiting to be reaped.
    pub(super) fn lives(&self) -> bool {
        stat(self.process.pid).is_some_and(|stat| stat.start == self.start && !stat.ended)
    }

    /// Signals this very process, and never one that got its number since. Whether it was still there.
    pub(super) fn signal(&self, signal: Signal) -> io::Result<bool> {
        let Some(pid) = Pid::from_raw(self.process.pid) else {
            return Ok(false);
        };
        // What the handle stands for cannot change any more: a look that finds the process proves that it is the one.
        let sent = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) if self.lives() => pidfd_send_signal(handle, signal),
            Ok(_) => Err(Errno::SRCH),
            // Before Linux 5.3, or where a container does not let it through, a moment stays between look and signal.
            Err(Errno::NOSYS | Errno::PERM) if self.lives() => kill_process(pid, signal),
            Err(Errno::NOSYS | Errno::PERM) => Err(Errno::SRCH),
            Err(error) => Err(error),
        };
        match sent {
            Ok(()) => Ok(true),
            Err(Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl Processes {
    pub(super) fn read() -> io::Result<Self> {
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let users: HashMap<u32, String> = passwd
            .lines()
            .filter_map(|line| {
                let mut fields = line.split(':');
                let name = fields.next()?;
                Some((fields.nth(1)?.parse().ok()?, name.to_owned()))
            })
            .collect();
        let page = sysconf(SysconfVar::PAGE_SIZE)
            .ok()
            .flatten()
            .and_then(|bytes| u64::try_from(bytes).ok())
            .unwrap_or(4096);
        let mut all: Vec<Found> = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let pid = entry?.file_name().to_str().and_then(|name| name.parse().ok());
            // It may end while it is looked at.
            if let Some(found) = pid.and_then(|pid| look(pid, page, &users)) {
                all.push(found);
            }
        }
        all.sort_unstable_by_key(|found| found.process.pid);
        Ok(Self { all, users })
    }

    pub(super) fn knows_user(&self, name: &str) -> bool {
        self.users.values().any(|user| user == name)
    }

    /// The first process, all processes of agents, and everything these come from.
    pub(super) fn protected(&self) -> HashSet<i32> {
        let parents: HashMap<i32, i32> = self
            .all
            .iter()
            .map(|found| (found.process.pid, found.process.parent))
            .collect();
        let own = Program::of(getpid().as_raw());
        let agents = self.all.iter().map(|found| found.process.pid).filter(|pid| {
            own.as_ref()
                .zip(Program::of(*pid).as_ref())
                .is_some_and(|(own, other)| own.is_same(other))
        });
        let mut protected = HashSet::from([1]);
        for pid in agents.chain([getpid().as_raw()]) {
            let mut next = Some(pid);
            while let Some(pid) = next
                && pid > 0
                && protected.insert(pid)
            {
                next = parents.get(&pid).copied();
            }
        }
        protected
    }
}

/// The file a process came from.
struct Program {
    path: PathBuf,
    file: Option<(u64, u64)>,
}

impl Program {
    fn of(pid: i32) -> Option<Self> {
        let link = format!("/proc/{pid}/exe");
        let path = fs::read_link(&link).ok()?;
        // After an upgrade the running file has no name any more.
        let text = path.to_string_lossy();
        let path = PathBuf::from(text.strip_suffix(" (deleted)").unwrap_or(&text));
        let file = fs::metadata(link).ok().map(|file| (file.dev(), file.ino()));
        Some(Self { path, file })
    }

    /// The same file, or another version of it.
    fn is_same(&self, other: &Self) -> bool {
        (self.file.is_some() && self.file == other.file) || self.path.file_name() == other.path.file_name()
    }
}

struct Stat {
    parent: i32,
    start: u64,
    ended: bool,
}

fn stat(pid: i32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// proc_pid_stat(5). The name in parentheses may hold anything, so fields count from its end: the state is the third.
fn parse_stat(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text
        .get(text.rfind(')')? + 1..)?
        .split_ascii_whitespace()
        .collect();
    Some(Stat {
        ended: matches!(*fields.first()?, "Z" | "X"),
        parent: fields.get(1)?.parse().ok()?,
        start: fields.get(19)?.parse().ok()?,
    })
}

fn look(pid: i32, page: u64, users: &HashMap<u32, String>) -> Option<Found> {
    let folder = PathBuf::from(format!("/proc/{pid}"));
    let stat = stat(pid)?;
    let text = |file: &str| read(&folder.join(file));
    // The effective one; the folder's owner is root where a process may not be looked into.
    let status = text("status")?;
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    let uid = ids.split_ascii_whitespace().nth(1)?.parse().ok()?;
    let pages = text("statm")?.split(' ').nth(1)?.parse::<u64>().unwrap_or(0);
    let command_line = text("cmdline")?.trim_end_matches('\0').replace('\0', " ");
    Some(Found {
        process: Process {
            pid,
            parent: stat.parent,
            name: text("comm")?.trim_end_matches('\n').to_owned(),
            user: users.get(&uid).cloned().unwrap_or_else(|| uid.to_string()),
            command_line: command_line[..command_line.floor_char_boundary(COMMAND_LINE_BYTES)].to_owned(),
            memory_bytes: pages * page,
            signal: None,
            gone: None,
        },
        start: stat.start,
    })
}

fn read(path: &Path) -> Option<String> {
    Some(String::from_utf8_lossy(&fs::read(path).ok()?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_from_behind_the_name() {
        let rest = "S 7 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 1 2";
        let stat = parse_stat(&format!("12 (a) Z 9 (b)) {rest}")).unwrap();
        assert_eq!((stat.parent, stat.start, stat.ended), (7, 4242, false));
        assert!(parse_stat("12 (sh) S 1").is_none());
    }

    #[test]
    fn a_process_that_only_has_the_number_is_not_signalled() {
        let mut child = std::process::Command::new("sleep").arg("300").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let mut found = look(pid, 4096, &HashMap::new()).unwrap();
        found.start += 1;
        assert!(!found.signal(Signal::KILL).unwrap());
        assert!(child.try_wait().unwrap().is_none(), "it was not meant");
        found.start -= 1;
        assert!(found.signal(Signal::KILL).unwrap());
        child.wait().unwrap();
        assert!(!found.signal(Signal::KILL).unwrap(), "it is gone");
    }

    #[test]
    fn this_process_and_what_it_comes_from_are_protected() {
        let processes = Processes::read().unwrap();
        let protected = processes.protected();
        let own = getpid().as_raw();
        let parent = nix::unistd::getppid().as_raw();
        assert!(protected.contains(&1) && protected.contains(&own) && protected.contains(&parent));
    }

    #[test]
    fn another_version_of_the_agent_is_an_agent() {
        let program = |path: &str, file| Program {
            path: path.into(),
            file,
        };
        let own = program("/usr/bin/postern-agent", Some((1, 2)));
        assert!(own.is_same(&program("/opt/postern-agent", Some((1, 3)))));
        assert!(own.is_same(&program("/usr/bin/renamed", Some((1, 2)))));
        assert!(!own.is_same(&program("/usr/bin/nginx", Some((1, 4)))));
    }
}
