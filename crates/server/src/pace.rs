//! The pause between two batches of work in the background, of which there may be much.

use std::time::Duration;

use tokio::time::Instant;

use crate::app::App;

const LONGEST: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    GoOn,
    /// The server shuts down.
    Stop,
}

/// Half of the time the database is for others alone.
pub(crate) async fn pause(app: &App, begun: Instant) -> Next {
    tokio::select! {
        () = tokio::time::sleep(begun.elapsed().min(LONGEST)) => Next::GoOn,
        () = app.shutdown.cancelled() => Next::Stop,
    }
}
