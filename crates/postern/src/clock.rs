//! The one place where the commands read the time.

use postern_domain::Timestamp;

#[allow(clippy::disallowed_methods, reason = "this is the place the ban points to")]
pub(crate) fn now() -> Timestamp {
    Timestamp::from_micros(jiff::Timestamp::now().as_microsecond())
}
