//! When a cron expression ticks, in the time of a zone.
//!
//! Five fields, read by `croner` (ranges, steps, lists, names, `L`, `#`, `W`). It finds the matching times of the
//! clock on the wall; which instants those are is decided here, by one rule:
//!
//! - A time that the clock skips (spring) ticks once, right after the gap. Several skipped times make one tick.
//! - A time that the clock shows twice (autumn) ticks the first time only. But where the hour field names every hour,
//!   it ticks both times: "every ten minutes" goes on through the repeated hour.

use std::fmt;

use croner::parser::{CronParser, Seconds, Year};
use jiff::{
    Span,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};

use crate::Timestamp;

/// Nobody shifts clocks further at once than this, so matches of the wall clock are looked for from that much earlier.
const LARGEST_SHIFT_HOURS: i64 = 25;
const LONGEST_EXPRESSION: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    #[error("is not a cron expression of five fields (minute hour day month weekday): it has {0}")]
    Fields(usize),
    #[error("its {field} {text:?} is none: give {takes}")]
    Field {
        field: &'static str,
        text: String,
        /// Its range, and how several are written.
        takes: &'static str,
    },
    #[error("is not a cron expression of five fields (minute hour day month weekday): {0}")]
    Expression(String),
    #[error("never ticks: no day fits it")]
    Never,
    #[error("is longer than {LONGEST_EXPRESSION} characters")]
    TooLong,
    #[error("is not a time zone: give a name like Europe/Brussels or UTC")]
    Zone,
}

/// The fields in their order, and what each takes.
const FIELDS: [(&str, &str); 5] = [
    ("minute", "0 to 59, as in 5, 0,30, 10-20 (low to high) or */15"),
    ("hour", "0 to 23, as in 5, 0,12, 8-18 (low to high) or */6"),
    (
        "day of the month",
        "1 to 31, as in 1, 1,15, 1-7 (low to high) or */2; L for the last, 15W for the workday nearest to the 15th",
    ),
    (
        "month",
        "1 to 12 or JAN to DEC, as in 6, 3,9, 6-8 (low to high) or */3",
    ),
    (
        "day of the week",
        "0 to 7 or SUN to SAT (0 and 7 are Sunday), as in 1, MON,THU or 1-5 (low to high); 5L for the last Friday, \
         1#2 for the second Monday",
    ),
];

/// An expression in a zone.
#[derive(Clone)]
pub struct Cron {
    pattern: croner::Cron,
    zone: TimeZone,
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cron({:?} in {:?})", self.pattern.as_str(), self.zone)
    }
}

/// By the library that knows the expressions.
fn read(expression: &str) -> Result<croner::Cron, croner::errors::CronError> {
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    parser.parse(expression)
}

/// What is wrong with an expression that was not understood: each field is read by itself, among fields that take anything.
fn wrong(expression: &str, error: &croner::errors::CronError) -> CronError {
    let texts: Vec<&str> = expression.split_whitespace().collect();
    if texts.len() != FIELDS.len() {
        return CronError::Fields(texts.len());
    }
    for (position, ((field, takes), text)) in FIELDS.into_iter().zip(texts).enumerate() {
        let mut alone = ["*"; FIELDS.len()];
        alone[position] = text;
        if read(&alone.join(" ")).is_err() {
            return CronError::Field {
                field,
                text: text.to_owned(),
                takes,
            };
        }
    }
    CronError::Expression(error.to_string())
}

impl Cron {
    pub fn parse(expression: &str, zone: &str) -> Result<Self, CronError> {
        if expression.len() > LONGEST_EXPRESSION {
            return Err(CronError::TooLong);
        }
        let pattern = read(expression).map_err(|error| wrong(expression, &error))?;
        // Names only: what else jiff reads (rules in the form of POSIX) no person would recognise in a list.
        let zone = jiff::tz::db().get(zone).map_err(|_| CronError::Zone)?;
        let cron = Self { pattern, zone };
        cron.next(Timestamp::from_micros(0)).ok_or(CronError::Never)?;
        Ok(cron)
    }

    /// In words.
    pub fn describe(&self) -> String {
        self.pattern.describe()
    }

    /// The first tick after an instant. `None` beyond the end of the calendar.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = jiff::Timestamp::from_microsecond(after.as_micros()).ok()?;
        let wall = self.zone.to_datetime(after);
        // Away from any shift the wall clock only runs forward.
        let shift = Span::new().hours(LARGEST_SHIFT_HOURS);
        let (before, behind) = (after.checked_sub(shift).ok()?, after.checked_add(shift).ok()?);
        let mut from = if self.zone.to_offset(before) == self.zone.to_offset(behind) {
            wall
        } else {
            wall.checked_sub(shift).ok()?
        };
        let mut best: Option<jiff::Timestamp> = None;
        loop {
            let wall = self.wall_match(from)?;
            let (first, second) = self.instants(wall)?;
            // Later matches of the wall clock never begin earlier than this one.
            if best.is_some_and(|best| first >= best) {
                break;
            }
            for instant in [Some(first), second].into_iter().flatten() {
                if instant > after && best.is_none_or(|best| instant < best) {
                    best = Some(instant);
                }
            }
            from = wall;
        }
        best.map(|best| Timestamp::from_micros(best.as_microsecond()))
    }

    /// The next so many ticks.
    pub fn preview(&self, after: Timestamp, count: usize) -> Vec<Timestamp> {
        std::iter::successors(self.next(after), |tick| self.next(*tick))
            .take(count)
            .collect()
    }

    /// The latest tick after `after` and not after `until`, and how many there are. Counting ends at `most`.
    pub fn between(&self, after: Timestamp, until: Timestamp, most: u32) -> (Option<Timestamp>, u32) {
        let mut latest = None;
        let mut count = 0;
        let mut tick = self.next(after);
        while let Some(found) = tick.filter(|tick| *tick <= until && count < most) {
            latest = Some(found);
            count += 1;
            tick = self.next(found);
        }
        (latest, count)
    }

    /// The next match of the clock on the wall, strictly after. Read as if it were UTC, which skips and repeats nothing.
    fn wall_match(&self, after: DateTime) -> Option<DateTime> {
        let as_utc = after.to_zoned(TimeZone::UTC).ok()?;
        let found = self.pattern.find_next_occurrence(&as_utc, false).ok()?;
        Some(found.datetime())
    }

    /// When the wall clock shows this: once; or twice, where both count.
    fn instants(&self, wall: DateTime) -> Option<(jiff::Timestamp, Option<jiff::Timestamp>)> {
        let ambiguous = self.zone.to_ambiguous_timestamp(wall);
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset } => Some((offset.to_timestamp(wall).ok()?, None)),
            AmbiguousOffset::Gap { before, .. } => {
                // With the offset from before the gap this lies behind it; the gap's end is the last change until then.
                let behind = before.to_timestamp(wall).ok()?;
                let change = self
                    .zone
                    .preceding(behind.checked_add(Span::new().seconds(1)).ok()?)
                    .next()?;
                Some((change.timestamp(), None))
            }
            AmbiguousOffset::Fold { before, after } => {
                let (first, second) = (before.to_timestamp(wall).ok()?, after.to_timestamp(wall).ok()?);
                Some((first, self.names_every_hour().then_some(second)))
            }
        }
    }

    fn names_every_hour(&self) -> bool {
        let hours = self.pattern.as_str().split_whitespace().rev().nth(3);
        matches!(hours, Some("*" | "*/1" | "0-23"))
    }
}
