//! How measurements are spread.

use std::time::Duration;

use serde::Serialize;

/// Milliseconds. Percentiles are the measured value at that rank, not interpolated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) count: usize,
    pub(crate) min: f64,
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
    pub(crate) mean: f64,
}

impl Spread {
    pub(crate) fn of(mut values: Vec<Duration>) -> Option<Self> {
        values.sort_unstable();
        let last = values.len().checked_sub(1)?;
        let at =
            |percent: usize| milliseconds(values[(values.len() * percent).div_ceil(100).saturating_sub(1)]);
        let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
        Some(Self {
            count: values.len(),
            min: milliseconds(values[0]),
            p50: at(50),
            p95: at(95),
            p99: at(99),
            max: milliseconds(values[last]),
            mean: milliseconds(values.iter().sum::<Duration>() / count),
        })
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            p50, p95, p99, max, ..
        } = self;
        write!(f, "p50 {p50:.1} ms, p95 {p95:.1}, p99 {p99:.1}, max {max:.1}")
    }
}

pub(crate) fn milliseconds(value: Duration) -> f64 {
    round(value.as_secs_f64() * 1000.0)
}

pub(crate) fn seconds(value: Duration) -> f64 {
    round(value.as_secs_f64())
}

/// To three digits behind the point.
pub(crate) fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values() {
        let spread = Spread::of((1..=200).rev().map(Duration::from_millis).collect()).unwrap();
        assert_eq!((spread.min, spread.max, spread.mean), (1.0, 200.0, 100.5));
        assert_eq!((spread.p50, spread.p95, spread.p99), (100.0, 190.0, 198.0));
        let one = Spread::of(vec![Duration::from_micros(1500)]).unwrap();
        assert_eq!((one.p50, one.p99, one.max), (1.5, 1.5, 1.5));
        assert_eq!(Spread::of(vec![]), None);
    }
}
