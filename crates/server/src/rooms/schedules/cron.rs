//! Cron expressions as people write them.

use postern_api::schedules::{CronPreview, CronTicks};
use postern_domain::schedule::{self, Cron};

use crate::{
    app::App,
    error::{Error, Result},
};

/// Ticks of a preview.
const PREVIEW: usize = 5;

pub(super) fn cron_preview(app: &App, request: &CronPreview) -> Result<CronTicks> {
    let cron = cron_of(&request.cron, &request.zone, "")?;
    Ok(CronTicks {
        text: cron.describe(),
        ticks: cron.preview(app.now(), PREVIEW),
    })
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
