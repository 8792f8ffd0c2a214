//! From stored rows to the types of the API.

use postern_api::workflows::{Workflow, WorkflowDetail, WorkflowVersion};
use postern_domain::workflow::each_step;
use postern_store::{Tx, workflows};

use super::{
    draft::{checked, definition_of},
    find_version,
};
use crate::error::Result;

pub(super) fn workflow_of(row: &workflows::Workflow) -> Result<Workflow> {
    let mut steps = 0;
    each_step(&definition_of(&row.draft)?.steps, "", &mut |_, _| steps += 1);
    Ok(Workflow {
        id: row.id,
        name: row.name.clone(),
        description: row.description.clone(),
        organization_id: row.organization_id,
        department_id: row.department_id,
        version: row.version,
        draft_differs: row.published_digest.as_ref() != Some(&row.digest),
        steps,
        created_at: row.created,
        created_by: row.created_by.clone(),
        updated_at: row.updated,
        updated_by: row.updated_by.clone(),
    })
}

pub(super) fn version_of(row: workflows::Version) -> Result<WorkflowVersion> {
    Ok(WorkflowVersion {
        version: row.version,
        definition: definition_of(&row.definition)?,
        source: row.source,
        sha256: row.digest,
        message: row.message,
        created_at: row.created,
        created_by: row.created_by,
    })
}

pub(super) async fn detail_of(tx: &mut Tx<'_>, row: workflows::Workflow) -> Result<WorkflowDetail> {
    let published = match row.version {
        Some(number) => Some(version_of(find_version(tx, row.id, number).await?)?),
        None => None,
    };
    let draft = definition_of(&row.draft)?;
    let (Ok((_, problems)) | Err(problems)) = checked(draft.clone());
    Ok(WorkflowDetail {
        workflow: workflow_of(&row)?,
        draft,
        draft_sha256: row.digest,
        draft_source: row.source,
        draft_problems: problems.0,
        published,
    })
}
