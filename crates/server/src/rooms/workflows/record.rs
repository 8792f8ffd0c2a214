//! Workflows in the audit trail, and as users of what they name.

use postern_api::workflows::WorkflowDetail;
use postern_domain::{Timestamp, WorkflowId};
use postern_store::{Tx, audit, uses::User, workflows};

use super::{convert::detail_of, missing};
use crate::{error::Result, http::Caller};

pub(super) const fn user(id: WorkflowId, name: &str) -> User<'_> {
    User {
        kind: "workflow",
        id: id.0,
        name,
    }
}

pub(super) async fn recorded(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: WorkflowId,
    operation: &'static str,
    before: Option<&WorkflowDetail>,
    now: Timestamp,
) -> Result<WorkflowDetail> {
    let workflow = workflows::find(tx, id).await?.ok_or_else(|| missing(id))?;
    let tenant = workflow.tenant_id;
    let after = detail_of(tx, workflow).await?;
    let mut entry = caller.entry(now, operation, format!("workflow:{id}"), tenant);
    entry.before = before.map(on_record);
    entry.after = Some(on_record(&after));
    audit::append(tx, vec![entry]).await?;
    Ok(after)
}

/// What it does is told by its digest.
pub(super) fn on_record(detail: &WorkflowDetail) -> String {
    let workflow = &detail.workflow;
    let record = serde_json::json!({
        "name": workflow.name, "description": workflow.description, "version": workflow.version,
        "draft_sha256": detail.draft_sha256, "sha256": detail.published.as_ref().map(|version| &version.sha256),
    });
    record.to_string()
}
