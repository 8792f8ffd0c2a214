//! An independent way to the same ticks: it goes over the days of a zone by the offsets in force, and knows nothing of
//! croner or of how `cron.rs` searches.

use std::collections::BTreeSet;

use jiff::{Span, civil::date, tz::TimeZone};

/// The five fields as sets of numbers.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    pub(super) minutes: Vec<i8>,
    pub(super) hours: Vec<i8>,
    pub(super) days: Option<Vec<i8>>,
    pub(super) months: Option<Vec<i8>>,
    /// 0 is Sunday.
    pub(super) weekdays: Option<Vec<i8>>,
}

impl Fields {
    pub(super) fn expression(&self) -> String {
        let list = |numbers: &[i8]| numbers.iter().map(i8::to_string).collect::<Vec<_>>().join(",");
        let or_star = |numbers: &Option<Vec<i8>>| numbers.as_deref().map_or("*".to_owned(), list);
        let hours = if self.hours.len() == 24 {
            "*".to_owned()
        } else {
            list(&self.hours)
        };
        format!(
            "{} {hours} {} {} {}",
            list(&self.minutes),
            or_star(&self.days),
            or_star(&self.months),
            or_star(&self.weekdays)
        )
    }

    /// As in crontab(5): when day and weekday are both given, either will do.
    fn day_fits(&self, day: jiff::civil::Date) -> bool {
        let month = self
            .months
            .as_ref()
            .is_none_or(|months| months.contains(&day.month()));
        let by_day = self.days.as_ref().map(|days| days.contains(&day.day()));
        let weekday = day.weekday().to_sunday_zero_offset();
        let by_weekday = self.weekdays.as_ref().map(|weekdays| weekdays.contains(&weekday));
        month
            && match (by_day, by_weekday) {
                (Some(day), Some(weekday)) => day || weekday,
                (one, other) => one.or(other).unwrap_or(true),
            }
    }

    /// Every tick of these years, in microseconds.
    pub(super) fn ticks(&self, zone: &TimeZone, years: std::ops::Range<i16>) -> BTreeSet<i64> {
        let mut ticks = BTreeSet::new();
        let mut day = date(years.start, 1, 1);
        while day.year() < years.end {
            if self.day_fits(day) {
                for hour in &self.hours {
                    for minute in &self.minutes {
                        self.add(zone, day.at(*hour, *minute, 0, 0), &mut ticks);
                    }
                }
            }
            day = day
                .checked_add(Span::new().days(1))
                .expect("a day within the calendar");
        }
        ticks
    }

    /// Tries both offsets that are in force around this time of the clock: which of them show it?
    fn add(&self, zone: &TimeZone, wall: jiff::civil::DateTime, ticks: &mut BTreeSet<i64>) {
        let guess = wall
            .to_zoned(TimeZone::UTC)
            .expect("a time within the calendar")
            .timestamp();
        let offset_at = |hours: i64| {
            let around = guess
                .checked_add(Span::new().hours(hours))
                .expect("a time within the calendar");
            zone.to_offset(around)
        };
        let (early, late) = (offset_at(-26), offset_at(26));
        let shown = |offset: jiff::tz::Offset| {
            let instant = offset.to_timestamp(wall).expect("a time within the calendar");
            (zone.to_datetime(instant) == wall).then_some(instant.as_microsecond())
        };
        let instants: BTreeSet<i64> = [early, late].into_iter().filter_map(shown).collect();
        match instants.first() {
            Some(_) if self.hours.len() == 24 => ticks.extend(instants),
            Some(first) => {
                ticks.insert(*first);
            }
            None => {
                // Skipped: the first minute whose clock is later than this.
                let mut instant = late.to_timestamp(wall).expect("a time within the calendar");
                while zone.to_datetime(instant) < wall {
                    instant = instant
                        .checked_add(Span::new().minutes(1))
                        .expect("a time within the calendar");
                }
                ticks.insert(instant.as_microsecond());
            }
        }
    }
}
