//! What agents and their impostors can and cannot do: spec 3, design 4.

mod attempts;
mod credential;
mod enrolling;
mod messages;

use postern_testkit::Refusal;

/// Status and code of a refusal.
#[track_caller]
fn code<T: std::fmt::Debug>(result: Result<T, Refusal>) -> (u16, String) {
    let refusal = result.expect_err("a refusal");
    (refusal.status, refusal.code)
}
