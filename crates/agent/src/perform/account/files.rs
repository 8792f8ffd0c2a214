//! Users and groups as `/etc/passwd`, `/etc/shadow` and `/etc/group` have them.

use std::fs;

use crate::clock;

const DAY_US: i64 = 24 * 3600 * 1_000_000;

/// Not `Debug`, for its password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) full_name: String,
    pub(super) home: String,
    pub(super) shell: String,
    /// What becomes of its password; `None` where the file may not be read.
    pub(super) password: Option<Password>,
    pub(super) groups: Vec<String>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Password {
    /// As it is stored; compared, and shown to nobody.
    stored: String,
    /// There is one, locked or not.
    pub(super) is_set: bool,
    pub(super) is_locked: bool,
    pub(super) is_expired: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) gid: u32,
    pub(super) members: Vec<String>,
}

impl User {
    pub(super) fn find(name: &str) -> Result<Option<Self>, String> {
        let passwd = read("/etc/passwd")?;
        let Some(mut user) = parse_user(name, &passwd) else {
            return Ok(None);
        };
        let today = clock::local_us() / DAY_US;
        user.password = fs::read_to_string("/etc/shadow")
            .ok()
            .and_then(|shadow| parse_password(name, &shadow, today));
        user.groups = Group::all()?
            .into_iter()
            .filter(|group| group.gid == user.gid || group.members.iter().any(|member| member == name))
            .map(|group| group.name)
            .collect();
        Ok(Some(user))
    }

    /// Whether it can sign in with a password.
    pub(super) fn enabled(&self) -> Option<bool> {
        self.password
            .as_ref()
            .map(|password| password.is_set && !password.is_locked && !password.is_expired)
    }
}

impl Group {
    pub(super) fn all() -> Result<Vec<Self>, String> {
        Ok(read("/etc/group")?.lines().filter_map(parse_group).collect())
    }

    pub(super) fn find(name: &str) -> Result<Option<Self>, String> {
        Ok(Self::all()?.into_iter().find(|group| group.name == name))
    }
}

fn read(path: &str) -> Result<String, String> {
    fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .map_err(|error| format!("{path} cannot be read: {error}"))
}

fn parse_user(name: &str, passwd: &str) -> Option<User> {
    let fields: Vec<&str> = passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&name) && fields.len() >= 7)?;
    Some(User {
        name: name.to_owned(),
        uid: fields[2].parse().ok()?,
        gid: fields[3].parse().ok()?,
        full_name: fields[4].to_owned(),
        home: fields[5].to_owned(),
        shell: fields[6].to_owned(),
        password: None,
        groups: Vec::new(),
    })
}

/// shadow(5).
fn parse_password(name: &str, shadow: &str, today: i64) -> Option<Password> {
    let fields: Vec<&str> = shadow
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&name))?;
    let stored = *fields.get(1)?;
    let bare = stored.trim_start_matches('!');
    let expires: Option<i64> = fields.get(7).and_then(|day| day.parse().ok());
    Some(Password {
        stored: stored.to_owned(),
        is_set: !bare.is_empty() && !bare.starts_with('*'),
        is_locked: stored.starts_with('!'),
        is_expired: expires.is_some_and(|day| day <= today),
    })
}

fn parse_group(line: &str) -> Option<Group> {
    let fields: Vec<&str> = line.split(':').collect();
    Some(Group {
        name: (*fields.first()?).to_owned(),
        gid: fields.get(2)?.parse().ok()?,
        members: fields
            .get(3)?
            .split(',')
            .filter(|member| !member.is_empty())
            .map(str::to_owned)
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_read_from_its_lines() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1001:Ann A.:/srv/ann:/bin/sh\n";
        let user = parse_user("ann", passwd).unwrap();
        assert_eq!(
            (user.uid, user.gid, user.full_name.as_str()),
            (1000, 1001, "Ann A.")
        );
        assert!(parse_user("an", passwd).is_none());
    }

    #[test]
    fn who_can_sign_in_with_a_password() {
        for (line, set, locked, expired) in [
            ("ann:$y$j9T$x:19000:0:99999:7:::", true, false, false),
            ("ann:!$y$j9T$x:19000:0:99999:7:::", true, true, false),
            ("ann:$y$j9T$x:19000:0:99999:7::1:", true, false, true),
            ("ann:$y$j9T$x:19000:0:99999:7::20001:", true, false, false),
            ("ann:!:19000:0:99999:7:::", false, true, false),
            ("ann:*:19000:0:99999:7:::", false, false, false),
            ("ann::19000:0:99999:7:::", false, false, false),
        ] {
            let password = parse_password("ann", line, 20000).unwrap();
            assert_eq!(
                (password.is_set, password.is_locked, password.is_expired),
                (set, locked, expired),
                "{line}"
            );
        }
    }

    #[test]
    fn a_group_has_members_or_none() {
        assert_eq!(parse_group("a:x:5:x,y").unwrap().members, ["x", "y"]);
        assert!(parse_group("a:x:5:").unwrap().members.is_empty());
        assert!(parse_group("junk").is_none());
    }
}
