//! What is of any size, into a file or to standard output as it comes. A file is there whole or not at all: it is written
//! beside its place, and takes it when it is complete.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use postern_api::jobs::StreamName;
use postern_client::{Download, Error};

use crate::{failure::Failure, output::Console, words};

/// Told at the end of a message: what to make of what is there.
const NOTHING_SAVED: &str = "Nothing was saved: run the command again";
const NOT_WHOLE: &str = "What was written is not whole: run the command again";

/// Returns how many bytes it has.
pub(crate) async fn to_file(download: Download, path: &Path) -> Result<u64, Failure> {
    let cannot = |error: io::Error| Failure::local(format!("cannot write {}", path.display()), &error);
    let mut target = Target::open(path).map_err(cannot)?;
    let left = match target.unfinished {
        Some(_) => NOTHING_SAVED,
        None => NOT_WHOLE,
    };
    let copied = tokio::select! {
        copied = copy(download, left, |piece| target.file.write_all(piece).map_err(cannot)) => copied,
        _ = tokio::signal::ctrl_c() => Err(Failure::Local(format!("interrupted. {left}"))),
    };
    let bytes = copied?;
    target.complete().map_err(cannot)?;
    Ok(bytes)
}

pub(crate) async fn to_stdout(download: Download, console: &Console) -> Result<(), Failure> {
    let write = |piece: &[u8]| {
        console.write(StreamName::Stdout, piece);
        Ok(())
    };
    copy(download, NOT_WHOLE, write).await.map(|_| ())
}

async fn copy(
    mut download: Download,
    left: &str,
    mut write: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let mut bytes = 0_u64;
    loop {
        match download.next().await {
            Ok(Some(piece)) => {
                write(&piece)?;
                bytes = bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            }
            Ok(None) => return Ok(bytes),
            Err(error) => return Err(broken_off(&error, bytes, left)),
        }
    }
}

fn broken_off(error: &Error, bytes: u64, left: &str) -> Failure {
    let cause = match error {
        Error::Transport { cause, .. } => cause.clone(),
        other => other.to_string(),
    };
    let bytes = words::count(bytes, "byte", "bytes");
    Failure::Local(format!("the download broke off after {bytes}: {cause}. {left}"))
}

/// Where a file is written.
#[derive(Debug)]
struct Target {
    file: File,
    /// Absent for a device or a pipe, which is written to as it is.
    unfinished: Option<Unfinished>,
}

/// Removed when it is dropped.
#[derive(Debug)]
struct Unfinished {
    beside: PathBuf,
    place: PathBuf,
}

impl Target {
    fn open(path: &Path) -> io::Result<Self> {
        // Behind a link it is the file that is replaced, and not the link.
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let there = fs::metadata(&place).ok();
        if there.as_ref().is_some_and(|there| !there.is_file()) {
            let file = OpenOptions::new().write(true).open(&place)?;
            return Ok(Self {
                file,
                unfinished: None,
            });
        }
        let mut name = place.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let beside = place.with_file_name(name);
        // Left by a process of the same number that was killed.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
        let unfinished = Unfinished { beside, place };
        if let Some(there) = there {
            file.set_permissions(there.permissions())?;
        }
        Ok(Self {
            file,
            unfinished: Some(unfinished),
        })
    }

    fn complete(self) -> io::Result<()> {
        if let Some(unfinished) = self.unfinished {
            self.file.sync_all()?;
            fs::rename(&unfinished.beside, &unfinished.place)?;
        }
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Where it took its place there is nothing to remove.
        let _ = fs::remove_file(&self.beside);
    }
}
