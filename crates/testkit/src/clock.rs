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
pub struct FakeClock {
    now: AtomicI64,
    /// Microseconds it moves by when it was looked at.
    tick: AtomicI64,
}

impl FakeClock {
    /// Starts at the present second: TLS libraries read the real time, and the server's certificate is made by
    /// this clock.
    pub fn new() -> Arc<Self> {
        let seconds = SystemClock.now().as_seconds();
        Arc::new(Self {
            now: AtomicI64::new(seconds * 1_000_000),
            tick: AtomicI64::new(0),
        })
    }

    pub fn set(&self, now: Timestamp) {
        self.now.store(now.as_micros(), Ordering::SeqCst);
    }

    /// From now on nobody is told the same time twice.
    pub fn tick(&self) {
        self.tick.store(1, Ordering::SeqCst);
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
        let tick = self.tick.load(Ordering::SeqCst);
        Timestamp::from_micros(self.now.fetch_add(tick, Ordering::SeqCst))
    }
}
