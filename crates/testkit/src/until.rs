//! Waiting for a condition, with a limit.

use std::time::{Duration, Instant};

/// Far more than anything here takes on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Asks until there is an answer. Panics, naming what was waited for, when there is none within [`LIMIT`].
pub async fn until<T, F>(what: &str, ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    within(LIMIT, what, ask).await
}

/// As [`until`], with a limit that is part of what is tested.
pub async fn within<T, F>(limit: Duration, what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let started = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(started.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
