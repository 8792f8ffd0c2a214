//! Time as the server sees it: the host's clock plus the difference the server told us.
//!
//! The only place that reads the system's clock. Lengths of time are never measured with it.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset_us: AtomicI64,
}

impl Clock {
    /// Microseconds since the epoch, corrected.
    pub(crate) fn now_us(&self) -> i64 {
        local_us().saturating_add(self.offset_us.load(Ordering::Relaxed))
    }

    pub(crate) fn now_seconds(&self) -> i64 {
        self.now_us().div_euclid(1_000_000)
    }

    /// Takes over the server's time. The way here is ignored: being late by it is harmless, as an order is
    /// signed before the answer that carries it.
    pub(crate) fn adopt(&self, server_time_us: i64) {
        self.offset_us
            .store(server_time_us.saturating_sub(local_us()), Ordering::Relaxed);
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the clock"
)]
pub(crate) fn local_us() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_micros()).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_time_wins() {
        let clock = Clock::default();
        let server = local_us() + 3_600_000_000;
        clock.adopt(server);
        assert!((clock.now_us() - server).abs() < 5_000_000);
    }
}
