//! Cron expressions as people write them.

use std::time::Duration;

use postern_api::schedules::{CronPreview, CronTicks};
use postern_domain::{
    Timestamp,
    schedule::{self, Cron},
};

use crate::{
    app::App,
    error::{Error, Result},
};

/// Ticks of a preview that names no time.
const PREVIEW: usize = 5;
/// Ticks of one that does.
const MOST: usize = 2_000;
const LONGEST_DAYS: u64 = 62;

pub(super) fn cron_preview(app: &App, request: &CronPreview) -> Result<CronTicks> {
    let cron = cron_of(&request.cron, &request.zone, "")?;
    let from = request.from.unwrap_or_else(|| app.now());
    let text = cron.describe();
    // A tick at the very moment that was named belongs to it; one at the present moment is no next one.
    let after = request
        .from
        .map_or(from, |from| from.minus(Duration::from_micros(1)));
    let Some(until) = request.until else {
        return Ok(CronTicks {
            text,
            ticks: cron.preview(after, PREVIEW),
            more: false,
        });
    };
    if until <= from {
        return Err(Error::invalid("until", "must be later than the first moment"));
    }
    if until.since(from) > Duration::from_secs(LONGEST_DAYS * 24 * 3600) {
        let message =
            format!("is more than {LONGEST_DAYS} days after the first moment: ask for less at once");
        return Err(Error::invalid("until", message));
    }
    let mut ticks: Vec<Timestamp> = std::iter::successors(cron.next(after), |tick| cron.next(*tick))
        .take_while(|tick| *tick < until)
        .take(MOST + 1)
        .collect();
    let more = ticks.len() > MOST;
    ticks.truncate(MOST);
    Ok(CronTicks { text, ticks, more })
}

pub(super) fn cron_of(expression: &str, zone: &str, prefix: &str) -> Result<Cron> {
    Cron::parse(expression, zone).map_err(|error| {
        let field = match error {
            schedule::CronError::Zone => "zone",
            _ => "cron",
        };
        Error::invalid(format!("{prefix}{field}"), error)
    })
}
