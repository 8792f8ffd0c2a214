//! Notices one agent credential in use on two machines (spec 3, *Credential*).
//!
//! The agent counts its check-ins and never repeats a number, across restarts too: it reserves numbers on disk
//! before it uses them. The server keeps the highest number and a window of the ones below, as IPsec does
//! against replay (RFC 4303, section 3.4.3). A number seen before, or one older than the window, can only come
//! from a second copy. A lost request leaves a gap, a reordered one fills it; neither is an alarm.

/// How far below the highest number a late request may lie.
pub const WINDOW: u64 = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CloneGuard {
    /// Highest number seen; 0 before the first.
    pub highest: u64,
    /// Bit `i` is set when `highest - i` was seen.
    pub seen: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("check-in number {number} was used before: the credential is in use on two machines")]
pub struct CloneDetected {
    pub number: u64,
}

impl CloneGuard {
    /// The guard after a check-in with this number. Numbers start at 1.
    pub fn accept(self, number: u64) -> Result<Self, CloneDetected> {
        if number > self.highest {
            let shift = number - self.highest;
            let seen = if shift >= WINDOW { 0 } else { self.seen << shift };
            return Ok(Self {
                highest: number,
                seen: seen | 1,
            });
        }
        let age = self.highest - number;
        if number == 0 || age >= WINDOW || self.seen & (1 << age) != 0 {
            return Err(CloneDetected { number });
        }
        Ok(Self {
            seen: self.seen | (1 << age),
            ..self
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(numbers: &[u64], alarm_at: Option<usize>) {
        let mut guard = CloneGuard::default();
        for (index, &number) in numbers.iter().enumerate() {
            match guard.accept(number) {
                Ok(next) => guard = next,
                Err(_) => {
                    assert_eq!(alarm_at, Some(index), "{numbers:?}");
                    return;
                }
            }
        }
        assert_eq!(alarm_at, None, "{numbers:?}");
    }

    #[test]
    fn one_machine_never_alarms_and_a_second_copy_always_does() {
        check(&[1, 2, 3, 4], None);
        check(&[1, 2, 1001, 1002], None); // restart: the reserved block is skipped
        check(&[1, 3, 2, 4], None); // reordered on the way
        check(&[1, 2, 3, 3], Some(3)); // live snapshot: both copies send 3
        check(&[1, 2, 1001, 1001], Some(3)); // copied disk: both start behind the same block
        check(&[1, 2, 1001, 3], Some(3)); // restored snapshot
        check(&[0], Some(0));
    }

    proptest! {
        #[test]
        fn a_number_is_accepted_at_most_once(numbers in prop::collection::vec(1u64..200, 1..300)) {
            let mut guard = CloneGuard::default();
            let mut accepted = std::collections::HashSet::new();
            for number in numbers {
                if let Ok(next) = guard.accept(number) {
                    guard = next;
                    prop_assert!(accepted.insert(number));
                }
            }
        }

        #[test]
        fn increasing_numbers_are_always_accepted(steps in prop::collection::vec(1u64..5000, 1..100)) {
            let mut guard = CloneGuard::default();
            let mut number = 0;
            for step in steps {
                number += step;
                guard = guard.accept(number).unwrap();
            }
        }
    }
}
