//! Waiting for a socket, with a limit.

use std::{
    os::fd::BorrowedFd,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

/// What has happened on it; nothing when the limit has passed.
pub(super) fn ready(socket: BorrowedFd<'_>, events: PollFlags, limit: Duration) -> nix::Result<PollFlags> {
    let begin = Instant::now();
    loop {
        let rest = limit.saturating_sub(begin.elapsed());
        // Whole milliseconds, rounded up: a rest below one would spin.
        let timeout = PollTimeout::try_from(rest + Duration::from_micros(999)).unwrap_or(PollTimeout::MAX);
        let mut watched = [PollFd::new(socket, events)];
        match poll(&mut watched, timeout) {
            Ok(0) => return Ok(PollFlags::empty()),
            Ok(_) => return Ok(watched[0].revents().unwrap_or(PollFlags::POLLERR)),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}
