//! `command`: a program and its arguments as they are; a shell only when the order says so.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use postern_protocol::payload::Command;

use super::{Refused, SEARCH_PATH, find_program};

pub(super) fn invocation(command: &Command) -> Result<(PathBuf, Vec<OsString>), Refused> {
    let (first, rest) = command
        .argv
        .split_first()
        .ok_or_else(|| Refused("the command is empty".into()))?;
    if command.shell {
        return Ok(("/bin/sh".into(), vec!["-c".into(), first.into()]));
    }
    let arguments = rest.iter().map(OsString::from).collect();
    if first.contains('/') {
        let path = Path::new(first);
        if path.is_absolute() && !path.exists() {
            return Err(Refused(format!("program '{first}' does not exist on this host")));
        }
        return Ok((path.to_owned(), arguments));
    }
    let program = find_program(first)
        .ok_or_else(|| Refused(format!("program '{first}' was not found in PATH ({SEARCH_PATH})")))?;
    Ok((program, arguments))
}
