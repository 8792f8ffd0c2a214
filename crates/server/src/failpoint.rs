//! Named points at which a test can kill the server. Without the feature `failpoints` they are nothing.

/// Kills the process here when `POSTERN_FAILPOINT` names this point, with `:N` at its Nth time.
#[cfg(feature = "failpoints")]
pub(crate) fn hit(name: &str) {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    };
    #[allow(clippy::disallowed_methods, reason = "only in builds made for killing")]
    static WANTED: LazyLock<Option<(String, u64)>> = LazyLock::new(|| {
        let text = std::env::var("POSTERN_FAILPOINT").ok()?;
        let (name, count) = text.split_once(':').unwrap_or((&text, "1"));
        Some((name.to_owned(), count.parse().ok()?))
    });
    static HITS: AtomicU64 = AtomicU64::new(0);
    if let Some((wanted, count)) = &*WANTED
        && wanted == name
        && HITS.fetch_add(1, Ordering::Relaxed) + 1 == *count
    {
        // As hard as a power cut for this process: no destructor runs, nothing is flushed.
        std::process::abort();
    }
}

#[cfg(not(feature = "failpoints"))]
pub(crate) fn hit(_: &str) {}
