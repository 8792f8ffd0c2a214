//! Notices one agent credential in use on two machines (spec 3, *Credential*).
//!
//! The agent counts its check-ins and never repeats a number, across restarts too: it reserves numbers on disk
//! before it uses them. The server keeps the highest number and a window of the ones below, as IPsec does
//! against replay (RFC 4303, section 3.4.3). A number seen before can only come from a second copy, and so can one
//! older than the window, unless a process that has ended sent it: its last request may still have been on its way when
//! the next process began. A lost request leaves a gap, a reordered one fills it; neither is an alarm.

use std::time::Duration;

use crate::Timestamp;

/// How far below the highest number a late request may lie.
pub const WINDOW: u64 = 64;
/// How far an agent's clock may run ahead of the server's without its late request being taken for a copy's.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloneGuard {
    /// Highest number seen; 0 before the first.
    pub highest: u64,
    /// Bit `i` is set when `highest - i` was seen.
    pub seen: u64,
    /// When the highest number last left the whole window behind: a new process of the agent began.
    pub since: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkin {
    pub number: u64,
    /// By the agent's clock, from the proof of its key.
    pub made: Timestamp,
    /// By the server's clock.
    pub arrived: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    Counted(CloneGuard),
    /// Sent by a process of the agent that has ended since. Nobody waits for the answer.
    Late,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("check-in number {number} was used before: the credential is in use on two machines")]
pub struct CloneDetected {
    pub number: u64,
}

/// Before the first check-in.
impl Default for CloneGuard {
    fn default() -> Self {
        Self {
            highest: 0,
            seen: 0,
            since: Timestamp::from_micros(0),
        }
    }
}

impl CloneGuard {
    /// What a check-in makes of the guard. Numbers start at 1.
    pub fn accept(self, checkin: Checkin) -> Result<Accepted, CloneDetected> {
        let number = checkin.number;
        if number > self.highest {
            let shift = number - self.highest;
            let (seen, since) = if shift >= WINDOW {
                (0, checkin.arrived)
            } else {
                (self.seen << shift, self.since)
            };
            return Ok(Accepted::Counted(Self {
                highest: number,
                seen: seen | 1,
                since,
            }));
        }
        let age = self.highest - number;
        if number > 0 && age >= WINDOW && checkin.made <= self.since.plus(CLOCK_TOLERANCE) {
            return Ok(Accepted::Late);
        }
        if number == 0 || age >= WINDOW || self.seen & (1 << age) != 0 {
            return Err(CloneDetected { number });
        }
        Ok(Accepted::Counted(Self {
            seen: self.seen | (1 << age),
            ..self
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_micros(0).plus(Duration::from_secs(seconds))
    }

    /// Each made and here at once, far apart from the others.
    fn on_time(index: usize, number: u64) -> Checkin {
        let when = at(1000 + 20 * index as u64);
        Checkin {
            number,
            made: when,
            arrived: when,
        }
    }

    fn check(numbers: &[u64], alarm_at: Option<usize>) {
        let mut guard = CloneGuard::default();
        for (index, &number) in numbers.iter().enumerate() {
            match guard.accept(on_time(index, number)) {
                Ok(Accepted::Counted(next)) => guard = next,
                Ok(Accepted::Late) => panic!("{number} of {numbers:?} is not late"),
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

    #[test]
    fn what_a_process_sent_before_it_was_killed_comes_late_and_is_no_alarm() {
        let counted = |guard: CloneGuard, number, made, arrived| match guard.accept(Checkin {
            number,
            made,
            arrived,
        }) {
            Ok(Accepted::Counted(guard)) => guard,
            other => panic!("{other:?}"),
        };
        let before = counted(CloneGuard::default(), 1, at(10), at(10));
        let restarted = counted(before, 1001, at(20), at(21));
        let behind = |made, arrived| {
            restarted.accept(Checkin {
                number: 2,
                made,
                arrived,
            })
        };
        assert_eq!(behind(at(19), at(21)), Ok(Accepted::Late));
        assert_eq!(
            behind(at(19), at(60)),
            Ok(Accepted::Late),
            "however long it was on its way"
        );
        assert_eq!(behind(at(26), at(26)), Ok(Accepted::Late), "a clock ahead");
        assert_eq!(behind(at(27), at(27)), Err(CloneDetected { number: 2 }));
        let later = counted(restarted, 1002, at(40), at(40));
        let late = Checkin {
            number: 2,
            made: at(39),
            arrived: at(41),
        };
        assert_eq!(
            later.accept(late),
            Err(CloneDetected { number: 2 }),
            "check-ins that follow do not move the time"
        );
    }

    proptest! {
        #[test]
        fn a_number_is_accepted_at_most_once(numbers in prop::collection::vec(1u64..200, 1..300)) {
            let mut guard = CloneGuard::default();
            let mut accepted = std::collections::HashSet::new();
            for (index, number) in numbers.into_iter().enumerate() {
                if let Ok(Accepted::Counted(next)) = guard.accept(on_time(index, number)) {
                    guard = next;
                    prop_assert!(accepted.insert(number));
                }
            }
        }

        #[test]
        fn increasing_numbers_are_always_accepted(steps in prop::collection::vec(1u64..5000, 1..100)) {
            let mut guard = CloneGuard::default();
            let mut number = 0;
            for (index, step) in steps.into_iter().enumerate() {
                number += step;
                let Ok(Accepted::Counted(next)) = guard.accept(on_time(index, number)) else {
                    return Err(TestCaseError::fail("refused"));
                };
                guard = next;
            }
        }
    }
}
