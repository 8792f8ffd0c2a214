//! Values as a person reads and writes them: times, lengths of time, labels.

use std::{fmt::Write as _, time::Duration};

use postern_domain::{Timestamp, calendar::Entry, label::Labels, targets::Targets};

/// `just now`, `5 min ago`, `in 3 days`.
pub(crate) fn relative(time: Timestamp, now: Timestamp) -> String {
    let (span, past) = if time <= now {
        (now.since(time), true)
    } else {
        (time.since(now), false)
    };
    let seconds = span.as_secs();
    let amount = match seconds {
        0..=4 => return "just now".to_owned(),
        5..=89 => format!("{seconds} s"),
        90..=5399 => format!("{} min", seconds / 60),
        5400..=129_599 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    };
    if past {
        format!("{amount} ago")
    } else {
        format!("in {amount}")
    }
}

/// `2026-11-22 09:30:00 UTC (5 min ago)`
pub(crate) fn absolute(time: Timestamp, now: Timestamp) -> String {
    format!("{} ({})", moment(time), relative(time, now))
}

/// `2026-11-22 09:30:00 UTC`
pub(crate) fn moment(time: Timestamp) -> String {
    let text = time.to_string();
    let seconds = text.split('.').next().unwrap_or(&text).replace('T', " ");
    format!("{seconds} UTC")
}

/// On the clock of a zone, with the time in UTC behind it: `2026-12-31 00:00:00 Europe/Brussels (2026-12-30 23:00:00 UTC,
/// in 3 days)`. In UTC alone where the zone is that, or is not known here.
pub(crate) fn on_clock(time: Timestamp, zone: &str, now: Timestamp) -> String {
    let there = match zone {
        "UTC" => None,
        _ => on_wall(time, zone),
    };
    match there {
        Some(there) => format!("{there} {zone} ({}, {})", moment(time), relative(time, now)),
        None => absolute(time, now),
    }
}

fn on_wall(time: Timestamp, zone: &str) -> Option<String> {
    let zone = jiff::tz::db().get(zone).ok()?;
    let instant = jiff::Timestamp::from_microsecond(time.as_micros()).ok()?;
    Some(
        zone.to_datetime(instant)
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string(),
    )
}

/// `1 job`, `2 jobs`.
pub(crate) fn count(number: impl TryInto<u64>, one: &str, several: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{number} {}", if number == 1 { one } else { several })
}

/// A text of the server with the times in it as [`moment`] tells them.
pub(crate) fn with_moments(text: &str) -> String {
    let told = |word: &str| {
        let rest = word.trim_start_matches('(');
        let time = rest.trim_end_matches([' ', ',', ';', '.', ')']);
        let read = time.ends_with('Z').then(|| time.parse().ok()).flatten();
        match read {
            Some(at) => word.replace(time, &moment(at)),
            None => word.to_owned(),
        }
    };
    text.split_inclusive(' ').map(told).collect()
}

/// Hosts as they were asked for: `agents web1, web2; labels env=prod; group db`.
pub(crate) fn targets(targets: &Targets) -> String {
    if targets.all {
        return "every host".to_owned();
    }
    let mut parts = Vec::new();
    let mut named = |one: &str, several: &str, names: &[String]| match names {
        [] => {}
        [name] => parts.push(format!("{one} {name}")),
        names => parts.push(format!("{several} {}", names.join(", "))),
    };
    named("agent", "agents", &targets.agents);
    named("group", "groups", &targets.groups);
    named("organization", "organizations", &targets.organizations);
    named("department", "departments", &targets.departments);
    if !targets.labels.is_empty() {
        parts.push(format!("labels {}", labels(&targets.labels)));
    }
    if let Some(selector) = &targets.selector {
        parts.push(format!("selector {selector}"));
    }
    parts.join("; ")
}

/// How long something took: `12 ms`, `3.4 s`, `2 min 5 s`.
pub(crate) fn took(span: Duration) -> String {
    let milliseconds = span.as_millis();
    match milliseconds {
        0..=999 => format!("{milliseconds} ms"),
        1000..=59_999 => format!("{:.1} s", span.as_secs_f64()),
        _ => format!("{} min {} s", span.as_secs() / 60, span.as_secs() % 60),
    }
}

pub(crate) fn labels(labels: &Labels) -> String {
    let mut text = String::new();
    for (key, value) in labels {
        let comma = if text.is_empty() { "" } else { "," };
        let _ = write!(text, "{comma}{key}={value}");
    }
    text
}

/// `saturday, sunday 22:00 to 06:00`, `2026-12-24 to 2027-01-01`
pub(crate) fn entry(entry: &Entry) -> String {
    match entry {
        Entry::Weekly { days, from, to } => {
            let days: Vec<String> = days.iter().map(|day| format!("{day:?}").to_lowercase()).collect();
            format!("{} {from} to {to}", days.join(", "))
        }
        Entry::Dates { from, to } => format!("{from} to {to}"),
    }
}

/// Seconds, or a number with `s`, `m`, `h` or `d`.
pub(crate) fn parse_seconds(text: &str) -> Result<u32, String> {
    let wrong = || format!("{text:?} is not a length of time: give seconds, or a number with s, m, h or d");
    let (digits, unit) = match text.char_indices().next_back() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        Some((at, 'd')) => (&text[..at], 86_400),
        _ => (text, 1),
    };
    let number: u32 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(unit).ok_or_else(wrong)
}

/// An RFC 3339 time, or `+30m` from now.
pub(crate) fn parse_time(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    match text.strip_prefix('+') {
        Some(span) => Ok(now.plus(Duration::from_secs(parse_seconds(span)?.into()))),
        None => text
            .parse()
            .map_err(|error| format!("{text:?} is {error}, or +30m for half an hour from now")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_795_339_800_000_000);

    #[test]
    fn times_are_told_from_now() {
        let table = [
            (0, "just now"),
            (5, "5 s ago"),
            (90, "1 min ago"),
            (7200, "2 h ago"),
            (3 * 86_400, "3 days ago"),
        ];
        for (seconds, expected) in table {
            let then = NOW.minus(Duration::from_secs(seconds));
            assert_eq!(relative(then, NOW), expected);
        }
        assert_eq!(relative(NOW.plus(Duration::from_secs(600)), NOW), "in 10 min");
        assert_eq!(absolute(NOW, NOW), "2026-11-22 09:30:00 UTC (just now)");
    }

    #[test]
    fn times_in_a_text_are_told_to_the_second() {
        for (text, told) in [
            (
                "Waits until 2026-11-30T18:08:07.002633Z",
                "Waits until 2026-11-30 18:08:07 UTC",
            ),
            (
                "has a blackout until 2027-01-01T23:00:00.000000Z (calendar \"holidays\")",
                "has a blackout until 2027-01-01 23:00:00 UTC (calendar \"holidays\")",
            ),
            ("(2027-01-01T23:00:00Z), then", "(2027-01-01 23:00:00 UTC), then"),
            ("Failed: Z 12:00Z  2026-11-30", "Failed: Z 12:00Z  2026-11-30"),
        ] {
            assert_eq!(with_moments(text), told);
        }
    }

    #[test]
    fn hosts_are_words() {
        for (wanted, told) in [
            (json!({"selector": "env=dev,!canary"}), "selector env=dev,!canary"),
            (
                json!({"agents": ["web1", "web2"], "groups": ["db"]}),
                "agents web1, web2; group db",
            ),
            (
                json!({"labels": {"env": "prod", "role": "web"}, "departments": ["a", "b"], "organizations": ["c"]}),
                "organization c; departments a, b; labels env=prod,role=web",
            ),
            (json!({"all": true}), "every host"),
            (json!({}), ""),
        ] {
            assert_eq!(targets(&serde_json::from_value(wanted).unwrap()), told);
        }
    }

    #[test]
    fn spans() {
        assert_eq!(took(Duration::from_millis(12)), "12 ms");
        assert_eq!(took(Duration::from_millis(3400)), "3.4 s");
        assert_eq!(took(Duration::from_secs(125)), "2 min 5 s");
    }

    #[test]
    fn a_tick_is_told_on_the_clock_of_its_zone() {
        let tick: Timestamp = "2026-12-30T23:00:00Z".parse().unwrap();
        let now = tick.minus(Duration::from_secs(600));
        assert_eq!(
            on_clock(tick, "Europe/Brussels", now),
            "2026-12-31 00:00:00 Europe/Brussels (2026-12-30 23:00:00 UTC, in 10 min)"
        );
        for zone in ["UTC", "Mars/Olympus"] {
            assert_eq!(on_clock(tick, zone, now), "2026-12-30 23:00:00 UTC (in 10 min)");
        }
    }

    #[test]
    fn one_is_not_told_as_several() {
        let told = [0, 1, 2].map(|number: usize| count(number, "batch", "batches"));
        assert_eq!(told, ["0 batches", "1 batch", "2 batches"]);
    }

    #[test]
    fn blackouts_are_told_in_words() {
        let entries = serde_json::json!([
            {"kind": "weekly", "days": ["saturday", "sunday"], "from": "22:00", "to": "06:00"},
            {"kind": "dates", "from": "2026-12-24", "to": "2027-01-01"},
        ]);
        let entries: Vec<Entry> = serde_json::from_value(entries).unwrap();
        let told: Vec<String> = entries.iter().map(entry).collect();
        assert_eq!(
            told,
            ["saturday, sunday 22:00 to 06:00", "2026-12-24 to 2027-01-01"]
        );
    }

    #[test]
    fn lengths_of_time_and_times_are_read() {
        for (text, seconds) in [("300", 300), ("5m", 300), ("2h", 7200), ("1d", 86_400), ("7s", 7)] {
            assert_eq!(parse_seconds(text), Ok(seconds), "{text}");
        }
        for text in ["", "m", "5x", "-1", "5 m", "99999999d"] {
            assert!(parse_seconds(text).is_err(), "{text}");
        }
        assert_eq!(parse_time("+1m", NOW), Ok(NOW.plus(Duration::from_secs(60))));
        assert_eq!(parse_time("2026-11-22T09:30:00Z", NOW), Ok(NOW));
        assert!(parse_time("tomorrow", NOW).unwrap_err().contains("+30m"));
    }
}
