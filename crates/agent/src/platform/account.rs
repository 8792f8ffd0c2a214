//! Local accounts as the files of the host tell them, and becoming one of them for good.
//!
//! Read from the files instead of the name service, which may ask the network: who may be run as must not depend on
//! a directory that somebody else keeps.

use std::{
    ffi::CString,
    fs, io,
    os::unix::{ffi::OsStrExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use nix::unistd::{Gid, Uid, chdir, setgroups, setresgid, setresuid};

use super::limits::{self, Limit};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
    /// All it is a member of, the first one included.
    pub(crate) groups: Vec<Gid>,
    pub(crate) home: PathBuf,
    pub(crate) shell: PathBuf,
    pub(crate) limits: Vec<Limit>,
}

impl Account {
    pub(crate) fn find(name: &str) -> io::Result<Option<Self>> {
        let passwd = fs::read_to_string("/etc/passwd")?;
        let groups = fs::read_to_string("/etc/group")?;
        Ok(parse(name, &passwd, &groups).map(|(mut account, group_names)| {
            account.limits = limits::of(&account.name, &group_names);
            account
        }))
    }
}

/// The account without its limits, and the names of its groups.
fn parse(name: &str, passwd: &str, groups: &str) -> Option<(Account, Vec<String>)> {
    let fields: Vec<&str> = passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&name) && fields.len() >= 6)?;
    let gid = Gid::from_raw(fields[3].parse().ok()?);
    let mut ids = vec![gid];
    let mut names = Vec::new();
    for line in groups.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let Some(id) = fields.get(2).and_then(|id| id.parse().ok()).map(Gid::from_raw) else {
            continue;
        };
        let member = fields
            .get(3)
            .is_some_and(|members| members.split(',').any(|member| member == name));
        if member || id == gid {
            names.push(fields[0].to_owned());
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    let or = |text: Option<&&str>, default: &str| {
        PathBuf::from(text.copied().filter(|text| !text.is_empty()).unwrap_or(default))
    };
    let account = Account {
        name: name.to_owned(),
        uid: Uid::from_raw(fields[2].parse().ok()?),
        gid,
        groups: ids,
        home: or(fields.get(5), "/"),
        shell: or(fields.get(6), "/bin/sh"),
        limits: Vec::new(),
    };
    Some((account, names))
}

/// Has the command run as this account, in `directory` as that account may enter it. Limits first, as only root may
/// raise them; then groups, group and user, in this order, as each takes away the right to the one before; real,
/// effective and saved at once, so that there is no way back.
#[allow(
    unsafe_code,
    reason = "only the child itself can become another user, between fork and exec"
)]
pub(crate) fn become_account(command: &mut Command, account: &Account, directory: &Path) -> io::Result<()> {
    let directory = CString::new(directory.as_os_str().as_bytes())?;
    let Account {
        uid,
        gid,
        groups,
        limits,
        ..
    } = account.clone();
    let in_child = move || {
        limits.iter().for_each(Limit::set);
        setgroups(&groups)?;
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid)?;
        chdir(directory.as_c_str())?;
        Ok(())
    };
    // SAFETY: the closure calls getrlimit, setrlimit, setgroups, setresgid, setresuid and chdir only, plain system calls in a
    // process with one thread, and allocates nothing.
    unsafe { command.pre_exec(in_child) };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_the_groups_that_name_it() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nweb:x:33:34:www:/var/www:\nbroken:x";
        let groups = "root:x:0:\nweb:x:34:\nadm:x:4:syslog,web\nother:x:5:webs\n";
        let (account, names) = parse("web", passwd, groups).unwrap();
        assert_eq!((account.uid, account.gid), (Uid::from_raw(33), Gid::from_raw(34)));
        assert_eq!(account.groups, [Gid::from_raw(34), Gid::from_raw(4)]);
        assert_eq!(names, ["web", "adm"]);
        assert_eq!(
            (account.home.as_path(), account.shell.as_path()),
            (Path::new("/var/www"), Path::new("/bin/sh"))
        );
        for unknown in ["nobody", "broken", "", "we"] {
            assert!(parse(unknown, passwd, groups).is_none(), "{unknown}");
        }
    }
}
