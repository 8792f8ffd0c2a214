//! Identifiers of proofs and the jitter of waits. Not for keys, which their own library makes.

use std::{fmt::Write as _, time::Duration};

/// 128 random bits as hexadecimal text.
pub(crate) fn identifier() -> String {
    bytes::<16>()
        .iter()
        .fold(String::with_capacity(32), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Between a half and the whole of `duration`, so that agents which lost the server together do not return together.
pub(crate) fn jittered(duration: Duration) -> Duration {
    let part = f64::from(u32::from_be_bytes(bytes())) / f64::from(u32::MAX);
    duration.mul_f64(0.5 + part / 2.0)
}

fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without randomness the server refuses the repeated proof, which is seen in the log; nothing unsafe happens.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    bytes
}

/// Waits that double from `first` to `most`.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, most: Duration) -> Self {
        Self {
            first,
            most,
            next: first,
        }
    }

    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }

    pub(crate) fn wait(&mut self) -> Duration {
        let wait = jittered(self.next);
        self.next = (self.next * 2).min(self.most);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_bound_and_start_again() {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
        for (step, whole) in [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
            .into_iter()
            .enumerate()
        {
            let wait = backoff.wait();
            let whole = Duration::from_millis(whole);
            assert!(wait <= whole && wait >= whole / 2, "step {step}: {wait:?}");
        }
        backoff.reset();
        assert!(backoff.wait() <= Duration::from_millis(500));
        assert_ne!(identifier(), identifier());
    }
}
