//! Ctrl-C and SIGTERM as a value one can wait for, so that whatever xtask started is stopped before it leaves.

use std::cell::Cell;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

#[derive(Debug)]
pub(crate) struct Interrupt {
    signals: Receiver<()>,
    seen: Cell<bool>,
}

/// What ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    Elapsed,
    Interrupted,
}

impl Interrupt {
    /// Takes over SIGINT, SIGTERM and SIGHUP for the rest of the process. Once per process.
    pub(crate) fn install() -> Result<Self> {
        let (sender, signals) = sync_channel(1);
        ctrlc::set_handler(move || {
            // A full channel means that the first signal is still on its way, which is all a second one could say.
            let _sent = sender.try_send(());
        })
        .context("cannot listen for Ctrl-C")?;
        Ok(Self {
            signals,
            seen: Cell::new(false),
        })
    }

    /// One that never comes.
    #[cfg(test)]
    pub(crate) fn never() -> Self {
        let (sender, signals) = sync_channel(1);
        std::mem::forget(sender);
        Self {
            signals,
            seen: Cell::new(false),
        }
    }

    pub(crate) fn seen(&self) -> bool {
        self.pause(Duration::ZERO) == Waited::Interrupted
    }

    /// Waits for the given time or for a signal, whichever comes first. A signal once seen stays seen.
    pub(crate) fn pause(&self, time: Duration) -> Waited {
        if !self.seen.get() {
            match self.signals.recv_timeout(time) {
                Err(RecvTimeoutError::Timeout) => return Waited::Elapsed,
                Ok(()) | Err(RecvTimeoutError::Disconnected) => self.seen.set(true),
            }
        }
        Waited::Interrupted
    }

    /// Calls `ready` until it gives a value; an error from it ends the wait, as do a signal and the limit.
    pub(crate) fn wait_for<T>(
        &self,
        what: &str,
        limit: Duration,
        mut ready: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        const POLL: Duration = Duration::from_millis(100);
        let begin = Instant::now();
        loop {
            if let Some(value) = ready()? {
                return Ok(value);
            }
            if begin.elapsed() > limit {
                bail!("waited {} s for {what} in vain", limit.as_secs());
            }
            if self.pause(POLL) == Waited::Interrupted {
                bail!("interrupted while waiting for {what}");
            }
        }
    }
}
