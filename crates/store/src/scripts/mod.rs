//! Scripts and libraries with their versions. A version is never changed once it is written.

pub mod actions;

use postern_domain::{
    DepartmentId, OrganizationId, ScriptId, TenantId, Timestamp,
    permission::{Place, Reach},
};

use crate::{
    Error, ListQuery, Tx,
    engine::{record, values},
    list::{Key, Select, contains, marks},
    uses::Use,
};

record! {
    pub struct Script {
        pub id: ScriptId,
        pub tenant_id: TenantId,
        pub organization_id: Option<OrganizationId>,
        pub department_id: Option<DepartmentId>,
        /// `script` or `library`.
        pub kind: String,
        pub name: String,
        pub description: String,
        pub language: String,
        /// The newest.
        pub version: u32,
        pub created: Timestamp,
        pub created_by: String,
        pub updated: Timestamp,
        pub updated_by: String,
    }
}

impl Script {
    pub fn place(&self) -> Place {
        Place {
            tenant: self.tenant_id,
            organization: self.organization_id,
            department: self.department_id,
        }
    }
}

/// `more`: columns behind those of a script.
macro_rules! select {
    ($($more:literal)?) => {
        concat!(
            "SELECT s.id, s.tenant_id, s.organization_id, s.department_id, s.kind, s.name, s.description, s.language,
             s.version, s.created_us, s.created_by, s.updated_us, s.updated_by",
            $($more,)?
            " FROM scripts s"
        )
    };
}

#[derive(Debug, Clone)]
pub struct NewScript {
    pub place: Place,
    pub kind: &'static str,
    pub name: String,
    pub description: String,
    pub language: &'static str,
}

/// What a version says.
#[derive(Debug, Clone)]
pub struct NewVersion {
    pub content: String,
    /// JSON of the rest.
    pub definition: String,
    /// SHA-256 of content and definition.
    pub digest: String,
    pub message: String,
    pub libraries: Vec<ScriptId>,
}

/// With its first version.
pub async fn create(
    tx: &mut Tx<'_>,
    new: &NewScript,
    version: &NewVersion,
    by: &str,
    now: Timestamp,
) -> Result<ScriptId, Error> {
    let sql = "INSERT INTO scripts (tenant_id, organization_id, department_id, kind, name, description, language, version,
                 created_us, created_by, updated_us, updated_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $8, $9) RETURNING id";
    let values = values![
        new.place.tenant,
        new.place.organization,
        new.place.department,
        new.kind,
        &new.name,
        &new.description,
        new.language,
        now,
        by,
    ];
    let id = tx.insert(sql, &values).await.map(ScriptId)?;
    version_write(tx, id, 1, version, by, now).await?;
    Ok(id)
}

/// Adds a version, which becomes the newest.
pub async fn version_add(
    tx: &mut Tx<'_>,
    id: ScriptId,
    number: u32,
    version: &NewVersion,
    by: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "UPDATE scripts SET version = $2, updated_us = $3, updated_by = $4 WHERE id = $1";
    tx.execute(sql, &values![id, number, now, by]).await?;
    version_write(tx, id, number, version, by, now).await
}

async fn version_write(
    tx: &mut Tx<'_>,
    id: ScriptId,
    number: u32,
    version: &NewVersion,
    by: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "INSERT INTO script_versions (script_id, version, content, definition, digest, message, created_us, created_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = values![
        id,
        number,
        &version.content,
        &version.definition,
        &version.digest,
        &version.message,
        now,
        by,
    ];
    tx.execute(sql, &values).await?;
    for (position, library) in (0u32..).zip(&version.libraries) {
        let sql =
            "INSERT INTO script_links (script_id, version, position, library_id) VALUES ($1, $2, $3, $4)";
        tx.execute(sql, &values![id, number, position, *library]).await?;
    }
    Ok(())
}

pub async fn rename(
    tx: &mut Tx<'_>,
    id: ScriptId,
    name: &str,
    description: &str,
    by: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let sql =
        "UPDATE scripts SET name = $2, description = $3, updated_us = $4, updated_by = $5 WHERE id = $1";
    tx.execute(sql, &values![id, name, description, now, by])
        .await
        .map(|_| ())
}

pub async fn delete(tx: &mut Tx<'_>, id: ScriptId) -> Result<(), Error> {
    tx.execute("DELETE FROM scripts WHERE id = $1", &values![id])
        .await
        .map(|_| ())
}

/// For an edit: in a write it is kept from other edits until the end of the transaction. It may be run meanwhile.
pub async fn find(tx: &mut Tx<'_>, id: ScriptId) -> Result<Option<Script>, Error> {
    let lock = tx.for_update();
    found(tx, id, lock).await
}

/// To be run or named: in a write it is there until the end of the transaction, and so are its versions. Any number may
/// run it, in any order with other scripts, and it may be edited meanwhile.
pub async fn find_to_run(tx: &mut Tx<'_>, id: ScriptId) -> Result<Option<Script>, Error> {
    let lock = tx.for_reference();
    found(tx, id, lock).await
}

/// For its end: whoever found it to run or name it is waited for, and nobody else finds it so.
pub async fn find_to_delete(tx: &mut Tx<'_>, id: ScriptId) -> Result<Option<Script>, Error> {
    let lock = tx.for_delete("s");
    found(tx, id, &lock).await
}

async fn found(tx: &mut Tx<'_>, id: ScriptId, lock: &str) -> Result<Option<Script>, Error> {
    let sql = format!("{} WHERE s.id = $1{lock}", select!());
    tx.query_opt(&sql, &values![id])
        .await?
        .map(Script::from_row)
        .transpose()
}

/// The one of this name within reach.
pub async fn by_name(tx: &mut Tx<'_>, reach: &Reach, name: &str) -> Result<Option<ScriptId>, Error> {
    let mut select = Select::new("SELECT s.id FROM scripts s");
    select
        .within(reach, "s")
        .and("s.kind = 'script' AND s.name = ?", values![name]);
    let (sql, values) = select.parts();
    tx.query_opt(sql, values)
        .await?
        .map(|row| row.read(0))
        .transpose()
}

#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub kinds: Vec<String>,
    pub languages: Vec<String>,
    /// Exactly these.
    pub names: Vec<String>,
    pub search: Option<String>,
}

/// The search also looks into the content of the newest version.
pub async fn list(
    tx: &mut Tx<'_>,
    reach: &Reach,
    filter: &Filter,
    page: &ListQuery,
) -> Result<Vec<Script>, Error> {
    let mut select = Select::new(select!());
    select.within(reach, "s");
    if !filter.kinds.is_empty() {
        select.and_in("s.kind", filter.kinds.iter());
    }
    if !filter.languages.is_empty() {
        select.and_in("s.language", filter.languages.iter());
    }
    if !filter.names.is_empty() {
        select.and_in("s.name", filter.names.iter());
    }
    if let Some(text) = &filter.search {
        let pattern = contains(text);
        let condition =
            "lower(s.name) LIKE ? ESCAPE '\\' OR lower(s.description) LIKE ? ESCAPE '\\' OR EXISTS
             (SELECT 1 FROM script_versions v WHERE v.script_id = s.id AND v.version = s.version
              AND lower(v.content) LIKE ? ESCAPE '\\')";
        select.and(condition, values![&pattern, &pattern, &pattern]);
    }
    let (sql, values) = select.page(page, Key::Text("s.name"), "s.id")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Script::from_row)
        .collect()
}

record! {
    pub struct Version {
        pub version: u32,
        pub content: String,
        /// JSON.
        pub definition: String,
        pub digest: String,
        pub message: String,
        pub created: Timestamp,
        pub created_by: String,
    }
}

pub async fn version(tx: &mut Tx<'_>, id: ScriptId, number: u32) -> Result<Option<Version>, Error> {
    let sql =
        "SELECT version, content, definition, digest, message, created_us, created_by FROM script_versions
               WHERE script_id = $1 AND version = $2";
    tx.query_opt(sql, &values![id, number])
        .await?
        .map(Version::from_row)
        .transpose()
}

record! {
    /// A version without what it says.
    pub struct VersionLine {
        pub version: u32,
        pub digest: String,
        pub message: String,
        pub created: Timestamp,
        pub created_by: String,
    }
}

/// Newest first.
pub async fn versions(tx: &mut Tx<'_>, id: ScriptId, page: &ListQuery) -> Result<Vec<VersionLine>, Error> {
    let mut select =
        Select::new("SELECT version, digest, message, created_us, created_by FROM script_versions");
    select.and("script_id = ?", values![id]);
    let (sql, values) = select.page(page, Key::Id, "version")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(VersionLine::from_row)
        .collect()
}

/// Which versions of the scripts that link a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linking {
    /// Their newest ones.
    Now,
    /// Older ones, too: each can be run.
    Ever,
}

/// Scripts that link this library, by name.
pub async fn used_by(tx: &mut Tx<'_>, library: ScriptId, linking: Linking) -> Result<Vec<Use>, Error> {
    let version = match linking {
        Linking::Now => " AND l.version = s.version",
        Linking::Ever => "",
    };
    let sql = format!(
        "SELECT s.kind, s.id, s.name, s.tenant_id, s.organization_id, s.department_id FROM scripts s WHERE EXISTS
         (SELECT 1 FROM script_links l WHERE l.library_id = $1 AND l.script_id = s.id{version}) ORDER BY s.name, s.id"
    );
    tx.query(&sql, &values![library])
        .await?
        .into_iter()
        .map(Use::from_row)
        .collect()
}

/// The libraries that a version links, in its order, each with its position there. A position that is not among them is
/// that of a library which was gone before the links of older versions were kept.
pub async fn linked(tx: &mut Tx<'_>, id: ScriptId, version: u32) -> Result<Vec<(u32, Script)>, Error> {
    let sql = concat!(
        select!(", l.position"),
        " JOIN script_links l ON l.library_id = s.id WHERE l.script_id = $1 AND l.version = $2 ORDER BY l.position"
    );
    tx.query(sql, &values![id, version])
        .await?
        .into_iter()
        .map(|mut row| Ok((row.take(13)?, Script::from_row(row)?)))
        .collect()
}

/// Those of these ids or names that are libraries within reach. In a write nobody deletes them meanwhile.
pub async fn libraries(tx: &mut Tx<'_>, reach: &Reach, names: &[String]) -> Result<Vec<Script>, Error> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut select = Select::new(select!());
    select.within(reach, "s").and("s.kind = 'library'", []);
    let ids = names.iter().filter_map(|name| name.parse::<i64>().ok());
    let (id_marks, mut values) = marks(ids.chain([0]));
    let (name_marks, names) = marks(names);
    values.extend(names);
    select.and(
        &format!("s.id IN ({id_marks}) OR s.name IN ({name_marks})"),
        values,
    );
    let lock = tx.for_reference();
    select.push(lock);
    let (sql, values) = select.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Script::from_row)
        .collect()
}
