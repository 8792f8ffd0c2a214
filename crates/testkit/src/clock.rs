//! A clock that stands still until the test moves it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use postern_domain::Timestamp;
use postern_server::clock::{Clock, SystemClock};

#[derive(Debug)]
pub struct FakeClock(AtomicI64);

impl FakeClock {
    /// Starts at the present second: TLS libraries read the real time, and the server's certificate is made by
    /// this clock.
    pub fn new() -> Arc<Self> {
        let seconds = SystemClock.now().as_seconds();
        Arc::new(Self(AtomicI64::new(seconds * 1_000_000)))
    }

    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_micros(), Ordering::SeqCst);
    }

    pub fn advance(&self, by: Duration) -> Timestamp {
        let now = self.now().plus(by);
        self.set(now);
        now
    }

    pub fn advance_seconds(&self, seconds: u64) -> Timestamp {
        self.advance(Duration::from_secs(seconds))
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}
