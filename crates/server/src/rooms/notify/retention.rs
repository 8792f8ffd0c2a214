//! Messages that ended long ago are removed.

use std::time::Duration;

use postern_store::{notify, tx};

use crate::{
    app::App,
    error::{Error, Result},
};

const AT_ONCE: u32 = 500;
/// Long enough to see what became of one, however long other things are kept.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

pub(crate) async fn deliveries_expire(app: &App) -> Result<()> {
    let before = app.now().minus(KEPT);
    loop {
        let removed = app
            .store
            .write::<_, Error, _>(tx!(tx => Ok(notify::deliveries_forget(tx, before, AT_ONCE).await?)))
            .await?;
        if removed < u64::from(AT_ONCE) || app.shutdown.is_cancelled() {
            return Ok(());
        }
    }
}
