//! Resource limits that the host sets for a user: `/etc/security/limits.conf` and `limits.d`, as limits.conf(5)
//! describes them.
//!
//! What pam_limits would do at a sign-in, without PAM: a line for the user counts above one for a group, a group above
//! everybody, and among equals the later one. Not read: ranges of ids, limits of sign-ins, and priorities, which are
//! no resource limits.

use std::{fs, path::PathBuf};

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, rlim_t, setrlimit};

const FILE: &str = "/etc/security/limits.conf";
const FOLDER: &str = "/etc/security/limits.d";

/// Names of items, what they bound, and the unit of their numbers in the kernel's.
const ITEMS: [(&str, Resource, rlim_t); 15] = [
    ("core", Resource::RLIMIT_CORE, 1024),
    ("data", Resource::RLIMIT_DATA, 1024),
    ("fsize", Resource::RLIMIT_FSIZE, 1024),
    ("memlock", Resource::RLIMIT_MEMLOCK, 1024),
    ("nofile", Resource::RLIMIT_NOFILE, 1),
    ("rss", Resource::RLIMIT_RSS, 1024),
    ("stack", Resource::RLIMIT_STACK, 1024),
    ("cpu", Resource::RLIMIT_CPU, 60),
    ("nproc", Resource::RLIMIT_NPROC, 1),
    ("as", Resource::RLIMIT_AS, 1024),
    ("locks", Resource::RLIMIT_LOCKS, 1),
    ("sigpending", Resource::RLIMIT_SIGPENDING, 1),
    ("msgqueue", Resource::RLIMIT_MSGQUEUE, 1),
    ("nice", Resource::RLIMIT_NICE, 1),
    ("rtprio", Resource::RLIMIT_RTPRIO, 1),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) resource: Resource,
    pub(crate) soft: rlim_t,
    pub(crate) hard: rlim_t,
}

impl Limit {
    /// For this process, as near as it may come: in a container root may not raise the hard limit, and the soft one holds
    /// all the same. Between fork and exec it must be nothing but system calls.
    pub(super) fn set(&self) {
        if setrlimit(self.resource, self.soft, self.hard).is_err()
            && let Ok((_, hard)) = getrlimit(self.resource)
        {
            let _ = setrlimit(self.resource, self.soft.min(hard), hard);
        }
    }
}

/// Everything that is set for a user; what is not stays as the agent has it.
pub(super) fn of(user: &str, groups: &[String]) -> Vec<Limit> {
    let mut files: Vec<PathBuf> = fs::read_dir(FOLDER)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "conf"))
        .collect();
    files.sort_unstable();
    let text: String = [PathBuf::from(FILE)]
        .into_iter()
        .chain(files)
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|text| [text, "\n".to_owned()])
        .collect();
    let now = |resource| getrlimit(resource).unwrap_or((RLIM_INFINITY, RLIM_INFINITY));
    parse(&text, user, groups, &now)
}

/// How near a line is to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    Everybody,
    Group,
    User,
}

fn parse(
    text: &str,
    user: &str,
    groups: &[String],
    now: &dyn Fn(Resource) -> (rlim_t, rlim_t),
) -> Vec<Limit> {
    let mut limits = Vec::new();
    for (name, resource, unit) in ITEMS {
        let (mut soft, mut hard) = (None, None);
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let fields: Vec<&str> = line.split_whitespace().collect();
            let &[domain, kind, item, value] = fields.as_slice() else {
                continue;
            };
            let (Some(nearness), true) = (nearness(domain, user, groups), item == name) else {
                continue;
            };
            let Some(value) = number(value, name, unit) else {
                continue;
            };
            let set = |limit: &mut Option<(Nearness, rlim_t)>| {
                if limit.is_none_or(|(before, _)| nearness >= before) {
                    *limit = Some((nearness, value));
                }
            };
            if matches!(kind, "soft" | "-") {
                set(&mut soft);
            }
            if matches!(kind, "hard" | "-") {
                set(&mut hard);
            }
        }
        if soft.is_none() && hard.is_none() {
            continue;
        }
        let (soft_now, hard_now) = now(resource);
        let hard = hard.map_or(hard_now, |(_, value)| value);
        let soft = soft.map_or(soft_now, |(_, value)| value).min(hard);
        limits.push(Limit { resource, soft, hard });
    }
    limits
}

/// `None` for lines about others.
fn nearness(domain: &str, user: &str, groups: &[String]) -> Option<Nearness> {
    if domain == user {
        return Some(Nearness::User);
    }
    if let Some(group) = domain.strip_prefix('@') {
        return groups.iter().any(|one| one == group).then_some(Nearness::Group);
    }
    // Root is bound only by lines that name it.
    (domain == "*" && user != "root").then_some(Nearness::Everybody)
}

fn number(text: &str, item: &str, unit: rlim_t) -> Option<rlim_t> {
    if matches!(text, "unlimited" | "infinity" | "-1") && item != "nice" {
        return Some(RLIM_INFINITY);
    }
    if item == "nice" {
        // -20 to 19 there, 40 to 1 in the kernel.
        let nice: i64 = text.parse().ok()?;
        return rlim_t::try_from(20 - nice.clamp(-20, 19)).ok();
    }
    Some(text.parse::<rlim_t>().ok()?.saturating_mul(unit))
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::CommandExt as _, process::Command};

    use nix::unistd::{Uid, geteuid, setuid};

    use super::*;

    fn check(text: &str, user: &str, expected: &[(Resource, rlim_t, rlim_t)]) {
        let groups = ["web".to_owned(), "adm".to_owned()];
        let found: Vec<_> = parse(text, user, &groups, &|_| (100, 200))
            .into_iter()
            .map(|limit| (limit.resource, limit.soft, limit.hard))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn the_nearest_line_counts_and_among_equals_the_later_one() {
        use Resource::{RLIMIT_CORE, RLIMIT_NOFILE};
        let nofile = |soft, hard| [(RLIMIT_NOFILE, soft, hard)];
        check("", "www", &[]);
        check("* soft nofile 7\n# * soft nofile 8", "www", &nofile(7, 200));
        check("* - nofile 7", "www", &nofile(7, 7));
        check("* - nofile 7", "root", &[]);
        check(
            "www - nofile 9\n@web - nofile 8\n* - nofile 7",
            "www",
            &nofile(9, 9),
        );
        check("@web - nofile 8\n* - nofile 7", "www", &nofile(8, 8));
        check("@other - nofile 8\nother - nofile 5", "www", &[]);
        check("* - nofile 7\n* - nofile 6", "www", &nofile(6, 6));
        check("* hard nofile 50", "www", &nofile(50, 50));
        check(
            "* - core 2\n* - nofile unlimited",
            "www",
            &[
                (RLIMIT_CORE, 2048, 2048),
                (RLIMIT_NOFILE, RLIM_INFINITY, RLIM_INFINITY),
            ],
        );
        check("* - nofile many\n* - nofile", "www", &[]);
        check("* - nice -5", "www", &[(Resource::RLIMIT_NICE, 25, 25)]);
    }

    #[test]
    #[allow(unsafe_code, reason = "limits are lowered for a child only")]
    fn a_hard_limit_that_may_not_be_raised_does_not_keep_the_soft_one_from_being_set() {
        let limits_of = |limit: Limit| {
            let in_child = move || {
                setrlimit(limit.resource, 50, 100)?;
                // Nobody may raise it again.
                if geteuid().is_root() {
                    setuid(Uid::from_raw(65534))?;
                }
                limit.set();
                Ok(())
            };
            let mut command = Command::new("sh");
            command.args(["-c", "ulimit -Sn; ulimit -Hn"]);
            // SAFETY: system calls only.
            unsafe { command.pre_exec(in_child) };
            let output = command.output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        for (soft, hard, expected) in [
            (64, 80, "64\n80\n"),
            (64, 1000, "64\n100\n"),
            (200, 1000, "100\n100\n"),
            (64, RLIM_INFINITY, "64\n100\n"),
        ] {
            let resource = Resource::RLIMIT_NOFILE;
            assert_eq!(
                limits_of(Limit { resource, soft, hard }),
                expected,
                "{soft} {hard}"
            );
        }
    }
}
