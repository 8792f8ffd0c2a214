//! Numbers of check-ins: rising, never repeated, so that the server notices a second copy of this agent.
//!
//! A block is reserved on disk before its first number is used; a restart goes on above the block.

use std::{io, path::PathBuf};

use crate::durable;

const BLOCK: u64 = 1000;

#[derive(Debug)]
pub(crate) struct Numbers {
    path: PathBuf,
    last: u64,
    reserved: u64,
}

impl Numbers {
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        let reserved = match durable::read(&path)? {
            None => 0,
            Some(bytes) => std::str::from_utf8(&bytes)
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not a number"))?,
        };
        Ok(Self {
            path,
            last: reserved,
            reserved,
        })
    }

    pub(crate) fn next(&mut self) -> io::Result<u64> {
        if self.last >= self.reserved {
            let reserved = self.last + BLOCK;
            durable::write(&self.path, reserved.to_string().as_bytes())?;
            self.reserved = reserved;
        }
        self.last += 1;
        Ok(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_goes_on_above_the_reserved_block() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("number");
        let mut numbers = Numbers::open(path.clone()).unwrap();
        assert_eq!([numbers.next().unwrap(), numbers.next().unwrap()], [1, 2]);
        assert_eq!(Numbers::open(path).unwrap().next().unwrap(), 1001);
        for expected in 3..=2100 {
            assert_eq!(numbers.next().unwrap(), expected);
        }
    }
}
