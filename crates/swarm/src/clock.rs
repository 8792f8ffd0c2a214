//! The only place that reads the system's clock. Lengths of time are measured with `Instant`.

#[allow(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the clock"
)]
pub(crate) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

pub(crate) fn now_micros() -> i64 {
    now().as_microsecond()
}

pub(crate) fn now_seconds() -> i64 {
    now().as_second()
}
