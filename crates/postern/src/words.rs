//! Values as a person reads and writes them: times, lengths of time, labels.

use std::{fmt::Write as _, time::Duration};

use postern_domain::{Timestamp, label::Labels};

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
    fn spans() {
        assert_eq!(took(Duration::from_millis(12)), "12 ms");
        assert_eq!(took(Duration::from_millis(3400)), "3.4 s");
        assert_eq!(took(Duration::from_secs(125)), "2 min 5 s");
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
