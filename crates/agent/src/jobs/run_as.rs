//! `run_as_user` and `requires_elevation`: whom a job may become, and that what it needs is readable for that user
//! and for nobody else.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::Path,
};

use nix::unistd::{Uid, geteuid};
use postern_protocol::payload::JobPayload;

use super::Refused;
use crate::platform::{self, Account};

/// The other user that the job runs as, if it does.
pub(super) fn account(work: &JobPayload) -> Result<Option<Account>, Refused> {
    if work.requires_elevation() {
        check_elevation(geteuid(), work.run_as_user())?;
    }
    let Some(name) = work.run_as_user() else {
        return Ok(None);
    };
    match Account::find(name) {
        Ok(Some(account)) => Ok(Some(account)),
        Ok(None) => Err(Refused(format!(
            "user '{name}' does not exist on this host: only users in /etc/passwd can be run as"
        ))),
        Err(error) => Err(Refused(format!("user '{name}' cannot be looked up: {error}"))),
    }
}

fn check_elevation(own: Uid, wanted: Option<&str>) -> Result<(), Refused> {
    if own.is_root() {
        return Ok(());
    }
    let own = platform::home(own).map_or_else(|| own.to_string(), |(name, _)| name);
    Err(Refused(match wanted {
        Some(user) => format!(
            "requires elevation: this agent runs as user {own} and cannot become '{user}'; run it as root"
        ),
        None => format!("requires elevation: this agent runs as user {own}; run it as root"),
    }))
}

/// Makes a file or folder in the attempt's folder that user's, and the way to it passable. Folders on the way can be
/// passed from then on, not listed, and what else lies in them stays the agent's alone.
pub(super) fn hand_over(path: &Path, account: &Account) -> io::Result<()> {
    const PASS: u32 = 0o011;
    chown(path, Some(account.uid.as_raw()), Some(account.gid.as_raw()))?;
    // The attempt's folder, the journal, the data folder.
    for folder in path.ancestors().skip(1).take(3) {
        let metadata = folder.metadata()?;
        if metadata.uid() == geteuid().as_raw() && metadata.mode() & PASS != PASS {
            fs::set_permissions(
                folder,
                fs::Permissions::from_mode(metadata.mode() & 0o7777 | PASS),
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_root_is_told_who_the_agent_is() {
        assert_eq!(check_elevation(Uid::from_raw(0), Some("www-data")), Ok(()));
        let nobody = Uid::from_raw(65534);
        let text = check_elevation(nobody, None).unwrap_err().0;
        assert!(
            text.starts_with("requires elevation: this agent runs as user nobody"),
            "{text}"
        );
        let text = check_elevation(nobody, Some("www-data")).unwrap_err().0;
        assert!(text.contains("nobody") && text.contains("www-data"), "{text}");
    }
}
