//! What these tests share: waiting with a limit, and the real programs as values that end with the test.

mod agent;
mod canary;
mod cli;
mod database;
mod door;
mod fixtures;
mod flows;
mod ledger;
mod process;
mod proxy;
mod saved;
mod search;
mod server;
mod verdict;

use std::time::{Duration, Instant};

pub(crate) use agent::{Agent, agent_program};
pub(crate) use canary::{Haystack, Told};
pub(crate) use cli::Cli;
pub(crate) use database::{Database, Engine};
pub(crate) use door::{Door, script, shell};
pub(crate) use fixtures::{MailServer, NameServer, Nginx, is_root, may_destroy, silent_name_server, skipped};
pub(crate) use ledger::Ledger;
pub(crate) use process::{Home, Running, is_alive, peak_kib, processes_of, processes_with_argument};
pub(crate) use proxy::{Connect, Proxy};
pub(crate) use saved::request;
pub(crate) use search::{files_with, forms};
pub(crate) use server::{ADMIN_PASSWORD, Server, free_port};
pub(crate) use verdict::judge;

/// Generous: two cores may be shared with everything else.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Looks again and again until there is something.
pub(crate) fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    wait_within(LIMIT, what, look)
}

pub(crate) fn wait_within<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < limit, "waited {limit:?} for {what}");
        // A tenth longer than needed at most: most looks are a question to the server, which has other work.
        pause_for((begin.elapsed() / 10).clamp(Duration::from_millis(5), Duration::from_millis(100)));
    }
}

/// Between two looks at a condition.
pub(crate) fn pause() {
    pause_for(Duration::from_millis(10));
}

pub(crate) fn pause_for(time: Duration) {
    std::thread::park_timeout(time);
}

/// How much longer than usual these tests may take: `POSTERN_SOAK`, from 1.
pub(crate) fn soak() -> u32 {
    environment("POSTERN_SOAK").map_or(1, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("POSTERN_SOAK is {text:?}: a number was expected"))
    })
}

/// Whether the long forms were asked for.
pub(crate) fn is_soak() -> bool {
    environment("POSTERN_SOAK").is_some()
}

#[allow(
    clippy::disallowed_methods,
    reason = "the one place where these tests read the environment"
)]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}
