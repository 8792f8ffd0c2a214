//! Changes of actions in the audit trail.

use postern_api::actions::ActionDetail;
use postern_domain::ActionId;
use postern_store::{Tx, audit, scripts::actions};

use super::{convert::detail_of, missing};
use crate::{app::App, error::Result, http::Caller};

pub(super) async fn recorded(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ActionId,
    operation: &'static str,
    before: Option<&ActionDetail>,
) -> Result<ActionDetail> {
    let action = actions::find(tx, id).await?.ok_or_else(|| missing(id))?;
    let tenant = action.tenant_id;
    let after = detail_of(app, tx, caller, action).await?;
    let mut entry = caller.entry(app.now(), operation, format!("action:{id}"), tenant);
    entry.before = before.map(on_record);
    entry.after = Some(on_record(&after));
    audit::append(tx, vec![entry]).await?;
    Ok(after)
}

/// What it does is told by its digest, not by up to a MiB of it.
pub(super) fn on_record(detail: &ActionDetail) -> String {
    let action = &detail.action;
    let record = serde_json::json!({
        "name": action.name, "description": action.description, "type": action.kind, "version": action.version,
        "draft_sha256": detail.draft_sha256, "secrets": detail.draft_secrets, "runners": detail.draft.runners,
        "sha256": detail.deployed.as_ref().map(|version| &version.sha256),
    });
    record.to_string()
}
