//! Blackout calendars: times in which nothing begins by itself.

use std::time::Duration;

use jiff::{Span, civil, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::Timestamp;

pub const MAX_ENTRIES: usize = 200;
/// A blackout that goes on for longer than this is looked at again then.
const FARTHEST_DAYS: i64 = 400;
/// The next begin of a weekly one lies within a week, and the one after it within two.
const LOOKED_AHEAD_DAYS: i64 = 14;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// Every week. With `to` not after `from` it ends on the day after.
    Weekly {
        days: Vec<Weekday>,
        /// `22:00`
        from: String,
        /// `06:00`; `24:00` is the end of the day.
        to: String,
    },
    /// Whole days, both included: `2026-12-24` to `2027-01-01`.
    Dates { from: String, to: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    #[error("is not a time zone: give a name like Europe/Brussels or UTC")]
    Zone,
    #[error("has no entries, or more than {MAX_ENTRIES}")]
    Entries,
    #[error("entry {0}: {1:?} is not a time of day: write 22:00")]
    Time(usize, String),
    #[error("entry {0}: {1:?} is not a day: write 2026-12-24")]
    Day(usize, String),
    #[error("entry {0}: names no day of the week")]
    NoDays(usize),
    #[error("entry {0}: ends before it begins")]
    Backwards(usize),
}

/// Half-open, on the wall clock.
#[derive(Debug, Clone)]
enum Rule {
    Weekly {
        days: Vec<Weekday>,
        from: i64,
        length: i64,
    },
    Between(civil::DateTime, civil::DateTime),
}

/// A time in which nothing begins by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blackout {
    pub from: Timestamp,
    /// From here on things begin again.
    pub until: Timestamp,
}

#[derive(Debug, Clone)]
pub struct Calendar {
    zone: TimeZone,
    rules: Vec<Rule>,
}

const MINUTES_OF_A_DAY: i64 = 24 * 60;

impl Calendar {
    pub fn new(zone: &str, entries: &[Entry]) -> Result<Self, CalendarError> {
        let zone = jiff::tz::db().get(zone).map_err(|_| CalendarError::Zone)?;
        if entries.is_empty() || entries.len() > MAX_ENTRIES {
            return Err(CalendarError::Entries);
        }
        let rules = entries
            .iter()
            .enumerate()
            .map(|(index, entry)| rule(index, entry))
            .collect::<Result<_, _>>()?;
        Ok(Self { zone, rules })
    }

    /// When the blackout ends that holds now. One that follows without a gap belongs to it.
    pub fn blackout_until(&self, now: Timestamp) -> Option<Timestamp> {
        let farthest = now.plus(Duration::from_secs(FARTHEST_DAYS.unsigned_abs() * 24 * 3600));
        let mut end = self.end_at(now)?;
        while end < farthest {
            match self.end_at(end) {
                Some(later) if later > end => end = later,
                _ => break,
            }
        }
        Some(end)
    }

    /// The blackout that holds, or else the next one to come.
    pub fn next_blackout(&self, now: Timestamp) -> Option<Blackout> {
        if let Some(until) = self.blackout_until(now) {
            return Some(Blackout { from: now, until });
        }
        let wall = self.wall(now)?;
        let mut begins: Vec<civil::DateTime> = self
            .rules
            .iter()
            .flat_map(|rule| rule.begins_after(wall))
            .collect();
        begins.sort_unstable();
        begins.into_iter().find_map(|begin| {
            let instant = |zoned: jiff::Timestamp| Timestamp::from_micros(zoned.as_microsecond());
            // One that begins in an hour that the clock skips begins a little early rather than late.
            let from = self.zone.to_ambiguous_timestamp(begin).earlier().ok()?;
            let within = self.zone.to_ambiguous_timestamp(begin).compatible().ok()?;
            let until = self.blackout_until(instant(within))?;
            Some(Blackout {
                from: instant(from),
                until,
            })
        })
    }

    fn wall(&self, at: Timestamp) -> Option<civil::DateTime> {
        let instant = jiff::Timestamp::from_microsecond(at.as_micros()).ok()?;
        Some(self.zone.to_datetime(instant))
    }

    /// The latest end of those rules that hold at an instant.
    fn end_at(&self, at: Timestamp) -> Option<Timestamp> {
        let wall = self.wall(at)?;
        let ends = self.rules.iter().filter_map(|rule| rule.end(wall));
        let end = ends.max()?.to_zoned(self.zone.clone()).ok()?;
        Some(Timestamp::from_micros(end.timestamp().as_microsecond()))
    }
}

impl Rule {
    /// When it begins next, and when again: the first of them may lie in an hour that the clock skips.
    fn begins_after(&self, wall: civil::DateTime) -> Vec<civil::DateTime> {
        match self {
            Self::Between(from, _) => Some(*from).filter(|from| *from > wall).into_iter().collect(),
            Self::Weekly { days, from, .. } => (0..=LOOKED_AHEAD_DAYS)
                .filter_map(|ahead| wall.date().checked_add(Span::new().days(ahead)).ok())
                .filter(|day| days.iter().any(|weekday| weekday.is_of(*day)))
                .filter_map(|day| begin_of(day, *from))
                .filter(|begin| *begin > wall)
                .collect(),
        }
    }

    fn end(&self, wall: civil::DateTime) -> Option<civil::DateTime> {
        match self {
            Self::Between(from, to) => (*from <= wall && wall < *to).then_some(*to),
            Self::Weekly { days, from, length } => {
                // It may have begun on the day before.
                let starts = [0, 1].into_iter().filter_map(|back| {
                    let day = wall.date().checked_sub(Span::new().days(back)).ok()?;
                    days.iter().any(|weekday| weekday.is_of(day)).then_some(day)
                });
                starts
                    .filter_map(|day| {
                        let begin = begin_of(day, *from)?;
                        let end = begin.checked_add(Span::new().minutes(*length)).ok()?;
                        (begin <= wall && wall < end).then_some(end)
                    })
                    .max()
            }
        }
    }
}

fn begin_of(day: civil::Date, minute: i64) -> Option<civil::DateTime> {
    day.to_datetime(civil::Time::midnight())
        .checked_add(Span::new().minutes(minute))
        .ok()
}

impl Weekday {
    fn is_of(self, day: civil::Date) -> bool {
        self.number() == day.weekday().to_monday_zero_offset()
    }

    const fn number(self) -> i8 {
        match self {
            Self::Monday => 0,
            Self::Tuesday => 1,
            Self::Wednesday => 2,
            Self::Thursday => 3,
            Self::Friday => 4,
            Self::Saturday => 5,
            Self::Sunday => 6,
        }
    }
}

fn rule(index: usize, entry: &Entry) -> Result<Rule, CalendarError> {
    let number = index + 1;
    match entry {
        Entry::Weekly { days, from, to } => {
            if days.is_empty() {
                return Err(CalendarError::NoDays(number));
            }
            let (from, to) = (minute(number, from)?, minute(number, to)?);
            let length = if to > from {
                to - from
            } else {
                to + MINUTES_OF_A_DAY - from
            };
            Ok(Rule::Weekly {
                days: days.clone(),
                from,
                length,
            })
        }
        Entry::Dates { from, to } => {
            let (first, last) = (day(number, from)?, day(number, to)?);
            if last < first {
                return Err(CalendarError::Backwards(number));
            }
            let end = last
                .checked_add(Span::new().days(1))
                .map_err(|_| CalendarError::Day(number, to.clone()))?;
            Ok(Rule::Between(
                first.to_datetime(civil::Time::midnight()),
                end.to_datetime(civil::Time::midnight()),
            ))
        }
    }
}

fn minute(number: usize, text: &str) -> Result<i64, CalendarError> {
    let wrong = || CalendarError::Time(number, text.to_owned());
    let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
    if hours.len() != 2 || minutes.len() != 2 {
        return Err(wrong());
    }
    let (hours, minutes): (i64, i64) = (
        hours.parse().map_err(|_| wrong())?,
        minutes.parse().map_err(|_| wrong())?,
    );
    let total = hours * 60 + minutes;
    if hours < 0 || !(0..60).contains(&minutes) || total > MINUTES_OF_A_DAY {
        return Err(wrong());
    }
    Ok(total)
}

fn day(number: usize, text: &str) -> Result<civil::Date, CalendarError> {
    civil::Date::strptime("%Y-%m-%d", text).map_err(|_| CalendarError::Day(number, text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weekly(days: &[Weekday], from: &str, to: &str) -> Entry {
        Entry::Weekly {
            days: days.to_vec(),
            from: from.into(),
            to: to.into(),
        }
    }

    fn dates(from: &str, to: &str) -> Entry {
        Entry::Dates {
            from: from.into(),
            to: to.into(),
        }
    }

    fn until(zone: &str, entries: &[Entry], now: &str) -> Option<String> {
        let calendar = Calendar::new(zone, entries).unwrap();
        let end = calendar.blackout_until(now.parse().unwrap());
        end.map(|end| end.to_string().replace(".000000", ""))
    }

    #[test]
    fn a_weekly_blackout_holds_from_its_begin_to_its_end() {
        use Weekday::{Friday, Monday};
        let nights = [weekly(&[Monday, Friday], "22:00", "06:00")];
        // The 23rd of November 2026 is a Monday.
        for (now, expected) in [
            ("2026-11-23T21:59:59Z", None),
            ("2026-11-23T22:00:00Z", Some("2026-11-24T06:00:00Z")),
            ("2026-11-24T05:59:59Z", Some("2026-11-24T06:00:00Z")),
            ("2026-11-24T06:00:00Z", None),
            ("2026-11-24T23:00:00Z", None),
            ("2026-11-28T01:00:00Z", Some("2026-11-28T06:00:00Z")),
        ] {
            assert_eq!(until("UTC", &nights, now).as_deref(), expected, "{now}");
        }
    }

    #[test]
    fn days_are_those_of_the_zone_and_what_adjoins_is_one() {
        let holidays = [
            dates("2026-12-24", "2026-12-26"),
            dates("2026-12-27", "2026-12-27"),
            weekly(&[Weekday::Monday], "00:00", "12:00"),
        ];
        let found = until("Europe/Brussels", &holidays, "2026-12-23T23:00:00Z");
        assert_eq!(found.as_deref(), Some("2026-12-28T11:00:00Z"));
        assert_eq!(until("Europe/Brussels", &holidays, "2026-12-23T22:59:59Z"), None);
    }

    #[test]
    fn one_without_end_is_looked_at_again() {
        use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
        let always = [weekly(
            &[Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday],
            "00:00",
            "24:00",
        )];
        assert!(
            until("UTC", &always, "2026-11-23T00:00:00Z").is_some_and(|end| end.starts_with("2027-12-28"))
        );
    }

    #[test]
    fn the_next_blackout_is_known_before_it_begins() {
        let next = |zone: &str, entries: &[Entry], now: &str| {
            let calendar = Calendar::new(zone, entries).unwrap();
            let found = calendar.next_blackout(now.parse().unwrap())?;
            Some(format!("{} {}", found.from, found.until).replace(".000000", ""))
        };
        let nights = [
            weekly(&[Weekday::Monday, Weekday::Friday], "22:00", "06:00"),
            dates("2026-11-25", "2026-11-25"),
        ];
        for (now, expected) in [
            (
                "2026-11-23T21:00:00Z",
                Some("2026-11-23T22:00:00Z 2026-11-24T06:00:00Z"),
            ),
            (
                "2026-11-23T23:00:00Z",
                Some("2026-11-23T23:00:00Z 2026-11-24T06:00:00Z"),
            ),
            (
                "2026-11-24T06:00:00Z",
                Some("2026-11-25T00:00:00Z 2026-11-26T00:00:00Z"),
            ),
            (
                "2026-11-28T06:00:00Z",
                Some("2026-11-30T22:00:00Z 2026-12-01T06:00:00Z"),
            ),
        ] {
            assert_eq!(next("UTC", &nights, now).as_deref(), expected, "{now}");
        }
        assert_eq!(next("UTC", &nights[1..], "2026-11-26T00:00:00Z"), None);
        // The clock skips 2:00 to 3:00 on that Sunday; one that lies in there altogether comes a week later.
        let sunday = |from, to| [weekly(&[Weekday::Sunday], from, to)];
        assert_eq!(
            next(
                "Europe/Brussels",
                &sunday("02:30", "04:00"),
                "2026-03-28T12:00:00Z"
            )
            .as_deref(),
            Some("2026-03-29T00:30:00Z 2026-03-29T02:00:00Z")
        );
        assert_eq!(
            next(
                "Europe/Brussels",
                &sunday("02:10", "02:20"),
                "2026-03-28T12:00:00Z"
            )
            .as_deref(),
            Some("2026-04-05T00:10:00Z 2026-04-05T00:20:00Z")
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let refused =
            |zone: &str, entries: &[Entry]| Calendar::new(zone, entries).expect_err("refused").to_string();
        let monday = [Weekday::Monday];
        assert!(refused("Nowhere", &[dates("2026-01-01", "2026-01-01")]).contains("time zone"));
        assert!(refused("UTC", &[]).contains("no entries"));
        for time in ["", "7:00", "24:01", "12:60", "-1:00", "aa:bb"] {
            assert!(
                refused("UTC", &[weekly(&monday, time, "06:00")]).contains("time of day"),
                "{time}"
            );
        }
        assert!(refused("UTC", &[weekly(&[], "01:00", "06:00")]).contains("no day"));
        assert!(refused("UTC", &[dates("2026-02-30", "2026-03-01")]).contains("not a day"));
        assert!(refused("UTC", &[dates("2026-03-02", "2026-03-01")]).contains("before it begins"));
    }
}
