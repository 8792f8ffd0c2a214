//! Who would miss a script or library.

use postern_api::scripts::ScriptKind;
use postern_domain::ScriptId;
use postern_store::{
    Tx,
    scripts::{self, Linking},
    uses::{self, Use, Used},
};

use super::convert::kind_of;
use crate::{
    error::{Error, Result},
    http::Caller,
    uses::told,
};

/// What uses it would miss it: libraries are linked by their name, too.
pub(super) async fn refuse_in_use(
    tx: &mut Tx<'_>,
    caller: &Caller,
    script: &scripts::Script,
    linking: Linking,
) -> Result<()> {
    let users = used_by(tx, script.id, linking).await?;
    if users.is_empty() {
        return Ok(());
    }
    let (code, what, how) = match kind_of(script)? {
        ScriptKind::Library if used_by(tx, script.id, Linking::Now).await?.is_empty() => (
            "library_in_use",
            "Library",
            "linked in an older version, which can still be run,",
        ),
        ScriptKind::Library => ("library_in_use", "Library", "linked"),
        ScriptKind::Script => ("script_in_use", "Script", "run"),
    };
    let users = told(caller, &users);
    let detail = format!(
        "{what} {:?} is {how} by: {users}. Remove it there first.",
        script.name
    );
    Err(Error::conflict(code, detail))
}

/// Scripts that link it, and actions and schedules that run it.
pub(super) async fn used_by(tx: &mut Tx<'_>, id: ScriptId, linking: Linking) -> Result<Vec<Use>> {
    let mut users = scripts::used_by(tx, id, linking).await?;
    users.extend(uses::of(tx, Used::Script, id.0).await?);
    Ok(users)
}
