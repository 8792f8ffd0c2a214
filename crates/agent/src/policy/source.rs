//! Where the policy is, and that nobody but the machine's owner can have changed it.

use std::{
    fs::{File, Metadata},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use nix::unistd::geteuid;

use super::Policy;

const DEFAULT: &str = "/etc/postern-agent/policy.toml";
const MOST_BYTES: u64 = 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "the policy {path} cannot be read: {source}; no job runs until the host's owner has repaired it",
        path = .path.display()
    )]
    Read { path: PathBuf, source: io::Error },
    #[error("{path}, on the way to the policy, {problem}: the host's owner must put that right first", path = .path.display())]
    Exposed { path: PathBuf, problem: String },
    #[error(
        "the policy {path} cannot be understood: {reason}; no job runs until the host's owner has repaired it",
        path = .path.display()
    )]
    Content { path: PathBuf, reason: String },
}

/// A file that was named must be there; the one at the default place may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Source(pub(crate) Option<PathBuf>);

impl Source {
    pub(crate) fn load(&self) -> Result<Policy, Error> {
        let path = self.0.as_deref().unwrap_or(Path::new(DEFAULT));
        let read = |source| Error::Read {
            path: path.to_owned(),
            source,
        };
        // Whoever may change the folder may take the file away, which would lift it.
        if let Some(folder) = path.parent()
            && let Ok(metadata) = folder.metadata()
        {
            check_owner(folder, &metadata)?;
        }
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.0.is_none() => {
                return Policy::parse("", path.to_owned());
            }
            Err(error) => return Err(read(error)),
        };
        check_owner(path, &file.metadata().map_err(read)?)?;
        let mut text = String::new();
        file.take(MOST_BYTES + 1)
            .read_to_string(&mut text)
            .map_err(read)?;
        if text.len() as u64 > MOST_BYTES {
            return Err(Error::Content {
                path: path.to_owned(),
                reason: format!("it is longer than {MOST_BYTES} bytes"),
            });
        }
        Policy::parse(&text, path.to_owned())
    }
}

fn check_owner(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    const STICKY: u32 = 0o1000;
    let exposed = |problem: String| Error::Exposed {
        path: path.to_owned(),
        problem,
    };
    if metadata.uid() != 0 && metadata.uid() != geteuid().as_raw() {
        return Err(exposed(format!(
            "belongs to user {}, neither to root nor to the agent's user",
            metadata.uid()
        )));
    }
    // In a sticky folder nobody can take away or replace what is another's.
    let shared = metadata.is_dir() && metadata.mode() & STICKY != 0;
    if metadata.mode() & 0o022 != 0 && !shared {
        return Err(exposed(format!(
            "can be changed by others than its owner (mode {:o})",
            metadata.mode() & 0o7777
        )));
    }
    Ok(())
}
