//! Actions: saved operations with a draft, and versions that are never changed once they are deployed.

use postern_domain::{
    ActionId, DepartmentId, OrganizationId, TenantId, Timestamp, UserId,
    permission::{Place, Reach},
};

use crate::{
    Error, ListQuery, Tx,
    engine::{record, values},
    jobs::Secret,
    list::{Key, Select, contains},
};

record! {
    pub struct Action {
        pub id: ActionId,
        pub tenant_id: TenantId,
        pub organization_id: Option<OrganizationId>,
        pub department_id: Option<DepartmentId>,
        pub name: String,
        pub description: String,
        /// JSON.
        pub draft: String,
        /// SHA-256 of the draft.
        pub digest: String,
        pub secret_place: Option<String>,
        pub secret_sealed: Option<Vec<u8>>,
        /// The newest, which is the one that runs.
        pub version: Option<u32>,
        pub created: Timestamp,
        pub created_by: String,
        pub updated: Timestamp,
        pub updated_by: String,
        /// JSON of the version that runs.
        pub deployed: Option<String>,
        pub deployed_digest: Option<String>,
    }
}

impl Action {
    pub fn place(&self) -> Place {
        Place {
            tenant: self.tenant_id,
            organization: self.organization_id,
            department: self.department_id,
        }
    }

    /// Of the draft.
    pub fn secret(&self) -> Option<Secret> {
        let (place, sealed) = self.secret_place.clone().zip(self.secret_sealed.clone())?;
        Some(Secret { place, sealed })
    }
}

macro_rules! select {
    () => {
        "SELECT a.id, a.tenant_id, a.organization_id, a.department_id, a.name, a.description, a.draft, a.digest,
         a.secret_place, a.secret_sealed, a.version, a.created_us, a.created_by, a.updated_us, a.updated_by,
         (SELECT v.definition FROM action_versions v WHERE v.action_id = a.id AND v.version = a.version),
         (SELECT v.digest FROM action_versions v WHERE v.action_id = a.id AND v.version = a.version)
         FROM actions a"
    };
}

/// What is written when an action is made, or its draft is changed.
#[derive(Debug, Clone)]
pub struct Saved {
    pub name: String,
    pub description: String,
    pub draft: String,
    pub digest: String,
    pub secret: Option<Secret>,
}

pub async fn create(
    tx: &mut Tx<'_>,
    place: Place,
    saved: Saved,
    by: &str,
    now: Timestamp,
) -> Result<ActionId, Error> {
    let sql =
        "INSERT INTO actions (tenant_id, organization_id, department_id, name, description, draft, digest,
                 secret_place, secret_sealed, created_us, created_by, updated_us, updated_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $10, $11) RETURNING id";
    let (secret_place, sealed) = saved.secret.map(|secret| (secret.place, secret.sealed)).unzip();
    let values = values![
        place.tenant,
        place.organization,
        place.department,
        saved.name,
        saved.description,
        saved.draft,
        saved.digest,
        secret_place,
        sealed,
        now,
        by,
    ];
    tx.insert(sql, &values).await.map(ActionId)
}

pub async fn update(
    tx: &mut Tx<'_>,
    id: ActionId,
    saved: Saved,
    by: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "UPDATE actions SET name = $2, description = $3, draft = $4, digest = $5, secret_place = $6,
               secret_sealed = $7, updated_us = $8, updated_by = $9 WHERE id = $1";
    let (secret_place, sealed) = saved.secret.map(|secret| (secret.place, secret.sealed)).unzip();
    let values = values![
        id,
        saved.name,
        saved.description,
        saved.draft,
        saved.digest,
        secret_place,
        sealed,
        now,
        by,
    ];
    tx.execute(sql, &values).await.map(|_| ())
}

#[derive(Debug, Clone)]
pub struct NewVersion {
    /// What the draft says, with ids for names.
    pub definition: String,
    pub message: String,
    /// With whose right to the script it runs.
    pub deployer: UserId,
}

/// From now on this is the version that runs.
pub async fn deploy(
    tx: &mut Tx<'_>,
    action: &Action,
    new: NewVersion,
    by: &str,
    now: Timestamp,
) -> Result<u32, Error> {
    let number = action.version.unwrap_or(0) + 1;
    let sql = "INSERT INTO action_versions (action_id, version, definition, digest, message, secret_place, secret_sealed,
                 deployer_id, created_us, created_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let values = values![
        action.id,
        number,
        new.definition,
        &action.digest,
        new.message,
        action.secret_place.as_deref(),
        action.secret_sealed.clone(),
        new.deployer,
        now,
        by,
    ];
    tx.execute(sql, &values).await?;
    let sql = "UPDATE actions SET version = $2 WHERE id = $1";
    tx.execute(sql, &values![action.id, number]).await?;
    Ok(number)
}

pub async fn delete(tx: &mut Tx<'_>, id: ActionId) -> Result<(), Error> {
    tx.execute("DELETE FROM actions WHERE id = $1", &values![id])
        .await
        .map(|_| ())
}

/// For an edit: in a write it is kept from other edits until the end of the transaction. It may be run meanwhile.
pub async fn find(tx: &mut Tx<'_>, id: ActionId) -> Result<Option<Action>, Error> {
    let lock = tx.for_update();
    found(tx, id, lock).await
}

/// To be run or named: in a write it is there until the end of the transaction, and so are its versions. Any number may
/// run it, in any order with other actions, and it may be edited meanwhile.
pub async fn find_to_run(tx: &mut Tx<'_>, id: ActionId) -> Result<Option<Action>, Error> {
    let lock = tx.for_reference();
    found(tx, id, lock).await
}

/// For its end: whoever found it to run or name it is waited for, and nobody else finds it so.
pub async fn find_to_delete(tx: &mut Tx<'_>, id: ActionId) -> Result<Option<Action>, Error> {
    let lock = tx.for_delete("a");
    found(tx, id, &lock).await
}

async fn found(tx: &mut Tx<'_>, id: ActionId, lock: &str) -> Result<Option<Action>, Error> {
    let sql = concat!(select!(), " WHERE a.id = $1");
    // A row that had to be waited for is as it is now, and what its statement reads beside it is as it was before.
    let keep = format!("SELECT a.id FROM actions a WHERE a.id = $1{lock}");
    let id = values![id].to_vec();
    let [_, rows] = tx.query_each([(keep.as_str(), id.clone()), (sql, id)]).await?;
    rows.into_iter().next().map(Action::from_row).transpose()
}

/// The one of this name within reach.
pub async fn by_name(tx: &mut Tx<'_>, reach: &Reach, name: &str) -> Result<Option<ActionId>, Error> {
    let mut select = Select::new("SELECT a.id FROM actions a");
    select.within(reach, "a").and("a.name = ?", values![name]);
    let (sql, values) = select.parts();
    tx.query_opt(sql, values)
        .await?
        .map(|row| row.read(0))
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
) -> Result<Vec<Action>, Error> {
    let mut select = Select::new(select!());
    select.within(reach, "a");
    if !filter.names.is_empty() {
        select.and_in("a.name", filter.names.iter());
    }
    if let Some(text) = &filter.search {
        let pattern = contains(text);
        let condition = "lower(a.name) LIKE ? ESCAPE '\\' OR lower(a.description) LIKE ? ESCAPE '\\'";
        select.and(condition, values![&pattern, &pattern]);
    }
    let (sql, values) = select.page(page, Key::Text("a.name"), "a.id")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Action::from_row)
        .collect()
}

record! {
    pub struct Version {
        pub version: u32,
        /// JSON.
        pub definition: String,
        pub digest: String,
        pub message: String,
        pub secret_place: Option<String>,
        pub secret_sealed: Option<Vec<u8>>,
        /// With whose right to the script it runs.
        pub deployer_id: UserId,
        pub created: Timestamp,
        pub created_by: String,
    }
}

impl Version {
    pub fn secret(&self) -> Option<Secret> {
        let (place, sealed) = self.secret_place.clone().zip(self.secret_sealed.clone())?;
        Some(Secret { place, sealed })
    }
}

macro_rules! select_version {
    () => {
        "SELECT v.version, v.definition, v.digest, v.message, v.secret_place, v.secret_sealed, v.deployer_id,
         v.created_us, v.created_by FROM action_versions v"
    };
}

pub async fn version(tx: &mut Tx<'_>, id: ActionId, number: u32) -> Result<Option<Version>, Error> {
    let sql = concat!(select_version!(), " WHERE v.action_id = $1 AND v.version = $2");
    tx.query_opt(sql, &values![id, number])
        .await?
        .map(Version::from_row)
        .transpose()
}

/// Newest first.
pub async fn versions(tx: &mut Tx<'_>, id: ActionId, page: &ListQuery) -> Result<Vec<Version>, Error> {
    let mut select = Select::new(select_version!());
    select.and("v.action_id = ?", values![id]);
    let (sql, values) = select.page(page, Key::Id, "v.version")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Version::from_row)
        .collect()
}
