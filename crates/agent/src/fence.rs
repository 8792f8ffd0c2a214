//! The highest fence this agent was ever given. On disk before the order that carried it can start.
//!
//! Written in place into two alternating slots, so one `fdatasync` without a change of size makes it last, and a
//! torn write leaves the other slot. Together with the boot it was written in, it tells whether an order that
//! is not above it can have been started and forgotten by a power cut.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
};

use aws_lc_rs::digest;

const SLOT: u64 = 512;

#[derive(Debug)]
pub(crate) struct Fence {
    file: File,
    highest: i64,
    next_slot: u64,
    boot_id: String,
    /// Orders up to here may have been taken in an earlier boot, whose unsynced files can be lost.
    doubtful: i64,
}

impl Fence {
    pub(crate) fn open(path: &Path, boot_id: &str) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        let last = (0..2)
            .filter_map(|slot| read_slot(&file, slot).map(|(fence, boot)| (fence, boot, slot)))
            .max_by_key(|(fence, ..)| *fence);
        let (highest, boot, slot) = last.unwrap_or((0, boot_id.to_owned(), 1));
        if file.metadata()?.len() < 2 * SLOT {
            file.set_len(2 * SLOT)?;
            file.sync_all()?;
        }
        Ok(Self {
            file,
            highest,
            next_slot: 1 - slot,
            doubtful: if boot == boot_id { 0 } else { highest },
            boot_id: boot_id.to_owned(),
        })
    }

    pub(crate) const fn highest(&self) -> i64 {
        self.highest
    }

    /// Whether an order with this fence, not in the journal, can have been started in an earlier boot.
    pub(crate) const fn is_doubtful(&self, fence: i64) -> bool {
        fence <= self.doubtful
    }

    /// Lasting when it returns.
    pub(crate) fn raise(&mut self, to: i64) -> io::Result<()> {
        if to <= self.highest {
            return Ok(());
        }
        let text = format!("{to} {}", self.boot_id);
        let line = format!("{text} {}\n", check(&text));
        self.file.write_all_at(line.as_bytes(), self.next_slot * SLOT)?;
        self.file.sync_data()?;
        self.highest = to;
        self.next_slot = 1 - self.next_slot;
        Ok(())
    }
}

fn read_slot(file: &File, slot: u64) -> Option<(i64, String)> {
    let mut bytes = [0; SLOT as usize];
    let length = file.read_at(&mut bytes, slot * SLOT).ok()?;
    let line = std::str::from_utf8(&bytes[..length]).ok()?.split('\n').next()?;
    let (text, sum) = line.rsplit_once(' ')?;
    if sum != check(text) {
        return None;
    }
    let (fence, boot) = text.split_once(' ')?;
    Some((fence.parse().ok()?, boot.to_owned()))
}

fn check(text: &str) -> String {
    let sum = digest::digest(&digest::SHA256, text.as_bytes());
    sum.as_ref()[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_survives_and_never_falls() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fence");
        let mut fence = Fence::open(&path, "boot-1").unwrap();
        assert_eq!(fence.highest(), 0);
        for to in [3, 7, 5, 9] {
            fence.raise(to).unwrap();
        }
        let again = Fence::open(&path, "boot-1").unwrap();
        assert_eq!((again.highest(), again.is_doubtful(1)), (9, false));
    }

    #[test]
    fn after_a_reboot_what_lies_below_is_doubtful() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fence");
        Fence::open(&path, "boot-1").unwrap().raise(9).unwrap();
        let fence = Fence::open(&path, "boot-2").unwrap();
        assert!(fence.is_doubtful(9) && !fence.is_doubtful(10));
    }

    #[test]
    fn a_torn_write_leaves_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fence");
        let mut fence = Fence::open(&path, "b").unwrap();
        fence.raise(1).unwrap();
        fence.raise(2).unwrap();
        let torn = 1 - fence.next_slot;
        fence.file.write_all_at(b"3 b 00", torn * SLOT).unwrap();
        assert_eq!(Fence::open(&path, "b").unwrap().highest(), 1);
    }
}
