//! `user_control` and `group_control`: local accounts, through the programs of shadow.
//!
//! What is there is read from the files, so a directory service of the host is not asked and not changed. Root and
//! the agent's own user are left alone unless the order forces it: without them nobody could repair the rest.

mod files;
pub(super) mod group;
pub(super) mod user;

use super::{
    Context, Failed, say,
    tool::{Host, Output},
};

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
