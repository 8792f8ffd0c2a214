//! `user_control` and `group_control`: local accounts, through the programs of shadow.
//!
//! What is there is read from the files, so a directory service of the host is not asked and not changed. Root and
//! the agent's own user are left alone unless the order forces it: without them nobody could repair the rest.

mod files;
pub(super) mod group;
pub(super) mod user;

use nix::unistd::{getegid, geteuid};

use self::files::Group;
use super::{
    Context, Failed, say,
    tool::{Host, Output},
};
use crate::platform;

/// Runs a program of shadow; what it says when it fails becomes the reason.
fn run(host: &Host, argv: &[&str], what: &str) -> Result<(), String> {
    let ended = host.run(argv, Output::Kept)?;
    // Complaints of a program that did its work are for people too.
    if ended.succeeded() {
        for line in ended.err.lines() {
            say(line);
        }
        return Ok(());
    }
    Err(format!("{what}: {}", ended.said()))
}

/// A group of root or of the agent's own user is left alone: who is in it may be as mighty as they are.
fn check_owner(group: &Group, force: bool) -> Result<(), String> {
    let own = platform::home(geteuid()).map(|(name, _)| name);
    let has = |name: &str| group.members.iter().any(|member| member == name);
    let whose = if group.gid == 0 || has("root") {
        "root"
    } else if group.gid == getegid().as_raw() || own.is_some_and(|own| has(&own)) {
        "the agent's own user"
    } else {
        return Ok(());
    };
    if force {
        return Ok(());
    }
    Err(format!(
        "group '{}' is one of {whose}: nothing was done; force it if that is meant",
        group.name
    ))
}
