//! Workflows: a draft that is edited, and versions that are never changed once they are published.

pub mod due;
pub mod ends;
pub mod instances;
pub mod removal;
pub mod step_runs;

use postern_domain::{
    DepartmentId, InstanceId, OrganizationId, TenantId, Timestamp, WorkflowId,
    permission::{Place, Reach},
};

use crate::{
    Error, ListQuery, Tx,
    engine::{record, values},
    list::{Key, Select, contains},
};

record! {
    pub struct Workflow {
        pub id: WorkflowId,
        pub tenant_id: TenantId,
        pub organization_id: Option<OrganizationId>,
        pub department_id: Option<DepartmentId>,
        pub name: String,
        pub description: String,
        /// JSON.
        pub draft: String,
        /// SHA-256 of the draft.
        pub digest: String,
        /// The YAML that it was read from.
        pub source: Option<String>,
        /// The newest, which is the one that runs.
        pub version: Option<u32>,
        pub created: Timestamp,
        pub created_by: String,
        pub updated: Timestamp,
        pub updated_by: String,
        pub published_digest: Option<String>,
    }
}

impl Workflow {
    pub fn place(&self) -> Place {
        Place {
            tenant: self.tenant_id,
            organization: self.organization_id,
            department: self.department_id,
        }
    }
}

macro_rules! select {
    () => {
        "SELECT w.id, w.tenant_id, w.organization_id, w.department_id, w.name, w.description, w.draft, w.digest, w.source,
         w.version, w.created_us, w.created_by, w.updated_us, w.updated_by,
         (SELECT v.digest FROM workflow_versions v WHERE v.workflow_id = w.id AND v.version = w.version)
         FROM workflows w"
    };
}

/// What is written when a workflow is made, or its draft is changed.
#[derive(Debug, Clone)]
pub struct Saved {
    pub name: String,
    pub description: String,
    pub draft: String,
    pub digest: String,
    pub source: Option<String>,
}

pub async fn create(
    tx: &mut Tx<'_>,
    place: Place,
    saved: Saved,
    by: &str,
    now: Timestamp,
) -> Result<WorkflowId, Error> {
    let sql = "INSERT INTO workflows (tenant_id, organization_id, department_id, name, description, draft, digest, source,
                 created_us, created_by, updated_us, updated_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $9, $10) RETURNING id";
    let values = values![
        place.tenant,
        place.organization,
        place.department,
        saved.name,
        saved.description,
        saved.draft,
        saved.digest,
        saved.source,
        now,
        by,
    ];
    tx.insert(sql, &values).await.map(WorkflowId)
}

pub async fn update(
    tx: &mut Tx<'_>,
    id: WorkflowId,
    saved: Saved,
    by: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "UPDATE workflows SET name = $2, description = $3, draft = $4, digest = $5, source = $6, updated_us = $7,
               updated_by = $8 WHERE id = $1";
    let values = values![
        id,
        saved.name,
        saved.description,
        saved.draft,
        saved.digest,
        saved.source,
        now,
        by,
    ];
    tx.execute(sql, &values).await.map(|_| ())
}

/// From now on this is the version that runs. `resolved`: JSON of the ids that its names stand for, by step.
pub async fn publish(
    tx: &mut Tx<'_>,
    workflow: &Workflow,
    resolved: &str,
    message: &str,
    by: &str,
    now: Timestamp,
) -> Result<u32, Error> {
    let number = workflow.version.unwrap_or(0) + 1;
    let sql = "INSERT INTO workflow_versions (workflow_id, version, definition, digest, source, resolved, message, created_us,
                 created_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = values![
        workflow.id,
        number,
        &workflow.draft,
        &workflow.digest,
        workflow.source.as_deref(),
        resolved,
        message,
        now,
        by,
    ];
    tx.execute(sql, &values).await?;
    let sql = "UPDATE workflows SET version = $2 WHERE id = $1";
    tx.execute(sql, &values![workflow.id, number]).await?;
    Ok(number)
}

/// It is gone for everybody, and its name is free. What is left of it is taken away by [`removal`].
pub async fn delete(tx: &mut Tx<'_>, id: WorkflowId, now: Timestamp) -> Result<(), Error> {
    // No workflow can be called so.
    let name = format!("#{id}");
    let sql = "UPDATE workflows SET deleted_us = $2, name = $3 WHERE id = $1";
    tx.execute(sql, &values![id, now, name]).await.map(|_| ())
}

pub async fn is_deleted(tx: &mut Tx<'_>, id: WorkflowId) -> Result<bool, Error> {
    let sql = "SELECT w.id FROM workflows w WHERE w.id = $1 AND w.deleted_us IS NOT NULL";
    Ok(tx.query_opt(sql, &values![id]).await?.is_some())
}

/// The same of the workflow of an instance.
pub async fn is_deleted_of(tx: &mut Tx<'_>, id: InstanceId) -> Result<bool, Error> {
    let sql = "SELECT w.id FROM instances i JOIN workflows w ON w.id = i.workflow_id
               WHERE i.id = $1 AND w.deleted_us IS NOT NULL";
    Ok(tx.query_opt(sql, &values![id]).await?.is_some())
}

/// For an edit: in a write it is kept from other edits until the end of the transaction. It may be started meanwhile.
pub async fn find(tx: &mut Tx<'_>, id: WorkflowId) -> Result<Option<Workflow>, Error> {
    let lock = tx.for_update();
    found(tx, id, lock).await
}

/// To be started or named: in a write it is not deleted before the end of the transaction. Any number of instances may be
/// started, in any order with other workflows, and it may be edited meanwhile.
pub async fn find_to_start(tx: &mut Tx<'_>, id: WorkflowId) -> Result<Option<Workflow>, Error> {
    let lock = tx.for_reference();
    found(tx, id, lock).await
}

/// For its end: whoever found it to start or name it is waited for, and nobody else finds it so.
pub async fn find_to_delete(tx: &mut Tx<'_>, id: WorkflowId) -> Result<Option<Workflow>, Error> {
    let lock = tx.for_delete("w");
    found(tx, id, &lock).await
}

async fn found(tx: &mut Tx<'_>, id: WorkflowId, lock: &str) -> Result<Option<Workflow>, Error> {
    let sql = concat!(select!(), " WHERE w.id = $1 AND w.deleted_us IS NULL");
    // A row that had to be waited for is as it is now, and what its statement reads beside it is as it was before.
    let keep = format!("SELECT w.id FROM workflows w WHERE w.id = $1{lock}");
    let id = values![id].to_vec();
    let [_, rows] = tx.query_each([(keep.as_str(), id.clone()), (sql, id)]).await?;
    rows.into_iter().next().map(Workflow::from_row).transpose()
}

/// Nothing keeps it as it is.
pub async fn by_name(tx: &mut Tx<'_>, tenant: TenantId, name: &str) -> Result<Option<Workflow>, Error> {
    let sql = concat!(
        select!(),
        " WHERE w.tenant_id = $1 AND w.name = $2 AND w.deleted_us IS NULL"
    );
    tx.query_opt(sql, &values![tenant, name])
        .await?
        .map(Workflow::from_row)
        .transpose()
}

#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Exactly these.
    pub names: Vec<String>,
    pub search: Option<String>,
}

pub async fn list(
    tx: &mut Tx<'_>,
    reach: &Reach,
    filter: &Filter,
    page: &ListQuery,
) -> Result<Vec<Workflow>, Error> {
    let mut select = Select::new(select!());
    select.within(reach, "w").and("w.deleted_us IS NULL", []);
    if !filter.names.is_empty() {
        select.and_in("w.name", filter.names.iter());
    }
    if let Some(text) = &filter.search {
        let pattern = contains(text);
        let condition = "lower(w.name) LIKE ? ESCAPE '\\' OR lower(w.description) LIKE ? ESCAPE '\\'";
        select.and(condition, values![&pattern, &pattern]);
    }
    let (sql, values) = select.page(page, Key::Text("w.name"), "w.id")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Workflow::from_row)
        .collect()
}

record! {
    pub struct Version {
        pub version: u32,
        /// JSON.
        pub definition: String,
        pub digest: String,
        pub source: Option<String>,
        pub message: String,
        pub created: Timestamp,
        pub created_by: String,
    }
}

macro_rules! select_version {
    () => {
        "SELECT v.version, v.definition, v.digest, v.source, v.message, v.created_us, v.created_by FROM workflow_versions v"
    };
}

pub async fn version(tx: &mut Tx<'_>, id: WorkflowId, number: u32) -> Result<Option<Version>, Error> {
    let sql = concat!(select_version!(), " WHERE v.workflow_id = $1 AND v.version = $2");
    tx.query_opt(sql, &values![id, number])
        .await?
        .map(Version::from_row)
        .transpose()
}

/// JSON of the ids that the names in a version stand for, by step. `None` where it was published before those were kept,
/// or is not there.
pub async fn resolved(tx: &mut Tx<'_>, id: WorkflowId, number: u32) -> Result<Option<String>, Error> {
    let sql = "SELECT resolved FROM workflow_versions WHERE workflow_id = $1 AND version = $2";
    match tx.query_opt(sql, &values![id, number]).await? {
        Some(row) => row.read(0),
        None => Ok(None),
    }
}

/// Newest first.
pub async fn versions(tx: &mut Tx<'_>, id: WorkflowId, page: &ListQuery) -> Result<Vec<Version>, Error> {
    let mut select = Select::new(select_version!());
    select.and("v.workflow_id = ?", values![id]);
    let (sql, values) = select.page(page, Key::Id, "v.version")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Version::from_row)
        .collect()
}
