//! `user_control`: create, delete, enable, disable, reset the password.

use nix::unistd::geteuid;
use postern_protocol::{
    payload::{PASSWORD, UserAction, UserControl},
    result::{JobResult, UserResult},
};
use zeroize::Zeroizing;

use super::{
    Context, Failed, Host, Output, check_owner,
    files::{Group, User},
    run, say,
};

pub(in crate::perform) fn perform(work: &UserControl, context: &Context) -> Result<JobResult, Failed> {
    let host = Host::new(&[]);
    let before = User::find(&work.user)?;
    check(work, before.as_ref())?;
    let password = if work.takes_password() {
        let password = context.secrets.get(PASSWORD).ok_or_else(|| {
            format!("the secret '{PASSWORD}' did not come with the order: give it and run the job again")
        })?;
        Some(line(&work.user, password)?)
    } else {
        None
    };
    let done = act(
        work,
        before.as_ref(),
        password.as_deref().map(String::as_str),
        &host,
    );
    let after = User::find(&work.user)?;
    let result = JobResult::UserControl(UserResult {
        user: work.user.clone(),
        exists: after.is_some(),
        uid: after.as_ref().map(|user| user.uid),
        home: after.as_ref().map(|user| user.home.clone()),
        shell: after.as_ref().map(|user| user.shell.clone()),
        groups: after.as_ref().map(|user| user.groups.clone()).unwrap_or_default(),
        enabled: after.as_ref().and_then(User::enabled),
        changed: before != after,
    });
    tell(&work.user, after.as_ref(), before != after);
    match done {
        Ok(()) => Ok(result),
        Err(reason) => Err(Failed {
            reason,
            result: Some(result),
        }),
    }
}

fn check(work: &UserControl, before: Option<&User>) -> Result<(), String> {
    let name = &work.user;
    let Some(user) = before else {
        return match work.action {
            UserAction::Create => check_groups(&work.groups, work.force),
            _ => Err(format!("there is no user '{name}' in /etc/passwd of this host")),
        };
    };
    if work.action == UserAction::Create {
        return Err(format!("user '{name}' exists already (uid {})", user.uid));
    }
    let whose = match user.uid {
        0 => "the superuser",
        uid if uid == geteuid().as_raw() => "the agent's own user",
        _ => return Ok(()),
    };
    if work.force {
        return Ok(());
    }
    Err(format!(
        "user '{name}' is {whose}, without whom this host is hard to repair: nothing was done; force it if that is meant"
    ))
}

fn check_groups(groups: &[String], force: bool) -> Result<(), String> {
    for name in groups {
        let group = Group::find(name)?
            .ok_or_else(|| format!("there is no group '{name}' on this host: create it first"))?;
        check_owner(&group, force)?;
    }
    Ok(())
}

/// What chpasswd(8) reads: with a line's end in it, it would be the password of another user.
fn line(user: &str, password: &str) -> Result<Zeroizing<String>, String> {
    if password.is_empty() || password.contains(['\n', '\r', '\0']) {
        return Err("the password is empty or contains a line's end: choose another".into());
    }
    Ok(Zeroizing::new(format!("{user}:{password}\n")))
}

fn act(work: &UserControl, before: Option<&User>, password: Option<&str>, host: &Host) -> Result<(), String> {
    let name = work.user.as_str();
    match work.action {
        UserAction::Create => {
            let argv = creation(work);
            let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
            run(host, &argv, &format!("user '{name}' could not be created"))?;
        }
        UserAction::Delete => {
            let mut argv = vec!["userdel"];
            if work.remove_home {
                argv.push("--remove");
            }
            argv.extend(["--", name]);
            run(host, &argv, &format!("user '{name}' could not be deleted"))?;
        }
        // Expired as well: a locked password alone leaves the way in by key.
        UserAction::Disable => run(
            host,
            &["usermod", "--lock", "--expiredate", "1", "--", name],
            &format!("user '{name}' could not be disabled"),
        )?,
        UserAction::Enable => enable(name, before, host)?,
        UserAction::ResetPassword => {}
    }
    let Some(password) = password else { return Ok(()) };
    let ended = host.run_with(&["chpasswd"], Output::Kept, Some(password))?;
    if ended.succeeded() {
        return Ok(());
    }
    Err(format!(
        "the password of '{name}' could not be set: {}",
        ended.said()
    ))
}

fn creation(work: &UserControl) -> Vec<String> {
    let mut argv = vec!["useradd".to_owned()];
    let mut option = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            argv.extend([name.to_owned(), value.clone()]);
        }
    };
    option("--comment", &work.full_name);
    option("--home-dir", &work.home);
    option("--shell", &work.shell);
    let groups = Some(work.groups.join(",")).filter(|groups| !groups.is_empty());
    option("--groups", &groups);
    if work.system {
        argv.extend(["--system".to_owned(), "--no-create-home".to_owned()]);
    } else {
        argv.push("--create-home".to_owned());
    }
    argv.extend(["--".to_owned(), work.user.clone()]);
    argv
}

/// Without a password there is none to unlock, and usermod would rather leave the account locked.
fn enable(name: &str, before: Option<&User>, host: &Host) -> Result<(), String> {
    let failed = format!("user '{name}' could not be enabled");
    run(host, &["usermod", "--expiredate", "", "--", name], &failed)?;
    let password = before.and_then(|user| user.password.as_ref());
    if password.is_some_and(|password| !password.is_set) {
        return Err(format!(
            "user '{name}' has no password to sign in with: reset it; other ways in are open again"
        ));
    }
    run(host, &["usermod", "--unlock", "--", name], &failed)
}

fn tell(name: &str, user: Option<&User>, changed: bool) {
    let Some(user) = user else {
        return say(format!("user {name}: not on this host"));
    };
    let enabled = match user.enabled() {
        Some(true) => ", can sign in with a password",
        Some(false) => ", cannot sign in with a password",
        None => "",
    };
    say(format!(
        "user {name}: uid {}, home {}, shell {}, groups {}{enabled}",
        user.uid,
        user.home,
        user.shell,
        user.groups.join(", ")
    ));
    if !changed {
        say("nothing changed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_line_of_one_user() {
        assert_eq!(line("ann", "a:b c").unwrap().as_str(), "ann:a:b c\n");
        for wrong in ["", "x\nroot:owned", "x\r", "x\0"] {
            assert!(line("ann", wrong).is_err(), "{wrong:?}");
        }
    }
}
