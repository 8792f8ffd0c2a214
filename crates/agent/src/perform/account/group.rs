//! `group_control`: create, delete, add and remove members.

use postern_protocol::{
    payload::{GroupAction, GroupControl},
    result::{GroupResult, JobResult},
};

use super::{
    Context, Failed, Host, check_owner,
    files::{Group, User},
    run, say,
};

pub(in crate::perform) fn perform(work: &GroupControl, _: &Context) -> Result<JobResult, Failed> {
    let before = Group::find(&work.group)?;
    check(work, before.as_ref())?;
    let done = act(work, before.as_ref(), &Host::new(&[]));
    let after = Group::find(&work.group)?;
    let changed = before != after;
    tell(&work.group, after.as_ref(), changed);
    let result = JobResult::GroupControl(GroupResult {
        group: work.group.clone(),
        exists: after.is_some(),
        gid: after.as_ref().map(|group| group.gid),
        members: after.map(|group| group.members).unwrap_or_default(),
        changed,
    });
    match done {
        Ok(()) => Ok(result),
        Err(reason) => Err(Failed {
            reason,
            result: Some(result),
        }),
    }
}

fn check(work: &GroupControl, before: Option<&Group>) -> Result<(), String> {
    let name = &work.group;
    match (work.action, before) {
        (GroupAction::Create, Some(group)) => {
            return Err(format!("group '{name}' exists already (gid {})", group.gid));
        }
        (GroupAction::Create, None) => {}
        (_, None) => return Err(format!("there is no group '{name}' in /etc/group of this host")),
        (_, Some(group)) => check_owner(group, work.force)?,
    }
    if work.action == GroupAction::RemoveMembers {
        return Ok(());
    }
    for member in &work.members {
        if User::find(member)?.is_none() {
            return Err(format!("there is no user '{member}' in /etc/passwd of this host"));
        }
    }
    Ok(())
}

fn act(work: &GroupControl, before: Option<&Group>, host: &Host) -> Result<(), String> {
    let name = work.group.as_str();
    let is_member = |user: &str| before.is_some_and(|group| group.members.iter().any(|one| one == user));
    let each = |option: &str, members: &mut dyn Iterator<Item = &String>| {
        for member in members {
            let failed = format!("member '{member}' of group '{name}' could not be changed");
            run(host, &["gpasswd", option, member, name], &failed)?;
        }
        Ok::<(), String>(())
    };
    match work.action {
        GroupAction::Create => {
            let mut argv = vec!["groupadd"];
            if work.system {
                argv.push("--system");
            }
            argv.extend(["--", name]);
            run(host, &argv, &format!("group '{name}' could not be created"))?;
            each("--add", &mut work.members.iter())
        }
        GroupAction::Delete => run(
            host,
            &["groupdel", "--", name],
            &format!("group '{name}' could not be deleted"),
        ),
        GroupAction::AddMembers => each(
            "--add",
            &mut work.members.iter().filter(|member| !is_member(member)),
        ),
        GroupAction::RemoveMembers => each(
            "--delete",
            &mut work.members.iter().filter(|member| is_member(member)),
        ),
    }
}

fn tell(name: &str, group: Option<&Group>, changed: bool) {
    match group {
        None => say(format!("group {name}: not on this host")),
        Some(group) => say(format!(
            "group {name}: gid {}, members {}",
            group.gid,
            if group.members.is_empty() {
                "none".to_owned()
            } else {
                group.members.join(", ")
            }
        )),
    }
    if !changed {
        say("nothing changed");
    }
}
